//! Engine: opening it, containing its panics, and turning its results into answers of the transport seam.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::{FailureKind, Request, Response, TransportError};

use crate::administration;
use crate::arn;
use crate::generation::{self, Pass};
use crate::memory::Memory;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::stack;
use crate::ttl::Sweeper;
use crate::wire;

/// An engine, whether it is open or not.
pub(crate) struct Engine {
    source: Arc<Source>,
    sweeper: Arc<Sweeper>,
    state: State,
}

enum State {
    /// Opened by the next request: right after a fork, every engine is closed.
    Closed,
    Open(Connection),
    /// A file that the parent process had open when it forked.
    Inherited,
    /// It panicked, with this message.
    Dead(Box<str>),
}

impl Engine {
    pub(crate) fn new(source: Arc<Source>, sweeper: Arc<Sweeper>) -> Self {
        Self {
            source,
            sweeper,
            state: State::Closed,
        }
    }

    /// Opens the engine, with the GIL held.
    pub(crate) fn open(&mut self) -> Result<(), Error> {
        let _pass = Pass::regardless();
        self.ensure_open().map_err(|why| {
            Error::new(
                ErrorKind::Configuration,
                format!("'{}' cannot be opened: {why}", self.source.place),
            )
        })
    }

    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, State::Dead(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Closes the engine until the next request.
    pub(crate) fn close(&mut self) {
        if matches!(self.state, State::Open(_)) {
            self.state = State::Closed;
        }
    }

    /// Refuses every request: opening the file in this process could damage it.
    pub(crate) fn refuse(&mut self) {
        self.state = State::Inherited;
    }

    /// Runs one request. The caller has a [`Pass`].
    pub(crate) fn answer(&mut self, request: &Request) -> Result<Response, TransportError> {
        let name = request.operation.name();
        self.ensure_open().map_err(|why| {
            let message = format!(
                "the embedded engine ({}) cannot be used: {why}",
                self.source.place
            );
            TransportError::not_sent(FailureKind::Engine, message)
        })?;
        // `ensure_open` has just opened it; the other states have returned an error.
        let State::Open(connection) = &self.state else {
            return Err(TransportError::not_sent(
                FailureKind::Engine,
                "the embedded engine is closed",
            ));
        };
        let work = || {
            connection.sweep(&self.sweeper);
            connection.execute(name, &request.body, &self.sweeper)
        };
        match stack::with_room(|| catch_unwind(AssertUnwindSafe(work))) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                let message = format!(
                    "the embedded engine ({}) wrote nothing: {why}",
                    self.source.place
                );
                Err(TransportError::not_sent(FailureKind::Engine, message))
            }
            Err(panic) => Err(self.die(name, panic.as_ref())),
        }
    }

    /// A copy of all tables as they are now. The caller has a [`Pass`].
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, Error> {
        self.administer(|database, memory, _| Snapshot::of(database, memory))
    }

    /// Makes all tables what they were. The caller has a [`Pass`].
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        self.administer(|database, memory, sweeper| {
            memory.replace(snapshot.write_to(database)?);
            // One of its tables may have time to live.
            sweeper.need();
            Ok(())
        })
    }

    /// Uses the database without a request.
    fn administer<T>(
        &mut self,
        work: impl FnOnce(&Database, &mut Memory, &Sweeper) -> Result<T, String>,
    ) -> Result<T, Error> {
        let broken = |place: &dyn std::fmt::Display, why: &str| {
            let message = format!("the embedded engine ({place}) cannot be copied: {why}");
            Error::new(ErrorKind::Internal, message)
        };
        self.ensure_open()
            .map_err(|why| broken(&self.source.place, &why))?;
        let State::Open(Connection {
            database: Some(database),
            memory,
            ..
        }) = &mut self.state
        else {
            return Err(broken(&self.source.place, "it is closed"));
        };
        let done = stack::with_room(|| {
            catch_unwind(AssertUnwindSafe(|| work(database, memory, &self.sweeper)))
        });
        done.unwrap_or_else(|panic| Err(text(panic.as_ref()).to_owned()))
            .map_err(|why| broken(&self.source.place, &why))
    }

    fn ensure_open(&mut self) -> Result<(), String> {
        match &self.state {
            State::Open(_) => Ok(()),
            State::Dead(why) => Err(format!(
                "it stopped after an internal error ({why}); create a new client, and please report this"
            )),
            State::Inherited => Err(
                "the file was open while this process was forked without notice; fork with os.fork() or multiprocessing, \
                 or open it in the child only"
                    .to_owned(),
            ),
            State::Closed => {
                let database = stack::with_room(|| catch_unwind(AssertUnwindSafe(|| self.source.make())))
                    .unwrap_or_else(|panic| Err(text(panic.as_ref()).into()))?;
                self.state = State::Open(Connection::new(database, &self.source));
                Ok(())
            }
        }
    }

    /// Abandons the engine: its lock is poisoned, and its connection may be in the middle of a transaction.
    fn die(&mut self, operation: &str, panic: &(dyn std::any::Any + Send)) -> TransportError {
        let why = text(panic);
        let broken = mem::replace(&mut self.state, State::Dead(why.into()));
        // Rolls back and releases the file for the next one that opens it.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        TransportError::maybe_sent(
            FailureKind::Engine,
            format!(
                "the embedded engine ({}) failed inside {operation}: {why}; it is stopped, create a new client, and please report this",
                self.source.place
            ),
        )
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// A database that is closed only by the process that opened it.
struct Connection {
    database: Option<Database>,
    memory: Box<Memory>,
    generation: u64,
    process: u32,
}

impl Connection {
    fn new(database: Database, source: &Source) -> Self {
        Self {
            database: Some(database),
            memory: Box::new(Memory::new(source.file())),
            generation: generation::now(),
            process: std::process::id(),
        }
    }

    fn sweep(&self, sweeper: &Sweeper) {
        let Some(database) = self.database.as_ref().filter(|_| sweeper.is_due()) else {
            return;
        };
        let begun = Instant::now();
        // If a sweep fails (a file locked by another process), the next one makes up for it.
        let _ = database.sweep_ttl();
        sweeper.swept(begun.elapsed());
    }

    /// Runs an operation; an error is the reason why the engine could not write, and means that nothing was written.
    fn execute(&self, operation: &str, body: &[u8], sweeper: &Sweeper) -> Result<Response, String> {
        let Some(database) = &self.database else {
            return Ok(Response::default());
        };
        let Ok(text) = std::str::from_utf8(body) else {
            return Ok(refused(&wire::malformed("the body is not UTF-8")));
        };
        let plain = arn::plain(text);
        let text = plain.as_ref().map_or(text, |plain| plain.body.as_str());
        let session = Session {
            database,
            sweeper,
            memory: &self.memory,
        };
        Ok(match wire::execute(session, operation, text) {
            Some(Ok(answer)) => {
                let answer = arn::with_real_region(operation, answer);
                let answer = match plain {
                    Some(plain) => plain.as_given(answer),
                    None => answer,
                };
                response(200, answer)
            }
            Some(Err(error)) if is_without_room(&error) => {
                return Err("the disk is full; make room, then try again".to_owned());
            }
            Some(Err(error)) => refused(&error),
            None => match administration::answer(session, operation, text) {
                Some((status, body)) => response(status, body),
                None => response(400, wire::unknown_operation(operation)),
            },
        })
    }
}

/// Whether the engine ran out of disk space. It has then rolled back; `SQLite` reports it with this text.
fn is_without_room(error: &DynoxideError) -> bool {
    let is_internal = matches!(
        error,
        DynoxideError::SqliteError(_) | DynoxideError::InternalServerError(_)
    );
    is_internal && error.to_string().contains("database or disk is full")
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The generation alone is not enough: a fork that bypasses Python does not raise it.
        if self.process != std::process::id() || self.generation != generation::now() {
            mem::forget(self.database.take());
            return;
        }
        let _pass = Pass::regardless();
        stack::with_room(|| self.database = None);
    }
}

fn refused(error: &DynoxideError) -> Response {
    response(error.status_code(), error.to_json().into_bytes())
}

fn response(status: u16, body: Vec<u8>) -> Response {
    Response {
        status,
        body: Bytes::from(body),
        // Written by a serializer and not touched since.
        verified: true,
        ..Response::default()
    }
}
