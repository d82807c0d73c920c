//! Cursors: where a query stopped, as opaque text that only this query goes on from.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind};
use crate::pagination::Position;
use crate::start_key::StartKey;

/// Bytes of a key that encrypts cursors.
pub const KEY_SIZE: usize = 32;

/// First byte of a cursor that anybody can read.
const OPEN: u8 = 1;
/// First byte of an encrypted one.
const SEALED: u8 = 2;
/// What every encrypted cursor is authenticated with, so that a key's other uses cannot be taken for one.
const PURPOSE: &[u8] = b"pydynox cursor 1";
const CHECKSUM_SIZE: usize = 8;
const FINGERPRINT_SIZE: usize = 16;
const HAS_EXPIRY: u8 = 1;
const HAS_AUDIENCE: u8 = 2;
const HAS_LEFT: u8 = 4;

type Fingerprint = [u8; FINGERPRINT_SIZE];

/// What a cursor is bound to: table, index, direction, partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding(Fingerprint);

impl Binding {
    /// Of these parts, in this order.
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(fingerprint(parts))
    }
}

/// Who may use a cursor, how long, and for how much.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Whom it is for, such as the id of a user.
    pub audience: Option<&'a str>,
    /// Until when it is good, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// How many rows are left of the query's limit.
    pub left: Option<u64>,
}

/// What a cursor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Where it stands in each segment that is read. The keys are written anew.
    pub positions: Vec<Position>,
    /// How many rows are left of the query's limit. Whoever can write a cursor can write another number.
    pub left: Option<u64>,
    /// Whether it was encrypted, and so made by whoever has the key.
    pub is_sealed: bool,
}

/// The keys that encrypt and authenticate cursors: the first one seals, all of them open. Without keys cursors are bound and
/// checksummed, and anybody can read them.
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
    /// [`ErrorKind::Configuration`] when one has another length.
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

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A cursor that stands at these positions, one for each segment that is read.
    ///
    /// # Errors
    ///
    /// It has terms, and no key to hold anybody to them; or the system has no randomness.
    pub fn seal(
        &self,
        binding: Binding,
        terms: Terms<'_>,
        positions: &[Position],
    ) -> Result<String, Error> {
        let spots = positions.iter().map(|position| match position {
            Position::Start => Spot::Start,
            Position::After(key) => Spot::After(key),
            Position::End => Spot::End,
        });
        self.close(&write(binding, terms, spots), terms)
    }

    /// A cursor that holds a token of the service in place of a position.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn seal_token(&self, binding: Binding, token: &str) -> Result<String, Error> {
        let terms = Terms::default();
        let content = write(binding, terms, [Spot::After(token.as_bytes())].into_iter());
        self.close(&content, terms)
    }

    /// Refuses terms that no key holds anybody to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when there are some, and no key.
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

    /// What a cursor says; `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cursor`] says whether it is damaged or forged, expired, for somebody else, or of another query.
    pub fn open(
        &self,
        binding: Binding,
        audience: Option<&str>,
        now: u64,
        text: &str,
    ) -> Result<Opened, Error> {
        let content = self.content(text)?;
        let (left, spots) = read(&content, binding, audience, now)?;
        let positions = spots.into_iter().map(|spot| match spot {
            Spot::Start => Ok(Position::Start),
            Spot::End => Ok(Position::End),
            Spot::After(key) => StartKey::parse(key)
                .map(|key| Position::After(key.to_json()))
                .map_err(|_| forged()),
        });
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
    /// As of [`open`](Self::open); or it holds none.
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

/// Where a cursor stands in one segment, as it is written.
enum Spot<'a> {
    Start,
    After(&'a [u8]),
    End,
}

fn write<'a>(binding: Binding, terms: Terms<'_>, spots: impl Iterator<Item = Spot<'a>>) -> Vec<u8> {
    let mut content = binding.0.to_vec();
    let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
    content.push(
        flag(terms.expires_at.is_some(), HAS_EXPIRY)
            | flag(terms.audience.is_some(), HAS_AUDIENCE)
            | flag(terms.left.is_some(), HAS_LEFT),
    );
    if let Some(expires_at) = terms.expires_at {
        content.extend_from_slice(&expires_at.to_be_bytes());
    }
    if let Some(audience) = terms.audience {
        content.extend_from_slice(&fingerprint(&[audience.as_bytes()]));
    }
    if let Some(left) = terms.left {
        content.extend_from_slice(&left.to_be_bytes());
    }
    for spot in spots {
        match spot {
            Spot::Start => content.push(0),
            Spot::After(key) => {
                content.push(1);
                content.extend_from_slice(&(key.len() as u32).to_be_bytes());
                content.extend_from_slice(key);
            }
            Spot::End => content.push(2),
        }
    }
    content
}

/// What is left of the limit, and where the cursor stands.
fn read<'a>(
    content: &'a [u8],
    binding: Binding,
    audience: Option<&str>,
    now: u64,
) -> Result<(Option<u64>, Vec<Spot<'a>>), Error> {
    let mut rest = content;
    let of: Fingerprint = take(&mut rest)?;
    let [flags] = take(&mut rest)?;
    if of != binding.0 {
        return Err(refused(
            "this cursor was made by another query: table, index, partition, direction and segments must be the same",
        ));
    }
    if flags & !(HAS_EXPIRY | HAS_AUDIENCE | HAS_LEFT) != 0 {
        return Err(refused(
            "this cursor was made by a newer version of pydynox",
        ));
    }
    let expires_at = match flags & HAS_EXPIRY {
        0 => None,
        _ => Some(u64::from_be_bytes(take(&mut rest)?)),
    };
    let holder: Option<Fingerprint> = match flags & HAS_AUDIENCE {
        0 => None,
        _ => Some(take(&mut rest)?),
    };
    let left = match flags & HAS_LEFT {
        0 => None,
        _ => Some(u64::from_be_bytes(take(&mut rest)?)),
    };
    if holder != audience.map(|audience| fingerprint(&[audience.as_bytes()])) {
        return Err(refused("this cursor was made for another audience"));
    }
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(refused("this cursor has expired: start from the beginning"));
    }
    let mut spots = Vec::new();
    while !rest.is_empty() {
        let [tag] = take(&mut rest)?;
        spots.push(match tag {
            0 => Spot::Start,
            1 => {
                let length = u32::from_be_bytes(take(&mut rest)?) as usize;
                let (key, after) = rest.split_at_checked(length).ok_or_else(forged)?;
                rest = after;
                Spot::After(key)
            }
            2 => Spot::End,
            _ => return Err(forged()),
        });
    }
    Ok((left, spots))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Error> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or_else(forged)?;
    *rest = tail;
    Ok(*head)
}

/// Of parts that cannot run into each other.
fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    let mut fingerprint = [0; FINGERPRINT_SIZE];
    fingerprint.copy_from_slice(&digest(&SHA256, &text).as_ref()[..FINGERPRINT_SIZE]);
    fingerprint
}

fn forged() -> Error {
    refused(
        "this is not a cursor of pydynox: it is damaged, forged, or sealed with a key that is not in cursor_keys",
    )
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Cursor, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    const ONE: [u8; 32] = [1; 32];
    const TWO: [u8; 32] = [2; 32];

    fn keys(keys: &[[u8; 32]]) -> CursorKeys {
        CursorKeys::new(keys.iter().map(|key| &key[..])).unwrap()
    }

    fn binding() -> Binding {
        Binding::of(&[b"orders", b"", b"c1"])
    }

    fn positions() -> Vec<Position> {
        let key = Bytes::from_static(br#"{"id":{"S":"secret"}}"#);
        vec![Position::Start, Position::After(key), Position::End]
    }

    fn message<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Cursor);
        error.to_string()
    }

    #[test]
    fn a_cursor_leads_back_to_its_positions() {
        for keys in [keys(&[]), keys(&[ONE])] {
            let text = keys
                .seal(binding(), Terms::default(), &positions())
                .unwrap();

            let opened = keys.open(binding(), None, 0, &text).unwrap();
            assert_eq!(opened.positions, positions());
            assert_eq!((opened.left, opened.is_sealed), (None, !keys.is_empty()));
            let other = Binding::of(&[b"order", b"s", b"c1"]);
            assert!(message(keys.open(other, None, 0, &text)).contains("another query"));
        }
    }

    #[test]
    fn every_change_of_a_cursor_is_found() {
        for keys in [keys(&[]), keys(&[ONE])] {
            let text = keys
                .seal(binding(), Terms::default(), &positions())
                .unwrap();
            for at in 0..text.len() {
                for other in ["A", "b", "-", "=", ""] {
                    let forged = [&text[..at], other, &text[at + 1..]].concat();
                    if forged != text {
                        assert!(
                            keys.open(binding(), None, 0, &forged).is_err(),
                            "{at} {other}"
                        );
                    }
                }
            }
            for garbage in ["", "AQ", "Ag", "not a cursor", "////", "é"] {
                assert!(message(keys.open(binding(), None, 0, garbage)).contains("not a cursor"));
            }
        }
    }

    #[test]
    fn a_sealed_cursor_shows_nothing_and_is_never_the_same() {
        let keys = keys(&[ONE]);
        let seal = || {
            keys.seal(binding(), Terms::default(), &positions())
                .unwrap()
        };

        let (text, other) = (seal(), seal());

        assert_ne!(text, other);
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
    }

    #[test]
    fn keys_are_rotated_one_by_one() {
        let terms = Terms::default();
        let (old, both, new) = (keys(&[ONE]), keys(&[TWO, ONE]), keys(&[TWO]));
        let before = old.seal(binding(), terms, &positions()).unwrap();
        let after = both.seal(binding(), terms, &positions()).unwrap();

        assert!(both.open(binding(), None, 0, &before).is_ok());
        assert!(new.open(binding(), None, 0, &after).is_ok());
        assert!(message(new.open(binding(), None, 0, &before)).contains("not in cursor_keys"));
        assert!(CursorKeys::new([&ONE[..31]]).is_err());
    }

    #[test]
    fn an_open_cursor_is_forged_where_there_are_keys_and_the_other_way_round() {
        let (none, one) = (keys(&[]), keys(&[ONE]));
        let open = none
            .seal(binding(), Terms::default(), &positions())
            .unwrap();
        let sealed = one.seal(binding(), Terms::default(), &positions()).unwrap();

        assert!(message(one.open(binding(), None, 0, &open)).contains("forged"));
        assert!(message(none.open(binding(), None, 0, &sealed)).contains("no cursor_keys"));
    }

    #[test]
    fn terms_are_held_to_and_need_a_key() {
        let keys = keys(&[ONE]);
        let terms = Terms {
            audience: Some("ada"),
            expires_at: Some(100),
            left: Some(7),
        };
        let text = keys.seal(binding(), terms, &positions()).unwrap();

        let opened = keys.open(binding(), Some("ada"), 99, &text).unwrap();
        assert_eq!(opened.left, Some(7));
        assert!(message(keys.open(binding(), Some("ada"), 100, &text)).contains("expired"));
        assert!(message(keys.open(binding(), Some("bob"), 99, &text)).contains("audience"));
        assert!(message(keys.open(binding(), None, 99, &text)).contains("audience"));
        let unlimited = keys
            .seal(binding(), Terms::default(), &positions())
            .unwrap();
        assert!(message(keys.open(binding(), Some("ada"), 0, &unlimited)).contains("audience"));
        assert!(
            CursorKeys::default()
                .seal(binding(), terms, &positions())
                .is_err()
        );
    }

    /// An open cursor as anybody can write it.
    fn forge(content: &[u8]) -> String {
        let checksum = digest(&SHA256, content);
        let parts = [&[OPEN], &checksum.as_ref()[..CHECKSUM_SIZE], content];
        URL_SAFE_NO_PAD.encode(parts.concat())
    }

    fn forged_at(key: &[u8]) -> String {
        let spots = [Spot::After(key)].into_iter();
        forge(&write(binding(), Terms::default(), spots))
    }

    #[test]
    fn a_position_is_written_anew_and_nothing_may_stand_behind_it() {
        let keys = keys(&[]);
        let opened = keys
            .open(binding(), None, 0, &forged_at(br#" {"n":{"N":"1.0"}} "#))
            .unwrap();
        let expected = Position::After(Bytes::from_static(br#"{"n":{"N":"1"}}"#));
        assert_eq!(opened.positions, [expected]);

        for wrong in [
            &br#"{"n":{"N":"1"}},"FilterExpression":"x""#[..],
            br#"{"n":{"N":"1"}}}"#,
            br#"{"n":{"N":"1"},"n":{"N":"2"}}"#,
            br#"{"n":{"L":[]}}"#,
            b"token",
            b"\xff",
            b"",
        ] {
            assert!(message(keys.open(binding(), None, 0, &forged_at(wrong))).contains("forged"));
        }
    }

    #[test]
    fn a_token_is_text_and_no_position() {
        for keys in [keys(&[]), keys(&[ONE])] {
            let text = keys.seal_token(binding(), "t\"oken").unwrap();

            assert_eq!(keys.open_token(binding(), &text).unwrap(), "t\"oken");
            assert!(keys.open(binding(), None, 0, &text).is_err());
        }
        let keys = keys(&[]);
        assert!(message(keys.open_token(binding(), &forged_at(b"\xff"))).contains("forged"));
        let many = keys
            .seal(binding(), Terms::default(), &positions())
            .unwrap();
        assert!(message(keys.open_token(binding(), &many)).contains("forged"));
    }

    #[test]
    fn what_a_newer_version_says_is_not_misread() {
        let mut content = write(binding(), Terms::default(), [Spot::End].into_iter());
        content[FINGERPRINT_SIZE] = 8;
        let outcome = keys(&[]).open(binding(), None, 0, &forge(&content));
        assert!(message(outcome).contains("newer version"));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_or_lead_to_a_key(tail in proptest::collection::vec(any::<u8>(), 0..120), flags in 0_u8..8) {
            let mut content = binding().0.to_vec();
            content.push(flags);
            content.extend_from_slice(&tail);
            let text = forge(&content);
            if let Ok(opened) = keys(&[]).open(binding(), None, 0, &text) {
                for position in opened.positions {
                    if let Position::After(key) = position {
                        prop_assert_eq!(StartKey::parse(&key).unwrap().to_json(), key);
                    }
                }
            }
            let _ = keys(&[]).open_token(binding(), &text);
        }

        #[test]
        fn hostile_positions_are_refused_or_lead_to_a_key(key in r#"[{}":,SNB\\ua1. \[\]]{0,60}"#) {
            if let Ok(opened) = keys(&[]).open(binding(), None, 0, &forged_at(key.as_bytes())) {
                for position in opened.positions {
                    if let Position::After(key) = position {
                        prop_assert_eq!(StartKey::parse(&key).unwrap().to_json(), key);
                    }
                }
            }
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for keys in [keys(&[]), keys(&[ONE])] {
                prop_assert!(keys.open(binding(), None, 0, &text).is_err());
                prop_assert!(keys.open(binding(), None, 0, &URL_SAFE_NO_PAD.encode(&bytes)).is_err());
            }
        }
    }
}
