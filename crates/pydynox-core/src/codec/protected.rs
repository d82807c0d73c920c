//! Protected attributes as a class declares them, and what their values are bound to.

use super::compression::Compression;
use super::envelope::{Binding, KeyPart};
use crate::error::{Error, ErrorKind};
use crate::number::Number;
use crate::schema::{KeyAttribute, KeyType};
use crate::wire::{Reader, Tag, WireError};

/// Longest logical name of a table, in bytes; `DynamoDB`'s own names and ARNs are shorter.
const MAX_TABLE_NAME: usize = 2048;

/// What happens to plaintext where an encrypted value is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPlaintext {
    /// It is refused.
    #[default]
    Error,
    /// It is accepted and reported, so that the next save encrypts it.
    Migrate,
}

/// An attribute that is not stored in plain form.
///
/// Its value becomes bytes, which are compressed and encrypted (each if configured), and stored as type B:
///
/// ```text
/// version u8 = 1 | type u8 | payload
/// type 1 S: UTF-8 · 2 N: canonical text · 3 B: the bytes · 4 BOOL: one byte, 0 or 1 · 5 NULL: nothing
///      6 M · 7 L · 8 SS · 9 NS · 10 BS: DynamoDB's JSON of the value, {"M":{...}}, maps and sets in order, without blanks
/// ```
///
/// Equal values have equal bytes. A value that is only compressed is stored unchanged, with its own type, if it is short or
/// does not shrink; a binary one that could be mistaken for a compressed form is compressed whatever its size. A value that
/// must be encrypted always is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedAttribute {
    /// The name under which it is stored.
    pub attribute_name: Box<str>,
    /// The types that its values can have, the likeliest first. An envelope does not record its type, so each costs one more try.
    pub types: Box<[Tag]>,
    /// Its compression, if any.
    pub compression: Option<Compression>,
    /// Whether it is encrypted, and what then happens to plaintext.
    pub encryption: Option<OnPlaintext>,
}

impl ProtectedAttribute {
    pub(super) fn takes(&self, tag: Tag) -> bool {
        self.types.contains(&tag)
    }
}

/// The protected attributes of a class, and the key of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectedSchema {
    /// Name of the model, for messages.
    pub model: Box<str>,
    /// The table name bound into encrypted values: the name that is sent, unless the class declares another one.
    pub logical_table: Box<str>,
    /// The partition key.
    pub partition_key: KeyAttribute,
    /// The sort key, if items have one.
    pub sort_key: Option<KeyAttribute>,
    /// The protected attributes.
    pub attributes: Box<[ProtectedAttribute]>,
}

impl ProtectedSchema {
    /// Checks the declared protection of a model.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: a protected attribute is a key, is neither compressed nor encrypted, has no type, or is
    /// given twice; a compression setting is not valid; the logical name of the table is empty or too long.
    pub fn new(
        model: &str,
        logical_table: &str,
        partition_key: KeyAttribute,
        sort_key: Option<KeyAttribute>,
        attributes: impl IntoIterator<Item = ProtectedAttribute>,
    ) -> Result<Self, Error> {
        let schema = Self {
            model: model.into(),
            logical_table: logical_table.into(),
            partition_key,
            sort_key,
            attributes: attributes.into_iter().collect(),
        };
        schema.check()?;
        Ok(schema)
    }

    /// The same schema, with this table name bound into encrypted values.
    #[must_use]
    pub fn in_table(&self, logical_table: &str) -> Self {
        Self {
            logical_table: logical_table.into(),
            ..self.clone()
        }
    }

    /// The attribute stored under this name, and its index.
    pub fn find(&self, attribute_name: &str) -> Option<(usize, &ProtectedAttribute)> {
        self.attributes
            .iter()
            .enumerate()
            .find(|(_, attribute)| &*attribute.attribute_name == attribute_name)
    }

    /// Whether one of the attributes is encrypted.
    pub fn encrypts(&self) -> bool {
        self.attributes
            .iter()
            .any(|attribute| attribute.encryption.is_some())
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Configuration, message));
        if self.logical_table.is_empty() || self.logical_table.len() > MAX_TABLE_NAME {
            return refuse(format!(
                "{}: the logical name of the table must have 1 to {MAX_TABLE_NAME} bytes; got {}",
                self.model,
                self.logical_table.len()
            ));
        }
        for (index, attribute) in self.attributes.iter().enumerate() {
            let name = &attribute.attribute_name;
            let problem = if self.is_key(name) {
                "a key cannot be encrypted or compressed"
            } else if self.find(name).is_some_and(|(first, _)| first != index) {
                "it is protected twice"
            } else if attribute.compression.is_none() && attribute.encryption.is_none() {
                "it is neither encrypted nor compressed"
            } else if attribute.types.is_empty() {
                "it has no type"
            } else if let Some(Err(error)) = attribute.compression.as_ref().map(Compression::check)
            {
                return refuse(format!(
                    "{}: attribute '{name}': {}",
                    self.model,
                    error.message()
                ));
            } else {
                continue;
            };
            return refuse(format!("{}: attribute '{name}': {problem}", self.model));
        }
        Ok(())
    }

    fn is_key(&self, name: &str) -> bool {
        std::iter::once(&self.partition_key)
            .chain(&self.sort_key)
            .any(|key| &*key.attribute_name == name)
    }

    /// What a value of an item is bound to.
    pub(super) fn binding<'a>(
        &'a self,
        key: &'a ItemKey,
        attribute: &'a ProtectedAttribute,
        tag: Tag,
    ) -> Option<Binding<'a>> {
        let part = |attribute: &'a KeyAttribute, value: &'a [u8]| KeyPart {
            name: &attribute.attribute_name,
            key_type: attribute.key_type.name(),
            value,
        };
        let sort_key = match (&self.sort_key, &key.sort_key) {
            (Some(attribute), Some(value)) => Some(part(attribute, value)),
            (None, None) => None,
            _ => return None,
        };
        Some(Binding {
            table: &self.logical_table,
            partition_key: part(&self.partition_key, &key.partition_key),
            sort_key,
            attribute: &attribute.attribute_name,
            value_type: tag.name(),
        })
    }
}

/// The key of an item, as encrypted values are bound to it: equal keys have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey {
    partition_key: Box<[u8]>,
    sort_key: Option<Box<[u8]>>,
}

impl ItemKey {
    /// The key from JSON text of a map, `{"id":{"S":"u1"}}`: an item or a key.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn of(schema: &ProtectedSchema, item: &[u8]) -> Result<Self, Error> {
        let (mut partition_key, mut sort_key) = (None, None);
        let mut reader = Reader::new(item)?;
        reader.begin_object()?;
        while let Some(name) = reader.next_key()? {
            reader.peek()?;
            let start = reader.position();
            reader.pass()?;
            if name.equals(&schema.partition_key.attribute_name) {
                partition_key = Some(reader.slice(start));
            } else if let Some(key) = &schema.sort_key
                && name.equals(&key.attribute_name)
            {
                sort_key = Some(reader.slice(start));
            }
        }
        // A missing partition key becomes empty text, which `new` refuses.
        Self::new(schema, partition_key.unwrap_or_default(), sort_key)
    }

    /// The key of an item of this schema; the values are wire JSON, `{"S":"u1"}`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Internal`]: a value is missing, superfluous, or of another type than in the schema.
    pub fn new(
        schema: &ProtectedSchema,
        partition_key: &[u8],
        sort_key: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let broken = |_| {
            Error::new(
                ErrorKind::Internal,
                "the key of an item does not have the types of its schema",
            )
        };
        let sort_key = match (&schema.sort_key, sort_key) {
            (Some(attribute), Some(json)) => {
                Some(key_bytes(json, attribute.key_type).map_err(broken)?)
            }
            (None, None) => None,
            _ => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "an item has a sort key that its schema does not declare, or lacks the one that it declares",
                ));
            }
        };
        Ok(Self {
            partition_key: key_bytes(partition_key, schema.partition_key.key_type)
                .map_err(broken)?,
            sort_key,
        })
    }
}

/// Text, bytes, or the canonical text of a number.
fn key_bytes(json: &[u8], key_type: KeyType) -> Result<Box<[u8]>, WireError> {
    let mut reader = Reader::new(json)?;
    let other = |what| WireError { position: 0, what };
    let bytes = match (reader.begin_value()?, key_type) {
        (Tag::S, KeyType::S) => reader.string()?.decode()?.as_bytes().into(),
        (Tag::N, KeyType::N) => {
            let text = reader.string()?.decode()?;
            // As DynamoDB stores it: an item that is written with the key 42.0 is read with 42.
            let number = Number::parse(&text).map_err(|error| other(error.what()))?;
            number.as_str().as_bytes().into()
        }
        (Tag::B, KeyType::B) => reader.binary()?.into(),
        _ => return Err(other("a key of another type")),
    };
    reader.end_value()?;
    reader.end()?;
    Ok(bytes)
}
