//! Protection of a call: the marked values of its body are sealed, and its answer is opened before anything else reads it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::data_keys::DataKeys;
use super::opened::{Opened, Share};
use super::protected::{ItemKey, ProtectedSchema};
use super::seal::Marks;
use super::sealed_values::{Place, PlainAttributes, SealedValues, Target};
use crate::error::{Error, ErrorKind};
use crate::retry::deadline::{Deadline, Timers};
use crate::size::{ItemSize, item_size};
use crate::transport::Operation;
use crate::wire::marks::Marked;
use crate::wire::{Reader, text_of};

/// An item whose values are marked in a body.
#[derive(Debug, Clone)]
pub struct Written {
    /// The schema that protects its values.
    pub schema: Arc<ProtectedSchema>,
    /// Its key, as JSON text of a map.
    pub key: Box<[u8]>,
}

/// How to open certain items of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reads {
    /// Only items of this table, as it is sent.
    pub table: Option<Arc<str>>,
    /// Only items with this text in an attribute: the attribute's name, and the text.
    pub entity: Option<(Box<str>, Box<str>)>,
    /// The schema; None if such items have no protected attributes.
    pub schema: Option<Arc<ProtectedSchema>>,
    /// The attributes that have no envelope in such items, if other items of the table may have one.
    pub plain: Option<Arc<PlainAttributes>>,
}

/// What a call needs to know.
#[derive(Default)]
pub struct Protection {
    /// The client's data keys, if it has a keyring.
    pub keys: Option<Arc<DataKeys>>,
    /// The number of forks that led to this process.
    pub generation: u64,
    /// The items whose values are marked, by their numbers.
    pub writes: Vec<Written>,
    /// How to open items: as the class that an item names, else as the first of all classes' items.
    pub reads: Vec<Reads>,
}

impl std::fmt::Debug for Protection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protection").finish_non_exhaustive()
    }
}

impl Protection {
    /// The reading part of another one.
    pub fn reading(other: &Self) -> Self {
        Self {
            keys: other.keys.clone(),
            generation: other.generation,
            writes: Vec::new(),
            reads: other.reads.clone(),
        }
    }

    /// Makes this one read what `other` reads too.
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
    /// Those of [`Marks::fill`].
    pub async fn seal(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut marks = Marks::default();
        for written in &self.writes {
            let item = marks.item(written.schema.clone());
            // Only encrypted values are bound to the key of their item.
            if written.schema.encrypts() {
                marks.set_key(item, ItemKey::of(&written.schema, &written.key)?);
            }
        }
        let plain = self.leave_out(body, &mut marks)?;
        if marks.is_empty() {
            return Ok(plain);
        }
        marks
            .fill(plain, self.keys.as_deref(), self.generation)
            .await
    }

    /// The size of an item once its marked values are protected. Nothing is encrypted, and the keyring is not called: if no
    /// data key is cached, one of KMS is assumed to be as long as for a symmetric key.
    ///
    /// # Errors
    ///
    /// Those of [`Marks::measure`].
    pub fn size(&self, item: &[u8]) -> Result<ItemSize, Error> {
        Ok(item_size(&self.measured(item)?.0)?)
    }

    /// A body as long as [`seal`](Self::seal) would make it, with zeros in place of encrypted values, and whether there are such
    /// values; the keyring is not called.
    ///
    /// # Errors
    ///
    /// Those of [`Marks::measure`].
    pub fn measured(&self, body: &[u8]) -> Result<(Vec<u8>, bool), Error> {
        let mut marks = Marks::default();
        for written in &self.writes {
            marks.item(written.schema.clone());
        }
        let plain = self.leave_out(body, &mut marks)?;
        let whole = marks.measure(&plain, self.keys.as_deref(), self.generation)?;
        Ok((whole, marks.encrypts()))
    }

    /// Whether items that are read may have encrypted attributes.
    pub fn opens(&self) -> bool {
        let mut schemas = self.reads.iter().filter_map(|reads| reads.schema.as_ref());
        schemas.any(|schema| schema.encrypts())
    }

    fn leave_out(&self, body: &[u8], marks: &mut Marks) -> Result<Vec<u8>, Error> {
        let mut plain = Vec::with_capacity(body.len());
        let mut rest = body;
        while let Some(start) = Marked::find(rest) {
            let (before, marked) = rest.split_at(start);
            plain.extend_from_slice(before);
            let marked = Marked::read(marked).ok_or_else(misplaced)?;
            let written = self.writes.get(marked.item).ok_or_else(misplaced)?;
            let Some((attribute, _)) = written.schema.find(&marked.attribute) else {
                let message = format!(
                    "{} does not protect this attribute, but the class of the expression does",
                    written.schema.model
                );
                return Err(
                    Error::new(ErrorKind::Validation, message).with_attribute(marked.attribute)
                );
            };
            marks.push(plain.len(), marked.item, attribute, marked.value);
            rest = marked.rest;
        }
        plain.extend_from_slice(rest);
        Ok(plain)
    }

    /// What is protected in an answer; None if it can be used unchanged.
    ///
    /// # Errors
    ///
    /// Those of [`SealedValues::look`].
    pub fn look(&self, operation: &Operation, body: &[u8]) -> Result<Option<SealedValues>, Error> {
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
        self.look_at(place, body)
    }

    fn look_at(&self, place: Place<'_>, body: &[u8]) -> Result<Option<SealedValues>, Error> {
        let opens = |reads: &Reads| reads.schema.is_some() || reads.plain.is_some();
        // Most calls read nothing that is protected, and need no walk through the answer.
        if !self.reads.iter().any(opens) {
            return Ok(None);
        }
        let sealed = SealedValues::look(body, place, |table, _, item| self.target(table, item))?;
        Ok((!sealed.is_empty()).then_some(sealed))
    }

    /// Items with their protected values in place.
    ///
    /// # Errors
    ///
    /// Those of [`SealedValues::open`].
    pub async fn open(
        &self,
        sealed: &SealedValues,
        body: &[u8],
        share: Share,
    ) -> Result<Opened, Error> {
        sealed
            .open(body, self.keys.as_deref(), self.generation, share)
            .await
    }

    fn target(&self, table: Option<&str>, item: &Reader<'_>) -> Option<Target> {
        let of_table = |reads: &&Reads| match (&reads.table, table) {
            (Some(wanted), Some(table)) => **wanted == *table,
            _ => true,
        };
        let (mut of_name, mut of_all) = (None, None);
        // Read once: the classes of a table name themselves in the same attribute.
        let mut last: Option<(&str, Option<Cow<'_, str>>)> = None;
        for reads in self.reads.iter().filter(of_table) {
            let Some((attribute, entity)) = &reads.entity else {
                of_all = of_all.or(Some(reads));
                continue;
            };
            let name = match last.take_if(|(other, _)| **other == **attribute) {
                Some((_, name)) => name,
                None => text_of(item.clone(), attribute).unwrap_or(None),
            };
            if name.as_deref() == Some(&**entity) {
                of_name = Some(reads);
                break;
            }
            last = Some((attribute, name));
        }
        let reads = of_name.or(of_all)?;
        (reads.schema.is_some() || reads.plain.is_some()).then(|| Target {
            schema: reads.schema.clone(),
            key: None,
            plain: reads.plain.clone(),
        })
    }

    /// An error with the items that it returns opened; one that cannot be opened, or not in time, is omitted.
    pub async fn open_error(
        &self,
        error: Error,
        most: usize,
        deadline: Deadline,
        timers: &Timers,
    ) -> Error {
        let open = |item| self.open_item(item, most, deadline, timers);
        let kind = match error.kind().clone() {
            ErrorKind::ItemAlreadyExists { item } => ErrorKind::ItemAlreadyExists {
                item: open(item).await,
            },
            ErrorKind::ConditionFailed { item } => ErrorKind::ConditionFailed {
                item: open(item).await,
            },
            ErrorKind::VersionConflict { item } => ErrorKind::VersionConflict {
                item: open(item).await,
            },
            ErrorKind::TransactionCanceled { mut reasons } => {
                for reason in &mut reasons {
                    reason.item = open(reason.item.take()).await;
                }
                ErrorKind::TransactionCanceled { reasons }
            }
            _ => return error,
        };
        error.with_kind(kind)
    }

    async fn open_item(
        &self,
        item: Option<Bytes>,
        most: usize,
        deadline: Deadline,
        timers: &Timers,
    ) -> Option<Bytes> {
        let item = item?;
        let Some(sealed) = self.look_at(Place::Whole, &item).ok()? else {
            return Some(item);
        };
        let opening = Box::pin(self.open(&sealed, &item, Share::all(most)));
        let opened = deadline.bound(timers, opening).await?.ok()?;
        opened.in_place(&item).ok().map(Into::into)
    }
}

/// An answer of several items whose protected values are opened as its items are taken.
pub struct Sealed {
    values: SealedValues,
    body: Bytes,
    protection: Arc<Protection>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}

impl Sealed {
    /// The values found in an answer.
    pub fn new(values: SealedValues, body: Bytes, protection: Arc<Protection>) -> Self {
        Self {
            values,
            body,
            protection,
        }
    }

    /// Opens some of its items.
    ///
    /// # Errors
    ///
    /// Those of [`SealedValues::open`].
    pub async fn open(&self, share: Share) -> Result<Opened, Error> {
        self.protection.open(&self.values, &self.body, share).await
    }
}

fn misplaced() -> Error {
    Error::new(ErrorKind::Internal, "a value was marked and not ended")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::schema::{KeyAttribute, KeyType};

    fn reads(model: &str, entity: Option<&str>) -> Reads {
        let key = KeyAttribute {
            attribute_name: "id".into(),
            key_type: KeyType::S,
        };
        let schema = ProtectedSchema::new(model, "t", key, None, Vec::new()).unwrap();
        Reads {
            table: Some("t".into()),
            entity: entity.map(|entity| ("_type".into(), entity.into())),
            schema: Some(Arc::new(schema)),
            plain: None,
        }
    }

    fn opened_as(reads: Vec<Reads>, table: &str, item: &str) -> Option<String> {
        let protection = Protection {
            reads,
            ..Protection::default()
        };
        let item = Reader::new(item.as_bytes()).unwrap();
        let target = protection.target(Some(table), &item)?;
        target.schema.map(|schema| schema.model.to_string())
    }

    const VISIT: &str = r#"{"_type":{"S":"visit"}}"#;

    #[test]
    fn an_item_is_opened_as_the_class_that_its_name_is_of() {
        let models = || vec![reads("Card", Some("card")), reads("Base", None)];
        assert_eq!(
            opened_as(models(), "t", r#"{"_type":{"S":"card"}}"#).as_deref(),
            Some("Card")
        );
        assert_eq!(opened_as(models(), "t", VISIT).as_deref(), Some("Base"));
        assert_eq!(opened_as(models(), "t", "{}").as_deref(), Some("Base"));
        assert_eq!(opened_as(models(), "other", VISIT), None);
    }

    #[test]
    fn the_class_of_a_name_comes_before_a_class_of_all_that_was_given_first() {
        let models = vec![
            reads("Card", None),
            reads("Card", Some("card")),
            reads("Visit", None),
            reads("Visit", Some("visit")),
        ];
        assert_eq!(opened_as(models, "t", VISIT).as_deref(), Some("Visit"));
    }
}
