//! The region: the places to ask for it, the last one included.

use aws_config::imds::region::ImdsRegionProvider;
use pydynox_core::error::{Error, ErrorKind};

use crate::environment;
use crate::profile::Profile;
use crate::sdk;
use crate::settings::{Settings, check_region};

/// The variables that name the region, the first before the second.
pub(crate) const VARIABLES: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The region that the program or the environment names.
pub(crate) fn at_hand(settings: &Settings) -> Result<Option<Box<str>>, Error> {
    if let Some(region) = &settings.region {
        return Ok(Some(region.clone()));
    }
    let Some((variable, region)) = environment::first(VARIABLES)? else {
        return Ok(None);
    };
    check_region(&region, variable)?;
    Ok(Some(region.into()))
}

/// The region of the profile, else that of the machine.
pub(crate) async fn look_up(settings: &Settings, profile: &Profile) -> Result<Box<str>, Error> {
    if let Some(region) = profile.get("region") {
        check_region(
            region,
            &format!("the region of profile '{}'", profile.name()),
        )?;
        return Ok(region.into());
    }
    if environment::metadata_is_off() {
        return Err(not_found(profile, "disabled by AWS_EC2_METADATA_DISABLED"));
    }
    let config = sdk::provider_config(settings, None)?;
    let machine = ImdsRegionProvider::builder().configure(&config).build();
    let Some(region) = machine.region().await else {
        return Err(not_found(profile, "no response"));
    };
    check_region(region.as_ref(), "the region of the instance metadata")?;
    Ok(region.as_ref().into())
}

fn not_found(profile: &Profile, metadata: &str) -> Error {
    let message = format!(
        "no region: searched region= (not given), {} (not set), {}, instance metadata ({metadata}); pass region= or set AWS_REGION",
        VARIABLES.join(" and "),
        profile.sources("no region in it"),
    );
    Error::new(ErrorKind::Configuration, message)
}
