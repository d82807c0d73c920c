//! What a call needs to know about protected attributes: its body marks their values, and its answer is opened before anybody
//! sees it.
//!
//! A marked value is wire JSON between two control characters, which JSON text never holds as they are: `\x1f`, the item's
//! number, the length of the attribute's name and the name, all in hexadecimal digits, the value, `\x1e`. So a marked piece can
//! be copied into any body, and no text of a user is taken for a mark.

use std::sync::Arc;

use bytes::Bytes;

use super::data_keys::DataKeys;
use super::open::{Found, Opened, Place, Target};
use super::protected::{ItemKey, ProtectedSchema};
use super::seal::Holes;
use crate::error::{Error, ErrorKind};
use crate::transport::Operation;
use crate::wire::{Reader, WireError, Writer};

const BEGIN: u8 = 0x1f;
const END: u8 = 0x1e;
/// Hexadecimal digits of the item's number, and of the length of the attribute's name.
const DIGITS: (usize, usize) = (8, 8);

/// Writes the value of a protected attribute of item 0; `attribute` is the name it is stored under, `value` its wire JSON.
pub fn mark(writer: &mut Writer, attribute: &str, value: &[u8]) {
    let (item, length) = DIGITS;
    writer.byte(BEGIN);
    writer.raw(format!("{:0item$x}{:0length$x}", 0, attribute.len()).as_bytes());
    for byte in attribute.bytes() {
        writer.raw(format!("{byte:02x}").as_bytes());
    }
    writer.raw(value);
    writer.byte(END);
}

/// Whether this is a marked value.
pub fn is_marked(value: &[u8]) -> bool {
    value.first() == Some(&BEGIN)
}

/// Says that all marked values of a piece of a body are of this item.
pub fn renumber(piece: &mut [u8], item: usize) {
    let digits = format!("{item:0width$x}", width = DIGITS.0);
    let mut from = 0;
    while let Some(found) = memchr::memchr(BEGIN, piece.get(from..).unwrap_or_default()) {
        let start = from + found + 1;
        if let Some(place) = piece.get_mut(start..start + DIGITS.0) {
            place.copy_from_slice(digits.as_bytes());
        }
        from = start;
    }
}

/// A body with its values as they are, for whoever measures it.
pub fn unmarked(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(found) = memchr::memchr(BEGIN, rest) {
        let (before, marked) = rest.split_at(found);
        plain.extend_from_slice(before);
        let Some(marked) = Marked::read(marked) else {
            return plain;
        };
        plain.extend_from_slice(marked.value);
        rest = marked.rest;
    }
    plain.extend_from_slice(rest);
    plain
}

/// A marked value at the start of a text.
struct Marked<'a> {
    item: usize,
    attribute: String,
    value: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Marked<'a> {
    fn read(text: &'a [u8]) -> Option<Self> {
        let (item, after) = number(text.get(1..)?, DIGITS.0)?;
        let (length, mut after) = number(after, DIGITS.1)?;
        let mut name = Vec::with_capacity(length);
        for _ in 0..length {
            let byte;
            (byte, after) = number(after, 2)?;
            name.push(byte as u8);
        }
        let end = memchr::memchr(END, after)?;
        Some(Self {
            item,
            attribute: String::from_utf8(name).ok()?,
            value: after.get(..end)?,
            rest: after.get(end + 1..)?,
        })
    }
}

/// An item whose values are marked in a body.
#[derive(Debug, Clone)]
pub struct Written {
    /// By what its values are protected.
    pub schema: Arc<ProtectedSchema>,
    /// Its key, as JSON text of a map.
    pub key: Box<[u8]>,
}

/// By what items of an answer are opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads {
    /// Only those of this table, as it is sent.
    pub table: Option<Arc<str>>,
    /// Only those with this attribute: its name, and its value as wire JSON.
    pub entity: Option<(Box<str>, Box<[u8]>)>,
    /// The schema; None where such items have no protected attributes.
    pub schema: Option<Arc<ProtectedSchema>>,
}

/// What a call needs to know.
#[derive(Default)]
pub struct Protection {
    /// The keys of the client, if it has a keyring.
    pub keys: Option<Arc<DataKeys>>,
    /// How many forks lie behind this process.
    pub generation: u64,
    /// The items whose values are marked, by their numbers.
    pub writes: Vec<Written>,
    /// How items are opened: the first that fits counts.
    pub reads: Vec<Reads>,
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protection").finish_non_exhaustive()
    }
}

impl Protection {
    /// What another one says of reading.
    pub fn reading(other: &Self) -> Self {
        Self {
            keys: other.keys.clone(),
            generation: other.generation,
            writes: Vec::new(),
            reads: other.reads.clone(),
        }
    }

    /// Reads what another one reads, too.
    pub fn join(&mut self, other: &Self) {
        self.keys = self.keys.take().or_else(|| other.keys.clone());
        self.generation = other.generation;
        for reads in &other.reads {
            if !self.reads.contains(reads) {
                self.reads.push(reads.clone());
            }
        }
    }

    /// The body with all marked values protected.
    ///
    /// # Errors
    ///
    /// Those of [`Holes::fill`].
    pub async fn seal(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut holes = Holes::default();
        for written in &self.writes {
            let item = holes.item(written.schema.clone());
            if written.schema.encrypts() {
                holes.set_key(item, ItemKey::of(&written.schema, &written.key)?);
            }
        }
        let plain = self.leave_out(body, &mut holes)?;
        if holes.is_empty() {
            return Ok(plain);
        }
        holes
            .fill(plain, self.keys.as_deref(), self.generation)
            .await
    }

    fn leave_out(&self, body: &[u8], holes: &mut Holes) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::with_capacity(body.len());
        let mut rest = body;
        while let Some(found) = memchr::memchr(BEGIN, rest) {
            let (before, marked) = rest.split_at(found);
            plain.extend_from_slice(before);
            let marked = Marked::read(marked).ok_or_else(misplaced)?;
            let written = self.writes.get(marked.item).ok_or_else(misplaced)?;
            let Some(attribute) = written.schema.find(&marked.attribute) else {
                let message = format!(
                    "{} does not protect this attribute, which the class of the expression does",
                    written.schema.model
                );
                return Err(
                    Error::new(ErrorKind::Validation, message).with_attribute(marked.attribute)
                );
            };
            holes.push(plain.len(), marked.item, attribute, marked.value);
            rest = marked.rest;
        }
        plain.extend_from_slice(rest);
        Ok(plain)
    }

    /// An answer with its protected values in place, and which of them were plaintext; None where it can be taken as it is.
    ///
    /// # Errors
    ///
    /// Those of [`Found::open`].
    pub async fn open(&self, operation: &Operation, body: &[u8]) -> Result<Option<Opened>, Error> {
        use Operation as O;
        let place = match operation {
            O::GetItem => Place::One("Item"),
            O::PutItem | O::UpdateItem | O::DeleteItem => Place::One("Attributes"),
            O::Query | O::Scan | O::ExecuteStatement => Place::Many("Items"),
            O::BatchGetItem => Place::ByTable,
            O::TransactGetItems | O::ExecuteTransaction | O::BatchExecuteStatement => {
                Place::Transaction
            }
            _ => return Ok(None),
        };
        self.open_at(place, body).await
    }

    async fn open_at(&self, place: Place<'_>, body: &[u8]) -> Result<Option<Opened>, Error> {
        if self.reads.iter().all(|reads| reads.schema.is_none()) {
            return Ok(None);
        }
        let found = Found::look(body, place, |table, _, item| self.target(table, item))?;
        if found.is_empty() {
            return Ok(None);
        }
        let opened = found.open(body, self.keys.as_deref(), self.generation);
        opened.await.map(Some)
    }

    fn target(&self, table: Option<&str>, item: &[u8]) -> Option<Target> {
        let fits = |reads: &&Reads| {
            let of_table = match (&reads.table, table) {
                (Some(wanted), Some(table)) => **wanted == *table,
                _ => true,
            };
            let of_entity = || {
                reads
                    .entity
                    .as_ref()
                    .is_none_or(|(name, value)| has(item, name, value).unwrap_or(false))
            };
            of_table && of_entity()
        };
        let schema = self.reads.iter().find(fits)?.schema.clone()?;
        Some(Target { schema, key: None })
    }

    /// An error with the items that it gives back opened; one that cannot be opened is left out.
    pub async fn open_error(&self, error: Error) -> Error {
        let kind = match error.kind().clone() {
            ErrorKind::ItemAlreadyExists { item } => ErrorKind::ItemAlreadyExists {
                item: self.open_item(item).await,
            },
            ErrorKind::ConditionFailed { item } => ErrorKind::ConditionFailed {
                item: self.open_item(item).await,
            },
            ErrorKind::VersionConflict { item } => ErrorKind::VersionConflict {
                item: self.open_item(item).await,
            },
            ErrorKind::TransactionCanceled { mut reasons } => {
                for reason in &mut reasons {
                    reason.item = self.open_item(reason.item.take()).await;
                }
                ErrorKind::TransactionCanceled { reasons }
            }
            _ => return error,
        };
        error.with_kind(kind)
    }

    async fn open_item(&self, item: Option<Bytes>) -> Option<Bytes> {
        let item = item?;
        match self.open_at(Place::Whole, &item).await {
            Ok(None) => Some(item),
            Ok(Some(opened)) => Some(opened.body.into()),
            Err(_) => None,
        }
    }
}

fn number(text: &[u8], digits: usize) -> Option<(usize, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let number = std::str::from_utf8(number).ok()?;
    Some((usize::from_str_radix(number, 16).ok()?, rest))
}

fn misplaced() -> Error {
    Error::new(ErrorKind::Internal, "a value was marked and not ended")
}

/// Whether an item has this attribute, written as it is here.
fn has(item: &[u8], name: &str, value: &[u8]) -> Result<bool, WireError> {
    let mut reader = Reader::new(item)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        reader.peek()?;
        let start = reader.position();
        reader.pass()?;
        if key.equals(name) {
            let mut found = reader.slice(start).iter().filter(|byte| **byte > b' ');
            return Ok(value.iter().filter(|byte| **byte > b' ').eq(found.by_ref()));
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn marked_values_can_be_renumbered_left_out_and_measured() {
        let mut writer = Writer::with_capacity(64);
        writer.raw(br#"{"a":"#);
        mark(&mut writer, "a", br#"{"S":"x"}"#);
        writer.raw(br#","b":{"N":"1"},"c":"#);
        mark(&mut writer, "\u{1f}\u{e9}", br#"{"S":"\u001fy"}"#);
        writer.raw(b"}");
        let mut body = writer.into_bytes();
        let plain = br#"{"a":{"S":"x"},"b":{"N":"1"},"c":{"S":"\u001fy"}}"#;

        assert_eq!(unmarked(&body), plain);
        renumber(&mut body, 3);
        assert_eq!(unmarked(&body), plain);
        let marked = Marked::read(&body[5..]).unwrap();
        assert_eq!((marked.item, &*marked.attribute), (3, "a"));
        let second = memchr::memrchr(BEGIN, &body).unwrap();
        let marked = Marked::read(&body[second..]).unwrap();
        assert_eq!((marked.item, &*marked.attribute), (3, "\u{1f}\u{e9}"));
        assert_eq!(marked.value, br#"{"S":"\u001fy"}"#);
        assert_eq!(marked.rest, b"}");
        assert!(Marked::read(b"\x1f0000").is_none());
    }

    #[test]
    fn entities_are_told_apart_by_their_attribute() {
        let item = br#"{"_type": {"S": "invoice"},"x":{"S":"y"}}"#;

        assert!(has(item, "_type", br#"{"S":"invoice"}"#).unwrap());
        assert!(!has(item, "_type", br#"{"S":"line"}"#).unwrap());
        assert!(!has(item, "other", br#"{"S":"y"}"#).unwrap());
    }
}
