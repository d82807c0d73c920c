//! Reading ISO 8601 text, digit by digit, in the variants that other programs write.

use super::civil::{Date, Time};
use super::instant::Instant;
use super::{NO_DATE, NO_INSTANT, NO_OFFSET, NO_TIME, SECOND, TOO_FINE, TimeError};

/// What a declaration allows in text that is refused otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Liberties {
    /// Text without an offset is in UTC.
    pub(super) naive_utc: bool,
    /// What is finer than a microsecond is cut off.
    pub(super) truncate: bool,
}

impl Date {
    /// Reads `2026-11-23` or `20261123`.
    ///
    /// # Errors
    ///
    /// The text is not a date.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let mut digits = Cursor(text.as_bytes());
        let date = digits.date().ok_or(NO_DATE)?;
        if digits.0.is_empty() {
            Ok(date)
        } else {
            Err(NO_DATE)
        }
    }
}

impl Time {
    /// Reads `03:41`, `03:41:00`, `03:41:00.5`.
    ///
    /// # Errors
    ///
    /// The text is not a time of day, or has an offset.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::parse_with(text, Liberties::default())
    }

    pub(super) fn parse_with(text: &str, liberties: Liberties) -> Result<Self, TimeError> {
        let mut digits = Cursor(text.as_bytes());
        let time = digits.time(liberties).ok_or(NO_TIME)??;
        if digits.0.is_empty() {
            Ok(time)
        } else {
            Err(NO_TIME)
        }
    }
}

impl Instant {
    /// Reads ISO 8601: `2026-11-23T03:41:00.000000Z`, and what others write: an offset, a space instead of `T`, no seconds, no
    /// separators, any number of fractional digits if those after the sixth are zeros.
    ///
    /// # Errors
    ///
    /// The text is not a point in time, or has no offset.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        Self::parse_with(text, Liberties::default())
    }

    pub(super) fn parse_with(text: &str, liberties: Liberties) -> Result<Self, TimeError> {
        let mut rest = Cursor(text.as_bytes());
        let date = rest.date().ok_or(NO_INSTANT)?;
        if !rest.one_of(b"Tt ") {
            return Err(NO_INSTANT);
        }
        let time = rest.time(liberties).ok_or(NO_INSTANT)??;
        if rest.0.is_empty() {
            return if liberties.naive_utc {
                Self::new(date, time, 0)
            } else {
                Err(NO_OFFSET)
            };
        }
        let offset = rest.offset().ok_or(NO_INSTANT)?;
        if !rest.0.is_empty() {
            return Err(NO_INSTANT);
        }
        Self::new(date, time, offset * SECOND)
    }
}

/// The unread part of a text.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl Cursor<'_> {
    pub(super) fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(
            number
                .iter()
                .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')),
        )
    }

    pub(super) fn one_of(&mut self, bytes: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if bytes.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Skips exactly this text.
    pub(super) fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_bytes())?;
        Some(())
    }

    pub(super) fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        let separated = self.one_of(b"-");
        let month = self.number(2)?;
        if separated && !self.one_of(b"-") {
            return None;
        }
        Date::real(year, month, self.number(2)?)
    }

    /// None if this is not a time, an error if it is a time that cannot be represented.
    pub(super) fn time(&mut self, liberties: Liberties) -> Option<Result<Time, TimeError>> {
        let hour = self.number(2)?;
        let separated = self.one_of(b":");
        let minute = self.number(2)?;
        let mut second = 0;
        let mut microsecond = 0;
        if (separated && self.one_of(b":"))
            || (!separated && self.0.first().is_some_and(u8::is_ascii_digit))
        {
            second = self.number(2)?;
            if self.one_of(b".,") {
                microsecond = match self.fraction(liberties)? {
                    Ok(fraction) => fraction,
                    Err(problem) => return Some(Err(problem)),
                };
            }
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Ok(Time {
            hour: hour as u8,
            minute: minute as u8,
            second: second as u8,
            microsecond,
        }))
    }

    fn fraction(&mut self, liberties: Liberties) -> Option<Result<u32, TimeError>> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        if digits.is_empty() {
            return None;
        }
        if !liberties.truncate && digits.iter().skip(6).any(|digit| *digit != b'0') {
            return Some(Err(TOO_FINE));
        }
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
        Some(Ok(
            padded.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
        ))
    }

    /// Seconds east of UTC.
    pub(super) fn offset(&mut self) -> Option<i64> {
        if self.one_of(b"Zz") {
            return Some(0);
        }
        let sign = if self.one_of(b"+") {
            1
        } else if self.one_of(b"-") {
            -1
        } else {
            return None;
        };
        let hours = self.number(2)?;
        let mut rest = [0; 2];
        for part in &mut rest {
            if self.0.is_empty() {
                break;
            }
            self.one_of(b":");
            *part = self.number(2).filter(|part| *part < 60)?;
        }
        let [minutes, seconds] = rest;
        (hours < 24).then(|| sign * i64::from((hours * 60 + minutes) * 60 + seconds))
    }

    /// The same in the middle of a text: `Z`, `+00:00` or `+0000`.
    pub(super) fn offset_alone(&mut self) -> Option<i64> {
        let length = match self.0.get(3) {
            _ if matches!(self.0.first(), Some(b'Z' | b'z')) => 1,
            Some(b':') => 6,
            _ => 5,
        };
        let (own, rest) = self.0.split_at_checked(length)?;
        let mut own = Cursor(own);
        let offset = own.offset()?;
        self.0 = rest;
        own.0.is_empty().then_some(offset)
    }
}
