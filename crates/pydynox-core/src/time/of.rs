//! What forms are declared by: the types that have forms, the names of the formats, and why a declaration is refused.

use std::fmt;

/// The names of the formats, without patterns.
pub const BUILT_IN: [&str; 8] = [
    "iso_z",
    "iso_offset",
    "pynamodb",
    "iso_seconds",
    "epoch",
    "epoch_ms",
    "rfc3339_nano",
    "java_instant",
];

/// The type whose values have a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A point in time.
    Datetime,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
}

/// Why a text does not name a format for a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormError(pub(super) String);

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FormError {}
