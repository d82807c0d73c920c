//! Compression: no frame causes a panic or exceeds the limit, and what is read can be written again.

use pydynox_core::codec::compression::{Compression, MAGIC, VERSION};

const MOST: usize = 100_000;

/// The first byte chooses: the rest of a frame after our mark, a complete compressed value, or content to pack.
pub(super) fn check(bytes: &[u8]) {
    let Some((mode, bytes)) = bytes.split_first() else {
        return;
    };
    match mode % 3 {
        0 => unpack(&[&MAGIC[..], &[VERSION], bytes].concat()),
        1 => unpack(bytes),
        _ => pack(bytes),
    }
}

fn compression() -> Compression {
    Compression {
        max_size: MOST,
        ..Compression::default()
    }
}

fn unpack(packed: &[u8]) {
    let Ok(content) = compression().decompress(packed) else {
        return;
    };
    assert!(content.len() <= MOST, "more than the limit");
    pack(&content);
}

fn pack(content: &[u8]) {
    let compression = compression();
    let Ok(packed) = compression.compress_always(content) else {
        assert!(content.len() > MOST, "a content that cannot be packed");
        return;
    };
    assert_eq!(
        compression.decompress(&packed).as_deref(),
        Ok(content),
        "another content comes back"
    );
}
