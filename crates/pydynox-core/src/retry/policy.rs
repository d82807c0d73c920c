//! Retries: classes of failure, backoff with full jitter, and a client's retry quota.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

// Bases, ceiling, stretch, quota and costs are the defaults of the AWS SDKs for DynamoDB, as of 10 November 2026.
/// First backoff after a transient failure, before jitter.
const TRANSIENT_BASE: Duration = Duration::from_millis(25);
/// First backoff after throttling, before jitter.
const THROTTLING_BASE: Duration = Duration::from_secs(1);
/// Longest backoff that the client chooses itself.
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// How far the service may extend a backoff.
const LONGEST_STRETCH: Duration = Duration::from_secs(5);

/// Tokens of a client's retry quota; see `reliability.md` section 1.
const QUOTA: u32 = 500;
const TRANSIENT_COST: u32 = 14;
const THROTTLING_COST: u32 = 5;
/// What a call that needed no retry returns to the quota.
const FIRST_TRY_REFUND: u32 = 1;

/// What a failed attempt calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Something broke on the way; retry soon.
    Transient,
    /// Too many requests; retry later.
    Throttling,
    /// The same request would fail the same way.
    Final,
}

impl Class {
    pub(crate) fn is_retryable(self) -> bool {
        self != Self::Final
    }

    fn base(self) -> Duration {
        match self {
            Self::Throttling => THROTTLING_BASE,
            // `Run::may_retry` never retries a final failure; its arm only completes the match.
            Self::Transient | Self::Final => TRANSIENT_BASE,
        }
    }

    fn cost(self) -> u32 {
        match self {
            Self::Throttling => THROTTLING_COST,
            Self::Transient | Self::Final => TRANSIENT_COST,
        }
    }
}

/// The source of a backoff's randomness: a number from 0 to 1.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// A custom source, for tests.
    pub fn new(source: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    fn draw(&self) -> f64 {
        // Above 1 the pause would exceed its ceiling, and a negative factor makes `mul_f64` panic.
        (self.0)().clamp(0.0, 1.0)
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::new(fastrand::f64)
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// The pause before retry number `retry` (zero-based).
///
/// The service may suggest a pause, but it neither shortens this one nor extends it by more than 5 s.
pub(crate) fn backoff(
    class: Class,
    retry: u32,
    wish: Option<Duration>,
    jitter: &Jitter,
) -> Duration {
    // `max_attempts` has no upper bound, and a shift by 32 bits or more would overflow.
    let ceiling = class
        .base()
        .saturating_mul(1u32.checked_shl(retry).unwrap_or(u32::MAX))
        .min(LONGEST_BACKOFF);
    let ours = ceiling.mul_f64(jitter.draw());
    // A shorter wish would undo the jitter, which keeps clients from retrying in step; a long one would use up the deadline.
    wish.map_or(ours, |wish| wish.clamp(ours, ours + LONGEST_STRETCH))
}

/// The retry quota that all calls of a client share: when many calls fail, retries stop before they add to the load.
#[derive(Debug)]
pub(crate) struct Quota(AtomicU32);

impl Quota {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(QUOTA))
    }

    /// Pays for one retry and returns the cost; `None` when too little is left.
    pub(crate) fn take(&self, class: Class) -> Option<u32> {
        let cost = class.cost();
        // Relaxed: no other data is published through the count.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(cost)
            })
            .ok()
            .map(|_| cost)
    }

    /// A call succeeded: returns the cost of its last retry, or one token if it needed none.
    pub(crate) fn give_back(&self, last_retry: Option<u32>) {
        // Usually it is full, and a load is enough: no read-modify-write for each call that succeeds.
        if self.0.load(Ordering::Relaxed) == QUOTA {
            return;
        }
        // Only the last retry is refunded, so a call that needed several leaves the quota lower.
        let refund = last_retry.unwrap_or(FIRST_TRY_REFUND);
        // The closure never refuses, so there is no failure to handle.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some((left + refund).min(QUOTA))
            });
    }

    #[cfg(test)]
    pub(crate) fn left(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(class: Class, retry: u32) -> Duration {
        backoff(class, retry, None, &Jitter::new(|| 1.0))
    }

    #[test]
    fn the_ceiling_doubles_from_the_base_of_its_class_up_to_twenty_seconds() {
        assert_eq!(longest(Class::Transient, 0), Duration::from_millis(25));
        assert_eq!(longest(Class::Transient, 1), Duration::from_millis(50));
        assert_eq!(longest(Class::Transient, 2), Duration::from_millis(100));
        assert_eq!(longest(Class::Throttling, 0), Duration::from_secs(1));
        assert_eq!(longest(Class::Throttling, 4), Duration::from_secs(16));
        assert_eq!(longest(Class::Throttling, 5), Duration::from_secs(20));
        assert_eq!(longest(Class::Transient, 1000), Duration::from_secs(20));
    }

    #[test]
    fn jitter_spreads_the_pause_over_everything_below_the_ceiling() {
        assert_eq!(
            backoff(Class::Throttling, 1, None, &Jitter::new(|| 0.25)),
            Duration::from_millis(500)
        );
        assert_eq!(
            backoff(Class::Throttling, 1, None, &Jitter::new(|| 0.0)),
            Duration::ZERO
        );
        assert_eq!(
            backoff(
                Class::Throttling,
                1,
                None,
                &Jitter::new(|| f64::NAN.max(7.0))
            ),
            Duration::from_secs(2)
        );
        assert!(backoff(Class::Throttling, 0, None, &Jitter::default()) <= Duration::from_secs(1));
    }

    #[test]
    fn the_wish_of_the_service_is_clamped_to_ours_and_five_seconds_more() {
        let with_wish = |ms| {
            backoff(
                Class::Throttling,
                0,
                Some(Duration::from_millis(ms)),
                &Jitter::new(|| 1.0),
            )
        };

        assert_eq!(with_wish(0), Duration::from_secs(1));
        assert_eq!(with_wish(3_000), Duration::from_secs(3));
        assert_eq!(with_wish(u64::MAX), Duration::from_secs(6));
    }

    #[test]
    fn the_quota_pays_by_class_and_never_exceeds_its_size() {
        let quota = Quota::new();

        assert_eq!(quota.take(Class::Transient), Some(14));
        assert_eq!(quota.take(Class::Throttling), Some(5));
        assert_eq!(quota.left(), 481);

        quota.give_back(Some(5));
        quota.give_back(None);
        assert_eq!(quota.left(), 487);

        quota.give_back(Some(14));
        assert_eq!(quota.left(), 500);
        quota.give_back(None);
        assert_eq!(quota.left(), 500);
    }

    #[test]
    fn an_empty_quota_refuses() {
        let quota = Quota::new();

        let paid = std::iter::from_fn(|| quota.take(Class::Transient)).count();

        assert_eq!(paid, 35);
        assert_eq!(quota.left(), 10);
        assert_eq!(quota.take(Class::Throttling), Some(5));
    }
}
