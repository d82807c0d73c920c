//! Eras: the data keys that one generation of the process holds, and for how long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::time::Instant;

use super::flight::{Fingerprint, Flight, Flown};
use super::limits::KeyLimits;
use crate::clock;
use crate::codec::keyring::{DataKey, KeyContext, WrappedKey};

/// A data key that was unwrapped, or generated here.
#[derive(Debug, Clone)]
pub enum Unwrapped {
    /// Unwrapped by the keyring.
    Alone(Arc<DataKey>),
    /// A key that encrypts, or did, in this process.
    Own(Arc<WrappedKey>),
}

impl Unwrapped {
    /// The key.
    pub fn key(&self) -> &DataKey {
        match self {
            Self::Alone(key) => key,
            Self::Own(own) => &own.key,
        }
    }
}

/// Maximum number of contexts (tables) with a current encryption key.
pub(super) const MAX_CONTEXTS: usize = 1000;

/// The keys of one generation of the process, and a link to the next.
pub(super) struct Era {
    generation: u64,
    pub(super) limits: KeyLimits,
    state: Mutex<State>,
    next: OnceLock<Box<Era>>,
}

impl Era {
    pub(super) fn new(generation: u64, limits: KeyLimits) -> Self {
        Self {
            generation,
            limits,
            state: Mutex::new(State::new(limits)),
            next: OnceLock::new(),
        }
    }

    /// The era of a generation. A past one is wiped, unless a thread held its lock when the process forked.
    pub(super) fn of(&self, generation: u64) -> &Self {
        let mut era = self;
        while era.generation < generation {
            era = era.next.get_or_init(|| {
                if let Ok(mut state) = era.state.try_lock() {
                    *state = State::new(era.limits);
                }
                Box::new(Self::new(generation, era.limits))
            });
        }
        era
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct State {
    limits: KeyLimits,
    pub(super) contexts: HashMap<Box<str>, Arc<KeyContext>>,
    pub(super) serving: HashMap<KeyContext, Serving>,
    pub(super) unwrapped: HashMap<Fingerprint, CachedKey>,
    flights: HashMap<Flown, Arc<Flight>>,
    uses: u64,
}

/// A key that encrypts new values.
pub(super) struct Serving {
    pub(super) key: Arc<WrappedKey>,
    until: Instant,
    messages: u64,
    bytes: u64,
}

pub(super) struct CachedKey {
    key: Unwrapped,
    until: Instant,
    used: u64,
}

impl State {
    fn new(limits: KeyLimits) -> Self {
        Self {
            limits,
            contexts: HashMap::new(),
            serving: HashMap::new(),
            unwrapped: HashMap::new(),
            flights: HashMap::new(),
            uses: 0,
        }
    }

    /// The key of a context, if it may encrypt this much more.
    pub(super) fn take(
        &mut self,
        context: &KeyContext,
        messages: u64,
        bytes: u64,
    ) -> Option<Arc<WrappedKey>> {
        let serving = self.serving.get_mut(context)?;
        let (messages, bytes) = (
            serving.messages.saturating_add(messages),
            serving.bytes.saturating_add(bytes),
        );
        let used_up = messages > self.limits.messages || bytes > self.limits.bytes;
        if used_up || clock::instant() >= serving.until {
            self.serving.remove(context);
            return None;
        }
        (serving.messages, serving.bytes) = (messages, bytes);
        Some(serving.key.clone())
    }

    /// Makes a new key the current one.
    pub(super) fn serve(
        &mut self,
        context: &KeyContext,
        key: Arc<WrappedKey>,
        messages: u64,
        bytes: u64,
    ) -> Arc<WrappedKey> {
        let now = clock::instant();
        if self.serving.len() >= MAX_CONTEXTS {
            self.serving.retain(|_, serving| serving.until > now);
        }
        if self.serving.len() >= MAX_CONTEXTS
            && let Some(oldest) = self.serving.iter().min_by_key(|(_, serving)| serving.until)
        {
            let oldest = oldest.0.clone();
            self.serving.remove(&oldest);
        }
        let serving = Serving {
            key: key.clone(),
            until: now + self.limits.lifetime,
            messages,
            bytes,
        };
        self.serving.insert(context.clone(), serving);
        key
    }

    /// An unwrapped key that is still cached.
    pub(super) fn find(&mut self, print: &Fingerprint) -> Option<Unwrapped> {
        let entry = self.unwrapped.get_mut(print)?;
        if clock::instant() >= entry.until {
            self.unwrapped.remove(print);
            return None;
        }
        self.uses += 1;
        entry.used = self.uses;
        Some(entry.key.clone())
    }

    /// New values are often read soon after.
    pub(super) fn keep_own(&mut self, print: Fingerprint, key: Arc<WrappedKey>) {
        self.keep(print, Unwrapped::Own(key));
    }

    /// Keeps an unwrapped key; drops expired ones and, if full, the least recently used.
    pub(super) fn keep(&mut self, print: Fingerprint, key: Unwrapped) {
        let now = clock::instant();
        self.unwrapped.retain(|_, entry| entry.until > now);
        if self.unwrapped.len() >= self.limits.unwrapped
            && let Some((oldest, _)) = self.unwrapped.iter().min_by_key(|(_, entry)| entry.used)
        {
            let oldest = *oldest;
            self.unwrapped.remove(&oldest);
        }
        self.uses += 1;
        let entry = CachedKey {
            key,
            until: now + self.limits.lifetime,
            used: self.uses,
        };
        self.unwrapped.insert(print, entry);
    }

    /// The flight for this, shared by all that need it now.
    pub(super) fn flight(&mut self, flown: Flown) -> Arc<Flight> {
        self.flights
            .retain(|_, flight| Arc::strong_count(flight) > 1);
        self.flights.entry(flown).or_default().clone()
    }
}
