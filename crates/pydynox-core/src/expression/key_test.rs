//! What a query asks of one attribute of a key: a comparison, a range or a beginning.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::condition::{Comparator, check_range};
use super::operand::text_of;
use super::order;
use crate::error::{Error, ErrorKind};
use crate::schema::KeyAttribute;

/// What is asked of one attribute of a key. The values are encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Compare(Comparator, Box<[u8]>),
    Between(Box<[u8]>, Box<[u8]>),
    BeginsWith(Box<[u8]>),
}

impl Test {
    pub(super) fn is_equality(&self) -> bool {
        matches!(self, Self::Compare(Comparator::Equal, _))
    }

    pub(super) fn describe(&self, name: &str, text: &mut String) {
        let _ = match self {
            Self::Compare(comparator, value) => {
                write!(text, "{name} {} {}", comparator.text(), text_of(value))
            }
            Self::Between(low, high) => {
                write!(
                    text,
                    "{name} BETWEEN {} AND {}",
                    text_of(low),
                    text_of(high)
                )
            }
            Self::BeginsWith(prefix) => write!(text, "begins_with({name}, {})", text_of(prefix)),
        };
    }

    /// Refuses a value that no key has: the service would answer with an error, or find nothing.
    pub(super) fn check_length(&self, name: &str, limit: usize) -> Result<(), Error> {
        let longest = self.values().filter_map(order::length).max();
        match longest {
            Some(length) if length > limit => Err(refused(format!(
                "the key attribute {name:?} can have at most {limit} bytes, and the value in its condition has {length}"
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        let (one, other) = match self {
            Self::Compare(_, value) | Self::BeginsWith(value) => (value, None),
            Self::Between(low, high) => (low, Some(high)),
        };
        std::iter::once(&**one).chain(other.map(|value| &**value))
    }

    pub(super) fn check(&self, name: &str, attribute: &KeyAttribute) -> Result<(), Error> {
        if self
            .values()
            .any(|value| order::key_type(value) != Some(attribute.key_type))
        {
            return Err(refused(format!(
                "the key attribute {name:?} is stored as {}, and the value in its condition is not",
                attribute.key_type
            )));
        }
        if self.values().any(order::is_empty) {
            return Err(refused(format!(
                "the key attribute {name:?} is never empty, so it cannot be compared with an empty value"
            )));
        }
        match self {
            Self::Between(low, high) => check_range(name, low, high),
            _ => Ok(()),
        }
    }

    pub(super) fn admits(&self, value: &[u8]) -> bool {
        match self {
            Self::Compare(comparator, other) => {
                let order = order::compare(value, other);
                match comparator {
                    Comparator::Equal => order == Some(Ordering::Equal),
                    Comparator::Less => order == Some(Ordering::Less),
                    Comparator::LessOrEqual => order.is_some_and(Ordering::is_le),
                    Comparator::Greater => order == Some(Ordering::Greater),
                    Comparator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
                    // A key condition cannot have it; `test_of` does not accept it.
                    Comparator::NotEqual => false,
                }
            }
            Self::Between(low, high) => {
                order::compare(value, low).is_some_and(Ordering::is_ge)
                    && order::compare(value, high).is_some_and(Ordering::is_le)
            }
            Self::BeginsWith(prefix) => order::begins_with(value, prefix),
        }
    }
}

pub(super) fn refused(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::Validation, message)
}
