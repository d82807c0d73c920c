//! Recognizing: which format a stored text or number was written in.

use super::form::{Form, Style};
use super::of::{BUILT_IN, Of};
use super::write::Stored;

/// Patterns that other programs often write, after the formats with a name.
const COMMON: [&str; 14] = [
    "%Y-%m-%dT%H:%M:%S.%3fZ", // JavaScript's toISOString
    "%Y-%m-%dT%H:%M:%S.%9fZ",
    "%Y-%m-%dT%H:%M:%S.%3f+00:00",
    "%Y-%m-%dT%H:%M:%S+00:00",
    "%Y-%m-%dT%H:%M:%S+0000",
    "%Y-%m-%dT%H:%MZ",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S.%f+00:00",
    "%Y-%m-%d %H:%M:%S+00:00",
    "%Y-%m-%d %H:%M:%S",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%d%H%M%S",
];

/// The first format that writes exactly this text for the value it represents: one with a name, else a pattern. Forms of variable
/// width come last, since their text may be that of another format.
pub fn fitting_text(text: &str, of: Of) -> Option<Form> {
    let (fixed, variable) = BUILT_IN.split_at(BUILT_IN.len() - 2);
    let patterns: &[&str] = match of {
        Of::Datetime => &COMMON,
        Of::Date => &["%Y%m%d", "%Y/%m/%d", "%d.%m.%Y", "%Y-%m-%dT00:00:00Z"],
        Of::Time => &["%H:%M", "%H%M%S", "%H:%M:%S.%3f"],
    };
    let all = fixed.iter().chain(patterns).chain(variable);
    all.filter_map(|format| Form::declared(format, of).ok())
        .find(|form| form.writes_text(text, of))
}

/// The format of a stored number in plain notation.
pub fn fitting_number(number: &str, of: Of) -> Option<Form> {
    let is_milliseconds = number.trim_start_matches('-').len() > 11;
    let format = if is_milliseconds { "epoch_ms" } else { "epoch" };
    let form = Form::declared(format, of).ok()?;
    form.writes_number(number, of).then_some(form)
}

impl Form {
    /// Whether this is exactly how it writes the value that this text represents.
    pub fn writes_text(&self, text: &str, of: Of) -> bool {
        let written = match of {
            Of::Datetime => self
                .read_instant(text)
                .ok()
                .and_then(|at| self.instant(at).ok()),
            Of::Date => self
                .read_date(text)
                .ok()
                .and_then(|date| self.date(date).ok()),
            Of::Time => self
                .read_time(text)
                .ok()
                .and_then(|time| self.time(time).ok()),
        };
        matches!(written, Some(Stored::String(written)) if written == text)
    }

    /// Whether this is exactly how it writes the value that this number represents.
    pub fn writes_number(&self, number: &str, of: Of) -> bool {
        let written = match of {
            Of::Datetime => {
                let at = self.read_instant_number(number).ok();
                at.and_then(|at| self.instant(at).ok())
            }
            Of::Date => {
                let date = self.read_date_number(number).ok();
                date.and_then(|date| self.date(date).ok())
            }
            Of::Time => None,
        };
        matches!(written, Some(Stored::Number(written)) if written == number)
    }

    /// Whether a text that was read as one of its type has the form: its separators are where this form has them.
    #[inline]
    pub fn is_form_of(&self, text: &str, of: Of) -> bool {
        let bytes = text.as_bytes();
        let suffix: &[u8] = match (self.style, of) {
            (Style::IsoZ, Of::Datetime) => b"Z",
            (Style::IsoOffset, Of::Datetime) => b"+00:00",
            (Style::Pynamodb, Of::Datetime) => b"+0000",
            _ => return self.writes_text(text, of),
        };
        bytes.len() == 26 + suffix.len()
            && bytes[26..] == *suffix
            && [(4, b'-'), (10, b'T'), (13, b':'), (19, b'.')]
                .into_iter()
                .all(|(at, separator)| bytes[at] == separator)
    }
}
