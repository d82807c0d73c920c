//! Where the plain part of a JSON string ends: the one scan that reader and writer share, several bytes at a time.

/// The lowest bit of every byte.
const LOW_BITS: u64 = u64::from_le_bytes([0x01; 8]);
/// The highest bit of every byte: set in a byte that is not ASCII.
pub(super) const HIGH_BITS: u64 = u64::from_le_bytes([0x80; 8]);

/// From this length on vector code out of line pays.
pub(super) const LONG: usize = 64;

/// The high bit of each byte that a string cannot hold as it is: quote, backslash, control characters.
///
/// Bits above the lowest one may be wrong (a borrow runs upwards), so only the lowest counts.
#[inline]
pub(super) fn stops(word: u64) -> u64 {
    // With bit 1 flipped the quote (0x22) is 0x20 and control characters stay below it: one comparison for both.
    let quote_or_control = (word ^ (LOW_BITS * 0x02)).wrapping_sub(LOW_BITS * 0x21);
    let backslash = (word ^ (LOW_BITS * 0x5c)).wrapping_sub(LOW_BITS);
    (quote_or_control | backslash) & !word & HIGH_BITS
}

/// The first byte from `at` that a string cannot hold as it is, or the end.
pub(super) fn find_stop(bytes: &[u8], at: usize) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((block, tail)) = rest.split_first_chunk::<32>() {
        if !is_plain(block) {
            break;
        }
        rest = tail;
    }
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return bytes.len() - rest.len() + (stops.trailing_zeros() >> 3) as usize;
        }
        rest = tail;
    }
    let plain = rest.iter().take_while(|byte| !is_stop(**byte)).count();
    bytes.len() - rest.len() + plain
}

/// Whether there is no such byte in it.
#[inline]
pub(super) fn is_all_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return !bytes.iter().any(|byte| is_stop(*byte));
    };
    if bytes.len() > LONG {
        return find_stop(bytes, 0) == bytes.len();
    }
    // The last eight bytes may overlap the word before them.
    let (words, _) = bytes.as_chunks::<8>();
    let all = words
        .iter()
        .fold(0, |all, word| all | stops(u64::from_le_bytes(*word)));
    all | stops(u64::from_le_bytes(*last)) == 0
}

/// Whether a block holds no such byte; without branches, so that it becomes vector code.
#[inline]
fn is_plain(block: &[u8; 32]) -> bool {
    !block.iter().fold(false, |stop, byte| stop | is_stop(*byte))
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "lazy operators keep it from becoming vector code, five times slower"
)]
#[inline]
fn is_stop(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// Eight bytes at `at`, the first one lowest.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// DynamoDB writes no blanks.
#[cold]
#[inline(never)]
pub(super) fn blanks_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| is_blank(**byte)).count()
}

#[cold]
#[inline(never)]
pub(super) fn follows_blanks(bytes: &[u8], at: usize, bracket: u8) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rfind(|byte| !is_blank(**byte)) == Some(&bracket)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place_of_every_length() {
        for length in 0..80 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![0xc3; length];
                    bytes[at] = byte;

                    let expected = if is_stop(byte) { at } else { length };
                    assert_eq!(find_stop(&bytes, 0), expected);
                    assert_eq!(is_all_plain(&bytes), !is_stop(byte));
                }
            }
        }
    }

    #[test]
    fn the_lowest_stop_of_a_word_is_exact_whatever_stands_beside_it() {
        for one in 0..=u8::MAX {
            for two in 0..=u8::MAX {
                let bytes = [b'a', one, two, b'a', two, one, b'a', b'a'];

                let position = stops(u64::from_le_bytes(bytes)).trailing_zeros() as usize / 8;

                let expected = bytes.iter().position(|byte| is_stop(*byte));
                assert_eq!(position, expected.unwrap_or(8));
            }
        }
    }

    #[test]
    fn what_stands_before_the_start_does_not_count() {
        assert_eq!(find_stop(b"\"\"\"\"abc\"", 4), 7);
        assert_eq!(find_stop(b"abc", 3), 3);
        assert_eq!(find_stop(b"abc", 9), 3);
    }
}
