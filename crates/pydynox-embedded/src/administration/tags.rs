//! Tags: their limits, and what can have them.

use std::collections::HashSet;

use dynoxide::DynoxideError;
use serde_json::Value;

use super::checks::{invalid, list, text};

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html>
const MOST: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// Refuses tags for their number, lengths or characters.
pub(super) fn check_tags(tags: &[Value]) -> Result<(), DynoxideError> {
    let refused = |why: &str| {
        Err(invalid(format!(
            "One or more parameter values were invalid: {why}"
        )))
    };
    if tags.len() > MOST {
        return refused("Too many tags: tag limit is 50");
    }
    let mut keys = HashSet::new();
    for tag in tags {
        let (key, value) = (text(tag, "Key"), text(tag, "Value"));
        if key.chars().count() > LONGEST_KEY {
            return refused("Tag key must be between 1 and 128 characters");
        }
        if value.chars().count() > LONGEST_VALUE {
            return refused("Tag value must be between 0 and 256 characters");
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refused("Tag keys cannot begin with the reserved prefix aws:");
        }
        if let Some(odd) = key
            .chars()
            .chain(value.chars())
            .find(|&character| !is_allowed(character))
        {
            return refused(&format!("Tags contain the invalid character {odd:?}"));
        }
        if !keys.insert(key) {
            return refused(&format!("Duplicate tag key: {key}"));
        }
    }
    Ok(())
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric() || character.is_whitespace() || "+-=._:/@".contains(character)
}

/// Runs an operation on tags, after the checks that the engine leaves out: only tables have tags.
pub(crate) fn tag<T>(
    body: &Value,
    run: impl FnOnce() -> Result<T, DynoxideError>,
) -> Result<T, DynoxideError> {
    let resource = text(body, "ResourceArn");
    if resource.contains("/index/") {
        return Err(invalid(format!(
            "One or more parameter values were invalid: Invalid ResourceArn: {resource}"
        )));
    }
    check_tags(list(body, "Tags"))?;
    run()
}
