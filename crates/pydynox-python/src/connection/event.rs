//! Events as Python sees them: one class for all kinds, whose attributes are converted when they are read.

use std::num::NonZeroU64;
use std::time::{Duration, UNIX_EPOCH};

use pydynox_core::error::Error;
use pydynox_core::events::{self, About, Details, Kind, Kinds};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::exceptions::class_of;

/// One thing that happened.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Event(pub(crate) events::Event);

impl Event {
    fn about(&self) -> Option<&About> {
        self.0.about.as_deref()
    }

    fn details(&self) -> &Details {
        &self.0.details
    }

    fn failure(&self) -> Option<&Error> {
        self.details().error.as_ref()
    }

    fn since_epoch(&self) -> Duration {
        self.0.at.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

type Outcome<'a> = (
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<u64>,
    Option<u32>,
    Option<f64>,
    Option<u16>,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
);

type Measures<'a> = (
    Option<NonZeroU64>,
    Option<usize>,
    Option<f64>,
    Option<f64>,
    Option<u64>,
    Option<u64>,
    Option<&'a str>,
    Option<u16>,
    u64,
    Option<f64>,
    Option<f64>,
);

/// The attributes, in the order in which they are shown.
const ATTRIBUTES: [&str; 30] = [
    "kind",
    "call",
    "batch",
    "operation",
    "table",
    "tables",
    "index",
    "batch_size",
    "attempt",
    "pause",
    "elapsed",
    "status",
    "request_id",
    "error",
    "code",
    "throttling_reasons",
    "read_units",
    "write_units",
    "count",
    "scanned_count",
    "unprocessed",
    "request_size",
    "response_size",
    "host",
    "connection_wait",
    "connection_use",
    "reason",
    "source",
    "time",
    "time_ns",
];

#[pymethods]
impl Event {
    #[classattr]
    fn __match_args__(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
        PyTuple::new(py, ["kind", "operation", "table"])
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.name()
    }

    /// The bits of its kinds, as `event_bits()` numbers them.
    #[getter]
    fn bits(&self) -> u32 {
        self.0.kinds().bits()
    }

    /// Several attributes at once, for what reads them of each call: operation, table, index, call, attempt, elapsed, status,
    /// request ID, error, code.
    #[getter]
    fn outcome(&self) -> Outcome<'_> {
        (
            self.operation(),
            self.table(),
            self.index(),
            self.call(),
            self.attempt(),
            self.elapsed(),
            self.status(),
            self.request_id(),
            self.error(),
            self.code(),
        )
    }

    /// The same of others: batch, batch size, read units, write units, count, scanned count, address, port, time in nanoseconds,
    /// seconds of waiting for a connection and of its use.
    #[getter]
    fn measures(&self) -> Measures<'_> {
        let address = self.details().address.as_deref();
        (
            self.batch(),
            self.batch_size(),
            self.read_units(),
            self.write_units(),
            self.count(),
            self.scanned_count(),
            address.map(|address| &*address.host),
            address.map(|address| address.port),
            self.time_ns(),
            self.connection_wait(),
            self.connection_use(),
        )
    }

    #[getter]
    fn call(&self) -> Option<u64> {
        self.about().map(|about| about.number)
    }

    #[getter]
    fn batch(&self) -> Option<NonZeroU64> {
        self.about()?.batch
    }

    #[getter]
    fn operation(&self) -> Option<&str> {
        self.0.operation()
    }

    #[getter]
    fn table(&self) -> Option<&str> {
        match &self.about()?.tables[..] {
            [table] => Some(table),
            _ => None,
        }
    }

    #[getter]
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let tables = self.about().map_or(&[][..], |about| &about.tables);
        PyTuple::new(py, tables.iter().map(|table| &**table))
    }

    #[getter]
    fn index(&self) -> Option<&str> {
        self.about()?.index.as_deref()
    }

    #[getter]
    fn batch_size(&self) -> Option<usize> {
        self.about()?.size
    }

    #[getter]
    fn attempt(&self) -> Option<u32> {
        self.details().attempt
    }

    #[getter]
    fn pause(&self) -> Option<f64> {
        self.details().pause.map(|pause| pause.as_secs_f64())
    }

    #[getter]
    fn elapsed(&self) -> Option<f64> {
        self.details().elapsed.map(|elapsed| elapsed.as_secs_f64())
    }

    #[getter]
    fn status(&self) -> Option<u16> {
        self.details().status
    }

    #[getter]
    fn request_id(&self) -> Option<&str> {
        self.details().request_id.as_deref()
    }

    /// The name of the exception's class.
    #[getter]
    fn error(&self) -> Option<&'static str> {
        self.failure().map(class_of)
    }

    #[getter]
    fn code(&self) -> Option<&str> {
        self.failure()?.code()
    }

    #[getter]
    fn throttling_reasons(&self) -> Vec<(String, String)> {
        self.failure()
            .map_or_else(Vec::new, |error| error.throttling_reasons().to_vec())
    }

    #[getter]
    fn read_units(&self) -> Option<f64> {
        self.details().read_units
    }

    #[getter]
    fn write_units(&self) -> Option<f64> {
        self.details().write_units
    }

    #[getter]
    fn count(&self) -> Option<u64> {
        self.details().items
    }

    #[getter]
    fn scanned_count(&self) -> Option<u64> {
        self.details().scanned
    }

    #[getter]
    fn unprocessed(&self) -> Option<u64> {
        self.details().unprocessed
    }

    #[getter]
    fn request_size(&self) -> Option<usize> {
        self.about().map(|about| about.request_size)
    }

    #[getter]
    fn response_size(&self) -> Option<usize> {
        self.details().response_size
    }

    #[getter]
    fn host(&self) -> Option<&str> {
        Some(&*self.details().address.as_ref()?.authority)
    }

    #[getter]
    fn connection_wait(&self) -> Option<f64> {
        let waited = self.details().connection.waited;
        waited.map(|time| time.as_secs_f64())
    }

    #[getter]
    fn connection_use(&self) -> Option<f64> {
        let used = self.details().connection.used;
        used.map(|time| time.as_secs_f64())
    }

    #[getter]
    fn reason(&self) -> Option<&'static str> {
        self.details().reason
    }

    #[getter]
    fn source(&self) -> Option<&str> {
        self.details().source.as_deref()
    }

    #[getter]
    fn time(&self) -> f64 {
        self.since_epoch().as_secs_f64()
    }

    #[getter]
    fn time_ns(&self) -> u64 {
        u64::try_from(self.since_epoch().as_nanos()).unwrap_or(u64::MAX)
    }

    #[getter]
    fn request_body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let body = self.about()?.request.as_ref()?;
        Some(PyBytes::new(py, body))
    }

    #[getter]
    fn response_body<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let body = self.details().response.as_ref()?;
        Some(PyBytes::new(py, body))
    }

    /// Whether it holds the body of its request or response.
    #[getter]
    fn has_bodies(&self) -> bool {
        self.0.has_bodies()
    }

    /// The same event for those that did not ask for bodies.
    fn without_bodies(&self) -> Self {
        Self(self.0.without_bodies())
    }

    /// The attributes that it has, without the bodies.
    fn as_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let attributes = PyDict::new(slf.py());
        for name in ATTRIBUTES {
            let value = slf.getattr(name)?;
            let is_empty = value.is_none() || value.len().is_ok_and(|length| length == 0);
            if !is_empty {
                attributes.set_item(name, value)?;
            }
        }
        Ok(attributes)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut parts = Vec::new();
        for (name, value) in Self::as_dict(slf)?.iter() {
            let name = name.to_string();
            // In `table` and `time` too.
            let is_repeated = name == "time_ns" || name == "tables" && slf.get().table().is_some();
            if !is_repeated {
                parts.push(format!("{name}={}", value.repr()?));
            }
        }
        let text = parts.join(", ");
        Ok(format!("Event({text})"))
    }
}

/// The bits of these kinds of events, of the attempts of calls that needed several, and of what events contain: bodies, consumed
/// capacity.
#[pyfunction]
#[pyo3(signature = (kinds, repeated_attempts, bodies, capacity, /))]
pub(crate) fn event_bits(
    kinds: Vec<String>,
    repeated_attempts: bool,
    bodies: bool,
    capacity: bool,
) -> PyResult<u32> {
    let mut wanted = Kinds::NONE;
    for name in kinds {
        let kind = Kind::from_name(&name).ok_or_else(|| PyValueError::new_err(name))?;
        wanted = wanted.with(kind);
    }
    if repeated_attempts {
        wanted = wanted.and(Kinds::REPEATED_ATTEMPTS);
    }
    if bodies {
        wanted = wanted.and(Kinds::BODIES);
    }
    if capacity {
        wanted = wanted.and(Kinds::CAPACITY);
    }
    Ok(wanted.bits())
}

/// The names of all kinds of events.
#[pyfunction]
pub(crate) fn event_kinds(py: Python<'_>) -> PyResult<Bound<'_, PyTuple>> {
    PyTuple::new(py, Kind::ALL.map(Kind::name))
}
