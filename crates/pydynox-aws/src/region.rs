//! The region: whether a name can be one, and the last place to ask for it.

use aws_config::imds::region::ImdsRegionProvider;
use pydynox_core::error::{Error, ErrorKind};

use crate::environment;
use crate::profile::Profile;
use crate::sdk;
use crate::settings::Settings;

/// The variables that name the region, the first before the second.
pub(crate) const VARIABLES: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];
const LONGEST_LABEL: usize = 63;

/// A region becomes a part of a host's name; nothing else may get there.
pub(crate) fn check(region: &str, named: &str) -> Result<(), Error> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !region.is_empty()
        && region.len() <= LONGEST_LABEL
        && region.bytes().all(letters)
        && !region.starts_with('-')
        && !region.ends_with('-')
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{named} must be the name of a region, such as eu-central-1; got {region:?}"),
    ))
}

/// The region that the program or the environment names.
pub(crate) fn at_hand(settings: &Settings) -> Result<Option<Box<str>>, Error> {
    if let Some(region) = &settings.region {
        return Ok(Some(region.clone()));
    }
    let Some((variable, region)) = environment::first(VARIABLES)? else {
        return Ok(None);
    };
    check(&region, variable)?;
    Ok(Some(region.into()))
}

/// The region of the profile, else that of the machine.
pub(crate) async fn look_up(settings: &Settings, profile: &Profile) -> Result<Box<str>, Error> {
    if let Some(region) = profile.get("region") {
        check(
            region,
            &format!("the region of profile '{}'", profile.name()),
        )?;
        return Ok(region.into());
    }
    if environment::metadata_is_off() {
        return Err(not_found(
            profile,
            "switched off by AWS_EC2_METADATA_DISABLED",
        ));
    }
    let config = sdk::provider_config(settings, None)?;
    let machine = ImdsRegionProvider::builder().configure(&config).build();
    let Some(region) = machine.region().await else {
        return Err(not_found(profile, "no answer"));
    };
    check(region.as_ref(), "the region of the instance metadata")?;
    Ok(region.as_ref().into())
}

fn not_found(profile: &Profile, metadata: &str) -> Error {
    let message = format!(
        "no region: looked at region= (not given), {} (not set), {}, instance metadata ({metadata}); give region= or set AWS_REGION",
        VARIABLES.join(" and "),
        profile.shown("no region in it"),
    );
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_label_of_a_host() {
        let longest = "a".repeat(63);
        for region in ["us-east-1", "local", "eu-isoe-west-1", "a", &longest] {
            assert!(check(region, "region=").is_ok(), "{region}");
        }
        let longer = "a".repeat(64);
        for region in [
            "",
            "-",
            "us-east-1-",
            "evil.com/",
            "evil.com",
            "us east",
            "us_east",
            "a\nb",
            "ü",
            "a@b",
            "a:80",
            &longer,
        ] {
            assert!(check(region, "region=").is_err(), "{region}");
        }
    }
}
