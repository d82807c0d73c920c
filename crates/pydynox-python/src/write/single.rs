//! Writes of models: how each verb's request is built, ready to be sent alone or among others.

use pydynox_core::call::Terms;
use pydynox_core::error::Error;
use pydynox_core::expression::action::Actions;
use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::operation::{delete_item, put_item, update_item};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pydynox_core::write::conditions::both;
use pydynox_core::write::plan::{Changes, Plan};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::reply::{Context, Target};
use crate::connection::settings::Settings;
use crate::exceptions::{raise, validation_error, validation_errors};
use crate::item::managed::Managed;
use crate::item::shield::Shield;
use crate::item::{changes, rules, stored, write};
use crate::model::checks::{actions_on, condition_on};
use crate::model::condition::Condition;
use crate::model::instance::{Instance, is_stored, schema_of};
use crate::model::key::{Key, write_key};
use crate::model::problems::refuse;
use crate::model::schema::Schema;
use crate::values::field::Role;
use crate::write::derived::{fill_defaults, follow, unmoved};
use crate::write::effect::Effect;
use crate::write::size_check;
use crate::write::unique::{self, Change, Guards};

/// A write that is ready to be sent.
pub(crate) struct Write {
    pub(crate) operation: Name,
    pub(crate) table: String,
    pub(crate) body: Writer,
    /// How it is sent, and what its failure means.
    pub(crate) terms: Terms,
    /// Whether it is a condition alone.
    pub(crate) is_check: bool,
    /// What its answer becomes.
    pub(crate) effect: Effect,
    /// What its errors say.
    pub(crate) about: Context,
    /// What it takes and lets go of that only one item has; such a write is a transaction.
    pub(crate) guards: Option<Guards>,
    /// What is known of protected attributes.
    pub(crate) shield: Option<Shield>,
}

/// An update that was to make an item where there is none, and sets nothing.
#[cold]
fn makes_nothing(py: Python<'_>, model: &Schema, actions: &Actions) -> PyErr {
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
        "upsert=True with actions that only take away makes no item where there is none, by DynamoDB's rules: add one that sets \
         something{such}, or leave upsert out"
    );
    validation_error(py, &message)
}

pub(crate) fn tree<'a>(condition: Option<&'a Bound<'_, Condition>>) -> Option<&'a Tree> {
    condition.map(|condition| &condition.get().tree)
}

pub(crate) fn about(condition: Option<&Bound<'_, Condition>>) -> Context {
    Context {
        condition: condition.map(|condition| condition.clone().unbind()),
        ..Context::default()
    }
}

/// The same for a write of whatever item has a key.
fn about_key(
    schema: &Bound<'_, Schema>,
    key: &Bound<'_, PyTuple>,
    condition: Option<&Bound<'_, Condition>>,
) -> Context {
    Context {
        target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
        ..about(condition)
    }
}

/// What is known of an item by its key alone.
fn named_value<'py>(
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
        Some(named) => named.get_item(&schema.field(index).name),
        None => Ok(None),
    }
}

impl Write {
    fn new(
        (operation, table): (Name, String),
        body: Writer,
        plan: Plan<'_>,
        effect: Effect,
        about: Context,
    ) -> Self {
        Self {
            operation,
            table,
            body,
            terms: plan.terms,
            is_check: plan.is_check,
            effect,
            about: Context {
                builds_on: plan.builds_on,
                ..about
            },
            guards: None,
            shield: None,
        }
    }

    /// The body, which is not there afterwards.
    pub(crate) fn take_body(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.body, Writer::with_capacity(0)).into_bytes()
    }

    /// A new item; fails when its key is taken.
    pub(crate) fn create(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let managed = Managed::of_create(py, model)?;
        let change = Change::created(instance, model)?;
        let plan = Plan::create(&model.rules, managed.core(), tree(condition))
            .map_err(|error| raise(py, &error))?;
        Self::whole(
            settings,
            (instance, model),
            managed,
            plan,
            change.guards,
            about(condition),
        )
    }

    /// The whole item, replacing whatever has its key.
    pub(crate) fn put(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let change = if model.unique.is_empty() {
            Change::default()
        } else if is_stored(instance) {
            let edited = changes::edited(instance)?;
            Change::changed(instance, model, |index| edited.contains(&index), true)?
        } else {
            return Err(unique::unknown(py, model, "put()"));
        };
        let managed = Managed::of_put(instance, model)?;
        let plan = Plan::put(managed.core(), change.condition, tree(condition))
            .map_err(|error| raise(py, &error))?;
        Self::whole(
            settings,
            (instance, model),
            managed,
            plan,
            change.guards,
            about(condition),
        )
    }

    /// The item of an instance as it is put without a guard: its table, its JSON text, and what its writing settles.
    pub(crate) fn bare_put(
        w: &mut Writer,
        settings: &Settings,
        instance: &Bound<'_, Instance>,
    ) -> PyResult<Effect> {
        let schema = schema_of(instance)?;
        let managed = Managed::of_put(instance, schema.get())?;
        let start = w.len();
        let stored = write::write_checked(w, instance, &managed)?;
        size_check::check_of_instance(settings, &w.as_bytes()[start..], instance)?;
        Ok(Effect::Written {
            instance: instance.clone().unbind(),
            stored: Box::new(stored),
            fields: None,
            managed: managed.into_values(),
        })
    }

    fn whole(
        settings: &Settings,
        (instance, model): (&Bound<'_, Instance>, &Schema),
        managed: Managed<'_>,
        plan: Plan<'_>,
        guards: Option<Guards>,
        about: Context,
    ) -> PyResult<Self> {
        let py = instance.py();
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        let stored = write::write_checked(&mut w, instance, &managed)?;
        size_check::check_of_instance(settings, &w.as_bytes()[start..], instance)?;
        put_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let effect = Effect::Written {
            instance: instance.clone().unbind(),
            stored: Box::new(stored),
            fields: None,
            managed: managed.into_values(),
        };
        Ok(Self {
            guards,
            shield: Shield::of_instance(settings, instance)?,
            ..Self::new((Name::PutItem, table), w, plan, effect, about)
        })
    }

    /// What changed; None when nothing did and there is no condition to check. `whole` are attributes that are replaced as one
    /// value if they changed.
    pub(crate) fn save(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        whole: &[String],
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Self>> {
        if !is_stored(instance) {
            return Self::create(settings, instance, condition).map(Some);
        }
        let py = instance.py();
        let refused = |error: Error| raise(py, &error);
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let whole: Vec<usize> = model
            .fields()
            .enumerate()
            .filter(|(_, field)| whole.iter().any(|name| **name == *field.text))
            .map(|(index, _)| index)
            .collect();
        let mut changes = changes::changes(instance, &whole)?;
        let broken = rules::broken_rules(instance, |index| changes.fields.contains(&index))?;
        changes.problems.extend(broken);
        refuse(py, model, std::mem::take(&mut changes.problems))?;
        let is_empty = changes.update.is_empty();
        if is_empty && condition.is_none() {
            return Ok(None);
        }
        let managed = if is_empty {
            Managed::of_check(instance, model)?
        } else {
            Managed::of_change(instance, model)?
        };
        let is_changed = |index| changes.fields.contains(&index);
        let moved = Change::changed(instance, model, is_changed, false)?;
        // Where the version is compared, nothing else needs to be.
        let depends_on = if managed.core().is_guarded() {
            None
        } else {
            both(unmoved(instance, model, is_changed)?, moved.condition).map_err(refused)?
        };
        changes.set_managed(model, &managed);
        let stored = changes.applied_to(instance, &managed)?;
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        let of_update = Changes {
            is_empty,
            has_parents: changes.update.has_parents(),
        };
        let plan = Plan::save(
            &model.rules,
            managed.core(),
            of_update,
            depends_on,
            tree(condition),
        );
        let plan = plan.map_err(refused)?;
        update_item::finish(
            &mut w,
            &changes.update,
            &model.rules.partition_key,
            plan.condition.as_deref(),
        );
        if size_check::may_be_large(settings, model, stored.length) {
            let mut whole = Writer::with_capacity(stored.length);
            write::write(&mut whole, instance)?;
            size_check::check_of_instance(settings, whole.as_bytes(), instance)?;
        }
        let effect = Effect::Written {
            instance: instance.clone().unbind(),
            stored: Box::new(stored),
            fields: Some(changes.fields),
            managed: managed.into_values(),
        };
        let about = about(condition);
        Ok(Some(Self {
            guards: moved.guards,
            shield: Shield::of_instance(settings, instance)?,
            ..Self::new((Name::UpdateItem, table), w, plan, effect, about)
        }))
    }

    /// Actions on the item of an instance, which then equals the item but for what was edited and not saved.
    pub(crate) fn update(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        if !is_stored(instance) {
            let message = format!(
                "this {} is new: update() changes a stored item, create() writes a new one",
                model.name
            );
            return Err(validation_error(py, &message));
        }
        let mut actions = actions_on(actions, model)?;
        refuse_edited(instance, model, &actions)?;
        unique::refuse_actions(py, model, &actions)?;
        follow(py, model, &mut actions, |index| {
            stored::stored_value(instance, index)
        })?;
        model.check_index_keys(py, &actions)?;
        let managed = Managed::of_change(instance, model)?;
        let name = |index| &*model.field(index).attribute_name;
        managed.core().write_into(&mut actions, name);
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        update_item::return_new(&mut w);
        let depends_on = if managed.core().is_guarded() {
            None
        } else {
            unmoved(instance, model, |index| {
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
        let effect = Effect::Updated(instance.clone().unbind());
        let about = about(condition);
        Ok(Self {
            shield: Shield::of_instance(settings, instance)?,
            ..Self::new((Name::UpdateItem, table), w, plan, effect, about)
        })
    }

    /// Actions on the item with this key; without `upsert` it must be there. `answers` asks for the item as it is then.
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
            fill_defaults(py, model, named, &mut actions)?;
        }
        unique::refuse_actions(py, model, &actions)?;
        model.check_index_keys(py, &actions)?;
        let purposes = &model.rules.purposes;
        purposes
            .write_by_key(&mut actions, upsert)
            .map_err(|error| raise(py, &error))?;
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

    /// A condition alone, on the item of an instance: that it has the version that was read, or that it is there. None where
    /// nothing is known that could be checked, unless `always`.
    pub(crate) fn check(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
        always: bool,
    ) -> PyResult<Option<Self>> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        if !is_stored(instance) {
            let message = format!(
                "this {} is new: only a stored item can be checked",
                model.name
            );
            return Err(validation_error(py, &message));
        }
        let managed = Managed::of_check(instance, model)?;
        if !managed.core().is_guarded() && condition.is_none() && !always {
            return Ok(None);
        }
        let check = ByKey {
            operation: Name::UpdateItem,
            plan: Plan::check(&model.rules, managed.core(), tree(condition)),
            effect: Effect::Checked(instance.clone().unbind()),
            about: about(condition),
        };
        Ok(Some(Self {
            shield: Shield::of_instance(settings, instance)?,
            ..check.written(py, settings, model, |w| write::write_key(w, instance))?
        }))
    }

    /// A condition alone, on the item with this key; without one, that there is such an item.
    pub(crate) fn check_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (py, model) = (schema.py(), schema.get());
        let condition = condition_on(condition, model)?;
        let check = ByKey {
            operation: Name::UpdateItem,
            plan: Plan::check_key(&model.rules, tree(condition)),
            effect: Effect::Nothing,
            about: about_key(schema, key, condition),
        };
        Ok(Self {
            shield: Shield::of_key(settings, schema, key)?,
            ..check.written(py, settings, model, |w| write_key(w, model, key))?
        })
    }

    /// The deletion of the item of an instance.
    pub(crate) fn delete(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let change = Change::deleted(instance, model)?;
        let managed = Managed::of_check(instance, model)?;
        let delete = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::delete(managed.core(), change.condition, tree(condition)),
            effect: Effect::Deleted(instance.clone().unbind()),
            about: about(condition),
        };
        Ok(Self {
            guards: change.guards,
            shield: Shield::of_instance(settings, instance)?,
            ..delete.written(py, settings, model, |w| write::write_key(w, instance))?
        })
    }

    /// The deletion of the item with this key, if there is one.
    pub(crate) fn delete_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (py, model) = (schema.py(), schema.get());
        let condition = condition_on(condition, model)?;
        unique::refuse_unknown(py, model, "delete()")?;
        let delete = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::delete_key(&model.rules, tree(condition)),
            effect: Effect::Nothing,
            about: about_key(schema, key, condition),
        };
        Ok(Self {
            shield: Shield::of_key(settings, schema, key)?,
            ..delete.written(py, settings, model, |w| write_key(w, model, key))?
        })
    }

    /// The same that gives the item back.
    pub(crate) fn pop_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let (py, model) = (schema.py(), schema.get());
        unique::refuse_unknown(py, model, "pop()")?;
        let pop = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::pop_key(&model.rules),
            effect: Effect::OldItem(schema.clone().unbind()),
            about: about_key(schema, key, None),
        };
        let answering = |w: &mut Writer| {
            write_key(w, model, key)?;
            delete_item::return_old(w);
            Ok(())
        };
        Ok(Self {
            shield: Shield::of_key(settings, schema, key)?,
            ..pop.written(py, settings, model, answering)?
        })
    }
}

/// A deletion, or a condition alone: its body is a key and what must hold.
struct ByKey<'p> {
    operation: Name,
    plan: Result<Plan<'p>, Error>,
    effect: Effect,
    about: Context,
}

impl ByKey<'_> {
    fn written(
        self,
        py: Python<'_>,
        settings: &Settings,
        model: &Schema,
        key: impl FnOnce(&mut Writer) -> PyResult<()>,
    ) -> PyResult<Write> {
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        key(&mut w)?;
        let plan = self.plan.map_err(|error| raise(py, &error))?;
        delete_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let target = (self.operation, table);
        Ok(Write::new(target, w, plan, self.effect, self.about))
    }
}

/// Ends the body of an update.
fn finish_actions(
    py: Python<'_>,
    w: &mut Writer,
    actions: &Actions,
    plan: &Plan<'_>,
) -> PyResult<()> {
    update_item::finish_actions(w, actions, plan.exists(), plan.condition.as_deref())
        .map_err(|error| raise(py, &error))
}

/// An action on an attribute that was edited and not saved would be lost, or lose the edit.
fn refuse_edited(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    actions: &Actions,
) -> PyResult<()> {
    let edited = changes::edited(instance)?.into_iter();
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
        Err(validation_errors(instance.py(), problems))
    }
}
