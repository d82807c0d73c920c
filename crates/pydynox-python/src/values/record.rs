//! Maps with known members: documents, dataclasses and `TypedDict`s, and the `Document` base class itself.

use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::exceptions::configuration_error;
use crate::interpreter::ffi;
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::layout::Layout;
use crate::values::problem::{Checked, Problem, python_error, wrong_type};

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
    pub(super) class: Py<PyType>,
    pub(crate) name: Box<str>,
    pub(crate) make: Make,
    members: OnceLock<Members>,
    /// Whether any rule applies inside a value.
    ruled: OnceLock<bool>,
}

#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) layout: Layout,
    /// By field: whether the constructor of a dataclass takes it; whether a `TypedDict` must have it.
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

    /// Set the members; `flags` are explained at `Members`.
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
        // A document whose annotations name what is defined later: it completes itself, or reports what is missing.
        if self.make == Make::Document {
            self.class.bind(py).call_method0(intern!(py, "_complete"))?;
        }
        self.members
            .get()
            .ok_or_else(|| configuration_error(py, &format!("{} is not complete yet", self.name)))
    }

    /// The kind of the member stored under this name.
    pub(crate) fn inside(&self, name: &str) -> Option<&Kind> {
        self.declared(name).map(|field| &field.kind)
    }

    /// The member stored under this name.
    pub(crate) fn declared(&self, name: &str) -> Option<&Field> {
        let layout = &self.members.get()?.layout;
        let index = layout.by_attribute(name, usize::MAX)?;
        Some(layout.field(index))
    }

    /// Whether any rule applies inside a value; `open` lists the classes being searched.
    pub(super) fn has_rules<'a>(&'a self, open: &mut Vec<&'a Self>) -> bool {
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

    /// A member of a value; None if a `TypedDict` lacks it.
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
            // A subclass has members unknown to this class: they would be lost.
            _ => value.get_type().is(self.class.bind(value.py())),
        };
        if right {
            Ok(())
        } else {
            Err(wrong_type(&self.wanted(), value))
        }
    }

    /// The expected type, as Python names it.
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

    /// Whether a value belongs to this class and has no other members.
    pub(crate) fn check_members(&self, value: &Bound<'_, PyAny>) -> Checked<()> {
        self.checked_members(value).map(drop)
    }

    /// The members of a value of this class.
    pub(super) fn checked_members(&self, value: &Bound<'_, PyAny>) -> Checked<&Members> {
        self.check(value)?;
        let members = self
            .members(value.py())
            .map_err(|error| python_error(value, &error))?;
        self.check_names(members, value)?;
        Ok(members)
    }

    /// The members and their flags, for callers that create and show values.
    pub(crate) fn parts(&self, py: Python<'_>) -> PyResult<(&Layout, &[bool])> {
        let members = self.members(py)?;
        Ok((&members.layout, &members.flags))
    }
}
