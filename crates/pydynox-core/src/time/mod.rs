//! Times: points in time, dates, times of day and durations, and the forms in which they are stored.

// Calendar and clock fields are small and not negative.
#![allow(clippy::cast_sign_loss, clippy::cast_possible_wrap)]

mod civil;
mod duration;
mod exact;
mod form;
mod instant;
mod iso;
mod of;
mod parse;
mod pattern;
mod read;
mod recognize;
mod write;

use std::fmt;

pub use civil::{Date, Time};
pub use duration::{duration_text, parse_duration};
pub use exact::{scaled, unscaled};
pub use form::Form;
pub use instant::Instant;
pub use of::{BUILT_IN, FormError, Of};
pub use recognize::{fitting_number, fitting_text};
pub use write::{CannotHold, Stored};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
const DAY: i64 = 86_400 * SECOND;

/// Why a text is not a point in time, date, time or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeError(&'static str);

impl TimeError {
    /// What is wrong, briefly.
    pub fn what(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TimeError {}

const RANGE: TimeError = TimeError("not between the years 1 and 9999");
const NO_OFFSET: TimeError = TimeError("a point in time without Z or an offset from UTC");
const TOO_FINE: TimeError = TimeError("finer than a microsecond");
const NO_INSTANT: TimeError = TimeError("not a point in time in ISO 8601");
const NO_DATE: TimeError = TimeError("not a date in ISO 8601");
const NO_TIME: TimeError = TimeError("not a time of day in ISO 8601");
const NO_MIDNIGHT: TimeError = TimeError("not the beginning of a day, as a date is");
const NO_DURATION: TimeError = TimeError("no duration");

#[cfg(test)]
mod tests;
