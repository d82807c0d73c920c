//! TLS by rustls and ring: which certificates are trusted, and errors that say so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, ErrorKind};
use crate::transport::{FailureKind, TransportError};

/// Whose word about other hosts is believed.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// Mozilla's root certificates, as they were when pydynox was built.
    Bundled,
    /// Those of a PEM file, and no others.
    File {
        path: PathBuf,
        named_by: &'static str,
    },
}

impl Trust {
    /// `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else what is bundled.
    pub(super) fn from_environment() -> Self {
        ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|name| {
                let path = std::env::var_os(name).filter(|path| !path.is_empty())?;
                Some(Self::file(path.into(), name))
            })
            .unwrap_or(Self::Bundled)
    }

    pub(super) fn file(path: PathBuf, named_by: &'static str) -> Self {
        Self::File { path, named_by }
    }

    fn describe(&self) -> String {
        match self {
            Self::Bundled => "the root certificates bundled with pydynox".to_owned(),
            Self::File { path, named_by } => {
                format!("the certificates of {} ({named_by})", path.display())
            }
        }
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Bundled => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::File { path, named_by } => {
                for certificate in certificates(path)
                    .map_err(|what| unusable(path, named_by, &what.to_string()))?
                {
                    roots
                        .add(certificate)
                        .map_err(|what| unusable(path, named_by, &what.to_string()))?;
                }
                // Otherwise every handshake would fail, although the fault is in the file.
                if roots.is_empty() {
                    return Err(unusable(
                        path,
                        named_by,
                        "it holds no certificate in PEM form",
                    ));
                }
            }
        }
        Ok(roots)
    }
}

fn certificates(
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

fn unusable(path: &Path, named_by: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!(
            "TLS: the certificates of {} ({named_by}) cannot be used: {what}",
            path.display()
        ),
    )
}

/// Makes TLS streams; its settings are made at the first.
pub(super) struct Tls {
    trust: Trust,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Self {
        Self {
            trust,
            config: OnceLock::new(),
        }
    }

    fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::new(ErrorKind::Internal, format!("TLS: {error}")))?
            .with_root_certificates(self.trust.roots()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }

    /// Speaks TLS over a socket, with the host of this name.
    pub(super) async fn connect(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TransportError> {
        let config = self.config().map_err(TransportError::Refused)?;
        // A URL has an IPv6 address in brackets, a certificate does not.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
            TransportError::not_sent(
                FailureKind::Tls,
                format!("TLS with {host}: no certificate can be issued for this name"),
            )
        })?;
        TlsConnector::from(config)
            .connect(name, socket)
            .await
            .map_err(|error| self.failed(host, &error))
    }

    fn failed(&self, host: &str, error: &std::io::Error) -> TransportError {
        let cause = error
            .get_ref()
            .and_then(|source| source.downcast_ref::<rustls::Error>());
        let Some(cause) = cause else {
            // The connection broke on the way; the next may not.
            let message = format!("TLS with {host}: the connection broke: {error}");
            return TransportError::not_sent(FailureKind::Connect, message);
        };
        let advice = match cause {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => format!(
                "; trusted are {}: pass ca_bundle= with the file of the authority that issued it",
                self.trust.describe()
            ),
            rustls::Error::InvalidCertificate(_) => {
                format!("; trusted are {}", self.trust.describe())
            }
            // A server without TLS answers the handshake with text.
            rustls::Error::InvalidMessage(_) => {
                "; does the endpoint speak plain http://?".to_owned()
            }
            _ => String::new(),
        };
        TransportError::not_sent(
            FailureKind::Tls,
            format!("TLS with {host}: {cause}{advice}"),
        )
    }
}
