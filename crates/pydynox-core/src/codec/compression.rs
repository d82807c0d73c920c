//! The compressed form of a value, and what is refused when one is read.
//!
//! ```text
//! magic 0xD9 0x7A | version u8 = 1 | one zstd frame with content size and checksum, without a dictionary
//! ```
//!
//! Its content is a value as bytes: a version, a type and a payload, described at [`ProtectedAttribute`](super::ProtectedAttribute).

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, find_frame_compressed_size};

use crate::error::{Error, ErrorKind};

/// What the compressed form begins with.
pub const MAGIC: [u8; 2] = [0xd9, 0x7a];
/// The one version there is.
pub const VERSION: u8 = 1;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const HEADER: usize = MAGIC.len() + 1;
/// The largest window that a frame may ask for.
const MAX_WINDOW: u64 = 1 << WINDOW_LOG;
const WINDOW_LOG: u32 = 22;
/// A content above this size must not be more than [`MAX_RATIO`] times its frame.
const RATIO_ABOVE: u64 = 1 << 20;
const MAX_RATIO: u64 = 1000;
/// Contexts that worked on more than this are not kept: they hold several times as much.
const KEPT_BELOW: usize = 1 << 20;

/// How an attribute is compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// The level of zstd, 1 (fast) to 22 (small).
    pub level: i32,
    /// Values of fewer bytes are stored as they are.
    pub threshold: usize,
    /// Largest value in bytes, written or read.
    pub max_size: usize,
}

impl Default for Compression {
    /// Level 3, from 1 KB, up to 4 MiB.
    fn default() -> Self {
        Self {
            level: 3,
            threshold: 1024,
            max_size: 4 << 20,
        }
    }
}

impl Compression {
    /// Whether the settings make sense.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] names the one that does not.
    pub fn check(&self) -> Result<(), Error> {
        let message = if !(1..=22).contains(&self.level) {
            format!("the zstd level must be from 1 to 22; got {}", self.level)
        } else if self.max_size == 0 || u32::try_from(self.max_size).is_err() {
            format!(
                "the largest value must be from 1 byte to 4 GiB; got {}",
                self.max_size
            )
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Configuration, message))
    }

    /// The compressed form, if the value is long enough and at least a tenth is saved.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`]: the value could not be read back, for its size or because it is almost nothing but repetition.
    pub fn compress(&self, content: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if content.len() < self.threshold {
            return Ok(None);
        }
        let packed = self.compress_always(content)?;
        Ok((packed.len() <= content.len() - content.len() / 10).then_some(packed))
    }

    /// The compressed form, whatever its size.
    ///
    /// # Errors
    ///
    /// As [`compress`](Self::compress).
    pub fn compress_always(&self, content: &[u8]) -> Result<Vec<u8>, Error> {
        if content.len() > self.max_size {
            let message = format!(
                "the value has {} bytes, and a compressed attribute can hold at most {}",
                content.len(),
                self.max_size
            );
            return Err(Error::new(ErrorKind::Validation, message));
        }
        let mut packed = Vec::with_capacity(HEADER + compress_bound(content.len()));
        packed.extend_from_slice(&MAGIC);
        packed.push(VERSION);
        packed.append(&mut frame(self.level, content).map_err(|error| {
            Error::new(ErrorKind::Internal, "zstd cannot compress a value").with_source(error)
        })?);
        if is_too_dense(content.len() as u64, packed.len() - HEADER) {
            let message = format!(
                "the value has {} bytes that compress more than {MAX_RATIO} times, which a read refuses; store less of it",
                content.len()
            );
            return Err(Error::new(ErrorKind::Validation, message));
        }
        Ok(packed)
    }

    /// How large the content of a compressed form is, by what it declares.
    ///
    /// # Errors
    ///
    /// What the bytes are refused for.
    pub fn content_size(&self, packed: &[u8]) -> Result<usize, Refused> {
        self.frame_of(packed).map(|(_, size)| size)
    }

    /// The content of a compressed form.
    ///
    /// # Errors
    ///
    /// What the bytes are refused for; nothing was allocated for a content that is too large.
    pub fn decompress(&self, packed: &[u8]) -> Result<Vec<u8>, Refused> {
        let (frame, size) = self.frame_of(packed)?;
        let mut content = Vec::with_capacity(size);
        let written = with_decompressor(size, |decompressor| {
            decompressor.decompress_to_buffer(frame, &mut content)
        });
        match written {
            Ok(written) if written == size && content.len() == size => Ok(content),
            _ => Err(Refused::Damaged),
        }
    }

    /// The frame of a compressed form, and the size of its content.
    fn frame_of<'a>(&self, packed: &'a [u8]) -> Result<(&'a [u8], usize), Refused> {
        let frame = packed.strip_prefix(&MAGIC).ok_or(Refused::Form)?;
        let frame = frame.strip_prefix(&[VERSION]).ok_or(Refused::Version)?;
        let declared = declared_size(frame)?;
        if declared > self.max_size as u64 {
            return Err(Refused::TooLarge);
        }
        if is_too_dense(declared, frame.len()) {
            return Err(Refused::TooDense);
        }
        if find_frame_compressed_size(frame).ok() != Some(frame.len()) {
            return Err(Refused::Form);
        }
        let size = usize::try_from(declared).map_err(|_| Refused::TooLarge)?;
        Ok((frame, size))
    }
}

/// Whether bytes are a compressed form of this or a later version.
///
/// Binary values of a caller's own may begin with the two bytes of the magic, so four of zstd's are asked for as well.
pub fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
        && bytes
            .get(HEADER..)
            .is_some_and(|frame| frame.starts_with(&ZSTD_MAGIC))
}

/// Why a compressed form is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// Not one frame with content size and checksum, without a dictionary and with a window of at most 4 MiB.
    Form,
    /// Written by a later version.
    Version,
    /// The declared size is over the limit.
    TooLarge,
    /// The declared size is over 1 MiB and over 1,000 times that of the frame.
    TooDense,
    /// Other content than was declared, or a wrong checksum.
    Damaged,
}

impl Refused {
    /// What is wrong, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Self::Form => "the compressed value is not in a known form",
            Self::Version => "the compressed value was written by a later version",
            Self::TooLarge => "the compressed value is larger than the limit",
            Self::TooDense => "the compressed value would expand more than 1,000 times",
            Self::Damaged => "the compressed value is damaged",
        }
    }
}

fn is_too_dense(content: u64, frame: usize) -> bool {
    content > RATIO_ABOVE && content > (frame as u64).saturating_mul(MAX_RATIO)
}

/// The content size of a frame whose header is as ours are (RFC 8878, section 3.1.1.1).
fn declared_size(frame: &[u8]) -> Result<u64, Refused> {
    let rest = frame.strip_prefix(&ZSTD_MAGIC).ok_or(Refused::Form)?;
    let (descriptor, mut rest) = rest.split_first().ok_or(Refused::Form)?;
    let is_single_segment = descriptor & 0b0010_0000 != 0;
    let has_checksum = descriptor & 0b0000_0100 != 0;
    let has_unused_or_dictionary = descriptor & 0b0001_1011 != 0;
    if has_unused_or_dictionary || !has_checksum {
        return Err(Refused::Form);
    }
    let mut window = 0;
    if !is_single_segment {
        let (byte, tail) = rest.split_first().ok_or(Refused::Form)?;
        rest = tail;
        let base = 1_u64 << (10 + (byte >> 3));
        window = base + base / 8 * u64::from(byte & 0b111);
    }
    let (length, offset) = match (descriptor >> 6, is_single_segment) {
        (0, true) => (1, 0),
        (0, false) => return Err(Refused::Form),
        (1, _) => (2, 256),
        (2, _) => (4, 0),
        (_, _) => (8, 0),
    };
    let mut bytes = [0; 8];
    let size = rest.get(..length).ok_or(Refused::Form)?;
    for (to, from) in bytes.iter_mut().zip(size) {
        *to = *from;
    }
    let size = u64::from_le_bytes(bytes) + offset.min(u64::MAX - u64::from_le_bytes(bytes));
    if is_single_segment {
        window = size;
    }
    // A single segment is its own window; whether it is too large is for the limit to say.
    if window > MAX_WINDOW && !is_single_segment {
        return Err(Refused::Form);
    }
    Ok(size)
}

thread_local! {
    static COMPRESSOR: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// One frame, by the context that this thread keeps.
fn frame(level: i32, content: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        let mut compressor = match slot.take() {
            Some((of, compressor)) if of == level => compressor,
            _ => {
                let mut compressor = Compressor::new(level)?;
                compressor.include_checksum(true)?;
                // The highest levels would take more than what is read back.
                compressor.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
                compressor
            }
        };
        let frame = compressor.compress(content)?;
        if content.len() <= KEPT_BELOW {
            *slot = Some((level, compressor));
        }
        Ok(frame)
    })
}

fn with_decompressor<T>(
    size: usize,
    work: impl FnOnce(&mut Decompressor<'static>) -> std::io::Result<T>,
) -> std::io::Result<T> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let mut decompressor = match slot.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        let done = work(&mut decompressor)?;
        if size <= KEPT_BELOW {
            *slot = Some(decompressor);
        }
        Ok(done)
    })
}

#[cfg(test)]
mod tests {
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
}
