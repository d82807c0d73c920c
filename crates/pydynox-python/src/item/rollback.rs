//! The changes of a stored instance as its user sees them, and how they are undone.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::ffi;
use crate::item::changes::changes;
use crate::item::stored::old_value;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::problems::refuse;
use crate::values::encode::is_absent;

/// By attribute, what was stored and what is there now.
#[pyfunction(name = "changes")]
#[pyo3(signature = (instance, /))]
pub(crate) fn changes_of<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, PyDict>> {
    let item = Item::of(instance)?;
    let (py, schema) = (item.py(), item.model());
    let by_name = PyDict::new(py);
    if !item.is_stored() {
        for field in schema.fields().filter(|field| !field.is_managed()) {
            let value = item.value(field)?;
            if !is_absent(field, &value) {
                by_name.set_item(&field.name, (py.None(), value))?;
            }
        }
        return Ok(by_name);
    }
    let changed = changes(&item, &[])?;
    refuse(py, schema, changed.problems)?;
    let state = instance.borrow();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(by_name);
    };
    for index in changed.fields {
        let field = schema.field(index);
        let old = old_value(py, schema, field, stored, &stored.slots[index])?;
        by_name.set_item(&field.name, (old, item.value(field)?))?;
    }
    Ok(by_name)
}

/// Give every attribute the value it had when the item was last read or written.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn rollback(instance: &Bound<'_, Instance>) -> PyResult<()> {
    let item = Item::of(instance)?;
    let (py, schema) = (item.py(), item.model());
    // All are decoded before the first is set, so that one that fails leaves the instance as it was.
    let values = {
        let state = instance.borrow();
        let Some(stored) = state.stored.as_deref() else {
            return Err(crate::exceptions::validation_error(
                py,
                &format!(
                    "this {} is new: there is nothing to roll back to",
                    schema.name
                ),
            ));
        };
        let olds = schema
            .fields()
            .zip(&*stored.slots)
            .map(|(field, slot)| Ok((field, old_value(py, schema, field, stored, slot)?)));
        olds.collect::<PyResult<Vec<_>>>()?
    };
    for (field, value) in values {
        ffi::set_attribute(instance, field.name.bind(py), &value)?;
    }
    Ok(())
}
