//! A keyring of keys that the program holds itself.

use std::future::ready;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::encryption::random;
use super::envelope::{NONCE, TAG};
use super::keyring::{DataKey, KeyContext, Keyring, Pending, WrappedKey, cannot_open};
use crate::error::{Error, ErrorKind};

/// Wraps data keys with keys of the program's own: the last one writes, each of them reads.
///
/// A wrapped key is `nonce 12 | AES-256-GCM of the data key 32 | tag 16`; the key's name and the context are its associated
/// data.
///
/// ```
/// use pydynox_core::codec::{DataKey, LocalKeyring};
///
/// let old = DataKey::new(&mut [1; 32]);
/// let new = DataKey::new(&mut [2; 32]);
/// let keyring = LocalKeyring::new([("2025", old), ("2026", new)])?;
/// assert_eq!(format!("{keyring:?}"), r#"LocalKeyring(["2025", "2026"])"#);
/// # Ok::<(), pydynox_core::error::Error>(())
/// ```
pub struct LocalKeyring {
    /// Never empty.
    keys: Vec<(Box<str>, DataKey)>,
}

impl LocalKeyring {
    /// A keyring of these keys by their names; the last one is the newest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: no key, or a name that is empty, longer than 255 bytes, or given twice.
    pub fn new<'a>(keys: impl IntoIterator<Item = (&'a str, DataKey)>) -> Result<Self, Error> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Configuration, message));
        let mut all: Vec<(Box<str>, DataKey)> = Vec::new();
        for (name, key) in keys {
            if name.is_empty() || name.len() > 255 {
                return refuse(format!(
                    "the name of a key must have 1 to 255 bytes; got {}",
                    name.len()
                ));
            }
            if all.iter().any(|(other, _)| **other == *name) {
                return refuse(format!("two keys have the name {name:?}"));
            }
            all.push((name.into(), key));
        }
        if all.is_empty() {
            return refuse("a keyring needs at least one key".to_owned());
        }
        Ok(Self { keys: all })
    }

    fn wrap(&self, context: &KeyContext) -> Result<WrappedKey, Error> {
        let broken = || Error::new(ErrorKind::Internal, "a data key cannot be wrapped");
        let (name, wrapping) = self.keys.last().ok_or_else(broken)?;
        let mut plain = Zeroizing::new([0; DataKey::LENGTH]);
        random(plain.as_mut_slice())?;
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let mut wrapped = Vec::with_capacity(NONCE + DataKey::LENGTH + TAG);
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(plain.as_slice());
        let room = wrapped.get_mut(NONCE..).ok_or_else(broken)?;
        let tag = Aes256Gcm::new(wrapping.bytes().into())
            .encrypt_inout_detached(&nonce.into(), &associated_data(name, context), room.into())
            .map_err(|_| broken())?;
        wrapped.extend_from_slice(&tag);
        Ok(WrappedKey {
            key_ref: name.clone(),
            key: DataKey::new(&mut plain),
            wrapped: wrapped.into(),
        })
    }

    fn open(&self, key_ref: &str, wrapped: &[u8], context: &KeyContext) -> Option<DataKey> {
        let (name, wrapping) = self.keys.iter().find(|(name, _)| **name == *key_ref)?;
        let (nonce, rest) = wrapped.split_first_chunk::<NONCE>()?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>()?;
        let mut plain = Zeroizing::new(<[u8; DataKey::LENGTH]>::try_from(ciphertext).ok()?);
        Aes256Gcm::new(wrapping.bytes().into())
            .decrypt_inout_detached(
                &(*nonce).into(),
                &associated_data(name, context),
                plain.as_mut_slice().into(),
                &(*tag).into(),
            )
            .ok()?;
        Some(DataKey::new(&mut plain))
    }
}

fn associated_data(name: &str, context: &KeyContext) -> Vec<u8> {
    let mut data = b"pydynox-local-keyring\x01".to_vec();
    // With the length in front, no other name and context give the same bytes.
    data.extend_from_slice(&(name.len() as u32).to_be_bytes());
    data.extend_from_slice(name.as_bytes());
    data.extend_from_slice(context.as_bytes());
    data
}

impl Keyring for LocalKeyring {
    fn lengths(&self) -> (usize, usize) {
        let name = self.keys.last().map_or(0, |(name, _)| name.len());
        (name, NONCE + DataKey::LENGTH + TAG)
    }

    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey> {
        Box::pin(ready(self.wrap(context)))
    }

    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey> {
        Box::pin(ready(
            self.open(key_ref, wrapped, context).ok_or_else(cannot_open),
        ))
    }
}

impl std::fmt::Debug for LocalKeyring {
    /// The names of the keys, never the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.keys.iter().map(|(name, _)| name).collect();
        f.debug_tuple("LocalKeyring").field(&names).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::new(&mut [byte; 32])
    }

    #[tokio::test]
    async fn the_newest_key_writes_and_all_read() {
        let context = KeyContext::new("users");
        let before = LocalKeyring::new([("a", key(1))]).unwrap();
        let after = LocalKeyring::new([("a", key(1)), ("b", key(2))]).unwrap();
        let old = before.generate_data_key(&context).await.unwrap();

        let new = after.generate_data_key(&context).await.unwrap();

        assert_eq!((&*old.key_ref, &*new.key_ref), ("a", "b"));
        for wrapped in [&old, &new] {
            let opened = after
                .unwrap(&wrapped.key_ref, &wrapped.wrapped, &context)
                .await
                .unwrap();
            assert_eq!(opened.bytes(), wrapped.key.bytes());
        }
        assert_ne!(old.key.bytes(), new.key.bytes());
    }

    #[tokio::test]
    async fn what_was_changed_or_moved_is_not_unwrapped() {
        let context = KeyContext::new("users");
        let keyring = LocalKeyring::new([("a", key(1)), ("b", key(1))]).unwrap();
        let wrapped = keyring.generate_data_key(&context).await.unwrap();
        let others = LocalKeyring::new([("b", key(3))]).unwrap();
        let refused =
            async |keyring: &LocalKeyring, name: &str, bytes: &[u8], context: &KeyContext| {
                let error = keyring.unwrap(name, bytes, context).await.unwrap_err();
                assert_eq!(error.kind(), &ErrorKind::Encryption);
                error.to_string()
            };

        let mut messages = vec![
            refused(&keyring, "a", &wrapped.wrapped, &context).await,
            refused(&keyring, "c", &wrapped.wrapped, &context).await,
            refused(&keyring, "b", &wrapped.wrapped, &KeyContext::new("user")).await,
            refused(&others, "b", &wrapped.wrapped, &context).await,
        ];
        for at in 0..wrapped.wrapped.len() {
            let mut changed = wrapped.wrapped.to_vec();
            changed[at] ^= 1;
            messages.push(refused(&keyring, "b", &changed, &context).await);
            messages.push(refused(&keyring, "b", &changed[..at], &context).await);
        }
        messages.dedup();
        assert_eq!(messages.len(), 1, "one message whatever the reason");
    }

    #[test]
    fn keyrings_that_make_no_sense_are_refused() {
        let long = "k".repeat(256);
        for names in [vec![], vec![""], vec![&*long], vec!["a", "b", "a"]] {
            let error =
                LocalKeyring::new(names.into_iter().map(|name| (name, key(1)))).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration);
        }
    }
}
