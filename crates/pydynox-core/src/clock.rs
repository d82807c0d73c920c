//! Clock: the time that everything but the network goes by. It is the system's, unless a test follows or moves it.
//!
//! The switch is one for the process, as time is. While it is off, reading the time costs one relaxed load more than before.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Time is the system's.
const OFF: u8 = 0;
/// The date is what the host program says; intervals are real.
const FOLLOWING: u8 = 1;
/// Time passes only when it is moved; waiting moves it too.
const STILL: u8 = 2;

static MODE: AtomicU8 = AtomicU8::new(OFF);

/// What a host program says is the date, in microseconds since 1970; None where it cannot be asked.
pub type Source = fn() -> Option<i64>;

static SOURCE: OnceLock<Source> = OnceLock::new();
/// The last answer of the host program, as the difference from the system's date, in microseconds.
static LAST: AtomicI64 = AtomicI64::new(0);
/// Less than this apart, the host's clock is the system's, which was read a moment earlier.
const SAME: i64 = 1_000_000;

/// Nanoseconds of still time since [`origin`], and the date at its beginning.
static ELAPSED: AtomicU64 = AtomicU64::new(0);
static DATE: AtomicI64 = AtomicI64::new(0);

/// Number of times that the date went back, or may have.
static LEAPS: AtomicU32 = AtomicU32::new(0);

/// Real time between two looks at a clock that a test may move.
pub(crate) const TICK: Duration = Duration::from_millis(2);

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// The date, in microseconds since 1970.
#[inline]
pub fn microseconds() -> i64 {
    match MODE.load(Ordering::Relaxed) {
        OFF => of_system(),
        mode => moved(mode),
    }
}

#[cold]
fn moved(mode: u8) -> i64 {
    if mode == STILL {
        let elapsed = ELAPSED.load(Ordering::Acquire) / 1000;
        return DATE
            .load(Ordering::Acquire)
            .saturating_add_unsigned(elapsed);
    }
    of_source().unwrap_or_else(latest)
}

/// The date without asking the host program again: for threads that must not, and for code that holds locks.
#[inline]
pub fn latest() -> i64 {
    match MODE.load(Ordering::Relaxed) {
        OFF => of_system(),
        STILL => moved(STILL),
        _ => of_system().saturating_add(LAST.load(Ordering::Relaxed)),
    }
}

/// Asks the host program for its date, if it is followed; for what reads [`latest`] afterwards.
#[inline]
pub fn refresh() {
    if MODE.load(Ordering::Relaxed) == FOLLOWING {
        of_source();
    }
}

/// What the host program says is the date; None if that is the system's, or it cannot be asked here.
fn of_source() -> Option<i64> {
    let date = SOURCE.get().and_then(|source| source())?;
    let difference = date.saturating_sub(of_system());
    // Rounding, and the time that asking took, would make the date go back and forth.
    let differs = difference.abs() >= SAME;
    let difference = if differs { difference } else { 0 };
    if difference < LAST.swap(difference, Ordering::Relaxed) {
        leap();
    }
    differs.then_some(date)
}

fn of_system() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// The time that deadlines and pauses go by.
#[inline]
pub fn instant() -> Instant {
    if MODE.load(Ordering::Relaxed) == STILL {
        return still_instant();
    }
    Instant::now()
}

#[cold]
fn still_instant() -> Instant {
    origin() + Duration::from_nanos(ELAPSED.load(Ordering::Acquire))
}

/// Whether a test may move the clock, so that a wait has to look at it now and then.
#[inline]
pub(crate) fn is_on() -> bool {
    MODE.load(Ordering::Relaxed) != OFF
}

/// Whether time is stopped.
#[inline]
pub(crate) fn is_still() -> bool {
    MODE.load(Ordering::Relaxed) == STILL
}

/// Whether two readings of the date may be equal although something happened in between: then a date proves nothing.
#[inline]
pub(crate) fn may_repeat() -> bool {
    match MODE.load(Ordering::Relaxed) {
        OFF => false,
        STILL => true,
        _ => LAST.load(Ordering::Relaxed) != 0,
    }
}

/// A number that changes whenever a test lets the date go back: what grows with the date starts again.
#[inline]
pub(crate) fn leaps() -> u32 {
    LEAPS.load(Ordering::Relaxed)
}

fn leap() {
    LEAPS.fetch_add(1, Ordering::Relaxed);
}

/// From now on the date is what this source says, and a test may move it.
pub fn follow(source: Source) {
    let _ = SOURCE.set(source);
    LAST.store(0, Ordering::Relaxed);
    MODE.store(FOLLOWING, Ordering::Release);
    refresh();
}

/// Time is the system's again.
pub fn release() {
    MODE.store(OFF, Ordering::Release);
    leap();
}

/// Stops the clock where it is.
fn hold() {
    if is_still() {
        return;
    }
    let date = microseconds();
    let elapsed = Instant::now().saturating_duration_since(origin());
    let elapsed = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
    ELAPSED.store(elapsed, Ordering::Release);
    let since_origin = i64::try_from(elapsed / 1000).unwrap_or(i64::MAX);
    DATE.store(date.saturating_sub(since_origin), Ordering::Release);
    MODE.store(STILL, Ordering::Release);
}

/// Moves the clock on; it is then stopped until it is moved again.
pub fn advance(length: Duration) {
    hold();
    let nanoseconds = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    // Half of the range is some 290 years, and no sum of two such lengths overflows.
    let most = u64::MAX / 4;
    let _ = ELAPSED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |elapsed| {
        Some(elapsed.min(most) + nanoseconds.min(most))
    });
}

/// Sets the date; what lies ahead is reached as [`advance`] reaches it, and a date in the past leaves intervals as they are.
pub fn move_to(date: i64) {
    hold();
    let by = date.saturating_sub(microseconds());
    if let Ok(by) = u64::try_from(by) {
        advance(Duration::from_micros(by));
    } else {
        DATE.fetch_add(by, Ordering::AcqRel);
        leap();
    }
}

/// Lets still time pass up to this point, unless it already has.
pub(crate) fn reach(until: Instant) {
    let length = until.saturating_duration_since(origin());
    let nanoseconds = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
    ELAPSED.fetch_max(nanoseconds, Ordering::AcqRel);
}
