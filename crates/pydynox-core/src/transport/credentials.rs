//! Who signs: credentials, where they come from, and the cache that renews them before they end.

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

/// New credentials are asked for when fewer than these are left, while the old ones still serve.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// After a renewal failed, or brought credentials that end as soon, while the old ones still serve: time before the next.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// What requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The id of the access key.
    pub access_key_id: Box<str>,
    /// Its secret; never shown.
    pub secret_access_key: Box<str>,
    /// The token of temporary credentials; never shown.
    pub session_token: Option<Box<str>>,
    /// The account that the credentials belong to, where it is known.
    pub account_id: Option<Box<str>>,
    /// When they end, where that is known.
    pub expires_at: Option<SystemTime>,
}

impl Credentials {
    /// Credentials that do not end.
    pub fn new(access_key_id: impl Into<Box<str>>, secret_access_key: impl Into<Box<str>>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            account_id: None,
            expires_at: None,
        }
    }

    fn left(&self, now: SystemTime) -> Option<Duration> {
        self.expires_at
            .map(|end| end.duration_since(now).unwrap_or_default())
    }

    /// Whether they are to be replaced soon.
    fn are_due(&self, now: SystemTime) -> bool {
        self.left(now).is_some_and(|left| left < RENEW_BEFORE)
    }

    /// Whether a service can tell them apart.
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
            .finish_non_exhaustive()
    }
}

/// Something that is being looked up.
pub type Loading<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// On whose behalf credentials are looked up, for providers that work in a place of their caller's. Two are the same where the
/// pointers are.
pub type Asker = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static ASKER: Asker;
}

/// Runs a call on behalf of an asker: credentials that it finds missing or due are looked up for that one.
pub fn on_behalf_of<F: Future>(asker: Asker, call: F) -> impl Future<Output = F::Output> {
    ASKER.scope(asker, call)
}

/// The asker of the call that is being polled, if it has one.
pub fn asker() -> Option<Asker> {
    ASKER.try_with(Arc::clone).ok()
}

/// Where credentials come from. Caching, renewal and single flight are the [`Keychain`]'s.
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Looks credentials up, anew each time. Called where [`asker`] tells for whom; the look-up itself may be polled elsewhere, and
    /// does nothing before it is.
    ///
    /// Errors are of [`ErrorKind::Credentials`] and list where was looked. One of another kind, or whose source is [`Abandoned`],
    /// says that the look-up was not carried out: the next call makes another.
    fn load(self: Arc<Self>) -> Loading<'static, Credentials>;
}

impl CredentialsProvider for Credentials {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        Box::pin(std::future::ready(Ok((*self).clone())))
    }
}

/// The source of the error of a look-up that ended without an answer because the place where it was made is gone.
#[derive(Debug, Clone, Copy)]
pub struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lookup was abandoned")
    }
}

impl StdError for Abandoned {}

/// Whether a provider said no, rather than nothing.
fn is_refusal(error: &Error) -> bool {
    let is_abandoned = error.source().is_some_and(<dyn StdError>::is::<Abandoned>);
    error.kind() == &ErrorKind::Credentials && !is_abandoned
}

/// Credentials in use, and the number by which the transport knows them.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) credentials: Credentials,
}

/// A look-up, and all who wait for it. It ends when the last of them goes.
type Flight = Shared<Looking>;
type Looking = Loading<'static, Arc<Identity>>;

#[derive(Default)]
struct State {
    current: Option<Arc<Identity>>,
    renewing: bool,
    not_before: Option<Instant>,
    /// Under way, by asker: what waits for one event loop must not wait for another, which may be closed meanwhile.
    flights: Vec<(Option<Asker>, WeakShared<Looking>)>,
}

impl State {
    /// The look-up of this asker that is under way.
    fn flight_of(&mut self, asker: Option<&Asker>) -> Option<Flight> {
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

/// Credentials as they are needed: looked up once, renewed in the background, one look-up at a time for each [`Asker`].
pub struct Keychain {
    provider: Arc<dyn CredentialsProvider>,
    state: Mutex<State>,
}

/// What a look-up begins with.
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
    /// Nothing was looked up yet.
    pub fn new(provider: Arc<dyn CredentialsProvider>) -> Arc<Self> {
        Arc::new(Self {
            provider,
            state: Mutex::default(),
        })
    }

    /// Credentials that are good now. To be polled inside of a tokio runtime.
    ///
    /// # Errors
    /// Those of the provider; all who waited for the same look-up get the same.
    pub async fn credentials(self: &Arc<Self>, now: SystemTime) -> Result<Credentials, Error> {
        Ok(self.identity(now).await?.credentials.clone())
    }

    /// The same, with their number.
    pub(crate) async fn identity(
        self: &Arc<Self>,
        now: SystemTime,
    ) -> Result<Arc<Identity>, Error> {
        match self.at_hand(now) {
            Some(identity) => Ok(identity),
            None => self.look_up(None, now).wait().await,
        }
    }

    /// Looks up others than the refused ones; whether there are any.
    pub(crate) async fn replace(
        self: &Arc<Self>,
        refused: u64,
        now: SystemTime,
    ) -> Result<bool, Error> {
        let before = self.state().current.clone();
        let Some(before) = before.filter(|current| current.id == refused) else {
            return Ok(true);
        };
        let after = self.look_up(Some(refused), now).wait().await?;
        Ok(!after.credentials.sign_as(&before.credentials))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is cached and has not ended; starts a renewal when the end is near.
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
                    drop(state);
                    self.renew(current.id, now);
                }
                Some(current)
            }
        }
    }

    fn renew(self: &Arc<Self>, ending: u64, now: SystemTime) {
        let renewal = Renewal(self.clone());
        // Begun here, on behalf of the call that found it due.
        let look_up = self.look_up(Some(ending), now);
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

    /// What is at hand by now, else the look-up under way, which may begin with this.
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
        let (keychain, loading) = (self.clone(), self.provider.clone().load());
        let looking: Looking = Box::pin(async move { Ok(keychain.adopt(loading.await?)) });
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

/// A renewal under way: however it ends, another may start.
struct Renewal(Arc<Keychain>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.state().renewing = false;
    }
}

#[cfg(test)]
mod tests;
