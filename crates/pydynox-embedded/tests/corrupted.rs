//! Damaged bodies: refused, never a panic.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Engine, at, create, put, raw_request, read, wait};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let engine = at("memory://");
    create(&engine, "users");
    put(&engine, "users", "a");
    engine
});

fn bodies() -> Vec<(&'static str, Value)> {
    let key = json!({"id": {"S": "a"}});
    let item = json!({"id": {"S": "a"}, "n": {"N": "12.50"}, "b": {"B": "AAEC"}, "l": {"L": [{"NULL": true}, {"BOOL": false}]},
        "m": {"M": {"x": {"SS": ["a", "b"]}, "y": {"NS": ["1", "2"]}, "z": {"BS": ["AA=="]}}}});
    vec![
        (
            "GetItem",
            json!({"TableName": "users", "Key": key, "ProjectionExpression": "m.x, l[0]", "ConsistentRead": true}),
        ),
        (
            "PutItem",
            json!({"TableName": "users", "Item": item, "ConditionExpression": "attribute_exists(id) AND n < :0",
            "ExpressionAttributeValues": {":0": {"N": "1E2"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
        ),
        (
            "UpdateItem",
            json!({"TableName": "users", "Key": key, "UpdateExpression": "SET #0 = if_not_exists(#0, :0) + :1 REMOVE l[0] ADD s :2",
            "ExpressionAttributeNames": {"#0": "n"}, "ExpressionAttributeValues": {":0": {"N": "0"}, ":1": {"N": "1"}, ":2": {"SS": ["a"]}}}),
        ),
        (
            "DeleteItem",
            json!({"TableName": "users", "Key": key, "ReturnValues": "ALL_OLD"}),
        ),
        (
            "Query",
            json!({"TableName": "users", "KeyConditionExpression": "id = :0", "ExpressionAttributeValues": {":0": {"S": "a"}}, "Limit": 3}),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [{"Get": {"TableName": "users", "Key": key, "ProjectionExpression": "n"}}]}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"TableName": "arn:aws:dynamodb:eu-west-1:1:table/users", "Item": item}}]}),
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {"arn:aws:dynamodb:eu-west-1:1:table/users": {"Keys": [key]}}}),
        ),
        (
            "ExecuteStatement",
            json!({"Statement": "SELECT * FROM \"users\" WHERE id = ?", "Parameters": [{"S": "a"}]}),
        ),
    ]
}

/// What is done to a body: at a place, some bytes are replaced by others.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![
            "\"", "{", "}", "[", "]", ":", "null", "\\ud800", "1e999", "-0", "#0", ":0", "\u{0}"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, bytes), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_body_is_answered_and_the_engine_lives(which in 0_usize..9, damage in damage()) {
        let (operation, body) = &bodies()[which];
        let mut body = body.to_string().into_bytes();
        for (at, length, bytes) in damage {
            let from = at.index(body.len().max(1)).min(body.len());
            let to = (from + length).min(body.len());
            body.splice(from..to, bytes);
        }

        let response = wait(ENGINE.send(raw_request(operation, body))).unwrap();

        let (status, answer) = read(&response);
        prop_assert!(status == 200 || status == 400, "{status} {answer}");
        prop_assert!(answer.is_object());
    }
}
