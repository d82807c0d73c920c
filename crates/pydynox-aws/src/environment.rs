//! Environment variables that have a say. An empty one says nothing.

use std::env;

use pydynox_core::error::{Error, ErrorKind};

/// The value of a variable; None where it is not set or blank.
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

/// The first of these variables that is set, by name and value.
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

/// `true` or `false`, as the SDKs write it; `named` says whose value it is.
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

/// Instance metadata must not be asked: the SDK's rule, the word `true`.
pub(crate) fn metadata_is_off() -> bool {
    env::var("AWS_EC2_METADATA_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}
