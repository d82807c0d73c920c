//! Slots: one place in the process where an engine lives, and the engines that lived there before a fork.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pydynox_core::error::Error;
use pydynox_core::transport::{FailureKind, Request, Response, TransportError};

use crate::engine::Engine;
use crate::generation;
use crate::source::Source;
use crate::ttl::Sweeper;

/// A place that all transports of one location share.
///
/// Engines of earlier generations stay in the chain and are leaked: a fork may have left their locks held. Reading the chain
/// needs no lock, and it grows only in [`Slot::renew`], where no other thread exists.
pub(crate) struct Slot {
    source: Arc<Source>,
    first: Seat,
}

struct Seat {
    generation: u64,
    desk: Arc<Desk>,
    next: OnceLock<Box<Seat>>,
}

/// An engine, whose turn it is, and what can be read without waiting.
pub(crate) struct Desk {
    /// Who may use the engine. Awaited without blocking a thread, and held while waiting for a [`generation::Pass`].
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// Never contended: taken with the turn and a pass, or right before a fork, when there are no passes.
    engine: Mutex<Engine>,
    pub(crate) sweeper: Arc<Sweeper>,
}

impl Desk {
    /// Runs one request. The caller has the turn and a pass.
    pub(crate) fn answer(&self, request: &Request) -> Result<Response, TransportError> {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.answer(request)
    }

    /// Uses the engine without a request. Never inside a runtime, nor on a thread that may hold the GIL.
    pub(crate) fn administer<T>(&self, work: impl FnOnce(&mut Engine) -> T) -> T {
        let _turn = self.turn.blocking_lock();
        let _pass = generation::Pass::wait();
        work(&mut self.engine.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Slot {
    /// A slot with an open engine.
    pub(crate) fn open(source: Source) -> Result<Self, Error> {
        let source = Arc::new(source);
        let first = Seat::new(generation::now(), &source);
        // The lock is new, so nothing can hold it or have poisoned it.
        if let Ok(mut engine) = first.desk.engine.lock() {
            engine.open()?;
        }
        Ok(Self { source, first })
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The engine of this process.
    pub(crate) fn desk(&self) -> Result<&Arc<Desk>, TransportError> {
        let seat = self.last();
        if seat.generation == generation::now() {
            return Ok(&seat.desk);
        }
        // `forget_after_fork` found the registry locked; see there.
        Err(TransportError::not_sent(
            FailureKind::Engine,
            format!(
                "the embedded engine ({}) was inherited through fork() from a process that was opening one; create a new client",
                self.source.place
            ),
        ))
    }

    /// Whether the engine failed for good; a busy one did not.
    pub(crate) fn is_dead(&self) -> bool {
        let engine = self.last().desk.engine.try_lock();
        engine.is_ok_and(|engine| engine.is_dead())
    }

    /// Closes a file right before a fork, so that no child inherits it open; the next request opens it again.
    pub(crate) fn close_file(&self) {
        if self.source.is_memory() {
            return;
        }
        // It is only locked if `shut_out` lost patience with a thread; then `renew` refuses the file in the child.
        if let Ok(mut engine) = self.last().desk.engine.try_lock() {
            engine.close();
        }
    }

    /// Starts afresh in a forked child; the next request opens the engine.
    pub(crate) fn renew(&self, generation: u64) {
        let last = self.last();
        let seat = Seat::new(generation, &self.source);
        // A lock that is held belongs to a thread that does not exist here, so the file counts as open.
        let was_closed = last
            .desk
            .engine
            .try_lock()
            .is_ok_and(|engine| engine.is_closed());
        if !self.source.is_memory() && !was_closed {
            seat.refuse();
        }
        // Fails only if it is already there.
        let _ = last.next.set(Box::new(seat));
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
            desk: Arc::new(Desk {
                turn: Arc::default(),
                engine: Mutex::new(engine),
                sweeper,
            }),
            next: OnceLock::new(),
        }
    }

    /// The file is inherited open: `SQLite` would take the parent's locks on it for its own.
    fn refuse(&self) {
        if let Ok(mut engine) = self.desk.engine.lock() {
            engine.refuse();
        }
    }
}
