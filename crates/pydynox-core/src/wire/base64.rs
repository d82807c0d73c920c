//! Base64, as JSON carries binary values: standard alphabet, padded, with the fastest engine that the processor has.

use base64::engine::general_purpose::PAD;
use base64::{DecodeError, Engine as _};

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon")
))]
fn engine() -> &'static base64::engine::Simd {
    static ENGINE: std::sync::LazyLock<base64::engine::Simd> =
        std::sync::LazyLock::new(|| base64::engine::Simd::standard(PAD));
    &ENGINE
}

#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon")
)))]
fn engine() -> &'static base64::engine::GeneralPurpose {
    &base64::engine::general_purpose::STANDARD
}

/// Appends the text of some bytes.
pub fn append(bytes: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The room is what base64 with padding takes.
    let room = text.get_mut(start..).unwrap_or_default();
    let written = engine().encode_slice(bytes, room).unwrap_or(0);
    text.truncate(start + written);
}

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    engine().encode(bytes)
}

/// The bytes of a text.
///
/// # Errors
///
/// The text is not base64, or its padding is not as it must be.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    engine().decode(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_what_the_plain_engine_makes(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[A-Za-z0-9+/=\n -]{0,80}") {
            let mut appended = b"{".to_vec();
            append(&bytes, &mut appended);

            let plain = STANDARD.encode(&bytes);
            prop_assert_eq!(&appended[1..], plain.as_bytes());
            prop_assert_eq!(decode(plain.as_bytes()).unwrap(), bytes.clone());
            prop_assert_eq!(encode(&bytes), plain);
            prop_assert_eq!(decode(text.as_bytes()).ok(), STANDARD.decode(&text).ok());
        }
    }
}
