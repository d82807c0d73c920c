//! For others: passes on the requests of other libraries to tables that are not in this process, under the prefix of a test's
//! tables and counted against its budget.

use std::sync::Arc;

use pydynox_core::capacity::{self, Access};
use pydynox_core::transport::{
    Exchange, FailureKind, Headers, Operation, Request, Response, Transport, TransportError,
};
use pydynox_core::usage::Observers;
use serde_json::{Map, Value};

/// Members of an answer that have a member for each table.
const BY_TABLE: &[&str] = &[
    "RequestItems",
    "Responses",
    "UnprocessedItems",
    "UnprocessedKeys",
    "ItemCollectionMetrics",
];
/// Members whose text is the name of a table. In items, such a member is an object.
const NAMES: &[&str] = &[
    "TableName",
    "ExclusiveStartTableName",
    "LastEvaluatedTableName",
    "SourceTableName",
    "TargetTableName",
];

/// A layer for clients that know neither the prefix nor the budget.
pub struct ForOthers {
    inner: Arc<dyn Transport>,
    prefix: String,
    observers: Option<Observers>,
}

impl ForOthers {
    /// Passes requests on to `inner`.
    pub fn new(inner: Arc<dyn Transport>, prefix: &str, observers: Option<Observers>) -> Self {
        Self {
            inner,
            prefix: prefix.to_owned(),
            observers,
        }
    }

    async fn exchange(&self, mut request: Request) -> Result<Response, TransportError> {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(&request.body) else {
            return self.inner.send(request).await;
        };
        if matches!(
            request.operation,
            Operation::ExecuteStatement
                | Operation::BatchExecuteStatement
                | Operation::ExecuteTransaction
        ) {
            let message = "PartiQL names tables in its statements, which get no prefix: a test whose tables are not in this process cannot use it by dynamodb_url";
            return Ok(refusal("ValidationException", message));
        }
        let access = Access::of(&request.operation, &request.body);
        rename(&mut body, &|name| self.named(name));
        let asks = body
            .get("ReturnConsumedCapacity")
            .is_some_and(|asks| *asks != "NONE");
        let adds = access.is_some() && self.observers.is_some() && !asks;
        if adds {
            body.insert("ReturnConsumedCapacity".to_owned(), "TOTAL".into());
        }
        let table = body.get("TableName").and_then(Value::as_str);
        request.table = table.unwrap_or_default().into();
        if let Some(observers) = &self.observers
            && let Err(error) = observers.begin(&request.operation, &request.table)
        {
            return Ok(refusal("BudgetExceededException", &error.to_string()));
        }
        request.body = Value::from(body).to_string().into();
        let (operation, table) = (request.operation.clone(), request.table.clone());
        let response = self.inner.send(request).await?;
        if response.truncated || response.oversized {
            let message = "the answer did not arrive whole";
            return Err(TransportError::maybe_sent(FailureKind::Reset, message));
        }
        if let (Some(observers), Some(access)) = (&self.observers, access) {
            let consumed = capacity::consumed(&response.body, access).unwrap_or_default();
            observers.settle(&operation, &table, &consumed);
        }
        Ok(self.answer(response, adds))
    }

    fn named(&self, name: &str) -> Option<String> {
        // A whole ARN is not a name, and a place to continue at may be any table of the account.
        let is_whole = name.starts_with("arn:") || name.starts_with(&self.prefix);
        (!is_whole).then(|| format!("{}{name}", self.prefix))
    }

    /// The answer by the names that the request had.
    fn answer(&self, mut response: Response, adds: bool) -> Response {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(&response.body) else {
            return response;
        };
        if adds {
            body.remove("ConsumedCapacity");
        }
        rename(&mut body, &|name| {
            name.strip_prefix(&self.prefix).map(str::to_owned)
        });
        if let Some(Value::Array(names)) = body.get_mut("TableNames") {
            *names = names
                .iter()
                .filter_map(|name| Some(name.as_str()?.strip_prefix(&self.prefix)?.into()))
                .collect();
        }
        response.body = Value::from(body).to_string().into();
        response.headers.crc32 = None;
        response
    }
}

impl Transport for ForOthers {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.exchange(request))
    }
}

/// Renames tables in a body; those for which there is no other name keep theirs.
fn rename(body: &mut Map<String, Value>, name_of: &impl Fn(&str) -> Option<String>) {
    for member in BY_TABLE {
        if let Some(Value::Object(tables)) = body.get_mut(*member) {
            *tables = std::mem::take(tables)
                .into_iter()
                .map(|(table, value)| (name_of(&table).unwrap_or(table), value))
                .collect();
        }
    }
    for (member, value) in body {
        rename_in(member, value, name_of);
    }
}

fn rename_in(member: &str, value: &mut Value, name_of: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(name) if NAMES.contains(&member) => {
            if let Some(other) = name_of(name) {
                *name = other;
            }
        }
        Value::Object(members) => {
            for (member, value) in members {
                rename_in(member, value, name_of);
            }
        }
        Value::Array(values) => {
            for value in values {
                rename_in("", value, name_of);
            }
        }
        _ => {}
    }
}

fn refusal(code: &str, message: &str) -> Response {
    let body = serde_json::json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message});
    Response {
        status: 400,
        headers: Headers::default(),
        body: body.to_string().into(),
        verified: true,
        ..Response::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn tables_are_renamed_and_attributes_of_the_same_name_are_not() {
        let prefixed = |name: &str| Some(format!("p-{name}"));
        let cases = [
            (
                json!({"TableName": "t", "Item": {"TableName": {"S": "t"}, "m": {"M": {"TableName": {"S": "t"}}}}}),
                json!({"TableName": "p-t", "Item": {"TableName": {"S": "t"}, "m": {"M": {"TableName": {"S": "t"}}}}}),
            ),
            (
                json!({"RequestItems": {"t": {"Keys": [{"id": {"S": "t"}}]}}}),
                json!({"RequestItems": {"p-t": {"Keys": [{"id": {"S": "t"}}]}}}),
            ),
            (
                json!({"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}, {"Check": {"TableName": "u"}}]}),
                json!({"TransactItems": [{"Put": {"TableName": "p-t", "Item": {}}}, {"Check": {"TableName": "p-u"}}]}),
            ),
            (
                json!({"Responses": [{"Item": {}}], "ConsumedCapacity": [{"TableName": "t"}]}),
                json!({"Responses": [{"Item": {}}], "ConsumedCapacity": [{"TableName": "p-t"}]}),
            ),
        ];
        for (before, after) in cases {
            let mut body = before.as_object().unwrap().clone();
            rename(&mut body, &prefixed);
            assert_eq!(Value::from(body), after);
        }
    }
}
