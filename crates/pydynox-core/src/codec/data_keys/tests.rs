//! Tests of `data_keys`.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::codec::LocalKeyring;
use crate::codec::keyring::{DataKey, Pending};
use crate::error::ErrorKind;

/// A keyring that takes half a second, counts, and fails when told to.
struct Slow {
    inner: LocalKeyring,
    generated: AtomicU32,
    unwrapped: AtomicU32,
    fails: AtomicU32,
}

impl Slow {
    fn new() -> Arc<Self> {
        let key = DataKey::new(&mut [1; 32]);
        Arc::new(Self {
            inner: LocalKeyring::new([("k1", key)]).unwrap(),
            generated: AtomicU32::new(0),
            unwrapped: AtomicU32::new(0),
            fails: AtomicU32::new(0),
        })
    }

    fn calls(&self) -> (u32, u32) {
        (
            self.generated.load(Ordering::Relaxed),
            self.unwrapped.load(Ordering::Relaxed),
        )
    }

    async fn work(&self) -> Result<(), Error> {
        sleep(Duration::from_millis(500)).await;
        let fails = |left: u32| left.checked_sub(1);
        match self
            .fails
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails)
        {
            Ok(_) => Err(Error::new(ErrorKind::ConnectionFailed, "no way").with_retryable(true)),
            Err(_) => Ok(()),
        }
    }
}

impl Keyring for Slow {
    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey> {
        Box::pin(async {
            self.generated.fetch_add(1, Ordering::Relaxed);
            self.work().await?;
            self.inner.generate_data_key(context).await
        })
    }

    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey> {
        Box::pin(async move {
            self.unwrapped.fetch_add(1, Ordering::Relaxed);
            self.work().await?;
            self.inner.unwrap(key_ref, wrapped, context).await
        })
    }
}

fn keys(keyring: &Arc<Slow>) -> Arc<DataKeys> {
    limited(keyring, KeyLimits::default())
}

fn limited(keyring: &Arc<Slow>, limits: KeyLimits) -> Arc<DataKeys> {
    Arc::new(DataKeys::new(keyring.clone(), [], limits, 0).unwrap())
}

fn users() -> KeyContext {
    KeyContext::new("users")
}

async fn one(keys: &DataKeys, generation: u64) -> Arc<WrappedKey> {
    keys.to_encrypt(&users(), 1, 100, generation).await.unwrap()
}

async fn wrapped(keyring: &Slow) -> WrappedKey {
    keyring.inner.generate_data_key(&users()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_look_up_serves_all_who_ask_meanwhile() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let start = Instant::now();

    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { one(&keys, 0).await.wrapped.clone() })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }

    all.dedup();
    assert_eq!((all.len(), keyring.calls()), (1, (1, 0)));
    assert!(start.elapsed() < Duration::from_millis(600));
}

#[tokio::test(start_paused = true)]
async fn tables_do_not_share_a_key_nor_wait_for_each_other() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let start = Instant::now();
    let (users, orders) = (users(), KeyContext::new("orders"));

    let (one, two) = tokio::join!(
        keys.to_encrypt(&users, 1, 1, 0),
        keys.to_encrypt(&orders, 1, 1, 0)
    );

    assert_ne!(one.unwrap().wrapped, two.unwrap().wrapped);
    assert!(start.elapsed() < Duration::from_millis(600));
}

#[tokio::test(start_paused = true)]
async fn a_key_serves_five_minutes() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let first = one(&keys, 0).await;

    advance(Duration::from_millis(299_999)).await;
    let before = one(&keys, 0).await;
    advance(Duration::from_millis(1)).await;
    let after = one(&keys, 0).await;

    assert!(Arc::ptr_eq(&first, &before));
    assert_ne!(first.wrapped, after.wrapped);
}

#[tokio::test(start_paused = true)]
async fn a_key_serves_so_many_values_and_bytes() {
    for (messages, bytes) in [(1 << 19, 1), (1, 1 << 35)] {
        let keyring = Slow::new();
        let keys = keys(&keyring);
        let take = async || keys.to_encrypt(&users(), messages, bytes, 0).await.unwrap();

        let (one, two, three) = (take().await, take().await, take().await);

        assert!(Arc::ptr_eq(&one, &two));
        assert_ne!(two.wrapped, three.wrapped);
        assert_eq!(keyring.calls(), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn limits_can_be_set() {
    let keyring = Slow::new();
    let limits = KeyLimits {
        lifetime: Duration::from_secs(10),
        messages: 2,
        bytes: 200,
        unwrapped: 1,
    };
    let keys = limited(&keyring, limits);
    let take = async |messages, bytes| {
        let key = keys.to_encrypt(&users(), messages, bytes, 0).await.unwrap();
        (key, keyring.calls().0)
    };

    assert_eq!(take(1, 1).await.1, 1);
    assert_eq!(take(1, 1).await.1, 1);
    assert_eq!(take(1, 150).await.1, 2, "two values");
    assert_eq!(take(1, 51).await.1, 3, "200 bytes");
    assert_eq!(take(25, 900).await.1, 4, "the first request of a key");
    let last = take(1, 1).await;
    assert_eq!(last.1, 5, "which it used up");
    advance(Duration::from_secs(10)).await;
    assert_eq!(take(1, 1).await.1, 6, "ten seconds");
    assert_eq!(keys.first.state().unwrapped.len(), 1);
    keys.to_decrypt(&users(), &[("k1", &last.0.wrapped)], 0)
        .await
        .unwrap();
    assert_eq!(keyring.calls(), (6, 1));
    assert_eq!(keys.first.of(1).limits, limits, "after a fork as before");
}

#[test]
fn limits_under_which_nothing_is_encrypted_are_refused() {
    let good = KeyLimits::default();
    assert_eq!(good.check().unwrap(), good);
    for wrong in [
        KeyLimits {
            lifetime: Duration::ZERO,
            ..good
        },
        KeyLimits {
            lifetime: Duration::from_secs(86_401),
            ..good
        },
        KeyLimits {
            messages: 0,
            ..good
        },
        KeyLimits { bytes: 0, ..good },
        KeyLimits {
            unwrapped: 0,
            ..good
        },
    ] {
        let error = wrong.check().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_everybodys_who_waited_and_nobodys_after() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    keyring.fails.store(1, Ordering::Relaxed);
    let start = Instant::now();

    let context = users();
    let ask = || keys.to_encrypt(&context, 1, 1, 0);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());

    for failed in [one, two, three] {
        let error = failed.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::ConnectionFailed);
        assert!(error.retryable());
    }
    assert_eq!(keyring.calls(), (1, 0));
    assert!(start.elapsed() < Duration::from_millis(600));
    assert!(ask().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_while_asking_leaves_it_to_the_next() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let impatient = tokio::spawn({
        let keys = keys.clone();
        async move { one(&keys, 0).await }
    });
    sleep(Duration::from_millis(100)).await;
    let waiting = tokio::spawn({
        let keys = keys.clone();
        async move { one(&keys, 0).await.wrapped.len() }
    });
    sleep(Duration::from_millis(100)).await;

    impatient.abort();

    assert_eq!(waiting.await.unwrap(), 60);
    assert_eq!(keyring.calls(), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_page_costs_one_unwrapping_for_each_key() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let (a, b) = (wrapped(&keyring).await, wrapped(&keyring).await);
    let page: Vec<(&str, &[u8])> = (0..1000)
        .map(|index| ("k1", &*if index % 2 == 0 { &a } else { &b }.wrapped))
        .collect();
    let start = Instant::now();

    let opened = keys.to_decrypt(&users(), &page, 0).await.unwrap();

    assert_eq!((opened.len(), keyring.calls()), (1000, (0, 2)));
    assert_eq!(opened[0].as_ref().unwrap().key().bytes(), a.key.bytes());
    assert_eq!(opened[999].as_ref().unwrap().key().bytes(), b.key.bytes());
    assert!(start.elapsed() < Duration::from_millis(600), "both at once");
    keys.to_decrypt(&users(), &page, 0).await.unwrap();
    assert_eq!(keyring.calls(), (0, 2));
    advance(Duration::from_mins(5)).await;
    keys.to_decrypt(&users(), &page, 0).await.unwrap();
    assert_eq!(keyring.calls(), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_is_read_without_asking() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let key = one(&keys, 0).await;

    let opened = keys
        .to_decrypt(&users(), &[(&key.key_ref, &key.wrapped)], 0)
        .await
        .unwrap();

    assert_eq!(opened[0].as_ref().unwrap().key().bytes(), key.key.bytes());
    assert_eq!(keyring.calls(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_at_hand_does_not_open_for_another_table_or_name() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let key = one(&keys, 0).await;

    for (context, key_ref) in [(KeyContext::new("orders"), "k1"), (users(), "k2")] {
        let opened = keys
            .to_decrypt(&context, &[(key_ref, &key.wrapped)], 0)
            .await
            .unwrap();
        let error = opened[0].as_ref().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Encryption);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_a_thousand_unwrapped_keys_are_kept_and_the_least_used_goes() {
    const KEPT: usize = 1000;
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let mut all = Vec::new();
    for _ in 0..=KEPT {
        all.push(wrapped(&keyring).await);
    }
    let pairs: Vec<(&str, &[u8])> = all.iter().map(|key| ("k1", &*key.wrapped)).collect();
    keys.to_decrypt(&users(), &pairs[..KEPT], 0).await.unwrap();
    keys.to_decrypt(&users(), &pairs[..1], 0).await.unwrap();
    let unwrapped = keyring.calls().1;

    keys.to_decrypt(&users(), &pairs[KEPT..], 0).await.unwrap();

    assert_eq!(keys.first.state().unwrapped.len(), KEPT);
    keys.to_decrypt(&users(), &pairs[..1], 0).await.unwrap();
    assert_eq!(
        keyring.calls().1,
        unwrapped + 1,
        "the first was used lately"
    );
    keys.to_decrypt(&users(), &pairs[1..2], 0).await.unwrap();
    assert_eq!(keyring.calls().1, unwrapped + 2, "the second was not");
}

#[tokio::test(start_paused = true)]
async fn a_fork_leaves_all_keys_behind() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    let parent = one(&keys, 0).await;

    let child = one(&keys, 1).await;

    assert_ne!(parent.wrapped, child.wrapped);
    assert!(keys.first.state().serving.is_empty(), "wiped");
    assert!(keys.first.state().unwrapped.is_empty());
    assert!(Arc::ptr_eq(&child, &one(&keys, 1).await));
    assert_ne!(child.wrapped, one(&keys, 2).await.wrapped);
    assert_eq!(keyring.calls(), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_a_fork_left_held_is_not_waited_for() {
    let keyring = Slow::new();
    let keys = keys(&keyring);
    one(&keys, 0).await;
    let held = keys.first.state();

    let child = keys.first.of(1).state().take(&users(), 1, 1);

    assert!(child.is_none());
    drop(held);
}

#[tokio::test]
async fn keyrings_that_give_what_does_not_fit_are_refused() {
    struct Odd;
    impl Keyring for Odd {
        fn generate_data_key<'a>(&'a self, _: &'a KeyContext) -> Pending<'a, WrappedKey> {
            Box::pin(async {
                Ok(WrappedKey {
                    key_ref: "".into(),
                    key: DataKey::new(&mut [0; 32]),
                    wrapped: [1].into(),
                })
            })
        }

        fn unwrap<'a>(
            &'a self,
            _: &'a str,
            _: &'a [u8],
            _: &'a KeyContext,
        ) -> Pending<'a, DataKey> {
            Box::pin(async { Ok(DataKey::new(&mut [0; 32])) })
        }
    }
    let keys = DataKeys::new(Arc::new(Odd), [], KeyLimits::default(), 0).unwrap();

    let error = keys.to_encrypt(&users(), 1, 1, 0).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Configuration);
    let pairs = [("pydynox:table".into(), "x".into())];
    assert!(DataKeys::new(Arc::new(Odd), pairs, KeyLimits::default(), 0).is_err());
}
