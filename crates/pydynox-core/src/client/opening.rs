//! Calls with protected values: sealed before the first attempt, opened in the answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Client;
use crate::call::{Answer, Call};
use crate::codec::{Opened, Protection, Sealed, Share};
use crate::error::{Error, ErrorKind};
use crate::events::within;
use crate::operation::put_item;
use crate::size::check_item_size;
use crate::transport::capture::{Captured, explained};
use crate::transport::{Operation, Progress};

/// Bytes of a query's rows opened at a time: a few milliseconds of work, here and where they are decoded.
const OPEN_AT_ONCE: usize = 8 * 1024 * 1024;

fn no_data_key() -> Error {
    let message = "the keyring returned no data key before the call's timeout; try again, or allow more time with timeout=";
    Error::new(ErrorKind::Timeout, message)
}

impl Client {
    /// The same with values that are protected before the first attempt and opened in the answer. Time spent in the keyring
    /// counts towards the call's.
    pub(super) async fn call_protected(
        &self,
        mut call: Call,
        protection: &Arc<Protection>,
        progress: Progress,
    ) -> Result<Answer, Error> {
        let deadline = self.deadline(call.timeout);
        let (operation, table) = (call.operation.clone(), call.table.clone());
        let late = |applied: bool| {
            no_data_key()
                .with_operation(operation.name())
                .with_table(&*table)
                // A write that was applied must not be repeated because its answer cannot be read.
                .with_retryable(!applied)
                .with_applied(applied)
                .with_elapsed(deadline.elapsed())
        };
        let capture = self.shared.transport.capture();
        let mut encrypts = false;
        if capture.is_some() {
            let (body, encrypted) = protection.measured(&call.body)?;
            (call.body, encrypts) = (body.into(), encrypted);
        } else {
            let sealing = Box::pin(protection.seal(&call.body));
            let sealed = deadline.bound(&self.shared.timers, sealing).await;
            call.body = sealed.ok_or_else(|| late(false))??.into();
        }
        // Only now: DynamoDB counts the stored form, whose size compression and encryption decide. An update is not measured,
        // because the rest of its item is unknown.
        if call.operation == Operation::PutItem
            && let Some(item) = put_item::item(&call.body)?
        {
            check_item_size(&call.body[item]).map_err(|error| error.with_table(&*call.table))?;
        }
        if let Some(capture) = capture {
            return Err(capture.note(Captured {
                operation: call.operation,
                body: call.body,
                encrypts,
                opens: protection.opens(),
            }));
        }
        // Sealing has used some of the time; if none is left, zero ends the call before it is sent.
        call.timeout = Some(deadline.left().unwrap_or(Duration::MAX));
        let mut answer = match self.send(call, progress).await {
            Ok(answer) => answer,
            Err(error) => {
                let most = self.shared.config.max_decompressed;
                return Err(protection
                    .open_error(error, most, deadline, &self.shared.timers)
                    .await);
            }
        };
        // The call was carried out, even if its answer cannot be opened.
        let applied = !answer.operation.is_read();
        let marks = protection.look(&answer.operation, &answer.body);
        let Some(marks) = marks.map_err(|error| error.with_applied(applied))? else {
            return Ok(answer);
        };
        let sealed = Sealed::new(marks, answer.body.clone(), protection.clone());
        // Its items are opened as they are taken: decompressed, a page can be many times as large.
        if answer.operation.answers_with_several() {
            answer.sealed = Some(Arc::new(sealed));
            return Ok(answer);
        }
        let share = Share::all(self.shared.config.max_decompressed);
        let opening = Box::pin(sealed.open(share));
        let opened = deadline.bound(&self.shared.timers, opening).await;
        let opened = opened.ok_or_else(|| late(applied))?;
        let body = opened.and_then(|opened| {
            answer.migrated = opened.migrated().to_vec();
            opened.in_place(&answer.body)
        });
        let placed = |error: Error| {
            error
                .with_operation(answer.operation.name())
                .with_table(&*answer.table)
                .with_applied(applied)
        };
        answer.body = body.map_err(placed)?.into();
        self.count_migrated(answer.migrated.len());
        Ok(answer)
    }

    /// Sends a call and opens its answer as a whole, as far as the limit allows at a time.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call). Items that cannot be opened do not fail the call: see [`Answer::item`].
    pub async fn call_opened(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        let timeout = call.timeout;
        let mut answer = self.call_tracked(call, progress).await?;
        if let Some(sealed) = &answer.sealed {
            let share = Share::all(self.shared.config.max_decompressed);
            let opened = self.open(sealed, share, timeout).await;
            let applied = !answer.operation.is_read();
            let opened = opened.map_err(|error| error.with_applied(applied))?;
            answer.opened = Some(Arc::new(opened));
        }
        Ok(answer)
    }

    /// An item that the caller already has, with its protected values in place; `body` is what GetItem would answer. Nothing
    /// is sent except by the keyring.
    ///
    /// # Errors
    ///
    /// As for opening an answer; [`ErrorKind::Timeout`] if the keyring takes too long.
    pub async fn open_given(
        &self,
        table: Arc<str>,
        body: Bytes,
        timeout: Option<Duration>,
    ) -> Result<Answer, Error> {
        let operation = Operation::GetItem;
        let mut answer = Answer {
            body,
            request_id: None,
            attempts: 0,
            operation,
            table,
            migrated: Vec::new(),
            sealed: None,
            opened: None,
        };
        let Some(protection) = &self.protection else {
            return Ok(answer);
        };
        let Some(marks) = protection.look(&answer.operation, &answer.body)? else {
            return Ok(answer);
        };
        if self.shared.transport.capture().is_some() && protection.opens() {
            return Err(explained());
        }
        let sealed = Sealed::new(marks, answer.body.clone(), protection.clone());
        let share = Share::all(self.shared.config.max_decompressed);
        let opened = self.open(&sealed, share, timeout).await;
        let placed = |error: Error| error.with_table(&*answer.table);
        let opened = opened.map_err(placed)?;
        answer.migrated = opened.migrated().to_vec();
        let body = opened.in_place(&answer.body);
        answer.body = body
            .map_err(|error| error.with_table(&*answer.table))?
            .into();
        Ok(answer)
    }

    /// Opens items of an answer.
    ///
    /// # Errors
    ///
    /// The keyring cannot be reached, or not in time. An item that cannot be opened has its own error.
    pub async fn open(
        &self,
        sealed: &Sealed,
        share: Share,
        timeout: Option<Duration>,
    ) -> Result<Opened, Error> {
        let deadline = self.deadline(timeout);
        let opening = Box::pin(within(self.trace.clone(), sealed.open(share)));
        let Some(opened) = deadline.bound(&self.shared.timers, opening).await else {
            return Err(no_data_key()
                .with_retryable(true)
                .with_elapsed(deadline.elapsed()));
        };
        let opened = opened?;
        self.count_migrated(opened.migrated().len());
        Ok(opened)
    }

    /// The share of a query's items to open at a time.
    pub fn share(&self, from: usize, wanted: usize) -> Share {
        let most = self.shared.config.max_decompressed;
        Share {
            from,
            wanted,
            room: most.min(OPEN_AT_ONCE),
            most,
            at_least_one: true,
        }
    }

    fn count_migrated(&self, count: usize) {
        if let Some(observers) = &self.observers
            && count > 0
        {
            observers.migrated(count as u64);
        }
    }
}
