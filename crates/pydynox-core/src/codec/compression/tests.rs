//! Tests of `compression`.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn text(length: usize) -> Vec<u8> {
    let words = [
        "visited ", "the ", "page ", "and ", "left ", "again ", "42 ", "times ",
    ];
    let mut state = 7_u32;
    let mut text = Vec::new();
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(state >> 29) as usize].as_bytes());
    }
    text.truncate(length);
    text
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// A compressed form around any frame.
fn around(frame: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &[VERSION], frame].concat()
}

fn refused(packed: &[u8]) -> Refused {
    Compression::default().decompress(packed).unwrap_err()
}

#[test]
fn what_is_short_or_does_not_shrink_is_left_alone() {
    let compression = Compression::default();

    assert_eq!(compression.compress(&text(1023)).unwrap(), None);
    assert_eq!(compression.compress(&noise(5000)).unwrap(), None);
    let packed = compression.compress(&text(1024)).unwrap().unwrap();
    assert!(packed.len() < 900 && is_compressed(&packed));
    assert_eq!(compression.decompress(&packed).unwrap(), text(1024));
}

#[test]
fn every_level_and_size_comes_back() {
    for level in [1, 3, 9, 19, 22] {
        let compression = Compression {
            level,
            threshold: 0,
            max_size: 8 << 20,
        };
        for size in [0, 1, 255, 256, 65_791, 65_792, 400_000, 5 << 20] {
            if size > 400_000 && level > 3 {
                continue;
            }
            let content = text(size);
            let packed = compression.compress_always(&content).unwrap();
            assert_eq!(
                compression.decompress(&packed).unwrap(),
                content,
                "{level} {size}"
            );
        }
    }
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let compression = Compression::default();

    for (content, what) in [
        (vec![b'x'; (4 << 20) + 1], "at most 4194304"),
        (vec![0; 2 << 20], "1000 times"),
    ] {
        let error = compression.compress(&content).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Validation);
        assert!(error.message().contains(what), "{error}");
    }
    let dense = compression.compress(&vec![0; 1 << 20]).unwrap().unwrap();
    assert_eq!(compression.decompress(&dense).unwrap().len(), 1 << 20);
}

#[test]
fn a_bomb_is_refused_before_anything_is_allocated() {
    let mut compressor = Compressor::new(3).unwrap();
    compressor.include_checksum(true).unwrap();
    let large = compressor.compress(&vec![0; 64 << 20]).unwrap();
    let dense = compressor.compress(&vec![0; 3 << 20]).unwrap();

    assert!(large.len() < 65_536);
    assert_eq!(refused(&around(&large)), Refused::TooLarge);
    assert_eq!(refused(&around(&dense)), Refused::TooDense);
    // 2 GiB declared by a header of 13 bytes.
    let declared = [
        &ZSTD_MAGIC[..],
        &[0b1110_0100],
        &(2_u64 << 30).to_le_bytes(),
    ]
    .concat();
    assert_eq!(refused(&around(&declared)), Refused::TooLarge);
    let declared = [&ZSTD_MAGIC[..], &[0b1110_0100], &u64::MAX.to_le_bytes()].concat();
    assert_eq!(refused(&around(&declared)), Refused::TooLarge);
}

#[test]
fn a_frame_that_declares_less_than_it_holds_is_refused() {
    let content = text(5000);
    let mut packed = Compression::default().compress_always(&content).unwrap();
    // A single segment with two bytes of size, less 256.
    assert_eq!(packed[7], 0b0110_0100);
    let declared = u16::from_le_bytes([packed[8], packed[9]]);

    for wrong in [declared - 1, declared + 1, 0] {
        packed[8..10].copy_from_slice(&wrong.to_le_bytes());
        assert_eq!(refused(&packed), Refused::Damaged, "{wrong}");
    }
}

#[test]
fn frames_of_another_form_are_refused() {
    let content = text(5000);
    let mut compressor = Compressor::new(3).unwrap();
    let without_checksum = compressor.compress(&content).unwrap();
    compressor.include_checksum(true).unwrap();
    compressor.include_contentsize(false).unwrap();
    let without_size = compressor.compress(&content).unwrap();
    compressor.include_contentsize(true).unwrap();
    let good = compressor.compress(&content).unwrap();
    let with_dictionary = {
        let mut frame = good.clone();
        frame[4] |= 0b01;
        frame
    };
    let skippable = [
        &0x184d_2a50_u32.to_le_bytes()[..],
        &4_u32.to_le_bytes(),
        b"skip",
    ]
    .concat();
    let wide = [
        &ZSTD_MAGIC[..],
        &[0b1000_0100, 13 << 3],
        &100_u32.to_le_bytes(),
    ]
    .concat();

    assert!(Compression::default().decompress(&around(&good)).is_ok());
    for (what, frame) in [
        ("no checksum", without_checksum),
        ("no size", without_size),
        ("dictionary", with_dictionary),
        ("two frames", [&good[..], &good].concat()),
        ("a byte too many", [&good[..], b"x"].concat()),
        ("skippable behind", [&good[..], &skippable].concat()),
        ("skippable before", [&skippable[..], &good].concat()),
        ("cut", good[..good.len() - 1].to_vec()),
        ("window", wide),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(refused(&around(&frame)), Refused::Form, "{what}");
    }
    assert_eq!(
        refused(&[&MAGIC[..], &[2], &good].concat()),
        Refused::Version
    );
    assert_eq!(refused(b""), Refused::Form);
    assert_eq!(refused(&MAGIC), Refused::Version);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let compression = Compression::default();
    let content = text(1500);
    let packed = compression.compress_always(&content).unwrap();

    for at in 0..packed.len() {
        for bit in 0..8 {
            let mut flipped = packed.clone();
            flipped[at] ^= 1 << bit;
            if let Ok(read) = compression.decompress(&flipped) {
                // Some bits of an entropy coder say nothing.
                assert_eq!(read, content, "byte {at} bit {bit}");
            }
        }
    }
    for end in 0..packed.len() {
        assert!(compression.decompress(&packed[..end]).is_err(), "{end}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let good = Compression::default();
    good.check().unwrap();

    for wrong in [
        Compression {
            level: 0,
            ..good.clone()
        },
        Compression {
            level: 23,
            ..good.clone()
        },
        Compression {
            max_size: 0,
            ..good.clone()
        },
        Compression {
            max_size: 1 << 33,
            ..good
        },
    ] {
        let error = wrong.check().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
    }
}

proptest! {
    #[test]
    fn any_content_comes_back(content in prop::collection::vec(any::<u8>(), 0..3000), level in 1..6) {
        let compression = Compression { level, threshold: 0, ..Compression::default() };

        let packed = compression.compress_always(&content).unwrap();

        prop_assert_eq!(compression.decompress(&packed).unwrap(), content);
    }

    #[test]
    fn any_bytes_are_refused_or_read_within_the_limit(frame in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let compression = Compression { max_size: 10_000, ..Compression::default() };
        let frame = if magic { [&ZSTD_MAGIC[..], &frame].concat() } else { frame };

        if let Ok(content) = compression.decompress(&around(&frame)) {
            prop_assert!(content.len() <= 10_000);
        }
    }
}
