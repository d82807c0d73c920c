//! Amazon resource names: accepted in place of table names, and returned with a region that exists.

use std::collections::HashMap;

use memchr::memmem;
use serde_json::{Map, Value};

/// How the engine writes region and account in the resource names that it invents.
const ENGINE_SCOPE: &[u8] = b":dynoxide:000000000000:";
/// How we write them; tools that parse them expect a known region.
const OUR_SCOPE: &[u8] = b":us-east-1:000000000000:";

/// A request with plain table names, and the resource names that they replace.
pub(crate) struct Plain {
    pub(crate) body: String,
    given: HashMap<String, String>,
}

/// Replaces resource names of tables with table names; `None` when there are none.
pub(crate) fn plain(body: &str) -> Option<Plain> {
    // Almost always the only step: one pass over the bytes.
    memmem::find(body.as_bytes(), b":dynamodb:")?;
    let Ok(Value::Object(mut request)) = serde_json::from_str(body) else {
        return None;
    };
    let mut given = HashMap::new();
    let mut changed = replace_name(&mut request);
    changed |= replace_keys(&mut request, &mut given);
    changed |= replace_in_transaction(&mut request);
    changed |= replace_start(&mut request);
    if !changed {
        return None;
    }
    let body = serde_json::to_string(&request).ok()?;
    Some(Plain { body, given })
}

impl Plain {
    /// Names the tables of a batch's answer as the request did.
    pub(crate) fn as_given(&self, answer: Vec<u8>) -> Vec<u8> {
        if self.given.is_empty() {
            return answer;
        }
        let Ok(Value::Object(mut parsed)) = serde_json::from_slice(&answer) else {
            return answer;
        };
        for member in [
            "Responses",
            "UnprocessedKeys",
            "UnprocessedItems",
            "ItemCollectionMetrics",
        ] {
            if let Some(Value::Object(tables)) = parsed.get_mut(member) {
                *tables = std::mem::take(tables)
                    .into_iter()
                    .map(|(name, value)| (self.given.get(&name).cloned().unwrap_or(name), value))
                    .collect();
            }
        }
        serde_json::to_vec(&parsed).unwrap_or(answer)
    }
}

/// Gives the resource names in an answer a region that exists.
pub(crate) fn with_real_region(operation: &str, answer: Vec<u8>) -> Vec<u8> {
    match operation {
        "CreateTable" | "DescribeTable" | "UpdateTable" | "DeleteTable" | "ListStreams"
        | "DescribeStream" => replace_all(answer, ENGINE_SCOPE, OUR_SCOPE),
        // The items in it are the user's: only what cannot occur inside a JSON string.
        "GetRecords" => replace_all(
            answer,
            br#""awsRegion":"dynoxide""#,
            br#""awsRegion":"us-east-1""#,
        ),
        _ => answer,
    }
}

fn replace_all(text: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let finder = memmem::Finder::new(from);
    let mut result = Vec::new();
    let mut copied = 0;
    for at in finder.find_iter(&text) {
        result.extend_from_slice(&text[copied..at]);
        result.extend_from_slice(to);
        copied = at + from.len();
    }
    if copied == 0 {
        return text;
    }
    result.extend_from_slice(&text[copied..]);
    result
}

/// The table of `arn:<partition>:dynamodb:<region>:<account>:table/<name>`.
fn table_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, _, service) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.nth(2)?.strip_prefix("table/")?;
    (scheme == "arn" && service == "dynamodb" && !name.contains('/')).then_some(name)
}

fn replace_name(holder: &mut Map<String, Value>) -> bool {
    let Some(Value::String(name)) = holder.get_mut("TableName") else {
        return false;
    };
    let Some(table) = table_of(name) else {
        return false;
    };
    *name = table.to_owned();
    true
}

fn replace_keys(request: &mut Map<String, Value>, given: &mut HashMap<String, String>) -> bool {
    let Some(Value::Object(tables)) = request.get_mut("RequestItems") else {
        return false;
    };
    // A table that is named both ways stays as it is: the engine refuses the resource name.
    let renamed: Vec<_> = tables
        .keys()
        .filter_map(|arn| Some((arn.clone(), table_of(arn)?.to_owned())))
        .filter(|(_, name)| !tables.contains_key(name))
        .collect();
    for (arn, name) in &renamed {
        if let Some(value) = tables.remove(arn) {
            tables.insert(name.clone(), value);
            given.insert(name.clone(), arn.clone());
        }
    }
    !renamed.is_empty()
}

fn replace_in_transaction(request: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(entries)) = request.get_mut("TransactItems") else {
        return false;
    };
    let mut changed = false;
    for action in entries
        .iter_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
    {
        changed |= replace_name(action);
    }
    changed
}

/// The engine compares this one with the names that it invents.
fn replace_start(request: &mut Map<String, Value>) -> bool {
    let Some(Value::String(start)) = request.get_mut("ExclusiveStartStreamArn") else {
        return false;
    };
    let bytes = replace_all(start.as_bytes().to_vec(), OUR_SCOPE, ENGINE_SCOPE);
    match String::from_utf8(bytes) {
        Ok(text) => *start = text,
        Err(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/users";

    fn rewritten(body: &str) -> Option<Value> {
        plain(&body.replace("ARN", ARN)).map(|plain| serde_json::from_str(&plain.body).unwrap())
    }

    #[test]
    fn a_resource_name_is_replaced_wherever_a_table_is_named() {
        let item = rewritten(r#"{"TableName":"ARN","Key":{"id":{"S":"ARN"}}}"#).unwrap();
        assert_eq!(item["TableName"], "users");
        assert_eq!(item["Key"]["id"]["S"], ARN);

        let batch = rewritten(r#"{"RequestItems":{"ARN":{"Keys":[]},"b":{}}}"#).unwrap();
        assert!(batch["RequestItems"]["users"]["Keys"].is_array());

        let transaction = rewritten(
            r#"{"TransactItems":[{"Get":{"TableName":"ARN"}},{"Put":{"TableName":"b"}}]}"#,
        )
        .unwrap();
        assert_eq!(transaction["TransactItems"][0]["Get"]["TableName"], "users");
    }

    #[test]
    fn a_body_without_the_resource_name_of_a_table_is_left_alone() {
        assert!(rewritten(r#"{"TableName":"users","Item":{"x":{"S":"ARN"}}}"#).is_none());
        assert!(rewritten(r#"{"TableName":"ARN/index/x"}"#).is_none());
        assert!(rewritten(r#"{"TableName":"ARN""#).is_none());
        assert!(rewritten(r#"["ARN"]"#).is_none());
    }

    #[test]
    fn only_resource_names_of_tables_name_tables() {
        assert_eq!(table_of(ARN), Some("users"));
        assert_eq!(
            table_of("arn:aws-cn:dynamodb:cn-north-1:1:table/a.b"),
            Some("a.b")
        );
        for other in [
            "users",
            "arn:aws:s3:::table/users",
            "arn:aws:dynamodb:eu-west-1:1",
            "arn:aws:dynamodb:eu-west-1:1:backup/x",
        ] {
            assert_eq!(table_of(other), None, "{other}");
        }
    }

    #[test]
    fn an_answer_is_rewritten_only_where_the_engine_made_the_name() {
        let text = b"\"arn:aws:dynamodb:dynoxide:000000000000:table/users\"".to_vec();

        assert_eq!(
            with_real_region("DescribeTable", text.clone()),
            b"\"arn:aws:dynamodb:us-east-1:000000000000:table/users\""
        );
        assert_eq!(with_real_region("GetItem", text.clone()), text);
    }
}
