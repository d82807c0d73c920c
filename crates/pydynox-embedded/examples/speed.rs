//! Measures the embedded engine behind the seam, JSON both ways: `cargo run --release -p pydynox-embedded --example speed`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::env::args;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pydynox_core::transport::{Operation, Progress, Request, Transport};
use pydynox_embedded::{Location, open};
use serde_json::{Value, json};

const ROUNDS: usize = 4_000;
const BATCHES: usize = 7;

fn main() {
    let url = args().nth(1).unwrap_or_else(|| "memory://".to_owned());
    let engine = open(&Location::parse(&url).unwrap().unwrap()).unwrap();
    let table = json!({
        "TableName": "speed", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    });
    send(&engine, &request("CreateTable", &table));

    let ids = || (0..ROUNDS).map(|n| format!("user{n:06}"));
    let put = |id: String| request("PutItem", &json!({"TableName": "speed", "Item": item(&id)}));
    let create = |id: String| {
        let body = json!({
            "TableName": "speed", "Item": item(&id), "ConditionExpression": "attribute_not_exists(id)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        request("PutItem", &body)
    };
    let get = |id: String| {
        request(
            "GetItem",
            &json!({"TableName": "speed", "Key": {"id": {"S": id}}}),
        )
    };
    let update = |id: String| {
        let body = json!({
            "TableName": "speed", "Key": {"id": {"S": id}}, "UpdateExpression": "SET age = :0",
            "ConditionExpression": "attribute_exists(id)", "ExpressionAttributeValues": {":0": {"N": "42"}},
        });
        request("UpdateItem", &body)
    };
    report("create", &engine, &ids().map(create).collect::<Vec<_>>());
    report("put", &engine, &ids().map(put).collect::<Vec<_>>());
    report("get", &engine, &ids().map(get).collect::<Vec<_>>());
    report("update", &engine, &ids().map(update).collect::<Vec<_>>());
}

fn item(id: &str) -> Value {
    json!({
        "id": {"S": id}, "name": {"S": "Ann Example"}, "age": {"N": "41"}, "active": {"BOOL": true},
        "email": {"S": "ann@example.com"}, "score": {"N": "12.75"}, "note": {"NULL": true},
        "tags": {"SS": ["a", "b", "c"]}, "address": {"M": {"city": {"S": "Ulm"}, "zip": {"S": "89073"}}},
        "visits": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]}, "blob": {"B": "AAECAwQFBgc="}, "text": {"S": "x".repeat(120)},
    })
}

fn request(operation: &str, body: &Value) -> Request {
    Request {
        operation: Operation::from_name(operation),
        table: "".into(),
        progress: Progress::default(),
        body: Bytes::from(body.to_string()),
    }
}

fn send(engine: &Arc<dyn Transport>, request: &Request) {
    let mut exchange = pin!(engine.send(request.clone()));
    let Poll::Ready(answer) = exchange
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("nobody else is here");
    };
    let answer = answer.unwrap();
    assert!(answer.status == 200 || answer.status == 400);
}

fn report(name: &str, engine: &Arc<dyn Transport>, requests: &[Request]) {
    let mut times: Vec<Duration> = (0..BATCHES)
        .map(|_| {
            let begun = Instant::now();
            for request in requests {
                send(engine, request);
            }
            begun.elapsed() / u32::try_from(requests.len()).unwrap()
        })
        .collect();
    let first = times[0];
    times.sort();
    println!(
        "{name:>8}: first {first:?}, best {:?}, median {:?}",
        times[0],
        times[BATCHES / 2]
    );
}
