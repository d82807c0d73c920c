//! What the tests of the embedded engine share: sending one request, and reading its answer.
#![allow(dead_code, clippy::unwrap_used)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::yield_now;

use bytes::Bytes;
use pydynox_core::transport::{Operation, Progress, Request, Response, Transport, TransportError};
use pydynox_embedded::{Location, open};
use serde_json::{Value, json};

pub(crate) type Engine = Arc<dyn Transport>;

/// Opens a URL of the embedded engine.
pub(crate) fn at(url: &str) -> Engine {
    open(&Location::parse(url).unwrap().unwrap()).unwrap()
}

pub(crate) fn request(operation: &str, body: &Value) -> Request {
    raw_request(operation, body.to_string().into_bytes())
}

pub(crate) fn raw_request(operation: &str, body: Vec<u8>) -> Request {
    Request {
        operation: Operation::from_name(operation),
        table: "".into(),
        progress: Progress::default(),
        body: Bytes::from(body),
    }
}

/// Polls a future on this thread until it is ready.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    // A task that polls in a loop never gives its budget back.
    let mut future = pin!(tokio::task::unconstrained(future));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        yield_now();
    }
}

/// Polls a future once on this thread, as the border does.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn try_call(
    engine: &Engine,
    operation: &str,
    body: &Value,
) -> Result<Response, TransportError> {
    wait(engine.send(request(operation, body)))
}

/// Sends a request; gives the status and the body of the answer.
pub(crate) fn call(engine: &Engine, operation: &str, body: &Value) -> (u16, Value) {
    read(&try_call(engine, operation, body).unwrap())
}

pub(crate) fn read(response: &Response) -> (u16, Value) {
    (
        response.status,
        serde_json::from_slice(&response.body).unwrap(),
    )
}

/// Sends a request that must succeed.
pub(crate) fn ok(engine: &Engine, operation: &str, body: &Value) -> Value {
    let (status, answer) = call(engine, operation, body);
    assert_eq!(status, 200, "{operation}: {answer}");
    answer
}

/// Creates a table whose partition key is `id`.
pub(crate) fn create(engine: &Engine, table: &str) -> Value {
    ok(engine, "CreateTable", &table_of(table))
}

pub(crate) fn table_of(table: &str) -> Value {
    json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    })
}

pub(crate) fn put(engine: &Engine, table: &str, id: &str) {
    ok(engine, "PutItem", &item_of(table, id));
}

pub(crate) fn item_of(table: &str, id: &str) -> Value {
    json!({"TableName": table, "Item": {"id": {"S": id}}})
}

pub(crate) fn key_of(table: &str, id: &str) -> Value {
    json!({"TableName": table, "Key": {"id": {"S": id}}})
}

pub(crate) fn has(engine: &Engine, table: &str, id: &str) -> bool {
    !ok(engine, "GetItem", &key_of(table, id))["Item"].is_null()
}
