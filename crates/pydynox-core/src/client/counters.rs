//! Counters of a client: what its calls did since it was opened, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::call::Answer;
use crate::error::{Error, ErrorKind};

/// What all calls of a client did.
#[derive(Debug, Default)]
pub(super) struct Counters {
    calls: AtomicU64,
    ended: AtomicU64,
    retries: AtomicU64,
    throttles: AtomicU64,
    timeouts: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What the calls of a client did since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Calls that have begun.
    pub calls: u64,
    /// Those of them that have not ended.
    pub in_flight: u64,
    /// Attempts after the first.
    pub retries: u64,
    /// Attempts that the service throttled.
    pub throttles: u64,
    /// Calls that did not end within their timeout.
    pub timeouts: u64,
    /// Bytes of the bodies of all requests, each attempt counted.
    pub bytes_sent: u64,
    /// Bytes of the bodies of successful responses.
    pub bytes_received: u64,
}

/// A call in flight, until it is dropped.
pub(super) struct InFlight<'a>(&'a Counters);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        add(&self.0.ended, 1);
    }
}

/// Relaxed: each number is exact, and no reader relies on their order.
fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn begin(&self) -> InFlight<'_> {
        add(&self.calls, 1);
        InFlight(self)
    }

    pub(super) fn sending(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    pub(super) fn answered(&self, answer: &Answer) {
        add(&self.received, answer.body.len() as u64);
    }

    pub(super) fn retried(&self) {
        add(&self.retries, 1);
    }

    pub(super) fn throttled(&self) {
        add(&self.throttles, 1);
    }

    pub(super) fn failed(&self, error: &Error) {
        if *error.kind() == ErrorKind::Timeout {
            add(&self.timeouts, 1);
        }
    }

    pub(super) fn read(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // The ended first: a call that ends in between must not make the difference negative.
        let ended = of(&self.ended);
        let calls = of(&self.calls);
        Counts {
            calls,
            in_flight: calls.saturating_sub(ended),
            retries: of(&self.retries),
            throttles: of(&self.throttles),
            timeouts: of(&self.timeouts),
            bytes_sent: of(&self.sent),
            bytes_received: of(&self.received),
        }
    }
}
