//! Credentials: what signs requests, where they come from, and the cache that renews them before they expire.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

use crate::error::{Error, ErrorKind};
use crate::events::{Details, Kind, Stream};

/// New credentials are requested when less than this is left, while the old ones are still valid.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// Pause after a renewal that failed or brought credentials that expire as soon, while the old ones are still valid.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// What requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the access key.
    pub access_key_id: Box<str>,
    /// The secret of the access key; never shown.
    pub secret_access_key: Box<str>,
    /// The token of temporary credentials; never shown.
    pub session_token: Option<Box<str>>,
    /// The account that the credentials belong to, where known.
    pub account_id: Option<Box<str>>,
    /// When they expire, where known.
    pub expires_at: Option<SystemTime>,
    /// Where they came from, as text, where known.
    pub source: Option<Arc<str>>,
}

impl Credentials {
    /// Credentials that do not expire.
    pub fn new(access_key_id: impl Into<Box<str>>, secret_access_key: impl Into<Box<str>>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            account_id: None,
            expires_at: None,
            source: None,
        }
    }

    fn left(&self, now: SystemTime) -> Option<Duration> {
        self.expires_at
            .map(|end| end.duration_since(now).unwrap_or_default())
    }

    /// Whether they should be replaced soon.
    fn are_due(&self, now: SystemTime) -> bool {
        self.left(now).is_some_and(|left| left < RENEW_BEFORE)
    }

    /// Whether both sign alike, so that a service cannot distinguish them.
    fn sign_as(&self, other: &Self) -> bool {
        let parts = |one: &Self| {
            let Self {
                access_key_id,
                secret_access_key,
                session_token,
                ..
            } = one.clone();
            (access_key_id, secret_access_key, session_token)
        };
        parts(self) == parts(other)
    }
}

impl fmt::Debug for Credentials {
    /// The id of the key, never its secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("account_id", &self.account_id)
            .field("expires_at", &self.expires_at)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A lookup in progress.
pub type Loading<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The caller on whose behalf credentials are looked up, for providers that run in their caller's context. Two are the same if
/// their pointers are equal.
pub type Asker = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static ASKER: Asker;
}

/// Runs a call on behalf of an asker: credentials that are missing or due are looked up for that asker.
pub fn on_behalf_of<F: Future>(asker: Asker, call: F) -> impl Future<Output = F::Output> {
    ASKER.scope(asker, call)
}

/// The asker of the call that is being polled, if it has one.
pub fn asker() -> Option<Asker> {
    ASKER.try_with(Arc::clone).ok()
}

/// A source of credentials. Caching, renewal and single flight are the [`Keychain`]'s responsibility.
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Looks up credentials, without a cache. [`asker`] is set during this call; the lookup itself may be polled elsewhere, and
    /// does nothing before it is polled.
    ///
    /// Errors have the kind [`ErrorKind::Credentials`] and list the places searched. An error of another kind, or whose source is
    /// [`Abandoned`], means that the lookup was not carried out: the next call starts another.
    fn load(self: Arc<Self>) -> Loading<'static, Credentials>;
}

impl CredentialsProvider for Credentials {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        Box::pin(std::future::ready(Ok((*self).clone())))
    }
}

/// The source of the error when a lookup ends without an answer because the context that it ran in is gone.
#[derive(Debug, Clone, Copy)]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lookup was abandoned")
    }
}

impl StdError for Abandoned {}

/// Whether a provider refused, rather than gave no answer.
fn is_refusal(error: &Error) -> bool {
    let is_abandoned = error.source().is_some_and(<dyn StdError>::is::<Abandoned>);
    error.kind() == &ErrorKind::Credentials && !is_abandoned
}

/// Credentials in use, and the number by which the transport identifies them.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) credentials: Credentials,
}

/// A lookup shared by all its waiters. It is cancelled when the last of them leaves.
type Flight = Shared<Looking>;
type Looking = Loading<'static, Arc<Identity>>;

#[derive(Default)]
struct State {
    current: Option<Arc<Identity>>,
    renewing: bool,
    not_before: Option<Instant>,
    /// Lookups in progress, by asker: a caller on one event loop must not wait for another loop, which may be closed meanwhile.
    flights: Vec<(Option<Asker>, WeakShared<Looking>)>,
}

impl State {
    /// This asker's lookup in progress.
    fn flight_of(&mut self, asker: Option<&Asker>) -> Option<Flight> {
        // A flight that has ended is not joined: its credentials may have been refused since.
        self.flights.retain(|(_, flight)| {
            flight
                .upgrade()
                .is_some_and(|flight| flight.peek().is_none())
        });
        let is_it = |other: &Option<Asker>| match (asker, other) {
            (Some(asker), Some(other)) => Arc::ptr_eq(asker, other),
            (None, None) => true,
            _ => false,
        };
        let (_, flight) = self.flights.iter().find(|(other, _)| is_it(other))?;
        flight.upgrade()
    }
}

/// Cached credentials: looked up on first use, renewed in the background, with one lookup at a time for each [`Asker`].
pub struct Keychain {
    provider: Arc<dyn CredentialsProvider>,
    stream: Arc<Stream>,
    state: Mutex<State>,
}

/// How a lookup begins.
enum LookUp {
    AtHand(Arc<Identity>),
    UnderWay(Flight),
}

impl LookUp {
    async fn wait(self) -> Result<Arc<Identity>, Error> {
        match self {
            Self::AtHand(identity) => Ok(identity),
            Self::UnderWay(flight) => flight.await,
        }
    }
}

impl Keychain {
    /// A keychain without credentials; the first use looks them up.
    pub fn new(provider: Arc<dyn CredentialsProvider>) -> Arc<Self> {
        Self::reporting(provider, Arc::default())
    }

    /// The same; its lookups are events of this stream.
    pub fn reporting(provider: Arc<dyn CredentialsProvider>, stream: Arc<Stream>) -> Arc<Self> {
        Arc::new(Self {
            provider,
            stream,
            state: Mutex::default(),
        })
    }

    /// Credentials that are valid now. Must be polled inside a tokio runtime.
    ///
    /// # Errors
    /// The provider's errors; all callers that waited for the same lookup get the same error.
    pub async fn credentials(self: &Arc<Self>, now: SystemTime) -> Result<Credentials, Error> {
        Ok(self.identity(now).await?.credentials.clone())
    }

    /// The same credentials, with their number.
    pub(crate) async fn identity(
        self: &Arc<Self>,
        now: SystemTime,
    ) -> Result<Arc<Identity>, Error> {
        match self.at_hand(now) {
            Some(identity) => Ok(identity),
            None => self.look_up(None, now).wait().await,
        }
    }

    /// Looks up replacements for the refused credentials; returns whether there are any.
    pub(crate) async fn replace(
        self: &Arc<Self>,
        refused: u64,
        now: SystemTime,
    ) -> Result<bool, Error> {
        // If another call has replaced them since, signing again is all that is needed.
        let before = self.state().current.clone();
        let Some(before) = before.filter(|current| current.id == refused) else {
            return Ok(true);
        };
        // Static credentials come back unchanged, and would be refused again.
        let after = self.look_up(Some(refused), now).wait().await?;
        Ok(!after.credentials.sign_as(&before.credentials))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cached credentials, unless they have expired; starts a renewal when they expire soon.
    fn at_hand(self: &Arc<Self>, now: SystemTime) -> Option<Arc<Identity>> {
        let mut state = self.state();
        let current = state.current.as_ref()?;
        match current.credentials.left(now) {
            None => Some(current.clone()),
            Some(Duration::ZERO) => None,
            Some(left) => {
                let current = current.clone();
                let waits = state.not_before.is_some_and(|then| Instant::now() < then);
                if left < RENEW_BEFORE && !state.renewing && !waits {
                    state.renewing = true;
                    // `renew` locks it again.
                    drop(state);
                    self.renew(current.id, now);
                }
                Some(current)
            }
        }
    }

    fn renew(self: &Arc<Self>, ending: u64, now: SystemTime) {
        let renewal = Renewal(self.clone());
        // Started here, on behalf of the call that found it due.
        let look_up = self.look_up(Some(ending), now);
        // Detached: the renewal serves other calls even if the call that found it due is cancelled.
        tokio::spawn(async move {
            let rests = match look_up.wait().await {
                Ok(renewed) => renewed.credentials.are_due(now),
                Err(error) => is_refusal(&error),
            };
            if rests {
                renewal.0.state().not_before = Some(Instant::now() + RENEW_AGAIN);
            }
        });
    }

    /// The cached credentials, if they have arrived by now, else the lookup in progress, or a new one.
    fn look_up(self: &Arc<Self>, unwanted: Option<u64>, now: SystemTime) -> LookUp {
        let mut state = self.state();
        if let Some(current) = &state.current
            && Some(current.id) != unwanted
            && current.credentials.left(now) != Some(Duration::ZERO)
        {
            return LookUp::AtHand(current.clone());
        }
        let asker = asker();
        if let Some(flight) = state.flight_of(asker.as_ref()) {
            return LookUp::UnderWay(flight);
        }
        // Under the lock, so that no second lookup starts: `load` only creates the future and does nothing before it is polled.
        let (keychain, loading) = (self.clone(), self.provider.clone().load());
        let looking: Looking = Box::pin(async move {
            let began = Instant::now();
            let credentials = loading.await;
            keychain.stream.note(Kind::CredentialsRenewed, || Details {
                elapsed: Some(began.elapsed()),
                error: credentials.as_ref().err().cloned(),
                source: credentials
                    .as_ref()
                    .ok()
                    .and_then(|credentials| credentials.source.clone()),
                ..Details::default()
            });
            Ok(keychain.adopt(credentials?))
        });
        let flight = looking.shared();
        if let Some(weak) = flight.downgrade() {
            state.flights.push((asker, weak));
        }
        LookUp::UnderWay(flight)
    }

    fn adopt(&self, credentials: Credentials) -> Arc<Identity> {
        let mut state = self.state();
        let identity = Arc::new(Identity {
            id: state.current.as_ref().map_or(1, |before| before.id + 1),
            credentials,
        });
        state.not_before = None;
        state.current = Some(identity.clone());
        identity
    }
}

impl fmt::Debug for Keychain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keychain(..)")
    }
}

/// A renewal in progress: however it ends, another can start.
struct Renewal(Arc<Keychain>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.state().renewing = false;
    }
}

#[cfg(test)]
mod tests;
