//! The content of a cursor: what it is bound to, its terms, and a position for each segment, as bytes.

use ring::digest::{SHA256, digest};

use crate::error::{Error, ErrorKind};
use crate::pagination::Position;
use crate::start_key::StartKey;

pub(super) const FINGERPRINT_SIZE: usize = 16;
const HAS_EXPIRY: u8 = 1;
const HAS_AUDIENCE: u8 = 2;
const HAS_LEFT: u8 = 4;

type Fingerprint = [u8; FINGERPRINT_SIZE];

/// What a cursor is bound to: table, index, direction, partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding(pub(super) Fingerprint);

impl Binding {
    /// The binding to these parts, in this order.
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(fingerprint(parts))
    }
}

/// Which way a reading goes from its position, in the order of its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// To the rows after it.
    Forward,
    /// To the rows before it.
    Backward,
}

impl Heading {
    /// The other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Forward => Self::Backward,
            Self::Backward => Self::Forward,
        }
    }
}

/// Who may use a cursor, until when, and for how many rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Who the cursor is for, such as a user id.
    pub audience: Option<&'a str>,
    /// When it expires, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// How many rows are left of the query's limit, counted forward from the position.
    pub left: Option<u64>,
}

/// The position of a cursor in one segment, as it is written: in the order of the query, whichever way it leads.
#[derive(Clone, Copy)]
pub(super) enum Spot<'a> {
    Start,
    After(&'a [u8]),
    End,
    Before(&'a [u8]),
}

impl<'a> Spot<'a> {
    pub(super) fn of(position: &'a Position, heading: Heading) -> Self {
        match (position, heading) {
            (Position::Start, Heading::Forward) | (Position::End, Heading::Backward) => Self::Start,
            (Position::End, Heading::Forward) | (Position::Start, Heading::Backward) => Self::End,
            (Position::After(key), Heading::Forward) => Self::After(key),
            (Position::After(key), Heading::Backward) => Self::Before(key),
        }
    }

    /// The position of a reading that goes this way. `DynamoDB` excludes the key that a request starts at, so a position after a
    /// row does not lead to that row, and one before a row does not lead on to it: neither can stand for the other.
    pub(super) fn position(self, heading: Heading) -> Result<Position, Error> {
        match (self, heading) {
            (Self::Start, Heading::Forward) | (Self::End, Heading::Backward) => Ok(Position::Start),
            (Self::End, Heading::Forward) | (Self::Start, Heading::Backward) => Ok(Position::End),
            (Self::After(key), Heading::Forward) | (Self::Before(key), Heading::Backward) => {
                StartKey::parse(key)
                    .map(|key| Position::After(key.to_json()))
                    .map_err(|_| forged())
            }
            (Self::Before(_), Heading::Forward) => Err(refused(
                "this cursor marks where a page begins: pass it to before()",
            )),
            (Self::After(_), Heading::Backward) => Err(refused(
                "this cursor marks where a page ends: pass it to after(), and a page's `previous` to before()",
            )),
        }
    }
}

pub(super) fn write<'a>(
    binding: Binding,
    terms: Terms<'_>,
    spots: impl Iterator<Item = Spot<'a>>,
) -> Vec<u8> {
    let mut content = binding.0.to_vec();
    let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
    content.push(
        flag(terms.expires_at.is_some(), HAS_EXPIRY)
            | flag(terms.audience.is_some(), HAS_AUDIENCE)
            | flag(terms.left.is_some(), HAS_LEFT),
    );
    if let Some(expires_at) = terms.expires_at {
        content.extend_from_slice(&expires_at.to_be_bytes());
    }
    if let Some(audience) = terms.audience {
        content.extend_from_slice(&fingerprint(&[audience.as_bytes()]));
    }
    if let Some(left) = terms.left {
        content.extend_from_slice(&left.to_be_bytes());
    }
    for spot in spots {
        match spot {
            Spot::Start => content.push(0),
            Spot::After(key) => with_key(&mut content, 1, key),
            Spot::End => content.push(2),
            Spot::Before(key) => with_key(&mut content, 3, key),
        }
    }
    content
}

fn with_key(content: &mut Vec<u8>, tag: u8, key: &[u8]) {
    content.push(tag);
    content.extend_from_slice(&(key.len() as u32).to_be_bytes());
    content.extend_from_slice(key);
}

/// The rows left of the limit, and the position in each segment.
pub(super) fn read<'a>(
    content: &'a [u8],
    binding: Binding,
    audience: Option<&str>,
    now: u64,
) -> Result<(Option<u64>, Vec<Spot<'a>>), Error> {
    let mut rest = content;
    let of: Fingerprint = take(&mut rest)?;
    let [flags] = take(&mut rest)?;
    if of != binding.0 {
        return Err(refused(
            "this cursor was made by another query: table, index, partition, direction and segments must be the same",
        ));
    }
    if flags & !(HAS_EXPIRY | HAS_AUDIENCE | HAS_LEFT) != 0 {
        return Err(refused(
            "this cursor was made by a newer version of pydynox",
        ));
    }
    let expires_at = match flags & HAS_EXPIRY {
        0 => None,
        _ => Some(u64::from_be_bytes(take(&mut rest)?)),
    };
    let holder: Option<Fingerprint> = match flags & HAS_AUDIENCE {
        0 => None,
        _ => Some(take(&mut rest)?),
    };
    let left = match flags & HAS_LEFT {
        0 => None,
        _ => Some(u64::from_be_bytes(take(&mut rest)?)),
    };
    if holder != audience.map(|audience| fingerprint(&[audience.as_bytes()])) {
        return Err(refused("this cursor was made for another audience"));
    }
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(refused("this cursor has expired: start from the beginning"));
    }
    let mut spots = Vec::new();
    while !rest.is_empty() {
        let [tag] = take(&mut rest)?;
        spots.push(match tag {
            0 => Spot::Start,
            1 | 3 => {
                let length = u32::from_be_bytes(take(&mut rest)?) as usize;
                let (key, after) = rest.split_at_checked(length).ok_or_else(forged)?;
                rest = after;
                if tag == 1 {
                    Spot::After(key)
                } else {
                    Spot::Before(key)
                }
            }
            2 => Spot::End,
            _ => return Err(forged()),
        });
    }
    Ok((left, spots))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Error> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or_else(forged)?;
    *rest = tail;
    Ok(*head)
}

/// Each part is hashed with its length, so that different parts cannot read as the same text.
fn fingerprint(parts: &[&[u8]]) -> Fingerprint {
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    let mut fingerprint = [0; FINGERPRINT_SIZE];
    fingerprint.copy_from_slice(&digest(&SHA256, &text).as_ref()[..FINGERPRINT_SIZE]);
    fingerprint
}

pub(super) fn forged() -> Error {
    refused(
        "this is not a cursor of pydynox: it is damaged, forged, or sealed with a key that is not in cursor_keys",
    )
}

pub(super) fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Cursor, message)
}
