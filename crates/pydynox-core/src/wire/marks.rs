//! Marks: delimiters around values that are protected before a body is sent.
//!
//! A marked value is wire JSON between two control characters that JSON text never contains unescaped: `\x1f`, the item's
//! number, the length of the attribute's name and the name, all in hexadecimal digits, the value, `\x1e`. So a marked piece can
//! be copied into any body, and no user's text is mistaken for a mark.

use super::writer::Writer;

const BEGIN: u8 = 0x1f;
const END: u8 = 0x1e;
/// Hexadecimal digits of the item's number, and of the length of the attribute's name.
const DIGITS: (usize, usize) = (8, 8);

/// Writes the value of a protected attribute of item 0; `attribute` is its stored name, `value` its wire JSON.
pub fn mark(writer: &mut Writer, attribute: &str, value: &[u8]) {
    let (item, length) = DIGITS;
    writer.byte(BEGIN);
    writer.raw(format!("{:0item$x}{:0length$x}", 0, attribute.len()).as_bytes());
    // In hexadecimal digits, because a name may contain the delimiters.
    for byte in attribute.bytes() {
        writer.raw(format!("{byte:02x}").as_bytes());
    }
    writer.raw(value);
    writer.byte(END);
}

/// Whether this is a marked value.
pub fn is_marked(value: &[u8]) -> bool {
    value.first() == Some(&BEGIN)
}

/// Assigns all marked values in part of a body to this item.
pub fn renumber(piece: &mut [u8], item: usize) {
    // Always of the same length, so that the piece is changed in place.
    let digits = format!("{item:0width$x}", width = DIGITS.0);
    let mut from = 0;
    while let Some(offset) = memchr::memchr(BEGIN, piece.get(from..).unwrap_or_default()) {
        let start = from + offset + 1;
        if let Some(place) = piece.get_mut(start..start + DIGITS.0) {
            place.copy_from_slice(digits.as_bytes());
        }
        from = start;
    }
}

/// A body with its values unmarked, for measuring it.
pub fn unmarked(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(offset) = memchr::memchr(BEGIN, rest) {
        let (before, marked) = rest.split_at(offset);
        plain.extend_from_slice(before);
        let Some(marked) = Marked::read(marked) else {
            return plain;
        };
        plain.extend_from_slice(marked.value);
        rest = marked.rest;
    }
    plain.extend_from_slice(rest);
    plain
}

/// A marked value at the start of a text.
#[derive(Debug)]
pub struct Marked<'a> {
    /// The item's number.
    pub item: usize,
    /// The attribute's stored name.
    pub attribute: String,
    /// The value's wire JSON.
    pub value: &'a [u8],
    /// What follows.
    pub rest: &'a [u8],
}

impl<'a> Marked<'a> {
    /// Position of the next marked value.
    pub fn find(text: &[u8]) -> Option<usize> {
        memchr::memchr(BEGIN, text)
    }

    /// The marked value at the start of the text; None if it is incomplete.
    pub fn read(text: &'a [u8]) -> Option<Self> {
        let (item, after) = number(text.get(1..)?, DIGITS.0)?;
        let (length, mut after) = number(after, DIGITS.1)?;
        let mut name = Vec::with_capacity(length);
        for _ in 0..length {
            let byte;
            (byte, after) = number(after, 2)?;
            name.push(byte as u8);
        }
        let end = memchr::memchr(END, after)?;
        Some(Self {
            item,
            attribute: String::from_utf8(name).ok()?,
            value: after.get(..end)?,
            rest: after.get(end + 1..)?,
        })
    }
}

fn number(text: &[u8], digits: usize) -> Option<(usize, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number = std::str::from_utf8(number).ok()?;
    Some((usize::from_str_radix(number, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn marked_values_can_be_renumbered_left_out_and_measured() {
        let mut writer = Writer::with_capacity(64);
        writer.raw(br#"{"a":"#);
        mark(&mut writer, "a", br#"{"S":"x"}"#);
        writer.raw(br#","b":{"N":"1"},"c":"#);
        mark(&mut writer, "\u{1f}\u{e9}", br#"{"S":"\u001fy"}"#);
        writer.raw(b"}");
        let mut body = writer.into_bytes();
        let plain = br#"{"a":{"S":"x"},"b":{"N":"1"},"c":{"S":"\u001fy"}}"#;

        assert_eq!(unmarked(&body), plain);
        renumber(&mut body, 3);
        assert_eq!(unmarked(&body), plain);
        let marked = Marked::read(&body[5..]).unwrap();
        assert_eq!((marked.item, &*marked.attribute), (3, "a"));
        let second = memchr::memrchr(BEGIN, &body).unwrap();
        let marked = Marked::read(&body[second..]).unwrap();
        assert_eq!((marked.item, &*marked.attribute), (3, "\u{1f}\u{e9}"));
        assert_eq!(marked.value, br#"{"S":"\u001fy"}"#);
        assert_eq!(marked.rest, b"}");
        assert!(Marked::read(b"\x1f0000").is_none());
    }
}
