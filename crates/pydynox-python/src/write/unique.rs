//! Values that only one item has: which guards a write takes and lets go of, and what is refused because it would not know them.

use pydynox_core::expression::actions::Actions;
use pydynox_core::expression::condition::Condition;
use pydynox_core::operation::put_item;
use pydynox_core::wire::{Reader, Writer};
use pydynox_core::write::unique_change::{self, Known, UniqueChange};
use pyo3::prelude::*;

use crate::exceptions::{internal, malformed, raise, validation_error, validation_errors};
use crate::item::{stored, write};
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::decode_json;
use crate::values::encode::{is_absent, write_attribute};
use pydynox_core::write::constraint::Constraint;

/// A guard that a write takes or lets go of, and its values as a message shows them.
pub(super) struct Hold {
    pub(super) core: unique_change::Hold,
    pub(super) values_text: String,
}

/// The guards of one write.
pub(crate) struct Guards {
    pub(super) instance: Py<Instance>,
    /// The key of the item, JSON text of a map.
    pub(super) owner: Vec<u8>,
    pub(super) holds: Vec<Hold>,
}

impl Guards {
    /// The key of the item, JSON text of a map.
    pub(crate) fn owner(&self) -> &[u8] {
        &self.owner
    }
}

/// What a change means to the constraints of its model.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) guards: Option<Guards>,
    /// That the stored item has the values that were read, or those that are written.
    pub(crate) condition: Option<Condition>,
}

impl Change {
    fn new(item: &Item<'_, '_>, core: UniqueChange) -> PyResult<Self> {
        let holds = core.holds.into_iter().map(|core| Hold {
            values_text: values_text(item.py(), item.model(), &core),
            core,
        });
        Ok(Self {
            guards: guards(item, holds.collect())?,
            condition: core.condition,
        })
    }

    /// Of an item that is written first.
    pub(crate) fn created(item: &Item<'_, '_>) -> PyResult<Self> {
        let (py, schema) = (item.py(), item.model());
        let mut change = UniqueChange::default();
        for (number, constraint) in schema.unique.iter().enumerate() {
            let held = Held::of(item, constraint, |_| true)?;
            change
                .create(&schema.rules, number, &constraint.stored, &held.values)
                .map_err(|error| raise(py, &error))?;
        }
        Self::new(item, change)
    }

    /// Of a change of a stored item; `whole` says that all of it is written, unchanged attributes too.
    pub(crate) fn changed(
        item: &Item<'_, '_>,
        is_changed: impl Fn(usize) -> bool,
        whole: bool,
    ) -> PyResult<Self> {
        let (py, schema) = (item.py(), item.model());
        let mut change = UniqueChange::default();
        for (number, constraint) in schema.unique.iter().enumerate() {
            let is_touched = whole || constraint.fields.iter().any(|index| is_changed(*index));
            if !is_touched {
                continue;
            }
            // What was read may be out of date by now: the condition of the change requires that it still holds.
            let before = Held::of(item, constraint, |_| false)?;
            let after = Held::of(item, constraint, |index| whole || is_changed(index))?;
            let both = (before.view(), after.view());
            change
                .change(&schema.rules, number, &constraint.stored, both, whole)
                .map_err(|error| raise(py, &error))?;
        }
        Self::new(item, change)
    }

    /// Of a deletion.
    pub(crate) fn deleted(item: &Item<'_, '_>) -> PyResult<Self> {
        let (py, schema) = (item.py(), item.model());
        if schema.unique.is_empty() {
            return Ok(Self::default());
        }
        if !item.is_stored() {
            return Err(unknown(py, schema, "delete()"));
        }
        let mut change = UniqueChange::default();
        for (number, constraint) in schema.unique.iter().enumerate() {
            let before = Held::of(item, constraint, |_| false)?;
            change
                .delete(&schema.rules, number, &constraint.stored, before.view())
                .map_err(|error| raise(py, &error))?;
        }
        // The delete of an item that is already gone succeeds, and frees its values too.
        let change = change.or_absent(&schema.rules);
        Self::new(item, change.map_err(|error| raise(py, &error))?)
    }
}

/// What a stored item holds that only one item has: the names of the attributes, their stored names and values, and the guard
/// that has to be there, the last two in `DynamoDB`'s JSON.
type Claimed<'py> = (Vec<String>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// What a stored item holds that only one item has.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn claims<'py>(instance: &Bound<'py, Instance>) -> PyResult<Vec<Claimed<'py>>> {
    let item = &Item::of(instance)?;
    let (py, schema) = (item.py(), item.model());
    let mut owner = Writer::with_capacity(64);
    write::write_key(&mut owner, item)?;
    let json = |text: &[u8]| {
        let read = || decode_json::json(py, &mut Reader::new(text)?);
        read().map_err(|_| internal(py, "a guard of pydynox that cannot be read"))
    };
    let mut claims = Vec::new();
    for constraint in &schema.unique {
        let before = Held::of(item, constraint, |_| false)?;
        let claim = constraint.stored.claim(&before.values);
        let Some(claim) = claim.map_err(|error| raise(py, &error))? else {
            continue;
        };
        let values = before.stored.iter().flatten();
        let mut stored = Writer::with_capacity(64);
        for (position, (index, value)) in constraint.fields.iter().zip(values).enumerate() {
            stored.byte(if position == 0 { b'{' } else { b',' });
            stored.raw(&schema.field(*index).label);
            stored.raw(value);
        }
        stored.byte(b'}');
        // The body of the guard's own put, for the item in it: the table does not matter.
        let body = claim
            .take(&schema.item, "", owner.as_bytes(), None)
            .map_err(|error| raise(py, &error))?;
        let guard = put_item::item(&body)
            .map_err(|error| malformed(py, &error))?
            .ok_or_else(|| internal(py, "a guard without an item"))?;
        let names = constraint.names.iter().map(ToString::to_string).collect();
        claims.push((names, json(stored.as_bytes())?, json(&body[guard])?));
    }
    Ok(claims)
}

/// Refuse what replaces or deletes an item without knowing its values.
pub(crate) fn refuse_unknown(py: Python<'_>, schema: &Schema, verb: &str) -> PyResult<()> {
    if schema.unique.is_empty() {
        Ok(())
    } else {
        Err(unknown(py, schema, verb))
    }
}

/// Refuse actions on attributes whose values are unique.
pub(crate) fn refuse_actions(py: Python<'_>, schema: &Schema, actions: &Actions) -> PyResult<()> {
    let fields = schema.unique.iter().flat_map(|one| one.fields.iter());
    let touched = fields
        .map(|index| schema.field(*index))
        .find(|field| actions.touches(&field.attribute_name));
    let Some(field) = touched else {
        return Ok(());
    };
    let (model, name) = (&schema.name, &field.text);
    let message = format!(
        "{model}.{name} is unique, and an update cannot tell which value it replaces: load the item, assign {name}, and save() it"
    );
    Err(validation_errors(py, vec![(name.to_string(), message)]))
}

pub(crate) fn unknown(py: Python<'_>, schema: &Schema, verb: &str) -> PyErr {
    let names: Vec<_> = schema
        .unique
        .iter()
        .map(|one| one.describe(&schema.name))
        .collect();
    validation_error(
        py,
        &format!(
            "{} is unique, and {verb} of an item that was not read cannot tell which value becomes free: load the item first",
            names.join(", ")
        ),
    )
}

fn guards(item: &Item<'_, '_>, holds: Vec<Hold>) -> PyResult<Option<Guards>> {
    if holds.is_empty() {
        return Ok(None);
    }
    let mut w = Writer::with_capacity(64);
    write::write_key(&mut w, item)?;
    Ok(Some(Guards {
        instance: item.instance.clone().unbind(),
        owner: w.into_bytes(),
        holds,
    }))
}

/// An item's values for the attributes of a constraint.
struct Held {
    /// In the form that this program writes.
    values: Vec<Option<Vec<u8>>>,
    stored: Vec<Option<Vec<u8>>>,
}

impl Held {
    /// The values that the instance has now where they are new, else those that were read.
    fn of(
        item: &Item<'_, '_>,
        constraint: &Constraint,
        is_new: impl Fn(usize) -> bool,
    ) -> PyResult<Self> {
        let (mut values, mut stored) = (Vec::new(), Vec::new());
        for index in &constraint.fields {
            let field = item.model().field(*index);
            let json = if is_new(*index) {
                written(item, *index, &item.value(field)?)?
            } else {
                stored::stored_json(item, *index)?
            };
            values.push(if field.loose && !is_new(*index) {
                as_usual(item, *index, json.clone())?
            } else {
                json.clone()
            });
            stored.push(json);
        }
        Ok(Self { values, stored })
    }

    fn view(&self) -> Known<'_> {
        Known {
            values: &self.values,
            stored: &self.stored,
        }
    }
}

/// An attribute that was read, in the form that this program writes.
fn as_usual(item: &Item<'_, '_>, index: usize, json: Option<Vec<u8>>) -> PyResult<Option<Vec<u8>>> {
    Ok(match stored::stored_value(item, index)? {
        // What is stored may have another type than the declared one.
        Some(value) if json.is_some() => written(item, index, &value).unwrap_or(json),
        _ => json,
    })
}

fn written(
    item: &Item<'_, '_>,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<Option<Vec<u8>>> {
    let (py, schema) = (item.py(), item.model());
    let field = schema.field(index);
    if is_absent(field, value) {
        return Ok(None);
    }
    let mut w = Writer::with_capacity(32);
    write_attribute(&mut w, field, value, 0)
        .map_err(|problem| field.refuse(py, &schema.name, &problem))?;
    Ok(Some(w.into_bytes()))
}

/// Values as the program writes them.
fn values_text(py: Python<'_>, schema: &Schema, hold: &unique_change::Hold) -> String {
    let constraint = &schema.unique[hold.constraint];
    let all = constraint.names.iter().filter_map(|name| {
        let index = schema.position(name)?;
        let place = constraint.fields.iter().position(|one| *one == index)?;
        let mut r = Reader::new(hold.values.get(place)?).ok()?;
        let value = Decoder::new(py)
            .value(&mut r, &schema.field(index).kind)
            .ok()?;
        Some(value.repr().ok()?.to_string())
    });
    all.collect::<Vec<_>>().join(", ")
}
