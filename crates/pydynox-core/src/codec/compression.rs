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
        // Refused when it is written: once stored, no read would accept it.
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
        // Checked before anything is allocated: a frame of 65 KB can declare 2 GiB.
        let declared = declared_size(frame)?;
        if declared > self.max_size as u64 {
            return Err(Refused::TooLarge);
        }
        if is_too_dense(declared, frame.len()) {
            return Err(Refused::TooDense);
        }
        // Nothing may follow the frame: neither other bytes nor a second frame.
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
        // RFC 8878, section 3.1.1.1.2: five bits of exponent, three of mantissa.
        let base = 1_u64 << (10 + (byte >> 3));
        window = base + base / 8 * u64::from(byte & 0b111);
    }
    let (length, offset) = match (descriptor >> 6, is_single_segment) {
        (0, true) => (1, 0),
        // Such a frame has no content size, so its buffer could not be allocated in advance.
        (0, false) => return Err(Refused::Form),
        // Two bytes hold the size less 256.
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
        // Taken out while it works: a context that failed is dropped, not used again.
        let mut compressor = match slot.take() {
            Some((of, compressor)) if of == level => compressor,
            _ => {
                let mut compressor = Compressor::new(level)?;
                // `declared_size` refuses a frame without one.
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
mod tests;
