//! The limits of DynamoDB's numbers, and why a text or float is not one of them.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Significant digits that a number may have.
pub const MAX_DIGITS: usize = 38;

/// Largest power of ten of a number's first digit.
pub const MAX_EXPONENT: i64 = 125;

/// Smallest power of ten of a number's first digit.
pub const MIN_EXPONENT: i64 = -130;

/// `-0.` and 129 zeros before 38 digits: the longest canonical text.
pub(super) const MAX_TEXT: usize = 3 + 129 + MAX_DIGITS;

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
