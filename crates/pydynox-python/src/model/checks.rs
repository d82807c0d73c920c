//! Checks: whether conditions and actions fit the model that they are used on.

use std::borrow::Cow;

use pydynox_core::expression::actions::Actions;
use pydynox_core::expression::path;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::exceptions::validation_error;
use crate::model::action::Action;
use crate::model::condition::Condition;
use crate::model::instance::moves_the_item;
use crate::model::place::split_name;
use crate::model::problems::refused;
use crate::model::schema::Schema;
use crate::values::field::{Field, Role};

/// A caller's condition, if there is one.
pub(crate) fn condition_of<'a, 'py>(
    given: &'a Bound<'py, PyAny>,
) -> PyResult<Option<&'a Bound<'py, Condition>>> {
    if given.is_none() {
        return Ok(None);
    }
    match given.cast::<Condition>() {
        Ok(condition) => Ok(Some(condition)),
        Err(_) => Err(PyTypeError::new_err(format!(
            "condition= takes a condition such as User.age > 3, not {}",
            given.repr()?
        ))),
    }
}

/// A caller's condition on items of a model, if there is one.
pub(crate) fn condition_on<'a, 'py>(
    given: &'a Bound<'py, PyAny>,
    schema: &Schema,
) -> PyResult<Option<&'a Bound<'py, Condition>>> {
    let condition = condition_of(given)?;
    if let Some(condition) = condition {
        check_owners(condition, schema)?;
    }
    Ok(condition)
}

/// Refuses a condition on items of another model.
pub(crate) fn check_owners(condition: &Bound<'_, Condition>, schema: &Schema) -> PyResult<()> {
    let handle = condition.get();
    for owner in &handle.owners {
        check_owner(schema, owner.bind(condition.py()), || {
            format!("the condition {}", handle.tree)
        })?;
    }
    for path in handle.tree.paths() {
        refuse_split(condition.py(), schema, path)?;
    }
    // Re-encryption compares the stored envelope as a whole, which DynamoDB can do.
    if schema.protected.is_some() && !handle.stored {
        let mut paths = handle.tree.compared().into_iter();
        if let Some(field) = paths.find_map(|path| protected_at(schema, path)) {
            let (name, field) = (&schema.name, &field.text);
            let message = format!(
                "{name}.{field} is stored encrypted or compressed, and DynamoDB cannot compare it: use only .exists() and .not_exists()"
            );
            return Err(validation_error(condition.py(), &message));
        }
    }
    Ok(())
}

/// Refuses a path of several names that stands for one attribute with dots in its name.
pub(crate) fn refuse_split(py: Python<'_>, schema: &Schema, path: &path::Path) -> PyResult<()> {
    let knows = |name: &str| schema.by_attribute(name, usize::MAX).is_some();
    match path.as_one_name() {
        // Only if the path can mean nothing else: an attribute of the first name makes it a real path.
        Some(name) if knows(&name) && !knows(path.attribute()) => Err(split_name(py, &name)),
        _ => Ok(()),
    }
}

/// The protected attribute that a path starts at.
pub(crate) fn protected_at<'a>(schema: &'a Schema, path: &path::Path) -> Option<&'a Field> {
    let index = schema.by_attribute(path.attribute(), usize::MAX)?;
    let field = schema.field(index);
    field.protected.is_some().then_some(field)
}

/// A condition on one model is not applied to another; a base class may refer to attributes of its subclasses, and they to its.
pub(crate) fn check_owner(
    schema: &Schema,
    owner: &Bound<'_, PyType>,
    what: impl FnOnce() -> String,
) -> PyResult<()> {
    let py = owner.py();
    let model = schema.model(py);
    if model.is(owner) || model.is_subclass(owner)? || owner.is_subclass(model)? {
        return Ok(());
    }
    let remedy = owner.getattr_opt(intern!(py, "_elsewhere"))?;
    let remedy = remedy.map_or_else(String::new, |remedy| format!(": {remedy}"));
    let message = format!(
        "{} refers to {}, not to {}{remedy}",
        what(),
        owner.name()?,
        schema.name
    );
    Err(validation_error(py, &message))
}

/// Why no action may change a key.
pub(crate) const IS_KEY: &str =
    "is a key and cannot change: an item with another key is another item";

/// A caller's actions on items of a model, checked together.
pub(crate) fn actions_on(given: &Bound<'_, PyTuple>, schema: &Schema) -> PyResult<Actions> {
    let actions = actions_of(given, fixed_of(schema))?;
    for one in given.iter() {
        if let Ok(action) = one.cast::<Action>()
            && let Some(owner) = &action.get().owner
        {
            check_owner(schema, owner.bind(given.py()), || {
                format!("the action {}", action.get().action)
            })?;
        }
        if let Ok(action) = one.cast::<Action>() {
            refuse_split(given.py(), schema, action.get().action.path())?;
        }
        if schema.protected.is_some()
            && let Ok(action) = one.cast::<Action>()
            && let action = &action.get().action
            && let Some(field) = protected_at(schema, action.path())
            && !action.suits_protected()
        {
            let (name, field) = (&schema.name, &field.text);
            let message = format!(
                "{name}.{field} is stored encrypted or compressed, and DynamoDB cannot look inside: write {name}.{field}.set(...) or .remove()"
            );
            return Err(validation_error(given.py(), &message));
        }
    }
    Ok(actions)
}

/// A caller's actions, checked together; `fixed` gives by stored name the reason why an attribute may not be changed.
pub(crate) fn actions_of(
    given: &Bound<'_, PyTuple>,
    fixed: impl Fn(&str) -> Option<Cow<'static, str>>,
) -> PyResult<Actions> {
    let py = given.py();
    let mut actions = Vec::with_capacity(given.len());
    for one in given.iter() {
        let Ok(action) = one.cast::<Action>() else {
            return Err(PyTypeError::new_err(format!(
                "an update takes actions such as User.age.add(1), not {}",
                one.repr()?
            )));
        };
        let action = &action.get().action;
        if let Some(why) = fixed(action.path().attribute()) {
            return Err(validation_error(py, &format!("{} {why}", action.path())));
        }
        actions.push(action.clone());
    }
    Actions::new(actions).map_err(|error| refused(py, &error))
}

/// Why an attribute of a model, by its stored name, may not be changed.
pub(crate) fn fixed_of(schema: &Schema) -> impl Fn(&str) -> Option<Cow<'static, str>> + '_ {
    |name| {
        let index = schema.by_attribute(name, usize::MAX)?;
        let field = schema.field(index);
        if field.role != Role::Attribute {
            Some(IS_KEY.into())
        } else if field.is_managed() {
            Some("is managed by pydynox: every write sets it".into())
        } else if let Some(template) = schema.template_of(&field.text) {
            let text = template.describe(schema);
            Some(format!("is built from {text:?}: set the attributes it is built from").into())
        } else if moves_the_item(schema, index).is_some() {
            Some(
                "is part of the key and cannot change: an item with another key is another item"
                    .into(),
            )
        } else if field.immutable {
            Some("is immutable: it cannot change once the item is stored".into())
        } else {
            None
        }
    }
}
