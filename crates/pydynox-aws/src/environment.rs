//! Environment variables with an effect. An empty one counts as unset.

use std::env;

use pydynox_core::error::{Error, ErrorKind};

/// Where a container says that its credentials are.
pub(crate) const CONTAINER: [&str; 2] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The value of a variable; None if it is unset or blank.
pub(crate) fn text(name: &str) -> Result<Option<String>, Error> {
    let Some(value) = env::var_os(name) else {
        return Ok(None);
    };
    match value.into_string() {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(_) => Err(Error::new(
            ErrorKind::Configuration,
            format!("the environment variable {name} is not UTF-8"),
        )),
    }
}

/// The name and value of the first of these variables that is set.
pub(crate) fn first(names: &[&'static str]) -> Result<Option<(&'static str, String)>, Error> {
    for &name in names {
        if let Some(value) = text(name)? {
            return Ok(Some((name, value)));
        }
    }
    Ok(None)
}

/// Whether a variable is set.
pub(crate) fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// `true` or `false`, as the SDKs spell it; `named` is for the error.
pub(crate) fn boolean(value: &str, named: &str) -> Result<bool, Error> {
    if value.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if value.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(Error::new(
            ErrorKind::Configuration,
            format!("{named} must be true or false; got {value:?}"),
        ))
    }
}

/// Whether instance metadata is disabled: the SDK's rule, the word `true`.
pub(crate) fn metadata_is_off() -> bool {
    env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}
