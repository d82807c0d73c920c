//! Faults, seen from Python: extracts what a test injects into requests.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use pydynox_core::transport::Operation as Name;
use pydynox_core::transport::fault::{Fault, Injected, Plan, Refusal, Rule, Seen};
use pydynox_core::wire::Writer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::values::service_json;

/// What a test injects into requests, and what was injected.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Faults {
    pub(crate) plan: Arc<Plan>,
}

/// One rule as Python passes it.
#[derive(FromPyObject)]
struct Given<'py> {
    operation: Option<String>,
    kind: String,
    table: Option<String>,
    skip: u64,
    times: Option<u64>,
    seconds: f64,
    status: u16,
    code: String,
    message: String,
    members: Bound<'py, PyDict>,
}

/// Position of its rule, operation, table, number of the request, whether it was applied.
type Done = (usize, String, String, usize, Option<bool>);

#[pymethods]
impl Faults {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn new(rules: Vec<Given<'_>>) -> PyResult<Self> {
        let rules = rules.iter().map(Given::rule).collect::<PyResult<_>>()?;
        Ok(Self {
            plan: Arc::new(Plan::new(rules)),
        })
    }

    /// What was injected so far.
    fn injected(&self) -> Vec<Done> {
        self.plan.injected().iter().map(done).collect()
    }

    /// The requests that passed: the operation, the tables and the body of each.
    fn requests(&self) -> Vec<Recorded> {
        let requests = self.plan.requests();
        requests.iter().map(recorded).collect()
    }

    /// Forget the requests that passed so far.
    fn forget(&self) {
        self.plan.forget();
    }
}

/// Operation, tables, body.
type Recorded = (String, Vec<String>, Cow<'static, [u8]>);

fn recorded(request: &Seen) -> Recorded {
    (
        request.operation.name().to_owned(),
        request.tables(),
        Cow::Owned(request.body.to_vec()),
    )
}

fn done(injected: &Injected) -> Done {
    (
        injected.rule,
        injected.operation.name().to_owned(),
        injected.table.as_ref().to_owned(),
        injected.request,
        injected.applied,
    )
}

impl Given<'_> {
    fn rule(&self) -> PyResult<Rule> {
        Ok(Rule {
            operation: self.operation.as_deref().map(Name::from_name),
            table: self.table.as_deref().map(Into::into),
            skip: self.skip,
            times: self.times,
            fault: self.fault()?,
        })
    }

    fn fault(&self) -> PyResult<Fault> {
        Ok(match self.kind.as_str() {
            "error" => Fault::Refuse(self.refusal()?),
            "error_after" => Fault::Replace(self.refusal()?),
            "unreachable" => Fault::Unreachable,
            "reset" => Fault::Reset,
            "stall" => Fault::Stall,
            "latency" => Fault::Latency(
                Duration::try_from_secs_f64(self.seconds)
                    .map_err(|error| PyValueError::new_err(error.to_string()))?,
            ),
            "unprocessed" => Fault::AllUnprocessed,
            "half_unprocessed" => Fault::SomeUnprocessed,
            "lost" => Fault::LoseAnswer,
            "timeout" => Fault::TimeOut,
            "truncated" => Fault::Truncate,
            "corrupt" => Fault::Corrupt,
            other => {
                return Err(PyValueError::new_err(format!(
                    "there is no fault {other:?}"
                )));
            }
        })
    }

    fn refusal(&self) -> PyResult<Refusal> {
        let mut w = Writer::with_capacity(256);
        service_json::write(&mut w, self.members.as_any(), 0)?;
        Refusal::new(self.status, &self.code, &self.message, w.as_bytes())
            .map_err(|error| PyValueError::new_err(error.to_string()))
    }
}
