//! The pull parser: a cursor over one response body that its caller advances token by token.
//!
//! It builds only slices of the body. Strict JSON (RFC 8259): what `serde_json` rejects is rejected here.

use super::base64;
use super::error::{WireError, failed, unexpected_at};
use super::scan::{HIGH_BITS, LONG, blanks_end, follows_blanks, stops, word_at};
use super::tag::{Tag, tag_of};
use super::text::{Text, string_from};

/// Most levels of JSON objects and arrays that may be open at once.
///
/// DynamoDB nests documents up to 32 levels, each of which is two levels of JSON, inside an answer with a few more.
pub const MAX_DEPTH: usize = 128;

/// A cursor over one JSON text.
///
/// The caller states what it expects next; anything else is an error. After an error the cursor's position is unspecified.
///
/// ```
/// use pydynox_core::wire::{Reader, Tag};
///
/// # fn main() -> Result<(), pydynox_core::wire::WireError> {
/// let mut reader = Reader::new(br#"{"name":{"S":"Ada"}}"#)?;
/// reader.begin_object()?;
/// while let Some(key) = reader.next_key()? {
///     assert_eq!(key.raw(), "name");
///     assert_eq!(reader.begin_value()?, Tag::S);
///     assert_eq!(reader.string()?.decode()?, "Ada");
///     reader.end_value()?;
/// }
/// reader.end()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'a> Reader<'a> {
    /// A cursor before the first byte of `body`.
    ///
    /// # Errors
    ///
    /// `body` is not UTF-8.
    #[inline]
    pub fn new(body: &'a [u8]) -> Result<Self, WireError> {
        // Checked once for the whole body, so that a string is a slice of it without another check.
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self {
                text,
                at: 0,
                depth: 0,
            }),
            Err(error) => Err(failed(error.valid_up_to(), "not UTF-8")),
        }
    }

    /// Offset of the next byte to read.
    #[inline]
    pub fn position(&self) -> usize {
        self.at
    }

    /// The text consumed since `from`, an earlier [`position`](Self::position), without leading blanks.
    #[inline]
    pub fn slice(&self, from: usize) -> &'a [u8] {
        let passed = self.bytes().get(from..self.at).unwrap_or_default();
        match passed.first() {
            Some(byte) if *byte <= b' ' => passed.trim_ascii_start(),
            _ => passed,
        }
    }

    /// Moves over blanks and returns the next byte without consuming it.
    ///
    /// # Errors
    ///
    /// The text ends here.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, WireError> {
        self.token();
        self.byte()
            .ok_or_else(|| self.unexpected("the text ends too early"))
    }

    /// Consumes `{`.
    ///
    /// # Errors
    ///
    /// Something else follows, or [`MAX_DEPTH`] levels are open.
    #[inline]
    pub fn begin_object(&mut self) -> Result<(), WireError> {
        if self.token() != b'{' {
            return Err(self.unexpected("an object was expected"));
        }
        self.open()
    }

    /// Consumes the next key of the open object and its `:`, or the `}` that closes it (`None`).
    ///
    /// The previous value must have been consumed.
    ///
    /// # Errors
    ///
    /// Neither a key nor the end of the object follows.
    #[expect(
        clippy::inline_always,
        reason = "measured: a page is read in half the time"
    )]
    #[inline(always)]
    pub fn next_key(&mut self) -> Result<Option<Text<'a>>, WireError> {
        let first = self.follows(b'{');
        let token = self.token();
        if token == b'}' {
            self.close();
            return Ok(None);
        }
        if !first {
            if token != b',' {
                return Err(self.unexpected("',' or '}' was expected"));
            }
            self.at += 1;
        }
        let key = self.string()?;
        if self.token() != b':' {
            return Err(self.unexpected("':' was expected"));
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Consumes the next key of the open object and its `:` if they are exactly this text, such as `"name":`; else nothing.
    #[inline]
    pub fn next_key_is(&mut self, label: &[u8]) -> bool {
        let start = match self.byte() {
            Some(b',') if !self.follows(b'{') => self.at + 1,
            Some(b'"') if self.follows(b'{') => self.at,
            _ => return false,
        };
        let rest = self.bytes().get(start..).unwrap_or_default();
        let is_it = rest.starts_with(label);
        if is_it {
            self.at = start + label.len();
        }
        is_it
    }

    /// Consumes `[`.
    ///
    /// # Errors
    ///
    /// Something else follows, or [`MAX_DEPTH`] levels are open.
    #[inline]
    pub fn begin_array(&mut self) -> Result<(), WireError> {
        if self.token() != b'[' {
            return Err(self.unexpected("an array was expected"));
        }
        self.open()
    }

    /// Moves to the next element of the open array (`true`) or consumes the `]` that closes it (`false`).
    ///
    /// The previous element must have been consumed.
    ///
    /// # Errors
    ///
    /// Neither an element nor the end of the array follows.
    #[inline]
    pub fn next_element(&mut self) -> Result<bool, WireError> {
        let first = self.follows(b'[');
        let token = self.token();
        if token == b']' {
            self.close();
            return Ok(false);
        }
        if !first {
            if token != b',' {
                return Err(self.unexpected("',' or ']' was expected"));
            }
            // What follows must be a value: reading it refuses `]`.
            self.at += 1;
        }
        Ok(true)
    }

    /// Consumes a string.
    ///
    /// # Errors
    ///
    /// No string follows, or it contains an unescaped control character, an unknown escape or half of a surrogate pair.
    #[expect(
        clippy::inline_always,
        reason = "measured: a page is read in half the time"
    )]
    #[inline(always)]
    pub fn string(&mut self) -> Result<Text<'a>, WireError> {
        if self.token() != b'"' {
            return Err(self.unexpected("a string was expected"));
        }
        let start = self.at + 1;
        let mut rest = self.bytes().get(start..).unwrap_or_default();
        let length = rest.len();
        let mut high = 0;
        // Strings that are long, escaped or close to the end of the text are left to `string_from`.
        while let Some((word, tail)) = rest.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*word);
            let stops = stops(word);
            if stops == 0 {
                high |= word;
                rest = tail;
                if length - rest.len() >= LONG {
                    break;
                }
                continue;
            }
            let bit = stops.trailing_zeros();
            if (word >> (bit & 0x38)) as u8 != b'"' {
                break;
            }
            let end = start + (length - rest.len()) + (bit >> 3) as usize;
            // The bits below the first stop are the bytes before it and seven bits of the quote.
            high |= word & (stops & stops.wrapping_neg()).wrapping_sub(1);
            let Some(raw) = self.text.get(start..end) else {
                break;
            };
            self.at = end + 1;
            return Ok(Text {
                raw,
                escaped: false,
                ascii: high & HIGH_BITS == 0,
            });
        }
        let text;
        (text, self.at) = string_from(self.text, start)?;
        Ok(text)
    }

    /// Consumes the start of an attribute value, `{"S":`, and returns which type follows.
    ///
    /// # Errors
    ///
    /// No attribute value of a known type follows, or [`MAX_DEPTH`] levels are open.
    #[expect(
        clippy::inline_always,
        reason = "measured: a page is read in half the time"
    )]
    #[inline(always)]
    pub fn begin_value(&mut self) -> Result<Tag, WireError> {
        // The shortest value, `{"S":""}`, has eight bytes, and so has the longest start.
        if let Some(word) = word_at(self.bytes(), self.at)
            && let Some((tag, length)) = tag_of(word)
        {
            self.open()?;
            self.at += length;
            return Ok(tag);
        }
        let tag;
        (tag, *self) = begin_odd_value(self.clone())?;
        Ok(tag)
    }

    /// Consumes the `}` that ends an attribute value.
    ///
    /// # Errors
    ///
    /// Something else follows.
    #[inline]
    pub fn end_value(&mut self) -> Result<(), WireError> {
        if self.token() != b'}' {
            return Err(self.unexpected("the end of the attribute value was expected"));
        }
        self.close();
        Ok(())
    }

    /// Checks that only blanks remain.
    ///
    /// # Errors
    ///
    /// Something else remains.
    #[inline]
    pub fn end(&mut self) -> Result<(), WireError> {
        self.token();
        if self.at < self.text.len() {
            return Err(self.unexpected("the end was expected"));
        }
        Ok(())
    }

    /// Consumes a base64 string and returns its bytes.
    ///
    /// # Errors
    ///
    /// No string follows, or it is not base64.
    pub fn binary(&mut self) -> Result<Vec<u8>, WireError> {
        let start = self.at;
        let text = self.string()?;
        base64::decode(text.decode()?.as_bytes()).map_err(|_| failed(start, "not base64"))
    }

    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    pub(super) fn byte(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Moves over blanks and returns the byte there; at the end 0, which is not a token.
    #[inline]
    pub(super) fn token(&mut self) -> u8 {
        match self.byte() {
            Some(byte) if byte > b' ' => byte,
            _ => {
                self.at = blanks_end(self.bytes(), self.at);
                self.byte().unwrap_or(0)
            }
        }
    }

    /// Whether `bracket` is the last byte before the cursor, not counting blanks: then no member has been read yet.
    ///
    /// A value ends in a quote, a closing bracket, a digit or a letter, so nothing else can be mistaken for it.
    #[inline]
    fn follows(&self, bracket: u8) -> bool {
        match self.bytes().get(self.at.wrapping_sub(1)) {
            Some(byte) if *byte > b' ' => *byte == bracket,
            _ => follows_blanks(self.bytes(), self.at, bracket),
        }
    }

    /// Consumes the opening bracket at the cursor.
    #[inline]
    pub(super) fn open(&mut self) -> Result<(), WireError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.unexpected("nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.at += 1;
    }

    #[inline]
    pub(super) fn unexpected(&self, what: &'static str) -> WireError {
        unexpected_at(self.text, self.at, what)
    }
}

// Rare cases are kept out of line and take the cursor by value: a reference would force it out of its register.

/// A value whose start is not in the short form (blanks, escapes), or not a value.
#[cold]
#[inline(never)]
fn begin_odd_value(mut reader: Reader<'_>) -> Result<(Tag, Reader<'_>), WireError> {
    if reader.token() != b'{' {
        return Err(reader.unexpected("an attribute value was expected"));
    }
    reader.open()?;
    let position = reader.at;
    let name = reader.string()?.decode()?;
    let tag = Tag::from_name(&name)
        .ok_or_else(|| failed(position, "an unknown type of attribute value"))?;
    if reader.token() != b':' {
        return Err(reader.unexpected("':' was expected"));
    }
    reader.at += 1;
    Ok((tag, reader))
}

#[cfg(test)]
mod tests;
