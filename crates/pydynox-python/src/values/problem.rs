//! Why a value does not suit an attribute, as text that repeats nothing secret.

use pyo3::prelude::*;

use crate::exceptions::validation_errors;
use crate::values::field::Field;
use crate::values::kind::Kind;

/// Why a value cannot be stored: the place in it, and the problem. The place is built from the inside out.
pub(crate) struct Problem {
    pub(crate) place: String,
    pub(crate) what: String,
    /// The place without the keys of maps, which are part of the value.
    pub(crate) discreet_place: String,
    /// What is wrong without repeating the value, where `what` repeats some of it.
    pub(crate) discreet: Option<String>,
}

pub(crate) type Checked<T> = Result<T, Problem>;

impl Problem {
    #[cold]
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            place: String::new(),
            what: what.into(),
            discreet_place: String::new(),
            discreet: None,
        }
    }

    /// One whose text repeats some of the value, and a text that does not.
    #[cold]
    pub(crate) fn echoing(what: impl Into<String>, discreet: impl Into<String>) -> Self {
        Self {
            discreet: Some(discreet.into()),
            ..Self::new(what)
        }
    }

    #[cold]
    pub(crate) fn within(mut self, step: &str) -> Self {
        self.place.insert_str(0, step);
        self.discreet_place.insert_str(0, step);
        self
    }

    /// The same for the member of a map.
    #[cold]
    pub(crate) fn within_key(mut self, key: impl std::fmt::Debug) -> Self {
        self.place.insert_str(0, &format!("[{key:?}]"));
        self.discreet_place.insert_str(0, "[...]");
        self
    }

    /// The rules that a value breaks, each as the text after the attribute's name; `discreet` repeats none of the value.
    #[cold]
    pub(crate) fn of_rules(broken: &[String], discreet: &[String]) -> Self {
        let sentence = |broken: &[String]| broken.join(";").trim_start().to_owned();
        Self::echoing(sentence(broken), sentence(discreet))
    }

    /// `User.tags[3] must be str, not int`.
    pub(crate) fn describe(&self, model: &str, attribute: &str) -> String {
        message(model, attribute, &self.place, &self.what)
    }

    /// The same for an attribute, by its field; nothing of an encrypted value is repeated.
    pub(crate) fn describe_of(&self, model: &str, field: &Field) -> String {
        self.describe_as(model, &field.text, field)
    }

    /// The same under a name longer than the field's own.
    pub(crate) fn describe_as(&self, model: &str, name: &str, field: &Field) -> String {
        if !field.is_encrypted() {
            return self.describe(model, name);
        }
        let what = self.discreet.as_ref().unwrap_or(&self.what);
        message(model, name, &self.discreet_place, what)
    }

    pub(crate) fn raise(&self, py: Python<'_>, model: &str, field: &Field) -> PyErr {
        validation_errors(
            py,
            vec![(field.text.to_string(), self.describe_of(model, field))],
        )
    }
}

pub(crate) fn message(model: &str, name: &str, place: &str, what: &str) -> String {
    let dot = if model.is_empty() { "" } else { "." };
    let blank = if what.starts_with(':') { "" } else { " " };
    format!("{model}{dot}{name}{place}{blank}{what}")
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
