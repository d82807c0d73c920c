//! A transport that does to some requests what networks and services do now and then, for tests of what happens then.

mod unprocessed;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::{
    Exchange, FailureKind, Headers, Operation, Recoverable, Repairing, Request, Response,
    Transport, TransportError,
};
use crate::retry::deadline::Pause;
use crate::wire::{Reader, WireError, Writer};

/// What is done to a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The service answers so and does nothing else.
    Refuse(Refusal),
    /// No connection: nothing is sent.
    Unreachable,
    /// The connection is reset while the request is on its way; the service never sees it.
    Reset,
    /// Nothing ever comes, and the service never sees the request.
    Stall,
    /// The request waits so long, and goes on to the rules after this one.
    Latency(Duration),
    /// Of a batch nothing is done: all of it is left over.
    AllUnprocessed,
    /// Of a batch the first half, rounded down, is done; the rest is left over.
    SomeUnprocessed,
    /// The request is answered, and the connection is reset before the answer is here.
    LoseAnswer,
    /// The request is answered, and nothing comes for too long.
    TimeOut,
    /// The request is answered, and the connection ends in the middle of the answer.
    Truncate,
    /// The request is answered, and the answer does not match its checksum.
    Corrupt,
    /// The request is answered, and this comes in the place of the answer.
    Replace(Refusal),
}

impl Fault {
    /// Whether it can only be done to a batch.
    pub fn needs_batch(&self) -> bool {
        matches!(self, Self::AllUnprocessed | Self::SomeUnprocessed)
    }
}

/// An answer that says no.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Refusal {
    /// The error of this code, as the service words it; `members` is JSON text of an object with what else the body has.
    ///
    /// # Errors
    ///
    /// `members` is no JSON object.
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

/// Which requests a fault is done to.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The operation; None is any.
    pub operation: Option<Operation>,
    /// A table that the request must name, as it is sent; None is any.
    pub table: Option<Box<str>>,
    /// How many requests pass first.
    pub skip: u64,
    /// How many requests it is done to; None is all that follow.
    pub times: Option<u64>,
    /// What is done.
    pub fault: Fault,
}

impl Rule {
    fn matches(&self, request: &Request) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|operation| *operation == request.operation)
            && self.table.as_deref().is_none_or(|table| {
                *request.table == *table
                    || unprocessed::tables(&request.body)
                        .is_ok_and(|tables| tables.iter().any(|named| named == table))
            })
    }
}

/// One fault that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The place of its rule.
    pub rule: usize,
    /// To which operation.
    pub operation: Operation,
    /// Of which table, where the request is of one.
    pub table: Arc<str>,
    /// The number of the request, counted from 0 over all that were sent.
    pub request: usize,
    /// Whether the request was applied; None while that is not known, or where only a part of it was.
    pub applied: Option<bool>,
}

/// Rules, how far they have come, and what was done: shared by the transport and whoever looks.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<Rule>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By rule, how many requests it was asked about.
    counts: Vec<u64>,
    requests: Vec<Operation>,
    injected: Vec<Injected>,
}

impl Plan {
    /// A plan of these rules. A request is done to what the first rule says that is neither skipping nor used up; the rules after
    /// it do not count that request.
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

    /// What was done so far.
    pub fn injected(&self) -> Vec<Injected> {
        self.lock().injected.clone()
    }

    /// The operations of all requests that came by, attempts counted one by one.
    pub fn requests(&self) -> Vec<Operation> {
        self.lock().requests.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do with this request: some waiting, then perhaps one thing more. Each with its place in the list of what was done.
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

/// Wraps a transport and does to its requests what a plan says.
pub struct Faulty {
    inner: Arc<dyn Transport>,
    plan: Arc<Plan>,
}

impl Faulty {
    /// A transport that answers as `inner` does where the plan says nothing.
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

    /// Passes half of a batch on and says that the rest was left over.
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
            answer.headers.crc32 = None;
        }
        Ok(answer)
    }
}

/// What comes of a request that a fault keeps from the service; None where it is not kept from it.
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

/// What comes of a request that was answered.
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

/// The answer to a batch of which nothing was done; None where it is no batch.
fn all_unprocessed(request: &Request) -> Option<Result<Response, TransportError>> {
    let body = unprocessed::all(&request.operation, &request.body)?;
    Some(Ok(Response {
        status: 200,
        body: body.into(),
        ..Response::default()
    }))
}

/// The answer where a plan wants to leave a part over of what has no parts.
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
}
