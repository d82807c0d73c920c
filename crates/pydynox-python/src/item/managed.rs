//! Managed values: what pydynox manages in an item, between instance and core. The instance reports on its stored item, and a
//! write adds values.

use pydynox_core::error::Error;
use pydynox_core::time::Instant;
use pydynox_core::wire::{Reader, Writer};
use pydynox_core::write::managed::{ManagedValues, Stored as StoredValues, Version};
use pyo3::prelude::*;

use crate::exceptions::{internal, raise, validation_error};
use crate::item::stored;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::model::snapshot::Slot;
use crate::values::decode::Decoder;
use crate::values::encode::write_value;
use crate::values::scalar::instant;

/// What one write adds to what the user asks for, as the core decides it and the instance takes it over.
#[derive(Default)]
pub(crate) struct Managed<'py> {
    core: ManagedValues,
    /// The values, in the core's order.
    values: Vec<Bound<'py, PyAny>>,
}

impl<'py> Managed<'py> {
    /// For an item that must not exist yet.
    pub(crate) fn of_create(py: Python<'py>, schema: &Schema) -> PyResult<Self> {
        let purposes = &schema.rules.purposes;
        if !purposes.add_anything() {
            return Ok(Self::default());
        }
        Self::decoded(py, schema, ManagedValues::of_create(purposes))
    }

    /// For a whole item that replaces another.
    pub(crate) fn of_put(item: &Item<'_, 'py>) -> PyResult<Self> {
        let schema = item.model();
        if !schema.rules.purposes.add_anything() {
            return Ok(Self::default());
        }
        let core = ManagedValues::of_put(&schema.rules, &stored_values(item)?);
        Self::decoded(item.py(), schema, core)
    }

    /// For a change to an item that was read or written.
    pub(crate) fn of_change(item: &Item<'_, 'py>) -> PyResult<Self> {
        let schema = item.model();
        if !schema.rules.purposes.add_anything() {
            return Ok(Self::default());
        }
        let core = ManagedValues::of_change(&schema.rules, &stored_values(item)?);
        Self::decoded(item.py(), schema, core)
    }

    /// Only what must be there: for a delete or a check.
    pub(crate) fn of_check(item: &Item<'_, 'py>) -> PyResult<Self> {
        let schema = item.model();
        if schema.rules.purposes.version.is_none() {
            return Ok(Self::default());
        }
        let core = ManagedValues::of_check(&schema.rules, &stored_values(item)?);
        Self::decoded(item.py(), schema, core)
    }

    fn decoded(
        py: Python<'py>,
        schema: &Schema,
        core: Result<ManagedValues, Error>,
    ) -> PyResult<Self> {
        let core = core.map_err(|error| raise(py, &error))?;
        let mut values = Vec::with_capacity(core.values().len());
        for one in core.values() {
            let field = schema.field(one.field);
            let value = Reader::new(&one.json)
                .map_err(Into::into)
                .and_then(|mut r| Decoder::new(py).value(&mut r, &field.kind))
                .map_err(|_| internal(py, "a managed attribute that has no value of its type"))?;
            values.push(value);
        }
        Ok(Self { core, values })
    }

    /// As the core decided it.
    pub(crate) fn core(&self) -> &ManagedValues {
        &self.core
    }

    /// The new value of an attribute, where this write decides it.
    pub(crate) fn value(&self, index: usize) -> Option<&Bound<'py, PyAny>> {
        let mut all = self.core.values().iter().zip(&self.values);
        all.find(|(one, _)| one.field == index)
            .map(|(_, value)| value)
    }

    /// By field, the stored form of what is added.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let values = self.core.values().iter();
        values.map(|one| (one.field, &*one.json))
    }

    /// The values that the instance takes over once they are written.
    pub(crate) fn into_values(self) -> Vec<(usize, Py<PyAny>)> {
        let fields = self.core.values().iter().map(|one| one.field);
        let values = self.values.into_iter().map(Bound::unbind);
        fields.zip(values).collect()
    }
}

/// What an instance knows about its stored item.
fn stored_values(item: &Item<'_, '_>) -> PyResult<StoredValues> {
    let purposes = &item.model().rules.purposes;
    let version = match &purposes.version {
        Some(version) => version_of(item, version.field)?,
        None => Version::Unknown,
    };
    let created_at = match version.compared_with(purposes) {
        Some(created_at) => stored::stored_json(item, created_at.field)?,
        None => None,
    };
    Ok(StoredValues {
        is_stored: item.is_stored(),
        version,
        created_at: created_at.map(Into::into),
    })
}

/// The version of the item of an instance.
fn version_of(item: &Item<'_, '_>, index: usize) -> PyResult<Version> {
    let (py, schema) = (item.py(), item.model());
    let field = schema.field(index);
    let json = |version: &Bound<'_, PyAny>| -> PyResult<Box<[u8]>> {
        let mut w = Writer::with_capacity(32);
        write_value(&mut w, &field.kind, version, 0)
            .map_err(|problem| field.refuse(py, &schema.name, &problem))?;
        Ok(w.into_bytes().into())
    };
    let state = item.instance.borrow();
    if let Some(stored) = state.stored.as_deref() {
        return match &stored.slots[index] {
            Slot::Scalar(version) => Ok(Version::Stored(Some(json(version.bind(py))?))),
            // Stored before the model had a version: it reads as 0, and the write is guarded by its absence.
            Slot::Absent | Slot::FilledScalar(_) => Ok(Version::Stored(None)),
            _ => Err(validation_error(
                py,
                &format!(
                    "{}.{} is not a number in the stored item: this instance cannot be written with its version",
                    schema.name, field.text
                ),
            )),
        };
    }
    drop(state);
    let given = item.value(field)?;
    // 0 is what a new instance starts with, so it does not tell what is stored.
    let is_zero = given.is_none() || given.eq(0)?;
    Ok(if is_zero {
        Version::Unknown
    } else {
        Version::Given(json(&given)?)
    })
}

/// Whether an item has expired: DynamoDB may delete it, and does so within days.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn is_expired(instance: &Bound<'_, Instance>) -> PyResult<bool> {
    let item = Item::of(instance)?;
    let (py, schema) = (item.py(), item.model());
    let Some(expires_at) = &schema.rules.purposes.expires_at else {
        return Err(validation_error(
            py,
            &format!(
                "{} has no attribute that sets when items expire: declare one with ttl()",
                schema.name
            ),
        ));
    };
    let field = schema.field(expires_at.field);
    let value = item.value(field)?;
    if value.is_none() {
        return Ok(false);
    }
    let at = instant(&value).map_err(|problem| field.refuse(py, &schema.name, &problem))?;
    Ok(at <= Instant::now())
}
