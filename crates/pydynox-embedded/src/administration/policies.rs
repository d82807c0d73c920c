//! Policies: resource policies, which are remembered and not applied.

use serde_json::{Value, json};

use super::checks::text;
use super::requests::{Refusal, invalid, unsaved};
use crate::session::Session;
use crate::settings::Known;

/// The largest resource policy, in bytes.
const LARGEST_POLICY: usize = 20 << 10;

/// The resource of a request, which must exist.
fn resource_of<'r>(session: Session<'_>, request: &'r Value) -> Result<&'r str, Refusal> {
    let Some(resource) = request.get("ResourceArn").and_then(Value::as_str) else {
        return Err(invalid(
            "1 validation error detected: Value null at 'resourceArn' failed to satisfy constraint: Member must not be null",
        ));
    };
    let table = resource
        .split_once(":table/")
        .map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    match table.and_then(|table| session.memory.tables.get(session.database, table)) {
        Some(_) => Ok(resource),
        None => Err((
            "ResourceNotFoundException",
            format!("Requested resource not found: ResourceArn: {resource} not found"),
        )),
    }
}

fn no_policy(resource: &str) -> Refusal {
    (
        "PolicyNotFoundException",
        format!("Resource-based policy not found for the provided ResourceArn: {resource}"),
    )
}

/// Refuses a change of another revision than the caller expects.
fn check_revision(request: &Value, resource: &str, current: Option<u64>) -> Result<(), Refusal> {
    let Some(expected) = request.get("ExpectedRevisionId").and_then(Value::as_str) else {
        return Ok(());
    };
    let current = current.map_or_else(|| "NO_POLICY".to_owned(), |revision| revision.to_string());
    if expected == current {
        Ok(())
    } else {
        Err(no_policy(resource))
    }
}

pub(super) fn put_policy(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let resource = resource_of(session, request)?;
    let policy = text(request, "Policy");
    if policy.len() > LARGEST_POLICY
        || !serde_json::from_str::<Value>(policy).is_ok_and(|policy| policy.is_object())
    {
        return Err(invalid(
            "One or more parameter values were invalid: Invalid policy document",
        ));
    }
    let write = |all: &mut Known| {
        let current = all.policies.get(resource).map(|(_, revision)| *revision);
        check_revision(request, resource, current)?;
        all.revisions += 1;
        let stored = (policy.to_owned(), all.revisions);
        all.policies.insert(resource.to_owned(), stored);
        Ok(json!({"RevisionId": all.revisions.to_string()}))
    };
    session.memory.settings.change(write).map_err(unsaved)?
}

pub(super) fn get_policy(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let resource = resource_of(session, request)?;
    let look = |all: &Known| match all.policies.get(resource) {
        Some((policy, revision)) => {
            Ok(json!({"Policy": policy, "RevisionId": revision.to_string()}))
        }
        None => Err(no_policy(resource)),
    };
    session.memory.settings.read(look).map_err(unsaved)?
}

pub(super) fn delete_policy(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let resource = resource_of(session, request)?;
    let write = |all: &mut Known| {
        let current = all.policies.get(resource).map(|(_, revision)| *revision);
        check_revision(request, resource, current)?;
        all.policies.remove(resource);
        // A policy that is not there is deleted without an error.
        Ok(current.map_or_else(
            || json!({}),
            |revision| json!({"RevisionId": revision.to_string()}),
        ))
    };
    session.memory.settings.change(write).map_err(unsaved)?
}
