//! Policies: resource policies, which are remembered and not applied.

use serde_json::{Value, json};

use super::checks::text;
use super::requests::{Refusal, invalid};
use crate::session::Session;

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
    let settings = &session.memory.settings;
    let current = settings
        .policies
        .borrow()
        .get(resource)
        .map(|(_, revision)| *revision);
    check_revision(request, resource, current)?;
    let revision = {
        let mut revisions = settings.revisions.borrow_mut();
        *revisions += 1;
        *revisions
    };
    settings
        .policies
        .borrow_mut()
        .insert(resource.to_owned(), (policy.to_owned(), revision));
    Ok(json!({"RevisionId": revision.to_string()}))
}

pub(super) fn get_policy(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let resource = resource_of(session, request)?;
    match session.memory.settings.policies.borrow().get(resource) {
        Some((policy, revision)) => {
            Ok(json!({"Policy": policy, "RevisionId": revision.to_string()}))
        }
        None => Err(no_policy(resource)),
    }
}

pub(super) fn delete_policy(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let resource = resource_of(session, request)?;
    let policies = &session.memory.settings.policies;
    let current = policies
        .borrow()
        .get(resource)
        .map(|(_, revision)| *revision);
    check_revision(request, resource, current)?;
    policies.borrow_mut().remove(resource);
    // A policy that is not there is deleted without an error.
    Ok(current.map_or_else(
        || json!({}),
        |revision| json!({"RevisionId": revision.to_string()}),
    ))
}
