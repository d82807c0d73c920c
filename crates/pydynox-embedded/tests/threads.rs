//! Which requests are inline, threads that work at once, and engines that are shared by name.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Barrier;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use pydynox_core::transport::Operation;
use serde_json::json;
use support::{at, create, has, item_of, key_of, ok, poll_once, put, request};

#[test]
fn only_quick_operations_in_memory_are_inline() {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("file://{}/x.db", directory.path().display());
    let inline = |url: &str| {
        let engine = at(url);
        move |operation: &str| engine.answers_inline(&Operation::from_name(operation))
    };
    let (memory, slow, file) = (
        inline("memory://"),
        inline("memory://?latency=1"),
        inline(&file),
    );

    for operation in [
        "GetItem",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "CreateTable",
        "DescribeTable",
        "ListTables",
    ] {
        assert!(memory(operation), "{operation}");
        assert!(!slow(operation) && !file(operation), "{operation}");
    }
    for operation in [
        "Query",
        "Scan",
        "BatchGetItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "UpdateTable",
        "ExecuteStatement",
    ] {
        assert!(!memory(operation), "{operation}");
    }
}

#[test]
fn an_inline_request_is_ready_at_its_first_poll_outside_of_any_runtime() {
    let engine = at("memory://");
    create(&engine, "users");

    let put = poll_once(engine.send(request("PutItem", &item_of("users", "a"))));

    assert!(matches!(put, Poll::Ready(Ok(response)) if response.status == 200));
}

#[test]
fn nothing_happens_before_a_request_is_polled() {
    let engine = at("memory://");
    create(&engine, "users");

    drop(engine.send(request("PutItem", &item_of("users", "a"))));

    assert!(!has(&engine, "users", "a"));
}

#[tokio::test(start_paused = true)]
async fn latency_holds_every_request_back() {
    let engine = at("memory://?latency=250");
    let begun = tokio::time::Instant::now();

    let answer = engine
        .send(request("ListTables", &json!({})))
        .await
        .unwrap();

    assert_eq!(answer.status, 200);
    assert_eq!(begun.elapsed(), Duration::from_millis(250));
}

#[test]
fn threads_that_write_at_once_lose_nothing() {
    const THREADS: usize = 4;
    const WRITES: usize = 200;
    let engine = at("memory://");
    create(&engine, "users");
    let start = Barrier::new(THREADS);

    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, start) = (&engine, &start);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                start.wait();
                for n in 0..WRITES {
                    let body = json!({
                        "TableName": "users", "Key": {"id": {"S": "total"}}, "UpdateExpression": "ADD hits :0",
                        "ExpressionAttributeValues": {":0": {"N": "1"}},
                    });
                    let write = engine.send(request("UpdateItem", &body));
                    assert_eq!(runtime.block_on(write).unwrap().status, 200);
                    if n % 20 == thread {
                        let scan = engine.send(request("Scan", &json!({"TableName": "users"})));
                        assert_eq!(runtime.block_on(scan).unwrap().status, 200);
                    }
                }
            });
        }
    });

    let total = ok(&engine, "GetItem", &key_of("users", "total"));
    assert_eq!(total["Item"]["hits"]["N"], (THREADS * WRITES).to_string());
}

#[test]
fn equal_names_share_an_engine_and_private_ones_do_not() {
    let (one, two, other) = (
        at("memory://shared"),
        at("memory://shared?latency=0"),
        at("memory://other"),
    );
    let (private, another) = (at("memory://"), at("memory://"));
    create(&one, "users");
    create(&private, "users");
    put(&one, "users", "a");

    assert!(has(&two, "users", "a"));
    for engine in [&other, &another] {
        assert_eq!(
            ok(engine, "ListTables", &json!({}))["TableNames"],
            json!([])
        );
    }
}

#[test]
fn the_last_user_of_a_name_closes_it() {
    let (one, two) = (at("memory://closing"), at("memory://closing"));
    create(&one, "users");
    drop(one);
    assert_eq!(
        ok(&two, "ListTables", &json!({}))["TableNames"],
        json!(["users"])
    );
    drop(two);

    let fresh = at("memory://closing");

    assert_eq!(
        ok(&fresh, "ListTables", &json!({}))["TableNames"],
        json!([])
    );
}
