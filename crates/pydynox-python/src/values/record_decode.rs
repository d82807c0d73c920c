//! Documents, dataclasses and `TypedDict`s, read from maps.

use pydynox_core::wire::{Reader, Writer};
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};

use crate::exceptions::configuration_error;
use crate::interpreter::ffi;
use crate::values::decode::{Decoder, skipped};
use crate::values::document::Document;
use crate::values::encode::{is_absent, write_attribute};
use crate::values::field::{Default, Field};
use crate::values::missing;
use crate::values::record::{Make, Members, Shape};
use crate::values::unreadable::{Read, Unreadable};
use pydynox_core::field_set::FieldSet;

impl Shape {
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
        self.build(py, members, values, Some(unknown))
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
                    let value = crate::values::json_decode::read(decoder, r, &field.kind)
                        .map_err(|problem| problem.within(&self.step(field)))?;
                    values[index] = Some(value);
                }
                None => {
                    skipped(r)?;
                }
            }
        }
        self.build(py, members, values, None)
    }

    /// A value of these members; `unknown` are the others of a stored map, None where they come from a JSON text.
    fn build<'py>(
        &self,
        py: Python<'py>,
        members: &Members,
        values: Vec<Option<Bound<'py, PyAny>>>,
        unknown: Option<Vec<u8>>,
    ) -> Read<Bound<'py, PyAny>> {
        match self.make {
            Make::Document => self.document(py, members, values, unknown.unwrap_or_default()),
            Make::Dataclass => self.dataclass(py, members, values, unknown.is_some()),
            Make::TypedDict => self.typed_dict(py, members, values),
        }
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
            .map_err(|_| configuration_error(py, "a document that is not one"))?;
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
                    .map_err(|problem| field.refuse(py, &self.name, &problem))?;
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
        is_stored: bool,
    ) -> Read<Bound<'py, PyAny>> {
        let arguments = PyDict::new(py);
        let mut later = Vec::new();
        for (index, (field, value)) in members.layout.fields().zip(values).enumerate() {
            let has_default = !matches!(field.default, Default::Required);
            let value = match value {
                Some(value) => value,
                // A stored map has no empty sets, so an absent one is empty, whatever the constructor's default.
                None if is_stored && missing::is_set(&field.kind) => {
                    missing::missing(py, field)?
                        .ok_or_else(|| no_member(field).within(&self.step(field)))?
                }
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
        let refused = |error| refused(py, &self.name, error);
        self.constructed(&arguments, later, refused, Unreadable::from)
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
pub(super) fn no_member(field: &Field) -> Unreadable {
    Unreadable::misfit(missing::problem(field, "the stored map has no such member"))
}

/// A user's class refused the stored value; an error outside `Exception` is passed on as it is.
#[cold]
pub(crate) fn refused(py: Python<'_>, name: &str, error: PyErr) -> Unreadable {
    if !error.is_instance_of::<PyException>(py) {
        return Unreadable::Python(error);
    }
    Unreadable::misfit(format!(
        "{name} refuses what is stored: {}",
        reason(py, &error)
    ))
}

/// What a refusal says without the values that it concerns: of pydantic the places and kinds of the problems, else the class.
fn reason(py: Python<'_>, error: &PyErr) -> String {
    let class = error.get_type(py);
    let is_of_pydantic = class
        .module()
        .is_ok_and(|module| module.to_string_lossy().starts_with("pydantic"));
    let problems = is_of_pydantic
        .then(|| problems_of_pydantic(error.value(py)).ok())
        .flatten();
    problems.unwrap_or_else(|| {
        class
            .qualname()
            .map_or_else(|_| "an error".into(), |name| name.to_string())
    })
}

fn problems_of_pydantic(error: &Bound<'_, PyBaseException>) -> PyResult<String> {
    let py = error.py();
    let without = [
        ("include_url", false),
        ("include_context", false),
        ("include_input", false),
    ];
    let problems = error.call_method("errors", (), Some(&without.into_py_dict(py)?))?;
    let mut texts = Vec::new();
    for problem in problems.try_iter()? {
        let problem = problem?;
        let steps = problem.get_item("loc")?.try_iter()?;
        let steps: Vec<String> = steps
            .map(|step| step?.str().map(|step| step.to_string()))
            .collect::<PyResult<_>>()?;
        let kind = problem.get_item("type")?.str()?.to_string();
        texts.push(if steps.is_empty() {
            kind
        } else {
            format!("{}: {kind}", steps.join("."))
        });
    }
    Ok(texts.join("; "))
}
