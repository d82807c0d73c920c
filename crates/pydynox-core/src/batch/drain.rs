//! One request of a batch, and the retries for its unprocessed part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::{Answer, Call, Intent, Resend};
use crate::client::Client;
use crate::client::tracing::about;
use crate::error::{Error, ErrorKind};
use crate::events::{About, Details, Kind, Trace};
use crate::operation::{batch_get_item, batch_write_item, parts};
use crate::retry::deadline::{Deadline, Pause};
use crate::retry::policy::{Class, Jitter, backoff};
use crate::transport::{Operation, Progress};
use crate::wire::WireError;

/// The outcome of a request and of the retries for its unprocessed part.
pub(super) struct Outcome {
    pub(super) answers: Vec<Answer>,
    /// What was unprocessed at the end, or requested by the call that failed, in the form of `RequestItems`; `None` is nothing
    /// or, with an error, all of it.
    pub(super) left: Option<Bytes>,
    pub(super) error: Option<Error>,
}

/// Sends a request, then its unprocessed part again with growing pauses, until the deadline.
pub(super) async fn drain(
    client: &Client,
    operation: Operation,
    body: Bytes,
    deadline: Deadline,
    progress: Progress,
) -> Outcome {
    let trace = client.trace();
    let Some(trace) = trace.filter(|trace| trace.wanted().contains(Kind::BatchFlushed)) else {
        return send(client, operation, body, deadline, progress).await;
    };
    let about = Arc::new(about(&operation, &"".into(), &body, false));
    trace.batch_started(&about);
    let batch = Batch {
        trace: trace.clone(),
        about,
        began: Instant::now(),
    };
    let calls = client.clone().part_of(batch.about.number);
    let outcome = send(&calls, operation, body, deadline, progress).await;
    batch.ended(|| flushed(&batch.about, &outcome, batch.began.elapsed()));
    outcome
}

/// A batch that is traced. Dropped before its end, it was cancelled.
struct Batch {
    trace: Arc<Trace>,
    about: Arc<About>,
    began: Instant,
}

impl Batch {
    fn ended(&self, details: impl FnOnce() -> Details) {
        self.trace.ended(Kind::BatchFlushed, &self.about, details);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Ignored if it has ended.
        self.ended(|| Details {
            elapsed: Some(self.began.elapsed()),
            ..Details::default()
        });
    }
}

fn flushed(about: &About, outcome: &Outcome, elapsed: Duration) -> Details {
    let all = about.size.unwrap_or_default();
    let left = match (&outcome.left, &outcome.error) {
        (Some(left), _) => {
            let body = [br#"{"RequestItems":"#, &left[..], b"}"].concat();
            parts::of(&body).map_or(all, |parts| parts.count)
        }
        (None, Some(_)) => all,
        (None, None) => 0,
    };
    Details {
        elapsed: Some(elapsed),
        attempt: u32::try_from(outcome.answers.len()).ok(),
        items: Some(all.saturating_sub(left) as u64),
        unprocessed: Some(left as u64),
        error: outcome.error.clone(),
        ..Details::default()
    }
}

async fn send(
    client: &Client,
    operation: Operation,
    body: Bytes,
    deadline: Deadline,
    progress: Progress,
) -> Outcome {
    let mut outcome = Outcome {
        answers: Vec::new(),
        left: None,
        error: None,
    };
    let reads = operation == Operation::BatchGetItem;
    let mut body = body;
    let mut retry = 0;
    loop {
        let call = Call {
            operation: operation.clone(),
            table: "".into(),
            body: body.clone(),
            resend: Resend::Always,
            intent: Intent::Plain,
            proof: None,
            own_token: None,
            timeout: Some(deadline.left().unwrap_or(Duration::MAX)),
        };
        let answer = match client.call_tracked(call, progress.clone()).await {
            Ok(answer) => answer,
            // Earlier answers are not lost when a read runs out of time.
            Err(error) if reads && retry > 0 && error.kind() == &ErrorKind::Timeout => {
                return outcome;
            }
            Err(error) => {
                outcome.error = Some(error);
                return outcome;
            }
        };
        let left = if reads {
            batch_get_item::left(&answer.body)
        } else {
            batch_write_item::unprocessed(&answer.body)
        };
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                outcome.error = Some(unreadable(&error).with_ambiguous(!reads));
                return outcome;
            }
        };
        outcome.left = left.map(|range| answer.body.slice(range));
        outcome.answers.push(answer);
        // A part of it is done, no matter what happens to the rest.
        progress.attempted(true);
        let Some(left) = &outcome.left else {
            return outcome;
        };
        let pause = pause_before(retry, &client.config().jitter);
        retry += 1;
        if !deadline.allows(pause) {
            return outcome;
        }
        body = [br#"{"RequestItems":"#, &left[..], b"}"].concat().into();
        Pause::new(pause).await;
        // A pause may last longer than requested.
        if !deadline.allows(Duration::ZERO) {
            return outcome;
        }
    }
}

/// The pause before unprocessed items are sent again.
fn pause_before(retry: u32, jitter: &Jitter) -> Duration {
    backoff(Class::Transient, retry.saturating_add(1), None, jitter)
}

pub(super) fn unreadable(error: &WireError) -> Error {
    Error::new(
        ErrorKind::InvalidResponse,
        format!("the response cannot be read: {error}"),
    )
}
