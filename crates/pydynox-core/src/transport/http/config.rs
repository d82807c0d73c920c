//! How the transport over HTTP behaves, and what the environment says about ways to the outside.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;

use super::tls::Trust;
use crate::error::{Error, ErrorKind};
use crate::events::Stream;

/// No process has more sockets to one host from one address.
const MOST_CONNECTIONS: usize = 65_535;

/// How a transport behaves; every field has a default.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Longest time until a connection is ready: name, route, proxy and TLS together.
    pub connect_timeout: Duration,
    /// Longest time without a byte from the other side while an answer is due.
    pub read_timeout: Duration,
    /// How many connections are open at the same time.
    pub max_connections: usize,
    /// A connection that was idle for longer is not used again.
    pub idle_timeout: Duration,
    /// Certificates to trust in place of the bundled ones: a PEM file.
    pub ca_bundle: Option<PathBuf>,
    /// Where events about connections and credentials go.
    pub stream: Arc<Stream>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            // The default of the AWS SDKs.
            connect_timeout: Duration::from_millis(3100),
            read_timeout: Duration::from_secs(10),
            max_connections: 64,
            idle_timeout: Duration::from_secs(20),
            ca_bundle: None,
            stream: Arc::default(),
        }
    }
}

impl HttpConfig {
    /// Whether every setting is in range.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] names the setting that is not.
    pub fn check(&self) -> Result<(), Error> {
        for (name, length) in [
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
        ] {
            if length.is_zero() {
                let message = format!("{name} must be a positive number of seconds; got 0");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            let message = format!(
                "max_connections must be from 1 to {MOST_CONNECTIONS}; got {}",
                self.max_connections
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Ok(())
    }
}

/// What the environment says about ways to the outside.
pub(super) struct Outside {
    pub(super) proxies: Matcher,
    pub(super) trust: Trust,
}

impl Outside {
    pub(super) fn now() -> Self {
        Self {
            proxies: Matcher::from_env(),
            trust: Trust::from_environment(),
        }
    }
}
