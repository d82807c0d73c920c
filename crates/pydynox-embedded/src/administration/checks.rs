//! Checks: what definitions of tables and indexes have in common.

use std::collections::HashSet;

use dynoxide::DynoxideError;
use serde_json::Value;

/// The longest name of a key attribute, and of one that an index projects by name.
const LONGEST_KEY_NAME: usize = 255;

pub(super) fn invalid(why: impl Into<String>) -> DynoxideError {
    DynoxideError::ValidationException(why.into())
}

/// Settings that cannot be read or written.
pub(super) fn unsaved(why: String) -> DynoxideError {
    DynoxideError::InternalServerError(why)
}

/// The elements of a list in a request, if there are some.
pub(super) fn list<'r>(request: &'r Value, name: &str) -> &'r [Value] {
    request
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

pub(super) fn text<'r>(element: &'r Value, name: &str) -> &'r str {
    element
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Refuses names of attributes that are too long for a key, wherever a request defines a key, and definitions of one attribute twice.
pub(super) fn check_attributes(request: &Value) -> Result<(), DynoxideError> {
    let mut names = HashSet::new();
    for (place, definition) in list(request, "AttributeDefinitions").iter().enumerate() {
        let name = text(definition, "AttributeName");
        check_name(
            name,
            &format!("attributeDefinitions.{}.member.attributeName", place + 1),
        )?;
        if !names.insert(name) {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Duplicate AttributeName in AttributeDefinitions: {name}"
            )));
        }
    }
    check_keys(request, "keySchema")
}

fn check_keys(holder: &Value, path: &str) -> Result<(), DynoxideError> {
    for (place, element) in list(holder, "KeySchema").iter().enumerate() {
        check_name(
            text(element, "AttributeName"),
            &format!("{path}.{}.member.attributeName", place + 1),
        )?;
    }
    Ok(())
}

/// Refuses an index for its keys or for its projection.
pub(super) fn check_index(index: &Value, path: &str) -> Result<(), DynoxideError> {
    check_keys(index, &format!("{path}.keySchema"))?;
    let mut names = HashSet::new();
    let projection = index.get("Projection").unwrap_or(&Value::Null);
    for (place, name) in list(projection, "NonKeyAttributes").iter().enumerate() {
        let Some(name) = name.as_str() else {
            let kind = if name.is_number() {
                "NUMBER_VALUE"
            } else {
                "Unexpected field type"
            };
            return Err(DynoxideError::SerializationException(format!(
                "{kind} cannot be converted to String"
            )));
        };
        check_name(
            name,
            &format!("{path}.projection.nonKeyAttributes.{}.member", place + 1),
        )?;
        if !names.insert(name) {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Duplicate entries in NonKeyAttributes: {name}"
            )));
        }
    }
    Ok(())
}

fn check_name(name: &str, path: &str) -> Result<(), DynoxideError> {
    if name.len() <= LONGEST_KEY_NAME {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at '{path}' failed to satisfy constraint: Member must have length less than or equal to {LONGEST_KEY_NAME}"
    )))
}
