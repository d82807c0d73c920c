//! The client: one call, its deadline, and the only retry loop.

mod meter;
#[cfg(test)]
mod tests;
mod waiter;

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::{Opened, Protection, Sealed, Share};
use crate::error::{Error, ErrorKind};
use crate::limiter::{Limiter, RateLimit};
use crate::operation::put_item;
use crate::retry::ambiguity::Ambiguity;
use crate::retry::classify::{self, Failed};
use crate::retry::deadline::{Deadline, Pause, Timers, check_timeout};
use crate::retry::policy::{Class, Jitter, Quota, backoff};
use crate::retry::proof::Proof;
use crate::size::check_item_size;
use crate::transaction::{Transaction, new_token};
use crate::transport::{Ailment, Operation, Progress, Request, Transport, TransportError};
use crate::unique::{self, Taken};
use crate::usage::Observers;

use meter::Meter;

pub use waiter::{Goal, TABLE_WAIT_TIMEOUT, Waiter};

/// How a client behaves; every field has a default.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Longest time for one call, all attempts and pauses together; `None` waits for ever.
    pub timeout: Option<Duration>,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// Send writes again after an ambiguous attempt even when that may apply them twice.
    pub retry_unsafe_writes: bool,
    /// Bytes that may be unpacked at once, of all protected values of an item, or of the items of an answer that is taken whole.
    pub max_decompressed: usize,
    /// The randomness of pauses between attempts.
    pub jitter: Jitter,
    /// How fast calls may use capacity; `None` as fast as they come.
    pub rate_limit: Option<RateLimit>,
}

impl ClientConfig {
    /// Whether every setting is in range; for callers that open the transport later.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] names the setting that is not.
    pub fn check(&self) -> Result<(), Error> {
        check_timeout(self.timeout)?;
        if self.max_attempts == 0 {
            return Err(Error::new(
                ErrorKind::Configuration,
                "max_attempts must be at least 1, the first attempt; got 0",
            ));
        }
        if self.max_decompressed == 0 {
            return Err(Error::new(
                ErrorKind::Configuration,
                "max_decompressed must be at least 1 byte; got 0",
            ));
        }
        self.rate_limit.map_or(Ok(()), |limit| limit.check())
    }
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            max_attempts: 4,
            retry_unsafe_writes: false,
            max_decompressed: MAX_DECOMPRESSED,
            jitter: Jitter::default(),
            rate_limit: None,
        }
    }
}

/// May this write be sent again after an attempt that may have been applied?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resend {
    /// Reads, and writes that do the same when they are applied twice.
    Always,
    /// The write falsifies its own guard, so that it cannot be applied twice.
    OwnGuard,
    /// The request carries a token by which the service knows it again.
    Token,
    /// No.
    Never,
}

/// What the caller wants, which decides what a failed guard means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Intent {
    /// A failed guard is a failed condition.
    #[default]
    Plain,
    /// A failed guard means that the item is already there.
    Create,
    /// The same, unless no item came back: then a caller's condition was false for nothing.
    CreateIf,
    /// A failed guard means that the item vanished, or that another condition failed if an item came back.
    Save,
    /// A failed guard means that there is no such item, or that another condition failed if an item came back.
    Existing,
    /// Nothing is written, whatever the operation can do.
    Read,
}

impl Intent {
    /// What a failed guard means to the caller; `item` is the stored one, if it came back.
    pub fn failed_guard(self, item: Option<Bytes>) -> ErrorKind {
        match (self, item) {
            (Self::Create, item) | (Self::CreateIf, item @ Some(_)) => {
                ErrorKind::ItemAlreadyExists { item }
            }
            (Self::Save, None) => ErrorKind::ItemVanished,
            (Self::Existing, None) => ErrorKind::ItemNotFound,
            (_, item) => ErrorKind::ConditionFailed { item },
        }
    }
}

/// One request of a caller.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The table, for errors and waiters.
    pub table: Arc<str>,
    /// The JSON body; every attempt sends the same bytes.
    pub body: Bytes,
    /// Whether a write may be sent again after an ambiguous attempt.
    pub resend: Resend,
    /// What a failed guard means.
    pub intent: Intent,
    /// What tells this write's own item from what others wrote; most calls have nothing.
    pub proof: Option<Box<Proof>>,
    /// Where a token of 36 characters stands in the body that is ours, so that a new one may take its place.
    pub own_token: Option<usize>,
    /// Replaces the client's time-out for this call; `Duration::MAX` waits for ever, zero is over before anything is sent.
    pub timeout: Option<Duration>,
}

/// Bytes of protected values that may be unpacked at once, unless a client says otherwise.
pub const MAX_DECOMPRESSED: usize = 64 * 1024 * 1024;

/// So many bytes of a reading's rows are opened at a time: what takes a few milliseconds, here and where they are decoded.
const OPEN_AT_ONCE: usize = 8 * 1024 * 1024;

fn no_data_key() -> Error {
    let message = "the keyring gave no data key before the call's timeout; try again, or allow more time with timeout=";
    Error::new(ErrorKind::Timeout, message)
}

/// An answer of the service that is well formed.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JSON body.
    pub body: Bytes,
    /// The id under which the service knows the request.
    pub request_id: Option<Box<str>>,
    /// How many attempts it took.
    pub attempts: u32,
    /// What was asked for.
    pub operation: Operation,
    /// Of which table.
    pub table: Arc<str>,
    /// Of an answer that is one item, which values were plaintext where they should have been encrypted: 0, and the attribute by
    /// its index in the protected schema.
    pub migrated: Vec<(usize, usize)>,
    /// Of an answer of several items, what is to be opened as they are taken.
    pub sealed: Option<Arc<Sealed>>,
    /// What of it was opened at once.
    pub opened: Option<Arc<Opened>>,
}

impl Answer {
    /// An item of several, by its number and its place, as it is to be read.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or was not, because the items before it have too many bytes.
    pub fn item(&self, number: usize, place: Range<usize>) -> Result<Bytes, Error> {
        let opened = match (&self.sealed, &self.opened) {
            (None, _) => return Ok(self.body.slice(place)),
            (Some(_), Some(opened)) if number < opened.until() => opened,
            _ => return Err(too_much_at_once()),
        };
        match opened.item(number) {
            None => Ok(self.body.slice(place)),
            Some(Ok(item)) => Ok(item),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// Which values of an item of several were plaintext.
    pub fn migrated_of(&self, number: usize) -> impl Iterator<Item = usize> {
        let opened = self.opened.iter().flat_map(|opened| opened.migrated());
        opened
            .filter(move |(item, _)| *item == number)
            .map(|(_, attribute)| *attribute)
    }
}

fn too_much_at_once() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the protected values of this answer have more bytes when they are unpacked than may be open at once: read fewer items at once, or allow more with DynamoDBClient(max_decompressed=...)",
    )
}

/// Sends calls over a transport; cheap to clone, all clones share one retry quota. Calls that do not end at their first poll
/// must all be polled in one runtime.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    observers: Option<Arc<Observers>>,
    protection: Option<Arc<Protection>>,
    pace: Option<Arc<Limiter>>,
    /// When all calls must be over, whatever each of them may take.
    until: Option<Deadline>,
}

struct Inner {
    transport: Arc<dyn Transport>,
    config: ClientConfig,
    quota: Quota,
    timers: Timers,
    limiter: Option<Limiter>,
}

impl Client {
    /// A client over this transport.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when a setting is out of range.
    pub fn new(transport: Arc<dyn Transport>, config: ClientConfig) -> Result<Self, Error> {
        config.check()?;
        let limiter = config.rate_limit.map(Limiter::new);
        let inner = Inner {
            transport,
            config,
            quota: Quota::new(),
            timers: Timers::default(),
            limiter,
        };
        Ok(Self {
            inner: Arc::new(inner),
            observers: None,
            protection: None,
            pace: None,
            until: None,
        })
    }

    /// The same client, whose calls these observers count.
    #[must_use]
    pub fn observed(self, observers: Arc<Observers>) -> Self {
        Self {
            observers: Some(observers),
            ..self
        }
    }

    /// The same client, whose calls protect values on their way like this.
    #[must_use]
    pub fn protected(self, protection: Option<Arc<Protection>>) -> Self {
        Self { protection, ..self }
    }

    /// The same client, whose calls keep to this limit in place of the client's own.
    #[must_use]
    pub fn paced(self, limiter: Option<Arc<Limiter>>) -> Self {
        Self {
            pace: limiter,
            ..self
        }
    }

    /// The same client, whose calls must all be over at this deadline, or at an earlier one that was set before.
    #[must_use]
    pub fn within(self, deadline: Deadline) -> Self {
        let until = self.until.map_or(deadline, |until| until.within(deadline));
        Self {
            until: Some(until),
            ..self
        }
    }

    /// When a call must be over that begins now. Whoever keeps to a pace has time, unless the call says otherwise.
    pub(crate) fn deadline(&self, asked: Option<Duration>) -> Deadline {
        let otherwise = match self.pace {
            None => self.inner.config.timeout,
            Some(_) => None,
        };
        self.bounded(Deadline::start(asked.or(otherwise)))
    }

    /// A deadline, but not after that of all calls.
    fn bounded(&self, deadline: Deadline) -> Deadline {
        match self.until {
            None => deadline,
            Some(until) => deadline.within(until),
        }
    }

    /// How its calls protect values on their way.
    pub fn protection(&self) -> Option<&Arc<Protection>> {
        self.protection.as_ref()
    }

    /// Whether both send over one transport until the same deadline, and the same observers count their calls; they may protect other values.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_observers = match (&self.observers, &other.observers) {
            (None, None) => true,
            (Some(one), Some(other)) => one.counts_for(other),
            _ => false,
        };
        Arc::ptr_eq(&self.inner, &other.inner) && same_observers && self.until == other.until
    }

    /// How the client behaves.
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// What answers its requests.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.inner.transport
    }

    /// A client of the same settings whose requests go through what wraps this one's transport; with a retry quota and a rate
    /// of its own.
    #[must_use]
    pub fn through(&self, wrap: impl FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport>) -> Self {
        let inner = Inner {
            transport: wrap(self.inner.transport.clone()),
            config: self.inner.config.clone(),
            quota: Quota::new(),
            timers: Timers::default(),
            limiter: self.inner.config.rate_limit.map(Limiter::new),
        };
        Self {
            inner: Arc::new(inner),
            ..self.clone()
        }
    }

    /// Whether the first poll of a call may run on the caller's thread, outside of any runtime.
    pub fn answers_inline(&self, operation: &Operation) -> bool {
        self.inner.transport.answers_inline(operation)
    }

    /// Sends a call; the only retry loop. Dropping the future aborts the exchange, and no attempt follows.
    ///
    /// It may be polled once outside of a runtime; if it is not ready then, it must be polled inside of one.
    ///
    /// # Errors
    /// Whatever the service or the transport answers, once no retry is left; [`ErrorKind::Timeout`] at the deadline;
    /// [`ErrorKind::WriteOutcomeUnknown`] when a write may have been applied and may not be sent again.
    pub fn call(&self, call: Call) -> impl Future<Output = Result<Answer, Error>> + Send + '_ {
        self.call_tracked(call, Progress::default())
    }

    /// The same, and tells how far it is.
    ///
    /// # Errors
    /// As of [`call`](Self::call).
    pub async fn call_tracked(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        match &self.protection {
            None => self.send(call, progress).await,
            // In a box of its own: what most calls never do takes no room in them.
            Some(protection) => Box::pin(self.call_protected(call, protection, progress)).await,
        }
    }

    /// The same with values that are protected before the first attempt, and opened in the answer. The time that the keyring takes
    /// is the call's.
    async fn call_protected(
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
                .with_retryable(!applied)
                .with_applied(applied)
                .with_elapsed(deadline.elapsed())
        };
        let sealing = Box::pin(protection.seal(&call.body));
        let sealed = deadline.bound(&self.inner.timers, sealing).await;
        call.body = sealed.ok_or_else(|| late(false))??.into();
        if call.operation == Operation::PutItem
            && let Some(item) = put_item::item(&call.body)?
        {
            check_item_size(&call.body[item]).map_err(|error| error.with_table(&*call.table))?;
        }
        call.timeout = Some(deadline.left().unwrap_or(Duration::MAX));
        let mut answer = match self.send(call, progress).await {
            Ok(answer) => answer,
            Err(error) => {
                let most = self.inner.config.max_decompressed;
                return Err(protection
                    .open_error(error, most, deadline, &self.inner.timers)
                    .await);
            }
        };
        // It was carried out, whatever becomes of what came back.
        let applied = !answer.operation.is_read();
        let found = protection.look(&answer.operation, &answer.body);
        let Some(found) = found.map_err(|error| error.with_applied(applied))? else {
            return Ok(answer);
        };
        let sealed = Sealed::new(found, answer.body.clone(), protection.clone());
        if answer.operation.answers_with_several() {
            answer.sealed = Some(Arc::new(sealed));
            return Ok(answer);
        }
        let share = Share::all(self.inner.config.max_decompressed);
        let opening = Box::pin(sealed.open(share));
        let opened = deadline.bound(&self.inner.timers, opening).await;
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

    /// Sends a call and opens its answer as a whole, as far as it may be open at once.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). Items that cannot be opened are no error of the call: see [`Answer::item`].
    pub async fn call_opened(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        let timeout = call.timeout;
        let mut answer = self.call_tracked(call, progress).await?;
        if let Some(sealed) = &answer.sealed {
            let share = Share::all(self.inner.config.max_decompressed);
            let opened = self.open(sealed, share, timeout).await;
            let applied = !answer.operation.is_read();
            let opened = opened.map_err(|error| error.with_applied(applied))?;
            answer.opened = Some(Arc::new(opened));
        }
        Ok(answer)
    }

    /// An item that the caller has already, with its protected values in place; `body` is what GetItem would answer. Nothing is
    /// sent but what the keyring sends.
    ///
    /// # Errors
    ///
    /// Those of opening an answer; [`ErrorKind::Timeout`] where the keyring takes too long.
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
        let Some(found) = protection.look(&answer.operation, &answer.body)? else {
            return Ok(answer);
        };
        let sealed = Sealed::new(found, answer.body.clone(), protection.clone());
        let share = Share::all(self.inner.config.max_decompressed);
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
    /// The keyring cannot be asked, or not in time. An item that cannot be opened is no error here: it has its own.
    pub async fn open(
        &self,
        sealed: &Sealed,
        share: Share,
        timeout: Option<Duration>,
    ) -> Result<Opened, Error> {
        let deadline = self.deadline(timeout);
        let opening = Box::pin(sealed.open(share));
        let Some(opened) = deadline.bound(&self.inner.timers, opening).await else {
            return Err(no_data_key()
                .with_retryable(true)
                .with_elapsed(deadline.elapsed()));
        };
        let opened = opened?;
        self.count_migrated(opened.migrated().len());
        Ok(opened)
    }

    /// What items of a reading are opened by at a time.
    pub fn share(&self, from: usize, wanted: usize) -> Share {
        let most = self.inner.config.max_decompressed;
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

    async fn send(&self, call: Call, progress: Progress) -> Result<Answer, Error> {
        let deadline = self.deadline(call.timeout);
        let mut run = Run::new(&self.inner, &call, deadline, progress);
        let is_over = self.until.is_some() && !run.deadline.allows(Duration::ZERO);
        if is_over || call.timeout.is_some_and(|timeout| timeout.is_zero()) {
            let error = run.out_of_time();
            return Err(run.in_context(error));
        }
        let mut meter = Meter::of(self, &call);
        if let Some(meter) = &mut meter {
            // In a box of its own: what most calls never do takes no room in them.
            let begun = Box::pin(meter.begin(&run.deadline)).await;
            run.body = begun.map_err(|error| run.in_context(error))?;
        }
        loop {
            let failed = match run.attempt().await {
                Ok(answer) => {
                    if let Some(meter) = &meter {
                        meter.settle(&answer);
                    }
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            run.progress.attempted(failed.ambiguous);
            let pause = match run.is_mended(&failed).await {
                Ok(true) => continue,
                Ok(false) => run.plan(failed, meter.as_ref()),
                Err(error) => Err(error),
            };
            match pause {
                Ok(pause) => Pause::new(pause).await,
                Err(error) => {
                    if let Some(meter) = &meter {
                        meter.failed(&error);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Sends a transaction. Where nothing but unique values of other items stood in its way, it is sent once more and takes the
    /// values that those items do not have any more.
    ///
    /// # Errors
    /// As of [`call`](Self::call).
    pub async fn call_repairing(
        &self,
        call: Call,
        progress: Progress,
        transaction: &Transaction,
        taken: &[Taken],
    ) -> Result<Answer, Error> {
        let deadline = self.deadline(call.timeout);
        let again = call.clone();
        let error = match self.call_tracked(call, progress.clone()).await {
            Err(error) if !error.ambiguous() => error,
            answered => return answered,
        };
        let Some(repaired) = unique::take_over(transaction, taken, &error) else {
            return Err(error);
        };
        let sealed = repaired.seal(None)?;
        let call = Call {
            body: sealed.body,
            own_token: sealed.own_token,
            timeout: Some(deadline.left().unwrap_or(Duration::MAX)),
            ..again
        };
        match self.call_tracked(call, progress).await {
            // The values are theirs after all; an attempt before may have taken them all the same.
            Err(other) if matches!(other.kind(), ErrorKind::TransactionCanceled { .. }) => {
                Err(error.with_ambiguous(other.ambiguous()))
            }
            answered => answered,
        }
    }
}

/// One call on its way through its attempts.
struct Run<'a> {
    client: &'a Inner,
    call: &'a Call,
    /// What is sent; the call's own body unless its token was replaced.
    body: Bytes,
    deadline: Deadline,
    ambiguity: Ambiguity,
    attempts: u32,
    /// Retries after a back-off; the next one pauses by it.
    retries: u32,
    /// What the last retry cost of the client's quota.
    paid: Option<u32>,
    /// The one free retry after a stale connection was used.
    renewed: bool,
    /// What the transport was asked to mend; each kind of thing once.
    mended: Mended,
    progress: Progress,
    last: Option<Error>,
}

/// What the transport was asked to mend during one call.
#[derive(Default)]
struct Mended {
    clock: bool,
    credentials: bool,
}

impl<'a> Run<'a> {
    fn new(client: &'a Inner, call: &'a Call, deadline: Deadline, progress: Progress) -> Self {
        let config = &client.config;
        Self {
            client,
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
            mended: Mended::default(),
            progress,
            last: None,
        }
    }

    async fn attempt(&mut self) -> Result<Answer, Failed> {
        self.attempts += 1;
        let request = Request {
            operation: self.call.operation.clone(),
            table: self.call.table.clone(),
            body: self.body.clone(),
            progress: self.progress.clone(),
        };
        if !self.progress.release() {
            return Err(classify::judge_transport(TransportError::cancelled()));
        }
        let response = match self
            .deadline
            .bound(&self.client.timers, self.client.transport.send(request))
            .await
        {
            Some(Ok(response)) => match classify::judge(response, self.call.intent) {
                Ok(response) => response,
                Err(failed) => return self.prove(failed),
            },
            Some(Err(error)) => return Err(classify::judge_transport(error)),
            None => {
                let ambiguous = !self.progress.is_held();
                return Err(Failed::at_deadline(self.out_of_time(), ambiguous));
            }
        };
        self.client.quota.give_back(self.paid);
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

    /// A failed guard in the light of what the write says about itself: after an attempt that may have been applied, a stored item
    /// that only this call can have made is its answer.
    fn prove(&self, failed: Failed) -> Result<Answer, Failed> {
        let Some(proof) = &self.call.proof else {
            return Err(failed);
        };
        if self.ambiguity.is_there()
            && let Some(item) = proof.own_item(&failed.error)
        {
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

    /// Whether the transport had a wrong clock or ended credentials and mended that: then the same request goes out again at
    /// once, uncounted. The service refused it, so that nothing was applied.
    async fn is_mended(&mut self, failed: &Failed) -> Result<bool, Error> {
        let Some(ailment) = failed.ailment.clone() else {
            return Ok(false);
        };
        let tried = match &ailment {
            Ailment::Clock { .. } => &mut self.mended.clock,
            Ailment::Credentials { .. } => &mut self.mended.credentials,
        };
        if std::mem::replace(tried, true) {
            return Ok(false);
        }
        let mending = self.client.transport.mend(ailment);
        let mended = match self.deadline.bound(&self.client.timers, mending).await {
            Some(Ok(mended)) => mended,
            Some(Err(error)) => return Err(self.give_up(error)),
            None => {
                let error = self.out_of_time();
                return Err(self.give_up(error));
            }
        };
        if mended {
            self.attempts -= 1;
        }
        Ok(mended)
    }

    /// The pause before the next attempt, or the error that ends the call.
    fn plan(&mut self, failed: Failed, meter: Option<&Meter<'_>>) -> Result<Duration, Error> {
        if let (Some(meter), Class::Throttling) = (meter, failed.class) {
            meter.throttled();
        }
        if failed.refused {
            self.attempts -= 1;
        }
        self.ambiguity.note(failed.ambiguous);
        let free = self.is_free(&failed);
        // Whoever keeps to a pace answers throttling by going slower, not by giving up.
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
        if !self.deadline.allows(pause) {
            return Err(self.too_late(failed.error));
        }
        if patient {
            // The pace falls as well: no need for pauses that grow and grow.
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
        self.last = Some(self.in_context(failed.error));
        Ok(pause)
    }

    /// Nothing of a cancelled transaction was applied: another attempt is another transaction, unless an earlier one may have been
    /// applied, which only its own token can tell.
    fn renew_token(&mut self) -> Result<(), Error> {
        let Some(at) = self.call.own_token.filter(|_| !self.ambiguity.is_there()) else {
            return Ok(());
        };
        let token = new_token()?;
        let mut body = self.body.to_vec();
        body[at..at + token.len()].copy_from_slice(token.as_bytes());
        self.body = body.into();
        Ok(())
    }

    /// A stale connection says nothing about the service: one retry on another one is neither paused for nor counted.
    fn is_free(&self, failed: &Failed) -> bool {
        failed.stale && !self.renewed && self.ambiguity.repeats_harmlessly()
    }

    fn may_retry(&self, failed: &Failed, patient: bool) -> bool {
        failed.class.is_retryable()
            && (patient || self.attempts < self.client.config.max_attempts)
            && self.ambiguity.may_send_again()
    }

    fn backoff(&self, failed: &Failed) -> Duration {
        backoff(
            failed.class,
            self.retries,
            failed.wish,
            &self.client.config.jitter,
        )
    }

    fn pay(&mut self, class: Class) -> bool {
        self.paid = self.client.quota.take(class);
        self.retries += 1;
        self.paid.is_some()
    }

    fn too_late(&mut self, error: Error) -> Error {
        self.last = Some(self.in_context(error));
        let timeout = self.out_of_time();
        self.give_up(timeout)
    }

    /// The deadline is here, or too near for another attempt.
    fn out_of_time(&mut self) -> Error {
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

    fn in_context(&self, error: Error) -> Error {
        let error = error
            .with_operation(self.call.operation.name())
            .with_attempts(self.attempts)
            .with_elapsed(self.deadline.elapsed());
        if self.call.table.is_empty() {
            error
        } else {
            error.with_table(&*self.call.table)
        }
    }
}
