//! Describe: `DescribeTable` and `DeleteTable`.

use dynoxide::DynoxideError;
use dynoxide::actions::TableDescription;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use serde_json::{Value, json};

use super::checks::unsaved;
use crate::session::Session;

pub(crate) fn describe_table(
    session: Session<'_>,
    request: DescribeTableRequest,
) -> Result<Value, DynoxideError> {
    let description = session.database.describe_table(request)?.table;
    Ok(json!({"Table": described(session, description)?}))
}

/// The description of a table that is gone says neither its keys nor its indexes.
pub(crate) fn delete_table(
    session: Session<'_>,
    request: DeleteTableRequest,
) -> Result<Value, DynoxideError> {
    let name = request.table_name.clone();
    let description = session.database.delete_table(request)?.table_description;
    let mut description = described(session, description)?;
    session.memory.tables.forget(&name);
    session.memory.tables.forget_indexes(&name);
    session
        .memory
        .settings
        .change(|all| all.forget(&name))
        .map_err(unsaved)?;
    if let Some(members) = description.as_object_mut() {
        for member in [
            "CreationDateTime",
            "KeySchema",
            "AttributeDefinitions",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
        ] {
            members.remove(member);
        }
    }
    Ok(json!({"TableDescription": description}))
}

pub(super) fn described(
    session: Session<'_>,
    mut description: TableDescription,
) -> Result<Value, DynoxideError> {
    // A table that was created on demand has been so since then.
    if let Some(mode) = &mut description.billing_mode_summary
        && mode.billing_mode == "PAY_PER_REQUEST"
    {
        mode.last_update_to_pay_per_request_date_time = mode
            .last_update_to_pay_per_request_date_time
            .or(description.creation_date_time);
    }
    let name = description.table_name.clone();
    let mut described = serde_json::to_value(description)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    session
        .memory
        .settings
        .read(|all| {
            all.add_warmth(&name, &mut described);
            let stream = described.get_mut("StreamSpecification");
            if let (Some(stream), Some(view)) = (stream, all.setting(&name).stream_view) {
                stream["StreamViewType"] = view.into();
            }
        })
        .map_err(unsaved)?;
    Ok(described)
}
