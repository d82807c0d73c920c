//! DynamoDB's JSON: written as text into one buffer, read by a cursor over one buffer, no tree in between.

pub mod base64;
pub mod marks;
mod reader;
mod scan;
mod value;
mod writer;

use std::fmt;

use crate::error::{Error, ErrorKind};

pub use reader::{MAX_DEPTH, Reader, Tag, Text, validate};
pub use value::Value;
pub use writer::Writer;

#[cfg(test)]
pub(crate) use value::tests::{item as test_item, item_json as test_item_json};

/// Why a text is not the JSON that was expected, and where in it.
///
/// The text itself is never quoted: it may hold what must not reach a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireError {
    /// Offset in bytes from the start of the text.
    pub position: usize,
    /// What is wrong there, in a few words.
    pub what: &'static str,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.position)
    }
}

impl std::error::Error for WireError {}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::new(
            ErrorKind::InvalidResponse,
            format!("the answer is not what DynamoDB sends: {error}"),
        )
        .with_source(error)
    }
}
