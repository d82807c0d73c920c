//! Identifiers: UUIDs of versions 4 and 7, ULIDs and KSUIDs. Each one takes its randomness from the operating system.
//!
//! The `uuid` crate provides only the layout and text of UUIDs. Its own generators count up by one within a millisecond, panic
//! where the system has no random bytes, and let a forked process continue from its parent's last UUID.

use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};
use uuid::{Builder, Uuid};

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::process;

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// A KSUID counts seconds from this time (2014-05-13).
const KSUID_EPOCH: u64 = 1_400_000_000;

/// The last identifier of a kind: within one millisecond the next one is greater.
struct Last {
    /// The process that made it: after a fork both processes have it, and must not continue from it in the same way. And the
    /// number of times that it continued from a snapshot, or a test had moved its clock back.
    process: (u32, u32),
    milliseconds: u64,
    tail: u128,
}

impl Last {
    const fn none() -> Mutex<Self> {
        Mutex::new(Self {
            process: (0, 0),
            milliseconds: 0,
            tail: 0,
        })
    }

    /// The time and `bits` further bits of the next identifier.
    fn next(&mut self, now: u64, process: (u32, u32), random: u128, bits: u32) -> (u64, u128) {
        if self.process != process || now > self.milliseconds {
            *self = Self {
                process,
                milliseconds: now,
                tail: random >> (128 - bits),
            };
        } else {
            // A step of random size, so that the next identifier cannot be guessed.
            self.tail += 1 + (random & 0xffff_ffff);
            if self.tail >> bits != 0 {
                self.milliseconds += 1;
                self.tail = random >> (128 - bits);
            }
        }
        (self.milliseconds, self.tail)
    }
}

static UUID7: Mutex<Last> = Last::none();
static ULID: Mutex<Last> = Last::none();

fn random() -> Result<u128, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Internal,
            "the operating system provides no random bytes",
        )
    })?;
    Ok(u128::from_be_bytes(bytes))
}

fn milliseconds() -> u64 {
    u64::try_from(clock::microseconds() / 1000).unwrap_or(0)
}

fn ordered(last: &Mutex<Last>, bits: u32) -> Result<(u64, u128), Error> {
    let random = random()?;
    // Before the lock: a test's clock may run code of its own.
    let now = milliseconds();
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let process = (std::process::id(), clock::leaps() + process::restores());
    Ok(last.next(now, process, random, bits))
}

/// A random UUID (RFC 9562, version 4).
///
/// # Errors
///
/// The operating system has no random bytes.
pub fn uuid4() -> Result<u128, Error> {
    let random = random()?.to_be_bytes();
    let uuid = Builder::from_random_bytes(random).into_uuid();
    Ok(uuid.as_u128())
}

/// A UUID that begins with the time (RFC 9562, version 7); each is greater than the previous one in this process.
///
/// # Errors
///
/// The operating system has no random bytes.
pub fn uuid7() -> Result<u128, Error> {
    let (milliseconds, tail) = ordered(&UUID7, 74)?;
    // 4 bits for the version, 12 of the tail, 2 for the variant, 62 of the tail.
    let rest = (tail >> 62) << 64 | (tail & ((1 << 62) - 1));
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&rest.to_be_bytes()[6..]);
    let uuid = Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid();
    Ok(uuid.as_u128())
}

/// The text of a UUID: `01932c07-209f-7000-8000-3c6e1f1f1f1f`.
pub fn uuid_text(bits: u128) -> String {
    let mut text = Uuid::encode_buffer();
    let uuid = Uuid::from_u128(bits).hyphenated();
    uuid.encode_lower(&mut text).to_owned()
}

/// Reads a UUID: 32 hexadecimal digits, with hyphens in the usual places or without.
pub fn parse_uuid(text: &str) -> Option<u128> {
    // Longer texts have other forms: in braces, or as a URN.
    if !matches!(text.len(), 32 | 36) {
        return None;
    }
    Uuid::try_parse(text).ok().map(|uuid| uuid.as_u128())
}

/// A ULID, 26 characters; each is greater than the previous one in this process (<https://github.com/ulid/spec>).
///
/// # Errors
///
/// The operating system has no random bytes.
pub fn ulid() -> Result<String, Error> {
    let (milliseconds, tail) = ordered(&ULID, 80)?;
    let bits = u128::from(milliseconds) << 80 | tail;
    let digit = |place: u32| char::from(CROCKFORD[(bits >> (125 - 5 * place)) as usize & 0x1f]);
    Ok((0..26).map(digit).collect())
}

/// A KSUID, 27 characters; ordered to the second (<https://github.com/segmentio/ksuid>).
///
/// # Errors
///
/// The operating system has no random bytes.
pub fn ksuid() -> Result<String, Error> {
    // 32 bits of seconds last until the year 2150.
    let seconds = (milliseconds() / 1000).saturating_sub(KSUID_EPOCH) as u32;
    Ok(ksuid_text(seconds, random()?))
}

/// 160 bits in base 62: long division of five 32-bit digits.
fn ksuid_text(seconds: u32, payload: u128) -> String {
    let part = |place: u32| (payload >> (96 - 32 * place)) as u32;
    let mut number = [seconds, part(0), part(1), part(2), part(3)];
    let mut text = [b'0'; 27];
    for place in text.iter_mut().rev() {
        let mut rest: u64 = 0;
        for digit in &mut number {
            let dividend = rest << 32 | u64::from(*digit);
            *digit = (dividend / 62) as u32;
            rest = dividend % 62;
        }
        *place = BASE62[rest as usize];
    }
    text.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_variant() {
        for (bits, version) in [(uuid4().unwrap(), '4'), (uuid7().unwrap(), '7')] {
            let text = uuid_text(bits);
            assert_eq!(text.len(), 36);
            assert_eq!(text.chars().nth(14), Some(version));
            assert!(matches!(text.chars().nth(19), Some('8' | '9' | 'a' | 'b')));
            assert_eq!(parse_uuid(&text), Some(bits));
            assert_eq!(
                parse_uuid(&text.replace('-', "").to_uppercase()),
                Some(bits)
            );
        }
        for wrong in [
            "",
            "x",
            "01932c07-209f-7000-8000-3c6e1f1f1f1",
            "01932c07x209f-7000-8000-3c6e1f1f1f1f",
            "0193 c07-209f-7000-8000-3c6e1f1f1f1f",
        ] {
            assert_eq!(parse_uuid(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ordered_identifiers_grow_and_none_repeats() {
        let of_version_7: Vec<_> = (0..20_000).map(|_| uuid_text(uuid7().unwrap())).collect();
        let lexical: Vec<_> = (0..20_000).map(|_| ulid().unwrap()).collect();

        for ids in [of_version_7, lexical] {
            assert!(ids.is_sorted());
            assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        }
    }

    #[test]
    fn an_identifier_holds_the_time() {
        let before = milliseconds();
        let of_uuid = (uuid7().unwrap() >> 80) as u64;
        assert!((before..before + 5000).contains(&of_uuid));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_take_the_order_along() {
        let mut last = Last {
            process: (1, 0),
            milliseconds: 100,
            tail: 5,
        };

        assert_eq!(last.next(90, (1, 0), 7, 80), (100, 5 + 1 + 7));
    }

    #[test]
    fn a_full_millisecond_moves_on_to_the_next_one() {
        let mut last = Last {
            process: (1, 0),
            milliseconds: 100,
            tail: (1 << 80) - 1,
        };

        assert_eq!(last.next(100, (1, 0), 3 << 48, 80), (101, 3));
    }

    #[test]
    fn a_forked_process_starts_anew() {
        let mut last = Last {
            process: (1, 0),
            milliseconds: 100,
            tail: 5,
        };

        assert_eq!(last.next(100, (2, 0), 9 << 48, 80), (100, 9));
    }

    #[test]
    fn a_ksuid_is_written_as_its_authors_do() {
        // https://github.com/segmentio/ksuid: the maximum, the minimum and the example of the readme.
        assert_eq!(
            ksuid_text(u32::MAX, u128::MAX),
            "aWgEPTl1tmebfsQzFP4bxwgy80V"
        );
        assert_eq!(ksuid_text(0, 0), "000000000000000000000000000");
        assert_eq!(
            ksuid_text(107_608_047, 0xB5A1_CD34_B5F9_9D11_54FB_6853_345C_9735),
            "0ujtsYcgvSTl8PAuAdqWYSMnLOv"
        );
        assert_eq!(ksuid().unwrap().len(), 27);
    }
}
