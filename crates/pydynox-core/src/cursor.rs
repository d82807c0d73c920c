//! Cursors: where a page of a query ends or begins, as opaque text that only the same query continues from.

mod content;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind};
use crate::pagination::Position;

use content::{Spot, forged, read, refused, write};

pub use content::{Binding, Heading, Terms};

/// Bytes of a key that encrypts cursors.
pub const KEY_SIZE: usize = 32;

/// First byte of a cursor that anyone can read.
const OPEN: u8 = 1;
/// First byte of an encrypted cursor.
const SEALED: u8 = 2;
/// Authenticated with every encrypted cursor, so that no other use of the same key can pass for one.
const PURPOSE: &[u8] = b"pydynox cursor 1";
const CHECKSUM_SIZE: usize = 8;

/// What a cursor contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The position in each segment that is read, with its key re-encoded.
    pub positions: Vec<Position>,
    /// How many rows are left of the query's limit. Anyone who can write a cursor can change it.
    pub left: Option<u64>,
    /// Whether it was encrypted, and so made by a holder of the key.
    pub is_sealed: bool,
}

/// The keys that encrypt and authenticate cursors: the first one seals, all of them open. Without keys, cursors are bound and
/// checksummed, but anyone can read them.
#[derive(Default)]
pub struct CursorKeys(Vec<LessSafeKey>);

impl std::fmt::Debug for CursorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CursorKeys({})", self.0.len())
    }
}

impl CursorKeys {
    /// Keys of [`KEY_SIZE`] random bytes each.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a key has another length.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        keys.into_iter()
            .map(|key| {
                UnboundKey::new(&AES_256_GCM, key)
                    .map(LessSafeKey::new)
                    .map_err(|_| {
                        Error::new(
                            ErrorKind::Configuration,
                            format!(
                                "a key in cursor_keys must have {KEY_SIZE} random bytes, such as secrets.token_bytes({KEY_SIZE}); one has {}",
                                key.len()
                            ),
                        )
                    })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A cursor at these positions, one for each segment that is read, that leads this way.
    ///
    /// # Errors
    ///
    /// There are terms but no key to enforce them, or the system has no randomness.
    pub fn seal(
        &self,
        binding: Binding,
        terms: Terms<'_>,
        heading: Heading,
        positions: &[Position],
    ) -> Result<String, Error> {
        let spots = positions.iter().map(|position| Spot::of(position, heading));
        self.close(&write(binding, terms, spots), terms)
    }

    /// A cursor that holds a token of the service instead of a position.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn seal_token(&self, binding: Binding, token: &str) -> Result<String, Error> {
        let terms = Terms::default();
        let content = write(binding, terms, [Spot::After(token.as_bytes())].into_iter());
        self.close(&content, terms)
    }

    /// Refuses terms that no key enforces.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when there are terms but no key.
    pub fn check_terms(&self, terms: Terms<'_>) -> Result<(), Error> {
        if self.is_empty() && (terms.audience.is_some() || terms.expires_at.is_some()) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "a cursor with an audience or an expiry must be sealed with a key: DynamoDBClient(cursor_keys=[...])",
            ));
        }
        Ok(())
    }

    fn close(&self, content: &[u8], terms: Terms<'_>) -> Result<String, Error> {
        self.check_terms(terms)?;
        let Some(key) = self.0.first() else {
            let checksum = digest(&SHA256, content);
            let parts = [&[OPEN], &checksum.as_ref()[..CHECKSUM_SIZE], content];
            return Ok(URL_SAFE_NO_PAD.encode(parts.concat()));
        };
        let broken = |_| Error::new(ErrorKind::Internal, "a cursor cannot be encrypted");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(broken)?;
        let mut sealed = content.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(PURPOSE),
            &mut sealed,
        )
        .map_err(broken)?;
        Ok(URL_SAFE_NO_PAD.encode([&[SEALED], &nonce[..], &sealed].concat()))
    }

    /// What a cursor that leads this way contains; `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cursor`] tells whether it is damaged or forged, expired, for another audience, of another query, or leads the
    /// other way.
    pub fn open(
        &self,
        binding: Binding,
        audience: Option<&str>,
        now: u64,
        heading: Heading,
        text: &str,
    ) -> Result<Opened, Error> {
        let content = self.content(text)?;
        let (left, spots) = read(&content, binding, audience, now)?;
        let positions = spots.into_iter().map(|spot| spot.position(heading));
        Ok(Opened {
            positions: positions.collect::<Result<_, _>>()?,
            left,
            is_sealed: !self.is_empty(),
        })
    }

    /// The token of the service that a cursor holds.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open), or it holds no token.
    pub fn open_token(&self, binding: Binding, text: &str) -> Result<String, Error> {
        let content = self.content(text)?;
        let (_, spots) = read(&content, binding, None, 0)?;
        match spots[..] {
            [Spot::After(token)] => String::from_utf8(token.to_vec()).map_err(|_| forged()),
            _ => Err(forged()),
        }
    }

    fn content(&self, text: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| forged())?;
        match bytes.first() {
            Some(&OPEN) if self.is_empty() => {
                let (checksum, content) = bytes[1..]
                    .split_at_checked(CHECKSUM_SIZE)
                    .ok_or_else(forged)?;
                if digest(&SHA256, content).as_ref()[..CHECKSUM_SIZE] != *checksum {
                    return Err(forged());
                }
                Ok(content.to_vec())
            }
            Some(&SEALED) if self.is_empty() => Err(refused(
                "this cursor is encrypted, but the client has no cursor_keys to open it",
            )),
            Some(&SEALED) => {
                let sealed = bytes.split_off((1 + NONCE_LEN).min(bytes.len()));
                let nonce: [u8; NONCE_LEN] = bytes[1..].try_into().map_err(|_| forged())?;
                let open = |key: &LessSafeKey| {
                    let mut sealed = sealed.clone();
                    let nonce = Nonce::assume_unique_for_key(nonce);
                    let content = key
                        .open_in_place(nonce, Aad::from(PURPOSE), &mut sealed)
                        .ok()?;
                    Some(content.to_vec())
                };
                self.0.iter().find_map(open).ok_or_else(forged)
            }
            _ => Err(forged()),
        }
    }
}

#[cfg(test)]
mod tests;
