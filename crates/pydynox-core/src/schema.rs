//! Schemas: what a model's items look like to DynamoDB. Attribute names and keys are checked when they are declared.

use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// Longest name of a key attribute, in bytes.
const MAX_KEY_NAME_SIZE: usize = 255;

/// Longest value of a partition key, of a table or of an index, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const MAX_PARTITION_KEY_SIZE: usize = 2048;

/// Longest value of a sort key, in bytes.
pub const MAX_SORT_KEY_SIZE: usize = 1024;

/// Longest name of any other attribute, in bytes.
const MAX_NAME_SIZE: usize = 65_535;

/// Most attributes in the partition key of an index, and in its sort key.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html>
const MAX_INDEX_KEYS: usize = 4;

/// Most local indexes of a table.
const MAX_LOCAL_INDEXES: usize = 5;

/// Most attributes that all indexes of a table include by name.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
const MAX_INCLUDED: usize = 100;

/// The types that a key attribute can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

impl KeyType {
    /// The type's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An attribute of the primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyAttribute {
    /// The name that it is stored under.
    pub attribute_name: Box<str>,
    /// The type of its values.
    pub key_type: KeyType,
}

/// What an index holds in addition to its own keys and those of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Projected {
    /// All attributes.
    All,
    /// No further attributes.
    KeysOnly,
    /// These attributes.
    Include(Box<[Box<str>]>),
}

/// A secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: Box<str>,
    /// Whether it is global, with its own partitions; otherwise it sorts the table's partitions differently.
    pub global: bool,
    /// The attributes of its partition key, in order.
    pub partition: Box<[KeyAttribute]>,
    /// The attributes of its sort key, in order.
    pub sort: Box<[KeyAttribute]>,
    /// What it holds.
    pub projected: Projected,
}

impl Index {
    /// The attributes of its key, those of the partition key first.
    pub fn key_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }
}

/// The items of one model.
///
/// ```
/// use pydynox_core::schema::{ItemSchema, KeyType};
///
/// let schema = ItemSchema::new("Order", ["customer", "number", "total"], ("customer", KeyType::S), Some(("number", KeyType::N)))?;
/// assert_eq!(&*schema.partition_key.attribute_name, "customer");
/// # Ok::<(), pydynox_core::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemSchema {
    /// Name of the model, for messages.
    pub model: Box<str>,
    /// The names that attributes are stored under, including the key's.
    pub attribute_names: Box<[Box<str>]>,
    /// The partition key.
    pub partition_key: KeyAttribute,
    /// The sort key, if there is one.
    pub sort_key: Option<KeyAttribute>,
    /// The secondary indexes.
    pub indexes: Box<[Index]>,
}

impl ItemSchema {
    /// A schema whose names `DynamoDB` can store; `attribute_names` includes the keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a name is empty, too long or repeated, a key is not an attribute, or both keys are one.
    pub fn new<'a>(
        model: &str,
        attribute_names: impl IntoIterator<Item = &'a str>,
        partition_key: (&str, KeyType),
        sort_key: Option<(&str, KeyType)>,
    ) -> Result<Self, Error> {
        let schema = Self {
            model: model.into(),
            attribute_names: attribute_names.into_iter().map(Box::from).collect(),
            partition_key: key_attribute(partition_key),
            sort_key: sort_key.map(key_attribute),
            indexes: Box::default(),
        };
        schema.check()?;
        Ok(schema)
    }

    /// The attributes of the key, partition key first.
    pub fn key_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition_key).chain(&self.sort_key)
    }

    /// The same schema with indexes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when `DynamoDB` would reject one of them.
    pub fn with_indexes(mut self, indexes: Vec<Index>) -> Result<Self, Error> {
        self.indexes = indexes.into();
        for (position, index) in self.indexes.iter().enumerate() {
            self.check_index(index)?;
            if self.indexes[..position]
                .iter()
                .any(|other| other.name == index.name)
            {
                return Err(self.refuse_index(index, "two indexes have this name"));
            }
        }
        self.check_index_counts()?;
        Ok(self)
    }

    /// The index with this name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| *index.name == *name)
    }

    /// The attributes that locate a row of the table or an index: the table's key, then the index's.
    pub fn position_attributes<'a>(
        &'a self,
        index: Option<&'a Index>,
    ) -> impl Iterator<Item = &'a KeyAttribute> {
        // Several rows of an index can have the same index key, so their position includes the key of the table.
        let of_table = |name: &str| {
            self.key_attributes()
                .any(|key| *key.attribute_name == *name)
        };
        let of_index = index.into_iter().flat_map(Index::key_attributes);
        self.key_attributes()
            .chain(of_index.filter(move |key| !of_table(&key.attribute_name)))
    }

    /// Whether an index contains an attribute.
    pub fn holds(&self, index: &Index, attribute_name: &str) -> bool {
        match &index.projected {
            Projected::All => true,
            Projected::Include(names) if names.iter().any(|name| **name == *attribute_name) => true,
            _ => self
                .position_attributes(Some(index))
                .any(|key| *key.attribute_name == *attribute_name),
        }
    }

    fn check_index(&self, index: &Index) -> Result<(), Error> {
        let name_is_good = index
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        // The pattern and the length of IndexName in the API reference of CreateTable.
        if !name_is_good || !(3..=255).contains(&index.name.len()) {
            return Err(self.refuse_index(
                index,
                "the name of an index has 3 to 255 letters, digits, _, - and .; give it another index_name",
            ));
        }
        let (partition, sort) = (index.partition.len(), index.sort.len());
        if partition == 0 || partition > MAX_INDEX_KEYS || sort > MAX_INDEX_KEYS {
            let problem = format!(
                "a key of an index has up to {MAX_INDEX_KEYS} attributes for the partition and up to {MAX_INDEX_KEYS} to sort by; this one has {partition} and {sort}"
            );
            return Err(self.refuse_index(index, &problem));
        }
        if !index.global {
            self.check_local(index)?;
        }
        let mut seen = HashSet::new();
        for key in index.key_attributes() {
            let name = &*key.attribute_name;
            if !self.attribute_names.iter().any(|other| **other == *name) {
                return Err(self.refuse_index(index, &format!("there is no attribute '{name}'")));
            }
            if !seen.insert(name) {
                let problem = format!("the attribute '{name}' appears in its key twice");
                return Err(self.refuse_index(index, &problem));
            }
        }
        if index.global && index.key_attributes().eq(self.key_attributes()) {
            return Err(self.refuse_index(index, "it has the key of the table: query the table"));
        }
        match &index.projected {
            Projected::Include(names) => self.check_included(index, names),
            _ => Ok(()),
        }
    }

    fn check_local(&self, index: &Index) -> Result<(), Error> {
        if self.sort_key.is_none() {
            return Err(self.refuse_index(
                index,
                "a local index sorts the items of a partition, and this table has no sort key: use a GlobalSecondaryIndex",
            ));
        }
        if index.partition[..] != [self.partition_key.clone()] || index.sort.len() != 1 {
            return Err(self.refuse_index(
                index,
                "a local index has the partition key of the table and sorts by one attribute",
            ));
        }
        Ok(())
    }

    fn check_included(&self, index: &Index, names: &[Box<str>]) -> Result<(), Error> {
        if names.is_empty() {
            return Err(
                self.refuse_index(index, "projection=() includes nothing: write \"KEYS_ONLY\"")
            );
        }
        for name in names {
            if !self.attribute_names.contains(name) {
                let problem = format!("its projection names '{name}', which is not an attribute");
                return Err(self.refuse_index(index, &problem));
            }
            if self
                .position_attributes(Some(index))
                .any(|key| key.attribute_name == *name)
            {
                let problem = format!(
                    "its projection names '{name}', a key, but an index always includes its keys"
                );
                return Err(self.refuse_index(index, &problem));
            }
        }
        Ok(())
    }

    fn check_index_counts(&self) -> Result<(), Error> {
        let mut locals = self.indexes.iter().filter(|index| !index.global);
        if let Some(index) = locals.nth(MAX_LOCAL_INDEXES) {
            let problem = format!("a table can have up to {MAX_LOCAL_INDEXES} local indexes");
            return Err(self.refuse_index(index, &problem));
        }
        let included = |index: &Index| match &index.projected {
            Projected::Include(names) => names.len(),
            _ => 0,
        };
        let mut total = 0;
        for index in &self.indexes {
            total += included(index);
            if total > MAX_INCLUDED {
                let problem = format!(
                    "the indexes of a table can include up to {MAX_INCLUDED} attributes in total: project ALL"
                );
                return Err(self.refuse_index(index, &problem));
            }
        }
        Ok(())
    }

    fn refuse_index(&self, index: &Index, problem: &str) -> Error {
        let message = format!(
            "{}: index '{}': {problem}",
            self.model,
            start_of(&index.name)
        );
        Error::new(ErrorKind::Configuration, message)
    }

    fn check(&self) -> Result<(), Error> {
        let mut seen = HashSet::with_capacity(self.attribute_names.len());
        for name in &self.attribute_names {
            self.check_name(name, MAX_NAME_SIZE)?;
            if !seen.insert(&**name) {
                return Err(self.refuse(name, "two fields are stored under this name; give one of them another attribute_name"));
            }
        }
        for key in self.key_attributes() {
            self.check_name(&key.attribute_name, MAX_KEY_NAME_SIZE)?;
            if !seen.contains(&*key.attribute_name) {
                return Err(self.refuse(&key.attribute_name, "a key must be one of the attributes"));
            }
        }
        match &self.sort_key {
            Some(sort_key) if sort_key.attribute_name == self.partition_key.attribute_name => {
                Err(self.refuse(
                    &sort_key.attribute_name,
                    "one attribute cannot be both partition key and sort key",
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_name(&self, name: &str, limit: usize) -> Result<(), Error> {
        if name.is_empty() {
            return Err(self.refuse(name, "an attribute name must not be empty"));
        }
        if name.len() > limit {
            let problem = format!(
                "the name has {} bytes, DynamoDB accepts at most {limit} here; give it a shorter attribute_name",
                name.len()
            );
            return Err(self.refuse(name, &problem));
        }
        Ok(())
    }

    fn refuse(&self, attribute_name: &str, problem: &str) -> Error {
        let message = format!(
            "{}: attribute '{}': {problem}",
            self.model,
            start_of(attribute_name)
        );
        Error::new(ErrorKind::Configuration, message)
    }
}

fn key_attribute((attribute_name, key_type): (&str, KeyType)) -> KeyAttribute {
    KeyAttribute {
        attribute_name: attribute_name.into(),
        key_type,
    }
}

/// The part of a name that a message should quote.
fn start_of(name: &str) -> &str {
    name.char_indices()
        .nth(60)
        .map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests;
