//! Which thread a request runs on, and that nobody waits on a thread that must not.
#![allow(clippy::unwrap_used)]

mod support;

use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use pydynox_core::transport::Operation;
use serde_json::{Value, json};
use support::{at, create, has, item_of, key_of, ok, poll_once, put, read, request};
use tokio::time::timeout;

fn fill(engine: &support::Engine, table: &str, count: usize) {
    let ids: Vec<_> = (0..count).map(|n| n.to_string()).collect();
    for part in ids.chunks(25) {
        let puts: Vec<Value> = part
            .iter()
            .map(|id| json!({"PutRequest": {"Item": {"id": {"S": id}, "text": {"S": "x".repeat(500)}}}}))
            .collect();
        ok(
            engine,
            "BatchWriteItem",
            &json!({"RequestItems": {table: puts}}),
        );
    }
}

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

#[tokio::test]
async fn a_poll_never_waits_for_an_engine_that_is_at_work() {
    let engine = at("memory://");
    create(&engine, "users");
    fill(&engine, "users", 3_000);
    let mut scan = pin!(engine.send(request("Scan", &json!({"TableName": "users"}))));
    let mut context = Context::from_waker(Waker::noop());
    assert!(scan.as_mut().poll(&mut context).is_pending());

    let begun = Instant::now();
    let mut get = pin!(engine.send(request("GetItem", &key_of("users", "7"))));
    let first = get.as_mut().poll(&mut context);
    let waited = begun.elapsed();

    // A scan of these items takes many milliseconds, which the poll must not.
    assert!(first.is_pending());
    assert!(waited < Duration::from_millis(5), "{waited:?}");
    let (status, answer) = read(&get.await.unwrap());
    assert_eq!((status, &answer["Item"]["id"]["S"]), (200, &json!("7")));
    assert_eq!(read(&scan.await.unwrap()).0, 200);
}

#[test]
fn a_request_that_found_the_engine_at_work_is_finished_on_the_runtime_it_is_moved_to() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let engine = at("memory://");
    create(&engine, "users");
    fill(&engine, "users", 3_000);
    let other = engine.clone();
    let scan = runtime.spawn(async move {
        other
            .send(request("Scan", &json!({"TableName": "users"})))
            .await
            .unwrap()
    });
    // The scan takes the engine on a blocking thread and comes back to a runtime that is not driven.
    runtime.block_on(tokio::task::yield_now());
    let mut get = pin!(engine.send(request("GetItem", &key_of("users", "7"))));
    assert!(
        get.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );

    let answer = runtime.block_on(async {
        timeout(Duration::from_secs(20), get)
            .await
            .unwrap()
            .unwrap()
    });

    assert_eq!(answer.status, 200);
    assert_eq!(runtime.block_on(scan).unwrap().status, 200);
}

#[tokio::test]
async fn a_slow_operation_leaves_the_runtime_free() {
    let engine = at("memory://");
    create(&engine, "users");
    fill(&engine, "users", 3_000);

    let scan = engine.send(request("Scan", &json!({"TableName": "users"})));
    let ticks = async {
        let mut ticks = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            ticks += 1;
            if ticks == 3 {
                return;
            }
        }
    };

    tokio::select! {
        biased;
        () = ticks => {}
        _ = scan => panic!("the scan stopped the clock, or the machine is too fast for this test"),
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_waits_for_its_turn_is_never_applied() {
    let engine = at("memory://");
    create(&engine, "users");
    fill(&engine, "users", 3_000);
    let mut context = Context::from_waker(Waker::noop());
    let mut scan = pin!(engine.send(request("Scan", &json!({"TableName": "users"}))));
    assert!(scan.as_mut().poll(&mut context).is_pending());

    for operation in ["PutItem", "TransactWriteItems"] {
        let body = match operation {
            "PutItem" => item_of("users", "late"),
            _ => json!({"TransactItems": [{"Put": item_of("users", "late")}]}),
        };
        let mut write = engine.send(request(operation, &body));
        assert!(write.as_mut().poll(&mut context).is_pending());
        drop(write);
    }
    scan.await.unwrap();

    assert!(!has(&engine, "users", "late"));
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
