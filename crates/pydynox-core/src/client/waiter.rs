//! Creating and deleting a table, and waiting until that is done.

use std::time::Duration;

use bytes::Bytes;

use super::{Answer, Call, Client, Intent, Resend};
use crate::error::{Error, ErrorKind};
use crate::operation::describe_table;
use crate::retry::deadline::{Deadline, Pause};
use crate::transport::Operation;
use crate::wire::{WireError, Writer};

/// Longest wait for a table to become active or to be gone.
pub const TABLE_WAIT_TIMEOUT: Duration = Duration::from_mins(10);
/// Pause after the first look at the table; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a waiter waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Active,
    Gone,
}

impl Goal {
    /// A table that was just created may not be visible yet, so that its absence is no error.
    fn is_reached(self, status: Option<&str>) -> bool {
        match self {
            Self::Active => status == Some("ACTIVE"),
            Self::Gone => status.is_none(),
        }
    }

    fn unreached(self) -> &'static str {
        match self {
            Self::Active => {
                "the table is not active yet; it is still being created, describe it later"
            }
            Self::Gone => "the table is still there; it is being deleted, describe it later",
        }
    }
}

impl Client {
    /// Sends a `CreateTable` and, if asked to, waits until the table is active.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ErrorKind::Timeout`] when the table is not active after [`TABLE_WAIT_TIMEOUT`]. Errors of
    /// the wait are [`applied`](Error::applied).
    pub async fn create_table(&self, call: Call, wait: bool) -> Result<Answer, Error> {
        self.administer(call, wait.then_some(Goal::Active)).await
    }

    /// Sends a `DeleteTable` and, if asked to, waits until the table is gone.
    ///
    /// # Errors
    /// As [`Client::call`]; [`ErrorKind::Timeout`] when the table is there after [`TABLE_WAIT_TIMEOUT`]. Errors of the
    /// wait are [`applied`](Error::applied).
    pub async fn delete_table(&self, call: Call, wait: bool) -> Result<Answer, Error> {
        self.administer(call, wait.then_some(Goal::Gone)).await
    }

    async fn administer(&self, call: Call, goal: Option<Goal>) -> Result<Answer, Error> {
        let look = goal.map(|goal| (describe(&call), goal));
        let answer = self.call(call).await?;
        if let Some((describe, goal)) = look {
            let waited = self.wait_for(&describe, goal).await;
            waited.map_err(|error| error.with_applied(true))?;
        }
        Ok(answer)
    }

    async fn wait_for(&self, describe: &Call, goal: Goal) -> Result<(), Error> {
        let deadline = Deadline::start(Some(TABLE_WAIT_TIMEOUT));
        let mut pause = FIRST_PAUSE;
        loop {
            let trouble = match self.status(describe, &deadline).await {
                Ok(status) if goal.is_reached(status.as_deref()) => return Ok(()),
                Ok(_) => None,
                // The service is slow or unwell for a while, which is what waiting is for.
                Err(error) if error.retryable() => Some(error),
                Err(error) => return Err(error),
            };
            if !deadline.allows(pause) {
                return Err(unreached(describe, goal, &deadline, trouble));
            }
            Pause::new(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The table's status, `None` when there is no table.
    async fn status(&self, describe: &Call, wait: &Deadline) -> Result<Option<String>, Error> {
        let timeout = describe.timeout.or(self.0.config.timeout);
        let timeout = timeout.into_iter().chain(wait.left()).min();
        let answer = match self
            .call(Call {
                timeout,
                ..describe.clone()
            })
            .await
        {
            Ok(answer) => answer,
            Err(error) if *error.kind() == ErrorKind::TableNotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        describe_table::status(&answer.body)
            .map(|status| Some(status.unwrap_or_default()))
            .map_err(|error| unreadable(describe, answer, error))
    }
}

fn describe(call: &Call) -> Call {
    let mut body = Writer::with_capacity(call.table.len() + 16);
    describe_table::write(&mut body, &call.table);
    Call {
        operation: Operation::DescribeTable,
        table: call.table.clone(),
        body: Bytes::from(body.into_bytes()),
        resend: Resend::Always,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: call.timeout,
    }
}

fn unreadable(describe: &Call, answer: Answer, source: WireError) -> Error {
    let error = Error::new(
        ErrorKind::InvalidResponse,
        format!("the answer cannot be read: {source}"),
    )
    .with_operation(describe.operation.name())
    .with_table(&*describe.table)
    .with_attempts(answer.attempts)
    .with_source(source);
    match answer.request_id {
        Some(request_id) => error.with_request_id(request_id),
        None => error,
    }
}

fn unreached(describe: &Call, goal: Goal, wait: &Deadline, trouble: Option<Error>) -> Error {
    let error = Error::new(ErrorKind::Timeout, goal.unreached())
        .with_operation(describe.operation.name())
        .with_table(&*describe.table)
        .with_elapsed(wait.elapsed())
        .with_retryable(true);
    match trouble {
        Some(trouble) => error.with_source(trouble),
        None => error,
    }
}
