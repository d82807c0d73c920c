//! Tests of `cursor`.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use proptest::prelude::*;

use super::Heading::{Backward, Forward};
use super::content::FINGERPRINT_SIZE;
use super::*;
use crate::start_key::StartKey;

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
            .seal(binding(), Terms::default(), Forward, &positions())
            .unwrap();

        let opened = keys.open(binding(), None, 0, Forward, &text).unwrap();
        assert_eq!(opened.positions, positions());
        assert_eq!((opened.left, opened.is_sealed), (None, !keys.is_empty()));
        let other = Binding::of(&[b"order", b"s", b"c1"]);
        assert!(message(keys.open(other, None, 0, Forward, &text)).contains("another query"));
    }
}

#[test]
fn a_cursor_leads_one_way() {
    let ends = [Position::Start, Position::End];
    for keys in [keys(&[]), keys(&[ONE])] {
        let seal =
            |heading, positions: &[_]| keys.seal(binding(), Terms::default(), heading, positions);
        let open = |heading, text: &str| keys.open(binding(), None, 0, heading, text);

        let back = seal(Backward, &positions()).unwrap();
        assert_eq!(open(Backward, &back).unwrap().positions, positions());
        assert!(message(open(Forward, &back)).contains("pass it to before()"));
        let onward = seal(Forward, &positions()).unwrap();
        assert!(message(open(Backward, &onward)).contains("pass it to after()"));
        // Where one way begins, the other has ended.
        let both = seal(Forward, &ends).unwrap();
        let reversed = open(Backward, &both).unwrap().positions;
        assert_eq!(reversed, [Position::End, Position::Start]);
    }
}

#[test]
fn every_change_of_a_cursor_is_found() {
    for keys in [keys(&[]), keys(&[ONE])] {
        let text = keys
            .seal(binding(), Terms::default(), Forward, &positions())
            .unwrap();
        for at in 0..text.len() {
            for other in ["A", "b", "-", "=", ""] {
                let forged = [&text[..at], other, &text[at + 1..]].concat();
                if forged != text {
                    assert!(
                        keys.open(binding(), None, 0, Forward, &forged).is_err(),
                        "{at} {other}"
                    );
                }
            }
        }
        for garbage in ["", "AQ", "Ag", "not a cursor", "////", "é"] {
            let refused = message(keys.open(binding(), None, 0, Forward, garbage));
            // "Ag" begins as a sealed cursor does.
            assert!(
                refused.contains("not a cursor") || refused.contains("is encrypted"),
                "{garbage:?}: {refused}"
            );
        }
    }
}

#[test]
fn a_sealed_cursor_shows_nothing_and_is_never_the_same() {
    let keys = keys(&[ONE]);
    let seal = || {
        keys.seal(binding(), Terms::default(), Forward, &positions())
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
    let before = old.seal(binding(), terms, Forward, &positions()).unwrap();
    let after = both.seal(binding(), terms, Forward, &positions()).unwrap();

    assert!(both.open(binding(), None, 0, Forward, &before).is_ok());
    assert!(new.open(binding(), None, 0, Forward, &after).is_ok());
    assert!(message(new.open(binding(), None, 0, Forward, &before)).contains("not in cursor_keys"));
    assert!(CursorKeys::new([&ONE[..31]]).is_err());
}

#[test]
fn an_open_cursor_is_forged_where_there_are_keys_and_the_other_way_round() {
    let (none, one) = (keys(&[]), keys(&[ONE]));
    let open = none
        .seal(binding(), Terms::default(), Forward, &positions())
        .unwrap();
    let sealed = one
        .seal(binding(), Terms::default(), Forward, &positions())
        .unwrap();

    assert!(message(one.open(binding(), None, 0, Forward, &open)).contains("forged"));
    assert!(message(none.open(binding(), None, 0, Forward, &sealed)).contains("no cursor_keys"));
}

#[test]
fn terms_are_held_to_and_need_a_key() {
    let keys = keys(&[ONE]);
    let terms = Terms {
        audience: Some("ada"),
        expires_at: Some(100),
        left: Some(7),
    };
    let text = keys.seal(binding(), terms, Forward, &positions()).unwrap();

    let opened = keys
        .open(binding(), Some("ada"), 99, Forward, &text)
        .unwrap();
    assert_eq!(opened.left, Some(7));
    assert!(message(keys.open(binding(), Some("ada"), 100, Forward, &text)).contains("expired"));
    assert!(message(keys.open(binding(), Some("bob"), 99, Forward, &text)).contains("audience"));
    assert!(message(keys.open(binding(), None, 99, Forward, &text)).contains("audience"));
    let unlimited = keys
        .seal(binding(), Terms::default(), Forward, &positions())
        .unwrap();
    assert!(
        message(keys.open(binding(), Some("ada"), 0, Forward, &unlimited)).contains("audience")
    );
    assert!(
        CursorKeys::default()
            .seal(binding(), terms, Forward, &positions())
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
        .open(
            binding(),
            None,
            0,
            Forward,
            &forged_at(br#" {"n":{"N":"1.0"}} "#),
        )
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
        assert!(
            message(keys.open(binding(), None, 0, Forward, &forged_at(wrong))).contains("forged")
        );
    }
}

#[test]
fn a_token_is_text_and_no_position() {
    for keys in [keys(&[]), keys(&[ONE])] {
        let text = keys.seal_token(binding(), "t\"oken").unwrap();

        assert_eq!(keys.open_token(binding(), &text).unwrap(), "t\"oken");
        assert!(keys.open(binding(), None, 0, Forward, &text).is_err());
    }
    let keys = keys(&[]);
    assert!(message(keys.open_token(binding(), &forged_at(b"\xff"))).contains("forged"));
    let many = keys
        .seal(binding(), Terms::default(), Forward, &positions())
        .unwrap();
    assert!(message(keys.open_token(binding(), &many)).contains("forged"));
}

#[test]
fn what_a_newer_version_says_is_not_misread() {
    let mut content = write(binding(), Terms::default(), [Spot::End].into_iter());
    content[FINGERPRINT_SIZE] = 8;
    let outcome = keys(&[]).open(binding(), None, 0, Forward, &forge(&content));
    assert!(message(outcome).contains("newer version"));
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_lead_to_a_key(tail in proptest::collection::vec(any::<u8>(), 0..120), flags in 0_u8..8) {
        let mut content = binding().0.to_vec();
        content.push(flags);
        content.extend_from_slice(&tail);
        let text = forge(&content);
        for heading in [Forward, Backward] {
            for position in keys(&[]).open(binding(), None, 0, heading, &text).iter().flat_map(|opened| &opened.positions) {
                if let Position::After(key) = position {
                    prop_assert_eq!(&StartKey::parse(key).unwrap().to_json(), key);
                }
            }
        }
        let _ = keys(&[]).open_token(binding(), &text);
    }

    #[test]
    fn hostile_positions_are_refused_or_lead_to_a_key(key in r#"[{}":,SNB\\ua1. \[\]]{0,60}"#) {
        if let Ok(opened) = keys(&[]).open(binding(), None, 0, Forward, &forged_at(key.as_bytes())) {
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
            prop_assert!(keys.open(binding(), None, 0, Forward, &text).is_err());
            prop_assert!(keys.open(binding(), None, 0, Forward, &URL_SAFE_NO_PAD.encode(&bytes)).is_err());
        }
    }
}
