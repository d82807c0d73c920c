//! Deletions, and conditions alone: requests that hold a key and what must hold.

use pydynox_core::error::Error;
use pydynox_core::operation::delete_item;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pydynox_core::write::plan::Plan;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::reply::Context;
use crate::connection::settings::Settings;
use crate::exceptions::{raise, validation_error};
use crate::item::managed::Managed;
use crate::item::shield::Shield;
use crate::item::write;
use crate::model::checks::condition_on;
use crate::model::item::Item;
use crate::model::key::write_key;
use crate::model::schema::Schema;
use crate::write::effect::Effect;
use crate::write::single::{Write, about, about_key, tree};
use crate::write::unique::{self, Change};

impl Write {
    /// A condition alone, on an item: that it has the version that was read, or that it is there. None where nothing is known
    /// that could be checked, unless `always`.
    pub(crate) fn check(
        settings: &Settings,
        item: &Item<'_, '_>,
        condition: &Bound<'_, PyAny>,
        always: bool,
    ) -> PyResult<Option<Self>> {
        let model = item.model();
        let condition = condition_on(condition, model)?;
        if !item.is_stored() {
            let message = format!(
                "this {} is new: only a stored item can be checked",
                model.name
            );
            return Err(validation_error(item.py(), &message));
        }
        let managed = Managed::of_check(item)?;
        if !managed.core().is_guarded() && condition.is_none() && !always {
            return Ok(None);
        }
        let check = ByKey {
            operation: Name::UpdateItem,
            plan: Plan::check(&model.rules, managed.core(), tree(condition)),
            effect: Effect::Checked(item.instance.clone().unbind()),
            about: about(condition),
        };
        check.of_item(settings, item).map(Some)
    }

    /// A condition alone, on the item with this key; without one, that there is such an item.
    pub(crate) fn check_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        let check = ByKey {
            operation: Name::UpdateItem,
            plan: Plan::check_key(&model.rules, tree(condition)),
            effect: Effect::Nothing,
            about: about_key(schema, key, condition),
        };
        check.of_key(settings, schema, key)
    }

    /// The deletion of an item.
    pub(crate) fn delete(
        settings: &Settings,
        item: &Item<'_, '_>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let condition = condition_on(condition, item.model())?;
        let change = Change::deleted(item)?;
        let managed = Managed::of_check(item)?;
        let delete = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::delete(managed.core(), change.condition, tree(condition)),
            effect: Effect::Deleted(item.instance.clone().unbind()),
            about: about(condition),
        };
        Ok(Self {
            guards: change.guards,
            ..delete.of_item(settings, item)?
        })
    }

    /// The deletion of the item with this key, if there is one.
    pub(crate) fn delete_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let model = schema.get();
        let condition = condition_on(condition, model)?;
        unique::refuse_unknown(schema.py(), model, "delete()")?;
        let delete = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::delete_key(&model.rules, tree(condition)),
            effect: Effect::Nothing,
            about: about_key(schema, key, condition),
        };
        delete.of_key(settings, schema, key)
    }

    /// The same that gives the item back.
    pub(crate) fn pop_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Self> {
        let model = schema.get();
        unique::refuse_unknown(schema.py(), model, "pop()")?;
        let pop = ByKey {
            operation: Name::DeleteItem,
            plan: Plan::pop_key(&model.rules),
            effect: Effect::OldItem(schema.clone().unbind()),
            about: about_key(schema, key, None),
        };
        pop.of_key(settings, schema, key)
    }
}

/// A deletion, or a condition alone: its body is a key and what must hold.
pub(super) struct ByKey<'p> {
    operation: Name,
    plan: Result<Plan<'p>, Error>,
    effect: Effect,
    about: Context,
}

impl ByKey<'_> {
    /// For an item.
    fn of_item(self, settings: &Settings, item: &Item<'_, '_>) -> PyResult<Write> {
        let key = |w: &mut Writer| write::write_key(w, item);
        Ok(Write {
            shield: Shield::of_item(settings, item)?,
            ..self.written(item.py(), settings, item.model(), key)?
        })
    }

    /// For the item with this key.
    fn of_key(
        self,
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Write> {
        let model = schema.get();
        let shield = Shield::of_key(settings, schema, key)?;
        let key = |w: &mut Writer| write_key(w, model, key);
        Ok(Write {
            shield,
            ..self.written(schema.py(), settings, model, key)?
        })
    }

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
        if let Effect::OldItem(_) = self.effect {
            delete_item::return_old(&mut w);
        }
        let plan = self.plan.map_err(|error| raise(py, &error))?;
        delete_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let target = (self.operation, table);
        Ok(Write::new(target, w, plan, self.effect, self.about))
    }
}
