//! The client: one call, its deadline, and the only retry loop.

pub mod config;
pub mod counters;
pub mod faults;
mod meter;
mod opening;
mod run;
mod shared;
#[cfg(test)]
mod tests;
pub(crate) mod tracing;
pub mod waiter;

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{Answer, Call};
use crate::codec::Protection;
use crate::error::{Error, ErrorKind};
use crate::events::{Kinds, Stream, Trace, within};
use crate::limiter::Limiter;
use crate::retry::classify::judge_transport;
use crate::retry::deadline::{Deadline, Pause, Timers};
use crate::retry::policy::Quota;
use crate::transaction::Transaction;
use crate::transport::{Operation, Progress, Transport};
use crate::unique::{self, Taken};
use crate::usage::Observers;

use config::ClientConfig;
use counters::{Counters, Counts};
use meter::Meter;
use run::Run;
use shared::Shared;
use tracing::Tracing;

/// Sends calls over a transport; cheap to clone, and all clones share one retry quota. Calls that are not ready at their first
/// poll must all be polled in one runtime.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    observers: Option<Arc<Observers>>,
    /// Where the events of its calls go, if anything wants them.
    trace: Option<Arc<Trace>>,
    /// The batch that its traced calls are a part of.
    batch: Option<NonZeroU64>,
    protection: Option<Arc<Protection>>,
    pace: Option<Arc<Limiter>>,
    /// When all calls must have ended, no matter how long each may take.
    until: Option<Deadline>,
}

impl Client {
    /// A client over this transport.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when a setting is out of range.
    pub fn new(transport: Arc<dyn Transport>, config: ClientConfig) -> Result<Self, Error> {
        config.check()?;
        let limiter = config.rate_limit.map(Limiter::new);
        let shared = Shared {
            transport,
            config,
            quota: Quota::new(),
            timers: Timers::default(),
            limiter,
            counters: Counters::default(),
            stream: Arc::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            observers: None,
            trace: None,
            batch: None,
            protection: None,
            pace: None,
            until: None,
        })
    }

    /// The same client, with these observers counting its calls.
    #[must_use]
    pub fn observed(self, observers: Arc<Observers>) -> Self {
        Self {
            observers: Some(observers),
            ..self
        }
    }

    /// The same client, whose events go to this stream; for a client that was just opened.
    #[must_use]
    pub fn reporting(&self, stream: Arc<Stream>) -> Self {
        Self {
            shared: Arc::new(self.shared.with(self.shared.transport.clone(), stream)),
            ..self.clone()
        }
    }

    /// Where the events that belong to no call go.
    pub fn stream(&self) -> &Arc<Stream> {
        &self.shared.stream
    }

    /// The same client, whose calls are traced; None traces nothing.
    #[must_use]
    pub fn traced(self, trace: Option<Arc<Trace>>) -> Self {
        Self { trace, ..self }
    }

    /// The same client, whose traced calls are a part of this batch.
    pub(crate) fn part_of(self, batch: u64) -> Self {
        Self {
            batch: NonZeroU64::new(batch),
            ..self
        }
    }

    /// Where the events of its calls go.
    pub fn trace(&self) -> Option<&Arc<Trace>> {
        self.trace.as_ref()
    }

    /// What its calls did since it was opened.
    pub fn counts(&self) -> Counts {
        self.shared.counters.read()
    }

    /// The same client, protecting the values of its calls like this.
    #[must_use]
    pub fn protected(self, protection: Option<Arc<Protection>>) -> Self {
        Self { protection, ..self }
    }

    /// The same client, with this rate limit instead of the client's own.
    #[must_use]
    pub fn paced(self, limiter: Option<Arc<Limiter>>) -> Self {
        Self {
            pace: limiter,
            ..self
        }
    }

    /// The same client, whose calls must all end by this deadline, or by an earlier one that was set before.
    #[must_use]
    pub fn within(self, deadline: Deadline) -> Self {
        let until = self.until.map_or(deadline, |until| until.within(deadline));
        Self {
            until: Some(until),
            ..self
        }
    }

    /// The deadline of a call that begins now. A paced call has no timeout unless it sets one.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        // A bulk job waits for capacity for as long as its rate requires; the client's timeout is for a single call.
        let otherwise = match self.pace {
            None => self.shared.config.timeout,
            Some(_) => None,
        };
        self.bounded(Deadline::start(timeout.or(otherwise)))
    }

    /// A deadline, no later than that of all calls.
    fn bounded(&self, deadline: Deadline) -> Deadline {
        match self.until {
            None => deadline,
            Some(until) => deadline.within(until),
        }
    }

    /// How its calls protect values.
    pub fn protection(&self) -> Option<&Arc<Protection>> {
        self.protection.as_ref()
    }

    /// Whether both share a transport, a deadline and observers; the values that they protect may differ.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_observers = match (&self.observers, &other.observers) {
            (None, None) => true,
            (Some(one), Some(other)) => one.counts_for(other),
            _ => false,
        };
        Arc::ptr_eq(&self.shared, &other.shared) && same_observers && self.until == other.until
    }

    /// How the client behaves.
    pub fn config(&self) -> &ClientConfig {
        &self.shared.config
    }

    /// Its transport.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.transport
    }

    /// A client with the same settings over a wrapper of this one's transport; it has a retry quota and a rate of its own.
    #[must_use]
    pub fn through(&self, wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>) -> Self {
        let transport = wrap(self.shared.transport.clone());
        Self {
            shared: Arc::new(self.shared.with(transport, self.shared.stream.clone())),
            ..self.clone()
        }
    }

    /// Looks up credentials and the endpoint, and opens connections until there are this many, as far as the limit allows; how
    /// many there are then, or 0 if the transport has none. Tried once.
    ///
    /// # Errors
    /// Those of a call that finds no credentials or no connection; [`ErrorKind::Timeout`].
    pub async fn warm_up(
        &self,
        connections: usize,
        timeout: Option<Duration>,
    ) -> Result<usize, Error> {
        let deadline = self.deadline(timeout);
        let warming_up = self.shared.transport.warm_up(connections);
        match deadline.bound(&self.shared.timers, warming_up).await {
            Some(Ok(ready)) => Ok(ready),
            Some(Err(error)) => Err(judge_transport(error).error),
            None => {
                let message = "no connection was ready before the timeout; try again, or allow more time with timeout=";
                Err(Error::new(ErrorKind::Timeout, message).with_retryable(true))
            }
        }
    }

    /// Whether the first poll of a call may run on the caller's thread, outside any runtime.
    pub fn answers_inline(&self, operation: &Operation) -> bool {
        self.shared.transport.answers_inline(operation)
    }

    /// Whether its requests are captured: then every call, whatever it does, is ready at its first poll.
    pub fn captures(&self) -> bool {
        self.shared.transport.capture().is_some()
    }

    /// Sends a call; the only retry loop. Dropping the future aborts the exchange, and no attempt follows.
    ///
    /// It may be polled once outside a runtime; if it is not ready then, it must be polled inside one.
    ///
    /// # Errors
    /// Whatever the service or the transport answers once no retry is left; [`ErrorKind::Timeout`] at the deadline;
    /// [`ErrorKind::WriteOutcomeUnknown`] if a write may have been applied and may not be sent again.
    pub fn call(&self, call: Call) -> impl Future<Output = Result<Answer, Error>> + Send + '_ {
        self.call_tracked(call, Progress::default())
    }

    /// The same, and reports its progress.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn call_tracked(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        match &self.protection {
            None => self.send(call, progress).await,
            // Boxed: what most calls never do should not enlarge their future.
            Some(protection) => {
                let sending = self.call_protected(call, protection, progress);
                Box::pin(within(self.trace.clone(), sending)).await
            }
        }
    }

    async fn send(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        let deadline = self.deadline(call.timeout);
        let mut run = Run::new(&self.shared, &call, deadline, progress);
        let trace = self.trace.as_ref();
        if trace.is_some() {
            run.progress.measure();
        }
        run.tracing = trace.map(|trace| Box::new(Tracing::begin(trace, &call, self.batch)));
        // Before the meter: a call that cannot be sent must not use any units or be counted.
        let is_over = self.until.is_some() && !run.deadline.allows(Duration::ZERO);
        if is_over || call.timeout.is_some_and(|timeout| timeout.is_zero()) {
            let error = run.out_of_time();
            return Err(run.failed(run.in_context(error)));
        }
        let mut meter = Meter::of(
            &self.shared,
            self.observers.as_deref(),
            self.pace.as_deref(),
            trace.is_some_and(|trace| trace.wanted().covers(Kinds::CAPACITY)),
            &call,
        );
        if let Some(meter) = &mut meter {
            // Boxed: what most calls never do should not enlarge their future.
            let begun = Box::pin(meter.begin(&run.deadline)).await;
            run.body = begun.map_err(|error| run.failed(run.in_context(error)))?;
        }
        loop {
            let failed = match run.attempt().await {
                Ok(answer) => {
                    let consumed = meter.as_ref().and_then(|meter| meter.settle(&answer));
                    run.answered(&answer, consumed);
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            // Neither a failure nor a reason to try again: the drop of the run tells what observes the call.
            if run.progress.is_cancelled() {
                return Err(failed.error);
            }
            // Before the next await: a cancellation during a repair or a pause must find out that this attempt may have been
            // applied.
            run.progress.attempted(failed.ambiguous);
            let pause = match run.is_repaired(&failed).await {
                Ok(true) => continue,
                Ok(false) => run.plan(failed, meter.as_ref()),
                Err(error) => Err(error),
            };
            match pause {
                // Not bounded by the deadline: `plan` has refused a pause that would end after it.
                Ok(pause) => Pause::new(pause).await,
                Err(error) => {
                    if let Some(meter) = &meter {
                        meter.failed(&error);
                    }
                    return Err(run.failed(error));
                }
            }
        }
    }

    /// Sends a transaction. If only unique values of other items blocked it, it is sent once more and takes the values that
    /// those items no longer have.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn call_repairing(
        &self,
        call: Call,
        progress: Progress,
        transaction: &Transaction,
        taken: &[Taken],
    ) -> Result<Answer, Error> {
        let deadline = self.deadline(call.timeout);
        let again = call.clone();
        // Both calls share the progress, because to their caller they are one.
        let error = match self.call_tracked(call, progress.clone()).await {
            // After an ambiguous attempt the guards that block the transaction may be its own.
            Err(error) if !error.ambiguous() => error,
            answered => return answered,
        };
        let Some(repaired) = unique::take_over(transaction, taken, &error) else {
            return Err(error);
        };
        // The body differs, and the service refuses another body under a token that it has seen.
        let sealed = repaired.seal(None)?;
        let call = Call {
            body: sealed.body,
            own_token: sealed.own_token,
            timeout: Some(deadline.left().unwrap_or(Duration::MAX)),
            ..again
        };
        let before = error.attempts();
        match self.call_tracked(call, progress).await {
            Ok(answer) => Ok(Answer {
                attempts: before + answer.attempts,
                ..answer
            }),
            Err(other) => {
                let attempts = before + other.attempts();
                let error = match other.kind() {
                    // The other items do own the values; an earlier attempt may still have taken them.
                    ErrorKind::TransactionCanceled { .. } => {
                        error.with_ambiguous(other.ambiguous())
                    }
                    _ => other,
                };
                Err(error
                    .with_attempts(attempts)
                    .with_elapsed(deadline.elapsed()))
            }
        }
    }
}
