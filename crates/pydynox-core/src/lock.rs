//! Locks: who may hold one, judged by a clock of one's own, the heart beat that keeps it, and the fencing token that only grows.
//!
//! No clocks of two machines are compared. A holder counts its lease from before it sent the request that began it. Another one
//! counts from after it saw the holder's last beat, and takes the lock over only if that same beat is stored a whole lease later.
//! Both count in real time, even if a test moves the clock: a moved clock would take a lock from a holder that beats.

mod item;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id;
use crate::process::Maker;
use crate::retry::deadline::{Deadline, Pause};

use item::{Item, Requests};

/// Pause after the first look at a lock that another one holds; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Beats in a lease: two may be lost.
const BEATS: u32 = 3;
/// The part of a lease by which another one waits longer than it lasts, for clocks that do not run at the same speed.
const DRIFT: u32 = 100;

/// What a lease is to its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not acquired yet.
    New,
    /// Held until then, unless a beat extends it.
    Held(Instant),
    /// It ended before it was released.
    Lost,
    /// Let go of.
    Released,
}

/// One attempt to hold a lock: acquired at most once, kept by beats, and released.
pub struct Lease {
    client: Client,
    requests: Requests,
    name: Box<str>,
    length: Duration,
    state: Mutex<(State, u64)>,
    maker: Maker,
}

/// The holder that was seen last, and since when no beat of its was seen.
#[derive(Default)]
struct Seen(Option<(String, Instant, Duration)>);

impl Seen {
    /// Notes what is stored; whether the lock may be taken now.
    fn note(&mut self, item: Item) -> bool {
        let Item { beat, length, .. } = item;
        if item.owner.is_none() {
            self.0 = None;
            return true;
        }
        match &self.0 {
            Some((seen, ..)) if *seen == beat => {}
            _ => self.0 = Some((beat, Instant::now(), length + length / DRIFT)),
        }
        self.stale_beat().is_some()
    }

    /// The beat of a holder whose lease has ended.
    fn stale_beat(&self) -> Option<&str> {
        let (beat, since, length) = self.0.as_ref()?;
        (since.elapsed() >= *length).then_some(beat)
    }

    /// Whether it is free as far as is known, or its holder's lease has ended.
    fn may_be_taken(&self) -> bool {
        self.0.is_none() || self.stale_beat().is_some()
    }

    /// The time until the lease ends if there is no further beat.
    fn left(&self) -> Duration {
        self.0.as_ref().map_or(Duration::MAX, |(_, since, length)| {
            length.saturating_sub(since.elapsed())
        })
    }
}

impl Lease {
    /// A lease of this length on the lock whose item has this key, as JSON. Nothing is sent.
    ///
    /// # Errors
    /// The operating system has no random bytes.
    pub fn new(
        client: Client,
        table: &str,
        key: &[u8],
        name: &str,
        length: Duration,
    ) -> Result<Self, Error> {
        let owner = id::uuid_text(id::uuid4()?);
        Ok(Self {
            client,
            requests: Requests::new(table.into(), key.into(), owner, length),
            name: name.into(),
            length,
            state: Mutex::new((State::New, 0)),
            maker: Maker::this(),
        })
    }

    /// The value that the lock's item has for its owner while this lease holds it.
    pub fn owner(&self) -> &str {
        self.requests.owner()
    }

    /// The fencing token: greater than those of all earlier holders. 0 before it is acquired.
    pub fn token(&self) -> u64 {
        self.lock().1
    }

    /// Whether the lease is known to last at this moment. In a forked child it never does: its parent holds it.
    pub fn is_held(&self) -> bool {
        self.left().is_some()
    }

    /// Whether it was acquired and ended without being released.
    pub fn is_lost(&self) -> bool {
        self.left().is_none() && !matches!(self.lock().0, State::New | State::Released)
    }

    fn lock(&self) -> MutexGuard<'_, (State, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time that the lease lasts; None if it is not held, or no longer.
    fn left(&self) -> Option<Duration> {
        if !self.maker.is_this() {
            return None;
        }
        let mut state = self.lock();
        let State::Held(until) = state.0 else {
            return None;
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // For good: another one may have held it by the time that a late beat is answered.
            state.0 = State::Lost;
            return None;
        }
        Some(left)
    }

    /// Acquires the lock; returns the fencing token. Without `wait` it waits until it has it, or until a deadline that covers
    /// more than this.
    ///
    /// # Errors
    /// [`ErrorKind::LockNotAcquired`] if another one holds it that long; otherwise as for [`Client::call`].
    pub async fn acquire(
        &self,
        wait: Option<Duration>,
        until: Option<Deadline>,
    ) -> Result<u64, Error> {
        let begun = Instant::now();
        let end = wait.and_then(|wait| begun.checked_add(wait));
        let allows = |pause: Duration| {
            let end = end.is_none_or(|end| Instant::now() + pause < end);
            end && until.is_none_or(|until| until.allows(pause))
        };
        let mut seen = Seen::default();
        let mut sent = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut takes = true;
        loop {
            let answered = if takes {
                sent = Instant::now();
                self.requests.take(&self.client, seen.stale_beat()).await
            } else {
                self.requests.look(&self.client).await
            };
            let trouble = match answered {
                // Even if the response to an earlier request was lost: no other lease has this owner.
                Ok(item) if item.owner.as_deref() == Some(self.owner()) => {
                    if sent.elapsed() < self.length {
                        return Ok(self.hold(sent, item.token));
                    }
                    // Answered after the lease had ended: another one may be about to take it over.
                    self.requests.release(&self.client).await.ok();
                    seen = Seen::default();
                    None
                }
                Ok(item) => {
                    let is_free = seen.note(item);
                    // One that was free and could not be taken is another's now, so it is looked at after a pause.
                    if is_free && !takes {
                        takes = true;
                        continue;
                    }
                    None
                }
                Err(error) if error.retryable() => Some(error),
                Err(error) => return Err(self.given_up(error).await),
            };
            let length = pause.min(seen.left()).max(Duration::from_millis(1));
            if !allows(length) {
                let error = self.not_acquired(begun.elapsed());
                return Err(match trouble {
                    Some(trouble) => {
                        self.given_up(
                            error
                                .with_ambiguous(trouble.ambiguous())
                                .with_source(trouble),
                        )
                        .await
                    }
                    None => error,
                });
            }
            Pause::jittered(length).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            takes = seen.may_be_taken();
        }
    }

    fn hold(&self, sent: Instant, token: u64) -> u64 {
        *self.lock() = (State::Held(sent + self.length), token);
        token
    }

    fn not_acquired(&self, elapsed: Duration) -> Error {
        let message = format!(
            "the lock {:?} is held by another holder, and was not acquired in the time to wait for it",
            self.name
        );
        Error::new(ErrorKind::LockNotAcquired, message)
            .with_table(&**self.requests.table())
            .with_elapsed(elapsed)
            .with_retryable(true)
    }

    /// After an attempt that may have been applied: the lock would stay taken until the lease ends, with no holder.
    async fn given_up(&self, error: Error) -> Error {
        if error.ambiguous() {
            self.let_go().await;
        }
        error
    }

    /// Beats until the lease is released or lost. Runs independently of the holder's code.
    pub async fn keep(self: Arc<Self>) {
        let every = self.length / BEATS;
        let mut pause = every;
        while let Some(left) = self.left() {
            Pause::real(pause.min(left)).await;
            let Some(left) = self.left() else {
                return;
            };
            let sent = Instant::now();
            pause = match self.requests.beat(&self.client, left).await {
                Ok(()) => {
                    self.extend(sent);
                    every
                }
                Err(error) if matches!(error.kind(), ErrorKind::ConditionFailed { .. }) => {
                    self.end(State::Lost);
                    return;
                }
                // What keeps the service from answering may pass before the lease ends.
                Err(_) => every / BEATS,
            };
        }
    }

    fn extend(&self, sent: Instant) {
        let mut state = self.lock();
        if let State::Held(until) = state.0
            && Instant::now() < until
        {
            state.0 = State::Held(sent + self.length);
        }
    }

    /// Ends a lease that is held.
    fn end(&self, with: State) {
        let mut state = self.lock();
        if let State::Held(_) = state.0 {
            state.0 = with;
        }
    }

    /// Releases the lock; whether it was held until now. Sends nothing in a forked child, whose parent holds it.
    ///
    /// # Errors
    /// As for [`Client::call`]: the lock is free when the lease ends.
    pub async fn release(&self) -> Result<bool, Error> {
        let was_held = self.is_held();
        if !self.maker.is_this() || self.lock().0 == State::New {
            return Ok(was_held);
        }
        self.end(State::Released);
        match self.requests.release(&self.client).await {
            Ok(()) => Ok(was_held),
            // Released by an attempt whose response was lost, or taken over.
            Err(error) if matches!(error.kind(), ErrorKind::ConditionFailed { .. }) => {
                let by_itself = was_held && error.ambiguous();
                if !by_itself {
                    self.lock().0 = State::Lost;
                }
                Ok(by_itself)
            }
            Err(error) => Err(error),
        }
    }

    /// Releases the lock if this lease holds it or may hold it, whatever comes of it.
    pub async fn let_go(&self) {
        if self.maker.is_this() {
            self.end(State::Released);
            // If it fails, the lease ends by itself.
            let _ = self.requests.release(&self.client).await;
        }
    }
}
