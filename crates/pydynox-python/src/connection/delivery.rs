//! Delivery of events: with the end of a call, on the thread of its caller.

use std::sync::Arc;

use pydynox_core::client::Client as CoreClient;
use pydynox_core::events::{self, Stream, Trace};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyList};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::connection::event::Event;
use crate::interpreter::expected::Expected;
use crate::interpreter::runtime::Outcome;

/// What hands events to the observers of the client with a number, once there was an observer.
static DELIVER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The context variable that tells whether an observer runs here.
static OBSERVING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// `logging.DEBUG`
const DEBUG: i64 = 10;

/// Where the events of a call that begins now go; None if nothing observes it, or an observer makes it.
#[inline]
pub(crate) fn trace(py: Python<'_>, stream: &Arc<Stream>) -> PyResult<Option<Arc<Trace>>> {
    if stream.wanted().is_empty() {
        return Ok(None);
    }
    if let Some(variable) = OBSERVING.get(py)
        && variable
            .bind(py)
            .call_method0(intern!(py, "get"))?
            .is_truthy()?
    {
        return Ok(None);
    }
    Ok(Trace::begin(stream))
}

/// The end of a call, and the delivery of what happened in it.
struct Delivery {
    expected: Box<dyn Expected>,
    trace: Arc<Trace>,
    client: u64,
    /// Whether others may wait for the same call, so that it continues when this caller gives up.
    is_shared: bool,
}

/// What a call of the client with this number ends with: as `expected`, after its events are delivered.
pub(crate) fn delivering(
    core: &CoreClient,
    client: u64,
    expected: Box<dyn Expected>,
    is_shared: bool,
) -> Box<dyn Expected> {
    match core.trace() {
        None => expected,
        Some(trace) => Box::new(Delivery {
            expected,
            trace: trace.clone(),
            client,
            is_shared,
        }),
    }
}

impl Expected for Delivery {
    fn resolve(self: Box<Self>, py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>> {
        let Self {
            expected,
            trace,
            client,
            ..
        } = *self;
        // First, so that observers see instances as the call leaves them.
        let result = expected.resolve(py, outcome);
        deliver(py, client, trace.take())?;
        result
    }

    fn give_up(self: Box<Self>, py: Python<'_>, sent: bool) {
        let Self {
            expected,
            trace,
            client,
            is_shared,
        } = *self;
        expected.give_up(py, sent);
        if !is_shared {
            trace.cancel();
        }
        if let Err(error) = deliver(py, client, trace.take()) {
            error.write_unraisable(py, None);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.expected.traverse(visit)
    }
}

/// A client was opened: logging is switched on if the program has set it up. Done here, once for a client, so that no call pays
/// for the question.
pub(crate) fn notice_logging(py: Python<'_>) -> PyResult<()> {
    if is_logging_set_up(py)? {
        py.import(intern!(py, "pydynox._observe.logs"))?
            .call_method0(intern!(py, "switch_on"))?;
    }
    Ok(())
}

/// Whether the environment asks for logs, or `logging` has a logger of pydynox or lets everything through.
fn is_logging_set_up(py: Python<'_>) -> PyResult<bool> {
    if std::env::var_os("PYDYNOX_LOG").is_some_and(|level| !level.is_empty()) {
        return Ok(true);
    }
    let modules = py
        .import(intern!(py, "sys"))?
        .getattr(intern!(py, "modules"))?;
    let modules = modules.cast_into::<PyDict>()?;
    // A program that has not imported it has not set it up.
    let Some(logging) = modules.get_item(intern!(py, "logging"))? else {
        return Ok(false);
    };
    let root = logging.getattr(intern!(py, "root"))?;
    let level: i64 = root.getattr(intern!(py, "level"))?.extract()?;
    let loggers = root
        .getattr(intern!(py, "manager"))?
        .getattr(intern!(py, "loggerDict"))?;
    Ok((1..=DEBUG).contains(&level) || loggers.contains(intern!(py, "pydynox"))?)
}

/// Hands events to their observers.
pub(crate) fn deliver(py: Python<'_>, client: u64, events: Vec<events::Event>) -> PyResult<()> {
    let Some(function) = DELIVER.get(py).filter(|_| !events.is_empty()) else {
        return Ok(());
    };
    let events = events.into_iter().map(|event| Py::new(py, Event(event)));
    let events = PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?;
    function.call1(py, (client, events)).map(drop)
}

/// Hand events to this function from now on, with the number of their client.
#[pyfunction]
#[pyo3(signature = (function, /))]
pub(crate) fn deliver_events_to(py: Python<'_>, function: Py<PyAny>) {
    let _ = DELIVER.set(py, function);
}

/// Report an exception that no caller can receive; `object` is what raised it.
#[pyfunction]
#[pyo3(signature = (problem, object, /))]
pub(crate) fn report_unraisable(problem: Bound<'_, PyAny>, object: &Bound<'_, PyAny>) {
    PyErr::from_value(problem).write_unraisable(object.py(), Some(object));
}

/// The context variable that tells whether an observer runs here, so that its own calls are not observed.
#[pyfunction]
pub(crate) fn observing_variable(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let variable = OBSERVING.get_or_try_init(py, || {
        let defaults = [(intern!(py, "default"), false)];
        let variable = py
            .import(intern!(py, "contextvars"))?
            .getattr(intern!(py, "ContextVar"))?
            .call(("pydynox_observing",), Some(&defaults.into_py_dict(py)?))?;
        Ok::<_, PyErr>(variable.unbind())
    })?;
    Ok(variable.bind(py).clone())
}
