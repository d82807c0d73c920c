//! Data keys in use: how long each serves, which caller asks the keyring, and which ones wait.

mod era;
mod flight;
mod limits;

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::envelope;
use super::keyring::{KeyContext, Keyring, Pending, WrappedKey};
use crate::error::Error;
use crate::events::{Details, Kind, note_here};
pub use era::Unwrapped;
use era::{Era, MAX_CONTEXTS};
use flight::{Fingerprint, Flown, fingerprint};
pub use limits::KeyLimits;
/// Maximum number of concurrent unwrap requests.
const AT_ONCE: usize = 16;

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
                let asking = self.keyring.generate_data_key(context);
                let data_key = timed(Kind::DataKeyMade, asking).await?;
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
                let asking = self.keyring.unwrap(key_ref, wrapped, context);
                let key = timed(Kind::DataKeyUnwrapped, asking).await?;
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

/// A request to the keyring, which is an event of the call that makes it.
async fn timed<T>(kind: Kind, asking: Pending<'_, T>) -> Result<T, Error> {
    let began = Instant::now();
    let outcome = asking.await;
    note_here(kind, || Details {
        elapsed: Some(began.elapsed()),
        error: outcome.as_ref().err().cloned(),
        ..Details::default()
    });
    outcome
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
