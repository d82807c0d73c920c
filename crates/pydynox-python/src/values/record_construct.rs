//! Documents and dataclasses made of checked values, as their constructors make them.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::ffi;
use crate::values::document::Document;
use crate::values::field::Field;
use crate::values::layout::Layout;
use crate::values::problem::{Checked, Problem, python_error};
use crate::values::record::Shape;
use pydynox_core::field_set::FieldSet;

impl Shape {
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
        let refused = |error: PyErr| {
            Problem::echoing(
                format!("is refused by {}: {}", self.name, error.value(py)),
                format!("is refused by {}", self.name),
            )
        };
        self.constructed(&arguments, later, refused, failed)
    }

    /// What the class makes of `arguments`, with the members that its constructor does not take set `later`.
    pub(super) fn constructed<'py, E>(
        &self,
        arguments: &Bound<'py, PyDict>,
        later: Vec<(&Field, Bound<'py, PyAny>)>,
        refused: impl FnOnce(PyErr) -> E,
        failed: impl Fn(PyErr) -> E,
    ) -> Result<Bound<'py, PyAny>, E> {
        let py = arguments.py();
        let class = self.class.bind(py);
        let instance = class.call((), Some(arguments)).map_err(refused)?;
        for (field, value) in later {
            ffi::set_attribute(&instance, field.name.bind(py), &value).map_err(&failed)?;
        }
        Ok(instance)
    }
}
