//! HTTP/1.1: the transport to the service, with a pool of connections, signed requests and bounded waits.

mod config;
mod connect;
mod connection;
mod framing;
mod pieces;
mod pool;
mod proxy;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

use std::borrow::Cow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::credentials::{CredentialsProvider, Identity, Keychain};
use super::endpoint::{Directory, Endpoint, EndpointProvider};
use super::sigv4::Signer;
use super::{
    Address, ConnectionTime, Connections, Exchange, Operation, Recoverable, Repairing, Request,
    Transport, TransportError, WarmingUp,
};
use crate::error::{Error, ErrorKind};

pub use config::HttpConfig;
#[doc(hidden)]
pub use pieces::{Answer, read_pieces};

use config::Outside;
use connect::Route;
use pool::Pool;

/// A clock that is off by less did not cause a refused signature: the service allows five minutes.
const CLOCK_TOLERANCE: i64 = 240;

/// Sends requests over HTTP. It must be polled inside a tokio runtime.
pub struct Http {
    keychain: Arc<Keychain>,
    directory: Directory,
    pool: Arc<Pool>,
    /// The last request's signer; the next request usually needs the same one.
    signer: Mutex<Option<Signer>>,
    /// Seconds by which the service's clock is ahead of this machine's.
    clock: AtomicI64,
    /// Longest time between two bytes of an answer.
    patience: Duration,
}

impl Http {
    /// A transport that opens its first connection with its first request. Proxies and certificates are read from the environment
    /// now.
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
            keychain: Keychain::reporting(credentials, config.stream.clone()),
            directory: Directory::new(endpoints),
            patience: config.read_timeout,
            pool: Arc::new(Pool::new(config, outside)),
            signer: Mutex::new(None),
            clock: AtomicI64::new(0),
        })
    }

    /// The service's time, where known.
    fn now(&self) -> SystemTime {
        moved(SystemTime::now(), self.clock.load(Ordering::Relaxed))
    }

    async fn exchange(&self, request: Request) -> Result<super::Response, TransportError> {
        // While credentials, endpoint and connection are awaited, nothing was sent: a call that ends by then is not ambiguous.
        request.progress.hold();
        let identity = self
            .keychain
            .identity(self.now())
            .await
            .map_err(TransportError::Refused)?;
        // Credentials first: their account can decide the endpoint.
        let account = identity.credentials.account_id.as_deref();
        let endpoint = self
            .directory
            .endpoint(account, &request.table, &request.operation)
            .await
            .map_err(TransportError::Refused)?;
        let target = target_of(&request.operation)?;
        let time = request.progress.connection_time();
        let mut lease = match time {
            None => self.pool.check_out(&endpoint, None).await?,
            // Boxed: what most calls never do should not enlarge their future.
            Some(time) => Box::pin(self.pool.check_out_timed(&endpoint, time)).await?,
        };
        let _use = time.map(Use::begin);
        let mut clock = 0;
        loop {
            // Signed only here: waiting for a connection may take longer than a signature is valid.
            match lease
                .exchange(self.patience, |route, out| {
                    // The last moment at which a cancellation can still guarantee that nothing is sent.
                    if !request.progress.release() {
                        return Err(TransportError::cancelled());
                    }
                    clock = self.clock.load(Ordering::Relaxed);
                    let now = moved(SystemTime::now(), clock);
                    self.write(out, &request, (&target, now), (&identity, &endpoint), route)
                })
                .await?
            {
                Ok(mut response) => {
                    response.identity = identity.id;
                    response.clock = clock;
                    return Ok(response);
                }
                // Nothing was written on a connection that had been idle: use another one, and do not count an attempt.
                Err(failure) if failure.unsent && lease.was_idle() => {
                    request.progress.hold();
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

    /// Opens connections until there are this many, as far as the limit allows.
    async fn open(&self, connections: usize) -> Result<usize, TransportError> {
        let identity = self.keychain.identity(self.now()).await;
        let identity = identity.map_err(TransportError::Refused)?;
        let account = identity.credentials.account_id.as_deref();
        // Where most requests go: a table that is named by its ARN may have an endpoint of its own.
        let endpoint = self
            .directory
            .endpoint(account, "", &Operation::GetItem)
            .await
            .map_err(TransportError::Refused)?;
        self.pool.fill(&endpoint, connections).await
    }

    /// Writes a request in its wire form.
    fn write(
        &self,
        out: &mut Vec<u8>,
        request: &Request,
        (target, now): (&str, SystemTime),
        signer_of: (&Arc<Identity>, &Arc<Endpoint>),
        route: &Route,
    ) -> Result<(), TransportError> {
        let (identity, endpoint) = signer_of;
        let mut slot = self.signer.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |signer: &Signer| {
            Arc::ptr_eq(&signer.identity, identity) && Arc::ptr_eq(&signer.endpoint, endpoint)
        };
        if !slot.as_ref().is_some_and(fits) {
            *slot = Signer::new(identity.clone(), endpoint.clone());
        }
        let Some(signer) = slot.as_mut() else {
            return Err(TransportError::Refused(malformed()));
        };
        out.extend_from_slice(&route.line);
        signer.write(out, now, target, &request.body);
        Ok(())
    }

    /// Adopts the service's time if the refused signature's time differs from it by more than a signature allows. The clock may
    /// be correct by now: if many calls were signed before, the first refusal has set it.
    fn set_clock(&self, date: &str, certain: bool, signed: i64) -> bool {
        let Ok(theirs) = httpdate::parse_http_date(date) else {
            return false;
        };
        // `Date` has whole seconds, so one second is tolerated even if the service names the time as the cause.
        let (theirs, ours) = (seconds(theirs), seconds(SystemTime::now()));
        let wrong_by = (theirs - ours - signed).abs();
        if wrong_by <= if certain { 1 } else { CLOCK_TOLERANCE } {
            return false;
        }
        self.clock.store(theirs - ours, Ordering::Relaxed);
        true
    }
}

/// The use of a connection, until it is dropped.
struct Use<'a> {
    time: &'a ConnectionTime,
    began: Instant,
}

impl<'a> Use<'a> {
    fn begin(time: &'a ConnectionTime) -> Self {
        let began = Instant::now();
        Self { time, began }
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        self.time.gave_back(self.began.elapsed());
    }
}

fn malformed() -> Error {
    Error::new(
        ErrorKind::Credentials,
        "the access key or the session token contains characters that a header cannot hold: check how they are set",
    )
}

fn moved(time: SystemTime, offset: i64) -> SystemTime {
    let length = Duration::from_secs(offset.unsigned_abs());
    let moved = if offset < 0 {
        time.checked_sub(length)
    } else {
        time.checked_add(length)
    };
    moved.unwrap_or(time)
}

fn seconds(time: SystemTime) -> i64 {
    let length = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}

/// The value of `x-amz-target`: the service version and the operation.
fn target_of(operation: &Operation) -> Result<Cow<'static, str>, TransportError> {
    macro_rules! static_target {
        ($($name:ident),+ $(,)?) => {
            match operation {
                $(Operation::$name => Some(concat!("DynamoDB_20120810.", stringify!($name))),)+
                _ => None,
            }
        };
    }
    let static_target = static_target!(
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
    if let Some(static_target) = static_target {
        return Ok(Cow::Borrowed(static_target));
    }
    let name = operation.name();
    // It becomes part of a header, and callers may pass any name.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let message = format!("{name:?} is the name of no operation of DynamoDB");
        return Err(TransportError::Refused(Error::new(
            ErrorKind::Validation,
            message,
        )));
    }
    let service = if operation.is_of_streams() {
        "DynamoDBStreams_20120810"
    } else {
        "DynamoDB_20120810"
    };
    Ok(Cow::Owned(format!("{service}.{name}")))
}

impl Transport for Http {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.exchange(request))
    }

    fn repair(&self, recoverable: Recoverable) -> Repairing<'_> {
        match recoverable {
            Recoverable::Clock {
                date,
                certain,
                signed,
            } => {
                let is_repaired = self.set_clock(&date, certain, signed);
                Box::pin(std::future::ready(Ok(is_repaired)))
            }
            Recoverable::Credentials { identity } => {
                Box::pin(self.keychain.replace(identity, self.now()))
            }
        }
    }

    fn warm_up(&self, connections: usize) -> WarmingUp<'_> {
        Box::pin(self.open(connections))
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.pool.connections())
    }

    fn address(&self, operation: &Operation, table: &str) -> Option<Arc<Address>> {
        self.directory.address(table, operation)
    }
}
