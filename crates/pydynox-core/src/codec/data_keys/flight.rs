//! Flights: one question to the keyring at a time, whose answer all callers that wait for it share.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use crate::codec::keyring::KeyContext;
use crate::error::Error;

/// SHA-256 of a wrapped key, its name and its context.
pub(super) type Fingerprint = [u8; 32];

pub(super) fn fingerprint(key_ref: &str, wrapped: &[u8], context: &KeyContext) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [key_ref.as_bytes(), wrapped, context.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// A question to the keyring.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Flown {
    Generate(KeyContext),
    Unwrap(Fingerprint),
}

/// One question to the keyring at a time; callers that wait for it share its answer, even if it is an error.
#[derive(Default)]
pub(super) struct Flight {
    failures: AtomicU64,
    alone: tokio::sync::Mutex<Option<Error>>,
}

impl Flight {
    /// If a caller is cancelled while it asks, the next one asks.
    pub(super) async fn fly<T>(
        &self,
        look: impl Fn() -> Option<T>,
        ask: impl AsyncFnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let before = self.failures.load(Ordering::Relaxed);
        let mut failed = self.alone.lock().await;
        if let Some(outcome) = look() {
            return Ok(outcome);
        }
        if self.failures.load(Ordering::Relaxed) != before
            && let Some(error) = &*failed
        {
            return Err(error.clone());
        }
        match ask().await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                *failed = Some(error.clone());
                self.failures.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}
