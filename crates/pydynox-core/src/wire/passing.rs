//! Passing over values: whole ones of any kind, checked or not, and the tokens that JSON has besides strings.

use super::error::{WireError, failed};
use super::reader::Reader;
use super::scan::{stops, word_at};

/// Checks that `body` is one well-formed JSON text.
///
/// # Errors
///
/// The first position that is malformed, or nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
pub fn validate(body: &[u8]) -> Result<(), WireError> {
    let mut reader = Reader::new(body)?;
    reader.skip()?;
    reader.end()
}

impl<'a> Reader<'a> {
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
