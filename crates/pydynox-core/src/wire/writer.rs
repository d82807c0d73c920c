//! The writer: JSON text into one buffer that becomes the request body.

use super::base64;
use super::scan::{find_stop, is_all_plain};
use crate::number::Number;

/// Writes JSON text into one buffer. Brackets and commas are the caller's.
///
/// ```
/// use pydynox_core::wire::Writer;
///
/// let mut writer = Writer::with_capacity(64);
/// writer.raw(br#"{"TableName":"#);
/// writer.string("users");
/// writer.raw(br#","Key":{"id":"#);
/// writer.integer_value(7);
/// writer.raw(b"}}");
/// assert_eq!(writer.into_bytes(), br#"{"TableName":"users","Key":{"id":{"N":"7"}}}"#);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Writer {
    buffer: Vec<u8>,
}

/// A writer that appends to JSON text.
impl From<Vec<u8>> for Writer {
    #[inline]
    fn from(buffer: Vec<u8>) -> Self {
        Self { buffer }
    }
}

impl Writer {
    /// An empty writer with room for `capacity` bytes.
    #[inline]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(capacity),
        }
    }

    /// The text.
    #[inline]
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// The text so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// How many bytes have been written.
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing has been written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets what was written after the first `length` bytes.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.buffer.truncate(length);
    }

    /// Makes room for `additional` more bytes.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        self.buffer.reserve(additional);
    }

    /// Writes JSON text as it is; the caller answers for it.
    #[inline]
    pub fn raw(&mut self, json: &[u8]) {
        self.buffer.extend_from_slice(json);
    }

    /// Writes one byte of JSON text as it is.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    /// Writes a string, quoted and escaped.
    #[inline]
    pub fn string(&mut self, text: &str) {
        self.quoted(b"\"", text, b"\"");
    }

    /// Writes `{"S":"..."}`.
    #[inline]
    pub fn string_value(&mut self, text: &str) {
        self.quoted(br#"{"S":""#, text, br#""}"#);
    }

    /// Writes `{"N":"..."}` with a whole number.
    #[inline]
    pub fn integer_value(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.number_text(digits.format(value));
    }

    /// Writes `{"N":"..."}`.
    #[inline]
    pub fn number_value(&mut self, number: &Number) {
        self.number_text(number.as_str());
    }

    /// Writes `{"B":"..."}` with base64.
    pub fn binary_value(&mut self, bytes: &[u8]) {
        self.raw(br#"{"B":"#);
        self.binary(bytes);
        self.byte(b'}');
    }

    /// Writes a string of base64: what is inside `{"B":...}` and a member of a binary set.
    pub fn binary(&mut self, bytes: &[u8]) {
        self.byte(b'"');
        base64::append(bytes, &mut self.buffer);
        self.byte(b'"');
    }

    /// Writes `{"BOOL":true}` or `{"BOOL":false}`.
    #[inline]
    pub fn bool_value(&mut self, value: bool) {
        self.raw(if value {
            br#"{"BOOL":true}"#
        } else {
            br#"{"BOOL":false}"#
        });
    }

    /// Writes `{"NULL":true}`.
    #[inline]
    pub fn null_value(&mut self) {
        self.raw(br#"{"NULL":true}"#);
    }

    #[inline]
    fn number_text(&mut self, text: &str) {
        self.raw(br#"{"N":""#);
        self.raw(text.as_bytes());
        self.raw(br#""}"#);
    }

    #[inline]
    fn quoted(&mut self, before: &[u8], text: &str, after: &[u8]) {
        self.raw(before);
        if is_all_plain(text.as_bytes()) {
            self.raw(text.as_bytes());
        } else {
            self.escaped(text.as_bytes());
        }
        self.raw(after);
    }

    #[inline(never)]
    fn escaped(&mut self, text: &[u8]) {
        let mut plain = 0;
        loop {
            let stop = find_stop(text, plain);
            self.raw(text.get(plain..stop).unwrap_or_default());
            let Some(byte) = text.get(stop) else { return };
            self.escape(*byte);
            plain = stop + 1;
        }
    }

    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' => self.raw(br#"\""#),
            b'\\' => self.raw(br"\\"),
            b'\n' => self.raw(br"\n"),
            b'\r' => self.raw(br"\r"),
            b'\t' => self.raw(br"\t"),
            0x08 => self.raw(br"\b"),
            0x0c => self.raw(br"\f"),
            _ => {
                self.raw(br"\u00");
                self.raw(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::default();
        write(&mut writer);
        String::from_utf8(writer.into_bytes()).unwrap()
    }

    #[test]
    fn every_kind_of_value_has_its_type_around_it() {
        assert_eq!(written(|w| w.string_value("é")), r#"{"S":"é"}"#);
        assert_eq!(
            written(|w| w.integer_value(i64::MIN)),
            r#"{"N":"-9223372036854775808"}"#
        );
        assert_eq!(
            written(|w| w.number_value(&Number::parse("1.50").unwrap())),
            r#"{"N":"1.5"}"#
        );
        assert_eq!(
            written(|w| w.binary_value(&[0, 1, 2, 255])),
            r#"{"B":"AAEC/w=="}"#
        );
        assert_eq!(written(|w| w.binary_value(b"")), r#"{"B":""}"#);
        assert_eq!(written(|w| w.bool_value(true)), r#"{"BOOL":true}"#);
        assert_eq!(written(|w| w.bool_value(false)), r#"{"BOOL":false}"#);
        assert_eq!(written(Writer::null_value), r#"{"NULL":true}"#);
    }

    #[test]
    fn what_json_cannot_hold_is_escaped() {
        let text = "a\"b\\c/\u{8}\t\n\u{c}\r\0\u{1f}\u{7f}é😀";

        assert_eq!(
            written(|w| w.string(text)),
            "\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}é😀\""
        );
    }

    #[test]
    fn what_was_written_can_be_taken_back() {
        let mut writer = Writer::with_capacity(16);
        assert!(writer.is_empty());
        writer.raw(b"{}");
        let mark = writer.len();
        writer.byte(b',');
        writer.truncate(mark);

        assert_eq!((writer.as_bytes(), writer.len()), (&b"{}"[..], 2));
    }

    proptest! {
        #[test]
        fn strings_are_read_back_by_serde_json_and_by_the_reader(text in "\\PC{0,100}|[\"\\\\a\\x00-\\x1f]{0,100}|(?s:.){0,100}") {
            let json = written(|w| w.string(&text));

            prop_assert_eq!(&serde_json::from_str::<String>(&json).unwrap(), &text);
            let mut reader = crate::wire::Reader::new(json.as_bytes()).unwrap();
            prop_assert_eq!(reader.string().unwrap().decode().unwrap(), text);
        }
    }
}
