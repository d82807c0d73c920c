//! Connection time: how long a call waits for its connection and has it, measured if something observes the call.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Unknown. Other values are nanoseconds, plus one.
const UNKNOWN: u64 = 0;

/// The times of an attempt, which the transport writes and the call reads when the attempt has ended.
#[derive(Debug, Default)]
pub struct ConnectionTime {
    waits: AtomicBool,
    waited: AtomicU64,
    used: AtomicU64,
    ran_out: AtomicBool,
}

/// What is known of an attempt's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectionTimes {
    /// How long the attempt waited until it had one, opening it included.
    pub waited: Option<Duration>,
    /// How long it had it.
    pub used: Option<Duration>,
    /// Whether the time to get one ran out.
    pub ran_out: bool,
}

impl ConnectionTimes {
    /// Why there was no connection, if that is known.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        self.ran_out.then_some("no connection in time")
    }
}

impl ConnectionTime {
    /// An attempt begins, and nothing is known of it.
    pub(crate) fn reset(&self) {
        self.waits.store(false, Ordering::Relaxed);
        self.ran_out.store(false, Ordering::Relaxed);
        self.waited.store(UNKNOWN, Ordering::Relaxed);
        self.used.store(UNKNOWN, Ordering::Relaxed);
    }

    /// From now on it waits for a connection.
    pub(crate) fn waits(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }

    /// It has one, after so long.
    pub(crate) fn has_one(&self, waited: Duration) {
        self.waits.store(false, Ordering::Relaxed);
        self.waited.store(number(waited), Ordering::Relaxed);
    }

    /// It no longer has it, after so long.
    pub(crate) fn gave_back(&self, used: Duration) {
        self.used.store(number(used), Ordering::Relaxed);
    }

    /// The time to open one ran out.
    pub(crate) fn ran_out(&self) {
        self.ran_out.store(true, Ordering::Relaxed);
    }

    /// What is known; `is_late`: the time of the call ran out.
    pub(crate) fn read(&self, is_late: bool) -> ConnectionTimes {
        ConnectionTimes {
            waited: length(self.waited.load(Ordering::Relaxed)),
            used: length(self.used.load(Ordering::Relaxed)),
            ran_out: self.ran_out.load(Ordering::Relaxed)
                || is_late && self.waits.load(Ordering::Relaxed),
        }
    }
}

fn number(length: Duration) -> u64 {
    u64::try_from(length.as_nanos())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

fn length(number: u64) -> Option<Duration> {
    number.checked_sub(1).map(Duration::from_nanos)
}
