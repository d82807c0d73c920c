//! Traces: the events of what one caller awaits, in their order, until the caller takes them.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::{About, Details, Event, Kind, Kinds, Stream};
use crate::process::Maker;

tokio::task_local! {
    /// The trace of the work that is polled now, for what is too far below its call to be handed it.
    static CURRENT: Arc<Trace>;
}

/// Something happened in the work that is polled now, if a trace is [`within`] reach.
pub(crate) fn note_here(kind: Kind, details: impl FnOnce() -> Details) {
    let _ = CURRENT.try_with(|trace| {
        if trace.wanted.contains(kind) {
            trace.state().events.push(Event::now(kind, details()));
        }
    });
}

/// Runs work in reach of a trace, if there is one.
pub(crate) async fn within<F: Future>(trace: Option<Arc<Trace>>, work: F) -> F::Output {
    match trace {
        None => work.await,
        Some(trace) => CURRENT.scope(trace, work).await,
    }
}

/// The events of what one caller awaits: a call, or the several calls of a batch or a query.
#[derive(Debug)]
pub struct Trace {
    stream: Arc<Stream>,
    wanted: Kinds,
    state: Mutex<State>,
    /// In a forked child, the lock may be held by a thread that only the parent has.
    maker: Maker,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    /// Calls and batches that have started and not ended; a batch before its calls.
    open: Vec<(Kind, Arc<About>, Instant)>,
    /// Whether the caller no longer waits: what begins later has no events.
    is_cancelled: bool,
}

impl State {
    fn begin(&mut self, end: Kind, about: &Arc<About>) {
        self.open.push((end, about.clone(), Instant::now()));
    }

    fn place_of(&self, about: &Arc<About>) -> Option<usize> {
        let is_it = |(_, other, _): &(Kind, Arc<About>, Instant)| Arc::ptr_eq(other, about);
        self.open.iter().position(is_it)
    }

    fn push(&mut self, kind: Kind, about: &Arc<About>, details: Details) {
        self.events.push(Event {
            kind,
            at: SystemTime::now(),
            about: Some(about.clone()),
            details,
        });
    }
}

impl Trace {
    /// A trace for a call that begins now; None if nothing is wanted, which costs no more than to find out.
    #[inline]
    pub fn begin(stream: &Arc<Stream>) -> Option<Arc<Self>> {
        let wanted = stream.wanted();
        if wanted.is_empty() {
            return None;
        }
        Some(Arc::new(Self {
            stream: stream.clone(),
            wanted,
            state: Mutex::default(),
            maker: Maker::this(),
        }))
    }

    /// What was wanted when it began.
    pub fn wanted(&self) -> Kinds {
        self.wanted
    }

    /// A call started.
    pub(crate) fn started(&self, about: &Arc<About>, details: Details) {
        let mut state = self.state();
        if state.is_cancelled {
            return;
        }
        state.begin(Kind::CallCancelled, about);
        self.add(&mut state, Kind::CallStarted, about, details);
    }

    /// Something started that consists of several calls.
    pub(crate) fn batch_started(&self, about: &Arc<About>) {
        let mut state = self.state();
        if !state.is_cancelled {
            state.begin(Kind::BatchFlushed, about);
        }
    }

    /// Something happened in a call. What comes late, after the caller has cancelled the call, is ignored.
    pub(crate) fn note(&self, kind: Kind, about: &Arc<About>, details: impl FnOnce() -> Details) {
        if !self.wanted.contains(kind) {
            return;
        }
        let mut state = self.state();
        if state.place_of(about).is_some() {
            self.add(&mut state, kind, about, details());
        }
    }

    /// An attempt of a call ended: the same, where only some of the attempts may be wanted.
    pub(crate) fn attempted(
        &self,
        about: &Arc<About>,
        is_repeated: bool,
        details: impl FnOnce() -> Details,
    ) {
        let is_wanted = self.wanted.contains(Kind::AttemptEnded)
            || is_repeated && self.wanted.covers(Kinds::REPEATED_ATTEMPTS);
        if !is_wanted {
            return;
        }
        let mut state = self.state();
        if state.place_of(about).is_some() {
            state.push(Kind::AttemptEnded, about, details());
        }
    }

    /// A call or a batch ended, or was cancelled: its last event.
    pub(crate) fn ended(&self, kind: Kind, about: &Arc<About>, details: impl FnOnce() -> Details) {
        let mut state = self.state();
        if let Some(place) = state.place_of(about) {
            state.open.remove(place);
            self.add(&mut state, kind, about, details());
        }
    }

    fn add(&self, state: &mut State, kind: Kind, about: &Arc<About>, details: Details) {
        if self.wanted.contains(kind) {
            state.push(kind, about, details);
        }
    }

    /// The caller no longer waits: calls in progress count as cancelled now, because what ends them may run later.
    pub fn cancel(&self) {
        if !self.maker.is_this() {
            return;
        }
        let mut state = self.state();
        state.is_cancelled = true;
        // From the last: a batch ends after its calls.
        for (kind, about, since) in std::mem::take(&mut state.open).into_iter().rev() {
            let details = Details {
                elapsed: Some(since.elapsed()),
                ..Details::default()
            };
            self.add(&mut state, kind, &about, details);
        }
    }

    /// Takes what has happened since the last time, together with what happened outside any call.
    pub fn take(&self) -> Vec<Event> {
        if !self.maker.is_this() {
            return Vec::new();
        }
        let mut events = self.stream.take();
        let own = std::mem::take(&mut self.state().events);
        if events.is_empty() {
            return own;
        }
        events.extend(own);
        // Stable: what happened at the same moment stays in its order.
        events.sort_by_key(|event| event.at);
        events
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if self.maker.is_this() {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            let events = std::mem::take(&mut state.events);
            // No caller takes them: those of a page that was fetched ahead, or of a read that others waited for too.
            if !events.is_empty() {
                self.stream.keep(events);
            }
        }
    }
}
