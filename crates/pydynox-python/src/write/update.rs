//! Updates by actions: of an instance, or of the item with a key.

use pydynox_core::expression::actions::Actions;
use pydynox_core::operation::update_item;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pydynox_core::write::plan::Plan;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::connection::settings::Settings;
use crate::exceptions::{raise, validation_error, validation_errors};
use crate::item::managed::Managed;
use crate::item::shield::Shield;
use crate::item::{changes, stored};
use crate::model::checks::{actions_on, condition_on};
use crate::model::item::Item;
use crate::model::key::{Key, write_key};
use crate::model::schema::Schema;
use crate::values::field::Role;
use crate::write::derived::{fill_defaults, follow, unmoved};
use crate::write::effect::Effect;
use crate::write::single::{Write, about, about_key, begin_update, tree};
use crate::write::unique;

/// An update that should create a missing item but sets nothing.
#[cold]
pub(super) fn makes_nothing(py: Python<'_>, model: &Schema, actions: &Actions) -> PyErr {
    let mut settable = model.fields().filter(|field| {
        field.role == Role::Attribute
            && !field.is_managed()
            && field.template.is_none()
            && !actions.touches(&field.attribute_name)
    });
    let such = settable.next().map_or_else(String::new, |field| {
        format!(", such as {}.{}.set(...)", model.name, field.text)
    });
    let message = format!(
        "upsert=True with actions that only remove creates no item, by DynamoDB's rules: add one that sets something{such}, or omit upsert"
    );
    validation_error(py, &message)
}

/// What is known of an item from its key alone.
pub(super) fn named_value<'py>(
    schema: &Schema,
    key: &Bound<'py, PyTuple>,
    named: Option<&Bound<'py, PyDict>>,
    index: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let place = schema.key_indexes().position(|(key, _)| key == index);
    if let Some(place) = place {
        return key.get_item(place).map(Some);
    }
    match named {
        Some(named) => named.get_item(&schema.field(index).public_name),
        None => Ok(None),
    }
}

impl Write {
    /// Actions on an item; its instance then equals the item except for unsaved edits.
    pub(crate) fn update(
        settings: &Settings,
        item: &Item<'_, '_>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (py, model) = (item.py(), item.model());
        let condition = condition_on(condition, model)?;
        if !item.is_stored() {
            let message = format!(
                "this {} is new: update() changes a stored item, create() writes a new one",
                model.name
            );
            return Err(validation_error(py, &message));
        }
        let mut actions = actions_on(actions, model)?;
        refuse_edited(item, &actions)?;
        unique::refuse_actions(py, model, &actions)?;
        follow(py, model, &mut actions, |index| {
            stored::stored_value(item, index)
        })?;
        // After follow(), which may have written the key of an index.
        model.check_index_keys(py, &actions)?;
        let managed = Managed::of_change(item)?;
        let name = |index| &*model.field(index).attribute_name;
        managed.core().write_into(&mut actions, name);
        let (table, mut w) = begin_update(settings, item)?;
        update_item::return_new(&mut w);
        // A version covers all attributes, so its guard makes those of templates' sources redundant.
        let depends_on = if managed.core().is_guarded() {
            None
        } else {
            unmoved(item, |index| {
                actions.touches(&model.field(index).attribute_name)
            })?
        };
        let plan = Plan::update(
            &model.rules,
            managed.core(),
            &actions,
            depends_on,
            tree(condition),
        );
        let plan = plan.map_err(|error| raise(py, &error))?;
        finish_actions(py, &mut w, &actions, &plan)?;
        let effect = Effect::Updated(item.instance.clone().unbind());
        let about = about(condition);
        Ok(Self {
            shield: Shield::of_item(settings, item)?,
            ..Self::new((Name::UpdateItem, table), w, plan, effect, about)
        })
    }

    /// Actions on the item with this key; without `upsert` it must exist. `answers` asks for the item after the update.
    pub(crate) fn update_key(
        settings: &Settings,
        (schema, key, named): &Key<'_>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
        answers: bool,
    ) -> PyResult<Self> {
        let named = named.as_ref();
        let py = schema.py();
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let mut actions = actions_on(actions, model)?;
        follow(py, model, &mut actions, |index| {
            named_value(model, key, named, index)
        })?;
        if upsert {
            // After follow(), which cannot know the value of an attribute that is only filled where it is missing.
            fill_defaults(py, model, key, named, &mut actions)?;
        }
        unique::refuse_actions(py, model, &actions)?;
        model.check_index_keys(py, &actions)?;
        let purposes = &model.rules.purposes;
        purposes
            .write_by_key(&mut actions, upsert)
            .map_err(|error| raise(py, &error))?;
        // DynamoDB creates no item for REMOVE and DELETE alone, and the call would succeed without one.
        if upsert && !actions.make_an_item() {
            return Err(makes_nothing(py, model, &actions));
        }
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        let effect = if answers {
            update_item::return_new(&mut w);
            Effect::NewItem(schema.clone().unbind())
        } else {
            Effect::Nothing
        };
        let plan = Plan::update_key(&model.rules, &actions, upsert, tree(condition))
            .map_err(|error| raise(py, &error))?;
        finish_actions(py, &mut w, &actions, &plan)?;
        let about = about_key(schema, key, condition);
        Ok(Self {
            shield: Shield::of_key(settings, schema, key)?,
            ..Self::new((Name::UpdateItem, table), w, plan, effect, about)
        })
    }
}

/// Ends the body of an update.
pub(super) fn finish_actions(
    py: Python<'_>,
    w: &mut Writer,
    actions: &Actions,
    plan: &Plan<'_>,
) -> PyResult<()> {
    update_item::finish_actions(w, actions, plan.exists(), plan.condition.as_deref())
        .map_err(|error| raise(py, &error))
}

/// An action on an attribute with an unsaved edit would be lost, or lose the edit.
pub(super) fn refuse_edited(item: &Item<'_, '_>, actions: &Actions) -> PyResult<()> {
    let schema = item.model();
    let edited = changes::edited(item)?.into_iter();
    let fields = edited.map(|index| schema.field(index));
    let problems: Vec<_> = fields
        .filter(|field| actions.touches(&field.attribute_name))
        .map(|field| {
            let (model, name) = (&schema.name, &field.text);
            let message = format!(
                "{model}.{name} was changed on this instance and is not saved: save() or model_rollback() before an action changes it"
            );
            (name.to_string(), message)
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(validation_errors(item.py(), problems))
    }
}
