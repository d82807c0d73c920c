//! Metering of a call whose cost matters: its turn under a rate limit, the body that asks for the cost, and its count.

use bytes::Bytes;

use super::shared::Shared;
use crate::call::{Answer, Call};
use crate::capacity::{self, Access, Consumed, Estimate};
use crate::error::{Error, ErrorKind};
use crate::limiter::Limiter;
use crate::operation::{batch_get_item, batch_write_item};
use crate::retry::deadline::Deadline;
use crate::transport::Operation;
use crate::usage::Observers;

/// One call that is measured.
pub(super) struct Meter<'a> {
    shared: &'a Shared,
    call: &'a Call,
    observers: Option<&'a Observers>,
    /// The call's own limit, which replaces the client's.
    pace: Option<&'a Limiter>,
    access: Option<Access>,
    /// What was taken from the rate limit, and on what basis.
    taken: Option<(Estimate, f64)>,
}

impl<'a> Meter<'a> {
    /// None if nothing needs it; this check is then the only cost.
    #[inline]
    pub(super) fn of(
        shared: &'a Shared,
        observers: Option<&'a Observers>,
        pace: Option<&'a Limiter>,
        is_traced: bool,
        call: &'a Call,
    ) -> Option<Self> {
        if observers.is_none() && pace.is_none() && shared.limiter.is_none() && !is_traced {
            return None;
        }
        Some(Self {
            shared,
            call,
            observers,
            pace,
            access: Access::of(&call.operation, &call.body),
            taken: None,
        })
    }

    /// Waits for the call's turn and counts it; returns the body to send.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] if its turn comes too late, [`ErrorKind::BudgetExceeded`] if a budget refuses it.
    pub(super) async fn begin(&mut self, deadline: &Deadline) -> Result<Bytes, Error> {
        let call = self.call;
        // Its turn comes before its count: a call whose turn would come too late is not sent, so no budget may count it.
        if let Some((limiter, access)) = self.limiter() {
            let estimate = capacity::estimate(&call.operation, &call.body);
            let units = limiter.expect(&call.operation, &call.table, estimate);
            if !limiter
                .take(access, units, deadline, &self.shared.timers)
                .await
            {
                let message = "the client's rate limit would delay it past its timeout: allow more time with timeout=, or raise the rate";
                return Err(Error::new(ErrorKind::Timeout, message).with_retryable(true));
            }
            self.taken = Some((estimate, units));
        }
        if let Some(observers) = self.observers
            && let Err(error) = observers.begin(&call.operation, &call.table)
        {
            self.give_back();
            return Err(error);
        }
        // A body that is not an object is sent unchanged: the service's refusal says what is wrong with it.
        let asking = self.access.map(|_| capacity::asking(&call.body));
        Ok(asking
            .and_then(|body| body.ok().flatten())
            .unwrap_or_else(|| call.body.clone()))
    }

    /// Whether the call has its own pace.
    pub(super) fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    pub(super) fn retried(&self) {
        if let Some(observers) = self.observers {
            observers.retried(&self.call.operation, &self.call.table);
        }
    }

    pub(super) fn throttled(&self) {
        if let Some((limiter, access)) = self.limiter() {
            limiter.throttled(access);
        }
        if let Some(observers) = self.observers {
            observers.throttled(&self.call.operation, &self.call.table);
        }
    }

    /// Settles the cost that the answer reports; returns the read and the write units, if it does.
    pub(super) fn settle(&self, answer: &Answer) -> Option<(f64, f64)> {
        let access = self.access?;
        // A batch that was throttled in part is answered with status 200 and the unprocessed rest.
        if let Some((limiter, access)) = self.limiter()
            && leaves_over(answer)
        {
            limiter.throttled(access);
        }
        // An unreadable answer is reported by the code that reads its content.
        let consumed = capacity::consumed(&answer.body, access).unwrap_or_default();
        let (operation, table) = (&self.call.operation, &self.call.table);
        if let Some(observers) = self.observers {
            observers.settle(operation, table, &consumed);
        }
        let cost: f64 = consumed
            .iter()
            .map(|one| match access {
                Access::Read => one.read_units,
                Access::Write => one.write_units,
            })
            .sum();
        // An answer that reports no cost leaves the estimate in place.
        if let (Some((limiter, access)), Some((estimate, taken))) = (self.limiter(), self.taken)
            && !consumed.is_empty()
        {
            limiter.settle(operation, table, access, taken, cost, estimate);
        }
        let sum = |units: fn(&Consumed) -> f64| consumed.iter().map(units).sum();
        (!consumed.is_empty()).then(|| (sum(|one| one.read_units), sum(|one| one.write_units)))
    }

    /// Settles without an answer. A request that was refused up front cost nothing; for any other, the cost is unknown.
    pub(super) fn failed(&self, error: &Error) {
        let cost_nothing = matches!(
            error.kind(),
            ErrorKind::Throttling { .. }
                | ErrorKind::InvalidRequest
                | ErrorKind::TableNotFound
                | ErrorKind::AccessDenied
                | ErrorKind::Credentials
                | ErrorKind::Configuration
                | ErrorKind::ConnectionFailed
        );
        // After an ambiguous attempt, an earlier one may have been served, at a cost.
        if cost_nothing && !error.ambiguous() {
            self.give_back();
        }
    }

    fn give_back(&self) {
        if let (Some((limiter, access)), Some((_, taken))) = (self.limiter(), self.taken) {
            limiter.give_back(access, taken);
        }
    }

    fn limiter(&self) -> Option<(&'a Limiter, Access)> {
        let limiter = self.pace.or(self.shared.limiter.as_ref())?;
        let access = self.access?;
        limiter.limits(access).then_some((limiter, access))
    }
}

/// Whether part of a batch was too much and is unprocessed.
fn leaves_over(answer: &Answer) -> bool {
    let left = match answer.operation {
        Operation::BatchWriteItem => batch_write_item::unprocessed(&answer.body),
        Operation::BatchGetItem => batch_get_item::left(&answer.body),
        _ => return false,
    };
    left.is_ok_and(|left| left.is_some())
}
