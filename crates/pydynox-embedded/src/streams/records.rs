//! Records: `GetRecords`, without writes that change nothing, with the images of the stream's view.

use dynoxide::DynoxideError;
use dynoxide::actions::get_records::{GetRecordsRequest, GetRecordsResponse, Record, StreamRecord};
use dynoxide::actions::get_shard_iterator::decode_shard_iterator;
use dynoxide::types::{AttributeValue, Item};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Typed, check_limit, view_of};
use crate::session::Session;

const MOST_RECORDS: usize = 1000;

/// What `GetRecords` answers.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Page {
    OfEngine(GetRecordsResponse),
    Reworded(Value),
}

/// `GetRecords`. The engine spells the identity of a service as Lambda does, and not as this operation does. It also records writes that
/// change nothing; therefore it keeps both images, of which the reader gets those of the view.
pub(crate) fn records(
    session: Session<'_>,
    given: &Value,
    typed: Typed<'_, GetRecordsRequest>,
) -> Result<Page, DynoxideError> {
    check_limit(given, MOST_RECORDS)?;
    let mut request = typed()?;
    let view = match decode_shard_iterator(&request.shard_iterator) {
        Some((table, ..)) => view_of(session, &table)?,
        // The engine refuses it.
        None => None,
    };
    let mut page = loop {
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
    if let Some(view) = &view {
        page.records
            .iter_mut()
            .for_each(|record| narrow(&mut record.dynamodb, view));
    }
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

/// Leaves a change the images of this view.
fn narrow(change: &mut StreamRecord, view: &str) {
    let mut dropped = Vec::new();
    if view != "NEW_IMAGE" {
        dropped.extend(change.new_image.take());
    }
    if view != "OLD_IMAGE" {
        dropped.extend(change.old_image.take());
    }
    view.clone_into(&mut change.stream_view_type);
    for image in dropped {
        let size = serde_json::to_string(&image).map_or(0, |text| text.len());
        change.size_bytes -= i64::try_from(size).unwrap_or_default();
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
