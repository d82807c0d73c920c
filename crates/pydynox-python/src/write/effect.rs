//! What one write does to its instance once its answer has arrived, and its result.

use pydynox_core::call::Answer;
use pydynox_core::operation::{delete_item, update_item};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::decoded::{missing_member, plain_item, read_any, read_instance, settle};
use crate::answer::failure::Subject;
use crate::answer::reply::{Answered, Context};
use crate::exceptions::malformed;
use crate::interpreter::ffi;
use crate::item::managed::Managed;
use crate::item::{changes, write};
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::model::snapshot::Stored;

/// What happens once a write is answered.
pub(crate) enum Effect {
    /// An instance was written: what is stored afterwards.
    Written {
        instance: Py<Instance>,
        stored: Box<Stored>,
        /// None for all of them.
        fields: Option<Vec<usize>>,
        /// What pydynox manages, as stored afterwards.
        managed: Vec<(usize, Py<PyAny>)>,
    },
    /// An instance was deleted.
    Deleted(Py<Instance>),
    /// An instance was changed by actions; the answer is the updated item.
    Updated(Py<Instance>),
    /// An instance's item was checked, and nothing else.
    Checked(Py<Instance>),
    /// A model's item after an update.
    NewItem(Py<Schema>),
    /// A model's item that was deleted, or none.
    OldItem(Py<Schema>),
    /// The item after an update, as plain values.
    PlainNewItem,
    Nothing,
}

impl Effect {
    /// The writing of an item, or of some of its fields.
    pub(super) fn written(
        item: &Item<'_, '_>,
        stored: Stored,
        fields: Option<Vec<usize>>,
        managed: Managed<'_>,
    ) -> Self {
        Self::Written {
            instance: item.instance.clone().unbind(),
            stored: Box::new(stored),
            fields,
            managed: managed.into_values(),
        }
    }

    /// Part of something larger was applied, whose answer does not mention it.
    pub(crate) fn settled(self, py: Python<'_>, answer: &Answer) -> PyResult<()> {
        self.answered(py, answer, &Context::default()).map(|_| ())
    }

    fn instance(&self) -> Option<&Py<Instance>> {
        match self {
            Self::Written { instance, .. }
            | Self::Deleted(instance)
            | Self::Updated(instance)
            | Self::Checked(instance) => Some(instance),
            Self::NewItem(_) | Self::OldItem(_) | Self::PlainNewItem | Self::Nothing => None,
        }
    }
}

impl Answered for Effect {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        match self {
            Self::Written {
                instance,
                stored,
                managed,
                ..
            } => written(instance.bind(py), stored, managed)?,
            Self::Deleted(instance) => {
                // Dropped after the borrow ends: freeing values may run code that uses this instance.
                let before = instance.bind(py).borrow_mut().stored.take();
                drop(before);
            }
            Self::Updated(instance) => updated(instance.bind(py), new_item(py, body)?)?,
            Self::NewItem(schema) => return read_any(py, new_item(py, body)?, schema.bind(py)),
            Self::OldItem(schema) => {
                // Of any entity: it was deleted, and no one else has it.
                if let Some(range) =
                    delete_item::item(body).map_err(|error| malformed(py, &error))?
                {
                    return read_any(py, &body[range], schema.bind(py));
                }
            }
            Self::PlainNewItem => return plain_new_item(py, body),
            Self::Checked(_) | Self::Nothing => {}
        }
        Ok(py.None().into_bound(py))
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        let Some(instance) = self.instance() else {
            return about.subject(py, None);
        };
        let item = Item::of(instance.bind(py)).ok()?;
        let key = write::key_of(&item).ok();
        Some(about.subject_of(py, Some(item.schema), key))
    }

    fn give_up(self, py: Python<'_>) {
        // Only here does the instance hold what may or may not be stored; other writes leave it as it was read.
        let Self::Written {
            instance, fields, ..
        } = self
        else {
            return;
        };
        let Ok(item) = Item::of(instance.bind(py)) else {
            return;
        };
        let fields = fields.unwrap_or_else(|| (0..item.model().len()).collect());
        item.instance.borrow_mut().unsettle(fields);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::NewItem(schema) | Self::OldItem(schema) => visit.call(schema),
            _ => self
                .instance()
                .map_or(Ok(()), |instance| visit.call(instance)),
        }
    }
}

/// The item that an update was asked to return.
fn new_item<'a>(py: Python<'_>, body: &'a [u8]) -> PyResult<&'a [u8]> {
    match update_item::item(body).map_err(|error| malformed(py, &error))? {
        Some(range) => Ok(&body[range]),
        None => Err(missing_member(py, "Attributes")),
    }
}

/// The same as plain values; empty if no item existed, since actions that only remove create none.
fn plain_new_item<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match update_item::item(body) {
        Ok(Some(range)) => plain_item(py, &body[range]),
        Ok(None) => Ok(PyDict::new(py).into_any()),
        Err(error) => Err(malformed(py, &error)),
    }
}

/// An instance was written, as encoded for the request.
fn written(
    instance: &Bound<'_, Instance>,
    stored: Box<Stored>,
    managed: Vec<(usize, Py<PyAny>)>,
) -> PyResult<()> {
    let py = instance.py();
    // What was encoded, not what the instance holds by now: an edit made while the request was under way stays an edit.
    let mut state = instance.borrow_mut();
    let before = state.stored.replace(stored);
    state.unsettled = Box::default();
    drop(state);
    drop(before);
    if !managed.is_empty() {
        let item = Item::of(instance)?;
        for (index, value) in managed {
            let name = item.model().field(index).name.bind(py);
            ffi::set_attribute(instance, name, value.bind(py))?;
        }
    }
    Ok(())
}

/// Take the item over into the instance; unsaved edits are kept.
fn updated(instance: &Bound<'_, Instance>, json: &[u8]) -> PyResult<()> {
    let item = Item::of(instance)?;
    let py = item.py();
    let fresh = read_instance(py, json, &item.schema)?;
    // Before settle() replaces the stored state: an edit is a difference from it.
    let edited = changes::edited(&item)?;
    for (index, field) in item.model().fields().enumerate() {
        if !edited.contains(&index) {
            let name = field.name.bind(py);
            ffi::set_attribute(instance, name, &ffi::get_attribute(&fresh, name)?)?;
        }
    }
    settle(instance, &fresh);
    Ok(())
}
