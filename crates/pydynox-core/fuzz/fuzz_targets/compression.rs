//! Any frame: no panic, never more than the limit, and what is read can be written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pydynox_core::codec::compression::{Compression, MAGIC, VERSION};

fuzz_target!(|frame: &[u8]| {
    let compression = Compression {
        max_size: 100_000,
        ..Compression::default()
    };
    let packed = [&MAGIC[..], &[VERSION], frame].concat();
    let Ok(content) = compression.decompress(&packed) else {
        return;
    };
    assert!(content.len() <= compression.max_size);

    let again = compression.compress_always(&content);

    assert!(again.is_ok_and(|packed| compression.decompress(&packed).as_ref() == Ok(&content)));
});
