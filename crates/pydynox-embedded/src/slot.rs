//! One place of the process where an engine lives, and the engines that lived there before a fork.

use std::sync::{Arc, OnceLock};

use pydynox_core::error::Error;
use pydynox_core::transport::{FailureKind, TransportError};
use tokio::sync::Mutex;

use crate::engine::{Engine, Source};
use crate::fork;
use crate::ttl::Sweeper;

/// A place that all transports of one location share.
///
/// Engines of earlier generations stay in the chain and are leaked: a fork may have left their locks held. Reading the
/// chain takes no lock, and it grows only in [`Slot::renew`], where no other thread exists.
pub(crate) struct Slot {
    source: Arc<Source>,
    first: Seat,
}

struct Seat {
    generation: u64,
    desk: Desk,
    next: OnceLock<Box<Seat>>,
}

/// An engine, and what may be known of it without waiting for it.
pub(crate) struct Desk {
    /// The lock in front of the engine's own: it is waited for without blocking a thread.
    pub(crate) engine: Arc<Mutex<Engine>>,
    pub(crate) sweeper: Arc<Sweeper>,
}

impl Slot {
    /// A slot with an open engine.
    pub(crate) fn open(source: Source) -> Result<Self, Error> {
        let source = Arc::new(source);
        let first = Seat::new(fork::generation(), &source);
        if let Ok(mut engine) = first.desk.engine.try_lock() {
            engine.open()?;
        }
        Ok(Self { source, first })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The engine of this process.
    pub(crate) fn desk(&self) -> Result<&Desk, TransportError> {
        let seat = self.last();
        if seat.generation == fork::generation() {
            return Ok(&seat.desk);
        }
        // `forget_after_fork` found the registry locked; see there.
        Err(TransportError::not_sent(
            FailureKind::Engine,
            format!(
                "the embedded engine ({}) was inherited through fork() from a process that was opening one; make a new client",
                self.source.place
            ),
        ))
    }

    /// Whether the engine failed for good; one that is at work did not.
    pub(crate) fn is_dead(&self) -> bool {
        let engine = &self.last().desk.engine;
        engine.try_lock().is_ok_and(|engine| engine.is_dead())
    }

    /// Begins anew in a forked child; the engine is opened by the next request.
    pub(crate) fn renew(&self, generation: u64) {
        // Refused only if it is there already.
        let _ = self
            .last()
            .next
            .set(Box::new(Seat::new(generation, &self.source)));
    }

    fn last(&self) -> &Seat {
        let mut seat = &self.first;
        while let Some(next) = seat.next.get() {
            seat = next;
        }
        seat
    }
}

impl Seat {
    fn new(generation: u64, source: &Arc<Source>) -> Self {
        let sweeper = Arc::new(source.sweeper());
        let engine = Engine::new(source.clone(), sweeper.clone());
        Self {
            generation,
            desk: Desk {
                engine: Arc::new(Mutex::new(engine)),
                sweeper,
            },
            next: OnceLock::new(),
        }
    }
}
