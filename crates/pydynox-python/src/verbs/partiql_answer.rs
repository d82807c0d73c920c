//! What answers of PartiQL statements become: pages, single outcomes, or the parts of a transaction.

use std::ops::Range;

use pydynox_core::call::Answer;
use pydynox_core::capacity::{Access, consumed};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::batch_execute_statement::{self, Outcome};
use pydynox_core::operation::execute_statement;
use pydynox_core::operation::transact_get_items;
use pydynox_core::transaction::reason;
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::answer::decoded::read_owned;
use crate::answer::failure::{canceled, locate, raise_about};
use crate::answer::reply::{Answered, Context};
use crate::exceptions::{is_misfit, malformed, misfit, raise};
use crate::model::instance::unsettle;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::unreadable::Unreadable;
use crate::write::part::{Part, failures};

/// How the answer of statements is returned.
pub(crate) struct Executed {
    pub(super) form: Form,
    /// The model of the rows; None for plain values.
    pub(super) schema: Option<Py<Schema>>,
    /// Whether nothing is written.
    pub(super) reads: bool,
    /// Number of statements.
    pub(super) count: usize,
    /// Receives the errors of rows that cannot be read.
    pub(super) on_invalid: Option<Py<PyAny>>,
}

#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Rows, where the next page begins, and their cost.
    Page,
    /// For each statement: a row, nothing, or an error.
    Batch,
    /// For each statement: a row or nothing.
    Transaction,
}

impl Executed {
    /// The statements as subjects of a transaction's errors.
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
                // A write, or a read that found nothing: it has no number among the opened items.
                Outcome::Done(None) => rows.append(py.None())?,
                Outcome::Done(Some(place)) => {
                    number += 1;
                    match self.row(py, answer, number - 1, place) {
                        Ok(row) => rows.append(row)?,
                        // Each statement succeeds or fails on its own.
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

    /// One item; None if the model does not see it.
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

/// Gives an error the plain values of its row.
#[cold]
pub(super) fn show(py: Python<'_>, error: &PyErr, stored: &[u8]) -> PyResult<()> {
    let mut reader = Reader::new(stored).map_err(|error| malformed(py, &error))?;
    if let Ok(raw) = Decoder::new(py).item(&mut reader) {
        error.value(py).setattr(intern!(py, "raw"), raw)?;
    }
    Ok(())
}
