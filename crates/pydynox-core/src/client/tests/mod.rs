//! The retry loop in virtual time, over a transport that follows a script.

#![allow(clippy::unwrap_used)]

mod ambiguity;
mod attempts;
mod events;
mod inline;
mod limits;
mod metering;
mod repairs;
mod tables;

use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use bytes::Bytes;

use super::config::ClientConfig;
use super::waiter::{Goal, TABLE_WAIT_TIMEOUT, Waiter};
use super::*;
use crate::call::{Intent, Resend};
use crate::retry::policy::Jitter;
use crate::retry::proof::Proof;
use crate::transaction::Transaction;
use crate::transport::{Exchange, FailureKind, Request, Response, TransportError};

const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down","throttlingReasons":[{"reason":"TableWriteMaxOnDemandThroughputExceeded","resource":"arn:aws:dynamodb:eu-west-1:1:table/users"}]}"#;
const GUARD_FAILED: &str = r#"{"__type":"x#ConditionalCheckFailedException","message":"The conditional request failed","Item":{"id":{"S":"a"}}}"#;

/// What the script says about one attempt.
enum Step {
    Answer(Response),
    Fail(TransportError),
    /// Nothing ever comes.
    Silence,
    After(Duration, Box<Step>),
}

/// A transport that answers attempt number `n` (from 0) with `script(n)` and keeps a log.
struct Script {
    steps: Box<dyn Fn(usize) -> Step + Send + Sync>,
    sent: Mutex<Vec<(Instant, Request)>>,
    open: AtomicU32,
}

impl Script {
    fn new(script: impl Fn(usize) -> Step + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            steps: Box::new(script),
            sent: Mutex::default(),
            open: AtomicU32::new(0),
        })
    }

    fn times_sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// Milliseconds between each attempt and the next.
    fn pauses(&self) -> Vec<u128> {
        let sent = self.sent.lock().unwrap();
        sent.windows(2)
            .map(|pair| (pair[1].0 - pair[0].0).as_millis())
            .collect()
    }

    fn bodies(&self) -> Vec<Bytes> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .map(|(_, request)| request.body.clone())
            .collect()
    }

    fn operations(&self) -> Vec<String> {
        self.sent
            .lock()
            .unwrap()
            .iter()
            .map(|(_, request)| request.operation.to_string())
            .collect()
    }
}

/// Counts exchanges that were neither finished nor dropped.
struct Open<'a>(&'a AtomicU32);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Transport for Script {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            self.open.fetch_add(1, Ordering::Relaxed);
            let _open = Open(&self.open);
            let number = {
                let mut sent = self.sent.lock().unwrap();
                sent.push((Instant::now(), request));
                sent.len() - 1
            };
            let mut step = (self.steps)(number);
            loop {
                match step {
                    Step::Answer(response) => return Ok(response),
                    Step::Fail(error) => return Err(error),
                    Step::Silence => std::future::pending().await,
                    Step::After(delay, then) => {
                        Pause::new(delay).await;
                        step = *then;
                    }
                }
            }
        })
    }

    fn answers_inline(&self, operation: &Operation) -> bool {
        *operation == Operation::GetItem
    }
}

fn answer(status: u16, body: &'static str) -> Step {
    let mut response = Response {
        status,
        body: Bytes::from_static(body.as_bytes()),
        ..Response::default()
    };
    response.headers.request_id = Some("REQUEST1".into());
    response.headers.content_type = Some("application/x-amz-json-1.0".into());
    Step::Answer(response)
}

fn with(step: Step, change: impl FnOnce(&mut Response)) -> Step {
    let Step::Answer(mut response) = step else {
        panic!("only an answer can be changed")
    };
    change(&mut response);
    Step::Answer(response)
}

fn served() -> Step {
    answer(200, "{}")
}

fn throttled() -> Step {
    answer(400, THROTTLED)
}

fn internal_error() -> Step {
    answer(
        500,
        r#"{"__type":"x#InternalServerError","message":"sorry"}"#,
    )
}

fn html(status: u16) -> Step {
    with(answer(status, "<html>Bad Gateway</html>"), |response| {
        response.headers.content_type = Some("text/html".into());
        response.headers.request_id = None;
    })
}

fn reset() -> Step {
    Step::Fail(TransportError::maybe_sent(
        FailureKind::Reset,
        "connection reset by peer",
    ))
}

fn stale() -> Step {
    Step::Fail(TransportError::stale("connection reset by peer"))
}

/// Pauses are as long as they can be, so that virtual time can be compared.
fn config() -> ClientConfig {
    ClientConfig {
        jitter: Jitter::new(|| 1.0),
        ..ClientConfig::default()
    }
}

fn client(script: &Arc<Script>) -> Client {
    client_with(script, config())
}

fn client_with(script: &Arc<Script>, config: ClientConfig) -> Client {
    Client::new(script.clone(), config).unwrap()
}

fn call(operation: Operation, resend: Resend) -> Call {
    Call {
        operation,
        table: "users".into(),
        body: Bytes::from_static(b"{\"TableName\":\"users\"}"),
        resend,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: None,
    }
}

fn get() -> Call {
    call(Operation::GetItem, Resend::Always)
}

fn put(resend: Resend) -> Call {
    call(Operation::PutItem, resend)
}

/// Polls once as the border does: on this thread, with no runtime entered.
fn poll_inline<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn table(status: &str) -> Step {
    with(answer(200, ""), |response| {
        response.body = format!(
            r#"{{"Table":{{"TableName":"users","TableStatus":"{status}","ItemCount":0}}}}"#
        )
        .into();
    })
}

fn no_table() -> Step {
    answer(
        400,
        r#"{"__type":"x#ResourceNotFoundException","message":"Requested resource not found"}"#,
    )
}
