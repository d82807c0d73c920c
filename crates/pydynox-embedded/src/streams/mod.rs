//! Streams: the operations of DynamoDB Streams, and changes of a table's stream, as the service checks and answers them.

mod changes;
mod records;

use dynoxide::DynoxideError;
use dynoxide::actions::describe_stream::{DescribeStreamRequest, SequenceNumberRange};
use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, GetShardIteratorResponse};
use dynoxide::actions::list_streams::{ListStreamsRequest, ListStreamsResponse};
use dynoxide::storage::TableMetadata;
use dynoxide::streams::shard_id as shard_of_engine;
use serde_json::{Value, json};

use crate::session::Session;

pub(crate) use changes::{check_specification, turned_on, turns_on, with_both_images};
pub(crate) use records::records;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html>
const SHORTEST_NAME: usize = 37;
const MOST_LISTED: usize = 100;
/// The engine numbers every record higher.
const FIRST_NUMBER: &str = "100000000000000000001";

type Typed<'t, Q> = &'t dyn Fn() -> Result<Q, DynoxideError>;

/// `ListStreams`.
pub(crate) fn list(
    session: Session<'_>,
    given: &Value,
    typed: Typed<'_, ListStreamsRequest>,
) -> Result<ListStreamsResponse, DynoxideError> {
    check_limit(given, MOST_LISTED)?;
    if let Some(start) = given.get("ExclusiveStartStreamArn").and_then(Value::as_str) {
        parts_of(start, "exclusiveStartStreamArn")?;
    }
    let mut request = typed()?;
    request.limit.get_or_insert(MOST_LISTED);
    session.database.list_streams(request)
}

/// `DescribeStream`. The engine gives an end to its only shard, which is always open, and a start only once it has records.
pub(crate) fn describe(
    session: Session<'_>,
    given: &Value,
    typed: Typed<'_, DescribeStreamRequest>,
) -> Result<Value, DynoxideError> {
    check_limit(given, MOST_LISTED)?;
    let (metadata, label) = stream_of(session, given)?;
    let shard = shard_of(&label);
    let has_shard = check_filter(given)?
        && given
            .get("ExclusiveStartShardId")
            .and_then(Value::as_str)
            .is_none_or(|start| start < shard.as_str());
    let mut description = session
        .database
        .describe_stream(typed()?)?
        .stream_description;
    let start = start_of(session, &metadata.table_name)?;
    if let Some(view) = view_of(session, &metadata.table_name)? {
        description.stream_view_type = view;
    }
    if has_shard {
        for described in &mut description.shards {
            described.shard_id.clone_from(&shard);
            described.sequence_number_range = SequenceNumberRange {
                starting_sequence_number: Some(
                    start.map_or_else(|| FIRST_NUMBER.to_owned(), |last| (last + 1).to_string()),
                ),
                ending_sequence_number: None,
            };
        }
    } else {
        description.shards.clear();
    }
    let mut description = serde_json::to_value(description)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    description["KeySchema"] = serde_json::from_str(&metadata.key_schema).unwrap_or_default();
    Ok(json!({"StreamDescription": description}))
}

/// `GetShardIterator`. The engine takes any shard, and reads what an earlier stream of the table left.
pub(crate) fn iterator(
    session: Session<'_>,
    given: &Value,
    typed: Typed<'_, GetShardIteratorRequest>,
) -> Result<GetShardIteratorResponse, DynoxideError> {
    let (metadata, label) = stream_of(session, given)?;
    let mut request = typed()?;
    if request.shard_id != shard_of(&label) {
        return Err(DynoxideError::ResourceNotFoundException(format!(
            "Requested resource not found: Shard: {} in Stream: {} not found",
            request.shard_id, request.stream_arn
        )));
    }
    request.shard_id = shard_of_engine(&metadata.table_name);
    if let Some(last) = start_of(session, &metadata.table_name)? {
        let from_start =
            request.shard_iterator_type == "TRIM_HORIZON" && request.sequence_number.is_none();
        let is_before = |number: &String| number.parse::<u128>().is_ok_and(|number| number <= last);
        if from_start || request.sequence_number.as_ref().is_some_and(is_before) {
            "AFTER_SEQUENCE_NUMBER".clone_into(&mut request.shard_iterator_type);
            request.sequence_number = Some(last.to_string());
        }
    }
    session.database.get_shard_iterator(request)
}

/// The view of a table's stream, if it is not the engine's.
fn view_of(session: Session<'_>, table: &str) -> Result<Option<String>, DynoxideError> {
    session
        .memory
        .settings
        .read(|all| all.setting(table).stream_view)
        .map_err(DynoxideError::InternalServerError)
}

/// The last record of a table that is not in its stream, but in an earlier one.
fn start_of(session: Session<'_>, table: &str) -> Result<Option<u128>, DynoxideError> {
    let start = session
        .memory
        .settings
        .read(|all| all.setting(table).stream_start)
        .map_err(DynoxideError::InternalServerError)?;
    Ok(start.and_then(|number| number.parse().ok()))
}

/// The table of the stream that a request names, and the label of the stream.
fn stream_of(
    session: Session<'_>,
    given: &Value,
) -> Result<(TableMetadata, String), DynoxideError> {
    let Some(arn) = given.get("StreamArn").and_then(Value::as_str) else {
        return Err(invalid(
            "1 validation error detected: Value null at 'streamArn' failed to satisfy constraint: Member must not be null",
        ));
    };
    let (table, label) = parts_of(arn, "streamArn")?;
    match session.database.get_table_metadata(table)? {
        Some(metadata)
            if metadata.stream_enabled && metadata.stream_label.as_deref() == Some(label) =>
        {
            Ok((metadata, label.to_owned()))
        }
        _ => Err(DynoxideError::ResourceNotFoundException(format!(
            "Requested resource not found: Stream: {arn} not found"
        ))),
    }
}

/// The table and the label of `arn:<partition>:dynamodb:<region>:<account>:table/<name>/stream/<label>`.
fn parts_of<'a>(arn: &'a str, member: &str) -> Result<(&'a str, &'a str), DynoxideError> {
    if arn.len() < SHORTEST_NAME {
        return Err(invalid(format!(
            "1 validation error detected: Value '{arn}' at '{member}' failed to satisfy constraint: Member must have length greater than or equal to {SHORTEST_NAME}"
        )));
    }
    let read = || {
        let resource = arn.strip_prefix("arn:")?.splitn(5, ':').nth(4)?;
        let (table, label) = resource.strip_prefix("table/")?.split_once("/stream/")?;
        (!table.contains('/')).then_some((table, label))
    };
    read().ok_or_else(|| invalid(format!("Invalid StreamArn: {arn}")))
}

/// The shard of a stream, with a name of its own whose length the service's clients accept: from 28 to 65.
fn shard_of(label: &str) -> String {
    let (seconds, nanos) = label.split_once('.').unwrap_or((label, "0"));
    let nanos: u32 = nanos.parse().unwrap_or_default();
    format!(
        "shardId-{seconds:0>17}{:03}-{:08x}",
        nanos / 1_000_000,
        nanos % 1_000_000
    )
}

/// Whether the shard is wanted; it has no children.
fn check_filter(given: &Value) -> Result<bool, DynoxideError> {
    let Some(filter) = given.get("ShardFilter").filter(|filter| !filter.is_null()) else {
        return Ok(true);
    };
    let member = |name: &str| filter.get(name).and_then(Value::as_str);
    let refused = |value: &str, name: &str, why: &str| {
        Err(invalid(format!(
            "1 validation error detected: Value {value} at 'shardFilter.{name}' failed to satisfy constraint: {why}"
        )))
    };
    match (member("Type"), member("ShardId")) {
        (None, _) => refused("null", "type", "Member must not be null"),
        (Some(kind), _) if kind != "CHILD_SHARDS" => refused(
            &format!("'{kind}'"),
            "type",
            "Member must satisfy enum value set: [CHILD_SHARDS]",
        ),
        (_, None) => refused("null", "shardId", "Member must not be null"),
        (_, Some(shard)) if shard.len() < 28 => refused(
            &format!("'{shard}'"),
            "shardId",
            "Member must have length greater than or equal to 28",
        ),
        _ => Ok(false),
    }
}

fn check_limit(given: &Value, most: usize) -> Result<(), DynoxideError> {
    let Some(limit) = given.get("Limit").and_then(Value::as_i64) else {
        return Ok(());
    };
    let bound = if limit < 1 {
        "greater than or equal to 1".to_owned()
    } else if usize::try_from(limit).is_ok_and(|limit| limit > most) {
        format!("less than or equal to {most}")
    } else {
        return Ok(());
    };
    Err(invalid(format!(
        "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {bound}"
    )))
}

fn invalid(why: impl Into<String>) -> DynoxideError {
    DynoxideError::ValidationException(why.into())
}
