//! Meters: which of them count the calls made at this point of the program, as a context variable says.

use std::sync::Arc;

use pydynox_core::limiter::{Limiter, RateLimit};
use pydynox_core::usage::{Budget, Observers, Tally, Usage};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyTuple};

use crate::connection::capture::Capture;
use crate::connection::isolation;
use crate::exceptions::raise;

/// The context variable of the active meters, once there was one.
static VARIABLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Requests, retries, throttles, read units, write units.
type Numbers = (u64, u64, u64, f64, f64);

/// Counts calls: of one client, or of all.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Meter {
    pub(crate) usage: Arc<Usage>,
    /// The number of the client whose calls are counted.
    client: Option<u64>,
    /// Returns where in the program a call is made.
    site: Option<Py<PyAny>>,
}

fn numbers(tally: Tally) -> Numbers {
    (
        tally.requests,
        tally.retries,
        tally.throttles,
        tally.read_units,
        tally.write_units,
    )
}

fn by_name(tallies: Vec<(String, Tally)>) -> Vec<(String, Numbers)> {
    tallies
        .into_iter()
        .map(|(name, tally)| (name, numbers(tally)))
        .collect()
}

#[pymethods]
impl Meter {
    /// `limits` are those of a budget: read units, write units, requests, and whether calls over it are refused.
    #[new]
    fn new(
        client: Option<u64>,
        limits: (Option<f64>, Option<f64>, Option<u64>, bool),
        site: Option<Py<PyAny>>,
    ) -> Self {
        let (read_units, write_units, requests, refuses) = limits;
        Self {
            usage: Arc::new(Usage::new(Budget {
                read_units,
                write_units,
                requests,
                refuses,
            })),
            client,
            site,
        }
    }

    /// Requests, retries, throttles, read units, write units.
    fn total(&self) -> Numbers {
        numbers(self.usage.total())
    }

    fn by_operation(&self) -> Vec<(String, Numbers)> {
        by_name(self.usage.by_operation())
    }

    fn by_table(&self) -> Vec<(String, Numbers)> {
        by_name(self.usage.by_table())
    }

    /// Plaintext values read where encrypted ones were expected.
    fn migrated(&self) -> u64 {
        self.usage.migrated()
    }

    /// Where calls were made, the most frequent place first.
    fn sites(&self) -> Vec<(String, u64)> {
        self.usage.sites()
    }

    /// What is over the budget, as text.
    fn excess(&self) -> Option<String> {
        self.usage.excess()
    }
}

/// The pace of a bulk job: it finds the available capacity itself.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Pace(pub(crate) Arc<Limiter>);

#[pymethods]
impl Pace {
    /// Ceilings in units per second, None for no ceiling.
    #[new]
    fn new(py: Python<'_>, read: Option<f64>, write: Option<f64>) -> PyResult<Self> {
        Limiter::adaptive(read, write)
            .map(|limiter| Self(Arc::new(limiter)))
            .map_err(|error| raise(py, &error))
    }
}

/// The context variable of the meters that count the calls made here: a tuple of them.
#[pyfunction]
pub(crate) fn meters_variable(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let variable = VARIABLE.get_or_try_init(py, || {
        let defaults = [(intern!(py, "default"), PyTuple::empty(py))];
        let variable = py
            .import(intern!(py, "contextvars"))?
            .getattr(intern!(py, "ContextVar"))?
            .call(("pydynox_meters",), Some(&defaults.into_py_dict(py)?))?;
        Ok::<_, PyErr>(variable.unbind())
    })?;
    Ok(variable.bind(py).clone())
}

/// What the context says about the calls made here.
pub(super) enum Here {
    /// Nothing: they are sent.
    Sent,
    /// They are sent and counted.
    Observed(Arc<Observers>),
    /// They are captured instead.
    Captured(Py<Capture>),
}

/// What happens to a call by the client with this number here.
pub(super) fn here(py: Python<'_>, client: u64) -> PyResult<Here> {
    let mut usages: Vec<_> = isolation::usage().into_iter().collect();
    let Some(variable) = VARIABLE.get(py) else {
        return Ok(observed(usages, None));
    };
    let meters = variable.bind(py).call_method0(intern!(py, "get"))?;
    let meters = meters.cast::<PyTuple>()?;
    let mut site = None;
    for meter in meters.iter() {
        // Of any client: code that is explained may use several, and none of them may send.
        if let Ok(capture) = meter.cast::<Capture>() {
            return Ok(Here::Captured(capture.clone().unbind()));
        }
        let meter = meter.cast::<Meter>()?.get();
        if meter.client.is_some_and(|own| own != client) {
            continue;
        }
        usages.push(meter.usage.clone());
        // Once per call, for all meters: finding the place walks the stack.
        if site.is_none()
            && let Some(find) = &meter.site
        {
            site = Some(find.bind(py).call0()?.extract::<String>()?);
        }
    }
    Ok(observed(usages, site.as_deref()))
}

fn observed(usages: Vec<Arc<Usage>>, site: Option<&str>) -> Here {
    if usages.is_empty() {
        return Here::Sent;
    }
    Here::Observed(Arc::new(Observers::new(usages, site)))
}

/// Refuses an invalid rate limit.
#[pyfunction]
#[pyo3(signature = (rcu, wcu, burst, /))]
pub(crate) fn check_rate_limit(
    py: Python<'_>,
    rcu: Option<f64>,
    wcu: Option<f64>,
    burst: f64,
) -> PyResult<()> {
    rate_limit((rcu, wcu, burst))
        .check()
        .map_err(|error| raise(py, &error))
}

/// A rate limit as Python passes it.
pub(crate) fn rate_limit(
    (read_units, write_units, burst): (Option<f64>, Option<f64>, f64),
) -> RateLimit {
    RateLimit {
        read_units,
        write_units,
        burst,
    }
}
