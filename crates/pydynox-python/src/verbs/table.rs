//! Tables, seen from Python: what a model declares of one, the operations that administer it, and the watch over its state.

use std::sync::Arc;

use pydynox_core::call::{Answer, Terms};
use pydynox_core::client::Client as CoreClient;
use pydynox_core::client::waiter::{Goal, Waiter};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::{create_table, describe_table as described};
use pydynox_core::retry::deadline::timeout_from_seconds;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::{WireError, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

use crate::answer::decoded::{missing_member, wire};
use crate::answer::failure::raise_about;
use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::{Connected, Connection};
use crate::connection::request::Request;
use crate::exceptions::{malformed, raise, validation_error};
use crate::interpreter::operation::Operation;
use crate::interpreter::text;
use crate::model::schema::Schema;
use crate::values::service_json;

/// The members of `CreateTable` that follow from a model: its keys and indexes.
#[pyfunction]
#[pyo3(signature = (schema, /))]
pub(crate) fn table_declaration<'py>(schema: &Bound<'py, Schema>) -> PyResult<Bound<'py, PyAny>> {
    let py = schema.py();
    let mut w = Writer::with_capacity(512);
    create_table::write(&mut w, "", &schema.get().item).map_err(|error| raise(py, &error))?;
    let declared = wire(py, w.as_bytes())?;
    for said_elsewhere in ["TableName", "BillingMode"] {
        declared.del_item(said_elsewhere)?;
    }
    Ok(declared)
}

/// A table's name as sent.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn table_named(
    client: &Bound<'_, Connected>,
    #[pyo3(from_py_with = text::table)] table: &str,
) -> String {
    client.get().0.settings.table_named(table)
}

/// Send an operation about one table, in the service's own JSON without the table's name.
#[pyfunction]
#[pyo3(signature = (client, operation, table, members, /))]
pub(crate) fn administer(
    client: &Bound<'_, Connected>,
    #[pyo3(from_py_with = text::operation)] operation: &str,
    #[pyo3(from_py_with = text::table)] table: &str,
    members: &Bound<'_, PyDict>,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let connection = Connected::of(client);
    let table = connection.settings.table_given(py, table)?;
    let name = Name::from_name(operation);
    // A copy, because the caller may send these members again while the table is busy.
    let request = members.copy()?;
    // Operations on tags name the table by its ARN alone (API reference of TagResource).
    if !request.contains("ResourceArn")? {
        request.set_item("TableName", &table)?;
    }
    let mut w = Writer::with_capacity(512);
    service_json::write(&mut w, request.as_any(), 0)?;
    let request = Request {
        terms: Terms::of_administration(&name),
        ..Request::idempotent(name, table, w)
    };
    connection.send(py, request, Reply::plain(&connection.settings, Wire))
}

/// The description of a table.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn describe_table(
    client: &Bound<'_, Connected>,
    #[pyo3(from_py_with = text::table)] table: &str,
) -> PyResult<Py<Operation>> {
    describe(client, table, Table)
}

/// Whether a table exists.
#[pyfunction]
#[pyo3(signature = (client, table, /))]
pub(crate) fn table_exists(
    client: &Bound<'_, Connected>,
    #[pyo3(from_py_with = text::table)] table: &str,
) -> PyResult<Py<Operation>> {
    describe(client, table, TableExists)
}

fn describe(
    client: &Bound<'_, Connected>,
    table: &str,
    answered: impl Answered,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let connection = Connected::of(client);
    let table = connection.settings.table_given(py, table)?;
    let mut w = Writer::with_capacity(128);
    described::write(&mut w, &table);
    let request = Request::idempotent(Name::DescribeTable, table, w);
    connection.send(py, request, Reply::plain(&connection.settings, answered))
}

/// The service's JSON.
pub(crate) struct Wire;

/// The description of a table.
struct Table;

/// Whether a table exists.
struct TableExists;

/// The description of a table, or none, and whether it is in the awaited state.
struct Watched(Goal);

impl Answered for Wire {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        wire(py, &answer.body)
    }
}

impl Answered for Table {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        match described::table(body).map_err(|error| malformed(py, &error))? {
            Some(range) => wire(py, &body[range]),
            None => Err(missing_member(py, "Table")),
        }
    }
}

impl Answered for TableExists {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyBool::new(py, true).to_owned().into_any())
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if error.kind() == &ErrorKind::TableNotFound {
            return Ok(PyBool::new(py, false).to_owned().into_any());
        }
        Err(raise_about(py, error, None))
    }
}

impl Answered for Watched {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        watched(py, &answer.body, self.0)
    }
}

/// A pair: the description of a table, None if it does not exist, and whether the goal is reached.
fn watched<'py>(py: Python<'py>, body: &[u8], goal: Goal) -> PyResult<Bound<'py, PyAny>> {
    let broken = |error: WireError| malformed(py, &error);
    let described = match described::table(body).map_err(broken)? {
        Some(range) => wire(py, &body[range])?,
        None => py.None().into_bound(py),
    };
    let reached = goal.is_reached(body).map_err(broken)?;
    Ok((described, reached).into_pyobject(py)?.into_any())
}

/// Checks one table, with growing pauses, until it is in the expected state or its time has passed.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct TableWatch {
    waiter: Arc<Waiter>,
    inline: bool,
    connection: Arc<Connection>,
    core: CoreClient,
}

#[pymethods]
impl TableWatch {
    #[new]
    #[pyo3(signature = (client, table, seconds, /))]
    fn new(client: &Bound<'_, Connected>, table: &str, seconds: Option<f64>) -> PyResult<Self> {
        let py = client.py();
        let connection = Connected::of(client);
        let timeout = seconds
            .map(|seconds| timeout_from_seconds("wait_timeout", seconds))
            .transpose()
            .map_err(|error| raise(py, &error))?;
        let core = connection.core(py)?;
        let inline = core.answers_inline(&Name::DescribeTable);
        let table = connection.settings.table_given(py, table)?;
        Ok(Self {
            waiter: Arc::new(Waiter::new(core.clone(), &table, timeout)),
            inline,
            connection,
            core,
        })
    }

    /// Something was done: the next check follows without a pause.
    fn restart(&self) {
        self.waiter.restart();
    }

    /// Check once, or until the table is in the expected state. Returns its description and whether it is. `applied`: something
    /// was changed before, which an error mentions.
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
        let expected = Reply::with(Context::default(), Watched(goal));
        let expected = self.connection.delivering(&self.core, expected);
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
            expected,
        )
    }
}
