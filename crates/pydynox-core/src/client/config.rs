//! How a client behaves, and what is refused of it.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::limiter::RateLimit;
use crate::retry::deadline::check_timeout;
use crate::retry::policy::Jitter;

/// How a client behaves; every field has a default.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Longest time for one call, all attempts and pauses together; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Send writes again after an ambiguous attempt even when that may apply them twice.
    pub retry_unsafe_writes: bool,
    /// Bytes that may be unpacked at once, of all protected values of an item, or of the items of an answer that is taken whole.
    pub max_decompressed: usize,
    /// The randomness of pauses between attempts.
    pub jitter: Jitter,
    /// How fast calls may use capacity; `None` as fast as they come.
    pub rate_limit: Option<RateLimit>,
}

impl ClientConfig {
    /// Whether every setting is in range; for callers that open the transport later.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] names the setting that is not.
    pub fn check(&self) -> Result<(), Error> {
        check_timeout(self.timeout)?;
        if self.max_attempts == 0 {
            return Err(Error::new(
                ErrorKind::Configuration,
                "max_attempts must be at least 1, which counts the first attempt; got 0",
            ));
        }
        if self.max_decompressed == 0 {
            return Err(Error::new(
                ErrorKind::Configuration,
                "max_decompressed must be at least 1 byte; got 0",
            ));
        }
        self.rate_limit.map_or(Ok(()), |limit| limit.check())
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            max_attempts: 4,
            retry_unsafe_writes: false,
            max_decompressed: MAX_DECOMPRESSED,
            jitter: Jitter::default(),
            rate_limit: None,
        }
    }
}

/// Bytes of protected values that may be unpacked at once, unless a client says otherwise.
pub const MAX_DECOMPRESSED: usize = 64 * 1024 * 1024;
