//! The way in: protected values found in an answer, and the answer with their values in place.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::compression::{Compression, is_compressed};
use super::data_keys::{DataKeys, Unwrapped};
use super::encryption;
use super::envelope::{COMPRESSED, Envelope, is_envelope};
use super::keyring::{DataKey, cannot_open};
use super::plaintext;
use super::protected::{ItemKey, OnPlaintext, ProtectedAttribute, ProtectedSchema};
use super::seal::no_keyring;
use crate::error::{Error, ErrorKind};
use crate::wire::{Reader, Tag, WireError};

/// After so many bytes of protected values others are let through.
const LONG_WORK: usize = 64 * 1024;

/// Where the items of an answer stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The text is one item and nothing else.
    Whole,
    /// A member that is one item: `Item`, `Attributes`.
    One(&'a str),
    /// A member that is an array of items: `Items`.
    Many(&'a str),
    /// `BatchGetItem`: `{"Responses":{"users":[...]}}`.
    ByTable,
    /// `TransactGetItems`: `{"Responses":[{"Item":{...}},{}]}`.
    Transaction,
}

/// What is known about an item before it is opened.
#[derive(Debug, Clone)]
pub struct Target {
    /// The schema to read it by.
    pub schema: Arc<ProtectedSchema>,
    /// Its key, for answers that do not hold it; else it is read out of the item.
    pub key: Option<ItemKey>,
}

/// The protected values of an answer.
#[derive(Default)]
pub struct Found {
    items: Vec<Item>,
    values: Vec<Value>,
}

struct Item {
    /// Counted over all items of the answer.
    number: usize,
    target: Target,
}

struct Value {
    range: Range<usize>,
    item: usize,
    attribute: usize,
    stored: Stored,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").finish_non_exhaustive()
    }
}

/// An answer whose protected values were put in place.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The answer; every byte outside of protected values is as it was.
    pub body: Vec<u8>,
    /// Plaintext that was taken for what should have been encrypted: item, counted over the answer, and attribute by its
    /// index in the schema. It counts as a change, so that the next save encrypts it.
    pub migrated: Vec<(usize, usize)>,
}

impl Found {
    /// Looks for the protected values of an answer. `target` says how an item is read: it is given the table (where the answer
    /// names it), the item's number and a cursor before the item, and gives `None` for an item without protected attributes.
    ///
    /// # Errors
    ///
    /// The answer is not of this form; an item has an encrypted value and no key.
    pub fn look(
        body: &[u8],
        place: Place<'_>,
        mut target: impl FnMut(Option<&str>, usize, &Reader<'_>) -> Option<Target>,
    ) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut reader = Reader::new(body)?;
        let mut number = 0;
        let mut item = |reader: &mut Reader<'_>, table: Option<&str>| -> Result<(), Error> {
            match target(table, number, reader) {
                Some(target) => found.item(reader, number, target)?,
                None => reader.skip()?,
            }
            number += 1;
            Ok(())
        };
        walk(&mut reader, place, &mut item)?;
        reader.end()?;
        Ok(found)
    }

    /// Whether the answer can be taken as it is.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The answer with all values in place. `body` is what was looked at.
    ///
    /// Each wrapped data key that is not at hand is asked for once. Only the keyring is waited for, and above 64 KB others are
    /// let through between two values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encryption`]: an encrypted value cannot be opened, or is plaintext; there is one message for all reasons.
    /// [`ErrorKind::Serialization`]: a compressed value is refused. [`ErrorKind::Configuration`]: there is no keyring. Those of
    /// the keyring.
    pub async fn open(
        &self,
        body: &[u8],
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<Opened, Error> {
        for value in &self.values {
            let (item, attribute) = self.place(value)?;
            let checked = value.stored.check(attribute);
            checked.map_err(|error| item.placed(&error, attribute))?;
        }
        let unwrapped = self.unwrap(keys, generation).await?;
        let mut opened = Opened {
            body: Vec::with_capacity(body.len()),
            migrated: Vec::new(),
        };
        let mut from = 0;
        let mut work = 0;
        for (value, key) in self.values.iter().zip(&unwrapped) {
            let before = body.get(from..value.range.start).ok_or_else(another)?;
            opened.body.extend_from_slice(before);
            from = value.range.end;
            let as_it_is = body.get(value.range.clone()).ok_or_else(another)?;
            let (item, attribute) = self.place(value)?;
            let key = key.as_ref().map(Unwrapped::key);
            match item.put(attribute, &value.stored, key, as_it_is, &mut opened.body) {
                Ok(false) => {}
                Ok(true) => opened.migrated.push((item.number, value.attribute)),
                Err(error) => return Err(item.placed(&error, attribute)),
            }
            work += value.range.len();
            if work > LONG_WORK {
                work = 0;
                tokio::task::yield_now().await;
            }
        }
        opened
            .body
            .extend_from_slice(body.get(from..).ok_or_else(another)?);
        Ok(opened)
    }

    fn item(
        &mut self,
        reader: &mut Reader<'_>,
        number: usize,
        target: Target,
    ) -> Result<(), Error> {
        let schema = target.schema.clone();
        let first = self.values.len();
        let index = self.items.len();
        let (mut partition_key, mut sort_key) = (None, None);
        reader.begin_object()?;
        while let Some(name) = reader.next_key()? {
            reader.peek()?;
            let start = reader.position();
            let name = name.decode()?;
            if let Some((attribute, declared)) = schema.find(&name) {
                let stored = Stored::read(declared, reader)?;
                self.values.push(Value {
                    range: start..reader.position(),
                    item: index,
                    attribute,
                    stored,
                });
                continue;
            }
            reader.skip()?;
            if *name == *schema.partition_key.attribute_name {
                partition_key = Some(reader.slice(start));
            } else if let Some(attribute) = &schema.sort_key
                && *name == *attribute.attribute_name
            {
                sort_key = Some(reader.slice(start));
            }
        }
        let values = self.values.get(first..).unwrap_or_default();
        if values.is_empty() {
            return Ok(());
        }
        let needs_key = values
            .iter()
            .filter_map(|value| schema.attributes.get(value.attribute))
            .any(|attribute| attribute.encryption.is_some());
        let mut item = Item { number, target };
        if needs_key && item.target.key.is_none() {
            let key = partition_key.and_then(|key| ItemKey::new(&schema, key, sort_key).ok());
            item.target.key = Some(key.ok_or_else(|| keyless(&schema))?);
        }
        self.items.push(item);
        Ok(())
    }

    /// The data key of each value that is an envelope, in their order.
    async fn unwrap(
        &self,
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<Vec<Option<Unwrapped>>, Error> {
        let mut unwrapped: Vec<Option<Unwrapped>> = vec![None; self.values.len()];
        let mut tables: Vec<&str> = Vec::new();
        for value in &self.values {
            let table = &*self.place(value)?.0.target.schema.logical_table;
            if matches!(value.stored, Stored::Envelope(_)) && !tables.contains(&table) {
                tables.push(table);
            }
        }
        for table in tables {
            let keys = keys.ok_or_else(no_keyring)?;
            let mut places = Vec::new();
            let mut wrapped = Vec::new();
            for (index, value) in self.values.iter().enumerate() {
                let (item, attribute) = self.place(value)?;
                let Stored::Envelope(bytes) = &value.stored else {
                    continue;
                };
                if *item.target.schema.logical_table != *table {
                    continue;
                }
                let envelope =
                    Envelope::parse(bytes).map_err(|_| item.placed(&cannot_open(), attribute))?;
                places.push((index, item, attribute));
                wrapped.push((envelope.key_ref, envelope.wrapped_key));
            }
            let context = keys.context_in(table, generation)?;
            let opened = keys.to_decrypt(&context, &wrapped, generation).await;
            let opened = opened.map_err(|error| match places.first() {
                Some((_, item, attribute)) if *error.kind() == ErrorKind::Encryption => {
                    item.placed(&error, attribute)
                }
                _ => error,
            })?;
            for ((index, _, _), key) in places.into_iter().zip(opened) {
                if let Some(place) = unwrapped.get_mut(index) {
                    *place = Some(key);
                }
            }
        }
        Ok(unwrapped)
    }

    fn place(&self, value: &Value) -> Result<(&Item, &ProtectedAttribute), Error> {
        let item = self.items.get(value.item).ok_or_else(another)?;
        let attribute = item.target.schema.attributes.get(value.attribute);
        Ok((item, attribute.ok_or_else(another)?))
    }
}

/// Calls `item` where each item of an answer begins; it must consume the item.
fn walk(
    reader: &mut Reader<'_>,
    place: Place<'_>,
    item: &mut impl FnMut(&mut Reader<'_>, Option<&str>) -> Result<(), Error>,
) -> Result<(), Error> {
    let member = match place {
        Place::Whole => return item(reader, None),
        Place::One(name) | Place::Many(name) => name,
        Place::ByTable | Place::Transaction => "Responses",
    };
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if !key.equals(member) {
            reader.skip()?;
            continue;
        }
        match place {
            Place::Whole | Place::One(_) => item(reader, None)?,
            Place::Many(_) => array(reader, |reader| item(reader, None))?,
            Place::ByTable => {
                reader.begin_object()?;
                while let Some(table) = reader.next_key()? {
                    let table = table.decode()?;
                    array(reader, |reader| item(reader, Some(&table)))?;
                }
            }
            Place::Transaction => array(reader, |reader| walk(reader, Place::One("Item"), item))?,
        }
    }
    Ok(())
}

fn array(
    reader: &mut Reader<'_>,
    mut element: impl FnMut(&mut Reader<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    reader.begin_array()?;
    while reader.next_element()? {
        element(reader)?;
    }
    Ok(())
}

fn another() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the answer is not the one whose protected values were looked for",
    )
}

fn keyless(schema: &ProtectedSchema) -> Error {
    let sort_key = schema.sort_key.as_ref();
    let sort_key =
        sort_key.map_or_else(String::new, |key| format!(" and '{}'", key.attribute_name));
    let message = format!(
        "an encrypted attribute of {} was read without the key of its item, which it is bound to: read '{}'{sort_key} too, \
         or the whole item",
        schema.model, schema.partition_key.attribute_name
    );
    Error::new(ErrorKind::Encryption, message)
}

/// What stands where a protected value is declared.
enum Stored {
    /// A compressed form, of an attribute that is not encrypted, or not yet.
    Compressed(Vec<u8>),
    /// Bytes that mean to be an envelope.
    Envelope(Vec<u8>),
    /// A value of its own type.
    Plain(Tag),
}

impl Stored {
    /// Consumes a value.
    fn read(attribute: &ProtectedAttribute, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut ahead = reader.clone();
        let tag = ahead.begin_value()?;
        if tag != Tag::B {
            reader.skip()?;
            return Ok(Self::Plain(tag));
        }
        let bytes = ahead.binary()?;
        ahead.end_value()?;
        *reader = ahead;
        Ok(if attribute.encryption.is_some() && is_envelope(&bytes) {
            Self::Envelope(bytes)
        } else if is_compressed(&bytes) {
            Self::Compressed(bytes)
        } else {
            Self::Plain(tag)
        })
    }

    /// Plaintext is not accepted where ciphertext is declared, unless the class says so.
    fn check(&self, attribute: &ProtectedAttribute) -> Result<(), Error> {
        match (self, attribute.encryption) {
            (Self::Plain(_) | Self::Compressed(_), Some(OnPlaintext::Error)) => Err(cannot_open()),
            _ => Ok(()),
        }
    }
}

impl Item {
    fn placed(&self, error: &Error, attribute: &ProtectedAttribute) -> Error {
        let schema = &self.target.schema;
        let message = format!("{}: {}", schema.model, error.message());
        Error::new(error.kind().clone(), message)
            .with_table(&*schema.logical_table)
            .with_attribute(&*attribute.attribute_name)
            .with_retryable(error.retryable())
    }

    /// Appends the value; whether it was plaintext to be encrypted later.
    fn put(
        &self,
        attribute: &ProtectedAttribute,
        stored: &Stored,
        key: Option<&DataKey>,
        as_it_is: &[u8],
        to: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let migrates = attribute.encryption.is_some();
        match stored {
            Stored::Plain(tag) => {
                if migrates && !attribute.takes(*tag) {
                    return Err(cannot_open());
                }
                to.extend_from_slice(as_it_is);
                Ok(migrates)
            }
            Stored::Compressed(bytes) => {
                let content = decompress(attribute, bytes)?;
                let tag = plaintext::decode(&content, to).ok_or_else(no_value)?;
                if !attribute.takes(tag) {
                    return Err(no_value());
                }
                Ok(migrates)
            }
            Stored::Envelope(bytes) => {
                let key = key.ok_or_else(cannot_open)?;
                self.decrypt(attribute, bytes, key, to)?;
                Ok(false)
            }
        }
    }

    fn decrypt(
        &self,
        attribute: &ProtectedAttribute,
        bytes: &[u8],
        key: &DataKey,
        to: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let envelope = Envelope::parse(bytes).map_err(|_| cannot_open())?;
        let schema = &self.target.schema;
        let item_key = self.target.key.as_ref().ok_or_else(|| keyless(schema))?;
        let mut possible = Vec::with_capacity(attribute.types.len());
        for tag in &attribute.types {
            let binding = schema.binding(item_key, attribute, *tag);
            let binding = binding.ok_or_else(|| keyless(schema))?;
            possible.push(binding.associated_data(envelope.flags, envelope.key_ref));
        }
        let possible = possible.iter().map(Vec::as_slice);
        let (index, content) =
            encryption::open(&envelope, key, possible).map_err(|_| cannot_open())?;
        let content = if envelope.flags & COMPRESSED == 0 {
            content
        } else {
            decompress(attribute, &content)?
        };
        let tag = plaintext::decode(&content, to);
        if tag.is_none() || tag != attribute.types.get(index).copied() {
            return Err(cannot_open());
        }
        Ok(())
    }
}

/// An attribute may have been compressed before its class stopped to say so.
fn decompress(attribute: &ProtectedAttribute, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let default = Compression::default();
    attribute
        .compression
        .as_ref()
        .unwrap_or(&default)
        .decompress(bytes)
        .map_err(|refused| Error::new(ErrorKind::Serialization, refused.what()))
}

fn no_value() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the compressed value holds no value of a type of this attribute",
    )
}
