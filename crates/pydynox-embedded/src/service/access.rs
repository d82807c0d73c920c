//! Accesses: which items and partitions of which tables a request touches, as far as its body tells.

use std::collections::HashMap;

use pydynox_core::transport::Operation;
use serde_json::{Map, Value};

/// What a request does to one item, or to a part of one table.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) table: String,
    pub(super) index: Option<String>,
    /// Whether the index is a global one.
    pub(super) is_global: bool,
    pub(super) is_write: bool,
    pub(super) is_consistent: bool,
    /// The partition key's value, as JSON text; None where a request has none or does not tell.
    pub(super) partition: Option<String>,
    /// The item's whole key, as JSON text.
    pub(super) item: Option<String>,
}

/// The key attributes of a table, and of its indexes by name.
#[derive(Debug, Default)]
struct Schema {
    key: Vec<String>,
    /// The partition keys of an index, and whether it is global.
    indexes: HashMap<String, (Vec<String>, bool)>,
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
        let mut schema = Schema {
            key: attributes(&description["KeySchema"], None),
            ..Schema::default()
        };
        for (member, is_global) in [
            ("GlobalSecondaryIndexes", true),
            ("LocalSecondaryIndexes", false),
        ] {
            for index in list(&description[member]) {
                if let Some(name) = index["IndexName"].as_str() {
                    let key = attributes(&index["KeySchema"], Some("HASH"));
                    schema.indexes.insert(name.to_owned(), (key, is_global));
                }
            }
        }
        self.0.insert(table.to_owned(), schema);
    }

    fn of_item(&self, table: &str, values: &Value, is_write: bool) -> Access {
        let key: Vec<_> = self.0.get(table).map_or(vec![], |schema| {
            schema
                .key
                .iter()
                .map(|name| values[name].to_string())
                .collect()
        });
        Access {
            table: table.to_owned(),
            index: None,
            is_global: false,
            is_write,
            is_consistent: false,
            partition: key.first().cloned(),
            item: (!key.is_empty()).then(|| key.join(",")),
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn attributes(schema: &Value, role: Option<&str>) -> Vec<String> {
    list(schema)
        .filter(|part| role.is_none_or(|role| part["KeyType"] == role))
        .filter_map(|part| part["AttributeName"].as_str().map(str::to_owned))
        .collect()
}

/// Whether an operation changes what tables there are, or their keys.
pub(super) fn changes_tables(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::CreateTable | Operation::DeleteTable | Operation::UpdateTable
    )
}

/// The tables whose items a request touches.
pub(super) fn tables(operation: &Operation, body: &Value) -> Vec<String> {
    let mut tables: Vec<String> = match operation {
        Operation::GetItem
        | Operation::PutItem
        | Operation::UpdateItem
        | Operation::DeleteItem
        | Operation::Query
        | Operation::Scan => body["TableName"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        Operation::BatchGetItem | Operation::BatchWriteItem => members(&body["RequestItems"])
            .map(|(table, _)| table.clone())
            .collect(),
        Operation::TransactGetItems | Operation::TransactWriteItems => parts(body)
            .filter_map(|(_, part)| part["TableName"].as_str().map(str::to_owned))
            .collect(),
        _ => vec![],
    };
    tables.sort();
    tables.dedup();
    tables
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The members of a transaction, each with the name of what it does.
fn parts(body: &Value) -> impl Iterator<Item = (&String, &Value)> {
    list(&body["TransactItems"]).filter_map(|part| members(part).next())
}

/// What a request touches, in the order of its body.
pub(super) fn of(operation: &Operation, body: &Value, keys: &mut Keys) -> Vec<Access> {
    let table = body["TableName"].as_str().unwrap_or_default();
    let is_consistent = body["ConsistentRead"] == true;
    match operation {
        Operation::GetItem => vec![Access {
            is_consistent,
            ..keys.of_item(table, &body["Key"], false)
        }],
        Operation::PutItem => vec![keys.of_item(table, &body["Item"], true)],
        Operation::UpdateItem | Operation::DeleteItem => {
            vec![keys.of_item(table, &body["Key"], true)]
        }
        Operation::Query | Operation::Scan => vec![of_search(operation, body, keys)],
        Operation::BatchGetItem => members(&body["RequestItems"])
            .flat_map(|(table, get)| {
                let is_consistent = get["ConsistentRead"] == true;
                list(&get["Keys"]).map(move |key| (table, key, is_consistent))
            })
            .map(|(table, key, is_consistent)| Access {
                is_consistent,
                ..keys.of_item(table, key, false)
            })
            .collect(),
        Operation::BatchWriteItem => members(&body["RequestItems"])
            .flat_map(|(table, writes)| list(writes).map(move |write| (table, write)))
            .map(|(table, write)| {
                let put = &write["PutRequest"]["Item"];
                let values = if put.is_null() {
                    &write["DeleteRequest"]["Key"]
                } else {
                    put
                };
                keys.of_item(table, values, true)
            })
            .collect(),
        Operation::TransactGetItems | Operation::TransactWriteItems => parts(body)
            .map(|(name, part)| {
                let values = if name == "Put" {
                    &part["Item"]
                } else {
                    &part["Key"]
                };
                let table = part["TableName"].as_str().unwrap_or_default();
                Access {
                    // A transaction reads consistently.
                    is_consistent: true,
                    ..keys.of_item(table, values, name != "Get")
                }
            })
            .collect(),
        _ => vec![],
    }
}

fn of_search(operation: &Operation, body: &Value, keys: &Keys) -> Access {
    let table = body["TableName"].as_str().unwrap_or_default();
    let index = body["IndexName"].as_str();
    let schema = keys.0.get(table);
    let (partition, is_global) = match (schema, index) {
        (Some(schema), None) => (schema.key.iter().take(1).cloned().collect(), false),
        (Some(schema), Some(index)) => schema.indexes.get(index).cloned().unwrap_or_default(),
        (None, _) => (vec![], false),
    };
    Access {
        table: table.to_owned(),
        index: index.map(str::to_owned),
        is_global,
        is_write: false,
        is_consistent: body["ConsistentRead"] == true,
        partition: (*operation == Operation::Query)
            .then(|| equal_to(body, &partition))
            .flatten(),
        item: None,
    }
}

/// The values that a key condition compares these attributes with, as JSON text.
fn equal_to(body: &Value, attributes: &[String]) -> Option<String> {
    let empty = Map::new();
    let names = body["ExpressionAttributeNames"]
        .as_object()
        .unwrap_or(&empty);
    let condition = body["KeyConditionExpression"].as_str()?;
    let spaced = condition.replace('=', " = ").replace(['(', ')'], " ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let value_of = |attribute: &String| {
        let is_it = |word: &str| {
            word == attribute
                || names
                    .get(word)
                    .is_some_and(|name| name == attribute.as_str())
        };
        words.windows(3).find_map(|three| match three {
            [left, "=", right] if is_it(left) => {
                Some(body["ExpressionAttributeValues"][right].to_string())
            }
            [left, "=", right] if is_it(right) => {
                Some(body["ExpressionAttributeValues"][left].to_string())
            }
            _ => None,
        })
    };
    let values: Option<Vec<_>> = attributes.iter().map(value_of).collect();
    values
        .filter(|values| !values.is_empty())
        .map(|values| values.join(","))
}
