//! Operation: the lazy awaitable that every call returns, and the drive that blocks instead of yielding.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pydynox_core::process::Maker;
use pydynox_core::transport::Progress;
use pyo3::exceptions::{PyBaseException, PyOSError, PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTraceback;
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::interpreter::bridge::{self, Ticket, Waiter};
use crate::interpreter::coalesce::JoinableRead;
use crate::interpreter::expected::Expected;
use crate::interpreter::ffi::{self, Sent, Step, Steps};
use crate::interpreter::runtime::{Blocking, Exchange, Guarded, Outcome};

thread_local! {
    /// Whether this thread drives a coroutine that must not yield.
    static BLOCKING: Cell<bool> = const { Cell::new(false) };
}

enum Stage {
    /// Nothing was sent yet.
    Ready { exchange: Exchange, inline: bool },
    /// Nothing was sent yet; it is sent together with others.
    Gathered(JoinableRead),
    /// The I/O thread runs it.
    Waiting(Ticket),
    /// The answer has arrived, undecoded.
    Ended(Outcome),
    /// Awaited and read, or cancelled.
    Over,
}

struct State {
    stage: Stage,
    expected: Option<Box<dyn Expected>>,
    /// How far its only call has got.
    progress: Option<Progress>,
}

/// A call that is sent when it is awaited.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Operation {
    state: Mutex<State>,
    maker: Maker,
}

impl Drop for Operation {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut state.stage, Stage::Over);
        self.maker.let_go(before);
    }
}

impl Operation {
    /// `inline`: the first poll may run on the calling thread.
    pub(crate) fn new(
        py: Python<'_>,
        exchange: Exchange,
        inline: bool,
        expected: Box<dyn Expected>,
    ) -> PyResult<Py<Self>> {
        let first = Stage::Ready { exchange, inline };
        Self::at(py, first, expected, None)
    }

    /// One call, which reports its progress.
    pub(crate) fn tracked(
        py: Python<'_>,
        (exchange, progress): (Exchange, Progress),
        inline: bool,
        expected: Box<dyn Expected>,
    ) -> PyResult<Py<Self>> {
        let first = Stage::Ready { exchange, inline };
        Self::at(py, first, expected, Some(progress))
    }

    /// A read that is sent together with others.
    pub(crate) fn gathered(
        py: Python<'_>,
        read: JoinableRead,
        expected: Box<dyn Expected>,
    ) -> PyResult<Py<Self>> {
        Self::at(py, Stage::Gathered(read), expected, None)
    }

    fn at(
        py: Python<'_>,
        first: Stage,
        expected: Box<dyn Expected>,
        progress: Option<Progress>,
    ) -> PyResult<Py<Self>> {
        let state = Mutex::new(State {
            stage: first,
            expected: Some(expected),
            progress,
        });
        let maker = Maker::this();
        Py::new(py, Self { state, maker })
    }

    /// Called by the bridge on the loop's thread, with the operation that waited there.
    fn finish_waiting(waiting: &Bound<'_, PyAny>, outcome: Outcome) {
        if let Ok(operation) = waiting.cast::<Self>() {
            operation.get().finish(outcome);
        }
    }

    fn finish(&self, outcome: Outcome) {
        let before = std::mem::replace(&mut self.lock().stage, Stage::Ended(outcome));
        drop(before);
    }

    /// What the bridge gets for it.
    fn waiting(slf: &Bound<'_, Self>) -> Waiter {
        Waiter {
            object: slf.clone().into_any().unbind(),
            finish: Self::finish_waiting,
        }
    }

    /// Hands the future to the loop, which resumes the operation once it is done.
    fn wait_for<'py>(&self, future: Bound<'py, PyAny>, ticket: Ticket) -> PyResult<Step<'py>> {
        self.take(Stage::Waiting(ticket));
        // `Future.__await__` sets this for the task that it yields to.
        future.setattr(intern!(future.py(), "_asyncio_future_blocking"), true)?;
        Ok(Step::Waits(future))
    }

    /// The decoded answer, or the error.
    fn resolve<'py>(&self, py: Python<'py>, outcome: Outcome) -> PyResult<Step<'py>> {
        let expected = self.lock().expected.take();
        let Some(expected) = expected else {
            return Err(PyRuntimeError::new_err("this operation was abandoned"));
        };
        expected.resolve(py, outcome).map(Step::Returned)
    }

    /// Abandon the exchange; what it may have written counts as unsaved. What was not sent yet never will be.
    fn give_up(&self, py: Python<'_>) {
        let (expected, progress) = {
            let mut state = self.lock();
            (state.expected.take(), state.progress.take())
        };
        let is_untouched = || progress.is_some_and(|progress| progress.cancel());
        let sent = match self.take(Stage::Over) {
            Stage::Ready { .. } | Stage::Gathered(_) => false,
            // The parent process owns it and continues it.
            waiting @ Stage::Waiting(_) if !self.maker.is_this() => {
                std::mem::forget(waiting);
                true
            }
            Stage::Waiting(ticket) => {
                // Before the abort: the sender may be about to write, and this is where the two agree on who is first.
                let untouched = is_untouched();
                ticket.abort(py);
                !untouched
            }
            Stage::Ended(outcome) => {
                // It was answered but not read: only an error that is definite proves that nothing was written.
                !outcome.is_err_and(|error| !error.ambiguous() && !error.applied())
            }
            // A blocking call that a signal interrupted: its exchange was taken out by step(), and is gone.
            Stage::Over => !is_untouched(),
        };
        if let Some(expected) = expected {
            expected.give_up(py, sent);
        }
    }

    fn take(&self, next: Stage) -> Stage {
        std::mem::replace(&mut self.lock().stage, next)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Steps for Operation {
    fn step<'py>(slf: &Bound<'py, Self>) -> PyResult<Step<'py>> {
        let py = slf.py();
        let this = slf.get();
        // Taken at once, so that a second await finds it, no matter how this one ends.
        let (exchange, inline) = match this.take(Stage::Over) {
            Stage::Ended(outcome) => return this.resolve(py, outcome),
            Stage::Ready { exchange, inline } => (exchange, inline),
            Stage::Gathered(read) => {
                if let Some(event_loop) = bridge::running_loop(py)? {
                    let (future, ticket) = bridge::join(&event_loop, Self::waiting(slf), read)?;
                    return this.wait_for(future, ticket);
                }
                (read.alone(), false)
            }
            waiting @ Stage::Waiting(_) => {
                this.take(waiting);
                return Err(PyRuntimeError::new_err(
                    "a pydynox operation was resumed before its response had arrived",
                ));
            }
            Stage::Over => {
                return Err(PyRuntimeError::new_err("an operation can be awaited once"));
            }
        };
        let mut exchange = Guarded(exchange);
        if inline && let Poll::Ready(outcome) = poll_here(&mut exchange) {
            return this.resolve(py, outcome);
        }
        if let Some(event_loop) = bridge::running_loop(py)? {
            let (future, ticket) = bridge::start(&event_loop, Self::waiting(slf), exchange.0)?;
            return this.wait_for(future, ticket);
        }
        if !BLOCKING.get() {
            return Err(PyRuntimeError::new_err(
                "no asyncio event loop is running in this thread: await inside one, or use the .sync form",
            ));
        }
        match wait(py, exchange.0) {
            Ok(outcome) => this.resolve(py, outcome),
            Err(error) => {
                this.give_up(py);
                Err(error)
            }
        }
    }
}

#[pymethods]
impl Operation {
    fn __await__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, Self> {
        slf.clone()
    }

    /// Debuggers and tracers resume it with this; all others take the `send` slot.
    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        match Self::step(slf)? {
            Step::Waits(future) => Ok(future),
            Step::Returned(value) => Err(PyStopIteration::new_err((value.unbind(),))),
        }
    }

    /// The coroutine that awaits it was cancelled, or another exception is raised in it: the exchange is cancelled.
    #[pyo3(signature = (kind, value = None, traceback = None, /))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyTraceback>>,
    ) -> PyResult<()> {
        self.give_up(py);
        // An exception, or a class with or without a value: generators accept all of these forms.
        let value = value.filter(|value| !value.is_none());
        let error = match value {
            Some(value) if value.is_instance_of::<PyBaseException>() => PyErr::from_value(value),
            Some(value) => PyErr::from_value(kind.call1((value,))?),
            None => PyErr::from_value(kind),
        };
        if let Some(traceback) = traceback {
            error.set_traceback(py, Some(traceback));
        }
        Err(error)
    }

    /// The coroutine that awaits it is closed.
    fn close(&self, py: Python<'_>) {
        self.give_up(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.state.try_lock() {
            Ok(state) => state
                .expected
                .as_ref()
                .map_or(Ok(()), |expected| expected.traverse(&visit)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let before = self.lock().expected.take();
        drop(before);
    }
}

/// One poll on the calling thread: enough for an engine that answers immediately.
fn poll_here(exchange: &mut Guarded) -> Poll<Outcome> {
    std::future::Future::poll(
        std::pin::Pin::new(exchange),
        // No one is woken by this poll: the next one, on the runtime, registers a waker that counts.
        &mut Context::from_waker(Waker::noop()),
    )
}

/// Wait for the end of an exchange, with the interpreter released, checking for signals in between.
fn wait(py: Python<'_>, exchange: Exchange) -> PyResult<Outcome> {
    let mut blocking = Blocking::new(exchange).map_err(|error| {
        PyOSError::new_err(format!("the I/O runtime could not be started: {error}"))
    })?;
    loop {
        if let Some(outcome) = py.detach(|| blocking.wait()) {
            return Ok(outcome);
        }
        py.check_signals()?;
    }
}

/// Whether a coroutine that runs now is driven by a blocking call, so that it must not yield.
#[pyfunction]
pub(crate) fn is_blocking(py: Python<'_>) -> PyResult<bool> {
    Ok(BLOCKING.get() && bridge::running_loop(py)?.is_none())
}

/// Drive one pydynox coroutine to its end on the calling thread.
#[pyfunction]
#[pyo3(signature = (coroutine, /))]
pub(crate) fn run<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    drive(coroutine, || {
        "this coroutine awaited something other than a pydynox operation; it needs an event loop"
            .into()
    })
}

/// The same inside a running loop too, which waits meanwhile: for what arranges a test.
#[pyfunction]
#[pyo3(signature = (coroutine, /))]
pub(crate) fn run_aside<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let _suspended = bridge::Suspended::new(coroutine.py())?;
    drive_regardless(coroutine, || {
        "this coroutine awaited something other than a pydynox operation".into()
    })
}

/// The same for a hook, which an error names.
#[pyfunction]
#[pyo3(signature = (coroutine, hook, /))]
pub(crate) fn drive_hook<'py>(
    coroutine: &Bound<'py, PyAny>,
    hook: &str,
) -> PyResult<Bound<'py, PyAny>> {
    drive(coroutine, || {
        format!(
            "{hook} awaited something other than pydynox, which a blocking call cannot do: await the verb, or remove that await"
        )
    })
}

fn drive<'py>(
    coroutine: &Bound<'py, PyAny>,
    yielded: impl FnOnce() -> String,
) -> PyResult<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let Ok(close) = coroutine.getattr(intern!(py, "close")) else {
        let got = coroutine.get_type().qualname()?;
        return Err(PyTypeError::new_err(format!(
            "run() takes a coroutine of pydynox, such as User.get(\"u1\"), not {got}"
        )));
    };
    if bridge::running_loop(py)?.is_some() {
        close.call0()?;
        return Err(PyRuntimeError::new_err(
            "a blocking pydynox call inside a running event loop would stop it: use await",
        ));
    }
    if bridge::is_in_trio(py)? {
        close.call0()?;
        return Err(PyRuntimeError::new_err(
            "a blocking pydynox call inside a running trio loop would stop it: call it through trio.to_thread.run_sync",
        ));
    }
    drive_regardless(coroutine, yielded)
}

/// Drives a coroutine whatever loop runs in this thread.
fn drive_regardless<'py>(
    coroutine: &Bound<'py, PyAny>,
    yielded: impl FnOnce() -> String,
) -> PyResult<Bound<'py, PyAny>> {
    // Restored afterwards, not cleared: a hook of a blocking call may itself make one.
    let before = BLOCKING.replace(true);
    let sent = ffi::send_none(coroutine);
    BLOCKING.set(before);
    match sent? {
        Sent::Returned(value) => Ok(value),
        Sent::Yielded => {
            // Its `finally` blocks run now, while the caller sees the error.
            coroutine.call_method0(intern!(coroutine.py(), "close"))?;
            Err(PyRuntimeError::new_err(yielded()))
        }
    }
}
