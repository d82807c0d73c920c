//! PartiQL, seen from Python: statements with their parameters, what their answers become, and cursors between their pages.

use std::ops::Range;
use std::sync::Arc;

use pydynox_core::call::{Answer, Terms};
use pydynox_core::capacity::{Access, consumed};
use pydynox_core::codec::Protection;
use pydynox_core::cursor::Binding;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::batch_execute_statement::{self, Outcome};
use pydynox_core::operation::execute_statement::{self, Reading};
use pydynox_core::operation::statement::{self, MAX_BATCH, Verb};
use pydynox_core::operation::{execute_transaction as together, transact_get_items};
use pydynox_core::transaction::{MAX_OPERATIONS, check_token, new_token, reason};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::answer::decoded::read_owned;
use crate::answer::failure::{canceled, locate, raise_about};
use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::Connected;
use crate::connection::request::Request;
use crate::exceptions::{is_misfit, malformed, misfit, raise, validation_error};
use crate::interpreter::operation::Operation;
use crate::interpreter::text;
use crate::item::shield;
use crate::model::instance::unsettle;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::encode;
use crate::values::kind::Kind;
use crate::values::unreadable::Unreadable;
use crate::write::part::{Part, failures};

/// What a cursor of statements is bound to beside what a query's is.
const PURPOSE: &[u8] = b"PartiQL";
static ANY: Kind = Kind::Any;

/// A statement and its parameters.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Statement(statement::Statement);

/// What the answer of statements becomes.
pub(crate) struct Executed {
    form: Form,
    /// What rows are; None for plain values.
    schema: Option<Py<Schema>>,
    /// Whether nothing is written.
    reads: bool,
    /// How many statements there are.
    count: usize,
    /// Who takes the errors of rows that cannot be read.
    on_invalid: Option<Py<PyAny>>,
}

#[derive(Clone, Copy)]
enum Form {
    /// Rows, where the next page begins, and what they cost.
    Page,
    /// For each statement a row, nothing, or an error.
    Batch,
    /// For each statement a row or nothing.
    Transaction,
}

impl Statement {
    /// Of what a cursor is good for no other.
    fn binding(&self) -> Binding {
        Binding::of(&[PURPOSE, self.0.text().as_bytes(), self.0.parameters()])
    }

    fn reads(&self) -> bool {
        self.0.verb() == Verb::Select
    }
}

#[pymethods]
impl Statement {
    #[new]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = text::statement)] text: &str,
        parameters: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let mut w = Writer::with_capacity(128);
        for (position, value) in parameters.iter().enumerate() {
            if position > 0 {
                w.byte(b',');
            }
            encode::write_value(&mut w, &ANY, &value, 0).map_err(|problem| {
                validation_error(
                    py,
                    &problem.describe("", &format!("parameter {}", position + 1)),
                )
            })?;
        }
        statement::Statement::new(text, w.into_bytes(), parameters.len())
            .map(Self)
            .map_err(|error| raise(py, &error))
    }

    /// Whether it is a SELECT.
    #[getter(reads)]
    fn is_read(&self) -> bool {
        self.reads()
    }

    /// Execute it: a page of rows. A write is never sent again where it may have been applied.
    fn execute(
        &self,
        client: &Bound<'_, Connected>,
        schema: Option<Py<Schema>>,
        consistent_read: Option<bool>,
        limit: Option<u32>,
        after: Option<&str>,
        on_invalid: Option<Py<PyAny>>,
    ) -> PyResult<Py<Operation>> {
        let py = client.py();
        let reads = self.reads();
        let reading = Reading {
            consistent_read: reads && client.get().0.is_consistent(py, consistent_read, false)?,
            limit,
            after,
            capacity: true,
        };
        let mut w = Writer::with_capacity(256);
        execute_statement::write(&mut w, &self.0, &reading, !reads);
        let terms = Terms::of_statements(reads);
        let mut request = request(Name::ExecuteStatement, w.into_bytes(), terms);
        request.protection = opening(client, schema.as_ref())?;
        let executed = Executed {
            form: Form::Page,
            schema,
            reads,
            count: 1,
            on_invalid,
        };
        send(client, request, executed)
    }

    /// The cursor behind a page.
    fn cursor(&self, client: &Bound<'_, Connected>, after: &str) -> PyResult<String> {
        let keys = &client.get().0.settings.cursor_keys;
        keys.seal_token(self.binding(), after)
            .map_err(|error| raise(client.py(), &error))
    }

    /// Where a page begins that a cursor stands before.
    fn after(
        &self,
        client: &Bound<'_, Connected>,
        #[pyo3(from_py_with = text::cursor)] cursor: &str,
    ) -> PyResult<String> {
        let py = client.py();
        let keys = &client.get().0.settings.cursor_keys;
        let token = keys.open_token(self.binding(), cursor).map_err(|error| {
            let other = "this cursor was made by another statement, or with other parameters";
            let is_other = error.message().contains("another query");
            let error = if is_other {
                Error::new(ErrorKind::Cursor, other)
            } else {
                error
            };
            raise(py, &error)
        })?;
        if keys.is_empty() {
            client.get().0.warn_of_cursors(py)?;
        }
        Ok(token)
    }
}

/// A request of statements.
fn request(operation: Name, body: Vec<u8>, terms: Terms) -> Request {
    Request {
        body: body.into(),
        terms,
        ..Request::idempotent(operation, String::new(), Writer::with_capacity(0))
    }
}

/// How rows of a model are opened.
fn opening(
    client: &Bound<'_, Connected>,
    schema: Option<&Py<Schema>>,
) -> PyResult<Option<Arc<Protection>>> {
    let py = client.py();
    let schema = schema.map(|schema| schema.bind(py));
    shield::opening(py, &client.get().0.settings, schema)
}

fn send(
    client: &Bound<'_, Connected>,
    request: Request,
    executed: Executed,
) -> PyResult<Py<Operation>> {
    let connection = &client.get().0;
    let expected = Reply::plain(&connection.settings, executed);
    connection.send(client.py(), request, expected)
}

fn cores(statements: &[Bound<'_, Statement>]) -> Vec<statement::Statement> {
    statements
        .iter()
        .map(|statement| statement.get().0.clone())
        .collect()
}

/// Execute statements, each for itself.
#[pyfunction]
#[pyo3(signature = (client, statements, schema, consistent_read, /))]
#[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
pub(crate) fn execute_batch(
    client: &Bound<'_, Connected>,
    statements: Vec<Bound<'_, Statement>>,
    schema: Option<Py<Schema>>,
    consistent_read: Option<bool>,
) -> PyResult<Py<Operation>> {
    let py = client.py();
    let statements = cores(&statements);
    let reads = statement::check_together(&statements, MAX_BATCH, "execute_batch")
        .map_err(|error| raise(py, &error))?;
    let consistent_read = reads && client.get().0.is_consistent(py, consistent_read, false)?;
    let mut w = Writer::with_capacity(256 * statements.len());
    batch_execute_statement::write(&mut w, &statements, consistent_read, !reads);
    let terms = Terms::of_statements(reads);
    let mut request = request(Name::BatchExecuteStatement, w.into_bytes(), terms);
    request.protection = opening(client, schema.as_ref())?;
    let executed = Executed {
        form: Form::Batch,
        schema,
        reads,
        count: statements.len(),
        on_invalid: None,
    };
    send(client, request, executed)
}

/// Execute statements together, all or none. Gives the token of writes too.
#[pyfunction]
#[pyo3(signature = (client, statements, schema, token, /))]
#[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
pub(crate) fn execute_transaction(
    client: &Bound<'_, Connected>,
    statements: Vec<Bound<'_, Statement>>,
    schema: Option<Py<Schema>>,
    #[pyo3(from_py_with = text::token)] token: Option<&str>,
) -> PyResult<(Py<Operation>, Option<String>)> {
    let py = client.py();
    let refuse = |error: Error| raise(py, &error);
    let statements = cores(&statements);
    let reads = statement::check_together(&statements, MAX_OPERATIONS, "execute_transaction")
        .map_err(refuse)?;
    let sent = match token {
        _ if reads => None,
        Some(token) => Some(check_token(token).map_err(refuse)?.to_owned()),
        None => Some(new_token().map_err(refuse)?),
    };
    let mut w = Writer::with_capacity(256 * statements.len());
    let at = together::write(&mut w, &statements, sent.as_deref());
    let terms = Terms::of_statements_together(reads);
    let request = Request {
        own_token: at.filter(|_| token.is_none()),
        protection: opening(client, schema.as_ref())?,
        ..request(Name::ExecuteTransaction, w.into_bytes(), terms)
    };
    let executed = Executed {
        form: Form::Transaction,
        schema,
        reads,
        count: statements.len(),
        on_invalid: None,
    };
    Ok((send(client, request, executed)?, sent))
}

impl Executed {
    /// The statements as what the errors of a transaction are about.
    fn parts(&self) -> Vec<Part> {
        (0..self.count).map(Part::statement).collect()
    }

    fn page<'py>(&self, py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        let broken = |error| malformed(py, &error);
        let framed = execute_statement::frame(body).map_err(broken)?;
        let rows = PyList::empty(py);
        for (number, place) in framed.items.into_iter().enumerate() {
            match self.row(py, answer, number, place.clone()) {
                Ok(None) => {}
                Ok(Some(row)) => rows.append(row)?,
                Err(error) => match &self.on_invalid {
                    Some(call) if is_misfit(py, &error)? => {
                        show(py, &error, &body[place])?;
                        call.bind(py).call1((error.value(py),))?;
                    }
                    _ => return Err(error),
                },
            }
        }
        let access = if self.reads {
            Access::Read
        } else {
            Access::Write
        };
        let cost = consumed(body, access).map_err(broken)?;
        let units = cost.iter().map(|one| one.read_units + one.write_units);
        let units = (!cost.is_empty()).then(|| units.sum::<f64>());
        Ok((rows, framed.after, units).into_pyobject(py)?.into_any())
    }

    fn batch<'py>(&self, py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        let outcomes =
            batch_execute_statement::outcomes(body).map_err(|error| malformed(py, &error))?;
        let rows = PyList::empty(py);
        let mut number = 0;
        for outcome in outcomes {
            match outcome {
                Outcome::Done(None) => rows.append(py.None())?,
                Outcome::Done(Some(place)) => {
                    number += 1;
                    match self.row(py, answer, number - 1, place) {
                        Ok(row) => rows.append(row)?,
                        // Statements stand each for itself.
                        Err(error) if is_misfit(py, &error)? => {
                            rows.append(error.into_value(py))?;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Outcome::Failed(failed) => {
                    let nameless = || {
                        Error::new(
                            ErrorKind::Request,
                            failed.message.clone().unwrap_or_default(),
                        )
                    };
                    let mut error = reason(&failed)
                        .unwrap_or_else(nameless)
                        .with_operation(answer.operation.name())
                        .with_attempts(answer.attempts);
                    if let Some(id) = &answer.request_id {
                        error = error.with_request_id(id.clone());
                    }
                    rows.append(raise_about(py, &error, None).into_value(py))?;
                }
            }
        }
        Ok(rows.into_any())
    }

    /// One item; None where the model does not see it.
    fn row<'py>(
        &self,
        py: Python<'py>,
        answer: &Answer,
        number: usize,
        place: Range<usize>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let stored = &answer.body[place.clone()];
        if let Some(schema) = &self.schema {
            let read = || {
                let item = answer.item(number, place);
                let item = item.map_err(|error| raise(py, &error))?;
                let item = read_owned(py, &item, schema.bind(py))?;
                if let (Some(item), Some(opened)) = (&item, &answer.opened) {
                    unsettle(item, opened.migrated(), number)?;
                }
                Ok(item.map(Bound::into_any))
            };
            return match read() {
                Ok(row) => Ok(row),
                Err(error) => {
                    locate(py, &error, schema.get(), stored)?;
                    Err(error)
                }
            };
        }
        let mut reader = Reader::new(stored).map_err(|error| malformed(py, &error))?;
        match Decoder::new(py).item(&mut reader) {
            Ok(row) => Ok(Some(row.into_any())),
            Err(Unreadable::Malformed(error)) => Err(malformed(py, &error)),
            Err(Unreadable::Python(error)) => Err(error),
            Err(Unreadable::Misfit { place, what }) => Err(misfit(py, "", "item", &place, &what)),
        }
    }
}

impl Answered for Executed {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self.form {
            Form::Page => self.page(py, answer),
            Form::Batch => self.batch(py, answer),
            Form::Transaction => {
                let body = &answer.body;
                let places =
                    transact_get_items::items(body).map_err(|error| malformed(py, &error))?;
                let rows = PyList::empty(py);
                let mut number = 0;
                for place in places {
                    rows.append(match place {
                        Some(place) => {
                            number += 1;
                            self.row(py, answer, number - 1, place)?
                        }
                        None => None,
                    })?;
                }
                Ok(rows.into_any())
            }
        }
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(error.kind(), ErrorKind::TransactionCanceled { .. }) {
            let (failures, message) = failures(py, error, &self.parts())?;
            return Err(canceled(py, error, &message, &failures));
        }
        Err(raise_about(py, error, about.subject(py, None).as_ref()))
    }

    fn reads(&self, answer: &Answer) -> bool {
        self.reads || answer.operation.is_read()
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(call) = &self.on_invalid {
            visit.call(call)?;
        }
        self.schema
            .as_ref()
            .map_or(Ok(()), |schema| visit.call(schema))
    }
}

/// Gives an error the plain values of the row that it is about.
#[cold]
fn show(py: Python<'_>, error: &PyErr, stored: &[u8]) -> PyResult<()> {
    let mut reader = Reader::new(stored).map_err(|error| malformed(py, &error))?;
    if let Ok(raw) = Decoder::new(py).item(&mut reader) {
        error.value(py).setattr(intern!(py, "raw"), raw)?;
    }
    Ok(())
}
