//! Lag: a second engine that repeats the writes of the first some time later, from which eventually consistent reads are answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pydynox_core::clock;
use pydynox_core::error::Error;
use pydynox_core::transport::{Progress, Request, Response, Transport, TransportError};
use tokio::time::Instant;

use crate::location::Location;
use crate::store::Store;

/// An engine that is behind another one.
pub(super) struct Replica {
    store: Store,
    transport: Arc<dyn Transport>,
    lag: Duration,
    /// The writes that it has not repeated yet, each with when it does.
    waiting: Mutex<VecDeque<(Instant, Request)>>,
}

impl Replica {
    pub(super) fn new(original: &Store, lag: Duration) -> Result<Self, Error> {
        let store = Store::open(&Location::private())?;
        let replica = Self {
            transport: store.direct(),
            store,
            lag,
            waiting: Mutex::default(),
        };
        replica.settle(original)?;
        Ok(replica)
    }

    /// Catches up with the original at once.
    pub(super) fn settle(&self, original: &Store) -> Result<(), Error> {
        let snapshot = original.snapshot()?;
        self.waiting().clear();
        self.store.restore(&snapshot)
    }

    /// Notes a write that the original has applied.
    pub(super) fn note(&self, request: &Request) {
        if request.operation.is_read() {
            return;
        }
        let request = Request {
            progress: Progress::default(),
            ..request.clone()
        };
        self.waiting()
            .push_back((clock::instant() + self.lag, request));
    }

    /// Answers a read.
    pub(super) async fn send(&self, request: Request) -> Result<Response, TransportError> {
        loop {
            let due = {
                let mut waiting = self.waiting();
                let is_due = waiting
                    .front()
                    .is_some_and(|(at, _)| *at <= clock::instant());
                if is_due { waiting.pop_front() } else { None }
            };
            let Some((_, write)) = due else {
                break;
            };
            // It succeeded on the same tables before.
            self.transport.send(write).await?;
        }
        self.transport.send(request).await
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, Request)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
