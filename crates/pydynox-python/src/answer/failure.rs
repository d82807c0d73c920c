//! Failures: the exception of a failed call, worded for its verb and about its item.

use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use pyo3::{BoundObject, intern};

use crate::exceptions::{internal, malformed, raise_with};
use crate::model::condition::Condition;
use crate::model::entity;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;

/// The exception of a failed call.
pub(crate) fn raise_about(py: Python<'_>, error: &Error, subject: Option<&Subject<'_>>) -> PyErr {
    let message = subject.map_or_else(|| error.to_string(), |subject| subject.describe(error));
    raise_as(py, error, &message, subject, |_| Ok(()))
}

/// A transaction that was not applied, with the error of each operation that prevented it.
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

/// A unique value belongs to another item: its attributes, and the key of that item where known.
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
    let cause = error.cause().map(|cause| raise_about(py, cause, None));
    raise_with(py, error, message, cause, |fields| {
        further(fields)?;
        if let ErrorKind::ItemAlreadyExists { item: Some(item) }
        | ErrorKind::VersionConflict { item: Some(item) }
        | ErrorKind::ConditionFailed { item: Some(item) } = error.kind()
        {
            let schema = subject.and_then(|subject| subject.schema.as_ref());
            fields.set_item("item", stored_item(py, item, schema))?;
        }
        let Some(subject) = subject else {
            return Ok(());
        };
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
        Ok(())
    })
}

/// Tells an error which item it is about: its key, if the item has a complete one.
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
    let key = crate::model::key::key_values(&mut decoder, schema, item, |name| internal(py, name))
        .and_then(|values| schema.model(py).call_method1(intern!(py, "key"), values));
    if let Ok(key) = key {
        value.setattr(intern!(py, "key"), key)?;
    }
    Ok(())
}

/// The item that a call was about.
pub(crate) struct Subject<'py> {
    /// The item's model, if it has one.
    pub(crate) schema: Option<Bound<'py, Schema>>,
    pub(crate) key: Option<Bound<'py, PyAny>>,
    /// The caller's condition.
    pub(crate) condition: Option<Bound<'py, Condition>>,
    /// Whether the write needs more to exist than the item itself.
    pub(crate) builds_on: bool,
    /// Whether messages may show keys.
    pub(crate) shows_keys: bool,
    /// Whether messages may show values.
    pub(crate) shows_values: bool,
}

impl Subject<'_> {
    /// What a failed condition means, worded for the verb.
    pub(crate) fn describe(&self, error: &Error) -> String {
        let model = self.schema.as_ref().map(|schema| &*schema.get().name);
        let done = if error.operation() == Some("DeleteItem") {
            "deleted"
        } else {
            "written"
        };
        let other = self.other_entity(error).map(|other| {
            format!(
                "the item with this key belongs to the entity {other:?}, and nothing was {done}"
            )
        });
        let what = match error.kind() {
            // An item of another entity explains the failure better than the condition that it broke.
            _ if other.is_some() => other.unwrap_or_default(),
            ErrorKind::ItemAlreadyExists { .. } => {
                "an item with this key already exists, which create() and save() do not overwrite; put() does".to_owned()
            }
            ErrorKind::ItemVanished => {
                "the item was deleted since it was read, and nothing was written".to_owned()
            }
            ErrorKind::ItemNotFound if error.operation() == Some("UpdateItem") => {
                "the item does not exist, and nothing was written; update(..., upsert=True) creates it".to_owned()
            }
            ErrorKind::ItemNotFound => format!("the item does not exist, and nothing was {done}"),
            ErrorKind::VersionConflict { .. } => {
                "the item was changed since it was read, and nothing was written; error.item is the stored item, and refresh() reads it".to_owned()
            }
            ErrorKind::ConditionFailed { .. } => self.failed(),
            // Its text already names the model.
            _ if error.model().is_some() => return error.to_string(),
            _ => {
                return model.map_or_else(|| error.to_string(), |model| format!("{model}: {error}"));
            }
        };
        let key = self.key.as_ref().filter(|_| self.shows_keys);
        let key = key.and_then(|key| key.repr().ok().map(|text| text.to_string()));
        let name = key.unwrap_or_else(|| model.unwrap_or("the item").to_owned());
        let doubt = if error.ambiguous() {
            "; an earlier attempt of this same call may have written it"
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
    /// The entity of the stored item, if it differs from the model's.
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

    /// Which condition was false.
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

/// The item that a failed condition returned: as an instance, or as plain values if it does not fit the model.
fn stored_item<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: Option<&Bound<'py, Schema>>,
) -> Bound<'py, PyAny> {
    // An item of another entity is not an instance of this model: saving that would write into it.
    let read = |schema: &Bound<'py, Schema>| -> PyResult<Bound<'py, PyAny>> {
        let schema = entity::reader_of(schema, item)?;
        let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
        Ok(crate::item::read::read(&mut Decoder::new(py), &mut r, &schema)?.into_any())
    };
    let instance = schema.and_then(|schema| read(schema).ok());
    instance
        .or_else(|| {
            Decoder::new(py)
                .item(&mut Reader::new(item).ok()?)
                .ok()
                .map(Bound::into_any)
        })
        .unwrap_or_else(|| {
            // If even plain values fail, the bytes, so that nothing is hidden.
            PyBytes::new(py, item).into_any().into_bound()
        })
}
