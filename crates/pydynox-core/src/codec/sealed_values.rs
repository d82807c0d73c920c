//! Sealed values: where the protected values of an answer are, and what is known of their items.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::envelope::is_envelope;
use super::protected::{ItemKey, ProtectedSchema};
use super::stored::Stored;
use crate::error::{Error, ErrorKind};
use crate::wire::{Reader, Tag, WireError};

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
    pub(super) items: Vec<Item>,
    pub(super) values: Vec<Value>,
}

pub(super) struct Item {
    /// Its number among all items of the answer.
    pub(super) number: usize,
    /// Its range in the answer.
    pub(super) range: Range<usize>,
    /// Its values.
    pub(super) values: Range<usize>,
    pub(super) schema: Option<Arc<ProtectedSchema>>,
    pub(super) key: Option<ItemKey>,
    /// Why it is refused, if it is.
    pub(super) refused: Option<Error>,
}

pub(super) struct Value {
    pub(super) range: Range<usize>,
    pub(super) attribute: usize,
    pub(super) stored: Stored,
}

impl fmt::Debug for SealedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedValues").finish_non_exhaustive()
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

    pub(super) fn items_between(&self, from: usize, end: usize) -> &[Item] {
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

pub(super) fn keyless(schema: &ProtectedSchema) -> Error {
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
