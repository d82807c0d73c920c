//! What every model instance is: the keyword constructor, checked assignment, and the state that users do not see.

use std::ops::Range;

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::encode::{admit, admit_key};
use crate::error::{suggestion, validation_errors};
use crate::ffi;
use crate::field_set::FieldSet;
use crate::input;
use crate::layout::Layout;
use crate::schema::{Default, Field, Role, Schema};
use crate::template;

/// What an attribute was when the item was last read or written.
pub(crate) enum Slot {
    /// The item has no such attribute.
    Absent,
    /// A value that cannot be edited in place.
    Scalar(Py<PyAny>),
    /// A value that can: where its bytes stand in `Stored::raw`.
    Bytes(Range<u32>),
    /// Absent in the item and filled in by the default; not written until it is changed.
    FilledScalar(Py<PyAny>),
    /// The same for a value that can be edited in place.
    FilledBytes(Range<u32>),
    /// A stored value of another type than declared, read as it is, and where its bytes stand.
    Raw(Py<PyAny>, Range<u32>),
}

impl Slot {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Scalar(value) => Self::Scalar(value.clone_ref(py)),
            Self::Bytes(range) => Self::Bytes(range.clone()),
            Self::FilledScalar(value) => Self::FilledScalar(value.clone_ref(py)),
            Self::FilledBytes(range) => Self::FilledBytes(range.clone()),
            Self::Raw(value, range) => Self::Raw(value.clone_ref(py), range.clone()),
        }
    }
}

/// An item as it was last read or written; its bytes are copied, so no response stays alive for it.
pub(crate) struct Stored {
    pub(crate) slots: Box<[Slot]>,
    pub(crate) raw: Box<[u8]>,
    /// Attributes that the model does not declare, as members of a JSON object, in `raw`.
    pub(crate) unknown: Range<u32>,
    /// At least as long as the item's JSON text: what tells whether its size is worth counting.
    pub(crate) length: usize,
}

impl Stored {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            slots: self.slots.iter().map(|slot| slot.clone_ref(py)).collect(),
            raw: self.raw.clone(),
            unknown: self.unknown.clone(),
            length: self.length,
        }
    }

    pub(crate) fn bytes(&self, range: &Range<u32>) -> &[u8] {
        &self.raw[range.start as usize..range.end as usize]
    }
}

/// The Rust part of a model instance.
#[pyclass(subclass, module = "pydynox._core")]
pub(crate) struct Instance {
    pub(crate) schema: Option<Py<Schema>>,
    pub(crate) stored: Option<Box<Stored>>,
    /// Fields that a call of unknown outcome may have written: they count as changed until a read or a write settles them.
    pub(crate) unsettled: Box<[usize]>,
    /// Fields whose value a default filled in, and nobody has set since.
    pub(crate) unset: FieldSet,
    /// The values that its `__dict__` must not show; None of a class that has none.
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

/// The schema of an instance, from its class when it is asked for the first time.
pub(crate) fn schema_of<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, Schema>> {
    let py = instance.py();
    if let Some(schema) = &instance.borrow().schema {
        return Ok(schema.bind(py).clone());
    }
    let found = instance.get_type().getattr(intern!(py, "_schema"))?;
    let schema = found.cast_into::<Schema>().map_err(|_| {
        let name = instance
            .get_type()
            .name()
            .map_or_else(|_| "this class".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{name} is abstract: it has no instances"))
    })?;
    instance.borrow_mut().schema = Some(schema.clone().unbind());
    Ok(schema)
}

/// Whether functions of the user's run before or after what is done with instances of a class.
pub(crate) fn has_hooks(class: &Bound<'_, PyType>) -> PyResult<bool> {
    Ok(!class.getattr(intern!(class.py(), "_hooks"))?.is_none())
}

/// A value as this field may hold it, or why it may not.
pub(crate) fn admitted<'py>(
    field: &Field,
    value: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyAny>, crate::encode::Problem> {
    if field.role == Role::Attribute {
        admit(&field.kind, value)
            .or_else(|problem| input::from_dictionaries(&field.kind, value, problem))
    } else {
        admit_key(field, value)
    }
}

/// The keyword constructor: every value given or from its default, checked; all that is wrong is told at once. Gives the fields
/// that have their default.
pub(crate) fn construct(
    target: &Bound<'_, PyAny>,
    layout: &Layout,
    positional: &Bound<'_, PyTuple>,
    values: Option<&Bound<'_, PyDict>>,
) -> PyResult<FieldSet> {
    let py = target.py();
    if !positional.is_empty() {
        return Err(PyTypeError::new_err(by_name(layout, positional.len())));
    }
    let mut problems = Vec::new();
    let mut unset = FieldSet::default();
    let (given, unknown) = sorted(layout, values);
    for (index, (field, given)) in layout.fields().zip(given).enumerate() {
        if given.is_none() {
            unset.insert(index);
        }
        let name = field.name.bind(py);
        let value = match (given, &field.default) {
            (Some(_), _) if field.is_made() => {
                let (model, name) = (&layout.name, &field.text);
                let by = if field.is_kept() {
                    "kept by pydynox"
                } else {
                    "made of other attributes"
                };
                let message = format!("{model}.{name} is {by}: it is no parameter");
                problems.push((name.to_string(), message));
                continue;
            }
            (Some(given), _) => admitted(field, &given),
            (None, Default::Value(value)) => Ok(value.bind(py).clone()),
            (None, Default::Factory(factory)) => admitted(field, &factory.bind(py).call0()?),
            (None, Default::Required) => {
                problems.push((
                    field.text.to_string(),
                    format!("{}.{} is missing", layout.name, field.text),
                ));
                continue;
            }
        };
        match value {
            Ok(value) => {
                if field.rules.is_some() && !field.default.is(&value) {
                    problems.extend(broken(layout, field, &value)?);
                }
                ffi::set_attribute(target, name, &value)?;
            }
            Err(problem) => problems.push((
                field.text.to_string(),
                problem.describe_of(&layout.name, field),
            )),
        }
    }
    for key in unknown {
        problems.push((key.to_string(), unknown_attribute(layout, &key)?));
    }
    if problems.is_empty() {
        Ok(unset)
    } else {
        Err(validation_errors(py, problems))
    }
}

/// Checked assignment to an attribute; gives its place.
pub(crate) fn assign(
    target: &Bound<'_, PyAny>,
    layout: &Layout,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    let Some(index) = layout.by_name(name, usize::MAX) else {
        return Err(PyAttributeError::new_err(unknown_attribute(layout, name)?));
    };
    let field = layout.field(index);
    let value = admitted(field, value)
        .map_err(|problem| problem.raise(target.py(), &layout.name, field))?;
    assign_checked(target, layout, index, &value)?;
    Ok(index)
}

/// Why an attribute cannot be deleted.
pub(crate) fn undeletable(
    target: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
) -> PyResult<PyErr> {
    let class = target.get_type().name()?;
    Ok(PyAttributeError::new_err(format!(
        "{class}.{name} cannot be deleted: an instance is always whole; assign None to remove the attribute"
    )))
}

/// Whether two are of one class and have equal attributes.
pub(crate) fn equal<'py>(
    one: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
    layout: &Layout,
) -> PyResult<Bound<'py, PyAny>> {
    let py = one.py();
    if !one.get_type().is(other.get_type()) {
        return Ok(py.NotImplemented().into_bound(py));
    }
    for field in layout.fields().filter(|field| !field.is_hidden()) {
        let name = field.name.bind(py);
        if !ffi::get_attribute(one, name)?.eq(ffi::get_attribute(other, name)?)? {
            return Ok(false.into_pyobject(py)?.to_owned().into_any());
        }
    }
    Ok(true.into_pyobject(py)?.to_owned().into_any())
}

#[pymethods]
impl Instance {
    #[new]
    #[pyo3(signature = (*_arguments, **_values))]
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
        template::fill(slf, schema)
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
            && let Some(why) = template::moves_the_item(schema, index)
        {
            return Err(PyAttributeError::new_err(why));
        }
        let value =
            admitted(field, value).map_err(|problem| problem.raise(py, &schema.name, field))?;
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
        // The assignment may drop the old value, and with it run code that uses this instance: nothing is borrowed by then.
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

    /// A copy that counts as read or written where this one does; it shares the values.
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

/// The values of a call in the order of the fields, and the names that are none of a field.
#[inline]
pub(crate) fn sorted<'py>(
    layout: &Layout,
    values: Option<&Bound<'py, PyDict>>,
) -> (Vec<Option<Bound<'py, PyAny>>>, Vec<Bound<'py, PyString>>) {
    let mut given = Vec::with_capacity(layout.len());
    given.resize_with(layout.len(), || None);
    let mut unknown = Vec::new();
    let mut expected = 0;
    for (name, value) in values.into_iter().flat_map(PyDictMethods::iter) {
        // Most calls name the attributes in the order of the class.
        let Ok(name) = name.cast_into::<PyString>() else {
            continue; // Python itself refuses such a call
        };
        match layout.by_name(&name, expected) {
            Some(index) => {
                expected = index + 1;
                given[index] = Some(value);
            }
            None => unknown.push(name),
        }
    }
    (given, unknown)
}

/// What a value breaks of the rules of its field, as `ValidationError.errors` has it.
#[cold]
pub(crate) fn broken(
    layout: &Layout,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<Vec<(String, String)>> {
    let found = field.broken_rules(value)?;
    let named = |what| {
        let message = format!("{}.{}{what}", layout.name, field.text);
        (field.text.to_string(), message)
    };
    Ok(found.into_iter().map(named).collect())
}

/// Set an attribute that has rules. They may be the user's own code, so nothing is borrowed while they run.
fn assign_checked(
    instance: &Bound<'_, PyAny>,
    layout: &Layout,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = instance.py();
    let field = layout.field(index);
    let problems = broken(layout, field, value)?;
    if problems.is_empty() {
        ffi::set_attribute(instance, field.name.bind(py), value)
    } else {
        Err(validation_errors(py, problems))
    }
}

/// Set an attribute that others are made of.
fn assign_source(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let made = template::following(instance, schema, Some((index, value)))?;
    assign_checked(instance, schema, index, value)?;
    for (index, value) in made {
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
        template::refuse_assignment(schema, field)
    } else if field.is_kept() {
        format!("{model}.{name} is kept by pydynox: every write sets it")
    } else if field.role == Role::Attribute {
        format!("{model}.{name} is immutable: it cannot change once the item is stored")
    } else {
        format!(
            "{model}.{name} is the key of a stored item and cannot change: make a new item and delete this one"
        )
    })
}

/// A new instance with the values that `copy` gives, and with what this one was read or written as.
fn copied<'py>(
    instance: &Bound<'py, Instance>,
    copy: impl Fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, Instance>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let made = ffi::allocate(&instance.get_type())?.cast_into::<Instance>()?;
    for field in schema.get().fields() {
        let name = field.name.bind(py);
        ffi::set_attribute(&made, name, &copy(&ffi::get_attribute(instance, name)?)?)?;
    }
    let state = instance.borrow();
    let mut fresh = made.borrow_mut();
    fresh.stored = state
        .stored
        .as_ref()
        .map(|stored| Box::new(stored.clone_ref(py)));
    fresh.unsettled.clone_from(&state.unsettled);
    fresh.unset.clone_from(&state.unset);
    fresh.schema = Some(schema.unbind());
    drop(fresh);
    Ok(made)
}

/// How the values are given that came without a name.
fn by_name(layout: &Layout, count: usize) -> String {
    let names: Vec<_> = layout
        .fields()
        .take(count)
        .map(|field| format!("{}=...", field.text))
        .collect();
    format!(
        "{0} takes its attributes by name, not by position: {0}({1})",
        layout.name,
        names.join(", ")
    )
}

fn unknown_attribute(layout: &Layout, name: &Bound<'_, PyString>) -> PyResult<String> {
    let names: Vec<&str> = layout.fields().map(|field| &*field.text).collect();
    Ok(format!(
        "{} has no attribute '{name}'{}",
        layout.name,
        suggestion(name, &names)?
    ))
}
