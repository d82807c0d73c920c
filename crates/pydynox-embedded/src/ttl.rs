//! When expired items are swept away: before a request, at most once a second, and never for more than a twentieth of the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dynoxide::storage_backend::Clock;

/// Shortest time between two sweeps.
const INTERVAL: Duration = Duration::from_secs(1);
/// The next sweep waits this many times as long as the last one took: a sweep reads whole tables.
const REST: u32 = 20;

/// Decides when the next sweep is due; read without the engine's lock.
pub(crate) struct Sweeper {
    clock: Arc<dyn Clock>,
    /// A table with time to live may exist.
    needed: AtomicBool,
    /// Milliseconds since the epoch, by the engine's clock.
    due: AtomicU64,
}

impl Sweeper {
    pub(crate) fn new(clock: Arc<dyn Clock>, needed: bool) -> Self {
        Self {
            clock,
            needed: AtomicBool::new(needed),
            due: AtomicU64::new(0),
        }
    }

    /// Whether the next request is to sweep first.
    pub(crate) fn is_due(&self) -> bool {
        // Relaxed: a sweep that begins one request later is as good.
        self.needed.load(Ordering::Relaxed) && self.now() >= self.due.load(Ordering::Relaxed)
    }

    /// Time to live was switched on for some table; the next request sweeps.
    pub(crate) fn need(&self) {
        self.due.store(0, Ordering::Relaxed);
        self.needed.store(true, Ordering::Relaxed);
    }

    /// A sweep took this long.
    pub(crate) fn swept(&self, took: Duration) {
        let pause = INTERVAL.max(took.saturating_mul(REST));
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.due
            .store(self.now().saturating_add(pause), Ordering::Relaxed);
    }

    /// Milliseconds since the epoch, by the engine's clock.
    #[allow(clippy::cast_sign_loss)] // clamped by the cast: before the epoch nothing is due
    pub(crate) fn now(&self) -> u64 {
        (self.clock.now_unix_secs_f64() * 1000.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::storage_backend::ManualClock;

    #[test]
    fn a_sweep_is_due_once_a_second_and_only_when_some_table_needs_it() {
        let clock = ManualClock::new(1_000);
        let sweeper = Sweeper::new(clock.arc(), false);
        assert!(!sweeper.is_due());

        sweeper.need();
        assert!(sweeper.is_due());

        sweeper.swept(Duration::from_millis(3));
        clock.tick(Duration::from_millis(900));
        assert!(!sweeper.is_due());
        clock.tick(Duration::from_millis(101));
        assert!(sweeper.is_due());
    }

    #[test]
    fn a_long_sweep_is_followed_by_a_long_rest() {
        let clock = ManualClock::new(1_000);
        let sweeper = Sweeper::new(clock.arc(), true);

        sweeper.swept(Duration::from_millis(200));

        clock.tick(Duration::from_millis(3_900));
        assert!(!sweeper.is_due());
        clock.tick(Duration::from_millis(200));
        assert!(sweeper.is_due());
    }
}
