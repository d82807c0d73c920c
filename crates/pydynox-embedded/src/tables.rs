//! Tables: the keys and indexes of each table, read from the engine once.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use dynoxide::Database;
use dynoxide::storage::TableMetadata;
use dynoxide::types::{
    AttributeDefinition, AttributeValue, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ScalarAttributeType,
};

/// The largest value of a partition key, and of a sort key, in bytes; of indexes, too.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys>
const LARGEST_PARTITION_KEY: usize = 2048;
const LARGEST_SORT_KEY: usize = 1024;
const PARTITION_KEY_TOO_LARGE: &str = "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes";
const SORT_KEY_TOO_LARGE: &str = "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes";

pub(crate) struct Table {
    pub(crate) keys: Keys,
    pub(crate) indexes: Vec<Index>,
}

pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) is_local: bool,
    pub(crate) keys: Keys,
    /// What it holds besides all keys; None if that is everything.
    projected: Option<HashSet<String>>,
}

/// The attributes of a key, with their types.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) partition: Vec<(String, ScalarAttributeType)>,
    pub(crate) sort: Vec<(String, ScalarAttributeType)>,
}

impl Table {
    fn of(metadata: &TableMetadata) -> Option<Self> {
        let definitions: Vec<AttributeDefinition> =
            serde_json::from_str(&metadata.attribute_definitions).ok()?;
        let keys = |schema: &[KeySchemaElement]| Keys::of(schema, &definitions);
        let schema: Vec<KeySchemaElement> = serde_json::from_str(&metadata.key_schema).ok()?;
        let mut indexes = Vec::new();
        if let Some(text) = &metadata.gsi_definitions {
            let defined: Vec<GlobalSecondaryIndex> = serde_json::from_str(text).ok()?;
            indexes.extend(defined.into_iter().map(|index| Index {
                keys: keys(&index.key_schema),
                name: index.index_name,
                is_local: false,
                projected: projected(index.projection),
            }));
        }
        if let Some(text) = &metadata.lsi_definitions {
            let defined: Vec<LocalSecondaryIndex> = serde_json::from_str(text).ok()?;
            indexes.extend(defined.into_iter().map(|index| Index {
                keys: keys(&index.key_schema),
                name: index.index_name,
                is_local: true,
                projected: projected(index.projection),
            }));
        }
        Some(Self {
            keys: keys(&schema),
            indexes,
        })
    }

    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Whether an index holds this attribute.
    pub(crate) fn holds(&self, index: &Index, attribute: &str) -> bool {
        match &index.projected {
            None => true,
            Some(names) => {
                names.contains(attribute) || self.keys.has(attribute) || index.keys.has(attribute)
            }
        }
    }

    /// Refuses a value that is too large for the key of an index that its attribute belongs to.
    pub(crate) fn check_index_keys<'v>(
        &self,
        value_of: impl Fn(&str) -> Option<&'v AttributeValue>,
    ) -> Result<(), &'static str> {
        self.indexes
            .iter()
            .try_for_each(|index| index.keys.check_sizes(&value_of))
    }

    /// Whether an attribute belongs to the key of an index.
    pub(crate) fn is_index_key(&self, attribute: &str) -> bool {
        self.indexes.iter().any(|index| index.keys.has(attribute))
    }
}

impl Index {
    /// Whether it holds every attribute.
    pub(crate) fn is_whole(&self) -> bool {
        self.projected.is_none()
    }
}

impl Keys {
    fn of(schema: &[KeySchemaElement], definitions: &[AttributeDefinition]) -> Self {
        let mut keys = Self::default();
        for element in schema {
            let definition = definitions
                .iter()
                .find(|definition| definition.attribute_name == element.attribute_name);
            let Some(definition) = definition else {
                continue;
            };
            let key = (
                element.attribute_name.clone(),
                definition.attribute_type.clone(),
            );
            match element.key_type {
                KeyType::HASH => keys.partition.push(key),
                KeyType::RANGE => keys.sort.push(key),
            }
        }
        keys
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.names().any(|name| name == attribute)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.partition
            .iter()
            .chain(&self.sort)
            .map(|(name, _)| name.as_str())
    }

    pub(crate) fn check_sizes<'v>(
        &self,
        value_of: impl Fn(&str) -> Option<&'v AttributeValue>,
    ) -> Result<(), &'static str> {
        let size = |keys: &[(String, ScalarAttributeType)]| -> usize {
            keys.iter()
                .filter_map(|(name, _)| value_of(name))
                .map(bytes_of)
                .sum()
        };
        if size(&self.partition) > LARGEST_PARTITION_KEY {
            return Err(PARTITION_KEY_TOO_LARGE);
        }
        if size(&self.sort) > LARGEST_SORT_KEY {
            return Err(SORT_KEY_TOO_LARGE);
        }
        Ok(())
    }

    /// Whether an index with this key can hold the item.
    pub(crate) fn fit(&self, item: &HashMap<String, AttributeValue>) -> bool {
        let fits = |(name, kind): &(String, ScalarAttributeType)| match (item.get(name), kind) {
            (Some(AttributeValue::S(text)), ScalarAttributeType::S) => !text.is_empty(),
            (Some(AttributeValue::B(bytes)), ScalarAttributeType::B) => !bytes.is_empty(),
            (Some(AttributeValue::N(_)), ScalarAttributeType::N) => true,
            _ => false,
        };
        self.partition.iter().chain(&self.sort).all(fits)
            && self.check_sizes(|name| item.get(name)).is_ok()
    }
}

fn bytes_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.len(),
        _ => 0,
    }
}

fn projected(projection: Projection) -> Option<HashSet<String>> {
    match projection.projection_type {
        None | Some(ProjectionType::ALL) => None,
        Some(ProjectionType::KEYS_ONLY) => Some(HashSet::new()),
        Some(ProjectionType::INCLUDE) => Some(
            projection
                .non_key_attributes
                .unwrap_or_default()
                .into_iter()
                .collect(),
        ),
    }
}

/// The tables of a database.
#[derive(Clone)]
pub(crate) struct Tables {
    /// Other processes may create and change tables, so that none can be remembered.
    is_shared: bool,
    read: RefCell<HashMap<String, Arc<Table>>>,
    /// Indexes that were made from items of which some do not fit, by table and name.
    unfit: RefCell<HashSet<(String, String)>>,
}

impl Tables {
    pub(crate) fn new(is_shared: bool) -> Self {
        Self {
            is_shared,
            read: RefCell::default(),
            unfit: RefCell::default(),
        }
    }

    /// The tables are those of another moment, or of another database.
    pub(crate) fn replace(&mut self, tables: Self) {
        self.read.borrow_mut().clear();
        self.unfit = tables.unfit;
    }

    /// None if there is no such table; the engine then refuses the request.
    pub(crate) fn get(&self, database: &Database, name: &str) -> Option<Arc<Table>> {
        if let Some(table) = self.read.borrow().get(name) {
            return Some(table.clone());
        }
        let metadata = database.get_table_metadata(name).ok()??;
        let table = Arc::new(Table::of(&metadata)?);
        if !self.is_shared {
            self.read
                .borrow_mut()
                .insert(name.to_owned(), table.clone());
        }
        Some(table)
    }

    /// A table was created, changed or deleted.
    pub(crate) fn forget(&self, name: &str) {
        self.read.borrow_mut().remove(name);
    }

    pub(crate) fn forget_indexes(&self, table: &str) {
        self.unfit.borrow_mut().retain(|(name, _)| name != table);
    }

    /// The engine put items into this index that DynamoDB would have left out.
    pub(crate) fn has_unfit(&self, table: &str, index: &str) -> bool {
        // Another process may have made it.
        self.is_shared
            || self
                .unfit
                .borrow()
                .contains(&(table.to_owned(), index.to_owned()))
    }

    pub(crate) fn mark_unfit(&self, table: &str, index: &str) {
        self.unfit
            .borrow_mut()
            .insert((table.to_owned(), index.to_owned()));
    }
}
