//! Writing: values in the form that is declared for them, or why the form cannot hold them.

use std::fmt;

use super::civil::{Date, Time};
use super::exact::unscaled;
use super::form::{Form, Style};
use super::instant::Instant;
use super::iso::{Digits, time_into};
use super::{DAY, SECOND};

/// A value as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// S
    String(String),
    /// N
    Number(String),
}

/// Why a form cannot hold a value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotHold(String);

impl fmt::Display for CannotHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotHold {}

impl Form {
    /// A point in time as it is stored.
    ///
    /// # Errors
    ///
    /// The form has no place for all of it.
    #[inline]
    pub fn instant(&self, at: Instant) -> Result<Stored, CannotHold> {
        let suffix: &[u8] = match self.style {
            Style::IsoZ => b"Z",
            Style::IsoOffset => b"+00:00",
            Style::Pynamodb => b"+0000",
            _ => return self.further_instant(at),
        };
        let mut out = Digits::default();
        let microsecond = out.instant(at);
        out.fraction(microsecond);
        out.push(suffix);
        Ok(Stored::String(out.text()))
    }

    fn further_instant(&self, at: Instant) -> Result<Stored, CannotHold> {
        let microseconds = at.microseconds();
        let number = |number: String| Ok(Stored::Number(number));
        match self.style {
            Style::Seconds => return number(unscaled(microseconds, 6)),
            Style::Milliseconds => return number(unscaled(microseconds, 3)),
            Style::WholeSeconds => return number(microseconds.div_euclid(SECOND).to_string()),
            Style::Pattern => {
                let (date, time) = at.parts();
                return self.patterned(date, time);
            }
            _ => {}
        }
        let unit = self.unit();
        if microseconds.rem_euclid(unit) != 0 {
            return Err(self.too_fine(unit));
        }
        match self.style {
            Style::Epoch | Style::EpochMs => return number((microseconds / unit).to_string()),
            _ => {}
        }
        let mut out = Digits::default();
        let microsecond = out.instant(at);
        match self.style {
            Style::Rfc3339Nano => trimmed(&mut out, microsecond),
            Style::JavaInstant => in_thousands(&mut out, microsecond),
            _ => {}
        }
        out.push(b"Z");
        Ok(Stored::String(out.text()))
    }

    /// A date as it is stored.
    ///
    /// # Errors
    ///
    /// The form has no place for all of it.
    pub fn date(&self, date: Date) -> Result<Stored, CannotHold> {
        match self.style {
            Style::Epoch => Ok(Stored::Number((date.days() * (DAY / SECOND)).to_string())),
            Style::EpochMs => Ok(Stored::Number((date.days() * (DAY / 1_000)).to_string())),
            Style::Pattern => self.patterned(date, Time::MIDNIGHT),
            _ => Ok(Stored::String(date.text())),
        }
    }

    /// A time of day as it is stored.
    ///
    /// # Errors
    ///
    /// The form has no place for all of it.
    pub fn time(&self, time: Time) -> Result<Stored, CannotHold> {
        match self.style {
            Style::IsoSeconds if time.microsecond != 0 => Err(self.too_fine(SECOND)),
            Style::IsoSeconds => {
                let mut out = Digits::default();
                time_into(&mut out, time);
                Ok(Stored::String(out.text()))
            }
            Style::Pattern => self.patterned(FIRST_DAY, time),
            _ => Ok(Stored::String(time.text())),
        }
    }

    fn patterned(&self, date: Date, time: Time) -> Result<Stored, CannotHold> {
        let Some(pattern) = &self.pattern else {
            return Ok(Stored::String(String::new()));
        };
        if let Some(what) = pattern.lacks(date, time) {
            return Err(CannotHold(format!(
                "{what}: round the value, or declare a format that holds it"
            )));
        }
        let mut out = Digits::default();
        pattern.write(&mut out, date, time);
        Ok(Stored::String(out.text()))
    }

    #[cold]
    fn too_fine(&self, unit: i64) -> CannotHold {
        let (has, holds) = if unit == SECOND {
            ("a fraction of a second", "whole seconds")
        } else {
            ("microseconds", "whole milliseconds")
        };
        let remedy = match self.style {
            Style::IsoSeconds => "declare format=\"iso_z\"",
            Style::Epoch => "declare epoch=\"seconds\", which stores the fraction",
            _ => "declare epoch=\"milliseconds\", which stores the fraction",
        };
        CannotHold(format!(
            "has {has}, and format={:?} stores {holds}: round the value, or {remedy}",
            self.name()
        ))
    }

    /// A stored value as a part of another text, whose order depends on the width of each part.
    ///
    /// # Errors
    ///
    /// A number has another width than the numbers around it.
    pub fn in_text(&self, stored: Stored) -> Result<String, CannotHold> {
        let (Stored::String(text) | Stored::Number(text)) = stored;
        let width = match self.style {
            Style::Epoch => 10,
            Style::EpochMs => 13,
            _ => return Ok(text),
        };
        if text.len() == width && !text.starts_with('-') {
            return Ok(text);
        }
        Err(CannotHold(format!(
            "is outside 2001-09-09 to 2286-11-20, and a number of format={:?} in a key then has not {width} digits: keys would not sort as times. Declare format=\"iso_z\"",
            self.name()
        )))
    }

    /// A point in time as the JSON text of an attribute value, without what the form has no place for: for times that pydynox
    /// itself takes.
    pub fn json(&self, at: Instant) -> Vec<u8> {
        let (tag, text) = match self.instant(at.floored_to(self.unit())) {
            Ok(Stored::Number(number)) => ("N", number),
            Ok(Stored::String(text)) => ("S", text),
            // Every form holds whole units of its own.
            Err(_) => ("S", at.text()),
        };
        // No form writes a character that JSON escapes.
        format!(r#"{{"{tag}":"{text}"}}"#).into_bytes()
    }
}

/// Any day without a meaning, for patterns of a time of day.
const FIRST_DAY: Date = Date {
    year: 1970,
    month: 1,
    day: 1,
};

/// A fraction without the zeros at its end, as Go writes it.
fn trimmed(out: &mut Digits, microsecond: u32) {
    if microsecond == 0 {
        return;
    }
    let (mut digits, mut width) = (microsecond, 6);
    while digits.is_multiple_of(10) {
        digits /= 10;
        width -= 1;
    }
    out.push(b".");
    out.number(digits, width);
}

/// A fraction of 0, 3 or 6 digits, as Java writes it.
fn in_thousands(out: &mut Digits, microsecond: u32) {
    if microsecond == 0 {
        return;
    }
    if microsecond.is_multiple_of(1_000) {
        out.push(b".");
        out.number(microsecond / 1_000, 3);
    } else {
        out.fraction(microsecond);
    }
}
