//! HTTP to the sources of credentials and to KMS: the SDK's client, within bounds of our own.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use futures_util::future::{Either, select};
use http_body_util::Limited;
use hyper::ext::on_informational;
use pydynox_core::error::{Error, ErrorKind};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Notify;
use tokio::task::coop;

use crate::settings::Settings;

/// The largest answer that is read; credentials and data keys are a few KB.
const MOST_BODY: usize = 1 << 20;
/// Most interim answers before the final one.
const MOST_INTERIM: u32 = 32;

/// A client for one lookup: its connections must not outlive a fork or a frozen process.
pub(crate) fn client(settings: &Settings) -> Result<SharedHttpClient, Error> {
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
        let way = if is_inside(request.uri()) {
            &self.inside
        } else {
            &self.outside
        };
        let interim = Arc::new(Interim::default());
        let request = match counting(request, Arc::clone(&interim)) {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(error)),
        };
        let answer = way.call(request);
        HttpConnectorFuture::new(async move {
            let too_many = pin!(interim.too_many.notified());
            let mut answer = match select(answer, too_many).await {
                Either::Left((answer, _)) => answer?,
                Either::Right(_) => {
                    let what = "there are too many interim responses";
                    return Err(ConnectorError::other(what.into(), None));
                }
            };
            let body = Limited::new(answer.take_body(), MOST_BODY);
            *answer.body_mut() = SdkBody::from_body_1_x(body);
            Ok(answer)
        })
    }
}

/// Interim answers (1xx) to one request. hyper reads on through them in one turn of its task: if they come as fast as they are
/// read, it holds up the runtime for seconds, and no timeout ends.
#[derive(Debug, Default)]
struct Interim {
    count: AtomicU32,
    too_many: Notify,
}

impl Interim {
    /// Called by the connection's task, for each of them.
    fn note(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) >= MOST_INTERIM {
            self.too_many.notify_one();
            end_turn();
        }
    }
}

/// The request, whose interim answers are counted.
fn counting(request: HttpRequest, interim: Arc<Interim>) -> Result<HttpRequest, ConnectorError> {
    let mut request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    on_informational(&mut request, move |_| interim.note());
    HttpRequest::try_from(request).map_err(|error| ConnectorError::user(error.into()))
}

/// Uses up what the current task may do in this turn, so that its next read makes it wait for the next one.
fn end_turn() {
    let mut context = Context::from_waker(Waker::noop());
    // Never empty outside a task; no task's budget is larger than this.
    for _ in 0..u8::MAX {
        match coop::poll_proceed(&mut context) {
            Poll::Ready(step) => step.made_progress(),
            Poll::Pending => return,
        }
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
