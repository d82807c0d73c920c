//! Client settings, and which values are refused.

use std::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::limiter::RateLimit;
use crate::retry::deadline::check_timeout;
use crate::retry::policy::Jitter;

/// How a client behaves; every field has a default.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Maximum time for one call, including all attempts and pauses; `None` waits forever.
    pub timeout: Option<Duration>,
    /// Maximum number of attempts for a request.
    pub max_attempts: u32,
    /// Send writes again after an ambiguous attempt, even if that may apply them twice.
    pub retry_unsafe_writes: bool,
    /// Maximum bytes to decompress at a time: all protected values of an item, or the items of an answer that is taken whole.
    pub max_decompressed: usize,
    /// The randomness of pauses between attempts.
    pub jitter: Jitter,
    /// The rate at which calls may use capacity; `None` is unlimited.
    pub rate_limit: Option<RateLimit>,
}

impl ClientConfig {
    /// Whether each setting is in range; for callers that open the transport later.
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
            // The default of the AWS SDKs for DynamoDB, as of November 2026.
            max_attempts: 4,
            retry_unsafe_writes: false,
            max_decompressed: MAX_DECOMPRESSED,
            jitter: Jitter::default(),
            rate_limit: None,
        }
    }
}

/// Default for the bytes of protected values that may be decompressed at a time.
pub const MAX_DECOMPRESSED: usize = 64 * 1024 * 1024;
