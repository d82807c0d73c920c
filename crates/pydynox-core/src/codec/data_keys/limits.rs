//! Limits on a data key: how long it is used, and for how much data.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// How long a data key is kept, and for how much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLimits {
    /// How long a key may encrypt, and how long an unwrapped one is kept.
    pub lifetime: Duration,
    /// Maximum number of values per key, those of its first request aside.
    pub messages: u64,
    /// Maximum number of bytes per key, those of its first request aside.
    pub bytes: u64,
    /// Maximum number of unwrapped keys kept.
    pub unwrapped: usize,
}

impl Default for KeyLimits {
    /// Five minutes, 2^20 values, 2^36 bytes; 1,000 keys.
    fn default() -> Self {
        Self {
            lifetime: Duration::from_mins(5),
            messages: 1 << 20,
            bytes: 1 << 36,
            unwrapped: 1000,
        }
    }
}

impl KeyLimits {
    /// The longest lifetime allowed.
    const LONGEST: Duration = Duration::from_hours(24);

    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: a limit that prevents any encryption, or a lifetime of more than a day.
    pub fn check(self) -> Result<Self, Error> {
        let wrong = if self.lifetime.is_zero() || self.lifetime > Self::LONGEST {
            "max_age must be more than 0 seconds, and at most a day (86400)"
        } else if self.messages == 0 || self.bytes == 0 || self.unwrapped == 0 {
            "max_values, max_bytes and max_unwrapped must be at least 1"
        } else {
            return Ok(self);
        };
        Err(Error::new(ErrorKind::Configuration, wrong))
    }
}
