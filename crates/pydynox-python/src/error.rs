//! Core errors as Python exceptions: one place that knows their classes and fields.

use pydynox_core::client::Answer;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::wire::{Reader, WireError};
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use pyo3::{BoundObject, intern};

use crate::decode::Decoder;
use crate::entity;
use crate::expression::Condition;
use crate::schema::Schema;

/// An exception of `pydynox.exceptions` with its fields; a failure to make it is the exception instead.
fn make(
    py: Python<'_>,
    class: &str,
    message: &str,
    fields: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let made = || {
        let class = py
            .import(intern!(py, "pydynox.exceptions"))?
            .getattr(class)?;
        let keywords = PyDict::new(py);
        fields(&keywords)?;
        class.call((message,), Some(&keywords))
    };
    made().map_or_else(|error| error, PyErr::from_value)
}

#[cold]
pub(crate) fn configuration_error(py: Python<'_>, message: &str) -> PyErr {
    make(py, "ConfigurationError", message, |_| Ok(()))
}

/// What is wrong, where it is not about one attribute.
#[cold]
pub(crate) fn validation_error(py: Python<'_>, message: &str) -> PyErr {
    validation_errors(py, vec![(String::new(), message.to_owned())])
}

/// All that is wrong with an instance, by attribute.
#[cold]
pub(crate) fn validation_errors(py: Python<'_>, problems: Vec<(String, String)>) -> PyErr {
    let message = problems
        .iter()
        .map(|(_, message)| message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    make(py, "ValidationError", &message, |fields| {
        fields.set_item("errors", PyList::new(py, problems)?)
    })
}

/// A stored value that does not fit the declared type.
#[cold]
pub(crate) fn misfit(
    py: Python<'_>,
    model: &str,
    attribute: &str,
    place: &str,
    what: &str,
) -> PyErr {
    let dot = if model.is_empty() { "" } else { "." };
    make(
        py,
        "SerializationError",
        &format!("{model}{dot}{attribute}{place}: {what}"),
        |fields| {
            fields.set_item("model", model)?;
            fields.set_item("attribute", attribute)
        },
    )
}

/// An answer that is not what DynamoDB's protocol allows.
#[cold]
pub(crate) fn malformed(py: Python<'_>, error: &WireError) -> PyErr {
    unusable(py, &error.to_string())
}

/// An answer that can be read and lacks what it has to have.
#[cold]
pub(crate) fn unusable(py: Python<'_>, why: &str) -> PyErr {
    make(
        py,
        "InvalidResponseError",
        &format!("the service's answer cannot be read: {why}"),
        |_| Ok(()),
    )
}

#[cold]
pub(crate) fn internal(py: Python<'_>, what: &str) -> PyErr {
    make(
        py,
        "InternalError",
        &format!("pydynox has a bug: {what}; please report it"),
        |_| Ok(()),
    )
}

#[cold]
pub(crate) fn item_not_found(py: Python<'_>, message: &str) -> PyErr {
    make(py, "ItemNotFoundError", message, |_| Ok(()))
}

/// `; did you mean 'email'?`, or nothing.
pub(crate) fn suggestion(name: &Bound<'_, PyAny>, known: &[&str]) -> PyResult<String> {
    let py = name.py();
    let near = py
        .import("difflib")?
        .call_method1("get_close_matches", (name, known, 1))?;
    Ok(near.get_item(0).map_or_else(
        |_| String::new(),
        |near| format!("; did you mean '{near}'?"),
    ))
}

fn class_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Configuration => "ConfigurationError",
        ErrorKind::Validation => "ValidationError",
        ErrorKind::Cursor => "CursorError",
        ErrorKind::Serialization => "SerializationError",
        ErrorKind::Encryption => "EncryptionError",
        ErrorKind::ItemTooLarge { .. } => "ItemTooLargeError",
        ErrorKind::ItemAlreadyExists { .. } => "ItemAlreadyExistsError",
        ErrorKind::ItemVanished => "ItemVanishedError",
        ErrorKind::ItemNotFound => "ItemNotFoundError",
        ErrorKind::ConditionFailed { .. } => "ConditionFailedError",
        ErrorKind::VersionConflict { .. } => "VersionConflictError",
        ErrorKind::UniqueConstraint { .. } => "UniqueConstraintError",
        ErrorKind::TableNotFound => "TableNotFoundError",
        ErrorKind::Throttling { .. } => "ThrottlingError",
        ErrorKind::Timeout => "RequestTimeoutError",
        ErrorKind::ConnectionFailed => "ConnectionFailedError",
        ErrorKind::Credentials => "CredentialsError",
        ErrorKind::AccessDenied => "AccessDeniedError",
        ErrorKind::InvalidRequest => "InvalidRequestError",
        ErrorKind::InvalidResponse => "InvalidResponseError",
        ErrorKind::TransactionCanceled { .. } => "TransactionCanceledError",
        ErrorKind::TransactionConflict => "TransactionConflictError",
        ErrorKind::TransactionTokenReused => "TransactionTokenReusedError",
        ErrorKind::WriteOutcomeUnknown => "WriteOutcomeUnknownError",
        ErrorKind::BudgetExceeded { .. } => "BudgetExceededError",
        ErrorKind::Internal => "InternalError",
        _ => "RequestError",
    }
}

/// The exception of a failed call.
pub(crate) fn raise(py: Python<'_>, error: &Error, subject: Option<&Subject<'_>>) -> PyErr {
    let message = subject.map_or_else(|| error.to_string(), |subject| subject.describe(error));
    raise_as(py, error, &message, subject, |_| Ok(()))
}

/// A transaction that was not applied, with the error of each operation that stood in its way.
pub(crate) fn canceled(
    py: Python<'_>,
    error: &Error,
    message: &str,
    failures: &Bound<'_, PyDict>,
) -> PyErr {
    raise_as(py, error, message, None, |fields| {
        fields.set_item("failures", failures)
    })
}

/// A value that only one item may have is another's: of which attributes, and the key of the other where it is known.
pub(crate) fn taken(
    py: Python<'_>,
    error: &Error,
    message: &str,
    subject: &Subject<'_>,
    names: &Bound<'_, PyTuple>,
    holder: Option<Bound<'_, PyAny>>,
) -> PyErr {
    raise_as(py, error, message, Some(subject), |fields| {
        fields.set_item("fields", names)?;
        fields.set_item("holder", holder)
    })
}

fn raise_as(
    py: Python<'_>,
    error: &Error,
    message: &str,
    subject: Option<&Subject<'_>>,
    further: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let raised = raised_in_python(py, error);
    if let Some(raised) = &raised
        && !raised.is_instance_of::<PyException>(py)
    {
        // Whoever interrupts is not kept from it.
        return raised.clone_ref(py);
    }
    let made = make(py, class_of(error), message, |fields| {
        further(fields)?;
        match error.kind() {
            ErrorKind::ItemTooLarge {
                size,
                limit,
                largest,
            } => {
                fields.set_item("size", size)?;
                fields.set_item("limit", limit)?;
                fields.set_item("largest", largest.clone())?;
                return Ok(());
            }
            ErrorKind::ItemAlreadyExists { item: Some(item) }
            | ErrorKind::VersionConflict { item: Some(item) }
            | ErrorKind::ConditionFailed { item: Some(item) } => {
                fields.set_item(
                    "item",
                    stored_item(
                        py,
                        item,
                        subject.and_then(|subject| subject.schema.as_ref()),
                    ),
                )?;
            }
            ErrorKind::Throttling { reasons } => fields.set_item("reasons", reasons.clone())?,
            ErrorKind::BudgetExceeded { sites } => fields.set_item("sites", sites.clone())?,
            _ => {}
        }
        if let Some(subject) = subject {
            if let Some(schema) = &subject.schema {
                fields.set_item("model", &*schema.get().name)?;
            }
            if is_about_the_item(error) || error.is_about_one_value() {
                if let Some(key) = &subject.key {
                    fields.set_item("key", key)?;
                }
                if is_about_the_item(error)
                    && let Some(condition) = &subject.condition
                {
                    fields.set_item("condition", condition)?;
                }
            }
        }
        if let Some(model) = error.model() {
            fields.set_item("model", model)?;
        }
        if let Some(attribute) = error.attribute() {
            fields.set_item("attribute", attribute)?;
        }
        fields.set_item("operation", error.operation())?;
        fields.set_item("table", error.table())?;
        fields.set_item("code", error.code())?;
        fields.set_item("request_id", error.request_id())?;
        fields.set_item("status", error.status())?;
        fields.set_item("attempts", error.attempts())?;
        fields.set_item(
            "elapsed",
            error.elapsed().map(|elapsed| elapsed.as_secs_f64()),
        )?;
        fields.set_item("retryable", error.retryable())?;
        fields.set_item("ambiguous", error.ambiguous())?;
        fields.set_item("applied", error.applied())
    });
    if let Some(cause) = error.cause() {
        made.set_cause(py, Some(raise(py, cause, None)));
    } else if raised.is_some() {
        made.set_cause(py, raised);
    }
    made
}

/// Say of which item an error is.
#[cold]
pub(crate) fn about_key(
    py: Python<'_>,
    error: &PyErr,
    key: &Bound<'_, PyAny>,
    shows_keys: bool,
) -> PyResult<()> {
    let value = error.value(py);
    value.setattr("key", key)?;
    if shows_keys {
        let text = format!("{}: {}", key.repr()?, value.str()?);
        retell(value, &text)?;
    }
    Ok(())
}

/// What the user's own code raised, if that is what led to an error.
fn raised_in_python(py: Python<'_>, error: &Error) -> Option<PyErr> {
    let source = std::error::Error::source(error)?;
    match source.downcast_ref::<PyErr>() {
        Some(raised) => Some(raised.clone_ref(py)),
        None => raised_in_python(py, source.downcast_ref::<Error>()?),
    }
}

/// Tells an error which item it is about: its key, as far as the item has it.
#[cold]
pub(crate) fn locate(py: Python<'_>, error: &PyErr, schema: &Schema, item: &[u8]) -> PyResult<()> {
    let value = error.value(py);
    let ours = py
        .import(intern!(py, "pydynox.exceptions"))?
        .getattr(intern!(py, "SerializationError"))?;
    if !value.is_instance(&ours)? {
        return Ok(());
    }
    let mut decoder = Decoder::new(py);
    let key = crate::reading::key_values(&mut decoder, schema, item, |name| internal(py, name))
        .and_then(|values| schema.model(py).call_method1(intern!(py, "key"), values));
    if let Ok(key) = key {
        value.setattr(intern!(py, "key"), key)?;
    }
    Ok(())
}

/// The same of an error that may say already of which item it is, or be about none.
#[cold]
pub(crate) fn of_item(
    py: Python<'_>,
    error: PyErr,
    key: Option<&Bound<'_, PyAny>>,
    shows_keys: bool,
) -> PyErr {
    let named = || -> PyResult<()> {
        let value = error.value(py);
        let is_ours = value.hasattr("position")? && value.getattr("key")?.is_none();
        match key {
            Some(key) if is_ours => about_key(py, &error, key, shows_keys),
            _ => Ok(()),
        }
    };
    match named() {
        Ok(()) => error,
        Err(failed) => failed,
    }
}

/// An error of one of many items, with its place before what it says.
#[cold]
pub(crate) fn numbered(py: Python<'_>, position: usize, verb: &str, error: PyErr) -> PyErr {
    let renamed = || -> PyResult<()> {
        let value = error.value(py);
        if value.hasattr("position")? {
            value.setattr("position", position)?;
        }
        retell(value, &format!("[{position}] {verb}: {}", value.str()?))
    };
    match renamed() {
        Ok(()) => error,
        Err(failed) => failed,
    }
}

/// Let an error say something else.
fn retell(error: &Bound<'_, PyBaseException>, text: &str) -> PyResult<()> {
    if error.hasattr("message")? {
        error.setattr("message", text)?;
    }
    error.setattr("args", (text,))
}

/// The exception of an answer that came and cannot be used, with what is known of its request.
#[cold]
pub(crate) fn located(py: Python<'_>, error: PyErr, answer: &Answer, applied: bool) -> PyErr {
    let locate = || -> PyResult<()> {
        let ours = py
            .import(intern!(py, "pydynox.exceptions"))?
            .getattr(intern!(py, "PydynoxError"))?;
        let value = error.value(py);
        if !value.is_instance(&ours)? {
            return Ok(());
        }
        value.setattr("operation", answer.operation.name())?;
        value.setattr("request_id", answer.request_id.as_deref())?;
        value.setattr("attempts", answer.attempts)?;
        value.setattr("status", 200)?;
        value.setattr("applied", applied)?;
        if answer.table.is_empty() {
            Ok(())
        } else {
            value.setattr("table", &*answer.table)
        }
    };
    match locate() {
        Ok(()) => error,
        Err(failed) => failed,
    }
}

/// The item that a call was about.
pub(crate) struct Subject<'py> {
    /// Of its model, if it has one.
    pub(crate) schema: Option<Bound<'py, Schema>>,
    pub(crate) key: Option<Bound<'py, PyAny>>,
    /// The caller's.
    pub(crate) condition: Option<Bound<'py, Condition>>,
    /// Whether the write needs more than the item itself to be there.
    pub(crate) builds_on: bool,
    /// Whether messages may show keys.
    pub(crate) shows_keys: bool,
    /// Whether messages may show values.
    pub(crate) shows_values: bool,
}

impl Subject<'_> {
    /// What a failed condition means, in the words of the verbs.
    pub(crate) fn describe(&self, error: &Error) -> String {
        let model = self.schema.as_ref().map(|schema| &*schema.get().name);
        let done = if error.operation() == Some("DeleteItem") {
            "deleted"
        } else {
            "written"
        };
        let other = self.other_entity(error).map(|other| {
            format!("the item with this key is of the entity {other:?}, and nothing was {done}")
        });
        let what = match error.kind() {
            _ if other.is_some() => other.unwrap_or_default(),
            ErrorKind::ItemAlreadyExists { .. } => {
                "there is an item with this key already, which create() and save() do not overwrite; put() does".to_owned()
            }
            ErrorKind::ItemVanished => {
                "the item was deleted since it was read, and nothing was written".to_owned()
            }
            ErrorKind::ItemNotFound if error.operation() == Some("UpdateItem") => {
                "there is no such item, and nothing was written; update(..., upsert=True) makes one".to_owned()
            }
            ErrorKind::ItemNotFound => format!("there is no such item, and nothing was {done}"),
            ErrorKind::VersionConflict { .. } => {
                "the item was changed since it was read, and nothing was written; error.item is what is stored, and refresh() reads it".to_owned()
            }
            ErrorKind::ConditionFailed { .. } => self.failed(),
            // It says itself of which model.
            _ if error.model().is_some() => return error.to_string(),
            _ => {
                return model.map_or_else(|| error.to_string(), |model| format!("{model}: {error}"));
            }
        };
        let key = self.key.as_ref().filter(|_| self.shows_keys);
        let key = key.and_then(|key| key.repr().ok().map(|text| text.to_string()));
        let name = key.unwrap_or_else(|| model.unwrap_or("the item").to_owned());
        let doubt = if error.ambiguous() {
            "; an earlier attempt of this very call may have written it"
        } else {
            ""
        };
        let table = error
            .table()
            .map(|table| format!(" (table {table:?})"))
            .unwrap_or_default();
        format!("{name}: {what}{doubt}{table}")
    }
}

impl Subject<'_> {
    /// The entity of the item that is there, where it is another one than the model's.
    fn other_entity(&self, error: &Error) -> Option<String> {
        let (ErrorKind::ItemAlreadyExists { item: Some(item) }
        | ErrorKind::VersionConflict { item: Some(item) }
        | ErrorKind::ConditionFailed { item: Some(item) }) = error.kind()
        else {
            return error.other_entity().map(ToOwned::to_owned);
        };
        let schema = self.schema.as_ref()?;
        entity::other_name(schema.py(), schema.get(), item)
    }

    /// What was false.
    fn failed(&self) -> String {
        let lacks = "the stored item lacks what this change builds on";
        let Some(condition) = &self.condition else {
            return format!("{lacks}, and nothing was written; refresh() reads it again");
        };
        let tree = &condition.get().tree;
        let text = if self.shows_values {
            tree.explain()
        } else {
            tree.to_string()
        };
        let or = if self.builds_on {
            format!(", or {lacks}")
        } else {
            String::new()
        };
        format!("the condition {text} was false{or}, and nothing was written")
    }
}

fn is_about_the_item(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ItemAlreadyExists { .. }
            | ErrorKind::ItemVanished
            | ErrorKind::VersionConflict { .. }
            | ErrorKind::UniqueConstraint { .. }
            | ErrorKind::ConditionFailed { .. }
    )
}

/// The item that a failed condition gave back: as an instance, or as plain values where it does not fit the model.
fn stored_item<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: Option<&Bound<'py, Schema>>,
) -> Bound<'py, PyAny> {
    // An item of another entity is no instance of this model: to save that would write into it.
    let read = |schema: &Bound<'py, Schema>| -> PyResult<Bound<'py, PyAny>> {
        let schema = entity::reader_of(schema, item)?;
        let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
        Ok(crate::item::read(&mut Decoder::new(py), &mut r, &schema)?.into_any())
    };
    let found = schema.and_then(|schema| read(schema).ok());
    found
        .or_else(|| {
            Decoder::new(py)
                .item(&mut Reader::new(item).ok()?)
                .ok()
                .map(Bound::into_any)
        })
        .unwrap_or_else(|| {
            // Not even plain values: the bytes, so that nothing is hidden.
            PyBytes::new(py, item).into_any().into_bound()
        })
}
