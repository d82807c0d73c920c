//! Instance: what every model instance has, from the keyword constructor and checked assignment to the state hidden from users.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::exceptions::validation_errors;
use crate::interpreter::ffi;
use crate::model::schema::Schema;
use crate::model::snapshot::{Slot, Stored};
use crate::values::assignment::{assign_checked, construct, equal, undeletable, unknown_attribute};
use crate::values::field::{Field, Role};
use crate::values::plain::admitted;
use pydynox_core::field_set::FieldSet;

/// The Rust part of a model instance.
#[pyclass(subclass, module = "pydynox._core")]
pub(crate) struct Instance {
    pub(crate) schema: Option<Py<Schema>>,
    pub(crate) stored: Option<Box<Stored>>,
    /// Fields that a call with an unknown outcome may have written: they count as changed until a read or a write settles them.
    pub(crate) unsettled: Box<[usize]>,
    /// Fields whose value a default filled in, and that have not been set since.
    pub(crate) unset: FieldSet,
    /// The values that its `__dict__` must not show; None if its class has no such fields.
    pub(crate) concealed: Option<Py<PyDict>>,
}

impl Instance {
    /// From now on these fields count as changed, until a read or a write settles them.
    pub(crate) fn unsettle(&mut self, fields: impl IntoIterator<Item = usize>) {
        let mut unsettled = std::mem::take(&mut self.unsettled).into_vec();
        for index in fields {
            if !unsettled.contains(&index) {
                unsettled.push(index);
            }
        }
        self.unsettled = unsettled.into();
    }
}

/// The schema of an instance; the first call takes it from its class.
pub(crate) fn schema_of<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, Schema>> {
    let py = instance.py();
    if let Some(schema) = &instance.borrow().schema {
        return Ok(schema.bind(py).clone());
    }
    let attribute = instance.get_type().getattr(intern!(py, "_schema"))?;
    let schema = attribute.cast_into::<Schema>().map_err(|_| {
        let name = instance
            .get_type()
            .name()
            .map_or_else(|_| "this class".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{name} is abstract: it has no instances"))
    })?;
    instance.borrow_mut().schema = Some(schema.clone().unbind());
    Ok(schema)
}

/// Whether user functions run before or after operations on instances of a class.
pub(crate) fn has_hooks(class: &Bound<'_, PyType>) -> PyResult<bool> {
    Ok(!class.getattr(intern!(class.py(), "_hooks"))?.is_none())
}

#[pymethods]
impl Instance {
    #[new]
    #[pyo3(signature = (*_arguments, **_values))]
    // Python passes its arguments to __new__ too; __init__ is the one that checks them.
    fn new(_arguments: &Bound<'_, PyTuple>, _values: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            schema: None,
            stored: None,
            unsettled: Box::default(),
            concealed: None,
            unset: FieldSet::default(),
        }
    }

    #[pyo3(signature = (*positional, **values))]
    fn __init__(
        slf: &Bound<'_, Self>,
        positional: &Bound<'_, PyTuple>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let schema = schema_of(slf)?;
        let schema = schema.get();
        slf.borrow_mut().unset = construct(slf, schema, positional, values)?;
        if schema.templates.is_empty() {
            return Ok(());
        }
        fill(slf, schema)
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.borrow();
        let Some(owned) = &this.schema else {
            drop(this);
            schema_of(slf)?;
            return Self::__setattr__(slf, name, value);
        };
        let schema = owned.get();
        let Some(index) = schema.by_name(name, usize::MAX) else {
            return Err(PyAttributeError::new_err(unknown_attribute(schema, name)?));
        };
        let field = schema.field(index);
        if field.is_made()
            || this.stored.is_some() && (field.role != Role::Attribute || field.immutable)
        {
            return Err(fixed(schema, field));
        }
        let feeds = !schema.templates.is_empty()
            && schema.templates.iter().any(|template| template.uses(index));
        if feeds
            && this.stored.is_some()
            && let Some(why) = moves_the_item(schema, index)
        {
            return Err(PyAttributeError::new_err(why));
        }
        let value =
            admitted(field, value).map_err(|problem| field.refuse(py, &schema.name, &problem))?;
        let was_unset = this.unset.contains(index);
        if field.rules.is_some() || feeds {
            let schema = owned.clone_ref(py);
            drop(this);
            if feeds {
                assign_source(slf, schema.get(), index, &value)?;
            } else {
                assign_checked(slf, schema.get(), index, &value)?;
            }
            slf.borrow_mut().unset.remove(index);
            return Ok(());
        }
        drop(this);
        if was_unset {
            slf.borrow_mut().unset.remove(index);
        }
        // The assignment may drop the old value, which may run code that uses this instance: nothing is borrowed by then.
        ffi::set_attribute(slf, name, &value)
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        Err(undeletable(slf, name)?)
    }

    fn __eq__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        equal(slf, other, schema_of(slf)?.get())
    }

    /// A copy that counts as read or written if this one does; it shares the values.
    fn __copy__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        copied(slf, |value| Ok(value.clone()))
    }

    /// A copy that shares no container with this one.
    fn __deepcopy__<'py>(
        slf: &Bound<'py, Self>,
        memo: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let deepcopy = slf.py().import("copy")?.getattr("deepcopy")?;
        copied(slf, |value| deepcopy.call1((value, memo)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(schema) = &self.schema {
            visit.call(schema)?;
        }
        if let Some(concealed) = &self.concealed {
            visit.call(concealed)?;
        }
        let slots = self.stored.as_ref().map_or(&[][..], |stored| &stored.slots);
        slots.iter().try_for_each(|slot| match slot {
            Slot::Scalar(value) | Slot::FilledScalar(value) | Slot::Raw(value, _) => {
                visit.call(value)
            }
            _ => Ok(()),
        })
    }

    fn __clear__(&mut self) {
        self.schema = None;
        self.stored = None;
        self.concealed = None;
    }
}

/// Set an attribute that others are built from.
fn assign_source(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // Before anything is set: a text that cannot be built leaves the instance as it was.
    let derived = following(instance, schema, Some((index, value)))?;
    assign_checked(instance, schema, index, value)?;
    for (index, value) in derived {
        ffi::set_attribute(
            instance,
            schema.field(index).name.bind(instance.py()),
            &value,
        )?;
    }
    Ok(())
}

#[cold]
fn fixed(schema: &Schema, field: &Field) -> PyErr {
    let (model, name) = (&schema.name, &field.text);
    PyAttributeError::new_err(if field.template.is_some() {
        refuse_assignment(schema, field)
    } else if field.is_managed() {
        format!("{model}.{name} is managed by pydynox: every write sets it")
    } else if field.role == Role::Attribute {
        format!("{model}.{name} is immutable: it cannot change once the item is stored")
    } else {
        format!(
            "{model}.{name} is the key of a stored item and cannot change: create a new item and delete this one"
        )
    })
}

/// A new instance with the values that `copy` returns, and with what this one was read or written as.
fn copied<'py>(
    instance: &Bound<'py, Instance>,
    copy: impl Fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, Instance>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let copied_instance = ffi::allocate(&instance.get_type())?.cast_into::<Instance>()?;
    for field in schema.get().fields() {
        let name = field.name.bind(py);
        ffi::set_attribute(
            &copied_instance,
            name,
            &copy(&ffi::get_attribute(instance, name)?)?,
        )?;
    }
    let state = instance.borrow();
    let mut fresh = copied_instance.borrow_mut();
    fresh.stored = state
        .stored
        .as_ref()
        .map(|stored| Box::new(stored.clone_ref(py)));
    fresh.unsettled.clone_from(&state.unsettled);
    fresh.unset.clone_from(&state.unset);
    fresh.schema = Some(schema.unbind());
    drop(fresh);
    Ok(copied_instance)
}

/// The attributes that were plaintext where they should have been encrypted: the next save encrypts them.
pub(crate) fn unsettle(
    instance: &Bound<'_, Instance>,
    migrated: &[(usize, usize)],
    number: usize,
) -> PyResult<()> {
    if !migrated.iter().any(|(item, _)| *item == number) {
        return Ok(());
    }
    let schema = schema_of(instance)?;
    let mut state = instance.borrow_mut();
    // The core numbers the protected attributes alone, in the order of the fields.
    let protected = schema.get().fields().enumerate();
    let protected: Vec<usize> = protected
        .filter(|(_, field)| field.protected.is_some())
        .map(|(index, _)| index)
        .collect();
    let ours = migrated.iter().filter(|(item, _)| *item == number);
    state.unsettle(ours.filter_map(|(_, attribute)| protected.get(*attribute).copied()));
    Ok(())
}

/// The new values of templates once a field changes, in the order of the fields; nothing is set.
pub(crate) fn following<'py>(
    instance: &Bound<'py, Instance>,
    schema: &Schema,
    changed: Option<(usize, &Bound<'py, PyAny>)>,
) -> PyResult<Vec<(usize, Bound<'py, PyAny>)>> {
    let py = instance.py();
    let mut derived = Vec::new();
    let mut problems = Vec::new();
    for template in &schema.templates {
        if changed.is_some_and(|(index, _)| !template.uses(index)) {
            continue;
        }
        let value = template.text(schema, |index| match changed {
            Some((changed, value)) if changed == index => Ok(value.clone()),
            _ => ffi::get_attribute(instance, schema.field(index).name.bind(py)),
        })?;
        match value {
            Ok(Some(text)) => {
                derived.push((template.target, PyString::new(py, &text).into_any()));
            }
            Ok(None) => derived.push((template.target, py.None().into_bound(py))),
            Err((index, problem)) => {
                let field = schema.field(index);
                let message = field.describe(&schema.name, &problem);
                let problem = (field.text.to_string(), message);
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(derived)
    } else {
        Err(validation_errors(py, problems))
    }
}

/// Set the templates' results on a new instance.
pub(crate) fn fill(instance: &Bound<'_, Instance>, schema: &Schema) -> PyResult<()> {
    for (index, value) in following(instance, schema, None)? {
        let name = schema.field(index).name.bind(instance.py());
        ffi::set_attribute(instance, name, &value)?;
    }
    Ok(())
}

/// Why users may not set a field that is built from others.
pub(crate) fn refuse_assignment(schema: &Schema, field: &Field) -> String {
    let (model, name) = (&schema.name, &field.text);
    let template = schema.template_of(name);
    let text = template.map_or_else(String::new, |template| template.describe(schema));
    format!("{model}.{name} is built from {text:?}: set the attributes it is built from")
}

/// Why an attribute that a stored item's key is built from cannot change.
pub(crate) fn moves_the_item(schema: &Schema, index: usize) -> Option<String> {
    let template = schema.templates.iter().find(|template| {
        schema.field(template.target).role != Role::Attribute && template.uses(index)
    })?;
    let (model, name) = (&schema.name, &schema.field(index).text);
    let key = &schema.field(template.target).text;
    Some(format!(
        "{model}.{name} is part of the key {key} of a stored item: an item with another key is another item. To move it, create one from model_dump() of this one, then delete this one, preferably in a transaction"
    ))
}

/// Whether the item behind the instance was read or written.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn is_stored(instance: &Bound<'_, Instance>) -> bool {
    instance.borrow().stored.is_some()
}
