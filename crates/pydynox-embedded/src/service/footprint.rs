//! Footprints: which items and partitions of which tables a request touches, as far as its body tells.

use pydynox_core::transport::Operation;
use serde_json::{Map, Value};

use super::access::{Access, Sets, list};
use super::keys::Keys;
use super::statement;

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
        _ => statement::tables(body),
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
pub(super) fn of(operation: &Operation, body: &Value, keys: &Keys) -> Vec<Access> {
    let table = body["TableName"].as_str().unwrap_or_default();
    let is_consistent = body["ConsistentRead"] == true;
    match operation {
        Operation::GetItem => vec![Access {
            is_consistent,
            ..keys.of_item(table, &body["Key"], false)
        }],
        Operation::PutItem => vec![keys.of_put(table, &body["Item"])],
        Operation::UpdateItem => vec![of_update(table, body, keys)],
        Operation::DeleteItem => vec![keys.of_delete(table, &body["Key"])],
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
                if put.is_null() {
                    keys.of_delete(table, &write["DeleteRequest"]["Key"])
                } else {
                    keys.of_put(table, put)
                }
            })
            .collect(),
        Operation::TransactGetItems | Operation::TransactWriteItems => parts(body)
            .map(|(name, part)| {
                let table = part["TableName"].as_str().unwrap_or_default();
                Access {
                    // A transaction reads consistently.
                    is_consistent: true,
                    ..match name.as_str() {
                        "Put" => keys.of_put(table, &part["Item"]),
                        "Update" => of_update(table, part, keys),
                        "Delete" => keys.of_delete(table, &part["Key"]),
                        name => keys.of_item(table, &part["Key"], name != "Get"),
                    }
                }
            })
            .collect(),
        _ => statement::accesses(body, keys),
    }
}

fn of_update(table: &str, update: &Value, keys: &Keys) -> Access {
    Access {
        sets: Sets::Update(Operation::UpdateItem, update.clone()),
        ..keys.of_item(table, &update["Key"], true)
    }
}

fn of_search(operation: &Operation, body: &Value, keys: &Keys) -> Access {
    let table = body["TableName"].as_str().unwrap_or_default();
    let equal = match operation {
        Operation::Query => equalities(body, "KeyConditionExpression"),
        _ => Map::new(),
    };
    Access {
        is_consistent: body["ConsistentRead"] == true,
        ..keys.of_search(table, body["IndexName"].as_str(), |name| equal.get(name))
    }
}

/// The attributes that an expression compares with values by an equals sign.
fn equalities(body: &Value, expression: &str) -> Map<String, Value> {
    let expression = body[expression].as_str().unwrap_or_default();
    let spaced = expression.replace('=', " = ").replace(['(', ')', ','], " ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut values = Map::new();
    let pairs = words.windows(3).filter_map(|three| match three {
        [left, "=", right] => Some((*left, *right)),
        _ => None,
    });
    for (left, right) in pairs {
        for (name, value) in [(left, right), (right, left)] {
            let value = &body["ExpressionAttributeValues"][value];
            if !value.is_null() {
                let name = body["ExpressionAttributeNames"][name]
                    .as_str()
                    .unwrap_or(name);
                values.insert(name.to_owned(), value.clone());
            }
        }
    }
    values
}
