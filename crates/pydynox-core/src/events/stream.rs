//! Streams: which events are wanted of a client, and those that wait because they belong to no call.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Details, Event, Kind, Kinds};

/// How many events wait for the next call; of more, the oldest are dropped.
const MOST_WAITING: usize = 1_000;

/// What is wanted. Reading it is one load; it survives a fork.
#[derive(Debug, Default)]
pub struct Wanted(AtomicU32);

impl Wanted {
    /// Nothing yet.
    pub const fn nothing() -> Self {
        Self(AtomicU32::new(0))
    }

    /// From now on, this.
    pub fn set(&self, kinds: Kinds) {
        self.0.store(kinds.bits(), Ordering::Relaxed);
    }

    /// What it is now.
    #[inline]
    pub fn get(&self) -> Kinds {
        Kinds::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// What is wanted of all clients of the process.
pub static EVERYWHERE: Wanted = Wanted::nothing();

/// The events of one open client. A forked child opens its own: what waits here may be locked by a thread that only the parent has.
#[derive(Debug, Default)]
pub struct Stream {
    wanted: Arc<Wanted>,
    waiting: Mutex<VecDeque<Event>>,
}

impl Stream {
    /// A stream without events; `wanted` is what its client's observers want.
    pub fn new(wanted: Arc<Wanted>) -> Arc<Self> {
        Arc::new(Self {
            wanted,
            waiting: Mutex::default(),
        })
    }

    /// What is wanted here and everywhere.
    #[inline]
    pub fn wanted(&self) -> Kinds {
        self.wanted.get().and(EVERYWHERE.get())
    }

    /// Something happened outside any call; its details are only asked for if the event is wanted.
    pub fn note(&self, kind: Kind, details: impl FnOnce() -> Details) {
        if self.wanted().contains(kind) {
            self.keep([Event::now(kind, details())]);
        }
    }

    /// Keeps events until the next call takes them.
    pub(super) fn keep(&self, events: impl IntoIterator<Item = Event>) {
        let mut waiting = self.waiting();
        waiting.extend(events);
        let surplus = waiting.len().saturating_sub(MOST_WAITING);
        waiting.drain(..surplus);
    }

    /// Takes the events that wait.
    pub fn take(&self) -> Vec<Event> {
        self.waiting().drain(..).collect()
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
