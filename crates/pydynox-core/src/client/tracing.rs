//! Tracing of a call that something observes: its events, from its start to its end.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::call::{Answer, Call};
use crate::error::{Error, ErrorKind};
use crate::events::{About, Details, Kind, Kinds, Trace};
use crate::operation::{parts, read_request};
use crate::retry::classify::Failed;
use crate::transport::{Address, Operation, Progress};

/// One call that is traced. Dropped before its end, it was cancelled.
pub(super) struct Tracing {
    trace: Arc<Trace>,
    about: Arc<About>,
    began: Instant,
    attempt_began: Instant,
}

/// What is known of a request before it is sent; `holds_bodies`: its body is kept.
pub(crate) fn about(
    operation: &Operation,
    table: &Arc<str>,
    body: &Bytes,
    holds_bodies: bool,
) -> About {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut about = About {
        number: NEXT.fetch_add(1, Ordering::Relaxed),
        operation: operation.clone(),
        tables: Vec::new(),
        index: None,
        size: None,
        batch: None,
        request_size: body.len(),
        request: holds_bodies.then(|| body.clone()),
    };
    if !table.is_empty() {
        about.tables.push(table.clone());
    }
    // A body that cannot be read is refused by the service.
    match operation {
        Operation::Query | Operation::Scan => {
            about.index = read_request::index(body).unwrap_or_default();
        }
        Operation::BatchGetItem
        | Operation::BatchWriteItem
        | Operation::TransactGetItems
        | Operation::TransactWriteItems
        | Operation::BatchExecuteStatement
        | Operation::ExecuteTransaction => {
            let parts = parts::of(body).unwrap_or_default();
            about.size = Some(parts.count);
            about.tables.extend(parts.tables);
        }
        _ => {}
    }
    about
}

impl Tracing {
    pub(super) fn begin(trace: &Arc<Trace>, call: &Call, batch: Option<NonZeroU64>) -> Self {
        let holds_bodies = trace.wanted().covers(Kinds::BODIES);
        let about = Arc::new(About {
            batch,
            ..about(&call.operation, &call.table, &call.body, holds_bodies)
        });
        trace.started(&about, Details::default());
        let now = Instant::now();
        Self {
            trace: trace.clone(),
            about,
            began: now,
            attempt_began: now,
        }
    }

    pub(super) fn attempting(&mut self, progress: &Progress) {
        if let Some(time) = progress.connection_time() {
            time.reset();
        }
        self.attempt_began = Instant::now();
    }

    pub(super) fn attempted<'p>(
        &self,
        number: u32,
        outcome: Result<&Answer, &Failed>,
        connection: impl FnOnce() -> (Option<Arc<Address>>, &'p Progress),
    ) {
        let is_repeated = outcome.is_err() || number > 1;
        self.trace.attempted(&self.about, is_repeated, || {
            let outcome = outcome.map_err(|failed| &failed.error);
            let (address, progress) = connection();
            Details {
                elapsed: Some(self.attempt_began.elapsed()),
                attempt: Some(number),
                address,
                ..of_connection(progress, of_outcome(outcome))
            }
        });
    }

    pub(super) fn throttled(&self, number: u32, error: &Error) {
        self.trace.note(Kind::Throttled, &self.about, || Details {
            attempt: Some(number),
            ..of_outcome(Err(error))
        });
    }

    pub(super) fn planned(&self, next: u32, pause: Duration) {
        self.trace
            .note(Kind::RetryPlanned, &self.about, || Details {
                elapsed: Some(self.began.elapsed()),
                attempt: Some(next),
                pause: Some(pause),
                ..Details::default()
            });
    }

    /// The call ended. `consumed` are read and write units.
    pub(super) fn ended(
        &self,
        attempts: u32,
        outcome: Result<&Answer, &Error>,
        consumed: Option<(f64, f64)>,
        (address, progress): (Option<Arc<Address>>, &Progress),
    ) {
        let holds_bodies = self.trace.wanted().covers(Kinds::BODIES);
        let page = outcome.ok().and_then(|answer| self.page(answer));
        if let Some((items, scanned)) = page {
            self.trace.note(Kind::PageRead, &self.about, || Details {
                elapsed: Some(self.began.elapsed()),
                items: Some(items),
                scanned: Some(scanned),
                ..of_outcome(outcome)
            });
        }
        self.trace.ended(Kind::CallEnded, &self.about, || Details {
            elapsed: Some(self.began.elapsed()),
            attempt: Some(attempts),
            read_units: consumed.map(|(read, _)| read),
            write_units: consumed.map(|(_, write)| write),
            response: outcome
                .ok()
                .filter(|_| holds_bodies)
                .map(|answer| answer.body.clone()),
            items: page.map(|(items, _)| items),
            scanned: page.map(|(_, scanned)| scanned),
            address,
            ..of_connection(progress, of_outcome(outcome))
        });
    }

    /// The rows of a page, and how many were examined for it, if that is wanted: it takes a pass over the body.
    fn page(&self, answer: &Answer) -> Option<(u64, u64)> {
        let is_page = matches!(answer.operation, Operation::Query | Operation::Scan);
        if !is_page || !self.trace.wanted().contains(Kind::PageRead) {
            return None;
        }
        let framed = read_request::frame(&answer.body).ok()?;
        Some((framed.count, framed.scanned))
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        // Ignored if the call has ended.
        self.trace
            .ended(Kind::CallCancelled, &self.about, || Details {
                elapsed: Some(self.began.elapsed()),
                ..Details::default()
            });
    }
}

/// What is known of the connection too.
fn of_connection(progress: &Progress, details: Details) -> Details {
    let Some(time) = progress.connection_time() else {
        return details;
    };
    let error = details.error.as_ref();
    let connection = time.read(error.is_some_and(|error| *error.kind() == ErrorKind::Timeout));
    Details {
        reason: connection.reason(),
        connection,
        ..details
    }
}

fn of_outcome(outcome: Result<&Answer, &Error>) -> Details {
    match outcome {
        Ok(answer) => Details {
            status: Some(200),
            request_id: answer.request_id.clone(),
            response_size: Some(answer.body.len()),
            ..Details::default()
        },
        Err(error) => Details {
            status: error.status(),
            request_id: error.request_id().map(Into::into),
            error: Some(error.clone()),
            ..Details::default()
        },
    }
}
