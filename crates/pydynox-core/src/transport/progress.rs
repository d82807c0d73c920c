//! Progress: how far a call has come, shared by the caller that waits for the answer and the sender of the request.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use super::connection_time::ConnectionTime;

/// The progress of a call: whether any of its request may have been sent, and earlier attempts applied. The caller that waits for
/// the answer and the sender of the request share it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    phase: AtomicU8,
    /// Whether an attempt that ended may have been applied.
    doubtful: AtomicBool,
    /// Only of a call that something observes.
    connection: OnceLock<Box<ConnectionTime>>,
}

/// No part of the request is sent before it is released.
const HELD: u8 = 0;
/// The request may have been sent; assumed of a transport that does not report progress.
const RELEASED: u8 = 1;
/// No part of the request will ever be sent.
const CANCELLED: u8 = 2;

impl Progress {
    /// The times of the call's connections are wanted.
    pub(crate) fn measure(&self) {
        self.0.connection.get_or_init(Box::default);
    }

    /// Where the times of the call's connections go, if they are wanted.
    pub fn connection_time(&self) -> Option<&ConnectionTime> {
        self.0.connection.get().map(|time| &**time)
    }

    /// No part of the request is sent before [`release`](Self::release).
    pub fn hold(&self) {
        // A cancelled call stays cancelled, because the step begins at RELEASED only.
        self.step(RELEASED, HELD);
    }

    /// From now on the request may be sent; false if the call was cancelled and it must not be.
    #[must_use]
    pub fn release(&self) -> bool {
        self.step(HELD, RELEASED) != CANCELLED
    }

    /// Whether no part of the request has been sent.
    pub fn is_held(&self) -> bool {
        // Cancelled counts too: no part of the request will be sent.
        self.0.phase.load(Ordering::Acquire) != RELEASED
    }

    /// Whether the call was cancelled before anything of the current attempt was sent.
    pub fn is_cancelled(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) == CANCELLED
    }

    /// Cancels the call; true if no part of it can have been applied or will be.
    pub fn cancel(&self) -> bool {
        self.step(HELD, CANCELLED) != RELEASED && !self.0.doubtful.load(Ordering::Acquire)
    }

    /// An attempt ended; the request is held back again.
    pub(crate) fn attempted(&self, ambiguous: bool) {
        // Stored before the hold: a `cancel` that finds the request held must also find the doubt.
        if ambiguous {
            self.0.doubtful.store(true, Ordering::Release);
        }
        self.hold();
    }

    /// Moves from one phase to another; returns the previous phase.
    fn step(&self, from: u8, to: u8) -> u8 {
        self.0
            .phase
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|other| other)
    }
}
