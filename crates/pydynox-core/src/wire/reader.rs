//! The pull parser: a cursor over one response body that its caller advances token by token.
//!
//! It builds only slices of the body. Strict JSON (RFC 8259): what `serde_json` rejects is rejected here.

use std::borrow::Cow;

use super::base64;
use super::error::WireError;
use super::scan::{HIGH_BITS, LONG, find_stop, stops};

/// Most levels of JSON objects and arrays that may be open at once.
///
/// DynamoDB nests documents up to 32 levels, each of which is two levels of JSON, inside an answer with a few more.
pub const MAX_DEPTH: usize = 128;

/// Checks that `body` is one well-formed JSON text.
///
/// # Errors
///
/// The first position that is malformed, or nested deeper than [`MAX_DEPTH`].
pub fn validate(body: &[u8]) -> Result<(), WireError> {
    let mut reader = Reader::new(body)?;
    reader.skip()?;
    reader.end()
}

/// The type of an attribute value, as its one key names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// String: a JSON string follows.
    S,
    /// Number: a JSON string with the number's text follows.
    N,
    /// Binary: a JSON string in base64 follows.
    B,
    /// Boolean: `true` or `false` follows.
    Bool,
    /// Null: `true` follows.
    Null,
    /// Map: an object of attribute values follows.
    M,
    /// List: an array of attribute values follows.
    L,
    /// String set: an array of strings follows.
    Ss,
    /// Number set: an array of strings with numbers follows.
    Ns,
    /// Binary set: an array of base64 strings follows.
    Bs,
}

impl Tag {
    /// The tag for this key.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "S" => Self::S,
            "N" => Self::N,
            "B" => Self::B,
            "BOOL" => Self::Bool,
            "NULL" => Self::Null,
            "M" => Self::M,
            "L" => Self::L,
            "SS" => Self::Ss,
            "NS" => Self::Ns,
            "BS" => Self::Bs,
            _ => return None,
        })
    }

    /// The key in DynamoDB's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::M => "M",
            Self::L => "L",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }
}

/// The position after the quote that ends a string, or the end of the text.
#[inline]
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let Some(word) = word_at(bytes, at) else {
            match bytes.get(at) {
                None => return bytes.len(),
                Some(b'"') => return at + 1,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
            }
            continue;
        };
        let stops = stops(word);
        if stops == 0 {
            at += 8;
            continue;
        }
        let bit = stops.trailing_zeros();
        at += (bit >> 3) as usize + 1;
        match (word >> (bit & 0x38)) as u8 {
            b'"' => return at,
            b'\\' => at += 1,
            _ => {}
        }
    }
}

/// The position after the bracket that ends an attribute value of one text, `{"S":"..."}`, that begins before `start`, if any.
#[inline]
fn end_of_scalar(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start..)?.first_chunk()? {
        [b'"', tag, b'"', b':', b'"'] if *tag != b'\\' => {
            let end = end_of_string(bytes, start + 5);
            (bytes.get(end) == Some(&b'}')).then_some(end + 1)
        }
        _ => None,
    }
}

/// A JSON string as in the body, without its quotes; its escapes have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
    ascii: bool,
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
    /// An invalid escape, or half of a surrogate pair: never for a text from a [`Reader`], which checks escapes when it passes
    /// the string.
    #[inline]
    pub fn decode(self) -> Result<Cow<'a, str>, WireError> {
        if self.escaped {
            return unescape(self.raw).map(Cow::Owned);
        }
        Ok(Cow::Borrowed(self.raw))
    }
}

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
    text: &'a str,
    at: usize,
    depth: usize,
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

    /// Consumes a JSON number and returns its text.
    ///
    /// # Errors
    ///
    /// No number follows.
    pub fn json_number(&mut self) -> Result<&'a str, WireError> {
        self.token();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(failed(start, "a value was expected")),
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        self.text
            .get(start..self.at)
            .ok_or_else(|| failed(start, "not UTF-8"))
    }

    /// Consumes `true` or `false`.
    ///
    /// # Errors
    ///
    /// Something else follows.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, WireError> {
        self.token();
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        // Letters after it are refused by the next call, which finds no token there.
        if rest.starts_with(b"true") {
            self.at += 4;
            return Ok(true);
        }
        if rest.starts_with(b"false") {
            self.at += 5;
            return Ok(false);
        }
        Err(self.unexpected("true or false was expected"))
    }

    /// Consumes `null`.
    ///
    /// # Errors
    ///
    /// Something else follows.
    #[inline]
    pub fn null(&mut self) -> Result<(), WireError> {
        self.token();
        let rest = self.bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(b"null") {
            self.at += 4;
            return Ok(());
        }
        Err(self.unexpected("null was expected"))
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

    /// Consumes one value of any kind, checking all of it.
    ///
    /// # Errors
    ///
    /// What follows is malformed or nested too deep.
    pub fn skip(&mut self) -> Result<(), WireError> {
        let floor = self.depth;
        // One bit for each level opened here, the innermost lowest: 1 for an object. MAX_DEPTH levels fit.
        let mut objects: u128 = 0;
        loop {
            match self.token() {
                b'"' => {
                    self.string()?;
                }
                b'{' => {
                    self.open()?;
                    objects = objects << 1 | 1;
                }
                b'[' => {
                    self.open()?;
                    objects <<= 1;
                }
                b't' | b'f' => {
                    self.boolean()?;
                }
                b'n' => self.null()?,
                _ => {
                    self.json_number()?;
                }
            }
            loop {
                if self.depth == floor {
                    return Ok(());
                }
                let more = if objects & 1 == 1 {
                    self.next_key()?.is_some()
                } else {
                    self.next_element()?
                };
                if more {
                    break;
                }
                objects >>= 1;
            }
        }
    }

    /// Consumes one value of any kind without checking its contents: for bodies that are known to be well formed, by checksum or
    /// by [`validate`], and are parsed again by the code that needs the value.
    ///
    /// # Errors
    ///
    /// The text ends before the value does.
    pub fn pass(&mut self) -> Result<(), WireError> {
        if !matches!(self.token(), b'{' | b'[') {
            return self.skip();
        }
        let bytes = self.bytes();
        let (mut at, mut depth) = (self.at, 0_usize);
        loop {
            let byte = bytes
                .get(at)
                .ok_or_else(|| failed(at, "the text ends too early"))?;
            at += 1;
            match byte {
                b'"' => at = end_of_string(bytes, at),
                b'{' if depth > 0
                    && let Some(end) = end_of_scalar(bytes, at) =>
                {
                    at = end;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    // It cannot underflow: the first byte is an opening bracket.
                    depth -= 1;
                    if depth == 0 {
                        self.at = at;
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
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
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Moves over blanks and returns the byte there; at the end 0, which is not a token.
    #[inline]
    fn token(&mut self) -> u8 {
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
    fn open(&mut self) -> Result<(), WireError> {
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

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), WireError> {
        let start = self.at;
        self.digits();
        if self.at == start {
            return Err(self.unexpected("a digit was expected"));
        }
        Ok(())
    }

    #[inline]
    fn unexpected(&self, what: &'static str) -> WireError {
        unexpected_at(self.text, self.at, what)
    }
}

// Rare cases are kept out of line and take the cursor by value: a reference would force it out of its register.

/// DynamoDB writes no blanks.
#[cold]
#[inline(never)]
fn blanks_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_blank(**byte)).count()
}

#[cold]
#[inline(never)]
fn follows_blanks(bytes: &[u8], at: usize, bracket: u8) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rfind(|byte| !is_blank(**byte)) == Some(&bracket)
}

#[cold]
#[inline(never)]
fn unexpected_at(text: &str, at: usize, what: &'static str) -> WireError {
    if at >= text.len() {
        return failed(text.len(), "the text ends too early");
    }
    failed(at, what)
}

#[cold]
#[inline(never)]
fn failed(position: usize, what: &'static str) -> WireError {
    WireError { position, what }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

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

/// A string that contains escapes, ends close to the end of the text, or is invalid; and the position after it.
#[inline(never)]
fn string_from(text: &str, start: usize) -> Result<(Text<'_>, usize), WireError> {
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

/// Eight bytes at `at`, the first one lowest.
#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// The type at the start of an attribute value, and the length of what follows the bracket.
#[inline]
fn tag_of(word: u64) -> Option<(Tag, usize)> {
    const ONE: u64 = u64::from_le_bytes(*b"{\"\0\":\0\0\0");
    const ONE_MASK: u64 = u64::from_le_bytes([0xff, 0xff, 0, 0xff, 0xff, 0, 0, 0]);
    const SET: u64 = u64::from_le_bytes(*b"{\"\0S\":\0\0");
    const SET_MASK: u64 = u64::from_le_bytes([0xff, 0xff, 0, 0xff, 0xff, 0xff, 0, 0]);
    const BOOL: u64 = u64::from_le_bytes(*b"{\"BOOL\":");
    const NULL: u64 = u64::from_le_bytes(*b"{\"NULL\":");

    let letter = (word >> 16) as u8;
    if word & ONE_MASK == ONE {
        let tag = match letter {
            b'S' => Tag::S,
            b'N' => Tag::N,
            b'M' => Tag::M,
            b'L' => Tag::L,
            b'B' => Tag::B,
            _ => return None,
        };
        return Some((tag, 4));
    }
    if word == BOOL {
        return Some((Tag::Bool, 7));
    }
    if word == NULL {
        return Some((Tag::Null, 7));
    }
    if word & SET_MASK == SET {
        let tag = match letter {
            b'S' => Tag::Ss,
            b'N' => Tag::Ns,
            b'B' => Tag::Bs,
            _ => return None,
        };
        return Some((tag, 5));
    }
    None
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

#[cfg(test)]
mod tests;
