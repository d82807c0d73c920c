//! Faults: a transport that fails some requests as networks and services occasionally do, for tests of the consequences.

mod plan;
mod unprocessed;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{
    Address, Connections, Exchange, FailureKind, Headers, Operation, Recoverable, Repairing,
    Request, Response, Transport, TransportError, WarmingUp,
};
use crate::clock;
use crate::retry::deadline::Pause;
use crate::wire::{Reader, WireError, Writer};

pub use plan::{Injected, Plan, Rule, Seen};

/// What happens to a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The service refuses with this answer and does nothing else.
    Refuse(Refusal),
    /// No connection is made: nothing is sent.
    Unreachable,
    /// The connection is reset while the request is on its way; the service never sees it.
    Reset,
    /// No answer ever comes, and the service never sees the request.
    Stall,
    /// The request is delayed by this long, then continues to the rules after this one.
    Latency(Duration),
    /// Nothing in a batch is done: all of it is returned as unprocessed.
    AllUnprocessed,
    /// The first half of a batch, rounded down, is done; the rest is returned as unprocessed.
    SomeUnprocessed,
    /// The request is answered, and the connection is reset before the answer has arrived.
    LoseAnswer,
    /// The request is answered, but the answer does not arrive in time.
    TimeOut,
    /// The request is answered, and the connection ends in the middle of the answer.
    Truncate,
    /// The request is answered, and the answer does not match its checksum.
    Corrupt,
    /// The request is answered, and this replaces the answer.
    Replace(Refusal),
}

impl Fault {
    /// Whether it applies only to batches.
    pub fn needs_batch(&self) -> bool {
        matches!(self, Self::AllUnprocessed | Self::SomeUnprocessed)
    }
}

/// An answer that refuses a request.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Refusal {
    /// An error with this code, as the service words it; `members` is JSON text of an object with the body's other members.
    ///
    /// # Errors
    ///
    /// `members` is not a JSON object.
    pub fn new(status: u16, code: &str, message: &str, members: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(members)?;
        reader.begin_object()?;
        let has_members = reader.next_key()?.is_some();
        let start = members.iter().position(|byte| *byte == b'{').unwrap_or(0);
        let mut writer = Writer::with_capacity(128 + members.len());
        writer.raw(br#"{"__type":"#);
        writer.string(&["com.amazonaws.dynamodb.v20120810#", code].concat());
        writer.raw(br#","message":"#);
        writer.string(message);
        if has_members {
            writer.byte(b',');
            writer.raw(&members[start + 1..]);
        } else {
            writer.byte(b'}');
        }
        Ok(Self {
            status,
            body: writer.into_bytes().into(),
        })
    }

    fn response(&self) -> Response {
        Response {
            status: self.status,
            headers: Headers {
                request_id: Some("FAULT".into()),
                content_type: Some("application/x-amz-json-1.0".into()),
                ..Headers::default()
            },
            body: self.body.clone(),
            ..Response::default()
        }
    }
}

/// Wraps a transport and applies a plan's faults to its requests.
pub struct Faulty {
    inner: Arc<dyn Transport>,
    plan: Arc<Plan>,
}

impl Faulty {
    /// A transport that answers as `inner` does unless the plan injects a fault.
    pub fn new(inner: Arc<dyn Transport>, plan: Arc<Plan>) -> Self {
        Self { inner, plan }
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let done = self.plan.decide(&request);
        let mut last = None;
        for (_, fault) in &done {
            match fault {
                Fault::Latency(delay) => {
                    request.progress.hold();
                    Pause::new(*delay).await;
                    if !request.progress.release() {
                        return Err(TransportError::cancelled());
                    }
                }
                other => last = Some(*other),
            }
        }
        let Some(fault) = last else {
            let answer = self.inner.send(request).await;
            self.plan.note(&done, is_applied(&answer));
            return answer;
        };
        // Only the call's deadline or its cancellation ends this wait.
        if matches!(fault, Fault::Stall) {
            self.plan.note(&done, false);
            return stalled().await;
        }
        if let Some(outcome) = before(fault, &request) {
            self.plan.note(&done, false);
            return outcome;
        }
        if matches!(fault, Fault::SomeUnprocessed) {
            return self.do_half(request).await;
        }
        let answer = self.inner.send(request).await;
        self.plan.note(&done, is_applied(&answer));
        after(fault, answer?)
    }

    /// Sends half of a batch and reports the rest as unprocessed.
    async fn do_half(&self, request: Request) -> Result<Response, TransportError> {
        let left_over = unprocessed::member_of(&request.operation);
        let split = left_over
            .and_then(|name| Some((name, unprocessed::split(&request.body)?)))
            .filter(|(_, split)| split.is_split());
        let Some((name, split)) = split else {
            return all_unprocessed(&request).unwrap_or_else(|| Ok(refused_as_no_batch()));
        };
        let half = Request {
            body: split.first().into(),
            ..request
        };
        let mut answer = self.inner.send(half).await?;
        if answer.status == 200 {
            if let Ok(body) = split.with_rest(&answer.body, name) {
                answer.body = body.into();
            }
            // The checksum was that of the answer to the first half.
            answer.headers.crc32 = None;
        }
        Ok(answer)
    }
}

/// Time that passes while nothing happens, in which a deadline may be reached.
const IDLE: Duration = Duration::from_millis(10);

/// Waits for what never comes.
async fn stalled<T>() -> T {
    std::future::poll_fn(|cx| {
        // Nothing else would move a stopped clock, so no deadline would ever come.
        if clock::is_still() {
            clock::advance(IDLE);
            cx.waker().wake_by_ref();
        }
        std::task::Poll::Pending
    })
    .await
}

/// The result for a request that a fault withholds from the service; None if the fault lets it through.
fn before(fault: &Fault, request: &Request) -> Option<Result<Response, TransportError>> {
    let outcome = match fault {
        Fault::Refuse(refusal) => Ok(refusal.response()),
        Fault::Unreachable => Err(TransportError::not_sent(
            FailureKind::Connect,
            "connection refused (a fault of the test)",
        )),
        Fault::Reset => Err(TransportError::maybe_sent(
            FailureKind::Reset,
            "connection reset (a fault of the test)",
        )),
        Fault::AllUnprocessed => {
            all_unprocessed(request).unwrap_or_else(|| Ok(refused_as_no_batch()))
        }
        _ => return None,
    };
    Some(outcome)
}

/// The result for a request that was answered.
fn after(fault: &Fault, answer: Response) -> Result<Response, TransportError> {
    match fault {
        Fault::LoseAnswer => Err(TransportError::maybe_sent(
            FailureKind::Reset,
            "connection reset before the response (a fault of the test)",
        )),
        Fault::TimeOut => Err(TransportError::maybe_sent(
            FailureKind::Timeout,
            "no response for too long (a fault of the test)",
        )),
        Fault::Truncate => Ok(Response {
            body: answer.body.slice(..answer.body.len() / 2),
            truncated: true,
            ..answer
        }),
        Fault::Corrupt => Ok(Response {
            headers: Headers {
                crc32: Some(crc32fast::hash(&answer.body) ^ 1),
                ..answer.headers
            },
            ..answer
        }),
        Fault::Replace(refusal) => Ok(refusal.response()),
        _ => Ok(answer),
    }
}

fn is_applied(answer: &Result<Response, TransportError>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.status == 200)
}

/// The answer to a batch of which nothing was done; None if the request is not a batch.
fn all_unprocessed(request: &Request) -> Option<Result<Response, TransportError>> {
    let body = unprocessed::all(&request.operation, &request.body)?;
    Some(Ok(Response {
        status: 200,
        body: body.into(),
        ..Response::default()
    }))
}

/// The answer when a plan splits a request that is not a batch.
fn refused_as_no_batch() -> Response {
    let body = br#"{"__type":"x#ValidationException","message":"a fault of the test: only batches can be left unprocessed"}"#;
    Response {
        status: 400,
        body: Bytes::from_static(body),
        ..Response::default()
    }
}

impl Transport for Faulty {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.exchange(request))
    }

    fn repair(&self, recoverable: Recoverable) -> Repairing<'_> {
        self.inner.repair(recoverable)
    }

    fn warm_up(&self, connections: usize) -> WarmingUp<'_> {
        self.inner.warm_up(connections)
    }

    fn connections(&self) -> Option<Connections> {
        self.inner.connections()
    }

    fn address(&self, operation: &Operation, table: &str) -> Option<Arc<Address>> {
        self.inner.address(operation, table)
    }

    fn answers_inline(&self, operation: &Operation) -> bool {
        self.plan.only_records() && self.inner.answers_inline(operation)
    }
}
