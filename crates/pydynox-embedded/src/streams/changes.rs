//! Changes: a table's stream turned on and off.

use dynoxide::DynoxideError;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use serde_json::Value;

use super::invalid;
use crate::session::Session;

const BOTH: &str = "NEW_AND_OLD_IMAGES";
const VIEWS: [&str; 4] = ["NEW_IMAGE", "OLD_IMAGE", BOTH, "KEYS_ONLY"];

/// Refuses the stream of a table that is created or updated.
pub(crate) fn check_specification(body: &Value) -> Result<(), DynoxideError> {
    let specification = body.get("StreamSpecification").unwrap_or(&Value::Null);
    match specification.get("StreamViewType").and_then(Value::as_str) {
        Some(view) if !VIEWS.contains(&view) => Err(invalid(format!(
            "1 validation error detected: Value '{view}' at 'streamSpecification.streamViewType' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            VIEWS.join(", ")
        ))),
        _ => Ok(()),
    }
}

/// Whether an update turns the stream of a table on; refuses to do so twice, and to turn off what is not on.
pub(crate) fn turns_on(session: Session<'_>, body: &Value) -> Result<bool, DynoxideError> {
    check_specification(body)?;
    let enabled = body
        .get("StreamSpecification")
        .and_then(|specification| specification.get("StreamEnabled"))
        .and_then(Value::as_bool);
    let (Some(enabled), Some(name)) = (enabled, body.get("TableName").and_then(Value::as_str))
    else {
        return Ok(false);
    };
    // The engine reports a table that does not exist.
    let Ok(Some(metadata)) = session.database.get_table_metadata(name) else {
        return Ok(false);
    };
    match (enabled, metadata.stream_enabled) {
        (true, true) => Err(invalid(format!(
            "Table already has an enabled stream: TableName: {name}"
        ))),
        (false, false) => Err(invalid(format!(
            "Table has no stream to disable: TableName: {name}"
        ))),
        (enabled, _) => Ok(enabled),
    }
}

/// A request that creates a stream, as the engine gets it, and the view that was asked for.
pub(crate) struct Stream {
    pub(crate) request: String,
    pub(crate) view: String,
}

/// Asks for both images in place of fewer: without them, a write that changes nothing cannot be told from others.
pub(crate) fn with_both_images(body: &Value) -> Option<Stream> {
    let specification = body.get("StreamSpecification")?;
    let view = specification.get("StreamViewType")?.as_str()?;
    if specification.get("StreamEnabled")? != &Value::Bool(true) || view == BOTH {
        return None;
    }
    let mut request = body.clone();
    request["StreamSpecification"]["StreamViewType"] = BOTH.into();
    Some(Stream {
        request: request.to_string(),
        view: view.to_owned(),
    })
}

/// The stream of this table was turned on: remembers its view, and what an earlier one left, since the engine would add it to the new one.
pub(crate) fn turned_on(
    session: Session<'_>,
    name: &str,
    view: Option<String>,
) -> Result<(), DynoxideError> {
    let request = DescribeStreamRequest {
        stream_arn: dynoxide::streams::stream_arn(name, ""),
        ..DescribeStreamRequest::default()
    };
    let description = session.database.describe_stream(request)?;
    let shards = description.stream_description.shards;
    let last = shards
        .into_iter()
        .find_map(|shard| shard.sequence_number_range.ending_sequence_number);
    session
        .memory
        .settings
        .change(|all| {
            let setting = all.setting_mut(name);
            (setting.stream_start, setting.stream_view) = (last, view);
        })
        .map_err(DynoxideError::InternalServerError)
}
