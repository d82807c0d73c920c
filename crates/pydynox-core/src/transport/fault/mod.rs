//! Faults: a transport that fails some requests as networks and services occasionally do, for tests of the consequences.

mod unprocessed;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::{
    Connections, Exchange, FailureKind, Headers, Operation, Recoverable, Repairing, Request,
    Response, Transport, TransportError, WarmingUp,
};
use crate::retry::deadline::Pause;
use crate::wire::{Reader, WireError, Writer};

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

/// Which requests a fault applies to.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The operation; None matches any.
    pub operation: Option<Operation>,
    /// A table that the request must name, as it is sent; None matches any.
    pub table: Option<Box<str>>,
    /// Number of requests to let through first.
    pub skip: u64,
    /// Number of requests that it applies to; None means all that follow.
    pub times: Option<u64>,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    fn matches(&self, request: &Request) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|operation| *operation == request.operation)
            && self.table.as_deref().is_none_or(|table| {
                // A batch or a transaction has no single table; its body names them.
                *request.table == *table
                    || unprocessed::tables(&request.body)
                        .is_ok_and(|tables| tables.iter().any(|named| named == table))
            })
    }
}

/// A fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// Zero-based position of its rule.
    pub rule: usize,
    /// The request's operation.
    pub operation: Operation,
    /// The request's table, where it has one.
    pub table: Arc<str>,
    /// Zero-based number of the request among all that were sent.
    pub request: usize,
    /// Whether the request was applied; None while that is unknown, or where only a part of it was.
    pub applied: Option<bool>,
}

/// Rules, their progress, and the faults injected so far: shared by the transport and its observers.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<Rule>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By rule, the number of requests that it matched.
    counts: Vec<u64>,
    requests: Vec<Operation>,
    injected: Vec<Injected>,
}

impl Plan {
    /// A plan with these rules. The first rule that is neither skipping nor exhausted applies to a request; the rules after it do
    /// not count that request.
    pub fn new(rules: Vec<Rule>) -> Self {
        let state = State {
            counts: vec![0; rules.len()],
            requests: Vec::new(),
            injected: Vec::new(),
        };
        Self {
            rules,
            state: Mutex::new(state),
        }
    }

    /// The faults injected so far.
    pub fn injected(&self) -> Vec<Injected> {
        self.lock().injected.clone()
    }

    /// The operations of all requests received; each attempt counts.
    pub fn requests(&self) -> Vec<Operation> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults for this request: delays, then at most one other. Each with its position in the list of injected faults.
    fn decide(&self, request: &Request) -> Vec<(usize, &Fault)> {
        let mut state = self.lock();
        let number = state.requests.len();
        state.requests.push(request.operation.clone());
        let mut chosen = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            if !rule.matches(request) {
                continue;
            }
            let count = state.counts[place];
            state.counts[place] += 1;
            if count < rule.skip || rule.times.is_some_and(|times| count - rule.skip >= times) {
                continue;
            }
            chosen.push((state.injected.len(), &rule.fault));
            state.injected.push(Injected {
                rule: place,
                operation: request.operation.clone(),
                table: request.table.clone(),
                request: number,
                applied: None,
            });
            if !matches!(rule.fault, Fault::Latency(_)) {
                break;
            }
        }
        chosen
    }

    fn note(&self, done: &[(usize, &Fault)], applied: bool) {
        let mut state = self.lock();
        for (place, _) in done {
            state.injected[*place].applied = Some(applied);
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
            return std::future::pending().await;
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
}
