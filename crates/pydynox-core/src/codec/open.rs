//! The way in: finds protected values in an answer, and opens its items, with their values in place, as they are taken.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::compression::{Compression, Refused, is_compressed};
use super::data_keys::{DataKeys, Unwrapped};
use super::encryption;
use super::envelope::{COMPRESSED, Envelope, is_envelope};
use super::keyring::{DataKey, cannot_open};
use super::plaintext;
use super::protected::{ItemKey, OnPlaintext, ProtectedAttribute, ProtectedSchema};
use super::seal::no_keyring;
use crate::error::{Error, ErrorKind};
use crate::wire::{Reader, Tag, WireError};

/// Bytes of protected values, stored or decompressed, after which other tasks may run.
const LONG_WORK: usize = 64 * 1024;

/// Where the items of an answer are.
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

/// What is known of an item before it is opened.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The schema to read it by; None if its class protects nothing.
    pub schema: Option<Arc<ProtectedSchema>>,
    /// Its key, for answers that omit it; else it is read from the item.
    pub key: Option<ItemKey>,
    /// The attributes in which an envelope is refused, if any.
    pub plain: Option<Arc<PlainAttributes>>,
}

/// The attributes that a class stores as they are, and another class of the same table encrypts: an item that passes for one
/// of this class must not have the other one's values read in their stored form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainAttributes {
    /// The class.
    pub model: Box<str>,
    /// The attribute that names an item's class.
    pub entity_attribute: Box<str>,
    /// The stored names, each with the class that encrypts it.
    pub names: Box<[(Box<str>, Box<str>)]>,
}

/// The protected values of an answer.
#[derive(Default)]
pub struct SealedValues {
    items: Vec<Item>,
    values: Vec<Value>,
}

struct Item {
    /// Its number among all items of the answer.
    number: usize,
    /// Its range in the answer.
    range: Range<usize>,
    /// Its values.
    values: Range<usize>,
    schema: Option<Arc<ProtectedSchema>>,
    key: Option<ItemKey>,
    /// Why it is refused, if it is.
    refused: Option<Error>,
}

struct Value {
    range: Range<usize>,
    attribute: usize,
    stored: Stored,
}

impl fmt::Debug for SealedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedValues").finish_non_exhaustive()
    }
}

/// The items of an answer to open, and how many bytes may be decompressed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The number of the first.
    pub from: usize,
    /// How many.
    pub wanted: usize,
    /// Bytes of opened items after which the rest stay closed.
    pub room: usize,
    /// Bytes that no item may exceed.
    pub most: usize,
    /// Whether the first item is opened even if it exceeds the room.
    pub at_least_one: bool,
}

impl Share {
    /// All items, up to this many bytes in total.
    pub fn all(most: usize) -> Self {
        Self {
            from: 0,
            wanted: usize::MAX,
            room: most,
            most,
            at_least_one: true,
        }
    }
}

/// Items of an answer, with their protected values in place.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    text: Bytes,
    items: Vec<OpenedItem>,
    until: usize,
    migrated: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
struct OpenedItem {
    number: usize,
    stood: Range<usize>,
    outcome: Result<Range<usize>, Error>,
}

impl Opened {
    /// The number of the first item that is not open, or was not requested.
    pub fn until(&self) -> usize {
        self.until
    }

    /// The total size of the opened items in bytes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// An item by its number, or why it cannot be opened; None if it has no protected values and can be read as stored.
    pub fn item(&self, number: usize) -> Option<Result<Bytes, &Error>> {
        let index = self
            .items
            .binary_search_by_key(&number, |item| item.number)
            .ok()?;
        let item = self.items.get(index)?;
        Some(match &item.outcome {
            Ok(range) => Ok(self.text.slice(range.clone())),
            Err(error) => Err(error),
        })
    }

    /// Plaintext accepted in place of ciphertext: the item's number in the answer, and the attribute's index in the schema. It
    /// counts as a change, so that the next save encrypts it.
    pub fn migrated(&self) -> &[(usize, usize)] {
        &self.migrated
    }

    /// The answer with the opened items in their places; every byte outside protected values is unchanged.
    ///
    /// # Errors
    ///
    /// That of the first item that cannot be opened.
    pub fn in_place(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::with_capacity(body.len() + self.text.len());
        let mut from = 0;
        for item in &self.items {
            let range = item.outcome.as_ref().map_err(Error::clone)?;
            whole.extend_from_slice(body.get(from..item.stood.start).ok_or_else(another)?);
            whole.extend_from_slice(self.text.get(range.clone()).ok_or_else(another)?);
            from = item.stood.end;
        }
        whole.extend_from_slice(body.get(from..).ok_or_else(another)?);
        Ok(whole)
    }
}

impl SealedValues {
    /// Finds the protected values of an answer. `target` decides how an item is read: it receives the table (if the answer
    /// names it), the item's number and a cursor before the item, and returns `None` for an item without protected attributes.
    ///
    /// # Errors
    ///
    /// The answer does not have this form.
    pub fn look(
        body: &[u8],
        place: Place<'_>,
        mut target: impl FnMut(Option<&str>, usize, &Reader<'_>) -> Option<Target>,
    ) -> Result<Self, Error> {
        let mut sealed = Self::default();
        let mut reader = Reader::new(body)?;
        let mut number = 0;
        let mut item = |reader: &mut Reader<'_>, table: Option<&str>| -> Result<(), Error> {
            match target(table, number, reader) {
                Some(target) => sealed.item(reader, number, target)?,
                None => reader.skip()?,
            }
            number += 1;
            Ok(())
        };
        walk(&mut reader, place, &mut item)?;
        reader.end()?;
        Ok(sealed)
    }

    /// Whether the answer can be used unchanged.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Items with all values in place, or for each one why it cannot be opened. `body` is the answer passed to `look`.
    ///
    /// Each wrapped data key that is not cached is requested once. This waits only for the keyring, and yields to other tasks
    /// before more than 64 KB are opened at a time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: there is no keyring. Those of the keyring that concern more than one value. All others
    /// are an item's: [`ErrorKind::Encryption`], an encrypted value cannot be opened, or is plaintext, with one message for
    /// all reasons; [`ErrorKind::Serialization`], a compressed value is refused, or the item exceeds the limit.
    pub async fn open(
        &self,
        body: &[u8],
        keys: Option<&DataKeys>,
        generation: u64,
        share: Share,
    ) -> Result<Opened, Error> {
        let end = share.from.saturating_add(share.wanted);
        let items = self.items_between(share.from, end);
        // The keys of the whole share together: one that wraps many values is requested once.
        let mut keys = self.unwrap(items, keys, generation).await?.into_iter();
        let stored: usize = items.iter().map(|item| item.range.len()).sum();
        let mut opening = Opening {
            body,
            text: Vec::with_capacity(stored.min(share.room)),
            migrated: Vec::new(),
            work: 0,
        };
        let mut opened = Opened {
            until: end,
            ..Opened::default()
        };
        for item in items {
            let start = opening.text.len();
            let migrated = opening.migrated.len();
            // Without an exception for the first, an item larger than the room would never be opened.
            let is_first = share.at_least_one && opened.items.is_empty();
            let left = share.room.saturating_sub(start);
            let most = if is_first { share.most } else { left };
            let values = self.values.get(item.values.clone()).unwrap_or_default();
            // Taken even if the item is refused below, because the keys are in the order of all values.
            let keys: Vec<_> = keys.by_ref().take(values.len()).collect();
            let outcome = match opening.item(item, values, &keys, most).await {
                Ok(()) if opening.text.len() - start <= most => Ok(start..opening.text.len()),
                // The rest stays closed until a later share requests it.
                Ok(()) | Err(Closed::Full) if !is_first => {
                    opening.forget(start, migrated);
                    opened.until = item.number;
                    break;
                }
                Ok(()) | Err(Closed::Full) => Err(item.too_large(share.most)),
                // Only this item cannot be opened; any other error concerns the keyring, and so all items.
                Err(Closed::Refused(error)) if error.is_about_one_value() => Err(error),
                Err(Closed::Refused(error)) => return Err(error),
            };
            if outcome.is_err() {
                opening.forget(start, migrated);
            }
            opened.items.push(OpenedItem {
                number: item.number,
                stood: item.range.clone(),
                outcome,
            });
        }
        opened.text = opening.text.into();
        opened.migrated = opening.migrated;
        Ok(opened)
    }

    fn items_between(&self, from: usize, end: usize) -> &[Item] {
        let first = self.items.partition_point(|item| item.number < from);
        let last = self.items.partition_point(|item| item.number < end);
        self.items.get(first..last).unwrap_or_default()
    }

    fn item(
        &mut self,
        reader: &mut Reader<'_>,
        number: usize,
        target: Target,
    ) -> Result<(), Error> {
        let Target { schema, key, plain } = target;
        let first = self.values.len();
        let (mut partition_key, mut sort_key) = (None, None);
        let mut refused = None;
        reader.peek()?;
        let begin = reader.position();
        reader.begin_object()?;
        while let Some(name) = reader.next_key()? {
            reader.peek()?;
            let start = reader.position();
            let name = name.decode()?;
            if let Some(plain) = &plain
                && refused.is_none()
            {
                refused = plain.refuses(&name, reader)?;
            }
            let Some(schema) = &schema else {
                reader.skip()?;
                continue;
            };
            if let Some((attribute, declared)) = schema.find(&name) {
                let stored = Stored::read(declared, reader)?;
                self.values.push(Value {
                    range: start..reader.position(),
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
        let range = begin..reader.position();
        let values = first..self.values.len();
        if values.is_empty() && refused.is_none() {
            return Ok(());
        }
        let mut item = Item {
            number,
            range,
            values,
            schema,
            key,
            refused,
        };
        if item.key.is_none()
            && let Some(schema) = &item.schema
            && self.needs_key(&item.values, schema)
        {
            let of_item = partition_key
                .ok_or_else(|| keyless(schema))
                .and_then(|value| {
                    ItemKey::new(schema, value, sort_key).map_err(|_| keyless(schema))
                });
            match of_item {
                Ok(key) => item.key = Some(key),
                Err(error) => drop(item.refused.get_or_insert(error)),
            }
        }
        self.items.push(item);
        Ok(())
    }

    fn needs_key(&self, values: &Range<usize>, schema: &ProtectedSchema) -> bool {
        let values = self.values.get(values.clone()).unwrap_or_default();
        values
            .iter()
            .filter_map(|value| schema.attributes.get(value.attribute))
            .any(|attribute| attribute.encryption.is_some())
    }

    /// The data key of each value of these items that is an envelope, in order, or why there is none.
    async fn unwrap(
        &self,
        items: &[Item],
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<Vec<Key>, Error> {
        let first = items.first().map_or(0, |item| item.values.start);
        let last = items.last().map_or(0, |item| item.values.end);
        let mut unwrapped: Vec<Key> = Vec::new();
        unwrapped.resize_with(last.saturating_sub(first), || None);
        let mut tables: Vec<&str> = Vec::new();
        let sealed = |item: &Item| {
            let values = self.values.get(item.values.clone()).unwrap_or_default();
            values
                .iter()
                .any(|value| matches!(value.stored, Stored::Envelope(_)))
        };
        for item in items.iter().filter(|item| item.refused.is_none()) {
            if let Some(schema) = &item.schema
                && !tables.contains(&&*schema.logical_table)
                && sealed(item)
            {
                tables.push(&schema.logical_table);
            }
        }
        for table in tables {
            let keys = keys.ok_or_else(no_keyring)?;
            let mut places = Vec::new();
            let mut wrapped = Vec::new();
            for item in items.iter().filter(|item| item.refused.is_none()) {
                let of_table = |schema: &Arc<ProtectedSchema>| *schema.logical_table == *table;
                if !item.schema.as_ref().is_some_and(of_table) {
                    continue;
                }
                for index in item.values.clone() {
                    let Some(Stored::Envelope(bytes)) =
                        self.values.get(index).map(|value| &value.stored)
                    else {
                        continue;
                    };
                    match Envelope::parse(bytes) {
                        Ok(envelope) => {
                            places.push(index - first);
                            wrapped.push((envelope.key_ref, envelope.wrapped_key));
                        }
                        Err(_) => {
                            if let Some(place) = unwrapped.get_mut(index - first) {
                                *place = Some(Err(cannot_open()));
                            }
                        }
                    }
                }
            }
            // A data key is bound to its context, which names the table, so each table needs a request of its own.
            let context = keys.context_in(table, generation)?;
            let opened = keys.to_decrypt(&context, &wrapped, generation).await?;
            for (place, key) in places.into_iter().zip(opened) {
                if let Some(place) = unwrapped.get_mut(place) {
                    *place = Some(key);
                }
            }
        }
        Ok(unwrapped)
    }
}

/// The data key of an envelope, or why there is none; None if the value is not an envelope.
type Key = Option<Result<Unwrapped, Error>>;

/// Why an item stays closed.
enum Closed {
    /// It exceeds the remaining room.
    Full,
    Refused(Error),
}

/// Items being opened.
struct Opening<'a> {
    body: &'a [u8],
    text: Vec<u8>,
    migrated: Vec<(usize, usize)>,
    /// Bytes since other tasks last ran.
    work: usize,
}

impl Opening<'_> {
    fn forget(&mut self, text: usize, migrated: usize) {
        self.text.truncate(text);
        self.migrated.truncate(migrated);
    }

    /// Appends an item with its values in place.
    async fn item(
        &mut self,
        item: &Item,
        values: &[Value],
        keys: &[Key],
        most: usize,
    ) -> Result<(), Closed> {
        let refuse = |error| Err(Closed::Refused(error));
        if let Some(error) = &item.refused {
            return refuse(error.clone());
        }
        let Some(schema) = &item.schema else {
            return refuse(another());
        };
        let start = self.text.len();
        let body = self.body;
        let stands = |from: usize, to: usize| body.get(from..to).ok_or_else(another);
        let mut from = item.range.start;
        for (value, key) in values.iter().zip(keys) {
            let attribute = schema.attributes.get(value.attribute);
            let attribute = attribute.ok_or_else(another)?;
            let placed = |error: &Error| placed(error, schema, attribute);
            self.text
                .extend_from_slice(stands(from, value.range.start)?);
            from = value.range.end;
            value
                .stored
                .check(attribute)
                .map_err(|error| placed(&error))?;
            let key = match key {
                None => None,
                Some(Ok(key)) => Some(key.key()),
                Some(Err(error)) => return refuse(placed(error)),
            };
            let packed = item
                .unseal(schema, attribute, &value.stored, key)
                .map_err(|error| placed(&error))?;
            let (content, is_compressed, sealed_as) = match packed {
                Unsealed::Plain(tag) => {
                    if attribute.encryption.is_some() {
                        // Migration accepts plaintext, but only of a type that the class declares.
                        if !attribute.takes(tag) {
                            return refuse(placed(&cannot_open()));
                        }
                        self.migrated.push((item.number, value.attribute));
                    }
                    self.text
                        .extend_from_slice(stands(value.range.start, value.range.end)?);
                    self.pause(value.range.len()).await;
                    continue;
                }
                Unsealed::Packed(bytes) => (Cow::Borrowed(bytes), true, None),
                Unsealed::Opened {
                    content,
                    is_compressed,
                    tag,
                } => (Cow::Owned(content), is_compressed, Some(tag)),
            };
            let content = if is_compressed {
                let default = Compression::default();
                // An attribute may have been compressed before its class dropped the setting.
                let compression = attribute.compression.as_ref().unwrap_or(&default);
                let size = compression.content_size(&content);
                let size = size.map_err(|refused| placed(&not_unpacked(refused)))?;
                if (self.text.len() - start).saturating_add(size) > most {
                    return Err(Closed::Full);
                }
                // Before, not after: it may be large.
                self.pause(size).await;
                let unpacked = compression.decompress(&content);
                Cow::Owned(unpacked.map_err(|refused| placed(&not_unpacked(refused)))?)
            } else {
                content
            };
            let tag = plaintext::decode(&content, &mut self.text);
            if sealed_as.is_some() {
                // The type that the content states must be the one that was authenticated.
                if tag != sealed_as {
                    return refuse(placed(&cannot_open()));
                }
            } else if !tag.is_some_and(|tag| attribute.takes(tag)) {
                return refuse(placed(&no_value()));
            } else if attribute.encryption.is_some() {
                self.migrated.push((item.number, value.attribute));
            }
            self.pause(value.range.len()).await;
        }
        self.text.extend_from_slice(stands(from, item.range.end)?);
        Ok(())
    }

    /// Yields to other tasks after much work.
    async fn pause(&mut self, bytes: usize) {
        self.work = self.work.saturating_add(bytes);
        if self.work > LONG_WORK {
            self.work = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl From<Error> for Closed {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl PlainAttributes {
    /// Why the value at a cursor is refused, if it is.
    fn refuses(&self, name: &str, reader: &Reader<'_>) -> Result<Option<Error>, WireError> {
        let Some((_, other)) = self.names.iter().find(|(plain, _)| **plain == *name) else {
            return Ok(None);
        };
        let mut ahead = reader.clone();
        if ahead.begin_value()? != Tag::B || !is_envelope(&ahead.binary()?) {
            return Ok(None);
        }
        let message = format!(
            "the stored value is encrypted, as {other} declares it and {} does not: another writer may have changed the item's '{}'",
            self.model, self.entity_attribute
        );
        Ok(Some(
            Error::new(ErrorKind::Encryption, message)
                .with_model(&*self.model)
                .with_attribute(name),
        ))
    }
}

/// Calls `item` at the start of each item of an answer; it must consume the item.
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
        "the response is not the one whose protected values were located",
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
    Error::new(ErrorKind::Encryption, message).with_model(&*schema.model)
}

fn placed(error: &Error, schema: &ProtectedSchema, attribute: &ProtectedAttribute) -> Error {
    error
        .clone()
        .with_model(&*schema.model)
        .with_attribute(&*attribute.attribute_name)
}

fn not_unpacked(refused: Refused) -> Error {
    Error::new(ErrorKind::Serialization, refused.what())
}

/// What is stored where a protected value is declared.
enum Stored {
    /// The compressed form of an attribute that is not encrypted, or not yet.
    Compressed(Vec<u8>),
    /// Bytes that claim to be an envelope.
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

    /// Plaintext is refused where ciphertext is declared, unless the class allows it.
    fn check(&self, attribute: &ProtectedAttribute) -> Result<(), Error> {
        match (self, attribute.encryption) {
            (Self::Plain(_) | Self::Compressed(_), Some(OnPlaintext::Error)) => Err(cannot_open()),
            _ => Ok(()),
        }
    }
}

/// A value without its encryption.
enum Unsealed<'a> {
    /// Neither encrypted nor compressed.
    Plain(Tag),
    /// Only compressed.
    Packed(&'a [u8]),
    Opened {
        content: Vec<u8>,
        is_compressed: bool,
        /// The type before encryption.
        tag: Tag,
    },
}

impl Item {
    #[cold]
    fn too_large(&self, most: usize) -> Error {
        let message = format!(
            "the protected values of this item decompress to more than {most} bytes; raise the limit with DynamoDBClient(max_decompressed=...)"
        );
        let error = Error::new(ErrorKind::Serialization, message);
        match &self.schema {
            Some(schema) => error.with_model(&*schema.model),
            None => error,
        }
    }

    fn unseal<'a>(
        &self,
        schema: &ProtectedSchema,
        attribute: &ProtectedAttribute,
        stored: &'a Stored,
        key: Option<&DataKey>,
    ) -> Result<Unsealed<'a>, Error> {
        match stored {
            Stored::Plain(tag) => Ok(Unsealed::Plain(*tag)),
            Stored::Compressed(bytes) => Ok(Unsealed::Packed(bytes)),
            Stored::Envelope(bytes) => {
                let key = key.ok_or_else(cannot_open)?;
                self.decrypt(schema, attribute, bytes, key)
            }
        }
    }

    fn decrypt<'a>(
        &self,
        schema: &ProtectedSchema,
        attribute: &ProtectedAttribute,
        bytes: &[u8],
        key: &DataKey,
    ) -> Result<Unsealed<'a>, Error> {
        let envelope = Envelope::parse(bytes).map_err(|_| cannot_open())?;
        let item_key = self.key.as_ref().ok_or_else(|| keyless(schema))?;
        let mut possible = Vec::with_capacity(attribute.types.len());
        for tag in &attribute.types {
            let binding = schema.binding(item_key, attribute, *tag);
            let binding = binding.ok_or_else(|| keyless(schema))?;
            // Both come from the envelope and are authenticated: if either was changed, it does not open.
            possible.push(binding.associated_data(envelope.flags, envelope.key_ref));
        }
        let possible = possible.iter().map(Vec::as_slice);
        let (index, content) =
            encryption::open(&envelope, key, possible).map_err(|_| cannot_open())?;
        Ok(Unsealed::Opened {
            content,
            is_compressed: envelope.flags & COMPRESSED != 0,
            tag: attribute
                .types
                .get(index)
                .copied()
                .ok_or_else(cannot_open)?,
        })
    }
}

fn no_value() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the compressed value holds no value of this attribute's type",
    )
}
