//! Keys: the key attributes of the tables and indexes that requests have named, and which of them a value belongs to.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::access::{Access, Sets, list};

/// The key attributes of a table, and of its indexes by name.
#[derive(Debug, Default)]
struct Schema {
    key: Vec<String>,
    /// The key and the types of its attributes, as a table is created with them.
    definition: Value,
    indexes: HashMap<String, Index>,
}

#[derive(Debug)]
struct Index {
    partition: Vec<String>,
    key: Vec<String>,
    is_global: bool,
}

/// The keys of the tables seen so far.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<String, Schema>);

impl Keys {
    pub(super) fn knows(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Learns the keys of a table from its description.
    pub(super) fn learn(&mut self, table: &str, description: &[u8]) {
        let description: Value = serde_json::from_slice(description).unwrap_or_default();
        let description = &description["Table"];
        let key = attributes(&description["KeySchema"], None);
        let is_of_key = |attribute: &&Value| {
            key.iter()
                .any(|name| attribute["AttributeName"] == name.as_str())
        };
        let types: Value = list(&description["AttributeDefinitions"])
            .filter(is_of_key)
            .cloned()
            .collect();
        let mut schema = Schema {
            definition: json!({"KeySchema": description["KeySchema"], "AttributeDefinitions": types}),
            key,
            ..Schema::default()
        };
        for (member, is_global) in [
            ("GlobalSecondaryIndexes", true),
            ("LocalSecondaryIndexes", false),
        ] {
            for index in list(&description[member]) {
                if let Some(name) = index["IndexName"].as_str() {
                    let index = Index {
                        partition: attributes(&index["KeySchema"], Some("HASH")),
                        key: attributes(&index["KeySchema"], None),
                        is_global,
                    };
                    schema.indexes.insert(name.to_owned(), index);
                }
            }
        }
        self.0.insert(table.to_owned(), schema);
    }

    /// What a table is created with that has the key of this one, and nothing else of it.
    pub(super) fn definition(&self, table: &str) -> Option<Value> {
        self.0.get(table).map(|schema| schema.definition.clone())
    }

    /// Whether writes to a table can change global indexes.
    pub(super) fn has_global_indexes(&self, table: &str) -> bool {
        let schema = self.0.get(table);
        schema.is_some_and(|schema| schema.indexes.values().any(|index| index.is_global))
    }

    /// The global indexes that an item is in, each with its partition key there.
    pub(super) fn entries(&self, table: &str, item: &Map<String, Value>) -> Vec<(String, String)> {
        let indexes = self.0.get(table).map(|schema| schema.indexes.iter());
        indexes
            .into_iter()
            .flatten()
            .filter(|(_, index)| index.is_global)
            .filter(|(_, index)| index.key.iter().all(|name| item.contains_key(name)))
            .filter_map(|(name, index)| {
                Some((name.clone(), text(&index.partition, |name| item.get(name))?))
            })
            .collect()
    }

    /// An access to the item with these attributes, of which the key's are needed.
    pub(super) fn of_item(&self, table: &str, values: &Value, is_write: bool) -> Access {
        let schema = self.0.get(table);
        let names = schema.map_or(&[][..], |schema| &schema.key);
        Access {
            table: table.to_owned(),
            is_write,
            partition: text(names.get(..1).unwrap_or_default(), |name| values.get(name)),
            item: text(names, |name| values.get(name)),
            key: names
                .iter()
                .map(|name| Some((name.clone(), values.get(name)?.clone())))
                .collect(),
            ..Access::default()
        }
    }

    /// A write of this item as a whole.
    pub(super) fn of_put(&self, table: &str, item: &Value) -> Access {
        Access {
            sets: Sets::All(item.as_object().cloned().unwrap_or_default()),
            ..self.of_item(table, item, true)
        }
    }

    /// A deletion of the item with this key.
    pub(super) fn of_delete(&self, table: &str, key: &Value) -> Access {
        Access {
            sets: Sets::All(Map::new()),
            ..self.of_item(table, key, true)
        }
    }

    /// An access to a table or an index, of which the attributes are compared with these values.
    pub(super) fn of_search<'v>(
        &self,
        table: &str,
        index: Option<&str>,
        value: impl Fn(&str) -> Option<&'v Value>,
    ) -> Access {
        let schema = self.0.get(table);
        let index_of = index.and_then(|index| schema?.indexes.get(index));
        let partition = match (index, index_of) {
            (None, _) => schema.map_or(&[][..], |schema| schema.key.get(..1).unwrap_or_default()),
            (Some(_), Some(index)) => &index.partition,
            (Some(_), None) => &[],
        };
        Access {
            table: table.to_owned(),
            index: index.map(str::to_owned),
            is_global: index_of.is_some_and(|index| index.is_global),
            partition: text(partition, |name| value(name)),
            ..Access::default()
        }
    }
}

/// The values of these attributes as JSON text; None where one is missing, or there are none.
fn text<'v>(names: &[String], value: impl Fn(&str) -> Option<&'v Value>) -> Option<String> {
    let values: Option<Vec<_>> = names
        .iter()
        .map(|name| value(name).map(Value::to_string))
        .collect();
    values
        .filter(|values| !values.is_empty())
        .map(|values| values.join(","))
}

fn attributes(schema: &Value, role: Option<&str>) -> Vec<String> {
    list(schema)
        .filter(|part| role.is_none_or(|role| part["KeyType"] == role))
        .filter_map(|part| part["AttributeName"].as_str().map(str::to_owned))
        .collect()
}
