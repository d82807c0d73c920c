//! Key values: what a query compares the key with, refused where no item can have it.

use std::collections::HashMap;

use dynoxide::DynoxideError;
use dynoxide::actions::query::QueryRequest;
use dynoxide::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

use crate::gate::{self, Context};
use crate::session::Session;

pub(super) fn check(session: Session<'_>, request: &QueryRequest) -> Result<(), DynoxideError> {
    let given = request.expression_attribute_values.iter();
    // Almost always the only step.
    if request.key_conditions.is_none() && !given.flat_map(HashMap::values).any(is_odd) {
        return Ok(());
    }
    let compared = compared(request);
    if !compared.values().any(is_odd) {
        return Ok(());
    }
    let Some(table) = session
        .memory
        .tables
        .get(session.database, &request.table_name)
    else {
        return Ok(());
    };
    let keys = match &request.index_name {
        None => &table.keys,
        Some(name) => match table.index(name) {
            Some(index) => &index.keys,
            None => return Ok(()),
        },
    };
    for name in keys.names() {
        let kind = match compared.get(name) {
            Some(AttributeValue::S(text)) if text.is_empty() => "string",
            Some(AttributeValue::B(bytes)) if bytes.is_empty() => "binary",
            _ => continue,
        };
        return Err(DynoxideError::ValidationException(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {name}"
        )));
    }
    keys.check_sizes(|name| compared.get(name))
        .map_err(|why| DynoxideError::ValidationException(why.to_owned()))
}

/// Whether no key has this value, or not every key.
fn is_odd(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::S(text) => text.is_empty() || text.len() > 1024,
        AttributeValue::B(bytes) => bytes.is_empty() || bytes.len() > 1024,
        _ => false,
    }
}

/// The attributes that are compared with a value, and the largest that each is compared with.
fn compared(request: &QueryRequest) -> HashMap<String, AttributeValue> {
    let mut compared = HashMap::new();
    if let Some(text) = &request.key_condition_expression {
        let context = Context {
            names: request.expression_attribute_names.as_ref(),
            values: request.expression_attribute_values.as_ref(),
        };
        gate::each_comparison(text, context, &mut |name, value| {
            compared.insert(name.to_owned(), value.clone());
        });
    } else if let Some(Value::Object(conditions)) = &request.key_conditions {
        for (name, condition) in conditions {
            let first = condition
                .get("AttributeValueList")
                .and_then(|list| list.get(0));
            if let Some(value) = first.and_then(|value| AttributeValue::deserialize(value).ok()) {
                compared.insert(name.clone(), value);
            }
        }
    }
    compared
}
