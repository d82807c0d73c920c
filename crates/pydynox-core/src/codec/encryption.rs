//! Suite 1: AES-256-GCM under a separate key for every value, with a commitment to the data key.
//!
//! `K_enc` (32 bytes) and `K_commit` (48 bytes) are HKDF-SHA-512 of the data key with the envelope's salt and the texts
//! `pydynox/v1/enc` and `pydynox/v1/commit`. The commitment is the first 32 bytes of HMAC-SHA-384 under `K_commit` of
//! everything before it, and is compared, in constant time, before anything is decrypted: AES-GCM alone allows ciphertext that
//! opens under two keys.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Sha384, Sha512};
use zeroize::Zeroizing;

use super::envelope::{COMMITMENT, Envelope, NONCE, SALT, overhead, write_header};
use super::keyring::{DataKey, WrappedKey};
use crate::error::{Error, ErrorKind};

const ENC: &[u8] = b"pydynox/v1/enc";
const COMMIT: &[u8] = b"pydynox/v1/commit";

/// An envelope that cannot be opened. Which check failed stays secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed;

/// Random bytes, fresh for every value.
pub(super) struct Fresh {
    pub(super) salt: [u8; SALT],
    pub(super) nonce: [u8; NONCE],
}

impl Fresh {
    /// From the operating system each time: there is no state that a fork or a snapshot could repeat.
    fn draw() -> Result<Self, Error> {
        // With a salt of 32 bytes every value has keys of its own, so 12 random bytes are enough for a nonce.
        let mut bytes = [0; SALT + NONCE];
        random(&mut bytes)?;
        let mut fresh = Self {
            salt: [0; SALT],
            nonce: [0; NONCE],
        };
        let (salt, nonce) = bytes.split_at(SALT);
        fresh.salt.copy_from_slice(salt);
        fresh.nonce.copy_from_slice(nonce);
        Ok(fresh)
    }
}

/// Fills a buffer with the system's random bytes.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), Error> {
    SystemRandom::new().fill(bytes).map_err(|_| {
        Error::new(
            ErrorKind::Internal,
            "the operating system provides no random bytes",
        )
    })
}

/// The envelope of a content. `associated_data` is that of [`Binding`](super::envelope::Binding) for the same flags and key.
///
/// # Errors
///
/// The operating system provides no random bytes, or the key's names are too long for an envelope.
pub fn seal(
    key: &WrappedKey,
    flags: u8,
    associated_data: &[u8],
    content: &[u8],
) -> Result<Vec<u8>, Error> {
    seal_with(&Fresh::draw()?, key, flags, associated_data, content)
}

pub(super) fn seal_with(
    fresh: &Fresh,
    key: &WrappedKey,
    flags: u8,
    associated_data: &[u8],
    content: &[u8],
) -> Result<Vec<u8>, Error> {
    let broken = || Error::new(ErrorKind::Internal, "a value cannot be encrypted");
    let length = overhead(key.key_ref.len(), key.wrapped.len()) + content.len();
    let mut bytes = Vec::with_capacity(length);
    write_header(flags, &key.key_ref, &key.wrapped, &fresh.salt, &mut bytes).ok_or_else(broken)?;
    let derived = Derived::of(&key.key, &fresh.salt).ok_or_else(broken)?;
    let commitment = derived.commitment(&bytes).ok_or_else(broken)?;
    bytes.extend_from_slice(&commitment.finalize().into_bytes()[..COMMITMENT]);
    bytes.extend_from_slice(&fresh.nonce);
    let start = bytes.len();
    bytes.extend_from_slice(content);
    let ciphertext = bytes.get_mut(start..).ok_or_else(broken)?;
    let tag = derived
        .cipher()
        .encrypt_inout_detached(&fresh.nonce.into(), associated_data, ciphertext.into())
        .map_err(|_| broken())?;
    bytes.extend_from_slice(&tag);
    Ok(bytes)
}

/// The content of an envelope, whose data key was unwrapped; the first associated data that matches is used.
///
/// # Errors
///
/// It has another data key, belongs elsewhere, or was changed.
pub fn open<'a>(
    envelope: &Envelope<'_>,
    key: &DataKey,
    associated_data: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(usize, Vec<u8>), Sealed> {
    let derived = Derived::of(key, envelope.salt).ok_or(Sealed)?;
    derived
        .commitment(envelope.header)
        .ok_or(Sealed)?
        .verify_truncated_left(envelope.commitment)
        .map_err(|_| Sealed)?;
    let cipher = derived.cipher();
    let mut content = Vec::with_capacity(envelope.ciphertext.len());
    // The envelope does not name the type of its value; the associated data that authenticates it does.
    for (index, data) in associated_data.into_iter().enumerate() {
        content.clear();
        content.extend_from_slice(envelope.ciphertext);
        let opened = cipher.decrypt_inout_detached(
            &(*envelope.nonce).into(),
            data,
            content.as_mut_slice().into(),
            &(*envelope.tag).into(),
        );
        if opened.is_ok() {
            return Ok((index, content));
        }
    }
    Err(Sealed)
}

/// The two keys of one value.
struct Derived {
    enc: Zeroizing<[u8; 32]>,
    commit: Zeroizing<[u8; 48]>,
}

impl Derived {
    fn of(key: &DataKey, salt: &[u8; SALT]) -> Option<Self> {
        let mut derived = Self {
            enc: Zeroizing::new([0; 32]),
            commit: Zeroizing::new([0; 48]),
        };
        let hkdf = Hkdf::<Sha512>::new(Some(salt), key.bytes());
        hkdf.expand(ENC, derived.enc.as_mut_slice()).ok()?;
        hkdf.expand(COMMIT, derived.commit.as_mut_slice()).ok()?;
        Some(derived)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.enc).into())
    }

    fn commitment(&self, header: &[u8]) -> Option<Hmac<Sha384>> {
        let mut mac = <Hmac<Sha384> as KeyInit>::new_from_slice(self.commit.as_slice()).ok()?;
        mac.update(header);
        Some(mac)
    }
}
