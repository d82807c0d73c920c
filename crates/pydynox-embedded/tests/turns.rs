//! Requests that find the engine at work: they wait without blocking a thread, in turn, and may be given up.
#![allow(clippy::unwrap_used)]

mod support;

use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use pydynox_core::transport::Exchange;
use pydynox_embedded::{after_fork_in_parent, before_fork};
use serde_json::json;
use support::{Engine, at, create, has, item_of, key_of, put, read, request};
use tokio::time::{sleep, timeout};

/// What keeps an engine at work here concerns the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Keeps every engine from coming to an end with what it began: the gate for forks stays closed.
struct Stopped(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Stopped {
    fn now() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        before_fork();
        Self(alone)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        after_fork_in_parent();
    }
}

fn is_pending(exchange: &mut Pin<&mut Exchange<'_>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    exchange.as_mut().poll(&mut context).is_pending()
}

fn filled() -> Engine {
    let engine = at("memory://");
    create(&engine, "users");
    put(&engine, "users", "a");
    engine
}

fn scan(engine: &Engine) -> Exchange<'_> {
    engine.send(request("Scan", &json!({"TableName": "users"})))
}

#[tokio::test]
async fn a_poll_never_waits_for_an_engine_that_is_at_work() {
    let engine = filled();
    let stopped = Stopped::now();
    let mut scan = pin!(scan(&engine));
    assert!(is_pending(&mut scan));

    let mut get = pin!(engine.send(request("GetItem", &key_of("users", "a"))));
    assert!(is_pending(&mut get));
    drop(stopped);

    let (status, answer) = read(&get.await.unwrap());
    assert_eq!((status, &answer["Item"]["id"]["S"]), (200, &json!("a")));
    assert_eq!(read(&scan.await.unwrap()).1["Count"], 1);
}

#[test]
fn a_request_that_found_the_engine_at_work_is_finished_on_the_runtime_it_is_moved_to() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let engine = filled();
    let stopped = Stopped::now();
    let mut scan = pin!(scan(&engine));
    runtime.block_on(async { assert!(is_pending(&mut scan)) });
    let mut get = pin!(engine.send(request("GetItem", &key_of("users", "a"))));
    assert!(is_pending(&mut get));
    drop(stopped);

    runtime.block_on(async {
        let answer = timeout(Duration::from_secs(20), get).await.unwrap();
        assert_eq!(answer.unwrap().status, 200);
        assert_eq!(scan.await.unwrap().status, 200);
    });
}

#[tokio::test]
async fn an_operation_that_takes_long_leaves_the_runtime_free() {
    let engine = filled();
    let stopped = Stopped::now();
    let mut scan = pin!(scan(&engine));

    tokio::select! {
        biased;
        _ = &mut scan => panic!("the engine was to stand still"),
        () = sleep(Duration::from_millis(20)) => {}
    }
    drop(stopped);

    assert_eq!(scan.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_request_that_is_dropped_while_it_waits_for_its_turn_is_never_applied() {
    let engine = filled();
    let stopped = Stopped::now();
    let mut scan = pin!(scan(&engine));
    assert!(is_pending(&mut scan));

    let transaction = json!({"TransactItems": [{"Put": item_of("users", "late")}]});
    for (operation, body) in [
        ("PutItem", item_of("users", "late")),
        ("TransactWriteItems", transaction),
    ] {
        let mut write = Box::pin(engine.send(request(operation, &body)));
        assert!(is_pending(&mut write.as_mut()));
    }
    drop(stopped);
    scan.await.unwrap();

    assert!(!has(&engine, "users", "late"));
}

#[tokio::test]
async fn a_request_whose_caller_leaves_lets_the_next_one_have_its_turn() {
    let engine = filled();
    let stopped = Stopped::now();
    {
        let mut scan = pin!(scan(&engine));
        assert!(is_pending(&mut scan));
    }
    let mut get = pin!(engine.send(request("GetItem", &key_of("users", "a"))));
    assert!(is_pending(&mut get));
    drop(stopped);

    let answer = timeout(Duration::from_secs(20), get).await.unwrap();

    assert_eq!(answer.unwrap().status, 200);
}
