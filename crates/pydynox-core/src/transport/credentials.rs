//! Who signs: credentials, where they come from, and the cache that renews them before they end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::error::Error;

/// New credentials are asked for when fewer than these are left, while the old ones still serve.
const RENEW_BEFORE: Duration = Duration::from_mins(5);
/// After a renewal failed while the old credentials still serve: time before the next.
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

/// Where credentials come from. Caching, renewal and single flight are the transport's.
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Looks credentials up, anew each time.
    ///
    /// Errors are of [`ErrorKind::Credentials`](crate::error::ErrorKind::Credentials) and list where was looked.
    fn load(&self) -> Loading<'_, Credentials>;
}

impl CredentialsProvider for Credentials {
    fn load(&self) -> Loading<'_, Credentials> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// Credentials in use, and the number by which the transport knows them.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: u64,
    pub(crate) credentials: Credentials,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Identity>>,
    renewing: bool,
    not_before: Option<Instant>,
}

/// Credentials as they are needed: looked up once, renewed in the background, one look-up at a time.
pub(crate) struct Keychain {
    provider: Arc<dyn CredentialsProvider>,
    state: Mutex<State>,
    flight: tokio::sync::Mutex<()>,
}

impl Keychain {
    pub(crate) fn new(provider: Arc<dyn CredentialsProvider>) -> Arc<Self> {
        Arc::new(Self {
            provider,
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        })
    }

    /// Credentials that are good now.
    pub(crate) async fn identity(
        self: &Arc<Self>,
        now: SystemTime,
    ) -> Result<Arc<Identity>, Error> {
        match self.at_hand(now) {
            Some(identity) => Ok(identity),
            None => self.look_up(None, now).await,
        }
    }

    /// Looks up others than the refused ones; whether there are any.
    pub(crate) async fn replace(&self, refused: u64, now: SystemTime) -> Result<bool, Error> {
        let before = self.state().current.clone();
        let Some(before) = before.filter(|current| current.id == refused) else {
            return Ok(true);
        };
        let after = self.look_up(Some(refused), now).await?;
        Ok(after.credentials != before.credentials)
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
                    self.renew(current.id);
                }
                Some(current)
            }
        }
    }

    fn renew(self: &Arc<Self>, ending: u64) {
        let renewal = Renewal(self.clone());
        tokio::spawn(async move {
            let renewed = renewal.0.look_up(Some(ending), SystemTime::now()).await;
            if renewed.is_err() {
                renewal.0.state().not_before = Some(Instant::now() + RENEW_AGAIN);
            }
        });
    }

    async fn look_up(
        &self,
        unwanted: Option<u64>,
        now: SystemTime,
    ) -> Result<Arc<Identity>, Error> {
        let _alone = self.flight.lock().await;
        let before = self.state().current.clone();
        if let Some(current) = &before
            && Some(current.id) != unwanted
            && current.credentials.left(now) != Some(Duration::ZERO)
        {
            return Ok(current.clone());
        }
        let credentials = self.provider.load().await?;
        let identity = Arc::new(Identity {
            id: before.map_or(1, |before| before.id + 1),
            credentials,
        });
        let mut state = self.state();
        state.not_before = None;
        state.current = Some(identity.clone());
        Ok(identity)
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::error::ErrorKind;

    /// Gives credentials that end `lasting` after they were asked for, each with a number of its own.
    struct Vending {
        asked: AtomicU32,
        lasting: Option<Duration>,
        fails_after: u32,
    }

    impl Vending {
        fn new(lasting: Option<Duration>, fails_after: u32) -> Arc<Self> {
            Arc::new(Self {
                asked: AtomicU32::new(0),
                lasting,
                fails_after,
            })
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::Relaxed)
        }
    }

    impl CredentialsProvider for Vending {
        fn load(&self) -> Loading<'_, Credentials> {
            Box::pin(async {
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                if number >= self.fails_after {
                    return Err(Error::new(ErrorKind::Credentials, "none left"));
                }
                Ok(Credentials {
                    expires_at: self.lasting.map(|lasting| SystemTime::now() + lasting),
                    ..Credentials::new(format!("K{number}"), "s")
                })
            })
        }
    }

    fn key_of(identity: &Identity) -> &str {
        &identity.credentials.access_key_id
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_looked_up_once_however_many_ask() {
        let vending = Vending::new(None, 9);
        let keychain = Keychain::new(vending.clone());

        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let keychain = keychain.clone();
                tokio::spawn(async move { keychain.identity(SystemTime::now()).await.unwrap().id })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), 1);
        }

        assert_eq!(vending.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_near_their_end_serve_while_they_are_renewed() {
        let vending = Vending::new(Some(Duration::from_secs(200)), 9);
        let keychain = Keychain::new(vending.clone());
        let now = SystemTime::now();

        let first = keychain.identity(now).await.unwrap();
        let again = keychain.identity(now).await.unwrap();
        let third = keychain.identity(now).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let renewed = keychain.identity(now).await.unwrap();

        assert_eq!(
            [&first, &again, &third, &renewed].map(|identity| key_of(identity)),
            ["K0", "K0", "K0", "K1"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_that_fails_is_no_error_before_the_end_and_one_after() {
        let vending = Vending::new(Some(Duration::from_secs(200)), 1);
        let keychain = Keychain::new(vending.clone());
        let now = SystemTime::now();
        keychain.identity(now).await.unwrap();

        for _ in 0..10 {
            assert_eq!(key_of(&keychain.identity(now).await.unwrap()), "K0");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(vending.asked(), 2, "one renewal, then a pause");
        let late = keychain.identity(now + Duration::from_mins(5)).await;
        assert_eq!(late.unwrap_err().kind(), &ErrorKind::Credentials);
    }

    #[tokio::test(start_paused = true)]
    async fn refused_credentials_are_replaced_once_for_all_who_were_refused() {
        let vending = Vending::new(None, 9);
        let keychain = Keychain::new(vending.clone());
        let now = SystemTime::now();
        let refused = keychain.identity(now).await.unwrap().id;

        let (one, two) = tokio::join!(
            keychain.replace(refused, now),
            keychain.replace(refused, now)
        );

        assert!(one.unwrap() && two.unwrap());
        assert_eq!(vending.asked(), 2);
        assert!(keychain.replace(refused, now).await.unwrap());
        assert_eq!(vending.asked(), 2, "those in use were not refused");
    }

    #[tokio::test]
    async fn credentials_that_cannot_change_are_not_worth_another_attempt() {
        let keychain = Keychain::new(Arc::new(Credentials::new("K", "s")));
        let now = SystemTime::now();
        let refused = keychain.identity(now).await.unwrap().id;

        assert!(!keychain.replace(refused, now).await.unwrap());
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials {
            session_token: Some("TOKEN".into()),
            ..Credentials::new("AKID", "SECRET")
        };

        let shown = format!("{credentials:?}");

        assert!(shown.contains("AKID") && !shown.contains("SECRET") && !shown.contains("TOKEN"));
    }
}
