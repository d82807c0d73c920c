//! Why a text is not the JSON that was expected.

use std::fmt;

use crate::error::{Error, ErrorKind};

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
            format!("the response is not what DynamoDB sends: {error}"),
        )
        .with_source(error)
    }
}

#[cold]
#[inline(never)]
pub(super) fn unexpected_at(text: &str, at: usize, what: &'static str) -> WireError {
    if at >= text.len() {
        return failed(text.len(), "the text ends too early");
    }
    failed(at, what)
}

#[cold]
#[inline(never)]
pub(super) fn failed(position: usize, what: &'static str) -> WireError {
    WireError { position, what }
}
