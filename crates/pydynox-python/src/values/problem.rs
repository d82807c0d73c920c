//! Problems with the values of a field, as errors, and the words for what Python gave.

pub(crate) use pydynox_core::problem::{Checked, Problem};
use pyo3::prelude::*;

use crate::exceptions::validation_errors;
use crate::values::field::Field;
use crate::values::kind::Kind;

impl Field {
    /// The text of a problem with one of its values; nothing of an encrypted value is repeated.
    pub(crate) fn describe(&self, model: &str, problem: &Problem) -> String {
        self.describe_as(model, &self.text, problem)
    }

    /// The same under a name longer than its own.
    pub(crate) fn describe_as(&self, model: &str, name: &str, problem: &Problem) -> String {
        if self.is_encrypted() {
            problem.describe_discreetly(model, name)
        } else {
            problem.describe(model, name)
        }
    }

    /// The error for such a problem.
    pub(crate) fn refuse(&self, py: Python<'_>, model: &str, problem: &Problem) -> PyErr {
        let message = self.describe(model, problem);
        validation_errors(py, vec![(self.text.to_string(), message)])
    }
}

#[cold]
pub(crate) fn wrong_type(wanted: &str, value: &Bound<'_, PyAny>) -> Problem {
    let got = value
        .get_type()
        .qualname()
        .map_or_else(|_| "another type".into(), |name| name.to_string());
    Problem::new(format!("must be {wanted}, not {got}"))
}

#[cold]
pub(crate) fn python_error(value: &Bound<'_, PyAny>, error: &PyErr) -> Problem {
    let py = value.py();
    let name = error.get_type(py).name();
    Problem::echoing(
        format!("cannot be stored: {}", error.value(py)),
        name.map_or_else(
            |_| "cannot be stored".into(),
            |name| format!("cannot be stored: {name}"),
        ),
    )
}

/// A kind's name in Python.
pub(crate) fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Str => "str".into(),
        Kind::Int => "int".into(),
        Kind::Float => "float".into(),
        Kind::Decimal => "Decimal".into(),
        Kind::Number => "int or float".into(),
        Kind::Bool => "bool".into(),
        Kind::Bytes => "bytes".into(),
        Kind::None => "None".into(),
        Kind::Any | Kind::Open => "a value that DynamoDB can store".into(),
        Kind::List(_) => "list".into(),
        Kind::Dict(_) => "dict".into(),
        Kind::Set(_) => "set".into(),
        Kind::FrozenSet(_) => "frozenset".into(),
        Kind::Tuple(_) | Kind::TupleOf(_) => "tuple".into(),
        Kind::Datetime(_) => "datetime".into(),
        Kind::Date(_) => "date".into(),
        Kind::Time(_) => "time".into(),
        Kind::Timedelta => "timedelta".into(),
        Kind::Uuid => "UUID".into(),
        Kind::Enum(members) | Kind::Literal(members) => members.name.to_string(),
        Kind::Record(shape) => shape.get().wanted(),
        Kind::Pydantic(model) => model.name.to_string(),
        Kind::Json(inner) => wanted(inner),
        Kind::Codec(codec) => codec.name.to_string(),
        Kind::Optional(inner) => format!("{} or None", wanted(inner)),
    }
}
