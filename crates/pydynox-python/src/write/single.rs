//! Writes of models: how each verb's request is built, ready to be sent alone or among others.

use crate::model::instance::is_stored;
use crate::model::key::write_key;
use crate::model::problems::refuse;
use std::borrow::Cow;

use pydynox_core::client::{Intent, Resend};
use pydynox_core::expression::action::Actions;
use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::path::Path;
use pydynox_core::operation::{Guard, delete_item, put_item, update_item};
use pydynox_core::retry::proof::Proof;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::reply::{Context, Target};
use crate::connection::settings::Settings;
use crate::exceptions::{raise, validation_error, validation_errors};
use crate::item::changes;
use crate::item::managed::{Kept, expired_condition, keep_by_key};
use crate::item::rules;
use crate::item::shield::Shield;
use crate::item::stored;
use crate::item::write;
use crate::model::entity;
use crate::model::expression::{Condition, actions_on, condition_on};
use crate::model::instance::{Instance, schema_of};
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
    pub(crate) resend: Resend,
    pub(crate) intent: Intent,
    pub(crate) proof: Option<Box<Proof>>,
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

/// A condition of the caller never tells whether an earlier attempt was applied: its write is not sent again then.
pub(crate) fn unless(condition: Option<&Bound<'_, Condition>>) -> Resend {
    if condition.is_some() {
        Resend::Never
    } else {
        Resend::Always
    }
}

/// An update that was to make an item where there is none, and sets nothing.
#[cold]
fn makes_nothing(py: Python<'_>, model: &Schema, actions: &Actions) -> PyErr {
    let mut settable = model.fields().filter(|field| {
        field.role == Role::Attribute
            && !field.is_kept()
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

/// What must hold: what is kept, and what the caller asks.
fn joined<'a>(
    py: Python<'_>,
    kept: &Kept<'_>,
    condition: Option<&'a Bound<'_, Condition>>,
) -> PyResult<Option<Cow<'a, Tree>>> {
    kept.joined(tree(condition))
        .map_err(|error| raise(py, &error))
}

/// What must hold: what the write itself needs, and what the caller asks.
fn both<'a>(
    py: Python<'_>,
    own: Option<Tree>,
    condition: Option<&'a Bound<'_, Condition>>,
) -> PyResult<Option<Cow<'a, Tree>>> {
    Ok(match (own, tree(condition)) {
        (Some(own), Some(condition)) => Some(Cow::Owned(
            own.and(condition).map_err(|error| raise(py, &error))?,
        )),
        (Some(own), None) => Some(Cow::Owned(own)),
        (None, condition) => condition.map(Cow::Borrowed),
    })
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

/// Whether a write may be sent again: its own guard keeps it from being applied twice, whatever else it asks.
fn repeatable(kept: &Kept<'_>, otherwise: Resend) -> Resend {
    if kept.is_guarded() {
        Resend::OwnGuard
    } else {
        otherwise
    }
}

impl Write {
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
        let schema = schema.get();
        let condition = condition_on(condition, schema)?;
        let kept = Kept::of_create(py, schema)?;
        let key = &*schema.partition_key().attribute_name;
        let intent = if condition.is_some() {
            Intent::CreateIf
        } else {
            Intent::Create
        };
        let Some(expired) = expired_condition(schema) else {
            let guard = Guard::NotExists(key);
            let change = Change::created(instance)?;
            return Self::whole(settings, instance, kept, guard, condition, intent, change);
        };
        // An item whose time is over counts as absent: it may be replaced.
        let free = Tree::not_exists(Path::new(key)).or(&expired);
        let kept = kept.relying_on(free.map_err(|error| raise(py, &error))?);
        let change = Change::created(instance)?;
        Self::whole(
            settings,
            instance,
            kept,
            Guard::None,
            condition,
            intent,
            change,
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
        let schema = schema.get();
        let condition = condition_on(condition, schema)?;
        let change = if schema.unique.is_empty() {
            Change::default()
        } else if is_stored(instance) {
            let edited = changes::edited(instance)?;
            unique::of_change(instance, |index| edited.contains(&index), true)?
        } else {
            return Err(unique::unknown(py, schema, "put()"));
        };
        let kept = Kept::of_put(instance)?;
        let intent = if kept.is_guarded() || change.condition.is_some() {
            Intent::Save
        } else {
            Intent::Plain
        };
        Self::whole(
            settings,
            instance,
            kept,
            Guard::None,
            condition,
            intent,
            change,
        )
    }

    /// The item of an instance as it is put without a guard: its table, its JSON text, and what its writing settles.
    pub(crate) fn bare_put(
        w: &mut Writer,
        settings: &Settings,
        instance: &Bound<'_, Instance>,
    ) -> PyResult<Effect> {
        let kept = Kept::of_put(instance)?;
        let start = w.len();
        let stored = write::write_checked(w, instance, &kept)?;
        size_check::check_of_instance(settings, &w.as_bytes()[start..], instance)?;
        Ok(Effect::Written {
            instance: instance.clone().unbind(),
            stored: Box::new(stored),
            fields: None,
            kept: kept.into_values(),
        })
    }

    #[allow(clippy::too_many_arguments)] // all that makes one put differ from another
    fn whole(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
        kept: Kept<'_>,
        guard: Guard<'_>,
        condition: Option<&Bound<'_, Condition>>,
        intent: Intent,
        change: Change,
    ) -> PyResult<Self> {
        let py = instance.py();
        let model = schema_of(instance)?;
        let table = model.get().table_in(py, settings)?;
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        let stored = write::write_checked(&mut w, instance, &kept)?;
        size_check::check_of_instance(settings, &w.as_bytes()[start..], instance)?;
        let resend = if guard == Guard::None {
            repeatable(&kept, unless(condition))
        } else {
            Resend::OwnGuard
        };
        let builds_on = change.condition.is_some() && !kept.is_guarded();
        let all = if builds_on {
            both(py, change.condition, condition)?
        } else {
            joined(py, &kept, condition)?
        };
        put_item::finish_if(&mut w, guard, all.as_deref()).map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::PutItem,
            table,
            body: w,
            resend,
            intent,
            proof: kept.proof(),
            is_check: false,
            guards: change.guards,
            shield: Shield::of_instance(settings, instance)?,
            effect: Effect::Written {
                instance: instance.clone().unbind(),
                stored: Box::new(stored),
                fields: None,
                kept: kept.into_values(),
            },
            about: Context {
                builds_on,
                ..about(condition)
            },
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
        let is_check = changes.update.is_empty();
        if is_check && condition.is_none() {
            return Ok(None);
        }
        let kept = if is_check {
            Kept::of_check(instance)?
        } else {
            Kept::of_change(instance)?
        };
        let is_changed = |index| changes.fields.contains(&index);
        let moved = unique::of_change(instance, is_changed, false)?;
        let unmoved = if kept.is_guarded() {
            None
        } else {
            match (unmoved(instance, model, is_changed)?, moved.condition) {
                (Some(one), Some(other)) => {
                    Some(one.and(&other).map_err(|error| raise(py, &error))?)
                }
                (one, other) => one.or(other),
            }
        };
        changes.keep(model, &kept);
        let stored = changes.applied_to(instance, &kept)?;
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        let builds_on = changes.update.has_parents() || unmoved.is_some();
        let all = if unmoved.is_some() {
            both(py, unmoved, condition)?
        } else {
            joined(py, &kept, condition)?
        };
        let exists = &*model.partition_key().attribute_name;
        update_item::finish(&mut w, &changes.update, exists, all.as_deref());
        if size_check::may_be_large(settings, model, stored.length) {
            let mut whole = Writer::with_capacity(stored.length);
            write::write(&mut whole, instance)?;
            size_check::check_of_instance(settings, whole.as_bytes(), instance)?;
        }
        Ok(Some(Self {
            operation: Name::UpdateItem,
            table,
            body: w,
            // A check alone changes nothing, however often it is sent.
            resend: if is_check {
                Resend::Always
            } else {
                repeatable(&kept, unless(condition))
            },
            intent: Intent::Save,
            proof: kept.proof(),
            is_check,
            guards: moved.guards,
            shield: Shield::of_instance(settings, instance)?,
            about: Context {
                builds_on,
                ..about(condition)
            },
            effect: Effect::Written {
                instance: instance.clone().unbind(),
                stored: Box::new(stored),
                fields: Some(changes.fields),
                kept: kept.into_values(),
            },
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
        let kept = Kept::of_change(instance)?;
        kept.write_into(model, &mut actions);
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        update_item::return_new(&mut w);
        let exists = Some(&*model.partition_key().attribute_name);
        let unmoved = if kept.is_guarded() {
            None
        } else {
            unmoved(instance, model, |index| {
                actions.touches(&model.field(index).attribute_name)
            })?
        };
        let builds_on = actions.have_parents() || unmoved.is_some();
        let all = if unmoved.is_some() {
            both(py, unmoved, condition)?
        } else {
            joined(py, &kept, condition)?
        };
        update_item::finish_actions(&mut w, &actions, exists, all.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            resend: repeatable(&kept, repeated(&actions, condition)),
            intent: Intent::Save,
            proof: kept.proof(),
            operation: Name::UpdateItem,
            table,
            body: w,
            is_check: false,
            guards: None,
            shield: Shield::of_instance(settings, instance)?,
            effect: Effect::Updated(instance.clone().unbind()),
            about: Context {
                builds_on,
                ..about(condition)
            },
        })
    }

    /// Actions on the item with this key; without `upsert` it must be there. `answers` asks for the item as it is then.
    #[allow(clippy::too_many_arguments)] // what Python hands over
    pub(crate) fn update_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
        answers: bool,
    ) -> PyResult<Self> {
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
        keep_by_key(py, model, &mut actions, upsert)?;
        if upsert && !actions.make_an_item() {
            return Err(makes_nothing(py, model, &actions));
        }
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        if answers {
            update_item::return_new(&mut w);
        }
        let exists = (!upsert).then_some(&*model.partition_key().attribute_name);
        let own = if upsert {
            entity::absent_or_own(py, model)?
        } else {
            entity::condition(model)
        };
        let all = both(py, own, condition)?;
        update_item::finish_actions(&mut w, &actions, exists, all.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::UpdateItem,
            table,
            body: w,
            resend: repeated(&actions, condition),
            intent: if upsert {
                Intent::Plain
            } else {
                Intent::Existing
            },
            proof: entity::proof(model).filter(|_| !upsert),
            is_check: false,
            guards: None,
            shield: Shield::of_key(settings, schema, key)?,
            effect: if answers {
                Effect::NewItem(schema.clone().unbind())
            } else {
                Effect::Nothing
            },
            about: Context {
                target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
                builds_on: actions.have_parents(),
                ..about(condition)
            },
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
        let kept = Kept::of_check(instance)?;
        if !kept.is_guarded() && condition.is_none() && !always {
            return Ok(None);
        }
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        let all = joined(py, &kept, condition)?;
        let exists = Guard::Exists(&model.partition_key().attribute_name);
        delete_item::finish_if(&mut w, exists, all.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Some(Self {
            operation: Name::UpdateItem,
            table,
            body: w,
            resend: Resend::Always,
            intent: Intent::Save,
            proof: kept.proof(),
            is_check: true,
            guards: None,
            shield: Shield::of_instance(settings, instance)?,
            effect: Effect::Checked(instance.clone().unbind()),
            about: about(condition),
        }))
    }

    /// A condition alone, on the item with this key; without one, that there is such an item.
    pub(crate) fn check_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = schema.py();
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        // A condition may be about an item that is not there.
        let guard = if condition.is_some() {
            Guard::None
        } else {
            Guard::Exists(&model.partition_key().attribute_name)
        };
        let own = if condition.is_some() {
            entity::absent_or_own(py, model)?
        } else {
            entity::condition(model)
        };
        let all = both(py, own, condition)?;
        delete_item::finish_if(&mut w, guard, all.as_deref()).map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::UpdateItem,
            table,
            body: w,
            resend: Resend::Always,
            intent: if condition.is_some() {
                Intent::Plain
            } else {
                Intent::Existing
            },
            proof: entity::proof(model),
            is_check: true,
            guards: None,
            shield: Shield::of_key(settings, schema, key)?,
            effect: Effect::Nothing,
            about: Context {
                target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
                ..about(condition)
            },
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
        let condition = condition_on(condition, schema.get())?;
        let change = unique::of_delete(instance)?;
        let kept = Kept::of_check(instance)?;
        let table = schema.get().table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write::write_key(&mut w, instance)?;
        let builds_on = change.condition.is_some() && !kept.is_guarded();
        let all = if builds_on {
            both(py, change.condition, condition)?
        } else {
            joined(py, &kept, condition)?
        };
        delete_item::finish_if(&mut w, Guard::None, all.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::DeleteItem,
            table,
            body: w,
            resend: repeatable(&kept, unless(condition)),
            intent: if kept.is_guarded() {
                Intent::Save
            } else {
                Intent::Plain
            },
            proof: kept.proof(),
            is_check: false,
            guards: change.guards,
            shield: Shield::of_instance(settings, instance)?,
            effect: Effect::Deleted(instance.clone().unbind()),
            about: Context {
                builds_on,
                ..about(condition)
            },
        })
    }

    /// The deletion of the item with this key, if there is one.
    pub(crate) fn delete_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = schema.py();
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        unique::refuse_unknown(py, model, "delete()")?;
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        let all = both(py, entity::absent_or_own(py, model)?, condition)?;
        delete_item::finish_if(&mut w, Guard::None, all.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::DeleteItem,
            table,
            body: w,
            resend: unless(condition),
            intent: Intent::Plain,
            proof: entity::proof(model),
            is_check: false,
            guards: None,
            shield: Shield::of_key(settings, schema, key)?,
            effect: Effect::Nothing,
            about: Context {
                target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
                ..about(condition)
            },
        })
    }

    /// The same that gives the item back. What was given to nobody is lost, so it is never sent again.
    pub(crate) fn pop_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let py = schema.py();
        let model = schema.get();
        unique::refuse_unknown(py, model, "pop()")?;
        let table = model.table_in(py, settings)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        delete_item::return_old(&mut w);
        let own = entity::absent_or_own(py, model)?;
        delete_item::finish_if(&mut w, Guard::None, own.as_ref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            operation: Name::DeleteItem,
            table,
            body: w,
            resend: Resend::Never,
            intent: Intent::Plain,
            proof: entity::proof(model),
            is_check: false,
            guards: None,
            shield: Shield::of_key(settings, schema, key)?,
            effect: Effect::OldItem(schema.clone().unbind()),
            about: Context {
                target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
                ..Context::default()
            },
        })
    }
}

/// Whether a caller's actions may be sent again.
pub(crate) fn repeated(actions: &Actions, condition: Option<&Bound<'_, Condition>>) -> Resend {
    if actions.is_idempotent() {
        unless(condition)
    } else {
        Resend::Never
    }
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
