//! Dumped values: one walk over every kind of value as plain Python, with what a dump leaves out.

use pydynox_core::wire::Reader;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use crate::item::dump_failure::Failure;
use crate::item::dump_filter::Filter;
use crate::values::document::{Document, shape_of};
use crate::values::field::{Default, Field};
use crate::values::kind::Kind;
use crate::values::problem::{Problem, python_error};
use crate::values::record::{Make, Shape};
use crate::values::stored_form::{check_pydantic, to_stored};
use crate::values::{decode_json, json_attribute, unreadable};
use pydynox_core::field_set::FieldSet;
use pydynox_core::problem::depth::deeper;

/// The options of a dump other than `include=` and `exclude=`.
#[allow(clippy::struct_excessive_bools)] // each is an option of its own
pub(super) struct Dump<'py> {
    pub(super) py: Python<'py>,
    pub(super) json: bool,
    pub(super) excludes_unset: bool,
    pub(super) excludes_defaults: bool,
    pub(super) excludes_none: bool,
    /// Further options for nested pydantic models.
    pub(super) nested: Option<Bound<'py, PyDict>>,
}

pub(super) type Dumped<'py> = Result<Bound<'py, PyAny>, Failure>;

impl<'py> Dump<'py> {
    /// A member of a model, document or dataclass; None where it is left out.
    pub(super) fn member(
        &self,
        field: &Field,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
    ) -> PyResult<Option<Filter<'py>>> {
        let name = field.name.bind(self.py);
        let Some(next) = filter.step(name)? else {
            return Ok(None);
        };
        if self.excludes_none && value.is_none() {
            return Ok(None);
        }
        if self.excludes_defaults && is_default(self.py, field, value)? {
            return Ok(None);
        }
        Ok(Some(next))
    }

    /// Whether no one has set a member: a default filled it in, and it was not edited in place since.
    pub(super) fn is_unset(
        &self,
        unset: &FieldSet,
        index: usize,
        field: &Field,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<bool> {
        if !self.excludes_unset || !unset.contains(index) {
            return Ok(false);
        }
        if field.scalar && !field.is_made() {
            return Ok(true);
        }
        if is_default(self.py, field, value)? {
            return Ok(true);
        }
        if let Some(missing) = &field.missing
            && value.eq(missing)?
        {
            return Ok(true);
        }
        // What the item does not have reads as None, or as an empty set.
        let is_empty = value.is_none() || value.len().is_ok_and(|length| length == 0);
        Ok(is_empty && !field.is_made())
    }

    pub(super) fn value(
        &self,
        kind: &Kind,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        if !self.json && is_plain(value) {
            return Ok(value.clone());
        }
        Ok(match kind {
            Kind::Optional(_) | Kind::None if value.is_none() => value.clone(),
            Kind::Optional(inner) | Kind::Json(inner) => {
                return self.value(inner, value, filter, depth);
            }
            Kind::Str if value.is_exact_instance_of::<PyString>() => {
                crate::values::encode::text_of(value)?;
                value.clone()
            }
            Kind::Int if value.is_exact_instance_of::<PyInt>() => value.clone(),
            Kind::Bool if value.is_exact_instance_of::<PyBool>() => value.clone(),
            Kind::Float
                if value
                    .cast_exact::<PyFloat>()
                    .is_ok_and(|float| float.value().is_finite()) =>
            {
                value.clone()
            }
            Kind::Set(inner) if self.json && is_plain_set(inner, value) => {
                return self.sequence(|_| inner, value, &Filter::default(), depth);
            }
            Kind::List(inner) if value.is_instance_of::<PyList>() => {
                return self.sequence(|_| inner, value, filter, depth);
            }
            Kind::TupleOf(inner) if value.is_instance_of::<PyTuple>() => {
                return self.sequence(|_| inner, value, filter, depth);
            }
            Kind::Tuple(kinds) if value.len().is_ok_and(|length| length == kinds.len()) => {
                if !value.is_instance_of::<PyTuple>() {
                    return self.other(kind, value, filter, depth);
                }
                return self.sequence(|index| &kinds[index], value, filter, depth);
            }
            Kind::Dict(inner) if value.is_instance_of::<PyDict>() => {
                return self.mapping(inner, value, filter, depth);
            }
            Kind::Record(shape) if shape.get().check(value).is_ok() => {
                return self.record(shape.get(), value, filter, depth);
            }
            Kind::Pydantic(model) if check_pydantic(model, value).is_ok() => {
                return self.pydantic(value, filter);
            }
            Kind::Codec(codec) if self.json => {
                let stored = to_stored(codec, value)?;
                return self.value(&codec.inner, &stored, filter, depth);
            }
            Kind::Any | Kind::Open if self.json && !filter.is_empty() => {
                if value.is_instance_of::<PyDict>() {
                    return self.mapping(&Kind::Any, value, filter, depth);
                }
                if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
                    return self.sequence(|_| &Kind::Any, value, filter, depth);
                }
                json_attribute::plain(kind, value)?
            }
            _ => return self.other(kind, value, filter, depth),
        })
    }

    /// A value without a declared type, or with another type than declared.
    fn other(
        &self,
        kind: &Kind,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        if self.json {
            return Ok(json_attribute::plain(kind, value)?);
        }
        let py = self.py;
        if value.is_instance_of::<PyDict>() {
            return self.mapping(&Kind::Any, value, filter, depth);
        }
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            return self.sequence(|_| &Kind::Any, value, filter, depth);
        }
        if let Ok(set) = value.cast::<PySet>() {
            return Ok(PySet::new(py, set.iter())?.into_any());
        }
        if value.is_instance_of::<Document>() {
            let shape = shape_of(value)?;
            return self.record(shape.get(), value, filter, depth);
        }
        if let Some(fields) = value.getattr_opt(intern!(py, "__dataclass_fields__"))? {
            return self.undeclared_dataclass(&fields, value, filter, depth);
        }
        if value.hasattr(intern!(py, "__pydantic_fields__"))? {
            return self.pydantic(value, filter);
        }
        Ok(value.clone())
    }

    fn sequence<'k>(
        &self,
        inner: impl Fn(usize) -> &'k Kind,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        let py = self.py;
        let depth = deeper(depth)?;
        let mut elements = Vec::new();
        let length = value.len()?;
        for (index, element) in value.try_iter()?.enumerate() {
            let Some(next) = filter.step_to(py, index, length)? else {
                continue;
            };
            let dumped = self.value(inner(index), &element?, &next, depth);
            elements.push(dumped.map_err(|failure| failure.within(&format!("[{index}]")))?);
        }
        Ok(if self.json || value.is_instance_of::<PyList>() {
            PyList::new(py, elements)?.into_any()
        } else {
            PyTuple::new(py, elements)?.into_any()
        })
    }

    fn mapping(
        &self,
        inner: &Kind,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        let depth = deeper(depth)?;
        let members = PyDict::new(self.py);
        for (key, member) in value.cast::<PyDict>().map_err(PyErr::from)?.iter() {
            if self.json && !key.is_instance_of::<PyString>() {
                let wrong = crate::values::problem::wrong_type("str", &key);
                return Err(wrong.within(" (a key of the map)").into());
            }
            let Some(next) = filter.step(&key)? else {
                continue;
            };
            let dumped = self.value(inner, &member, &next, depth);
            let dumped = dumped.map_err(|failure| failure.within_key(&key))?;
            members.set_item(key, dumped)?;
        }
        Ok(members.into_any())
    }

    pub(super) fn record(
        &self,
        shape: &Shape,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        let depth = deeper(depth)?;
        let (layout, flags) = shape.parts(self.py)?;
        if self.json {
            shape.check_members(value)?;
        }
        let unset = match value.cast::<Document>() {
            Ok(document) if self.excludes_unset => document.borrow().unset.clone(),
            _ => FieldSet::default(),
        };
        let members = PyDict::new(self.py);
        for (index, field) in layout.fields().enumerate() {
            let within = |failure: Failure| failure.within(&shape.step(field));
            let Some(member) = shape.member(field, value)? else {
                if self.json && flags[index] {
                    return Err(shape.lacks(field).into());
                }
                continue;
            };
            if self.is_unset(&unset, index, field, &member)? {
                continue;
            }
            // Only the class of a dataclass knows its default factories.
            let has_default = self.excludes_defaults
                && shape.make == Make::Dataclass
                && is_dataclass_default(value, field.name.bind(self.py), &member)?;
            if has_default {
                continue;
            }
            let Some(next) = self.member(field, &member, filter)? else {
                continue;
            };
            let dumped = self
                .value(&field.kind, &member, &next, depth)
                .map_err(within)?;
            members.set_item(&field.name, dumped)?;
        }
        // Undeclared members of a TypedDict are shown anyway: a dump shows what is there.
        if shape.make == Make::TypedDict && !self.json {
            for (key, member) in value.cast::<PyDict>().map_err(PyErr::from)?.iter() {
                let is_declared = key
                    .cast::<PyString>()
                    .is_ok_and(|key| layout.by_name(key, usize::MAX).is_some());
                if !is_declared && let Some(next) = filter.step(&key)? {
                    members.set_item(key, self.value(&Kind::Any, &member, &next, depth)?)?;
                }
            }
        }
        Ok(members.into_any())
    }

    fn undeclared_dataclass(
        &self,
        fields: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        filter: &Filter<'py>,
        depth: usize,
    ) -> Dumped<'py> {
        let depth = deeper(depth)?;
        let members = PyDict::new(self.py);
        for (name, field) in fields.cast::<PyDict>().map_err(PyErr::from)?.iter() {
            let role = field.getattr("_field_type")?.getattr_opt("name")?;
            let name = name.cast_into::<PyString>().map_err(PyErr::from)?;
            let member = value.getattr_opt(&name)?;
            let is_field = role.map_or(Ok(false), |role| role.eq("_FIELD"))?;
            let (true, Some(member)) = (is_field, member) else {
                continue;
            };
            let Some(next) = filter.step(&name)? else {
                continue;
            };
            let left_out = self.excludes_none && member.is_none()
                || self.excludes_defaults && is_dataclass_default(value, &name, &member)?;
            if !left_out {
                members.set_item(name, self.value(&Kind::Any, &member, &next, depth)?)?;
            }
        }
        Ok(members.into_any())
    }

    /// A pydantic model dumps itself.
    fn pydantic(&self, value: &Bound<'py, PyAny>, filter: &Filter<'py>) -> Dumped<'py> {
        let py = self.py;
        let options = match &self.nested {
            Some(nested) => nested.copy()?,
            None => PyDict::new(py),
        };
        for (name, option) in [("include", &filter.include), ("exclude", &filter.exclude)] {
            if let Some(option) = option {
                options.set_item(name, option)?;
            }
        }
        for (name, option) in [
            ("exclude_unset", self.excludes_unset),
            ("exclude_defaults", self.excludes_defaults),
            ("exclude_none", self.excludes_none),
        ] {
            if option {
                options.set_item(name, true)?;
            }
        }
        if !self.json {
            let dumped = value.call_method(intern!(py, "model_dump"), (), Some(&options))?;
            return Ok(dumped);
        }
        // As text: what JSON cannot express, such as NaN, becomes what pydantic makes of it.
        let text = value
            .call_method(intern!(py, "model_dump_json"), (), Some(&options))
            .and_then(|text| text.extract::<String>())
            .map_err(|error| python_error(value, &error))?;
        let read =
            || -> unreadable::Read<_> { decode_json::json(py, &mut Reader::new(text.as_bytes())?) };
        Ok(read().map_err(|_| Problem::new("cannot be represented in JSON"))?)
    }
}

/// A value with nothing inside it, recognized without looking up attributes of its class.
#[inline]
pub(super) fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_none()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyFloat>()
}

/// Whether a value is a set of what JSON has words for.
fn is_plain_set(inner: &Kind, value: &Bound<'_, PyAny>) -> bool {
    matches!(inner, Kind::Str | Kind::Int) && value.is_instance_of::<PySet>()
}

/// Whether a value equals what the field gets when nothing is given.
pub(super) fn is_default(
    py: Python<'_>,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    match &field.default {
        Default::Required => Ok(false),
        Default::Value(default) => value.eq(default),
        Default::Factory(factory) => value.eq(factory.bind(py).call0()?),
    }
}

pub(super) fn is_dataclass_default(
    value: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    member: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let field = value.getattr("__dataclass_fields__")?.get_item(name)?;
    let missing = value.py().import("dataclasses")?.getattr("MISSING")?;
    let default = field.getattr("default")?;
    if !default.is(&missing) {
        return member.eq(default);
    }
    let factory = field.getattr("default_factory")?;
    if factory.is(&missing) {
        return Ok(false);
    }
    member.eq(factory.call0()?)
}
