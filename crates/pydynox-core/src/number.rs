//! Numbers: exact decimal text in DynamoDB's range, in one canonical form of up to 38 digits, never through a float.

mod decimal;
mod error;

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use decimal::{Buffer, Decimal, ascii};
pub use error::{MAX_DIGITS, MAX_EXPONENT, MIN_EXPONENT, NumberError};
/// Bytes that need no allocation: sign, 38 digits, point and a few zeros.
const INLINE: usize = 46;

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

#[cfg(test)]
mod tests;
