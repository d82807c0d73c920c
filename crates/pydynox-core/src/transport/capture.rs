//! Captured requests: what calls would send, noted in order and never sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Exchange, Operation, Request, Transport, TransportError};
use crate::error::{Error, ErrorKind};

/// A request that would have been sent.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The operation.
    pub operation: Operation,
    /// The body. Encrypted values are replaced by zeros of the same length.
    pub body: Bytes,
    /// Whether the request has values that the keyring's data key would encrypt.
    pub encrypts: bool,
    /// Whether the answer may have values that the keyring would have to open.
    pub opens: bool,
}

/// The requests of calls that are explained instead of sent.
#[derive(Debug, Default)]
pub struct Capture(Mutex<Vec<Captured>>);

impl Capture {
    /// The requests so far.
    pub fn requests(&self) -> Vec<Captured> {
        self.lock().clone()
    }

    /// Notes a request; returns how its call ends: refused before anything was sent.
    #[must_use]
    pub fn note(&self, captured: Captured) -> Error {
        self.lock().push(captured);
        explained()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Captured>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a call that was explained.
pub fn explained() -> Error {
    Error::new(
        ErrorKind::Explained,
        "the call is explained: nothing was sent",
    )
}

/// A transport that captures requests.
pub struct Capturing(pub Arc<Capture>);

impl Transport for Capturing {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            let error = self.0.note(Captured {
                operation: request.operation,
                body: request.body,
                encrypts: false,
                opens: false,
            });
            Err(TransportError::Refused(error))
        })
    }

    fn answers_inline(&self, _operation: &Operation) -> bool {
        true
    }

    fn capture(&self) -> Option<&Capture> {
        Some(&self.0)
    }
}
