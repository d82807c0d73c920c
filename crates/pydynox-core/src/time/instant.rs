//! Points in time: microseconds since 1970 in UTC.

use super::civil::{Date, Time};
use super::{DAY, RANGE, TimeError};
use crate::clock;

/// A point in time: microseconds since 1970-01-01, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i64);

impl Instant {
    /// A date and time at an offset from UTC, in microseconds.
    ///
    /// # Errors
    ///
    /// In UTC it is outside the years 1 to 9999.
    pub fn new(date: Date, time: Time, offset: i64) -> Result<Self, TimeError> {
        Self::from_microseconds(date.days() * DAY + time.microseconds() - offset)
    }

    /// The point this many microseconds after 1970-01-01, UTC.
    ///
    /// # Errors
    ///
    /// The result is outside the years 1 to 9999.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, TimeError> {
        match Date::from_days(microseconds.div_euclid(DAY)).year {
            1..=9999 => Ok(Self(microseconds)),
            _ => Err(RANGE),
        }
    }

    /// The clock's time.
    #[inline]
    pub fn now() -> Self {
        Self(clock::microseconds())
    }

    /// Microseconds since 1970-01-01, UTC.
    pub fn microseconds(self) -> i64 {
        self.0
    }

    /// The same point without what is finer than this many microseconds, which divide a day.
    pub(super) fn floored_to(self, unit: i64) -> Self {
        Self(self.0.div_euclid(unit) * unit)
    }

    /// The date and the time of day in UTC.
    pub fn parts(self) -> (Date, Time) {
        (
            Date::from_days(self.0.div_euclid(DAY)),
            Time::of_day(self.0.rem_euclid(DAY)),
        )
    }
}
