//! Requests: what operations on settings have in common.

use serde_json::Value;

use crate::session::Session;

/// What a request fails with: the name of the error, and its message.
pub(super) type Refusal = (&'static str, String);

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    (
        "com.amazon.coral.validate#ValidationException",
        message.into(),
    )
}

/// Settings that cannot be read or written.
pub(super) fn unsaved(why: String) -> Refusal {
    ("InternalServerError", why)
}

/// The table of a request, which must exist; `missing` is the error otherwise.
pub(super) fn table_of<'r>(
    session: Session<'_>,
    request: &'r Value,
    missing: &'static str,
) -> Result<&'r str, Refusal> {
    let Some(name) = request.get("TableName").and_then(Value::as_str) else {
        return Err(invalid(
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null",
        ));
    };
    match session.memory.tables.get(session.database, name) {
        Some(_) => Ok(name),
        None if missing == "TableNotFoundException" => {
            Err((missing, format!("Table not found: {name}")))
        }
        None => Err((
            missing,
            format!("Requested resource not found: Table: {name} not found"),
        )),
    }
}
