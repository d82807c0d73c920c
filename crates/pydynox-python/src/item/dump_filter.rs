//! `include=` and `exclude=` of a dump, nested as pydantic has them.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyEllipsis, PyFrozenSet, PyMapping, PySet};

/// What `include=` and `exclude=` say of a value, as pydantic reads them.
#[derive(Clone, Default)]
pub(crate) struct Filter<'py> {
    pub(crate) include: Option<Bound<'py, PyAny>>,
    pub(crate) exclude: Option<Bound<'py, PyAny>>,
}

/// What one of them says of a member.
pub(crate) enum Said<'py> {
    Nothing,
    Whole,
    Part(Bound<'py, PyAny>),
}

impl<'py> Filter<'py> {
    /// What it says of a member, `key`; None where the member is left out.
    #[inline]
    pub(crate) fn step(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        if self.is_empty() {
            return Ok(Some(Self::default()));
        }
        self.said(key, None)
    }

    /// The same of an element of a list, whose place may be counted from the end too.
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
        self.said(&place, Some(&from_end.into_pyobject(py)?.into_any()))
    }

    fn said(
        &self,
        key: &Bound<'py, PyAny>,
        other: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Self>> {
        let mut next = Self::default();
        if let Some(exclude) = &self.exclude {
            match said(exclude, "exclude", key, other)? {
                Said::Whole => return Ok(None),
                Said::Part(part) => next.exclude = Some(part),
                Said::Nothing => {}
            }
        }
        if let Some(include) = &self.include {
            match said(include, "include", key, other)? {
                Said::Nothing => return Ok(None),
                Said::Part(part) => next.include = Some(part),
                Said::Whole => {}
            }
        }
        Ok(Some(next))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }
}

pub(crate) fn said<'py>(
    asked: &Bound<'py, PyAny>,
    option: &str,
    key: &Bound<'py, PyAny>,
    other: Option<&Bound<'py, PyAny>>,
) -> PyResult<Said<'py>> {
    let py = asked.py();
    let all = intern!(py, "__all__").as_any();
    if let Ok(dict) = asked.cast::<PyDict>() {
        let own = match dict.get_item(key)? {
            None => other
                .map(|other| dict.get_item(other))
                .transpose()?
                .flatten(),
            found => found,
        };
        return Ok(match (own, dict.get_item(all)?) {
            (Some(own), Some(every)) => merged(&own, &every)?,
            (Some(one), None) | (None, Some(one)) => part(one),
            (None, None) => Said::Nothing,
        });
    }
    if asked.cast::<PyMapping>().is_ok() {
        let dict = py.get_type::<PyDict>().call1((asked,))?;
        return said(&dict, option, key, other);
    }
    let is_set = asked.is_instance_of::<PySet>()
        || asked.is_instance_of::<PyFrozenSet>()
        || asked.is_instance(&py.import("collections.abc")?.getattr("Set")?)?;
    if !is_set {
        return Err(PyTypeError::new_err(format!(
            "{option}= takes a set or a dict of names, such as {{\"name\"}} or {{\"address\": {{\"city\"}}}}, not {}",
            asked.get_type().qualname()?
        )));
    }
    let named = |key: &Bound<'py, PyAny>| asked.contains(key);
    let found = named(key)? || other.map_or(Ok(false), named)? || named(all)?;
    Ok(if found { Said::Whole } else { Said::Nothing })
}

pub(crate) fn part(value: Bound<'_, PyAny>) -> Said<'_> {
    if value.is_instance_of::<PyEllipsis>() {
        return Said::Whole;
    }
    match value.cast::<PyBool>() {
        Ok(flag) if flag.is_true() => Said::Whole,
        Ok(_) => Said::Nothing,
        Err(_) if value.is_none() => Said::Nothing,
        Err(_) => Said::Part(value),
    }
}

/// What is said of one member, and of every member besides.
pub(crate) fn merged<'py>(
    own: &Bound<'py, PyAny>,
    every: &Bound<'py, PyAny>,
) -> PyResult<Said<'py>> {
    let (own, every) = match (part(own.clone()), part(every.clone())) {
        (Said::Part(own), Said::Part(every)) => (own, every),
        (Said::Nothing, said) | (said, _) => return Ok(said),
    };
    let both = as_dict(&every)?;
    for (key, value) in as_dict(&own)?.iter() {
        let value = match both.get_item(&key)? {
            Some(before) => match merged(&value, &before)? {
                Said::Part(part) => part,
                Said::Whole => PyBool::new(own.py(), true).to_owned().into_any(),
                Said::Nothing => continue,
            },
            None => value,
        };
        both.set_item(key, value)?;
    }
    Ok(Said::Part(both.into_any()))
}

pub(crate) fn as_dict<'py>(asked: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    if let Ok(dict) = asked.cast::<PyDict>() {
        return dict.copy();
    }
    let dict = PyDict::new(asked.py());
    for key in asked.try_iter()? {
        dict.set_item(key?, true)?;
    }
    Ok(dict)
}
