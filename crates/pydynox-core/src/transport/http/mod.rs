//! HTTP/1.1 to the service: hyper over a pool of our own, signed, with bounded waiting everywhere.

mod connect;
mod connection;
mod pool;
mod proxy;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Method;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT,
};
use http_body_util::Full;
use hyper_util::client::proxy::matcher::Matcher;

use super::credentials::{CredentialsProvider, Identity, Keychain};
use super::endpoint::{Directory, Endpoint, EndpointProvider};
use super::sigv4::{self, Signer};
use super::{Ailment, Exchange, Mending, Operation, Request, Transport, TransportError};
use crate::error::{Error, ErrorKind};

use connect::Route;
use connection::Limits;
use pool::Pool;
use tls::Trust;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
/// A clock that is wrong by less is not what a signature was refused for: the service allows five minutes.
const CLOCK_TOLERANCE: i64 = 240;

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
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3100),
            read_timeout: Duration::from_secs(10),
            max_connections: 64,
            idle_timeout: Duration::from_secs(20),
            ca_bundle: None,
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
struct Outside {
    proxies: Matcher,
    trust: Trust,
}

impl Outside {
    fn now() -> Self {
        Self {
            proxies: Matcher::from_env(),
            trust: Trust::from_environment(),
        }
    }
}

/// Sends requests over HTTP. It must be polled inside a tokio runtime.
pub struct Http {
    keychain: Arc<Keychain>,
    directory: Directory,
    pool: Arc<Pool>,
    /// The signer of the last request: usually that of the next one.
    signer: Mutex<Option<Signer>>,
    /// Seconds by which the service's clock is ahead of ours.
    clock: AtomicI64,
    limits: Limits,
}

impl Http {
    /// A transport that opens its first connection with its first request. Proxies and certificates that the
    /// environment names are those of now.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when a setting is out of range.
    pub fn new(
        config: HttpConfig,
        credentials: Arc<dyn CredentialsProvider>,
        endpoints: Arc<dyn EndpointProvider>,
    ) -> Result<Self, Error> {
        Self::behind(Outside::now(), config, credentials, endpoints)
    }

    fn behind(
        outside: Outside,
        config: HttpConfig,
        credentials: Arc<dyn CredentialsProvider>,
        endpoints: Arc<dyn EndpointProvider>,
    ) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            keychain: Keychain::new(credentials),
            directory: Directory::new(endpoints),
            limits: Limits {
                read: config.read_timeout,
            },
            pool: Arc::new(Pool::new(config, outside)),
            signer: Mutex::new(None),
            clock: AtomicI64::new(0),
        })
    }

    /// The time as the service has it, as far as we know.
    fn now(&self) -> SystemTime {
        let now = SystemTime::now();
        let offset = self.clock.load(Ordering::Relaxed);
        let length = Duration::from_secs(offset.unsigned_abs());
        let moved = if offset < 0 {
            now.checked_sub(length)
        } else {
            now.checked_add(length)
        };
        moved.unwrap_or(now)
    }

    async fn exchange(&self, request: Request) -> Result<super::Response, TransportError> {
        let identity = self
            .keychain
            .identity(self.now())
            .await
            .map_err(TransportError::Refused)?;
        let account = identity.credentials.account_id.as_deref();
        let endpoint = self
            .directory
            .endpoint(account, &request.table, &request.operation)
            .await
            .map_err(TransportError::Refused)?;
        let mut lease = self.pool.check_out(&endpoint).await?;
        loop {
            // Signed here and not before: waiting for a connection may take longer than a signature is good for.
            let message = self.signed(&request, &identity, &endpoint, lease.route())?;
            match lease.exchange(message, self.limits).await {
                Ok(mut response) => {
                    response.identity = identity.id;
                    return Ok(response);
                }
                // Nothing was written on a connection that had been idle: another one, and no attempt was made.
                Err(failure) if failure.unsent && lease.was_idle() => {
                    lease = self.pool.renew(lease, &endpoint).await?;
                }
                Err(failure) => {
                    let error = failure.judged(lease.was_idle());
                    if matches!(error, TransportError::Stale(_)) {
                        self.pool.forget(&endpoint);
                    }
                    return Err(error);
                }
            }
        }
    }

    fn signed(
        &self,
        request: &Request,
        identity: &Arc<Identity>,
        endpoint: &Arc<Endpoint>,
        route: &Route,
    ) -> Result<http::Request<Full<Bytes>>, TransportError> {
        let target = Target::of(&request.operation)?;
        let mut slot = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |signer: &Signer| {
            Arc::ptr_eq(&signer.identity, identity) && Arc::ptr_eq(&signer.endpoint, endpoint)
        };
        if !slot.as_ref().is_some_and(fits) {
            let made = Signer::new(identity.clone(), endpoint.clone());
            *slot = Some(made.ok_or_else(|| TransportError::Refused(malformed()))?);
        }
        let Some(signer) = slot.as_mut() else {
            return Err(TransportError::Refused(malformed()));
        };
        let stamp = signer.sign(self.now(), target.text(), &request.body);
        drop(slot);
        let mut message = http::Request::new(Full::new(request.body.clone()));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = route.target.clone();
        let headers = message.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, endpoint.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(sigv4::CONTENT_TYPE));
        headers.insert(TARGET, target.0);
        headers.insert(DATE, stamp.date);
        if let Some(token) = stamp.token {
            headers.insert(SECURITY_TOKEN, token);
        }
        headers.insert(AUTHORIZATION, stamp.authorization);
        if let Some(authorization) = &route.proxy_authorization {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("pydynox/", env!("CARGO_PKG_VERSION"))),
        );
        Ok(message)
    }

    /// Takes the service's time for ours, where the two differ by more than a signature allows.
    fn set_clock(&self, date: &str, certain: bool) -> bool {
        let Ok(theirs) = httpdate::parse_http_date(date) else {
            return false;
        };
        let (theirs, ours, corrected) = (
            seconds(theirs),
            seconds(SystemTime::now()),
            seconds(self.now()),
        );
        let wrong_by = (theirs - corrected).abs();
        if wrong_by <= if certain { 1 } else { CLOCK_TOLERANCE } {
            return false;
        }
        self.clock.store(theirs - ours, Ordering::Relaxed);
        true
    }
}

fn malformed() -> Error {
    Error::new(
        ErrorKind::Credentials,
        "the access key or the session token holds characters that no header may hold: check how they are set",
    )
}

fn seconds(time: SystemTime) -> i64 {
    let length = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}

/// The value of `x-amz-target`: which operation of which version of the service.
struct Target(HeaderValue);

macro_rules! targets {
    ($operation:expr, $($name:ident),+ $(,)?) => {
        match $operation {
            $(Operation::$name => Some(HeaderValue::from_static(
                concat!("DynamoDB_20120810.", stringify!($name)),
            )),)+
            _ => None,
        }
    };
}

impl Target {
    fn of(operation: &Operation) -> Result<Self, TransportError> {
        let known = targets!(
            operation,
            GetItem,
            PutItem,
            UpdateItem,
            DeleteItem,
            Query,
            Scan,
            BatchGetItem,
            BatchWriteItem,
            TransactGetItems,
            TransactWriteItems,
            DescribeTable,
        );
        if let Some(known) = known {
            return Ok(Self(known));
        }
        let name = operation.name();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let message = format!("{name:?} is the name of no operation of DynamoDB");
            return Err(TransportError::Refused(Error::new(
                ErrorKind::Validation,
                message,
            )));
        }
        HeaderValue::try_from(format!("DynamoDB_20120810.{name}"))
            .map(Self)
            .map_err(|_| TransportError::Refused(Error::new(ErrorKind::Validation, "no operation")))
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl Transport for Http {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.exchange(request))
    }

    fn mend(&self, ailment: Ailment) -> Mending<'_> {
        match ailment {
            Ailment::Clock { date, certain } => {
                Box::pin(std::future::ready(Ok(self.set_clock(&date, certain))))
            }
            Ailment::Credentials { identity } => {
                Box::pin(self.keychain.replace(identity, self.now()))
            }
        }
    }
}
