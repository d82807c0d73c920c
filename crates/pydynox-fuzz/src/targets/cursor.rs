//! Cursors: none causes a panic, and one that opens can be sealed again at the same position.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pydynox_core::cursor::{Binding, CursorKeys, Heading, Terms};
use sha2::{Digest, Sha256};

/// The first byte of a cursor that anyone can read, and so write.
const OPEN: u8 = 1;
const CHECKSUM_SIZE: usize = 8;
const BINDING_SIZE: usize = 16;
const NOW: u64 = 1_800_000_000;

/// The first byte chooses: text as it is, content to give a checksum, or positions after the right binding.
pub(super) fn check(bytes: &[u8]) {
    let Some((mode, bytes)) = bytes.split_first() else {
        return;
    };
    let binding = Binding::of(&[b"orders", b"", b"c1"]);
    let text = match mode % 3 {
        0 => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return,
        },
        1 => forged(bytes),
        _ => forged(&[&bound(binding)[..], bytes].concat()),
    };
    let sealed = CursorKeys::new([&[1; 32][..]]).unwrap_or_default();
    let keys = CursorKeys::default();
    for heading in [Heading::Forward, Heading::Backward] {
        assert!(
            !sealed.is_empty() && sealed.open(binding, None, NOW, heading, &text).is_err(),
            "a cursor that was never sealed opens"
        );
        let Ok(opened) = keys.open(binding, None, NOW, heading, &text) else {
            continue;
        };
        let terms = Terms {
            left: opened.left,
            ..Terms::default()
        };
        let again = keys.seal(binding, terms, heading, &opened.positions);
        let again = again.and_then(|text| keys.open(binding, None, NOW, heading, &text));
        assert!(
            again.is_ok_and(|again| again == opened),
            "what opens does not seal"
        );
    }
}

/// As anyone can forge one.
fn forged(content: &[u8]) -> String {
    let checksum = Sha256::digest(content);
    URL_SAFE_NO_PAD.encode([&[OPEN], &checksum[..CHECKSUM_SIZE], content].concat())
}

/// The bytes at the front of an open cursor with this binding.
fn bound(binding: Binding) -> Vec<u8> {
    let empty = CursorKeys::default().seal(binding, Terms::default(), Heading::Forward, &[]);
    let bytes = URL_SAFE_NO_PAD.decode(empty.unwrap_or_default());
    let mut bytes = bytes.unwrap_or_default();
    bytes.drain(..(1 + CHECKSUM_SIZE).min(bytes.len()));
    bytes.truncate(BINDING_SIZE);
    bytes
}
