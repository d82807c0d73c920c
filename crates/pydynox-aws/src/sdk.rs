//! Running `aws-config`: its HTTP client and its configuration.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use pydynox_core::error::{Error, ErrorKind};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::settings::Settings;

/// Maximum time without a byte from a source of credentials.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer that is read; credentials and data keys are a few KB.
const MOST_BODY: usize = 1 << 20;

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

/// A client for one lookup: its connections must not outlive a fork or a frozen process.
fn client(settings: &Settings) -> Result<SharedHttpClient, Error> {
    let tls = TlsContext::builder()
        .with_trust_store(trust(settings)?)
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("TLS: {error}")))?;
    let outside = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone())
            .build()
    });
    Ok(SharedHttpClient::new(Ways {
        outside,
        inside: Builder::new().build_http(),
    }))
}

/// Only the certificates of `ca_bundle=`, `AWS_CA_BUNDLE` or `SSL_CERT_FILE`, else the system's.
fn trust(settings: &Settings) -> Result<TrustStore, Error> {
    let variable = |name| {
        let path = std::env::var_os(name).filter(|path| !path.is_empty())?;
        Some((PathBuf::from(path), name))
    };
    let named = settings.ca_bundle.clone().map(|path| (path, "ca_bundle="));
    let file = named
        .or_else(|| variable("AWS_CA_BUNDLE"))
        .or_else(|| variable("SSL_CERT_FILE"));
    match file {
        Some((path, named_by)) => {
            let pem = certificates(&path).map_err(|what| {
                let message = format!(
                    "TLS: the certificates of {} ({named_by}) cannot be used: {what}",
                    path.display()
                );
                Error::new(ErrorKind::Configuration, message)
            })?;
            Ok(TrustStore::empty().with_pem_certificate(pem))
        }
        // The SDK's client takes certificates as PEM only, so the ones bundled with pydynox cannot be used here.
        None => Ok(TrustStore::default()),
    }
}

/// The text of a PEM file whose certificates are all usable: the SDK panics on any other.
fn certificates(path: &Path) -> Result<Vec<u8>, String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate in PEM form".to_owned());
    }
    Ok(pem)
}

/// The metadata of a machine or container is local, and must not pass through a proxy.
#[derive(Debug)]
struct Ways<T> {
    outside: T,
    inside: T,
}

impl HttpClient for Ways<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Ways {
            outside: self.outside.http_connector(settings, components),
            inside: self.inside.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Ways<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = if is_inside(request.uri()) {
            self.inside.call(request)
        } else {
            self.outside.call(request)
        };
        HttpConnectorFuture::new(async {
            let mut answer = answer.await?;
            let body = Limited::new(answer.take_body(), MOST_BODY);
            *answer.body_mut() = SdkBody::from_body_1_x(body);
            Ok(answer)
        })
    }
}

/// Plain HTTP to an address that is local to this machine.
fn is_inside(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        // fd00:ec2::/32: machine and container metadata.
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unicast_link_local()
                || address.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_asked_without_a_proxy_and_all_else_with_one() {
        for uri in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2",
            "http://[fd00:ec2::254]/latest",
            "http://127.0.0.1:8080/creds?x=1",
            "http://[::1]:80",
            "http://localhost:80/x",
        ] {
            assert!(is_inside(uri), "{uri}");
        }
        for uri in [
            "https://169.254.169.254/",
            "http://10.0.0.1/",
            "http://example.com/127.0.0.1",
            "http://127.0.0.1.example.com/",
            "http://[fd00::1]/",
            "https://sts.us-east-1.amazonaws.com/",
            "",
        ] {
            assert!(!is_inside(uri), "{uri}");
        }
    }
}
