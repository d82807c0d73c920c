//! What an instance breaks of the rules of its class.

use pyo3::prelude::*;

use crate::item::changes::is_altered;
use crate::model::item::Item;
use crate::model::problems::Problems;
use crate::model::snapshot::Slot;
use crate::values::assignment::broken;
use crate::values::rules_inside;

/// What the values of an instance break of the rules of their fields, where `asked` asks. A value that a default filled in is
/// not written, so it breaks none. The rules may be the user's own code: nothing is borrowed while they run.
pub(crate) fn broken_rules(
    item: &Item<'_, '_>,
    is_written: impl Fn(usize) -> bool,
) -> PyResult<Problems> {
    let schema = item.model();
    let mut problems = Vec::new();
    for (index, field) in schema.fields().enumerate() {
        if !field.is_ruled || !is_written(index) {
            continue;
        }
        let inside = !field.scalar && rules_inside::has_rules_inside(&field.kind);
        if field.rules.is_none() && !field.immutable && !inside {
            continue;
        }
        let value = item.value(field)?;
        let filled = {
            let state = item.instance.borrow();
            let stored = state.stored.as_deref();
            if let Some(stored) = stored
                && field.immutable
                && is_altered(field, stored, index, &value)?
            {
                let message = format!(
                    "{}.{} is immutable: it cannot change once the item is stored; model_rollback() restores the stored value",
                    schema.name, field.text
                );
                problems.push((field.text.to_string(), message));
            }
            match stored.map(|stored| (stored, &stored.slots[index])) {
                Some((stored, Slot::FilledScalar(_) | Slot::FilledBytes(_))) => {
                    !is_altered(field, stored, index, &value)?
                }
                _ => false,
            }
        };
        // The class checked its own default when it was created, and `validate` never sees one (docs/validation.md).
        if !filled && !field.default.is(&value) {
            problems.extend(broken(schema, field, &value)?);
            if inside {
                let mut broken = Vec::new();
                let place = format!("{}.{}", schema.name, field.text);
                let discreet = field.is_encrypted();
                rules_inside::broken_inside(&field.kind, &value, &place, discreet, &mut broken)?;
                let name = field.text.to_string();
                problems.extend(broken.into_iter().map(|what| (name.clone(), what)));
            }
        }
    }
    Ok(problems)
}
