//! Decimals: a decimal text taken apart, and written in its one canonical form.

use std::fmt;

use super::error::{MAX_DIGITS, MAX_EXPONENT, MAX_TEXT, MIN_EXPONENT, NumberError};

/// A number in parts: `d.ddd` times ten to the `exponent`, no zeros at either end, no digits for zero.
pub(super) struct Decimal {
    negative: bool,
    digits: [u8; MAX_DIGITS],
    count: usize,
    exponent: i64,
}

impl Decimal {
    pub(super) fn parse(text: &[u8]) -> Result<Self, NumberError> {
        let (negative, rest) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', rest) {
            Some(at) => (
                rest.get(..at).unwrap_or_default(),
                parse_exponent(rest.get(at + 1..).unwrap_or_default())?,
            ),
            None => (rest, 0),
        };
        let mut decimal = Self {
            negative,
            digits: [b'0'; MAX_DIGITS],
            count: 0,
            exponent: 0,
        };
        let precise = decimal
            .read_mantissa(mantissa)
            .map_err(|error| name_special(rest).unwrap_or(error))?;
        if decimal.count == 0 {
            return Ok(Self {
                negative: false,
                ..decimal
            });
        }
        decimal.exponent += exponent;
        if decimal.exponent > MAX_EXPONENT {
            return Err(NumberError::TooLarge);
        }
        if decimal.exponent < MIN_EXPONENT {
            return Err(NumberError::TooSmall);
        }
        if !precise {
            return Err(NumberError::TooPrecise);
        }
        Ok(decimal)
    }

    /// Fills in digits and exponent; false if there are more digits than fit.
    fn read_mantissa(&mut self, mantissa: &[u8]) -> Result<bool, NumberError> {
        let mut any = false;
        let mut point = false;
        let mut precise = true;
        // Zeros that count only if another digit follows.
        let mut zeros = 0;
        for byte in mantissa {
            match byte {
                b'.' if !point => {
                    point = true;
                    continue;
                }
                b'0'..=b'9' => any = true,
                _ => return Err(NumberError::Malformed),
            }
            let started = self.count > 0;
            // The power of the first digit grows with the digits before the point and falls with zeros after it.
            if started && !point {
                self.exponent += 1;
            } else if !started && point {
                self.exponent -= 1;
            }
            if *byte == b'0' {
                zeros += usize::from(started);
                continue;
            }
            let at = self.count + zeros;
            zeros = 0;
            match self.digits.get_mut(at) {
                Some(digit) => {
                    *digit = *byte;
                    self.count = at + 1;
                }
                None => precise = false,
            }
        }
        if any {
            Ok(precise)
        } else {
            Err(NumberError::Malformed)
        }
    }

    /// Writes the canonical text.
    pub(super) fn plain<'b>(&self, buffer: &'b mut Buffer) -> &'b str {
        let digits = self.digits.get(..self.count).unwrap_or_default();
        if digits.is_empty() {
            buffer.push(b"0");
            return buffer.as_str();
        }
        if self.negative {
            buffer.push(b"-");
        }
        // The range was checked, so both fit.
        let whole = usize::try_from(self.exponent + 1).unwrap_or(0);
        let zeros_after_point = usize::try_from(-self.exponent - 1).unwrap_or(0);
        if whole == 0 {
            buffer.push(b"0.");
            buffer.zeros(zeros_after_point);
            buffer.push(digits);
        } else if let Some((before, after)) = digits.split_at_checked(whole) {
            buffer.push(before);
            if !after.is_empty() {
                buffer.push(b".");
                buffer.push(after);
            }
        } else {
            buffer.push(digits);
            buffer.zeros(whole - digits.len());
        }
        buffer.as_str()
    }
}

/// The exponent after the `E`, capped where it is beyond any number's range anyway.
fn parse_exponent(text: &[u8]) -> Result<i64, NumberError> {
    const CUT: i64 = 1 << 40;
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return Err(NumberError::Malformed);
    }
    let mut exponent = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return Err(NumberError::Malformed);
        }
        exponent = (exponent * 10 + i64::from(byte - b'0')).min(CUT);
    }
    Ok(if negative { -exponent } else { exponent })
}

/// Gives a more specific error than "malformed" for what Python and Java print for values that are not numbers.
#[cold]
fn name_special(text: &[u8]) -> Option<NumberError> {
    const SPECIAL: [&[u8]; 4] = [b"nan", b"snan", b"inf", b"infinity"];
    SPECIAL
        .iter()
        .any(|special| text.eq_ignore_ascii_case(special))
        .then_some(NumberError::NotFinite)
}

/// Stack space for the text of one number.
pub(super) struct Buffer {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; MAX_TEXT],
            length: 0,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        ascii(&self.bytes, self.length)
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.length + text.len();
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(text);
            self.length = end;
        }
    }

    fn zeros(&mut self, count: usize) {
        let end = self.length + count;
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.fill(b'0');
            self.length = end;
        }
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The first `length` bytes, which this module wrote: digits, sign, point.
#[inline]
pub(super) fn ascii(bytes: &[u8], length: usize) -> &str {
    bytes
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}
