//! Data keys in use: how long each serves, which caller asks the keyring, and which ones wait.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::envelope;
use super::keyring::{DataKey, KeyContext, Keyring, WrappedKey};
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

/// Maximum number of contexts (tables) with a current encryption key.
const MAX_CONTEXTS: usize = 1000;
/// Maximum number of concurrent unwrap requests.
const AT_ONCE: usize = 16;

/// SHA-256 of a wrapped key, its name and its context.
type Fingerprint = [u8; 32];

/// The data keys of one keyring, on demand: one lookup at a time for each, and no use of a key beyond its limits.
///
/// Callers pass their *generation*: a number that increases with each fork. What an earlier generation held is not used (or
/// waited for: threads that the fork left behind may hold its locks forever).
pub struct DataKeys {
    keyring: Arc<dyn Keyring>,
    pairs: Vec<(Box<str>, Box<str>)>,
    first: Era,
}

impl DataKeys {
    /// No keys yet; `pairs` are the caller's own part of every context. The limits have been checked.
    ///
    /// # Errors
    ///
    /// As for [`KeyContext::with`].
    pub fn new(
        keyring: Arc<dyn Keyring>,
        pairs: impl IntoIterator<Item = (Box<str>, Box<str>)>,
        limits: KeyLimits,
        generation: u64,
    ) -> Result<Self, Error> {
        let keys = Self {
            keyring,
            pairs: pairs.into_iter().collect(),
            first: Era::new(generation, limits),
        };
        keys.context("any")?;
        Ok(keys)
    }

    /// The context of the data keys of a table.
    ///
    /// # Errors
    ///
    /// Never for pairs that [`new`](Self::new) accepted.
    pub fn context(&self, table: &str) -> Result<KeyContext, Error> {
        let mut context = KeyContext::new(table);
        for (name, value) in &self.pairs {
            context = context.with(name, value)?;
        }
        Ok(context)
    }

    /// The same, built once for each table.
    pub(super) fn context_in(
        &self,
        table: &str,
        generation: u64,
    ) -> Result<Arc<KeyContext>, Error> {
        let mut state = self.first.of(generation).state();
        if let Some(context) = state.contexts.get(table) {
            return Ok(context.clone());
        }
        let context = Arc::new(self.context(table)?);
        if state.contexts.len() >= MAX_CONTEXTS {
            state.contexts.clear();
        }
        state.contexts.insert(table.into(), context.clone());
        Ok(context)
    }

    /// Bytes that encryption adds to a value of a table: those of the current key or, without one, the keyring's estimate.
    ///
    /// # Errors
    ///
    /// As for [`context`](Self::context).
    pub fn overhead(&self, table: &str, generation: u64) -> Result<usize, Error> {
        let context = self.context_in(table, generation)?;
        let state = self.first.of(generation).state();
        let (key_ref, wrapped) = match state.serving.get(&*context) {
            Some(serving) => (serving.key.key_ref.len(), serving.key.wrapped.len()),
            None => self.keyring.lengths(),
        };
        Ok(envelope::overhead(key_ref, wrapped))
    }

    /// A data key to encrypt this many values of this total size.
    ///
    /// # Errors
    ///
    /// Those of the keyring; all that waited for the same key get the same error.
    pub async fn to_encrypt(
        &self,
        context: &KeyContext,
        messages: u64,
        bytes: u64,
        generation: u64,
    ) -> Result<Arc<WrappedKey>, Error> {
        let era = self.first.of(generation);
        if let Some(key) = era.state().take(context, messages, bytes) {
            return Ok(key);
        }
        let flight = era.state().flight(Flown::Generate(context.clone()));
        let look = || era.state().take(context, messages, bytes);
        flight
            .fly(look, async || {
                let data_key = self.keyring.generate_data_key(context).await?;
                data_key.check()?;
                let print = fingerprint(&data_key.key_ref, &data_key.wrapped, context);
                let data_key = Arc::new(data_key);
                let mut state = era.state();
                state.keep_own(print, data_key.clone());
                Ok(state.serve(context, data_key, messages, bytes))
            })
            .await
    }

    /// The data keys of these wrapped ones, in order, each requested once; or why one of them cannot be unwrapped.
    ///
    /// # Errors
    ///
    /// The keyring's first error that concerns more than one wrapped key: it could not be reached.
    pub async fn to_decrypt(
        &self,
        context: &KeyContext,
        wrapped: &[(&str, &[u8])],
        generation: u64,
    ) -> Result<Vec<Result<Unwrapped, Error>>, Error> {
        let era = self.first.of(generation);
        let mut prints: Vec<Fingerprint> = Vec::with_capacity(wrapped.len());
        for (index, pair) in wrapped.iter().enumerate() {
            // The rows of a page usually share a data key.
            let before = index.checked_sub(1).and_then(|before| wrapped.get(before));
            match prints.last() {
                Some(print) if before == Some(pair) => prints.push(*print),
                _ => prints.push(fingerprint(pair.0, pair.1, context)),
            }
        }
        let mut keys: HashMap<Fingerprint, Result<Unwrapped, Error>> = HashMap::new();
        let mut missing = Vec::new();
        {
            let mut state = era.state();
            for (print, (key_ref, wrapped)) in prints.iter().zip(wrapped) {
                if keys.contains_key(print) || missing.iter().any(|(other, _, _)| other == print) {
                    continue;
                }
                match state.find(print) {
                    Some(key) => drop(keys.insert(*print, Ok(key))),
                    None => missing.push((*print, *key_ref, *wrapped)),
                }
            }
        }
        for part in missing.chunks(AT_ONCE) {
            let unwrapping = part
                .iter()
                .map(|(print, key_ref, wrapped)| {
                    self.unwrap(era, context, *print, key_ref, wrapped)
                })
                .collect();
            for (key, (print, _, _)) in all(unwrapping).await.into_iter().zip(part) {
                if let Err(error) = &key
                    && !error.is_about_one_value()
                {
                    return Err(error.clone());
                }
                keys.insert(*print, key);
            }
        }
        Ok(prints
            .iter()
            .filter_map(|print| keys.get(print).cloned())
            .collect())
    }

    async fn unwrap(
        &self,
        era: &Era,
        context: &KeyContext,
        print: Fingerprint,
        key_ref: &str,
        wrapped: &[u8],
    ) -> Result<Unwrapped, Error> {
        let flight = era.state().flight(Flown::Unwrap(print));
        let look = || era.state().find(&print);
        flight
            .fly(look, async || {
                let key = self.keyring.unwrap(key_ref, wrapped, context).await?;
                let key = Unwrapped::Alone(Arc::new(key));
                era.state().keep(print, key.clone());
                Ok(key)
            })
            .await
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKeys(..)")
    }
}

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

fn fingerprint(key_ref: &str, wrapped: &[u8], context: &KeyContext) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [key_ref.as_bytes(), wrapped, context.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The keys of one generation of the process, and a link to the next.
struct Era {
    generation: u64,
    limits: KeyLimits,
    state: Mutex<State>,
    next: OnceLock<Box<Era>>,
}

impl Era {
    fn new(generation: u64, limits: KeyLimits) -> Self {
        Self {
            generation,
            limits,
            state: Mutex::new(State::new(limits)),
            next: OnceLock::new(),
        }
    }

    /// The era of a generation. A past one is wiped, unless a thread held its lock when the process forked.
    fn of(&self, generation: u64) -> &Self {
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct State {
    limits: KeyLimits,
    contexts: HashMap<Box<str>, Arc<KeyContext>>,
    serving: HashMap<KeyContext, Serving>,
    unwrapped: HashMap<Fingerprint, CachedKey>,
    flights: HashMap<Flown, Arc<Flight>>,
    uses: u64,
}

/// A key that encrypts new values.
struct Serving {
    key: Arc<WrappedKey>,
    until: Instant,
    messages: u64,
    bytes: u64,
}

struct CachedKey {
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
    fn take(&mut self, context: &KeyContext, messages: u64, bytes: u64) -> Option<Arc<WrappedKey>> {
        let serving = self.serving.get_mut(context)?;
        let (messages, bytes) = (
            serving.messages.saturating_add(messages),
            serving.bytes.saturating_add(bytes),
        );
        let used_up = messages > self.limits.messages || bytes > self.limits.bytes;
        if used_up || Instant::now() >= serving.until {
            self.serving.remove(context);
            return None;
        }
        (serving.messages, serving.bytes) = (messages, bytes);
        Some(serving.key.clone())
    }

    /// Makes a new key the current one.
    fn serve(
        &mut self,
        context: &KeyContext,
        key: Arc<WrappedKey>,
        messages: u64,
        bytes: u64,
    ) -> Arc<WrappedKey> {
        let now = Instant::now();
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
    fn find(&mut self, print: &Fingerprint) -> Option<Unwrapped> {
        let entry = self.unwrapped.get_mut(print)?;
        if Instant::now() >= entry.until {
            self.unwrapped.remove(print);
            return None;
        }
        self.uses += 1;
        entry.used = self.uses;
        Some(entry.key.clone())
    }

    /// New values are often read soon after.
    fn keep_own(&mut self, print: Fingerprint, key: Arc<WrappedKey>) {
        self.keep(print, Unwrapped::Own(key));
    }

    /// Keeps an unwrapped key; drops expired ones and, if full, the least recently used.
    fn keep(&mut self, print: Fingerprint, key: Unwrapped) {
        let now = Instant::now();
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
    fn flight(&mut self, flown: Flown) -> Arc<Flight> {
        self.flights
            .retain(|_, flight| Arc::strong_count(flight) > 1);
        self.flights.entry(flown).or_default().clone()
    }
}

/// A question to the keyring.
#[derive(PartialEq, Eq, Hash)]
enum Flown {
    Generate(KeyContext),
    Unwrap(Fingerprint),
}

/// One question to the keyring at a time; callers that wait for it share its answer, even if it is an error.
#[derive(Default)]
struct Flight {
    failures: AtomicU64,
    alone: tokio::sync::Mutex<Option<Error>>,
}

impl Flight {
    /// If a caller is cancelled while it asks, the next one asks.
    async fn fly<T>(
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

/// Runs all of them concurrently.
async fn all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    poll_fn(|cx| {
        let mut ready = true;
        for (future, done) in &mut running {
            if done.is_none() {
                match Pin::new(future).poll(cx) {
                    Poll::Ready(value) => *done = Some(value),
                    Poll::Pending => ready = false,
                }
            }
        }
        if ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests;
