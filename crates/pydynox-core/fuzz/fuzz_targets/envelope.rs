//! Any bytes: no panic, an envelope is all of its bytes, and none opens that was not sealed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pydynox_core::codec::DataKey;
use pydynox_core::codec::encryption::open;
use pydynox_core::codec::envelope::{Envelope, overhead};

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::parse(bytes) else {
        return;
    };
    let known = overhead(envelope.key_ref.len(), envelope.wrapped_key.len());
    assert_eq!(known + envelope.ciphertext.len(), bytes.len());
    assert!(bytes.starts_with(envelope.header));
    assert!(bytes.ends_with(envelope.tag));

    let key = DataKey::new(&mut [7; 32]);

    assert!(open(&envelope, &key, [&b"data"[..]]).is_err());
});
