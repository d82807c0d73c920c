//! Reading: stored text and numbers in any form that is known, whatever is declared; the declared form decides where a value
//! could be read in two ways.

use super::civil::{Date, Time};
use super::exact::{scaled, scaled_down};
use super::form::{Form, Style};
use super::instant::Instant;
use super::{NO_MIDNIGHT, RANGE, TimeError};

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;
/// The first second of the year 1.
const FIRST_SECOND: i64 = -62_135_596_800;

impl Form {
    /// The point in time that a stored text represents.
    ///
    /// # Errors
    ///
    /// The text is not a point in time, or needs more than this form reads.
    #[inline]
    pub fn read_instant(&self, text: &str) -> Result<Instant, TimeError> {
        if let Some(read) = self.read_pattern(text) {
            let (date, time, offset) = read?;
            return Instant::new(date, time, offset);
        }
        Instant::parse_with(text, self.liberties)
    }

    /// The point in time that a stored number, in plain notation, represents.
    ///
    /// A number means what the form writes. Where the form writes text, it is taken for seconds if its year is then one from 1 to
    /// 9999, else for milliseconds.
    ///
    /// # Errors
    ///
    /// The number is out of range, or finer than a microsecond.
    pub fn read_instant_number(&self, number: &str) -> Result<Instant, TimeError> {
        let whole = number.split('.').next().unwrap_or_default();
        let whole: i64 = whole.parse().map_err(|_| RANGE)?;
        let is_seconds = (FIRST_SECOND..=LAST_SECOND).contains(&whole);
        let digits = match self.style {
            Style::EpochMs | Style::Milliseconds => 3,
            // What was declared before there were formats is read as it always was.
            Style::Seconds | Style::WholeSeconds => 6,
            _ if is_seconds => 6,
            _ => 3,
        };
        let microseconds = if self.liberties.truncate {
            scaled_down(number, digits)?
        } else {
            scaled(number, digits)?
        };
        Instant::from_microseconds(microseconds)
    }

    /// The date that a stored text represents.
    ///
    /// # Errors
    ///
    /// The text is not a date.
    pub fn read_date(&self, text: &str) -> Result<Date, TimeError> {
        match self.read_pattern(text) {
            Some(read) => read.map(|(date, _, _)| date),
            None => Date::parse(text),
        }
    }

    /// The date whose midnight in UTC a stored number represents.
    ///
    /// # Errors
    ///
    /// The number is out of range, or not a midnight.
    pub fn read_date_number(&self, number: &str) -> Result<Date, TimeError> {
        let (date, time) = self.read_instant_number(number)?.parts();
        if time == Time::MIDNIGHT {
            Ok(date)
        } else {
            Err(NO_MIDNIGHT)
        }
    }

    /// The time of day that a stored text represents.
    ///
    /// # Errors
    ///
    /// The text is not a time of day.
    pub fn read_time(&self, text: &str) -> Result<Time, TimeError> {
        match self.read_pattern(text) {
            Some(read) => read.map(|(_, time, _)| time),
            None => Time::parse_with(text, self.liberties),
        }
    }

    #[inline]
    fn read_pattern(&self, text: &str) -> Option<Result<(Date, Time, i64), TimeError>> {
        self.pattern.as_ref()?.read(text, self.liberties)
    }
}
