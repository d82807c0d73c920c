//! The way out: a body without its protected values, and the code that fills them in.

use std::sync::Arc;

use super::data_keys::DataKeys;
use super::encryption;
use super::envelope::COMPRESSED;
use super::keyring::WrappedKey;
use super::plaintext::{self, write_binary};
use super::protected::{ItemKey, ProtectedAttribute, ProtectedSchema};
use crate::codec::compression::{Compression, is_compressed};
use crate::error::{Error, ErrorKind};
use crate::wire::Tag;

/// The values that a body omits, each with its place.
///
/// The code that writes a body calls [`item`](Self::item) for each item and [`push`](Self::push) where a protected value
/// belongs, and writes nothing there. A body without protected values has no `Marks`.
///
/// ```
/// use std::sync::Arc;
/// use pydynox_core::codec::compression::Compression;
/// use pydynox_core::codec::{Marks, ProtectedAttribute, ProtectedSchema};
/// use pydynox_core::schema::{KeyAttribute, KeyType};
/// use pydynox_core::wire::{Tag, Writer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let key = KeyAttribute { attribute_name: "id".into(), key_type: KeyType::S };
/// let log = ProtectedAttribute {
///     attribute_name: "log".into(),
///     types: [Tag::S].into(),
///     compression: Some(Compression::default()),
///     encryption: None,
/// };
/// let schema = Arc::new(ProtectedSchema::new("User", "users", key, None, [log])?);
///
/// let mut body = Writer::default();
/// let mut marks = Marks::default();
/// body.raw(br#"{"TableName":"users","Item":{"id":{"S":"u1"},"log":"#);
/// let item = marks.item(schema.clone());
/// marks.push(body.len(), item, 0, format!(r#"{{"S":"{}"}}"#, "again ".repeat(500)).as_bytes());
/// body.raw(b"}}");
///
/// let body = marks.fill(body.into_bytes(), None, 0).await?;
/// assert!(body.starts_with(br#"{"TableName":"users","Item":{"id":{"S":"u1"},"log":{"B":"2XoBKLUv/"#));
/// # Ok::<(), pydynox_core::error::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Marks {
    items: Vec<Item>,
    marks: Vec<Mark>,
}

#[derive(Debug)]
struct Item {
    schema: Arc<ProtectedSchema>,
    key: Option<ItemKey>,
}

struct Mark {
    at: usize,
    item: usize,
    attribute: usize,
    /// Wire JSON.
    value: Box<[u8]>,
}

impl std::fmt::Debug for Mark {
    /// The place, never the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mark")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Marks {
    /// Registers an item that has protected values in this body, and returns its number.
    pub fn item(&mut self, schema: Arc<ProtectedSchema>) -> usize {
        self.items.push(Item { schema, key: None });
        self.items.len() - 1
    }

    /// Sets the key of an item; needed for each item with an encrypted value, before the body is filled.
    pub fn set_key(&mut self, item: usize, key: ItemKey) {
        if let Some(item) = self.items.get_mut(item) {
            item.key = Some(key);
        }
    }

    /// Omits a value at this offset: `attribute` is its index in the schema, `value` its wire JSON, `{"S":"..."}`.
    ///
    /// Offsets must not decrease from one call to the next.
    pub fn push(&mut self, at: usize, item: usize, attribute: usize, value: &[u8]) {
        self.marks.push(Mark {
            at,
            item,
            attribute,
            value: value.into(),
        });
    }

    /// Whether nothing was omitted.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The body with all values in place, compressed and encrypted as the schemas declare. Fill it once per call, before retries.
    ///
    /// `keys` are those of the client's keyring. Only the keyring is waited for, so without encryption, or with a cached data
    /// key, this is ready immediately.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: a value needs encryption and there is no keyring. [`ErrorKind::Validation`]: a value is
    /// nested too deep, or too large to be read back. Those of the keyring.
    pub async fn fill(
        &self,
        body: Vec<u8>,
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<Vec<u8>, Error> {
        // All of it before the keyring is called: a value that is refused must not cost a data key.
        let mut stored = Vec::with_capacity(self.marks.len());
        for mark in &self.marks {
            stored.push(self.prepare(mark)?);
        }
        self.encrypt(&mut stored, keys, generation).await?;
        self.splice(&body, &stored)
    }

    /// The body with placeholders of the protected values' lengths: nothing is encrypted.
    ///
    /// # Errors
    ///
    /// Those of [`fill`](Self::fill), except the keyring's.
    pub fn measure(
        &self,
        body: &[u8],
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<Vec<u8>, Error> {
        let mut stored = Vec::with_capacity(self.marks.len());
        for mark in &self.marks {
            let prepared = self.prepare(mark)?;
            stored.push(match &prepared {
                Stored::ToEncrypt { content, .. } => {
                    let table = &self.place(mark)?.0.schema.logical_table;
                    let keys = keys.ok_or_else(no_keyring)?;
                    let length = content.len() + keys.overhead(table, generation)?;
                    Stored::Binary(vec![0; length])
                }
                _ => prepared,
            });
        }
        self.splice(body, &stored)
    }

    /// Whether any of the values will be encrypted.
    pub fn encrypts(&self) -> bool {
        let mut attributes = self.marks.iter().map(|mark| self.place(mark));
        attributes.any(|place| place.is_ok_and(|(_, attribute)| attribute.encryption.is_some()))
    }

    fn prepare(&self, mark: &Mark) -> Result<Stored, Error> {
        let (item, attribute) = self.place(mark)?;
        prepare(attribute, &mark.value)
            .map_err(|error| error.with_attribute(&*attribute.attribute_name))
            .map_err(|error| error.with_table(&*item.schema.logical_table))
    }

    /// Seals the values to encrypt, with one data key for each table.
    async fn encrypt(
        &self,
        stored: &mut [Stored],
        keys: Option<&DataKeys>,
        generation: u64,
    ) -> Result<(), Error> {
        // Counted before a key is requested: all messages and bytes of the body must be within the limits of its data key.
        let mut tables: Vec<(&str, u64, u64)> = Vec::new();
        for (mark, stored) in self.marks.iter().zip(&*stored) {
            let Stored::ToEncrypt { content, .. } = stored else {
                continue;
            };
            let table = &*self.place(mark)?.0.schema.logical_table;
            let bytes = content.len() as u64;
            match tables.iter_mut().find(|(entry, _, _)| *entry == table) {
                Some(entry) => (entry.1, entry.2) = (entry.1 + 1, entry.2 + bytes),
                None => tables.push((table, 1, bytes)),
            }
        }
        if tables.is_empty() {
            return Ok(());
        }
        let keys = keys.ok_or_else(no_keyring)?;
        for (table, messages, bytes) in tables {
            let context = keys.context_in(table, generation)?;
            let key = keys
                .to_encrypt(&context, messages, bytes, generation)
                .await?;
            for (mark, stored) in self.marks.iter().zip(&mut *stored) {
                let (item, attribute) = self.place(mark)?;
                if *item.schema.logical_table == *table {
                    seal(item, attribute, &key, stored)
                        .map_err(|error| error.with_attribute(&*attribute.attribute_name))?;
                }
            }
        }
        Ok(())
    }

    fn splice(&self, body: &[u8], stored: &[Stored]) -> Result<Vec<u8>, Error> {
        let room: usize = stored.iter().map(Stored::room).sum();
        let mut whole = Vec::with_capacity(body.len() + room);
        let mut from = 0;
        for (mark, stored) in self.marks.iter().zip(stored) {
            whole.extend_from_slice(body.get(from..mark.at).ok_or_else(misplaced)?);
            from = mark.at;
            match stored {
                Stored::AsItIs => whole.extend_from_slice(&mark.value),
                Stored::Binary(bytes) => write_binary(bytes, &mut whole),
                Stored::ToEncrypt { .. } => return Err(misplaced()),
            }
        }
        whole.extend_from_slice(body.get(from..).ok_or_else(misplaced)?);
        Ok(whole)
    }

    fn place(&self, mark: &Mark) -> Result<(&Item, &ProtectedAttribute), Error> {
        let item = self.items.get(mark.item).ok_or_else(misplaced)?;
        let attribute = item.schema.attributes.get(mark.attribute);
        Ok((item, attribute.ok_or_else(misplaced)?))
    }
}

fn misplaced() -> Error {
    Error::new(
        ErrorKind::Internal,
        "a protected value has no place in the body",
    )
}

pub(super) fn no_keyring() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "there are encrypted attributes, but the client has no keyring; pass one: keyring=LocalKeyring(...) or KmsKeyring(...)",
    )
}

/// The stored form of a value.
enum Stored {
    AsItIs,
    Binary(Vec<u8>),
    ToEncrypt {
        tag: Tag,
        flags: u8,
        content: Vec<u8>,
    },
}

impl Stored {
    fn room(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len().div_ceil(3) * 4 + 8,
            _ => 0,
        }
    }
}

fn prepare(attribute: &ProtectedAttribute, value: &[u8]) -> Result<Stored, Error> {
    let (tag, content) = plaintext::encode(value)?;
    if !attribute.takes(tag) {
        let message = format!(
            "a value of type {} is not one that the schema names",
            tag.name()
        );
        return Err(Error::new(ErrorKind::Internal, message));
    }
    let compressed = match &attribute.compression {
        Some(compression) => compress(compression, tag, &content, attribute.encryption.is_none())?,
        None => None,
    };
    let flags = if compressed.is_some() { COMPRESSED } else { 0 };
    Ok(match (attribute.encryption, compressed) {
        (Some(_), compressed) => Stored::ToEncrypt {
            tag,
            flags,
            content: compressed.unwrap_or(content),
        },
        (None, Some(compressed)) => Stored::Binary(compressed),
        (None, None) => Stored::AsItIs,
    })
}

fn compress(
    compression: &Compression,
    tag: Tag,
    content: &[u8],
    stored_alone: bool,
) -> Result<Option<Vec<u8>>, Error> {
    // A binary value is its own payload; it starts after two bytes.
    let looks_compressed = tag == Tag::B && content.get(2..).is_some_and(is_compressed);
    // If it were stored as it is, reading would take it for a compressed value.
    if stored_alone && looks_compressed {
        return compression.compress_always(content).map(Some);
    }
    compression.compress(content)
}

fn seal(
    item: &Item,
    attribute: &ProtectedAttribute,
    key: &WrappedKey,
    stored: &mut Stored,
) -> Result<(), Error> {
    let Stored::ToEncrypt {
        tag,
        flags,
        content,
    } = &*stored
    else {
        return Ok(());
    };
    let keyless = || {
        Error::new(
            ErrorKind::Internal,
            "an item with encrypted values was written without its key",
        )
    };
    let item_key = item.key.as_ref().ok_or_else(keyless)?;
    let binding = item.schema.binding(item_key, attribute, *tag);
    let data = binding
        .ok_or_else(keyless)?
        .associated_data(*flags, &key.key_ref);
    *stored = Stored::Binary(encryption::seal(key, *flags, &data, content)?);
    Ok(())
}
