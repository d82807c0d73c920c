//! Applied changes: an instance's stored form after a write.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::ffi;
use crate::item::changes::{Changes, Delta, is_altered};
use crate::item::managed::Managed;
use crate::item::read::append;
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::model::snapshot::{Slot, Stored};

impl Changes {
    /// Also write what pydynox manages.
    pub(crate) fn set_managed(&mut self, schema: &Schema, managed: &Managed<'_>) {
        for (index, json) in managed.stored() {
            self.update.set(&schema.field(index).attribute_name, json);
        }
    }

    /// The item as it will be stored once these changes are applied.
    pub(crate) fn applied_to(
        &self,
        item: &Item<'_, '_>,
        managed: &Managed<'_>,
    ) -> PyResult<Stored> {
        let py = item.py();
        let schema = item.model();
        let state = item.instance.borrow();
        let Some(before) = state.stored.as_deref() else {
            return Err(crate::exceptions::internal(py, "changes of a new instance"));
        };
        let mut raw = Vec::with_capacity(before.raw.len() + self.scratch.len());
        let mut slots = Vec::with_capacity(schema.len());
        for (index, slot) in before.slots.iter().enumerate() {
            let delta = self
                .deltas
                .iter()
                .find(|(changed, _)| *changed == index)
                .map(|(_, delta)| delta);
            // Before any delta: a write decides these attributes itself.
            if let Some(value) = managed.value(index) {
                slots.push(Slot::Scalar(value.clone().unbind()));
                continue;
            }
            slots.push(match (delta, slot) {
                (Some(Delta::Removed), _) => Slot::Absent,
                (Some(Delta::Edited(new, _)), Slot::Raw(value, _)) => {
                    let range = append(&mut raw, &self.scratch[new.clone()]);
                    Slot::Raw(value.clone_ref(py), range)
                }
                (Some(Delta::Set(new) | Delta::Edited(new, _) | Delta::Rewritten(new, _)), _) => {
                    let field = schema.field(index);
                    if field.scalar {
                        // Runs before the request is sent, so this is the value that was encoded.
                        Slot::Scalar(item.value(field)?.unbind())
                    } else {
                        Slot::Bytes(append(&mut raw, &self.scratch[new.clone()]))
                    }
                }
                (_, Slot::Bytes(old)) => Slot::Bytes(append(&mut raw, before.bytes(old))),
                (_, Slot::FilledBytes(old)) => {
                    Slot::FilledBytes(append(&mut raw, before.bytes(old)))
                }
                (_, Slot::Raw(value, old)) => {
                    Slot::Raw(value.clone_ref(py), append(&mut raw, before.bytes(old)))
                }
                (_, other) => other.clone_ref(py),
            });
        }
        let unknown = append(&mut raw, before.bytes(&before.unknown));
        Ok(Stored {
            slots: slots.into(),
            raw: raw.into(),
            unknown,
            // An upper bound is enough, since it only decides whether the size needs counting.
            length: before.length + self.scratch.len(),
        })
    }
}

/// Take over the values that differ from what the instance was read as. Equal scalars stay the same objects that were read:
/// their identity marks them as unchanged.
pub(crate) fn keep_changed(item: &Item<'_, '_>, values: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = item.py();
    for (index, field) in item.model().fields().enumerate() {
        let name = field.name.bind(py);
        let Some(value) = values.get_item(name)? else {
            continue;
        };
        let same = match &item.instance.borrow().stored {
            Some(stored) => field.scalar && !is_altered(field, stored, index, &value)?,
            None => false,
        };
        if !same {
            ffi::set_attribute(item.instance, name, &value)?;
        }
    }
    Ok(())
}
