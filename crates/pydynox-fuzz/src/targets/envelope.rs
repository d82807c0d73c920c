//! Envelopes: no bytes cause a panic, an envelope is all of its bytes, and none opens unless sealed exactly so.

use pydynox_core::codec::DataKey;
use pydynox_core::codec::encryption::{open, seal};
use pydynox_core::codec::envelope::{Envelope, is_envelope, overhead};
use pydynox_core::codec::keyring::WrappedKey;

const DATA: &[u8] = b"data";

/// The first byte chooses: bytes as they are, or our own envelope with one byte changed.
pub(super) fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((mode, rest)) if mode % 2 == 1 => changed(rest),
        Some((_, rest)) => foreign(rest),
        None => foreign(bytes),
    }
}

fn key() -> DataKey {
    DataKey::new(&mut [7; 32])
}

fn foreign(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return;
    };
    assert!(
        is_envelope(bytes),
        "an envelope that does not look like one"
    );
    let overhead_length = overhead(envelope.key_ref.len(), envelope.wrapped_key.len());
    assert_eq!(overhead_length + envelope.ciphertext.len(), bytes.len());
    assert!(bytes.starts_with(envelope.header));
    assert!(bytes.ends_with(envelope.tag));
    assert!(
        open(&envelope, &key(), [DATA]).is_err(),
        "it was never sealed"
    );
}

fn changed(bytes: &[u8]) {
    let Some((&[high, low, flip], content)) = bytes.split_first_chunk() else {
        return;
    };
    let key = WrappedKey {
        key_ref: "2026".into(),
        key: key(),
        wrapped: [9; 40].into(),
    };
    let Ok(mut sealed) = seal(&key, 0, DATA, content) else {
        return;
    };
    let opened = Envelope::parse(&sealed).map(|envelope| open(&envelope, &key.key, [DATA]));
    assert!(
        matches!(opened, Ok(Ok((0, opened))) if opened == content),
        "what was sealed does not open"
    );

    let at = usize::from(u16::from_be_bytes([high, low])) % sealed.len();
    sealed[at] ^= flip.max(1);

    if let Ok(envelope) = Envelope::parse(&sealed) {
        assert!(
            open(&envelope, &key.key, [DATA]).is_err(),
            "byte {at} was changed, and it opens"
        );
    }
}
