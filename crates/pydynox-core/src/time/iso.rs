//! Writing ISO 8601 at a fixed width, digit by digit.

use super::civil::{Date, Time};
use super::instant::Instant;

/// ASCII text in the making.
pub(super) struct Digits(Vec<u8>);

impl Default for Digits {
    fn default() -> Self {
        Self(Vec::with_capacity(32))
    }
}

impl Digits {
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    /// A number padded to a width of at most six digits.
    #[inline]
    pub(super) fn number(&mut self, number: u32, width: usize) {
        let mut digits = [b'0'; 6];
        let mut rest = number;
        for digit in digits[6 - width..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.push(&digits[6 - width..]);
    }

    /// A point and six digits.
    #[inline]
    pub(super) fn fraction(&mut self, microsecond: u32) {
        self.push(b".");
        self.number(microsecond, 6);
    }

    /// `2026-11-23T03:41:00`; returns what is left, the microseconds.
    #[inline]
    pub(super) fn instant(&mut self, at: Instant) -> u32 {
        let (date, time) = at.parts();
        date_into(self, date);
        self.push(b"T");
        time_into(self, time);
        time.microsecond
    }

    pub(super) fn text(self) -> String {
        // A pattern's literals are UTF-8 and the rest is ASCII.
        String::from_utf8(self.0).unwrap_or_default()
    }
}

#[inline]
pub(super) fn date_into(out: &mut Digits, date: Date) {
    out.number(date.year as u32, 4);
    out.push(b"-");
    out.number(date.month.into(), 2);
    out.push(b"-");
    out.number(date.day.into(), 2);
}

/// `03:41:00`
#[inline]
pub(super) fn time_into(out: &mut Digits, time: Time) {
    out.number(time.hour.into(), 2);
    out.push(b":");
    out.number(time.minute.into(), 2);
    out.push(b":");
    out.number(time.second.into(), 2);
}

impl Date {
    /// `2026-11-23`.
    pub fn text(self) -> String {
        let mut out = Digits::default();
        date_into(&mut out, self);
        out.text()
    }
}

impl Time {
    /// `03:41:00.000000`: fixed width, so that texts sort like the times.
    pub fn text(self) -> String {
        let mut out = Digits::default();
        time_into(&mut out, self);
        out.fraction(self.microsecond);
        out.text()
    }
}

impl Instant {
    /// `2026-11-23T03:41:00.000000Z`: fixed width, so that texts sort like the times.
    pub fn text(self) -> String {
        let mut out = Digits::default();
        let microsecond = out.instant(self);
        out.fraction(microsecond);
        out.push(b"Z");
        out.text()
    }
}
