//! Reads: pages of tables and indexes as DynamoDB returns them.

mod key_values;
mod legacy;
mod wide;

use dynoxide::DynoxideError;
use dynoxide::actions::query::{QueryRequest, QueryResponse};
use dynoxide::actions::scan::{ScanRequest, ScanResponse};
use dynoxide::storage::{compute_hash_prefix, hash_in_segment};
use dynoxide::types::AttributeValue;
use serde_json::Value;

use crate::conditions;
use crate::session::Session;

/// Maximum number of items on a page. Without a limit, the engine loads all remaining items to return 1 MB of them.
const PAGE: usize = 1000;

pub(crate) fn query(
    session: Session<'_>,
    mut request: QueryRequest,
) -> Result<QueryResponse, DynoxideError> {
    if request
        .attributes_to_get
        .as_ref()
        .is_some_and(Vec::is_empty)
    {
        let words = "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: Member must have length greater than or equal to 1";
        return Err(DynoxideError::ValidationException(words.to_owned()));
    }
    conditions::check(request.query_filter.as_ref()).map_err(DynoxideError::ValidationException)?;
    legacy::merge(&mut request);
    key_values::check(session, &request)?;
    request.limit.get_or_insert(PAGE);
    check_index(session, &request)?;
    wide::read(session, request, |request| query_engine(session, request))
}

pub(crate) fn scan(
    session: Session<'_>,
    mut request: ScanRequest,
) -> Result<ScanResponse, DynoxideError> {
    conditions::check(request.scan_filter.as_ref()).map_err(DynoxideError::ValidationException)?;
    check_segment(session, &request)?;
    request.limit.get_or_insert(PAGE);
    wide::read(session, request, |request| session.database.scan(request))
}

/// The engine takes an index that does not exist for a global one.
fn check_index(session: Session<'_>, request: &QueryRequest) -> Result<(), DynoxideError> {
    let (Some(true), Some(name)) = (request.consistent_read, &request.index_name) else {
        return Ok(());
    };
    match session
        .memory
        .tables
        .get(session.database, &request.table_name)
    {
        Some(table) if table.index(name).is_none() => Err(DynoxideError::ValidationException(
            format!("The table does not have the specified index: {name}"),
        )),
        _ => Ok(()),
    }
}

/// For a table without a sort key, the engine restarts a query at every starting key, so it would never end.
fn query_engine(
    session: Session<'_>,
    request: QueryRequest,
) -> Result<QueryResponse, DynoxideError> {
    let keys = request
        .exclusive_start_key_raw
        .as_ref()
        .and_then(Value::as_object);
    // The engine refuses a starting key that is not the whole key of the table.
    let is_behind_the_only_item =
        request.index_name.is_none() && keys.is_some_and(|keys| keys.len() == 1);
    // The service charges its minimum for an empty page too.
    let least = if request.consistent_read == Some(true) {
        1.0
    } else {
        0.5
    };
    let mut response = session.database.query(request)?;
    if !is_behind_the_only_item {
        return Ok(response);
    }
    if let Some(items) = &mut response.items {
        items.clear();
    }
    (response.count, response.scanned_count) = (0, 0);
    response.last_evaluated_key = None;
    if let Some(consumed) = &mut response.consumed_capacity {
        consumed.capacity_units = least;
        if let Some(table) = &mut consumed.table {
            table.capacity_units = least;
        }
    }
    Ok(response)
}

/// Refuses to start a segment at an item of another one.
fn check_segment(session: Session<'_>, request: &ScanRequest) -> Result<(), DynoxideError> {
    let (Some(segment), Some(total), None, Some(start)) = (
        request.segment,
        request.total_segments,
        &request.index_name,
        &request.exclusive_start_key_raw,
    ) else {
        return Ok(());
    };
    let Some(table) = session
        .memory
        .tables
        .get(session.database, &request.table_name)
    else {
        return Ok(());
    };
    let value = table
        .keys
        .partition
        .first()
        .and_then(|(name, _)| start.get(name))
        .and_then(|value| serde_json::from_value::<AttributeValue>(value.clone()).ok());
    // The engine refuses numbers of segments that are not possible.
    let is_possible = segment < total && total <= 1_000_000;
    match value {
        Some(value)
            if is_possible && !hash_in_segment(&compute_hash_prefix(&value), segment, total) =>
        {
            Err(DynoxideError::ValidationException(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {total} Segment: {segment}"
            )))
        }
        _ => Ok(()),
    }
}
