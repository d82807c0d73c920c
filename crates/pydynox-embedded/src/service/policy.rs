//! Policies: which partition keys a role may touch, as the condition `dynamodb:LeadingKeys` of IAM says.

use pydynox_core::transport::{Operation, Response};
use serde_json::Value;

use super::access::Access;
use super::footprint::changes_tables;
use super::refusal;

/// The partition keys that a role may touch.
pub(super) struct Policy(Vec<String>);

impl Policy {
    pub(super) fn new(leading_keys: Vec<String>) -> Self {
        Self(leading_keys)
    }

    /// The refusal of a request that is not allowed.
    pub(super) fn deny(
        &self,
        operation: &Operation,
        body: &Value,
        accesses: &[Access],
    ) -> Option<Response> {
        let is_allowed = |access: &Access| {
            // A scan reads every partition: a policy with leading keys does not grant it.
            access
                .partition
                .as_deref()
                .is_some_and(|partition| self.allows(partition))
        };
        let statement = matches!(
            operation,
            Operation::ExecuteStatement
                | Operation::ExecuteTransaction
                | Operation::BatchExecuteStatement
        );
        let denied = accesses.iter().find(|access| !is_allowed(access));
        if denied.is_none() && !changes_tables(operation) && !statement {
            return None;
        }
        let table = denied.map_or_else(
            || body["TableName"].as_str().unwrap_or("*").to_owned(),
            |access| match &access.index {
                None => access.table.clone(),
                Some(index) => format!("{}/index/{index}", access.table),
            },
        );
        let action = action_of(operation, denied.is_some_and(|access| access.is_write));
        let message = format!(
            "User: arn:aws:sts::000000000000:assumed-role/test/test is not authorized to perform: dynamodb:{action} on resource: arn:aws:dynamodb:us-east-1:000000000000:table/{table} because no identity-based policy allows the dynamodb:{action} action"
        );
        Some(refusal::error("AccessDeniedException", &message))
    }

    fn allows(&self, partition: &str) -> bool {
        let value: Value = serde_json::from_str(partition).unwrap_or_default();
        let Some(text) = value
            .as_object()
            .and_then(|typed| typed.values().next())
            .and_then(Value::as_str)
        else {
            return false;
        };
        self.0
            .iter()
            .any(|allowed| match allowed.strip_suffix('*') {
                Some(beginning) => text.starts_with(beginning),
                None => text == allowed,
            })
    }
}

/// The action that IAM checks: transactions are allowed by what they do to their items.
fn action_of(operation: &Operation, writes: bool) -> &str {
    match operation {
        Operation::TransactGetItems => "GetItem",
        Operation::TransactWriteItems if writes => "UpdateItem",
        other => other.name(),
    }
}
