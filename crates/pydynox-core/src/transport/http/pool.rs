//! The pool: a limited number of connections, waiters served in order, idle connections checked before they are reused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::config::{HttpConfig, Outside};
use super::connect::{Connector, Route};
use super::connection::{Broken, Connection};
use crate::events::{Details, Kind};
use crate::process::Maker;
use crate::transport::endpoint::Endpoint;
use crate::transport::{ConnectionTime, Connections, FailureKind, Response, TransportError};

/// Connections of one client, to all its endpoints.
pub(super) struct Pool {
    config: HttpConfig,
    connector: Connector,
    /// One permit for each connection that is in use or being opened.
    room: Arc<Semaphore>,
    idle: Mutex<Idle>,
    /// Requests that wait for a connection.
    waiting: AtomicUsize,
    maker: Maker,
}

/// A request that waits for a connection, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // A forked child leaks the parent's sockets: closing one would remove it from the epoll that both processes share.
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.maker.let_go(std::mem::take(idle));
    }
}

#[derive(Default)]
struct Idle {
    /// Longest idle first.
    connections: Vec<Resting>,
    /// Whether a task closes those that are idle for too long.
    watched: bool,
}

struct Resting {
    connection: Box<Connection>,
    endpoint: Arc<Endpoint>,
    route: Arc<Route>,
    until: Instant,
}

impl Pool {
    pub(super) fn new(config: HttpConfig, outside: Outside) -> Self {
        Self {
            connector: Connector::new(&config, outside),
            room: Arc::new(Semaphore::new(config.max_connections)),
            idle: Mutex::default(),
            waiting: AtomicUsize::new(0),
            maker: Maker::this(),
            config,
        }
    }

    /// The same as [`check_out`](Self::check_out), measured.
    pub(super) async fn check_out_timed(
        self: &Arc<Self>,
        endpoint: &Arc<Endpoint>,
        time: &ConnectionTime,
    ) -> Result<Lease, TransportError> {
        let began = Instant::now();
        time.waits();
        let lease = self.check_out(endpoint, Some(time)).await?;
        time.has_one(began.elapsed());
        Ok(lease)
    }

    /// A connection to this endpoint; waits its turn when all are in use. What opens one notes it if its time runs out.
    pub(super) async fn check_out(
        self: &Arc<Self>,
        endpoint: &Arc<Endpoint>,
        time: Option<&ConnectionTime>,
    ) -> Result<Lease, TransportError> {
        // It cannot overtake a waiter: the semaphore assigns returned permits to waiters first.
        let permit = if let Ok(permit) = self.room.clone().try_acquire_owned() {
            permit
        } else {
            let _waiting = Waiting::begin(&self.waiting);
            self.room.clone().acquire_owned().await.map_err(|_| {
                TransportError::not_sent(FailureKind::Closed, "this client is closed")
            })?
        };
        match self.rested(endpoint) {
            Some(resting) => Ok(Lease {
                pool: self.clone(),
                endpoint: endpoint.clone(),
                route: resting.route,
                connection: Some(resting.connection),
                was_idle: true,
                permit,
            }),
            // Boxed, so that the usual exchange reserves no space for it.
            None => Box::pin(self.connect(permit, endpoint, time)).await,
        }
    }

    /// A new connection to replace one that broke before anything was written.
    pub(super) async fn renew(
        self: &Arc<Self>,
        lease: Lease,
        endpoint: &Arc<Endpoint>,
    ) -> Result<Lease, TransportError> {
        let Lease { permit, .. } = lease;
        Box::pin(self.connect(permit, endpoint, None)).await
    }

    async fn connect(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        endpoint: &Arc<Endpoint>,
        time: Option<&ConnectionTime>,
    ) -> Result<Lease, TransportError> {
        self.make_room();
        let began = Instant::now();
        let (connection, route) = self.connector.connect(endpoint, time).await?;
        self.config.stream.note(Kind::ConnectionOpened, || Details {
            elapsed: Some(began.elapsed()),
            address: Some(endpoint.address().clone()),
            ..Details::default()
        });
        Ok(Lease {
            pool: self.clone(),
            endpoint: endpoint.clone(),
            route,
            connection: Some(Box::new(connection)),
            was_idle: false,
            permit,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The idle connection that was used last and is still alive; dead ones found on the way are closed.
    fn rested(&self, endpoint: &Arc<Endpoint>) -> Option<Resting> {
        let now = Instant::now();
        let mut idle = self.idle();
        while let Some(at) = idle
            .connections
            .iter()
            // The one used last: the service is least likely to have closed it, and the others can expire. `Directory` has one
            // Arc per address.
            .rposition(|resting| Arc::ptr_eq(&resting.endpoint, endpoint))
        {
            let resting = idle.connections.remove(at);
            if now >= resting.until {
                self.dropped(endpoint, IDLE);
            } else if resting.connection.is_alive() {
                return Some(resting);
            } else {
                self.dropped(endpoint, CLOSED);
            }
        }
        None
    }

    /// Closes surplus idle connections, which belong to other endpoints, so that with those in use they stay within the limit.
    fn make_room(&self) {
        // The connection that is about to be opened is included: it has its permit.
        let in_use = self.config.max_connections - self.room.available_permits();
        let mut idle = self.idle();
        let surplus = (idle.connections.len() + in_use).saturating_sub(self.config.max_connections);
        for resting in idle.connections.drain(..surplus) {
            self.dropped(&resting.endpoint, "to make room for another endpoint");
        }
    }

    fn dropped(&self, endpoint: &Endpoint, reason: &'static str) {
        self.config
            .stream
            .note(Kind::ConnectionDropped, || Details {
                address: Some(endpoint.address().clone()),
                reason: Some(reason),
                ..Details::default()
            });
    }

    /// The connections at this moment.
    pub(super) fn connections(&self) -> Connections {
        let idle = self.idle().connections.len();
        // Those in use include those being opened.
        let in_use = self.config.max_connections - self.room.available_permits();
        Connections {
            open: idle + in_use,
            idle,
            waiting: self.waiting.load(Ordering::Relaxed),
            most: self.config.max_connections,
        }
    }

    /// Opens connections until there are this many to an endpoint, as far as the limit allows; returns how many there are.
    pub(super) async fn fill(
        self: &Arc<Self>,
        endpoint: &Arc<Endpoint>,
        connections: usize,
    ) -> Result<usize, TransportError> {
        let count = connections.min(self.config.max_connections);
        // All at the same time: one that was put back would be checked out again in place of a new one.
        let leases = join_all((0..count).map(|_| self.check_out(endpoint, None))).await;
        let mut failed = None;
        for lease in leases {
            match lease {
                Ok(lease) => lease.give_back(),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(count), Err)
    }

    fn put_back(self: &Arc<Self>, resting: Resting) {
        let mut idle = self.idle();
        let first_end = resting.until;
        idle.connections.push(resting);
        if !idle.watched {
            idle.watched = true;
            // Weak: a sleeping task must not keep the connections of a dropped client open.
            tokio::spawn(watch(Arc::downgrade(self), first_end));
        }
    }

    /// Closes the idle connections to an endpoint: one of them broke, and the others are as old.
    pub(super) fn forget(&self, endpoint: &Arc<Endpoint>) {
        let mut idle = self.idle();
        let before = idle.connections.len();
        idle.connections
            .retain(|resting| !Arc::ptr_eq(&resting.endpoint, endpoint));
        for _ in idle.connections.len()..before {
            self.dropped(
                endpoint,
                "another one of its age was closed by the other side",
            );
        }
    }

    /// Closes connections that were idle for too long; returns when to check again.
    fn tidy(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut idle = self.idle();
        let ended = idle
            .connections
            .iter()
            // All may be idle equally long, so they are also in the order in which they end.
            .take_while(|resting| resting.until <= now)
            .count();
        for resting in idle.connections.drain(..ended) {
            self.dropped(&resting.endpoint, IDLE);
        }
        let next = idle.connections.first().map(|resting| resting.until);
        idle.watched = next.is_some();
        next
    }
}

/// Why connections are dropped.
const IDLE: &str = "idle for too long";
const CLOSED: &str = "closed by the other side";
const BROKEN: &str = "broken during a request";
const CANCELLED: &str = "its request was cancelled";

async fn watch(pool: std::sync::Weak<Pool>, mut until: Instant) {
    loop {
        sleep_until(until).await;
        let Some(next) = pool.upgrade().and_then(|pool| pool.tidy()) else {
            return;
        };
        until = next;
    }
}

/// A connection on loan; it returns to the pool on its own if it is reusable.
pub(super) struct Lease {
    pool: Arc<Pool>,
    endpoint: Arc<Endpoint>,
    route: Arc<Route>,
    connection: Option<Box<Connection>>,
    was_idle: bool,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Whether the connection had been used before.
    pub(super) fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Sends the request that `write` writes. The connection returns to the pool if the answer was read to its end, and is closed
    /// otherwise, including when this future is dropped. What `write` refuses is never sent.
    pub(super) async fn exchange(
        &mut self,
        patience: Duration,
        write: impl FnOnce(&Route, &mut Vec<u8>) -> Result<(), TransportError>,
    ) -> Result<Result<Response, Broken>, TransportError> {
        // Taken, so that dropping this future before the end closes it.
        let Some(mut connection) = self.connection.take() else {
            return Ok(Err(Broken::gone()));
        };
        if let Err(refused) = write(&self.route, connection.request()) {
            self.put_back(connection);
            return Err(refused);
        }
        let mut loss = Loss {
            lease: self,
            reason: Some(CANCELLED),
        };
        let response = match connection.exchange(patience).await {
            Ok(response) => response,
            Err(broken) => {
                loss.reason = Some(BROKEN);
                return Ok(Err(broken));
            }
        };
        // Put back while the permit is held: the next call to get the permit finds this connection.
        if connection.is_reusable() {
            loss.reason = None;
            self.put_back(connection);
        } else {
            loss.reason = Some(CLOSED);
        }
        Ok(Ok(response))
    }

    /// Returns a connection that no request was sent on.
    fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.put_back(connection);
        }
    }

    fn put_back(&self, connection: Box<Connection>) {
        self.pool.put_back(Resting {
            connection,
            endpoint: self.endpoint.clone(),
            route: self.route.clone(),
            until: Instant::now() + self.pool.config.idle_timeout,
        });
    }
}

/// Reports, when it is dropped, that a connection on loan does not return.
struct Loss<'a> {
    lease: &'a Lease,
    reason: Option<&'static str>,
}

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        if let Some(reason) = self.reason {
            self.lease.pool.dropped(&self.lease.endpoint, reason);
        }
    }
}
