//! One call through its attempts: how a failure is handled, and what the transport repairs between attempts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::counters::InFlight;
use super::meter::Meter;
use super::shared::Shared;
use super::tracing::Tracing;
use crate::call::{Answer, Call, Intent};
use crate::error::{Error, ErrorKind};
use crate::retry::ambiguity::Ambiguity;
use crate::retry::classify::{self, Failed};
use crate::retry::deadline::Deadline;
use crate::retry::policy::{Class, backoff};
use crate::transaction::new_token;
use crate::transport::{Address, Progress, Recoverable, Request, TransportError};

/// One call through its attempts.
pub(super) struct Run<'a> {
    shared: &'a Shared,
    call: &'a Call,
    /// What is sent; the call's own body unless its token was replaced.
    pub(super) body: Bytes,
    pub(super) deadline: Deadline,
    ambiguity: Ambiguity,
    attempts: u32,
    /// Retries after a back-off; they determine the next pause.
    retries: u32,
    /// What the last retry cost of the client's quota.
    paid: Option<u32>,
    /// Whether the free retry after a stale connection was used.
    renewed: bool,
    /// What the transport was asked to repair; each kind at most once.
    repaired: Repaired,
    pub(super) progress: Progress,
    last: Option<Error>,
    /// The events of the call, if anything wants them.
    pub(super) tracing: Option<Box<Tracing>>,
    _in_flight: InFlight<'a>,
}

/// What the transport was asked to repair during one call.
#[derive(Default)]
struct Repaired {
    clock: bool,
    credentials: bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        call: &'a Call,
        deadline: Deadline,
        progress: Progress,
    ) -> Self {
        let config = &shared.config;
        Self {
            shared,
            call,
            body: call.body.clone(),
            deadline,
            ambiguity: Ambiguity::new(
                call.operation.is_read() || call.intent == Intent::Read,
                call.resend,
                config.retry_unsafe_writes,
            ),
            attempts: 0,
            retries: 0,
            paid: None,
            renewed: false,
            repaired: Repaired::default(),
            progress,
            last: None,
            tracing: None,
            _in_flight: shared.counters.begin(),
        }
    }

    pub(super) async fn attempt(&mut self) -> Result<Answer, Failed> {
        self.attempts += 1;
        if let Some(tracing) = &mut self.tracing {
            tracing.attempting(&self.progress);
        }
        let outcome = self.exchange().await;
        // What was never sent is not an attempt, and its caller is gone.
        if let Some(tracing) = &self.tracing
            && !(outcome.is_err() && self.progress.is_cancelled())
        {
            let connection = || (self.address(), &self.progress);
            tracing.attempted(self.attempts, outcome.as_ref(), connection);
        }
        outcome
    }

    /// The call was answered; `consumed` are read and write units.
    pub(super) fn answered(&self, answer: &Answer, consumed: Option<(f64, f64)>) {
        self.shared.counters.answered(answer);
        if let Some(tracing) = &self.tracing {
            let connection = (self.address(), &self.progress);
            tracing.ended(self.attempts, Ok(answer), consumed, connection);
        }
    }

    /// The call failed; returns its error.
    pub(super) fn failed(&self, error: Error) -> Error {
        self.shared.counters.failed(&error);
        if let Some(tracing) = &self.tracing {
            let connection = (self.address(), &self.progress);
            tracing.ended(self.attempts, Err(&error), None, connection);
        }
        error
    }

    fn address(&self) -> Option<Arc<Address>> {
        let Call {
            operation, table, ..
        } = self.call;
        self.shared.transport.address(operation, table)
    }

    async fn exchange(&mut self) -> Result<Answer, Failed> {
        let request = Request {
            operation: self.call.operation.clone(),
            table: self.call.table.clone(),
            body: self.body.clone(),
            progress: self.progress.clone(),
        };
        // `Progress::cancel` has already reported that nothing was applied, so nothing may be sent after it.
        if !self.progress.release() {
            return Err(classify::judge_transport(TransportError::cancelled()));
        }
        self.shared.counters.sending(self.body.len());
        let response = match self
            .deadline
            .bound(&self.shared.timers, self.shared.transport.send(request))
            .await
        {
            Some(Ok(response)) => match classify::judge(response, self.call.intent) {
                Ok(response) => response,
                Err(failed) => return self.prove(failed),
            },
            Some(Err(error)) => return Err(classify::judge_transport(error)),
            None => {
                // If it is still held, the time passed while it waited for credentials or a connection, and nothing was sent.
                let ambiguous = !self.progress.is_held();
                return Err(Failed::at_deadline(self.out_of_time(), ambiguous));
            }
        };
        self.shared.quota.give_back(self.paid);
        Ok(Answer {
            body: response.body,
            request_id: response.headers.request_id,
            attempts: self.attempts,
            operation: self.call.operation.clone(),
            table: self.call.table.clone(),
            migrated: Vec::new(),
            sealed: None,
            opened: None,
        })
    }

    /// Checks a failed guard against the write's own proof: after an attempt that may have been applied, a stored item that
    /// only this call can have written is its answer.
    fn prove(&self, failed: Failed) -> Result<Answer, Failed> {
        let Some(proof) = &self.call.proof else {
            return Err(failed);
        };
        // Only after an ambiguous attempt: timestamps of two writers can be equal, and a false success is worse than a false
        // failure.
        if self.ambiguity.is_there()
            && let Some(item) = proof.own_item(&failed.error)
        {
            // In the form of the operation's own answer, so its reader needs no second path.
            let body = [br#"{"Attributes":"#, &item[..], b"}"].concat();
            return Ok(Answer {
                body: body.into(),
                request_id: failed.error.request_id().map(Into::into),
                attempts: self.attempts,
                operation: self.call.operation.clone(),
                table: self.call.table.clone(),
                migrated: Vec::new(),
                sealed: None,
                opened: None,
            });
        }
        Err(Failed {
            error: proof.name(failed.error),
            ..failed
        })
    }

    /// Whether the transport repaired a wrong clock or expired credentials: then the same request is sent again immediately,
    /// uncounted. The service refused it, so nothing was applied.
    pub(super) async fn is_repaired(&mut self, failed: &Failed) -> Result<bool, Error> {
        let Some(recoverable) = failed.recoverable.clone() else {
            return Ok(false);
        };
        let tried = match &recoverable {
            Recoverable::Clock { .. } => &mut self.repaired.clock,
            Recoverable::Credentials { .. } => &mut self.repaired.credentials,
        };
        // Once for each kind: a repair that does not help is not counted as an attempt, so nothing else would end the loop.
        if std::mem::replace(tried, true) {
            return Ok(false);
        }
        let repairing = self.shared.transport.repair(recoverable);
        let is_repaired = match self.deadline.bound(&self.shared.timers, repairing).await {
            Some(Ok(is_repaired)) => is_repaired,
            Some(Err(error)) => return Err(self.give_up(error)),
            None => {
                let error = self.out_of_time();
                return Err(self.give_up(error));
            }
        };
        if is_repaired {
            self.attempts -= 1;
        }
        Ok(is_repaired)
    }

    /// The pause before the next attempt, or the error that ends the call.
    pub(super) fn plan(
        &mut self,
        failed: Failed,
        meter: Option<&Meter<'_>>,
    ) -> Result<Duration, Error> {
        if failed.class == Class::Throttling {
            self.shared.counters.throttled();
            if let Some(meter) = meter {
                meter.throttled();
            }
            if let Some(tracing) = &self.tracing {
                tracing.throttled(self.attempts, &failed.error);
            }
        }
        // Nothing was sent, so the error must not report an attempt.
        if failed.refused {
            self.attempts -= 1;
        }
        // First, because `is_free` and `may_retry` depend on it.
        self.ambiguity.note(failed.ambiguous);
        let free = self.is_free(&failed);
        // A paced call answers throttling by slowing down, not by failing.
        let patient = failed.class == Class::Throttling && meter.is_some_and(Meter::is_paced);
        if free {
            self.renewed = true;
            self.attempts -= 1;
        } else if !self.may_retry(&failed, patient) {
            return Err(self.give_up(failed.error));
        }
        let pause = if free {
            Duration::ZERO
        } else {
            self.backoff(&failed)
        };
        // Before the quota is charged: a retry that cannot start must not cost the client's other calls.
        if !self.deadline.allows(pause) {
            return Err(self.too_late(failed.error));
        }
        if patient {
            // The pace falls as well, so pauses need not keep growing.
            self.retries = (self.retries + 1).min(2);
        } else if !free && !self.pay(failed.class) {
            return Err(self.give_up(failed.error));
        }
        if matches!(failed.error.kind(), ErrorKind::TransactionCanceled { .. }) {
            self.renew_token()?;
        }
        if let Some(meter) = meter {
            meter.retried();
        }
        // What is free is the same attempt on another connection, not a retry.
        if !free {
            self.shared.counters.retried();
            if let Some(tracing) = &self.tracing {
                tracing.planned(self.attempts + 1, pause);
            }
        }
        // The cause of a timeout, if the next attempt does not end in time.
        self.last = Some(self.in_context(failed.error));
        Ok(pause)
    }

    /// Nothing of a cancelled transaction was applied: the next attempt is a new transaction, unless an earlier one may have
    /// been applied, which only its own token can tell.
    fn renew_token(&mut self) -> Result<(), Error> {
        let Some(at) = self.call.own_token.filter(|_| !self.ambiguity.is_there()) else {
            return Ok(());
        };
        // The offset is valid for both bodies (`capacity::asking` appends at the end), and all generated tokens have the same
        // length.
        let token = new_token()?;
        let mut body = self.body.to_vec();
        body[at..at + token.len()].copy_from_slice(token.as_bytes());
        self.body = body.into();
        Ok(())
    }

    /// A stale connection does not reflect on the service: one retry on another one needs no pause and is not counted.
    fn is_free(&self, failed: &Failed) -> bool {
        failed.stale && !self.renewed && self.ambiguity.repeats_harmlessly()
    }

    fn may_retry(&self, failed: &Failed, patient: bool) -> bool {
        failed.class.is_retryable()
            && (patient || self.attempts < self.shared.config.max_attempts)
            && self.ambiguity.may_send_again()
    }

    fn backoff(&self, failed: &Failed) -> Duration {
        backoff(
            failed.class,
            self.retries,
            failed.wish,
            &self.shared.config.jitter,
        )
    }

    fn pay(&mut self, class: Class) -> bool {
        self.paid = self.shared.quota.take(class);
        self.retries += 1;
        self.paid.is_some()
    }

    fn too_late(&mut self, error: Error) -> Error {
        self.last = Some(self.in_context(error));
        let timeout = self.out_of_time();
        self.give_up(timeout)
    }

    /// The deadline has passed, or is too near for another attempt.
    pub(super) fn out_of_time(&mut self) -> Error {
        let message = if self.deadline.is_shared() {
            "not finished before the deadline of client.options(deadline=...)"
        } else {
            "not finished before its timeout; try again, or allow more time with timeout="
        };
        let error = Error::new(ErrorKind::Timeout, message).with_retryable(true);
        match self.last.take() {
            Some(last) => error.with_source(last),
            None => error,
        }
    }

    fn give_up(&self, error: Error) -> Error {
        self.in_context(self.ambiguity.settle(error))
    }

    pub(super) fn in_context(&self, error: Error) -> Error {
        let error = error
            .with_operation(self.call.operation.name())
            .with_attempts(self.attempts)
            .with_elapsed(self.deadline.elapsed());
        // Batches and transactions name their tables in the body only.
        if self.call.table.is_empty() {
            error
        } else {
            error.with_table(&*self.call.table)
        }
    }
}
