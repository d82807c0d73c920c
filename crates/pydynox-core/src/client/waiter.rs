//! Waiter: polls a table until it can be used or is gone.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::Client;
use crate::call::{Answer, Call, Intent, Resend};
use crate::error::{Error, ErrorKind};
use crate::operation::describe_table;
use crate::retry::deadline::{Deadline, Pause};
use crate::transport::Operation;
use crate::wire::{WireError, Writer};

/// Default for the longest wait for a table to become active or to be gone.
pub const TABLE_WAIT_TIMEOUT: Duration = Duration::from_mins(10);
/// Pause after the first poll; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two polls.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The answer for a table that does not exist.
const ABSENT: &[u8] = b"{}";

/// The state to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The table and its indexes can be used.
    Active,
    /// There is no such table.
    Gone,
}

impl Goal {
    /// Whether the table is in the expected state. A new table may not be visible yet, so its absence is not an error.
    ///
    /// # Errors
    /// The answer is not the description of a table.
    pub fn is_reached(self, answer: &[u8]) -> Result<bool, WireError> {
        let status = describe_table::status(answer)?;
        Ok(match self {
            Self::Active => {
                status.as_deref() == Some("ACTIVE") && describe_table::indexes_are_active(answer)?
            }
            // A description without a status is still that of a table; only `ABSENT` has neither.
            Self::Gone => status.is_none() && describe_table::table(answer)?.is_none(),
        })
    }

    /// Whether waiting cannot help.
    fn is_out_of_reach(self, status: &str) -> bool {
        let stuck = [
            "DELETING",
            "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
            "ARCHIVING",
            "ARCHIVED",
        ];
        self == Self::Active && stuck.contains(&status)
    }

    fn unreached(self) -> &'static str {
        match self {
            Self::Active => {
                "the table or one of its indexes is not active yet; it is still being created, describe it again later"
            }
            Self::Gone => "the table still exists; it is being deleted, describe it again later",
        }
    }
}

/// Polls one table with growing pauses, until a deadline.
pub struct Waiter {
    client: Client,
    describe: Call,
    deadline: Deadline,
    /// Before the next poll.
    pause: Mutex<Duration>,
}

impl Waiter {
    /// A waiter whose time starts now; without a timeout it waits forever.
    pub fn new(client: Client, table: &str, timeout: Option<Duration>) -> Self {
        Self {
            deadline: client.bounded(Deadline::start(timeout)),
            client,
            describe: describe(table),
            pause: Mutex::new(Duration::ZERO),
        }
    }

    /// Polls next time without a pause: something was changed in between.
    pub fn restart(&self) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Duration::ZERO;
    }

    /// Polls until the goal is reached; the answer of `DescribeTable`, or `{}` if there is no such table.
    ///
    /// # Errors
    /// As for [`Waiter::look`].
    pub async fn wait(&self, goal: Goal) -> Result<Answer, Error> {
        loop {
            let answer = self.look(goal).await?;
            match goal.is_reached(&answer.body) {
                Ok(true) => return Ok(answer),
                Ok(false) => {}
                Err(error) => return Err(unreadable(answer, error)),
            }
        }
    }

    /// Polls once, after a pause except the first time; the answer of `DescribeTable`, or `{}` if there is no such table.
    ///
    /// # Errors
    /// As for [`Client::call`]; [`ErrorKind::Timeout`] if the next poll would come after the deadline; [`ErrorKind::Request`]
    /// if the table is in a state that never leads to the goal.
    pub async fn look(&self, goal: Goal) -> Result<Answer, Error> {
        let mut trouble = None;
        loop {
            // Each look waits, not only those of `wait`: callers drive the waiter one look at a time, too.
            let pause = self.next_pause();
            if !pause.is_zero() && !self.deadline.allows(pause) {
                return Err(self.unreached(goal, trouble));
            }
            Pause::new(pause).await;
            match self.describe().await {
                Ok(answer) => return self.checked(goal, answer),
                // The service is slow or failing for a while, which a waiter should outlast.
                Err(error) if error.retryable() => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
    }

    fn next_pause(&self) -> Duration {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if pause.is_zero() {
            FIRST_PAUSE
        } else {
            (*pause * 2).min(LONGEST_PAUSE)
        };
        std::mem::replace(&mut *pause, next)
    }

    async fn describe(&self) -> Result<Answer, Error> {
        let timeout = self.describe.timeout.or(self.client.shared.config.timeout);
        // A poll may take as long as any call, but not longer than the wait.
        let timeout = timeout.into_iter().chain(self.deadline.left()).min();
        let call = Call {
            timeout,
            ..self.describe.clone()
        };
        match self.client.call(call).await {
            Err(error) if *error.kind() == ErrorKind::TableNotFound => Ok(Answer {
                body: Bytes::from_static(ABSENT),
                request_id: error.request_id().map(Into::into),
                attempts: error.attempts(),
                operation: Operation::DescribeTable,
                table: self.describe.table.clone(),
                migrated: Vec::new(),
                sealed: None,
                opened: None,
            }),
            answered => answered,
        }
    }

    fn checked(&self, goal: Goal, answer: Answer) -> Result<Answer, Error> {
        let status = match describe_table::status(&answer.body) {
            Ok(status) => status.unwrap_or_default(),
            Err(error) => return Err(unreadable(answer, error)),
        };
        if !goal.is_out_of_reach(&status) {
            return Ok(answer);
        }
        let message = format!("the table is {status}, and does not become active on its own");
        Err(self.about(Error::new(ErrorKind::Request, message)))
    }

    fn unreached(&self, goal: Goal, trouble: Option<Error>) -> Error {
        let error = Error::new(ErrorKind::Timeout, goal.unreached())
            .with_elapsed(self.deadline.elapsed())
            .with_retryable(true);
        let error = self.about(error);
        match trouble {
            Some(trouble) => error.with_source(trouble),
            None => error,
        }
    }

    fn about(&self, error: Error) -> Error {
        error
            .with_operation(self.describe.operation.name())
            .with_table(&*self.describe.table)
    }
}

fn describe(table: &str) -> Call {
    let mut body = Writer::with_capacity(table.len() + 16);
    describe_table::write(&mut body, table);
    Call {
        operation: Operation::DescribeTable,
        table: table.into(),
        body: Bytes::from(body.into_bytes()),
        resend: Resend::Always,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: None,
    }
}

fn unreadable(answer: Answer, source: WireError) -> Error {
    let error = Error::new(
        ErrorKind::InvalidResponse,
        format!("the response cannot be read: {source}"),
    )
    .with_operation(answer.operation.name())
    .with_table(&*answer.table)
    .with_attempts(answer.attempts)
    .with_source(source);
    match answer.request_id {
        Some(request_id) => error.with_request_id(request_id),
        None => error,
    }
}
