//! The clock of engines in memory: the core's, which a test may move.

use dynoxide::storage_backend::Clock;
use pydynox_core::clock;

/// Never asks the host program for the date: the engine is locked when it reads its clock.
pub(crate) struct MovedClock;

impl Clock for MovedClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(clock::latest() / 1_000_000).unwrap_or(0)
    }

    #[allow(clippy::cast_precision_loss)] // microseconds since 1970 fit until the year 2255
    fn now_unix_secs_f64(&self) -> f64 {
        clock::latest() as f64 / 1_000_000.0
    }
}
