//! Answers: the operations on settings, by name.

use serde_json::{Value, json};

use super::backups::{describe_backups, update_backups};
use super::insights::{describe_insights, list_insights, update_insights};
use super::policies::{delete_policy, get_policy, put_policy};
use super::requests::Refusal;
use crate::session::Session;

/// Answers an operation on settings, with the status; none for the others.
pub(crate) fn answer(session: Session<'_>, operation: &str, body: &str) -> Option<(u16, Vec<u8>)> {
    let run: fn(Session<'_>, &Value) -> Result<Value, Refusal> = match operation {
        "DescribeContinuousBackups" => describe_backups,
        "UpdateContinuousBackups" => update_backups,
        "PutResourcePolicy" => put_policy,
        "GetResourcePolicy" => get_policy,
        "DeleteResourcePolicy" => delete_policy,
        "DescribeContributorInsights" => describe_insights,
        "UpdateContributorInsights" => update_insights,
        "ListContributorInsights" => list_insights,
        "DescribeLimits" => |_, _| {
            Ok(json!({
                "AccountMaxReadCapacityUnits": 80_000, "AccountMaxWriteCapacityUnits": 80_000,
                "TableMaxReadCapacityUnits": 40_000, "TableMaxWriteCapacityUnits": 40_000,
            }))
        },
        _ => return None,
    };
    let answer = match serde_json::from_str::<Value>(body) {
        Ok(request) if request.is_object() => run(session, &request),
        _ => Err((
            "com.amazon.coral.service#SerializationException",
            "the body is not a JSON object".to_owned(),
        )),
    };
    Some(match answer {
        Ok(answer) => (200, answer.to_string().into_bytes()),
        Err((kind, message)) => {
            let kind = if kind.contains('#') {
                kind.to_owned()
            } else {
                format!("com.amazonaws.dynamodb.v20120810#{kind}")
            };
            (
                400,
                json!({"__type": kind, "message": message})
                    .to_string()
                    .into_bytes(),
            )
        }
    })
}
