//! Writes of models: how each verb's request is built, ready to be sent alone or among others.

use pydynox_core::call::Terms;
use pydynox_core::error::Error;
use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::operation::{put_item, update_item};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pydynox_core::write::conditions::both;
use pydynox_core::write::plan::{self, Plan};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::reply::{Context, Target};
use crate::connection::settings::Settings;
use crate::exceptions::raise;
use crate::item::changes::{self, Changes};
use crate::item::managed::Managed;
use crate::item::shield::Shield;
use crate::item::{rules, write};
use crate::model::checks::condition_on;
use crate::model::condition::Condition;
use crate::model::item::Item;
use crate::model::problems::refuse;
use crate::model::schema::Schema;
use crate::model::snapshot::Stored;
use crate::write::derived::unmoved;
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
pub(super) fn about_key(
    schema: &Bound<'_, Schema>,
    key: &Bound<'_, PyTuple>,
    condition: Option<&Bound<'_, Condition>>,
) -> Context {
    Context {
        target: Target::Item(schema.clone().unbind(), key.clone().unbind()),
        ..about(condition)
    }
}

impl Write {
    pub(super) fn new(
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
        item: &Item<'_, '_>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (py, model) = (item.py(), item.model());
        let condition = condition_on(condition, model)?;
        let managed = Managed::of_create(py, model)?;
        let change = Change::created(item)?;
        let plan = Plan::create(&model.rules, managed.core(), tree(condition))
            .map_err(|error| raise(py, &error))?;
        Self::put_if(
            settings,
            item,
            managed,
            plan,
            change.guards,
            about(condition),
        )
    }

    /// The whole item, replacing whatever has its key.
    pub(crate) fn put(
        settings: &Settings,
        item: &Item<'_, '_>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let (py, model) = (item.py(), item.model());
        let condition = condition_on(condition, model)?;
        let change = if model.unique.is_empty() {
            Change::default()
        } else if item.is_stored() {
            let edited = changes::edited(item)?;
            Change::changed(item, |index| edited.contains(&index), true)?
        } else {
            return Err(unique::unknown(py, model, "put()"));
        };
        let managed = Managed::of_put(item)?;
        let plan = Plan::put(managed.core(), change.condition, tree(condition))
            .map_err(|error| raise(py, &error))?;
        Self::put_if(
            settings,
            item,
            managed,
            plan,
            change.guards,
            about(condition),
        )
    }

    /// An item as it is put without a guard: writes its JSON text, and returns what its writing settles.
    pub(crate) fn bare_put(
        w: &mut Writer,
        settings: &Settings,
        item: &Item<'_, '_>,
    ) -> PyResult<Effect> {
        let managed = Managed::of_put(item)?;
        whole(w, settings, item, managed)
    }

    fn put_if(
        settings: &Settings,
        item: &Item<'_, '_>,
        managed: Managed<'_>,
        plan: Plan<'_>,
        guards: Option<Guards>,
        about: Context,
    ) -> PyResult<Self> {
        let py = item.py();
        let table = item.model().table_in(py, settings)?;
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let effect = whole(&mut w, settings, item, managed)?;
        put_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            guards,
            shield: Shield::of_item(settings, item)?,
            ..Self::new((Name::PutItem, table), w, plan, effect, about)
        })
    }

    /// What changed; None when nothing did and there is no condition to check. `whole` are attributes that are replaced as one
    /// value if they changed.
    pub(crate) fn save(
        settings: &Settings,
        item: &Item<'_, '_>,
        whole: &[String],
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Self>> {
        if !item.is_stored() {
            return Self::create(settings, item, condition).map(Some);
        }
        let (py, model) = (item.py(), item.model());
        let refused = |error: Error| raise(py, &error);
        let condition = condition_on(condition, model)?;
        let mut changes = checked_changes(item, whole)?;
        let is_empty = changes.update.is_empty();
        if is_empty && condition.is_none() {
            return Ok(None);
        }
        let managed = if is_empty {
            Managed::of_check(item)?
        } else {
            Managed::of_change(item)?
        };
        let is_changed = |index| changes.fields.contains(&index);
        let moved = Change::changed(item, is_changed, false)?;
        // Where the version is compared, nothing else needs to be.
        let depends_on = if managed.core().is_guarded() {
            None
        } else {
            both(unmoved(item, is_changed)?, moved.condition).map_err(refused)?
        };
        changes.set_managed(model, &managed);
        let stored = changes.applied_to(item, &managed)?;
        let (table, mut w) = begin_update(settings, item)?;
        let of_update = plan::Changes {
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
        check_size(settings, item, &stored)?;
        let effect = Effect::written(item, stored, Some(changes.fields), managed);
        Ok(Some(Self {
            guards: moved.guards,
            shield: Shield::of_item(settings, item)?,
            ..Self::new((Name::UpdateItem, table), w, plan, effect, about(condition))
        }))
    }
}

/// Writes the whole item, unless a rule or a limit refuses it; returns what its writing settles.
fn whole(
    w: &mut Writer,
    settings: &Settings,
    item: &Item<'_, '_>,
    managed: Managed<'_>,
) -> PyResult<Effect> {
    let start = w.len();
    let stored = write::write_checked(w, item, &managed)?;
    size_check::check_item(settings, &w.as_bytes()[start..], item)?;
    Ok(Effect::written(item, stored, None, managed))
}

/// What changed, unless a rule refuses it or it cannot be stored; `whole` are attributes that are replaced as one value.
fn checked_changes(item: &Item<'_, '_>, whole: &[String]) -> PyResult<Changes> {
    let model = item.model();
    let whole: Vec<usize> = whole
        .iter()
        .filter_map(|name| model.position(name))
        .collect();
    let mut changes = changes::changes(item, &whole)?;
    let broken = rules::broken_rules(item, |index| changes.fields.contains(&index))?;
    changes.problems.extend(broken);
    refuse(item.py(), model, std::mem::take(&mut changes.problems))?;
    Ok(changes)
}

/// The table of an item, and the beginning of the body that updates it.
pub(super) fn begin_update(settings: &Settings, item: &Item<'_, '_>) -> PyResult<(String, Writer)> {
    let table = item.model().table_in(item.py(), settings)?;
    let mut w = Writer::with_capacity(512);
    update_item::begin(&mut w, &table);
    write::write_key(&mut w, item)?;
    Ok((table, w))
}

/// Checks the size of the whole item that changes lead to; most are too small to be measured.
fn check_size(settings: &Settings, item: &Item<'_, '_>, stored: &Stored) -> PyResult<()> {
    if !size_check::may_be_large(settings, item.model(), stored.length) {
        return Ok(());
    }
    let mut whole = Writer::with_capacity(stored.length);
    write::write(&mut whole, item)?;
    size_check::check_item(settings, whole.as_bytes(), item)
}
