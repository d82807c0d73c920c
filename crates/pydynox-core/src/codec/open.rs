//! The way in: opens the items of an answer, with their protected values in place, as they are taken.

use std::borrow::Cow;
use std::sync::Arc;

use super::compression::{Compression, Refused};
use super::data_keys::{DataKeys, Unwrapped};
use super::encryption;
use super::envelope::{COMPRESSED, Envelope};
use super::keyring::{DataKey, cannot_open};
use super::opened::{Opened, OpenedItem, Share, another};
use super::plaintext;
use super::protected::{ProtectedAttribute, ProtectedSchema};
use super::seal::no_keyring;
use super::sealed_values::{Item, SealedValues, Value, keyless};
use super::stored::Stored;
use crate::error::{Error, ErrorKind};
use crate::wire::Tag;

/// Bytes of protected values, stored or decompressed, after which other tasks may run.
const LONG_WORK: usize = 64 * 1024;

impl SealedValues {
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

fn placed(error: &Error, schema: &ProtectedSchema, attribute: &ProtectedAttribute) -> Error {
    error
        .clone()
        .with_model(&*schema.model)
        .with_attribute(&*attribute.attribute_name)
}

fn not_unpacked(refused: Refused) -> Error {
    Error::new(ErrorKind::Serialization, refused.what())
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
