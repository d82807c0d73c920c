//! Places: which item of an answer was requested by which key.

use std::sync::Arc;

use super::by_key::ByKey;
use super::limits::MAX_GETS;
use crate::call::Answer;
use crate::operation::batch_get_item::Items;
use crate::wire::{Reader, Value, WireError, Writer};

/// A table, and the stored names of its key attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyNames {
    /// The name that is sent.
    pub table: Arc<str>,
    /// Partition key first.
    pub names: Arc<[Box<str>]>,
}

impl KeyNames {
    /// The key of an item, in its canonical form: equal keys are equal bytes.
    ///
    /// # Errors
    ///
    /// The item is not a map of attribute values.
    pub fn of(&self, item: &[u8]) -> Result<Option<Vec<u8>>, WireError> {
        let mut key = Vec::with_capacity(64);
        let has_key = self.append_of(Reader::new(item)?, &mut key)?;
        Ok(has_key.then_some(key))
    }

    /// The same into a buffer, for the item at a cursor; returns whether it has a complete key.
    pub(super) fn append_of(
        &self,
        mut reader: Reader<'_>,
        key: &mut Vec<u8>,
    ) -> Result<bool, WireError> {
        // A table's key has one or two attributes.
        let mut values: [Option<&[u8]>; 2] = [None, None];
        let mut missing = self.names.len();
        if missing > values.len() {
            return Ok(false);
        }
        reader.begin_object()?;
        while missing > 0
            && let Some(name) = reader.next_key()?
        {
            match self.names.iter().position(|other| name.equals(other)) {
                Some(place) => {
                    missing -= usize::from(values[place].is_none());
                    reader.peek()?;
                    let start = reader.position();
                    reader.pass()?;
                    values[place] = Some(reader.slice(start));
                }
                None => reader.pass()?,
            }
        }
        for value in values.into_iter().take(self.names.len()) {
            let Some(json) = value else {
                return Ok(false);
            };
            if Value::is_canonical_string(json) {
                key.extend_from_slice(json);
            } else {
                let mut reader = Reader::new(json)?;
                let mut writer = Writer::with_capacity(32);
                Value::read(&mut reader)?.write(&mut writer);
                key.extend_from_slice(writer.as_bytes());
            }
        }
        Ok(true)
    }
}

/// What was requested, by table and key.
#[derive(Default)]
pub(super) struct Places {
    pub(super) tables: Vec<(KeyNames, ByKey)>,
}

impl Places {
    pub(super) fn table(&mut self, table: &KeyNames) -> usize {
        let position = self.tables.iter().position(|(names, _)| names == table);
        position.unwrap_or_else(|| {
            let places = ByKey::with_capacity(MAX_GETS);
            self.tables.push((table.clone(), places));
            self.tables.len() - 1
        })
    }

    /// The place of the item at a cursor, if it was requested; `key` is a buffer.
    pub(super) fn place(
        &self,
        table: &str,
        item: &Reader<'_>,
        key: &mut Vec<u8>,
    ) -> Result<Option<usize>, WireError> {
        for (names, places) in &self.tables {
            if *names.table != *table {
                continue;
            }
            key.clear();
            if names.append_of(item.clone(), key)?
                && let Some(place) = places.get(key)
            {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    pub(super) fn items_of<'a>(&'a self, answer: &'a Answer) -> Result<ReadItems<'a>, WireError> {
        Ok(ReadItems {
            places: self,
            items: Items::of(&answer.body)?,
            key: Vec::new(),
        })
    }
}

/// A cursor over the requested items of an answer. What an item holds is read once, by the code that takes it.
pub struct ReadItems<'a> {
    places: &'a Places,
    items: Items<'a>,
    key: Vec<u8>,
}

impl<'a> ReadItems<'a> {
    /// The place of the next item, and its number in the answer; None after the last. The cursor is before the item, once it
    /// was moved past the previous one.
    ///
    /// # Errors
    ///
    /// The answer is not one that the operation gives.
    pub fn next_item(&mut self) -> Result<Option<(usize, usize)>, WireError> {
        while let Some(number) = self.items.next_item()? {
            let (table, reader) = (self.items.table(), &self.items.reader);
            if let Some(place) = self.places.place(table, reader, &mut self.key)? {
                return Ok(Some((place, number)));
            }
            self.items.reader.pass()?;
        }
        Ok(None)
    }

    /// The cursor.
    pub fn reader(&mut self) -> &mut Reader<'a> {
        &mut self.items.reader
    }
}
