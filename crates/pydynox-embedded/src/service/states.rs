//! Table states: a table takes a while to be created, updated and deleted, and answers accordingly in the meantime.

use std::collections::HashMap;
use std::time::Duration;

use pydynox_core::clock;
use pydynox_core::transport::{Operation, Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::access::Access;
use super::refusal;

/// What happens to tables now.
#[derive(Debug, Default)]
pub(super) struct States(HashMap<String, Changing>);

#[derive(Debug)]
struct Changing {
    status: &'static str,
    until: Instant,
    /// The description of a table that the engine has deleted already.
    last: Option<Value>,
}

impl States {
    fn status(&mut self, table: &str) -> Option<&Changing> {
        if self
            .0
            .get(table)
            .is_some_and(|changing| changing.until <= clock::instant())
        {
            self.0.remove(table);
        }
        self.0.get(table)
    }

    /// The refusal of a request that the state of its table does not allow, or the answer of a table that is being deleted.
    pub(super) fn refuse(
        &mut self,
        operation: &Operation,
        body: &Value,
        accesses: &[Access],
    ) -> Option<Response> {
        for access in accesses {
            if let Some(changing) = self.status(&access.table)
                && changing.status != "UPDATING"
            {
                return Some(refusal::error(
                    "ResourceNotFoundException",
                    "Requested resource not found",
                ));
            }
        }
        let table = body["TableName"].as_str()?;
        let changing = self.status(table)?;
        match operation {
            Operation::CreateTable | Operation::UpdateTable | Operation::DeleteTable => {
                let message = match operation {
                    Operation::CreateTable => format!("Table already exists: {table}"),
                    _ => format!(
                        "Attempt to change a resource which is still in use: Table is being {}: {table}",
                        match changing.status {
                            "CREATING" => "created",
                            "DELETING" => "deleted",
                            _ => "updated",
                        }
                    ),
                };
                Some(refusal::error("ResourceInUseException", &message))
            }
            Operation::DescribeTable => changing
                .last
                .as_ref()
                .map(|last| refusal::answer(200, &json!({"Table": last}))),
            Operation::UpdateTimeToLive if changing.status != "UPDATING" => Some(refusal::error(
                "ResourceNotFoundException",
                &format!("Requested resource not found: Table: {table} not found"),
            )),
            _ => None,
        }
    }

    /// Notes what a request does to a table, and shows its state in the answer; true if there are other tables now.
    pub(super) fn rewrite(
        &mut self,
        request: &Request,
        response: &mut Response,
        length: Duration,
    ) -> bool {
        let (member, status) = match request.operation {
            Operation::CreateTable => ("TableDescription", Some("CREATING")),
            Operation::UpdateTable => ("TableDescription", Some("UPDATING")),
            Operation::DeleteTable => ("TableDescription", Some("DELETING")),
            Operation::DescribeTable => ("Table", None),
            Operation::ListTables => {
                self.list(response);
                return false;
            }
            _ => return false,
        };
        if response.status != 200 {
            return false;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else {
            return false;
        };
        let Some(table) = body[member]["TableName"].as_str().map(str::to_owned) else {
            return false;
        };
        if let Some(status) = status {
            let mut last = None;
            if status == "DELETING" {
                body[member]["TableStatus"] = status.into();
                last = Some(body[member].clone());
            }
            let until = clock::instant() + length;
            self.0.insert(
                table.clone(),
                Changing {
                    status,
                    until,
                    last,
                },
            );
        }
        if let Some(changing) = self.status(&table) {
            show(&mut body[member], changing.status);
            response.body = body.to_string().into_bytes().into();
            response.headers.crc32 = None;
        }
        status.is_some()
    }

    /// A table that is being deleted is still listed.
    fn list(&mut self, response: &mut Response) {
        let now = clock::instant();
        let deleting: Vec<_> = self
            .0
            .iter()
            .filter(|(_, changing)| changing.status == "DELETING" && changing.until > now)
            .map(|(table, _)| table.clone())
            .collect();
        if deleting.is_empty() {
            return;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else {
            return;
        };
        if !body["LastEvaluatedTableName"].is_null() {
            return;
        }
        if let Some(names) = body["TableNames"].as_array_mut() {
            names.extend(deleting.into_iter().map(Value::from));
            names.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
            response.body = body.to_string().into_bytes().into();
        }
    }
}

fn show(description: &mut Value, status: &str) {
    description["TableStatus"] = status.into();
    if status == "CREATING" {
        for index in description["GlobalSecondaryIndexes"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            index["IndexStatus"] = status.into();
        }
    }
}
