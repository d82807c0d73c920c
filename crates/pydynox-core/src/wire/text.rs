//! Texts: JSON strings as a body holds them, and what their escapes represent.

use std::borrow::Cow;

use super::error::{WireError, failed};
use super::scan::find_stop;

/// A JSON string as in the body, without its quotes; its escapes have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    pub(super) raw: &'a str,
    pub(super) escaped: bool,
    pub(super) ascii: bool,
}

impl<'a> Text<'a> {
    /// The characters between the quotes, with their escapes.
    #[inline]
    pub fn raw(self) -> &'a str {
        self.raw
    }

    /// Whether it contains no escape, so that [`raw`](Self::raw) is the text.
    #[inline]
    pub fn is_plain(self) -> bool {
        !self.escaped
    }

    /// Whether [`raw`](Self::raw) is all ASCII (known from the scan, not computed here).
    #[inline]
    pub fn is_ascii(self) -> bool {
        self.ascii
    }

    /// Whether it equals the text `other`.
    #[inline]
    pub fn equals(self, other: &str) -> bool {
        if self.escaped {
            return unescape(self.raw).is_ok_and(|text| text == other);
        }
        self.raw == other
    }

    /// The text, borrowed unless it contains an escape.
    ///
    /// # Errors
    ///
    /// An invalid escape, or half of a surrogate pair: never for a text from a [`Reader`](super::Reader), which checks escapes when it passes
    /// the string.
    #[inline]
    pub fn decode(self) -> Result<Cow<'a, str>, WireError> {
        if self.escaped {
            return unescape(self.raw).map(Cow::Owned);
        }
        Ok(Cow::Borrowed(self.raw))
    }
}

/// A string that contains escapes, ends close to the end of the text, or is invalid; and the position after it.
#[inline(never)]
pub(super) fn string_from(text: &str, start: usize) -> Result<(Text<'_>, usize), WireError> {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut escaped = false;
    loop {
        at = find_stop(bytes, at);
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at += escape_at(bytes, at)?.1;
            }
            Some(_) => return Err(failed(at, "an unescaped control character in a string")),
            None => return Err(failed(at, "the text ends in a string")),
        }
    }
    let raw = text
        .get(start..at)
        .ok_or_else(|| failed(start, "not UTF-8"))?;
    Ok((
        Text {
            raw,
            escaped,
            ascii: raw.is_ascii(),
        },
        at + 1,
    ))
}

/// The character that the escape at `at` represents, and its length in bytes.
fn escape_at(bytes: &[u8], at: usize) -> Result<(char, usize), WireError> {
    let character = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_at(bytes, at),
        Some(_) => return Err(failed(at, "an unknown escape")),
        None => return Err(failed(at, "the text ends in an escape")),
    };
    Ok((character, 2))
}

fn unicode_at(bytes: &[u8], at: usize) -> Result<(char, usize), WireError> {
    let unit = hex_at(bytes, at + 2)
        .ok_or_else(|| failed(at, "an escape without four hexadecimal digits"))?;
    if let Some(character) = char::from_u32(unit) {
        return Ok((character, 6));
    }
    // Below 0x10000 only surrogates are not characters; the first of a pair is below 0xDC00.
    let lone = || failed(at, "half of a surrogate pair");
    if unit >= 0xdc00 || bytes.get(at + 6..at + 8) != Some(br"\u") {
        return Err(lone());
    }
    let second = hex_at(bytes, at + 8)
        .filter(|second| (0xdc00..0xe000).contains(second))
        .ok_or_else(lone)?;
    let character =
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00)).ok_or_else(lone)?;
    Ok((character, 12))
}

fn hex_at(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit << 4 | char::from(*digit).to_digit(16)?)
    })
}

fn unescape(raw: &str) -> Result<String, WireError> {
    let mut text = String::with_capacity(raw.len());
    let mut plain = 0;
    while let Some(offset) = memchr::memchr(b'\\', raw.as_bytes().get(plain..).unwrap_or_default())
    {
        let at = plain + offset;
        text.push_str(raw.get(plain..at).unwrap_or_default());
        let (character, length) = escape_at(raw.as_bytes(), at)?;
        text.push(character);
        plain = at + length;
    }
    text.push_str(raw.get(plain..).unwrap_or_default());
    Ok(text)
}
