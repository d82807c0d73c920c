//! Maps with known members: documents, dataclasses and `TypedDict`s, and the `Document` base class itself.

use std::sync::OnceLock;

use pydynox_core::wire::{Reader, Writer};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::exceptions::configuration_error;
use crate::interpreter::ffi;
use crate::values::decode::{Decoder, skipped};
use crate::values::document::Document;
use crate::values::encode::{self, check_level, deeper, is_absent, write_attribute};
use crate::values::field::{Default, Field};
use crate::values::field_set::FieldSet;
use crate::values::kind::Kind;
use crate::values::layout::Layout;
use crate::values::missing;
use crate::values::problem::{Checked, Problem, python_error, wrong_type};
use crate::values::unreadable::{Read, Unreadable};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Make {
    Document,
    Dataclass,
    TypedDict,
}

/// A class whose values are maps, compiled; complete once the types of all its members are known.
#[derive(Debug)]
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Shape {
    class: Py<PyType>,
    pub(crate) name: Box<str>,
    pub(crate) make: Make,
    members: OnceLock<Members>,
    /// Whether any rule holds for what is inside of a value.
    ruled: OnceLock<bool>,
}

#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) layout: Layout,
    /// By field: whether the constructor of a dataclass takes it; whether it must be in a `TypedDict`.
    pub(crate) flags: Vec<bool>,
}

#[pymethods]
impl Shape {
    /// `make` is `"document"`, `"dataclass"` or `"typed_dict"`.
    #[new]
    fn new(class: &Bound<'_, PyType>, make: &str) -> PyResult<Self> {
        Ok(Self {
            name: class.name()?.to_str()?.into(),
            class: class.clone().unbind(),
            make: match make {
                "document" => Make::Document,
                "dataclass" => Make::Dataclass,
                _ => Make::TypedDict,
            },
            members: OnceLock::new(),
            ruled: OnceLock::new(),
        })
    }

    /// Say what the members are; `flags` are explained at `Members`.
    fn complete(&self, py: Python<'_>, fields: Vec<Py<Field>>, flags: Vec<bool>) -> PyResult<()> {
        let layout = Layout::new(self.class.bind(py), fields)?;
        let _ = self.members.set(Members { layout, flags });
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)?;
        match self.members.get() {
            Some(members) => members.layout.visit(&visit),
            None => Ok(()),
        }
    }
}

impl Shape {
    pub(crate) fn members(&self, py: Python<'_>) -> PyResult<&Members> {
        if let Some(members) = self.members.get() {
            return Ok(members);
        }
        // A document whose annotations named what was yet to come: it completes itself, or says what is missing.
        if self.make == Make::Document {
            self.class.bind(py).call_method0(intern!(py, "_complete"))?;
        }
        self.members
            .get()
            .ok_or_else(|| configuration_error(py, &format!("{} is not complete yet", self.name)))
    }

    /// How the member that is stored under this name is stored.
    pub(crate) fn inside(&self, name: &str) -> Option<&Kind> {
        self.declared(name).map(|field| &field.kind)
    }

    /// The member that is stored under this name.
    pub(crate) fn declared(&self, name: &str) -> Option<&Field> {
        let layout = &self.members.get()?.layout;
        let index = layout.by_attribute(name, usize::MAX)?;
        Some(layout.field(index))
    }

    /// Whether any rule holds for what is inside of a value; `open` are the classes that are being looked through.
    fn has_rules<'a>(&'a self, open: &mut Vec<&'a Self>) -> bool {
        if let Some(has_rules) = self.ruled.get() {
            return *has_rules;
        }
        let Some(members) = self.members.get() else {
            return false;
        };
        if open.iter().any(|other| std::ptr::eq(*other, self)) {
            return false;
        }
        open.push(self);
        let has_rules = members.layout.fields().any(|field| {
            field.rules.is_some() || field.kind.any_document(&mut |shape| shape.has_rules(open))
        });
        open.pop();
        if open.is_empty() {
            let _ = self.ruled.set(has_rules);
        }
        has_rules
    }

    pub(crate) fn step(&self, field: &Field) -> String {
        match self.make {
            Make::TypedDict => format!("[{:?}]", field.text),
            _ => format!(".{}", field.text),
        }
    }

    /// A member of a value; None where a `TypedDict` has none.
    pub(crate) fn member<'py>(
        &self,
        field: &Field,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = field.name.bind(value.py());
        match self.make {
            Make::TypedDict => value.cast::<PyDict>()?.get_item(name),
            Make::Document => ffi::get_attribute(value, name).map(Some),
            Make::Dataclass => value.getattr(name).map(Some),
        }
    }

    pub(crate) fn check(&self, value: &Bound<'_, PyAny>) -> Checked<()> {
        let right = match self.make {
            Make::TypedDict => value.is_instance_of::<PyDict>(),
            // A subclass has members that this class does not know: they would be lost.
            _ => value.get_type().is(self.class.bind(value.py())),
        };
        if right {
            Ok(())
        } else {
            Err(wrong_type(&self.wanted(), value))
        }
    }

    /// What values are, in Python's words.
    pub(crate) fn wanted(&self) -> String {
        match self.make {
            Make::TypedDict => format!("dict ({})", self.name),
            _ => self.name.to_string(),
        }
    }

    fn check_names(&self, members: &Members, value: &Bound<'_, PyAny>) -> Checked<()> {
        if self.make != Make::TypedDict {
            return Ok(());
        }
        let dict = value
            .cast::<PyDict>()
            .map_err(|_| wrong_type(&self.wanted(), value))?;
        self.check_known(&members.layout, dict)
    }

    /// Whether the class declares every member of a dictionary.
    pub(crate) fn check_known(&self, layout: &Layout, dict: &Bound<'_, PyDict>) -> Checked<()> {
        for key in dict.keys() {
            let is_declared = key
                .cast::<PyString>()
                .is_ok_and(|key| layout.by_name(key, usize::MAX).is_some());
            if !is_declared {
                let key_repr = key.repr();
                let key_repr = key_repr.map_or_else(|_| "?".into(), |key| key.to_string());
                return Err(Problem::echoing(
                    format!(
                        "has a member {key_repr} that {} does not declare",
                        self.name
                    ),
                    format!("has a member that {} does not declare", self.name),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn lacks(&self, field: &Field) -> Problem {
        Problem::new(format!(
            "lacks the member {:?} of {}",
            field.text, self.name
        ))
    }

    /// Whether a value is one of this class, and has no other members.
    pub(crate) fn check_members(&self, value: &Bound<'_, PyAny>) -> Checked<()> {
        self.checked_members(value).map(drop)
    }

    /// The members of a value that is one of this class.
    fn checked_members(&self, value: &Bound<'_, PyAny>) -> Checked<&Members> {
        self.check(value)?;
        let members = self
            .members(value.py())
            .map_err(|error| python_error(value, &error))?;
        self.check_names(members, value)?;
        Ok(members)
    }

    /// Write a value, `{"M":{...}}`.
    pub(crate) fn write(
        &self,
        w: &mut Writer,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Checked<()> {
        let members = self.checked_members(value)?;
        let depth = deeper(depth)?;
        let document = value
            .cast::<Document>()
            .ok()
            .map(|document| document.borrow());
        w.raw(br#"{"M":{"#);
        let empty = w.len();
        for (index, field) in members.layout.fields().enumerate() {
            let member = self
                .member(field, value)
                .map_err(|error| python_error(value, &error).within(&self.step(field)))?;
            let Some(member) = member else {
                if members.flags[index] && !missing::is_set(&field.kind) {
                    return Err(self.lacks(field));
                }
                continue;
            };
            let absent = if self.make == Make::TypedDict {
                members.flags[index]
                    && missing::is_set(&field.kind)
                    && encode::is_empty_set(&member)
            } else {
                is_absent(field, &member)
            };
            if absent {
                continue;
            }
            let start = w.len();
            if start > empty {
                w.byte(b',');
            } else {
                check_level(depth)?;
            }
            w.raw(&field.label);
            let at = w.len();
            write_attribute(w, field, &member, depth)
                .map_err(|problem| problem.within(&self.step(field)))?;
            let filled = document.as_ref().is_some_and(|document| {
                document
                    .filled
                    .iter()
                    .any(|(filled, bytes)| *filled == index && **bytes == w.as_bytes()[at..])
            });
            if filled {
                w.truncate(start);
            }
        }
        if let Some(document) = &document
            && !document.unknown.is_empty()
        {
            if w.len() > empty {
                w.byte(b',');
            } else {
                check_level(depth)?;
            }
            w.raw(&document.unknown);
        }
        w.raw(b"}}");
        Ok(())
    }

    /// Read the members of a map, `{...}`.
    pub(crate) fn read<'py>(
        &self,
        decoder: &mut Decoder<'py>,
        r: &mut Reader<'_>,
    ) -> Read<Bound<'py, PyAny>> {
        let py = decoder.py();
        let members = self.members(py)?;
        let layout = &members.layout;
        let mut values = vec![None; layout.len()];
        let mut unknown = Vec::new();
        let mut expected = 0;
        r.begin_object()?;
        while let Some(key) = r.next_key()? {
            let position = if key.is_plain() {
                layout.by_attribute(key.raw(), expected)
            } else {
                layout.by_attribute(&key.decode()?, usize::MAX)
            };
            let Some(index) = position else {
                let value = skipped(r)?;
                if !unknown.is_empty() {
                    unknown.push(b',');
                }
                unknown.push(b'"');
                unknown.extend_from_slice(key.raw().as_bytes());
                unknown.extend_from_slice(b"\":");
                unknown.extend_from_slice(&r.slice(value.start)[..value.len()]);
                continue;
            };
            expected = index + 1;
            let field = layout.field(index);
            let value = decoder
                .value(r, &field.kind)
                .map_err(|problem| problem.within(&self.step(field)))?;
            values[index] = Some(value);
        }
        self.build(py, members, values, unknown)
    }

    /// Read the members of a plain JSON object, by their names in Python.
    pub(crate) fn read_json<'py>(
        &self,
        decoder: &mut Decoder<'py>,
        r: &mut Reader<'_>,
    ) -> Read<Bound<'py, PyAny>> {
        let py = decoder.py();
        let members = self.members(py)?;
        let mut values = vec![None; members.layout.len()];
        r.begin_object()?;
        while let Some(key) = r.next_key()? {
            match members.layout.position(&key.decode()?) {
                Some(index) => {
                    let field = members.layout.field(index);
                    let value = crate::values::json_attribute::read(decoder, r, &field.kind)
                        .map_err(|problem| problem.within(&self.step(field)))?;
                    values[index] = Some(value);
                }
                None => {
                    skipped(r)?;
                }
            }
        }
        self.build(py, members, values, Vec::new())
    }

    /// Write a value as a plain JSON object.
    pub(crate) fn write_json(
        &self,
        w: &mut Writer,
        value: &Bound<'_, PyAny>,
        depth: usize,
        lossy: bool,
    ) -> Checked<()> {
        let members = self.checked_members(value)?;
        let depth = deeper(depth)?;
        w.byte(b'{');
        let empty = w.len();
        for (index, field) in members.layout.fields().enumerate() {
            let member = self
                .member(field, value)
                .map_err(|error| python_error(value, &error).within(&self.step(field)))?;
            let Some(member) = member else {
                if members.flags[index] {
                    return Err(self.lacks(field));
                }
                continue;
            };
            if w.len() > empty {
                w.byte(b',');
            }
            w.string(&field.text);
            w.byte(b':');
            crate::values::json_attribute::write(w, &field.kind, &member, depth, lossy)
                .map_err(|problem| problem.within(&self.step(field)))?;
        }
        w.byte(b'}');
        Ok(())
    }

    fn build<'py>(
        &self,
        py: Python<'py>,
        members: &Members,
        values: Vec<Option<Bound<'py, PyAny>>>,
        unknown: Vec<u8>,
    ) -> Read<Bound<'py, PyAny>> {
        match self.make {
            Make::Document => self.document(py, members, values, unknown),
            Make::Dataclass => self.dataclass(py, members, values),
            Make::TypedDict => self.typed_dict(py, members, values),
        }
    }

    /// The members and their flags, for those who make and show values.
    pub(crate) fn parts(&self, py: Python<'_>) -> PyResult<(&Layout, &[bool])> {
        let members = self.members(py)?;
        Ok((&members.layout, &members.flags))
    }

    /// A document of checked values, as its constructor makes it.
    pub(crate) fn document_of<'py>(
        &self,
        py: Python<'py>,
        layout: &Layout,
        values: Vec<Option<Bound<'py, PyAny>>>,
    ) -> Checked<Bound<'py, PyAny>> {
        let class = self.class.bind(py);
        let failed = |error: PyErr| python_error(class, &error);
        let document = ffi::allocate(class)
            .and_then(|document| Ok(document.cast_into::<Document>()?))
            .map_err(failed)?;
        let mut unset = FieldSet::default();
        for (index, (field, value)) in layout.fields().zip(values).enumerate() {
            let value = if let Some(value) = value {
                let broken = field.broken_rules(&value).map_err(failed)?;
                if !broken.is_empty() {
                    let discreet = field.broken(&value, true).map_err(failed)?;
                    let problem = Problem::of_rules(&broken, &discreet);
                    return Err(problem.within(&self.step(field)));
                }
                value
            } else {
                unset.insert(index);
                let value = field.initial(py).map_err(failed)?;
                value.ok_or_else(|| self.lacks(field))?
            };
            ffi::set_attribute(&document, field.name.bind(py), &value).map_err(failed)?;
        }
        document.borrow_mut().unset = unset;
        Ok(document.into_any())
    }

    /// A dataclass of checked values, as its constructor makes it; what the constructor does not take is set afterwards.
    pub(crate) fn dataclass_of<'py>(
        &self,
        value: &Bound<'py, PyAny>,
        layout: &Layout,
        flags: &[bool],
        values: Vec<Option<Bound<'py, PyAny>>>,
    ) -> Checked<Bound<'py, PyAny>> {
        let py = value.py();
        let failed = |error: PyErr| python_error(value, &error);
        let arguments = PyDict::new(py);
        let mut later = Vec::new();
        for ((field, value), taken) in layout.fields().zip(values).zip(flags) {
            match value {
                None if *taken && field.is_required() => return Err(self.lacks(field)),
                None => {}
                Some(value) if *taken => {
                    arguments.set_item(&field.name, value).map_err(failed)?;
                }
                Some(value) => later.push((field, value)),
            }
        }
        let instance = self
            .class
            .bind(py)
            .call((), Some(&arguments))
            .map_err(|error| {
                Problem::echoing(
                    format!("is refused by {}: {}", self.name, error.value(py)),
                    format!("is refused by {}", self.name),
                )
            })?;
        for (field, value) in later {
            ffi::set_attribute(&instance, field.name.bind(py), &value).map_err(failed)?;
        }
        Ok(instance)
    }

    fn document<'py>(
        &self,
        py: Python<'py>,
        members: &Members,
        values: Vec<Option<Bound<'py, PyAny>>>,
        unknown: Vec<u8>,
    ) -> Read<Bound<'py, PyAny>> {
        let document = ffi::allocate(self.class.bind(py))?
            .cast_into::<Document>()
            .map_err(|_| configuration_error(py, "a document that is none"))?;
        let mut filled = Vec::new();
        let mut unset = FieldSet::default();
        for (index, (field, value)) in members.layout.fields().zip(values).enumerate() {
            let name = field.name.bind(py);
            if let Some(value) = value {
                ffi::set_attribute(&document, name, &value)?;
                continue;
            }
            let value = missing::missing(py, field)?
                .ok_or_else(|| no_member(field).within(&self.step(field)))?;
            unset.insert(index);
            if !is_absent(field, &value) {
                let mut w = Writer::with_capacity(16);
                write_attribute(&mut w, field, &value, 0)
                    .map_err(|problem| problem.raise(py, &self.name, field))?;
                filled.push((index, w.into_bytes().into()));
            }
            ffi::set_attribute(&document, name, &value)?;
        }
        let mut state = document.borrow_mut();
        state.filled = filled;
        state.unset = unset;
        state.unknown = unknown.into();
        drop(state);
        Ok(document.into_any())
    }

    fn dataclass<'py>(
        &self,
        py: Python<'py>,
        members: &Members,
        values: Vec<Option<Bound<'py, PyAny>>>,
    ) -> Read<Bound<'py, PyAny>> {
        let arguments = PyDict::new(py);
        let mut later = Vec::new();
        for (index, (field, value)) in members.layout.fields().zip(values).enumerate() {
            let has_default = !matches!(field.default, Default::Required);
            let value = match value {
                Some(value) => value,
                None if has_default || !members.flags[index] => continue,
                None => missing::missing(py, field)?
                    .ok_or_else(|| no_member(field).within(&self.step(field)))?,
            };
            if members.flags[index] {
                arguments.set_item(&field.name, value)?;
            } else {
                later.push((field, value));
            }
        }
        let instance = self
            .class
            .bind(py)
            .call((), Some(&arguments))
            .map_err(|error| refused(py, &self.name, error))?;
        for (field, value) in later {
            ffi::set_attribute(&instance, field.name.bind(py), &value)?;
        }
        Ok(instance)
    }

    fn typed_dict<'py>(
        &self,
        py: Python<'py>,
        members: &Members,
        values: Vec<Option<Bound<'py, PyAny>>>,
    ) -> Read<Bound<'py, PyAny>> {
        let dict = PyDict::new(py);
        for (index, (field, value)) in members.layout.fields().zip(values).enumerate() {
            let value = match value {
                Some(value) => value,
                None if !members.flags[index] => continue,
                None => missing::missing(py, field)?
                    .ok_or_else(|| no_member(field).within(&self.step(field)))?,
            };
            dict.set_item(&field.name, value)?;
        }
        Ok(dict.into_any())
    }
}

#[cold]
fn no_member(field: &Field) -> Unreadable {
    Unreadable::misfit(missing::problem(field, "the stored map has no such member"))
}

/// A class of the user's said no: that is about the stored value, unless it is no ordinary exception.
#[cold]
pub(crate) fn refused(py: Python<'_>, name: &str, error: PyErr) -> Unreadable {
    if !error.is_instance_of::<PyException>(py) {
        return Unreadable::Python(error);
    }
    Unreadable::misfit(format!(
        "{name} refuses what is stored: {}",
        error.value(py)
    ))
}

/// Whether any rule of a document holds for what is inside of a value.
pub(crate) fn has_rules_inside(kind: &Kind) -> bool {
    let mut open = Vec::new();
    kind.any_document(&mut |shape| shape.has_rules(&mut open))
}

/// What the documents inside of a value break of their own rules, each as the place and what is wrong there; if `discreet`,
/// without anything of the value.
pub(crate) fn broken_inside(
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    place: &str,
    discreet: bool,
    problems: &mut Vec<String>,
) -> PyResult<()> {
    if value.is_none() || !has_rules_inside(kind) {
        return Ok(());
    }
    match kind {
        Kind::Optional(inner) => broken_inside(inner, value, place, discreet, problems),
        Kind::List(inner) | Kind::TupleOf(inner) => {
            for (index, element) in value.try_iter()?.enumerate() {
                let place = format!("{place}[{index}]");
                broken_inside(inner, &element?, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Tuple(kinds) => {
            for (index, (inner, element)) in kinds.iter().zip(value.try_iter()?).enumerate() {
                let place = format!("{place}[{index}]");
                broken_inside(inner, &element?, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Dict(inner) => {
            for (name, member) in value.cast::<PyDict>()?.iter() {
                let key = if discreet {
                    String::from("...")
                } else {
                    name.repr()?.to_string()
                };
                let place = format!("{place}[{key}]");
                broken_inside(inner, &member, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Record(shape) => {
            let shape = shape.get();
            for field in shape.members(value.py())?.layout.fields() {
                let Some(member) = shape.member(field, value)? else {
                    continue;
                };
                let place = format!("{place}{}", shape.step(field));
                let broken = field.broken(&member, discreet)?.into_iter();
                problems.extend(broken.map(|what| format!("{place}{what}")));
                broken_inside(&field.kind, &member, &place, discreet, problems)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
