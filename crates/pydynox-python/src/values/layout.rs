//! The attributes of a class, in order and by name: what models and documents have in common.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::values::field::Field;

/// The attributes of a class.
#[derive(Debug)]
pub(crate) struct Layout {
    class: Py<PyType>,
    pub(crate) name: Box<str>,
    fields: Vec<Py<Field>>,
    by_attribute: HashMap<Box<str>, usize>,
    by_name: HashMap<Box<str>, usize>,
}

/// Whether two names are equal; avoids the call that comparing slices makes, which costs more than most names do.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let word = |text: &[u8], at: usize| {
        let chunk = text.get(at..).and_then(<[u8]>::first_chunk::<8>);
        chunk.map(|chunk| u64::from_le_bytes(*chunk))
    };
    match one.len() {
        0..8 => one.iter().zip(other).all(|(one, other)| one == other),
        // The last eight bytes may overlap the word before them.
        8..=16 => {
            let last = one.len() - 8;
            word(one, 0) == word(other, 0) && word(one, last) == word(other, last)
        }
        _ => one == other,
    }
}

impl Layout {
    pub(crate) fn new(class: &Bound<'_, PyType>, fields: Vec<Py<Field>>) -> PyResult<Self> {
        let by = |text: fn(&Field) -> &str| -> HashMap<Box<str>, usize> {
            fields
                .iter()
                .enumerate()
                .map(|(index, field)| (text(field.get()).into(), index))
                .collect()
        };
        let mut by_name = by(|field| &field.text);
        for (index, field) in fields.iter().enumerate() {
            let name = field.get().name.bind(class.py()).to_str()?;
            by_name.entry(name.into()).or_insert(index);
        }
        Ok(Self {
            name: class.name()?.to_str()?.into(),
            class: class.clone().unbind(),
            by_attribute: by(|field| &field.attribute_name),
            by_name,
            fields,
        })
    }

    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = &Field> {
        self.fields.iter().map(Py::get)
    }

    pub(crate) fn field_objects(&self) -> &[Py<Field>] {
        &self.fields
    }

    pub(crate) fn field(&self, index: usize) -> &Field {
        self.fields[index].get()
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn model<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.class.bind(py)
    }

    /// The field stored under this name; most items have their attributes in the same order as the last one.
    #[inline]
    pub(crate) fn by_attribute(&self, name: &str, expected: usize) -> Option<usize> {
        if let Some(field) = self.fields.get(expected)
            && is_same(field.get().attribute_name.as_bytes(), name.as_bytes())
        {
            return Some(expected);
        }
        self.by_attribute.get(name).copied()
    }

    /// The field with this Python name; interned names are found by address.
    #[inline]
    pub(crate) fn by_name(&self, name: &Bound<'_, PyString>, expected: usize) -> Option<usize> {
        let address = name.as_ptr();
        if let Some(field) = self.fields.get(expected)
            && field.get().name.as_ptr() == address
        {
            return Some(expected);
        }
        self.fields
            .iter()
            .position(|field| field.get().name.as_ptr() == address)
            .or_else(|| name.to_str().ok().and_then(|text| self.position(text)))
    }

    /// A field's position in the class.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)?;
        self.fields.iter().try_for_each(|field| visit.call(field))
    }
}

/// The values of a call in the order of the fields, and the names that belong to no field.
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
