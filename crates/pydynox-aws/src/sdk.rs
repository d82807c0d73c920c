//! Running `aws-config`: its configuration and its chains of sources.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use pydynox_core::error::{Error, ErrorKind};

use crate::http::client;
use crate::settings::Settings;

/// Maximum time without a byte from a source of credentials.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration of the SDK's own providers.
pub(crate) fn provider_config(
    settings: &Settings,
    region: Option<&str>,
) -> Result<ProviderConfig, Error> {
    Ok(ProviderConfig::without_region()
        .with_region(region.map(named))
        .with_behavior_version(Some(BehaviorVersion::latest()))
        .with_timeout_config(timeouts(settings))
        .with_http_client(client(settings)?))
}

/// The SDK's default chain; if the program chose a profile, what `boto3` then searches: the profile, the container, the machine.
pub(crate) async fn chain(
    settings: &Settings,
    region: Option<&str>,
) -> Result<SharedCredentialsProvider, Error> {
    let Some(profile) = &settings.profile else {
        let config = loader(settings, region)?.load().await;
        return config.credentials_provider().ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "the AWS SDK created no credentials provider",
            )
        });
    };
    let config = provider_config(settings, region)?;
    let of_profile = ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(&**profile)
        .build();
    let of_container = EcsCredentialsProvider::builder().configure(&config).build();
    let of_machine = ImdsCredentialsProvider::builder()
        .configure(&config)
        .build();
    let chain = CredentialsProviderChain::first_try("Profile", of_profile)
        .or_else("EcsContainer", of_container)
        .or_else("Ec2InstanceMetadata", of_machine);
    Ok(SharedCredentialsProvider::new(chain))
}

/// The configuration for a client of STS.
pub(crate) async fn config(settings: &Settings, region: &str) -> Result<SdkConfig, Error> {
    // Its callers add the client's credentials; the SDK's chain must not look for others.
    let loader = loader(settings, Some(region))?.no_credentials();
    Ok(loader.load().await)
}

fn loader(settings: &Settings, region: Option<&str>) -> Result<ConfigLoader, Error> {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client(settings)?)
        .timeout_config(timeouts(settings))
        .region(region.map(named));
    Ok(match &settings.profile {
        Some(profile) => loader.profile_name(&**profile),
        None => loader,
    })
}

fn named(region: &str) -> Region {
    Region::new(region.to_owned())
}

fn timeouts(settings: &Settings) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(READ_TIMEOUT)
        .build()
}
