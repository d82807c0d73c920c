//! Dump filters: `include=` and `exclude=`, nested as in pydantic.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyEllipsis, PyFrozenSet, PyMapping, PySet};

/// `include=` and `exclude=` for one value, as pydantic reads them.
#[derive(Clone, Default)]
pub(crate) struct Filter<'py> {
    pub(crate) include: Option<Bound<'py, PyAny>>,
    pub(crate) exclude: Option<Bound<'py, PyAny>>,
}

/// What one of them selects of a member.
pub(crate) enum Selected<'py> {
    Nothing,
    Whole,
    Part(Bound<'py, PyAny>),
}

impl<'py> Filter<'py> {
    /// The filter for a member, `key`; None where the member is left out.
    #[inline]
    pub(crate) fn step(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        if self.is_empty() {
            return Ok(Some(Self::default()));
        }
        self.selected(key, None)
    }

    /// The same for an element of a list, whose position may also be counted from the end.
    #[inline]
    pub(crate) fn step_to(
        &self,
        py: Python<'py>,
        place: usize,
        length: usize,
    ) -> PyResult<Option<Self>> {
        if self.is_empty() {
            return Ok(Some(Self::default()));
        }
        let from_end = place.cast_signed() - length.cast_signed();
        let place = place.into_pyobject(py)?.into_any();
        self.selected(&place, Some(&from_end.into_pyobject(py)?.into_any()))
    }

    fn selected(
        &self,
        key: &Bound<'py, PyAny>,
        other: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Self>> {
        let mut next = Self::default();
        if let Some(exclude) = &self.exclude {
            match selected(exclude, "exclude", key, other)? {
                Selected::Whole => return Ok(None),
                Selected::Part(part) => next.exclude = Some(part),
                Selected::Nothing => {}
            }
        }
        if let Some(include) = &self.include {
            match selected(include, "include", key, other)? {
                Selected::Nothing => return Ok(None),
                Selected::Part(part) => next.include = Some(part),
                Selected::Whole => {}
            }
        }
        Ok(Some(next))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }
}

pub(crate) fn selected<'py>(
    selection: &Bound<'py, PyAny>,
    option: &str,
    key: &Bound<'py, PyAny>,
    other: Option<&Bound<'py, PyAny>>,
) -> PyResult<Selected<'py>> {
    let py = selection.py();
    let all = intern!(py, "__all__").as_any();
    if let Ok(dict) = selection.cast::<PyDict>() {
        let own = match dict.get_item(key)? {
            None => other
                .map(|other| dict.get_item(other))
                .transpose()?
                .flatten(),
            own => own,
        };
        return Ok(match (own, dict.get_item(all)?) {
            (Some(own), Some(every)) => merged(&own, &every)?,
            (Some(one), None) | (None, Some(one)) => part(one),
            (None, None) => Selected::Nothing,
        });
    }
    if selection.cast::<PyMapping>().is_ok() {
        let dict = py.get_type::<PyDict>().call1((selection,))?;
        return selected(&dict, option, key, other);
    }
    let is_set = selection.is_instance_of::<PySet>()
        || selection.is_instance_of::<PyFrozenSet>()
        || selection.is_instance(&py.import("collections.abc")?.getattr("Set")?)?;
    if !is_set {
        return Err(PyTypeError::new_err(format!(
            "{option}= takes a set or a dict of names, such as {{\"name\"}} or {{\"address\": {{\"city\"}}}}, not {}",
            selection.get_type().qualname()?
        )));
    }
    let named = |key: &Bound<'py, PyAny>| selection.contains(key);
    let is_named = named(key)? || other.map_or(Ok(false), named)? || named(all)?;
    Ok(if is_named {
        Selected::Whole
    } else {
        Selected::Nothing
    })
}

pub(crate) fn part(value: Bound<'_, PyAny>) -> Selected<'_> {
    if value.is_instance_of::<PyEllipsis>() {
        return Selected::Whole;
    }
    match value.cast::<PyBool>() {
        // True and ... both mean all of it, as in pydantic.
        Ok(flag) if flag.is_true() => Selected::Whole,
        Ok(_) => Selected::Nothing,
        Err(_) if value.is_none() => Selected::Nothing,
        Err(_) => Selected::Part(value),
    }
}

/// The selection for one member merged with that for every member.
pub(crate) fn merged<'py>(
    own: &Bound<'py, PyAny>,
    every: &Bound<'py, PyAny>,
) -> PyResult<Selected<'py>> {
    let (own, every) = match (part(own.clone()), part(every.clone())) {
        (Selected::Part(own), Selected::Part(every)) => (own, every),
        (Selected::Nothing, selected) | (selected, _) => return Ok(selected),
    };
    let both = as_dict(&every)?;
    for (key, value) in as_dict(&own)?.iter() {
        let value = match both.get_item(&key)? {
            Some(before) => match merged(&value, &before)? {
                Selected::Part(part) => part,
                Selected::Whole => PyBool::new(own.py(), true).to_owned().into_any(),
                Selected::Nothing => continue,
            },
            None => value,
        };
        both.set_item(key, value)?;
    }
    Ok(Selected::Part(both.into_any()))
}

pub(crate) fn as_dict<'py>(selection: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(dict) = selection.cast::<PyDict>() {
        return dict.copy();
    }
    let dict = PyDict::new(selection.py());
    for key in selection.try_iter()? {
        dict.set_item(key?, true)?;
    }
    Ok(dict)
}
