//! Tables, seen from Python: what a model declares of its own, the operations that administer one, and the watch over its state.

use std::sync::Arc;

use pydynox_core::client::{Goal, Intent, Resend, Waiter};
use pydynox_core::operation::{create_table, describe_table as described};
use pydynox_core::retry::deadline::timeout_from_seconds;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::answer::{Context, Expected, wire};
use crate::client::{Client, Request};
use crate::error::{raise, validation_error};
use crate::json;
use crate::operation::Operation;
use crate::schema::Schema;

/// What may be sent again whatever became of it: it sets what is then so, and says nothing else.
const SETTERS: [&str; 3] = ["TagResource", "UntagResource", "UpdateContinuousBackups"];

/// The members of `CreateTable` that follow from a model: its keys and indexes.
#[pyfunction]
#[pyo3(signature = (schema, /))]
pub(crate) fn table_declaration<'py>(schema: &Bound<'py, Schema>) -> PyResult<Bound<'py, PyAny>> {
    let py = schema.py();
    let mut w = Writer::with_capacity(512);
    create_table::write(&mut w, "", &schema.get().item).map_err(|error| raise(py, &error, None))?;
    let declared = wire(py, w.as_bytes())?;
    for said_elsewhere in ["TableName", "BillingMode"] {
        declared.del_item(said_elsewhere)?;
    }
    Ok(declared)
}

/// A table's name as it is sent.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn table_named(client: &Bound<'_, Client>, table: &str) -> String {
    client.get().settings.table_named(table)
}

/// Send an operation about one table, in the service's own JSON without the table's name.
#[pyfunction]
#[pyo3(signature = (client, operation, table, members, /))]
pub(crate) fn administer(
    client: &Bound<'_, Client>,
    operation: &str,
    table: &str,
    members: &Bound<'_, PyDict>,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let client = client.get();
    let table = client.settings.table_named(table);
    let name = Name::from_name(operation);
    let request = members.copy()?;
    if !request.contains("ResourceArn")? {
        request.set_item("TableName", &table)?;
    }
    let mut w = Writer::with_capacity(512);
    json::write(&mut w, request.as_any(), 0)?;
    let resend = if name.is_read() || SETTERS.contains(&operation) {
        Resend::Always
    } else {
        Resend::Never
    };
    let request = Request {
        operation: name,
        table,
        body: w.into_bytes().into(),
        resend,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        protection: None,
    };
    client.send(py, request, Expected::Wire)
}

/// The description of a table.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn describe_table(client: &Bound<'_, Client>, table: &str) -> PyResult<Py<Operation>> {
    describe(client, table, Expected::Table)
}

/// Whether a table exists.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn table_exists(client: &Bound<'_, Client>, table: &str) -> PyResult<Py<Operation>> {
    describe(client, table, Expected::TableExists)
}

fn describe(
    client: &Bound<'_, Client>,
    table: &str,
    expected: Expected,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let client = client.get();
    let table = client.settings.table_named(table);
    let mut w = Writer::with_capacity(128);
    described::write(&mut w, &table);
    client.send(
        py,
        Request::idempotent(Name::DescribeTable, table, w),
        expected,
    )
}

/// Looks at one table until it is as wanted, with growing pauses, until its time is over.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct TableWatch {
    waiter: Arc<Waiter>,
    inline: bool,
}

#[pymethods]
impl TableWatch {
    #[new]
    #[pyo3(signature = (client, table, seconds, /))]
    fn new(client: &Bound<'_, Client>, table: &str, seconds: Option<f64>) -> PyResult<Self> {
        let py = client.py();
        let client = client.get();
        let timeout = seconds
            .map(|seconds| timeout_from_seconds("wait_timeout", seconds))
            .transpose()
            .map_err(|error| raise(py, &error, None))?;
        let core = client.core(py)?;
        let inline = core.answers_inline(&Name::DescribeTable);
        let table = client.settings.table_named(table);
        Ok(Self {
            waiter: Arc::new(Waiter::new(core, &table, timeout)),
            inline,
        })
    }

    /// Something was done: the next look comes without a pause.
    fn restart(&self) {
        self.waiter.restart();
    }

    /// Look once, or until the table is as wanted. Gives its description and whether it is. `applied`: something was changed
    /// before, which an error says.
    fn look(
        &self,
        py: Python<'_>,
        goal: &str,
        once: bool,
        applied: bool,
    ) -> PyResult<Py<Operation>> {
        let goal = match goal {
            "active" => Goal::Active,
            "gone" => Goal::Gone,
            other => {
                let message = format!("a table is waited for to be active or gone, not {other:?}");
                return Err(validation_error(py, &message));
            }
        };
        let waiter = self.waiter.clone();
        Operation::new(
            py,
            Box::pin(async move {
                let looked = if once {
                    waiter.look(goal).await
                } else {
                    waiter.wait(goal).await
                };
                looked.map_err(|error| error.with_applied(applied))
            }),
            self.inline,
            Expected::Watched(goal),
            Context::default(),
        )
    }
}
