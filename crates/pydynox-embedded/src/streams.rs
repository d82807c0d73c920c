//! Streams: the operations of DynamoDB Streams, and changes of a table's stream, as the service checks and answers them.

use dynoxide::DynoxideError;
use dynoxide::actions::describe_stream::{DescribeStreamRequest, SequenceNumberRange};
use dynoxide::actions::get_records::{GetRecordsRequest, GetRecordsResponse, Record};
use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, GetShardIteratorResponse};
use dynoxide::actions::list_streams::{ListStreamsRequest, ListStreamsResponse};
use dynoxide::storage::TableMetadata;
use dynoxide::streams::shard_id as shard_of_engine;
use dynoxide::types::{AttributeValue, Item};
use serde::Serialize;
use serde_json::{Value, json};

use crate::session::Session;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html>
const SHORTEST_NAME: usize = 37;
const MOST_LISTED: usize = 100;
const MOST_RECORDS: usize = 1000;
/// The engine numbers every record higher.
const FIRST_NUMBER: &str = "100000000000000000001";
const VIEWS: [&str; 4] = ["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"];

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

/// What `GetRecords` answers.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Page {
    OfEngine(GetRecordsResponse),
    Reworded(Value),
}

/// `GetRecords`. The engine spells the identity of a service as Lambda does, and not as this operation does. It also records writes that
/// change nothing, which can be told where both images are there.
pub(crate) fn records(
    session: Session<'_>,
    given: &Value,
    typed: Typed<'_, GetRecordsRequest>,
) -> Result<Page, DynoxideError> {
    check_limit(given, MOST_RECORDS)?;
    let mut request = typed()?;
    let page = loop {
        let mut page = session.database.get_records(GetRecordsRequest {
            shard_iterator: request.shard_iterator,
            limit: request.limit,
        })?;
        let is_end = page.records.is_empty();
        page.records.retain(changes_something);
        // A reader may take an empty page for the end.
        match page.next_shard_iterator.take() {
            Some(next) if page.records.is_empty() && !is_end => request.shard_iterator = next,
            next => {
                page.next_shard_iterator = next;
                break page;
            }
        }
    };
    if page
        .records
        .iter()
        .all(|record| record.user_identity.is_none())
    {
        return Ok(Page::OfEngine(page));
    }
    let mut page = serde_json::to_value(page)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    let records = page.get_mut("Records").and_then(Value::as_array_mut);
    for identity in records
        .into_iter()
        .flatten()
        .filter_map(|record| record.get_mut("userIdentity"))
    {
        *identity = json!({"Type": identity["type"], "PrincipalId": identity["principalId"]});
    }
    Ok(Page::Reworded(page))
}

fn changes_something(record: &Record) -> bool {
    let change = &record.dynamodb;
    match (&change.old_image, &change.new_image) {
        (Some(old), Some(new)) => !are_equal(old, new),
        _ => true,
    }
}

fn are_equal(one: &Item, other: &Item) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|(name, value)| other.get(name).is_some_and(|other| is_equal(value, other)))
}

/// Whether two values are equal; sets have no order.
fn is_equal(one: &AttributeValue, other: &AttributeValue) -> bool {
    use AttributeValue::{BS, L, M, NS, SS};
    match (one, other) {
        (SS(one), SS(other)) | (NS(one), NS(other)) => has_same(one, other),
        (BS(one), BS(other)) => has_same(one, other),
        (L(one), L(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_equal(one, other))
        }
        (M(one), M(other)) => are_equal(one, other),
        _ => one == other,
    }
}

fn has_same<T: Ord>(one: &[T], other: &[T]) -> bool {
    fn sorted<T: Ord>(members: &[T]) -> Vec<&T> {
        let mut members: Vec<&T> = members.iter().collect();
        members.sort_unstable();
        members
    }
    one.len() == other.len() && (one == other || sorted(one) == sorted(other))
}

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

/// The stream of this table was turned on: remembers what an earlier one left, since the engine would add it to the new one.
pub(crate) fn turned_on(session: Session<'_>, name: &str) -> Result<(), DynoxideError> {
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
        .change(|all| all.setting_mut(name).stream_start = last)
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
