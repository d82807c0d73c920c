//! Exceptions: errors as Python raises them, in the one place that knows their classes and fields.

use pydynox_core::call::Answer;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::wire::WireError;
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

// Not an `Exception`: code that handles the errors of a call must not continue as if the call had failed.
pyo3::create_exception!(
    pydynox._core,
    Explained,
    PyBaseException,
    "Ends a call that client.explain() has explained; nothing was sent."
);

/// An exception of `pydynox.exceptions` with its fields; if it cannot be created, that failure is the exception.
fn make(
    py: Python<'_>,
    class: &str,
    message: &str,
    fields: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let build = || {
        let class = py
            .import(intern!(py, "pydynox.exceptions"))?
            .getattr(class)?;
        let keywords = PyDict::new(py);
        fields(&keywords)?;
        class.call((message,), Some(&keywords))
    };
    build().map_or_else(|error| error, PyErr::from_value)
}

#[cold]
pub(crate) fn configuration_error(py: Python<'_>, message: &str) -> PyErr {
    make(py, "ConfigurationError", message, |_| Ok(()))
}

/// What is wrong, if it is not about one attribute.
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

/// A record of a stream that cannot be read: why, with its sequence number and its key where they are known.
#[cold]
pub(crate) fn of_record(
    py: Python<'_>,
    why: Result<&str, &PyErr>,
    sequence_number: Option<&str>,
    (key, shows_keys): (Option<&Bound<'_, PyAny>>, bool),
) -> PyErr {
    let build = || -> PyResult<PyErr> {
        let number = sequence_number.unwrap_or("without a sequence number");
        let mut message = format!("stream record {number}");
        if let Some(key) = key.filter(|_| shows_keys) {
            message.push_str(" of the item ");
            message.push_str(key.repr()?.to_str()?);
        }
        let error = match why {
            Ok(why) => make(
                py,
                "SerializationError",
                &format!("{message}: {why}"),
                |_| Ok(()),
            ),
            Err(error) => {
                let value = error.value(py);
                retell(value, &format!("{message}: {}", value.str()?))?;
                error.clone_ref(py)
            }
        };
        if let Some(key) = key
            && error.value(py).hasattr("key")?
        {
            error.value(py).setattr("key", key)?;
        }
        Ok(error)
    };
    build().unwrap_or_else(|error| error)
}

/// An answer that is not what DynamoDB's protocol allows.
#[cold]
pub(crate) fn malformed(py: Python<'_>, error: &WireError) -> PyErr {
    unusable(py, &error.to_string())
}

/// An answer that can be read but lacks a required part.
#[cold]
pub(crate) fn unusable(py: Python<'_>, why: &str) -> PyErr {
    make(
        py,
        "InvalidResponseError",
        &format!("the service's response cannot be read: {why}"),
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
pub(crate) fn suggestion(name: &Bound<'_, PyAny>, names: &[&str]) -> PyResult<String> {
    let py = name.py();
    let near = py
        .import("difflib")?
        .call_method1("get_close_matches", (name, names, 1))?;
    Ok(near.get_item(0).map_or_else(
        |_| String::new(),
        |near| format!("; did you mean '{near}'?"),
    ))
}

pub(crate) fn class_of(error: &Error) -> &'static str {
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
        ErrorKind::LockNotAcquired => "LockNotAcquiredError",
        ErrorKind::WriteOutcomeUnknown => "WriteOutcomeUnknownError",
        ErrorKind::BudgetExceeded { .. } => "BudgetExceededError",
        ErrorKind::Internal => "InternalError",
        _ => "RequestError",
    }
}

/// The exception for an error of the core.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let cause = error.cause().map(|cause| raise(py, cause));
    raise_with(py, error, &error.to_string(), cause, |_| Ok(()))
}

/// The same with another message, its cause, and further fields.
pub(crate) fn raise_with(
    py: Python<'_>,
    error: &Error,
    message: &str,
    cause: Option<PyErr>,
    further: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let raised = raised_in_python(py, error);
    if let Some(raised) = &raised
        && !raised.is_instance_of::<PyException>(py)
    {
        // An interruption passes through unchanged.
        return raised.clone_ref(py);
    }
    if *error.kind() == ErrorKind::Explained {
        return Explained::new_err(message.to_owned());
    }
    let exception = make(py, class_of(error), message, |fields| {
        match error.kind() {
            ErrorKind::ItemTooLarge {
                size,
                limit,
                largest,
            } => {
                fields.set_item("size", size)?;
                fields.set_item("limit", limit)?;
                fields.set_item("largest", largest.clone())?;
                // Nothing was sent, so there is no request to describe.
                return Ok(());
            }
            ErrorKind::Throttling { reasons } => fields.set_item("reasons", reasons.clone())?,
            ErrorKind::BudgetExceeded { sites } => fields.set_item("sites", sites.clone())?,
            _ => {}
        }
        further(fields)?;
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
    if let Some(cause) = cause.or(raised) {
        exception.set_cause(py, Some(cause));
    }
    exception
}

/// Names the item that an error is about.
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

/// The same for an error that may already name its item, or concern none.
#[cold]
pub(crate) fn of_item(
    py: Python<'_>,
    error: PyErr,
    key: Option<&Bound<'_, PyAny>>,
    shows_keys: bool,
) -> PyErr {
    let named = || -> PyResult<()> {
        let value = error.value(py);
        // Only an error that can be about one item has a position.
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

/// The error of one of many items, with its position in front of the message.
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

/// Replaces the message of an error.
fn retell(error: &Bound<'_, PyBaseException>, text: &str) -> PyResult<()> {
    if error.hasattr("message")? {
        error.setattr("message", text)?;
    }
    error.setattr("args", (text,))
}

/// The exception for an answer that arrived but cannot be used, with what is known about its request.
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
        // Any other status is an error before an answer is decoded.
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

/// Whether the error says that a stored value does not fit the model.
pub(crate) fn is_misfit(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let class = py
        .import(intern!(py, "pydynox.exceptions"))?
        .getattr(intern!(py, "SerializationError"))?;
    error.value(py).is_instance(&class)
}
