//! Numbers: exact decimal text in DynamoDB's range, in one canonical form of up to 38 digits, never through a float.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Significant digits that a number may have.
pub const MAX_DIGITS: usize = 38;
/// Largest power of ten of a number's first digit.
pub const MAX_EXPONENT: i64 = 125;
/// Smallest power of ten of a number's first digit.
pub const MIN_EXPONENT: i64 = -130;

/// `-0.` and 129 zeros before 38 digits: the longest canonical text.
const MAX_TEXT: usize = 3 + 129 + MAX_DIGITS;
/// Bytes that need no allocation: sign, 38 digits, point and a few zeros.
const INLINE: usize = 46;

/// Why a text or float is not a number that DynamoDB can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberError {
    /// The text is not a decimal number.
    Malformed,
    /// NaN or an infinity.
    NotFinite,
    /// More than 38 significant digits.
    TooPrecise,
    /// 1E+126 or more.
    TooLarge,
    /// Closer to zero than 1E-130, and not zero.
    TooSmall,
}

impl NumberError {
    /// What is wrong, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Self::Malformed => "not a decimal number",
            Self::NotFinite => "NaN and infinity are not numbers in DynamoDB",
            Self::TooPrecise => "a number with more than 38 significant digits",
            Self::TooLarge => "a number beyond 9.9999999999999999999999999999999999999E+125",
            Self::TooSmall => "a number closer to zero than 1E-130",
        }
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what())
    }
}

impl std::error::Error for NumberError {}

impl From<NumberError> for Error {
    fn from(error: NumberError) -> Self {
        Self::new(ErrorKind::Validation, error.what()).with_source(error)
    }
}

/// A number as DynamoDB holds it.
///
/// Its text is canonical: plain decimal notation, no exponent, no redundant zeros, `0` without a sign. So equal numbers
/// have equal texts.
///
/// ```
/// use pydynox_core::number::Number;
///
/// # fn main() -> Result<(), pydynox_core::number::NumberError> {
/// assert_eq!(Number::parse("+05.00E2")?.as_str(), "500");
/// assert_eq!(Number::parse("-0.0")?.as_str(), "0");
/// assert!(Number::parse("9")? < Number::parse("10")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Number {
    text: Stored,
}

#[derive(Clone)]
enum Stored {
    Short { length: u8, bytes: [u8; INLINE] },
    Long(Box<str>),
}

impl Number {
    /// Reads a decimal text: sign, digits, point, exponent.
    ///
    /// # Errors
    ///
    /// The text is not a number, or not one that DynamoDB can hold.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if is_canonical_integer(text.as_bytes()) {
            return Ok(Self::canonical(text));
        }
        let decimal = Decimal::parse(text.as_bytes())?;
        Ok(Self::canonical(decimal.plain(&mut Buffer::new())))
    }

    /// A whole number.
    pub fn from_i64(value: i64) -> Self {
        Self::canonical(itoa::Buffer::new().format(value))
    }

    /// The shortest decimal that stands for this float (what Python prints).
    ///
    /// # Errors
    ///
    /// NaN, an infinity, or a value outside DynamoDB's range.
    pub fn from_f64(value: f64) -> Result<Self, NumberError> {
        Ok(Self::canonical(print_f64(value, &mut Buffer::new())?))
    }

    /// The canonical text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.text {
            Stored::Short { length, bytes } => ascii(bytes, usize::from(*length)),
            Stored::Long(text) => text,
        }
    }

    #[inline]
    fn canonical(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        let text = match bytes.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                Stored::Short {
                    length: text.len() as u8,
                    bytes,
                }
            }
            None => Stored::Long(text.into()),
        };
        Self { text }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::from_i64(value)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({})", self.as_str())
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (
            self.as_str().strip_prefix('-'),
            other.as_str().strip_prefix('-'),
        ) {
            (None, None) => compare_magnitudes(self.as_str(), other.as_str()),
            (Some(one), Some(two)) => compare_magnitudes(two, one),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        }
    }
}

/// The whole number that `text` (sign and up to 18 digits, nothing else) stands for.
#[inline]
pub fn parse_i64(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// Whether `value`, the float nearest to the decimal `text`, prints (as its shortest form) to the same number.
///
/// If so, the text can be returned as a float and written back without changing what is stored.
#[inline]
pub fn f64_is_exact(text: &str, value: f64) -> bool {
    is_short_decimal(text.as_bytes()) || is_printed_alike(text, value)
}

/// Significant digits of a decimal text: those between the first and the last that are not zero.
pub(crate) fn significant_digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let mut digits = 0;
    let mut zeros = 0;
    for byte in mantissa.bytes() {
        match byte {
            b'0' if digits > 0 => zeros += 1,
            b'1'..=b'9' => {
                digits += zeros + 1;
                zeros = 0;
            }
            _ => {}
        }
    }
    digits
}

/// Up to 15 digits without an exponent: distinct decimals like these have distinct floats, so the shortest form of the
/// float is this decimal.
#[inline]
fn is_short_decimal(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    if text.len() > 16 {
        return false;
    }
    let mut points = 0;
    for byte in text {
        match byte {
            b'0'..=b'9' => {}
            b'.' => points += 1,
            _ => return false,
        }
    }
    points <= 1 && text.len() - points <= 15 && text.len() > points
}

#[inline(never)]
fn is_printed_alike(text: &str, value: f64) -> bool {
    let mut buffer = Buffer::new();
    let Ok(printed) = print_f64(value, &mut buffer) else {
        return false;
    };
    // What is stored is already canonical, unless another engine wrote it.
    printed == text || Number::parse(text).is_ok_and(|stored| stored.as_str() == printed)
}

/// The canonical text of the shortest decimal that stands for `value`.
fn print_f64(value: f64, buffer: &mut Buffer) -> Result<&str, NumberError> {
    if !value.is_finite() {
        return Err(NumberError::NotFinite);
    }
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return Ok("0");
    }
    // The floats nearest to the limits print as the limits, so comparing floats compares what they print.
    if magnitude >= 1e126 {
        return Err(NumberError::TooLarge);
    }
    if magnitude < 1e-130 {
        return Err(NumberError::TooSmall);
    }
    // `Display` of a float is plain decimal notation, shortest form; it fits, so writing cannot fail.
    let _ = write!(buffer, "{value}");
    Ok(buffer.as_str())
}

/// Sign and up to 38 digits without leading zeros: the text is already canonical.
#[inline]
fn is_canonical_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits.first() {
        Some(b'1'..=b'9') => digits.len() <= MAX_DIGITS && digits.iter().all(u8::is_ascii_digit),
        Some(b'0') => text.len() == 1,
        _ => false,
    }
}

/// Compares canonical texts without signs.
fn compare_magnitudes(one: &str, two: &str) -> Ordering {
    let (one_whole, one_fraction) = one.split_once('.').unwrap_or((one, ""));
    let (two_whole, two_fraction) = two.split_once('.').unwrap_or((two, ""));
    one_whole
        .len()
        .cmp(&two_whole.len())
        .then_with(|| one_whole.cmp(two_whole))
        .then_with(|| one_fraction.cmp(two_fraction))
}

/// A number in parts: `d.ddd` times ten to the `exponent`, no zeros at either end, no digits for zero.
struct Decimal {
    negative: bool,
    digits: [u8; MAX_DIGITS],
    count: usize,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &[u8]) -> Result<Self, NumberError> {
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
    fn plain<'b>(&self, buffer: &'b mut Buffer) -> &'b str {
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
struct Buffer {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl Buffer {
    fn new() -> Self {
        Self {
            bytes: [0; MAX_TEXT],
            length: 0,
        }
    }

    fn as_str(&self) -> &str {
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

/// The first `length` bytes, which this file wrote: digits, sign, point.
#[inline]
fn ascii(bytes: &[u8], length: usize) -> &str {
    bytes
        .get(..length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
