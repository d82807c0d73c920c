//! PartiQL, seen from Python: statements with their parameters, how they are sent, and cursors between their pages.

use std::sync::Arc;

use pydynox_core::call::Terms;
use pydynox_core::codec::Protection;
use pydynox_core::cursor::Binding;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::batch_execute_statement;
use pydynox_core::operation::execute_statement::{self, Reading};
use pydynox_core::operation::execute_transaction as together;
use pydynox_core::operation::placeholders::{Placeholder, placeholders};
use pydynox_core::operation::statement::{self, MAX_BATCH, Verb};
use pydynox_core::transaction::{MAX_OPERATIONS, check_token, new_token};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::reply::Reply;
use crate::connection::connection::Connected;
use crate::connection::request::Request;
use crate::exceptions::{raise, validation_error};
use crate::interpreter::operation::Operation;
use crate::interpreter::text;
use crate::item::shield;
use crate::model::schema::Schema;
use crate::values::encode;
use crate::values::kind::Kind;
use crate::values::problem::Problem;
use crate::values::scalar;
use crate::verbs::partiql_answer::{Executed, Form};

/// What a statement's cursor is bound to in addition to what a query's is.
const PURPOSE: &[u8] = b"PartiQL";
static ANY: Kind = Kind::Any;

/// A statement and its parameters.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Statement(statement::Statement);

impl Statement {
    /// What its cursors are valid for.
    fn binding(&self) -> Binding {
        Binding::of(&[PURPOSE, self.0.text().as_bytes(), self.0.parameters()])
    }

    fn reads(&self) -> bool {
        self.0.verb() == Verb::Select
    }
}

/// How values are stored where a placeholder belongs.
fn kind_at<'a>(schema: &'a Schema, placeholder: &Placeholder) -> Option<&'a Kind> {
    let path = &placeholder.path;
    let field = schema.field(schema.by_attribute(path.attribute(), usize::MAX)?);
    let mut steps = path.steps()[1..].iter();
    let kind = steps.try_fold(&field.kind, Kind::inside)?;
    Some(if placeholder.is_part {
        kind.part()
    } else {
        kind.present()
    })
}

/// The problem of a value whose stored form nothing tells.
#[cold]
fn without_form(problem: Problem, value: &Bound<'_, PyAny>) -> Problem {
    match scalar::kind_of(value) {
        Ok(Some(_)) => Problem::new(format!(
            "{}: pass model=, and compare it with an attribute, which tells its format",
            problem.what
        )),
        _ => problem,
    }
}

#[pymethods]
impl Statement {
    #[new]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = text::statement)] text: &str,
        parameters: &Bound<'_, PyTuple>,
        schema: Option<&Bound<'_, Schema>>,
    ) -> PyResult<Self> {
        let mut w = Writer::with_capacity(128);
        let mut owners: Option<Vec<Option<Placeholder>>> = None;
        for (position, value) in parameters.iter().enumerate() {
            if position > 0 {
                w.byte(b',');
            }
            let start = w.len();
            let Err(problem) = encode::write_value(&mut w, &ANY, &value, 0) else {
                continue;
            };
            // A value without a stored form of its own has that of the attribute it belongs to.
            w.truncate(start);
            let owners = owners.get_or_insert_with(|| placeholders(text));
            let kind = schema.zip(owners.get(position).and_then(Option::as_ref));
            let kind = kind.and_then(|(schema, placeholder)| kind_at(schema.get(), placeholder));
            let written = match kind {
                Some(kind) => encode::write_value(&mut w, kind, &value, 0),
                None => Err(without_form(problem, &value)),
            };
            written.map_err(|problem| {
                let name = format!("parameter {}", position + 1);
                validation_error(py, &problem.describe("", &name))
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

    /// Execute it: a page of rows. A write that may have been applied is never sent again.
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
            // Always requested: each page shows its cost (QueryResult.consumed_capacity).
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

    /// The cursor after a page.
    fn cursor(&self, client: &Bound<'_, Connected>, after: &str) -> PyResult<String> {
        let keys = &client.get().0.settings.cursor_keys;
        keys.seal_token(self.binding(), after)
            .map_err(|error| raise(client.py(), &error))
    }

    /// Where the page after a cursor begins.
    fn after(
        &self,
        client: &Bound<'_, Connected>,
        #[pyo3(from_py_with = text::cursor)] cursor: &str,
    ) -> PyResult<String> {
        let py = client.py();
        let keys = &client.get().0.settings.cursor_keys;
        let token = keys.open_token(self.binding(), cursor).map_err(|error| {
            let other = "this cursor was made by another statement, or with other parameters";
            // The core's message speaks of a query, which a caller of execute() has never seen.
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

/// Execute statements, each on its own.
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

/// Execute statements together, all or none. Returns the token of writes too.
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
        // Sent twice, reads change nothing: they need no token.
        _ if reads => None,
        Some(token) => Some(check_token(token).map_err(refuse)?.to_owned()),
        None => Some(new_token().map_err(refuse)?),
    };
    let mut w = Writer::with_capacity(256 * statements.len());
    let at = together::write(&mut w, &statements, sent.as_deref());
    let terms = Terms::of_statements_together(reads);
    let request = Request {
        // A caller's token is never replaced; ours may be, after a definite conflict.
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
