//! Documents: the keyword constructor, checked assignment, and the members that a class does not declare.

use pydynox_core::wire::{Reader, Writer};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::exceptions::{internal, validation_error};
use crate::interpreter::ffi;
use crate::values::assignment;
use crate::values::record::Shape;
use pydynox_core::field_set::FieldSet;

/// The pickled state: the values, and the two fields of `Document`.
pub(crate) type State<'py> = (Bound<'py, PyDict>, Vec<(usize, Vec<u8>)>, Vec<u8>);

/// The base of every document: checked assignment, and the members that its class does not declare.
#[pyclass(subclass, module = "pydynox._core")]
#[derive(Default)]
pub(crate) struct Document {
    /// Members that were not stored and have their default: written only once they change. By field, as written.
    pub(crate) filled: Vec<(usize, Box<[u8]>)>,
    /// Stored members that the class does not declare, as members of a JSON object.
    pub(crate) unknown: Box<[u8]>,
    /// Fields whose value came from a default and has not been set since.
    pub(crate) unset: FieldSet,
}

impl Document {
    /// Whether a member still has the default that filled it in: such a member is not written.
    #[inline]
    pub(super) fn is_filled(&self, index: usize, written: &[u8]) -> bool {
        let mut filled = self.filled.iter();
        filled.any(|(filled, bytes)| *filled == index && **bytes == *written)
    }
}

/// The shape of a document, from its class.
pub(crate) fn shape_of<'py>(document: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Shape>> {
    let py = document.py();
    Ok(document
        .get_type()
        .getattr(intern!(py, "_shape"))?
        .cast_into::<Shape>()?)
}

#[pymethods]
impl Document {
    #[new]
    #[pyo3(signature = (*_arguments, **_values))]
    fn new(_arguments: &Bound<'_, PyTuple>, _values: Option<&Bound<'_, PyDict>>) -> Self {
        Self::default()
    }

    #[pyo3(signature = (*positional, **values))]
    fn __init__(
        slf: &Bound<'_, Self>,
        positional: &Bound<'_, PyTuple>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let shape = shape_of(slf)?;
        let unset = assignment::construct(
            slf,
            &shape.get().members(slf.py())?.layout,
            positional,
            values,
        )?;
        slf.borrow_mut().unset = unset;
        Ok(())
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyString>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let shape = shape_of(slf)?;
        let layout = &shape.get().members(slf.py())?.layout;
        let index = assignment::assign(slf, layout, name, value)?;
        slf.borrow_mut().unset.remove(index);
        Ok(())
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: &Bound<'_, PyString>) -> PyResult<()> {
        Err(assignment::undeletable(slf, name)?)
    }

    fn __eq__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape = shape_of(slf)?;
        assignment::equal(slf, other, &shape.get().members(slf.py())?.layout)
    }

    /// A copy that shares the values.
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

    /// The values and what is stored besides them.
    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let py = slf.py();
        let shape = shape_of(slf)?;
        let values = PyDict::new(py);
        for field in shape.get().members(py)?.layout.fields() {
            values.set_item(&field.name, ffi::get_attribute(slf, field.name.bind(py))?)?;
        }
        let state = slf.borrow();
        let filled: Vec<(usize, &[u8])> = state
            .filled
            .iter()
            .map(|(index, bytes)| (*index, &**bytes))
            .collect();
        (values, filled, &*state.unknown).into_pyobject(py)
    }

    fn __setstate__(slf: &Bound<'_, Self>, state: State<'_>) -> PyResult<()> {
        let (values, filled, unknown) = state;
        for (name, value) in values {
            ffi::set_attribute(slf, &name.cast_into::<PyString>()?, &value)?;
        }
        let mut this = slf.borrow_mut();
        this.filled = filled
            .into_iter()
            .map(|(index, bytes)| (index, bytes.into()))
            .collect();
        this.unknown = unknown.into();
        Ok(())
    }
}

/// A document as a dictionary in `DynamoDB`'s JSON.
#[pyfunction]
#[pyo3(signature = (document, /))]
pub(crate) fn document_to_item<'py>(
    document: &Bound<'py, Document>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = document.py();
    let shape = shape_of(document)?;
    let shape = shape.get();
    let mut w = Writer::with_capacity(256);
    shape
        .write(&mut w, document, 0)
        .map_err(|problem| validation_error(py, &problem.describe("", &shape.name)))?;
    let read = || crate::values::decode_json::json(py, &mut Reader::new(w.as_bytes())?);
    read()
        .map_err(|_| internal(py, "a document of pydynox that cannot be read"))?
        .get_item("M")
}

/// The names of a document's members.
pub(crate) fn names<'py>(document: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyString>>> {
    let py = document.py();
    let shape = shape_of(document)?;
    let members = shape.get().members(py)?;
    Ok(members
        .layout
        .fields()
        .map(|field| field.name.bind(py).clone())
        .collect())
}

pub(crate) fn copied<'py>(
    document: &Bound<'py, Document>,
    copy: impl Fn(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, Document>> {
    let copied_document = ffi::allocate(&document.get_type())?.cast_into::<Document>()?;
    for name in names(document)? {
        ffi::set_attribute(
            &copied_document,
            &name,
            &copy(&ffi::get_attribute(document, &name)?)?,
        )?;
    }
    let state = document.borrow();
    let mut fresh = copied_document.borrow_mut();
    fresh.filled.clone_from(&state.filled);
    fresh.unknown.clone_from(&state.unknown);
    fresh.unset.clone_from(&state.unset);
    drop(fresh);
    Ok(copied_document)
}
