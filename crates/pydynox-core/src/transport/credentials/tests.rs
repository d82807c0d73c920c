//! Tests of `credentials`.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Gives credentials that end `lasting` after they were asked for, each with a number of its own.
struct Vending {
    look_ups: AtomicU32,
    lasting: Option<Duration>,
    fails_after: u32,
}

impl Vending {
    fn new(lasting: Option<Duration>, fails_after: u32) -> Arc<Self> {
        Arc::new(Self {
            look_ups: AtomicU32::new(0),
            lasting,
            fails_after,
        })
    }

    fn look_ups(&self) -> u32 {
        self.look_ups.load(Ordering::Relaxed)
    }
}

impl CredentialsProvider for Vending {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        Box::pin(async move {
            let number = self.look_ups.fetch_add(1, Ordering::Relaxed);
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

    assert_eq!(vending.look_ups(), 1);
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
    assert_eq!(vending.look_ups(), 2, "one renewal, then a pause");
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
    assert_eq!(vending.look_ups(), 2);
    assert!(keychain.replace(refused, now).await.unwrap());
    assert_eq!(vending.look_ups(), 2, "those in use were not refused");
}

#[tokio::test]
async fn credentials_that_cannot_change_are_not_worth_another_attempt() {
    let keychain = Keychain::new(Arc::new(Credentials::new("K", "s")));
    let now = SystemTime::now();
    let refused = keychain.identity(now).await.unwrap().id;

    assert!(!keychain.replace(refused, now).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_goes_on_until_the_last_who_waits_has_gone() {
    let vending = Vending::new(None, 9);
    let keychain = Keychain::new(vending.clone());
    let wait = || {
        let keychain = keychain.clone();
        tokio::spawn(async move { keychain.identity(SystemTime::now()).await.unwrap().id })
    };

    let (first, second) = (wait(), wait());
    tokio::time::sleep(Duration::from_millis(5)).await;
    first.abort();
    assert_eq!(second.await.unwrap(), 1);
    assert_eq!(vending.look_ups(), 1, "it was not begun again");

    keychain.state().current = None;
    let (first, second) = (wait(), wait());
    tokio::time::sleep(Duration::from_millis(5)).await;
    first.abort();
    second.abort();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(keychain.state().current.is_none(), "it was ended");
    assert_eq!(wait().await.unwrap(), 1);
    assert_eq!(vending.look_ups(), 3);
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_get_the_error_of_the_one_look_up() {
    let vending = Vending::new(None, 0);
    let keychain = Keychain::new(vending.clone());

    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let keychain = keychain.clone();
            tokio::spawn(async move { keychain.identity(SystemTime::now()).await.unwrap_err() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().kind(), &ErrorKind::Credentials);
    }

    assert_eq!(vending.look_ups(), 1);
    assert!(keychain.identity(SystemTime::now()).await.is_err());
    assert_eq!(vending.look_ups(), 2, "an error is not kept");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_always_end_soon_are_renewed_now_and_then() {
    let vending = Vending::new(Some(Duration::from_secs(200)), 99);
    let keychain = Keychain::new(vending.clone());
    let now = SystemTime::now();

    for _ in 0..100 {
        keychain.identity(now).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert_eq!(vending.look_ups(), 2, "in five seconds");
}

/// Answers some askers and leaves others waiting.
struct Choosy(Asker);

impl CredentialsProvider for Choosy {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        match asker() {
            Some(asker) if Arc::ptr_eq(&asker, &self.0) => Box::pin(std::future::pending()),
            _ => Box::pin(std::future::ready(Ok(Credentials::new("K", "s")))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_look_up_of_another_asker() {
    let gone: Asker = Arc::new(());
    let keychain = Keychain::new(Arc::new(Choosy(gone.clone())));
    let waiting = tokio::spawn({
        let keychain = keychain.clone();
        on_behalf_of(gone, async move {
            keychain.identity(SystemTime::now()).await.is_ok()
        })
    });
    tokio::time::sleep(Duration::from_millis(5)).await;

    let other = on_behalf_of(Arc::new(1), keychain.identity(SystemTime::now()));
    assert!(other.await.is_ok());

    assert!(!waiting.is_finished());
    waiting.abort();
}

#[test]
fn secrets_are_not_shown() {
    let credentials = Credentials {
        session_token: Some("TOKEN".into()),
        ..Credentials::new("AKID", "SECRET")
    };

    let debug = format!("{credentials:?}");

    assert!(debug.contains("AKID") && !debug.contains("SECRET") && !debug.contains("TOKEN"));
}
