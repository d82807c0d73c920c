//! Times: points in time, dates, times of day and durations as text and exact numbers, and the formats that are written and read.

// Calendar and clock fields are small and not negative.
#![allow(clippy::cast_sign_loss, clippy::cast_possible_wrap)]

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

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
const NO_DURATION: TimeError = TimeError("no duration");

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A time of day, without an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub microsecond: u32,
}

/// A point in time: microseconds since 1970-01-01, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i64);

impl Date {
    /// Days since 1970-01-01 (<https://howardhinnant.github.io/date_algorithms.html>, `days_from_civil`).
    fn days(self) -> i64 {
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year - era * 400;
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The date this many days after 1970-01-01 (`civil_from_days`).
    fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days - era * 146_097;
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Self {
            year: (year + era * 400 + i64::from(month <= 2)) as i32,
            month: month as u8,
            day: day as u8,
        }
    }

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

    /// `2026-11-23`.
    pub fn text(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Time {
    fn microseconds(self) -> i64 {
        let seconds =
            (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        seconds * SECOND + i64::from(self.microsecond)
    }

    fn of_day(microseconds: i64) -> Self {
        let seconds = microseconds / SECOND;
        Self {
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            microsecond: (microseconds % SECOND) as u32,
        }
    }

    /// Reads `03:41`, `03:41:00`, `03:41:00.5`.
    ///
    /// # Errors
    ///
    /// The text is not a time of day, or has an offset.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let mut digits = Cursor(text.as_bytes());
        let time = digits.time().ok_or(NO_TIME)??;
        if digits.0.is_empty() {
            Ok(time)
        } else {
            Err(NO_TIME)
        }
    }

    /// `03:41:00.000000`: fixed width, so that texts sort like the times.
    pub fn text(self) -> String {
        let Self {
            hour,
            minute,
            second,
            microsecond,
        } = self;
        format!("{hour:02}:{minute:02}:{second:02}.{microsecond:06}")
    }
}

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

    /// The system clock's time.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        }))
    }

    /// Microseconds since 1970-01-01, UTC.
    pub fn microseconds(self) -> i64 {
        self.0
    }

    /// The date and the time of day in UTC.
    pub fn parts(self) -> (Date, Time) {
        (
            Date::from_days(self.0.div_euclid(DAY)),
            Time::of_day(self.0.rem_euclid(DAY)),
        )
    }

    /// `2026-11-23T03:41:00.000000Z`: fixed width, so that texts sort like the times.
    pub fn text(self) -> String {
        let (date, time) = self.parts();
        format!("{}T{}Z", date.text(), time.text())
    }

    /// Reads ISO 8601: `2026-11-23T03:41:00.000000Z`, and what others write: an offset, a space instead of `T`, no seconds, no
    /// separators, any number of fractional digits if those after the sixth are zeros.
    ///
    /// # Errors
    ///
    /// The text is not a point in time, or has no offset.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let mut rest = Cursor(text.as_bytes());
        let date = rest.date().ok_or(NO_INSTANT)?;
        if !rest.one_of(b"Tt ") {
            return Err(NO_INSTANT);
        }
        let time = rest.time().ok_or(NO_INSTANT)??;
        if rest.0.is_empty() {
            return Err(NO_OFFSET);
        }
        let offset = rest.offset().ok_or(NO_INSTANT)?;
        if !rest.0.is_empty() {
            return Err(NO_INSTANT);
        }
        Self::new(date, time, offset * SECOND)
    }
}

/// The unread part of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn number(&mut self, digits: usize) -> Option<u32> {
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

    fn one_of(&mut self, bytes: &[u8]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if bytes.contains(first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        let separated = self.one_of(b"-");
        let month = self.number(2)?;
        if separated && !self.one_of(b"-") {
            return None;
        }
        let date = Date {
            year: year as i32,
            month: month as u8,
            day: self.number(2)? as u8,
        };
        let real = (1..=9999).contains(&year) && Date::from_days(date.days()) == date;
        real.then_some(date)
    }

    /// None if this is not a time, an error if it is a time that cannot be represented.
    fn time(&mut self) -> Option<Result<Time, TimeError>> {
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
                microsecond = match self.fraction()? {
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

    fn fraction(&mut self) -> Option<Result<u32, TimeError>> {
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
        if digits.iter().skip(6).any(|digit| *digit != b'0') {
            return Some(Err(TOO_FINE));
        }
        let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(6);
        Some(Ok(
            padded.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
        ))
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
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
}

/// A decimal text as a whole number of units of `10^-digits`: `1.5` with 6 digits is 1,500,000.
///
/// # Errors
///
/// The text is not in plain notation, has more digits, or exceeds 64 bits.
pub fn scaled(text: &str, digits: usize) -> Result<i64, TimeError> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > digits {
        return Err(TOO_FINE);
    }
    let all = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', digits - fraction.len()));
    let mut sum: i64 = 0;
    for digit in all {
        if !digit.is_ascii_digit() {
            return Err(NO_DURATION);
        }
        sum = sum
            .checked_mul(10)
            .and_then(|sum| sum.checked_add(sign * i64::from(digit - b'0')))
            .ok_or(RANGE)?;
    }
    Ok(sum)
}

/// The shortest decimal text of a number of units of `10^-digits`.
pub fn unscaled(units: i64, digits: u32) -> String {
    let base = 10_u64.pow(digits);
    let sign = if units < 0 { "-" } else { "" };
    let (whole, fraction) = (units.unsigned_abs() / base, units.unsigned_abs() % base);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// A duration in microseconds in ISO 8601, `P1DT3600.5S`.
pub fn duration_text(microseconds: i64) -> String {
    let sign = if microseconds < 0 { "-" } else { "" };
    let (days, rest) = (
        microseconds.unsigned_abs() / DAY.unsigned_abs(),
        microseconds.unsigned_abs() % DAY.unsigned_abs(),
    );
    format!(
        "{sign}P{days}DT{}S",
        unscaled(i64::try_from(rest).unwrap_or_default(), 6)
    )
}

/// Reads a duration in ISO 8601 (days and below), in microseconds.
///
/// # Errors
///
/// The text is not such a duration.
pub fn parse_duration(text: &str) -> Result<i64, TimeError> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P').ok_or(NO_DURATION)?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let units = [
        ("D", DAY),
        ("H", 3600 * SECOND),
        ("M", 60 * SECOND),
        ("S", SECOND),
    ];
    let mut sum: i64 = 0;
    let mut has_part = false;
    for (mut part, allowed) in [(days, &units[..1]), (time, &units[1..])] {
        for (letter, unit) in allowed {
            if let Some((number, after)) = part.split_once(letter) {
                let value = scaled(number, 6)?;
                let microseconds = i128::from(value) * i128::from(*unit) / i128::from(SECOND);
                sum = i64::try_from(microseconds)
                    .ok()
                    .and_then(|microseconds| sum.checked_add(microseconds))
                    .ok_or(RANGE)?;
                part = after;
                has_part = true;
            }
        }
        if !part.is_empty() {
            return Err(NO_DURATION);
        }
    }
    if !has_part {
        return Err(NO_DURATION);
    }
    Ok(if negative { -sum } else { sum })
}

#[cfg(test)]
mod tests;
