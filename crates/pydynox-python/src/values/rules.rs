//! Field rules: what a value must satisfy besides its type, as the class declared it.

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit, intern};

/// A bound's keyword, its Python operator, and its comparison.
const BOUNDS: [(&str, &str, CompareOp); 4] = [
    ("ge", ">=", CompareOp::Ge),
    ("gt", ">", CompareOp::Gt),
    ("le", "<=", CompareOp::Le),
    ("lt", "<", CompareOp::Lt),
];

/// The rules of one field; their form was checked when the class was made.
#[derive(Debug)]
pub(crate) struct Rules {
    min_length: Option<usize>,
    max_length: Option<usize>,
    /// The pattern's text and its `search`.
    pattern: Option<(String, Py<PyAny>)>,
    bounds: Vec<(&'static str, CompareOp, Py<PyAny>)>,
    validators: Vec<Py<PyAny>>,
}

impl Rules {
    pub(crate) fn parse(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let length = |name| {
            given
                .get_item(name)?
                .map(|length| length.extract::<usize>())
                .transpose()
        };
        let pattern = match given.get_item("pattern")? {
            Some(pattern) => Some((
                pattern.getattr("pattern")?.extract()?,
                pattern.getattr("search")?.unbind(),
            )),
            None => None,
        };
        let mut bounds = Vec::new();
        for (name, sign, keeps) in BOUNDS {
            if let Some(bound) = given.get_item(name)? {
                bounds.push((sign, keeps, bound.unbind()));
            }
        }
        let validators = match given.get_item("validate")? {
            Some(validators) => validators
                .cast::<PyTuple>()?
                .iter()
                .map(Bound::unbind)
                .collect(),
            None => Vec::new(),
        };
        Ok(Self {
            min_length: length("min_length")?,
            max_length: length("max_length")?,
            pattern,
            bounds,
            validators,
        })
    }

    /// All problems of a value of the right type, each as the text after the attribute's name; if `discreet`, without
    /// repeating the value. None breaks no rule.
    pub(crate) fn broken(&self, value: &Bound<'_, PyAny>, discreet: bool) -> PyResult<Vec<String>> {
        let mut problems = Vec::new();
        if value.is_none() {
            return Ok(problems);
        }
        self.check_length(value, &mut problems);
        if let Some((text, search)) = &self.pattern
            && search
                .bind(value.py())
                .call1((value,))
                .map_or(true, |matched| matched.is_none())
        {
            problems.push(format!(" does not match the pattern {text}"));
        }
        for (sign, keeps, bound) in &self.bounds {
            let bound = bound.bind(value.py());
            // What cannot be compared (text of an open type, a naive time) fails the bound.
            let keeps_bound = value
                .rich_compare(bound, *keeps)
                .and_then(|outcome| outcome.is_truthy())
                .unwrap_or(false);
            if !keeps_bound {
                problems.push(format!(" must be {sign} {}", bound.str()?));
            }
        }
        for validator in &self.validators {
            problems.extend(refusal(validator.bind(value.py()), value, discreet)?);
        }
        Ok(problems)
    }

    fn check_length(&self, value: &Bound<'_, PyAny>, problems: &mut Vec<String>) {
        if self.min_length.is_none() && self.max_length.is_none() {
            return;
        }
        let Ok(length) = value.len() else {
            problems.push(" has no length, but its rule needs one".into());
            return;
        };
        if let Some(least) = self.min_length
            && length < least
        {
            problems.push(format!(
                " must have a length of at least {least}, not {length}"
            ));
        }
        if let Some(most) = self.max_length
            && length > most
        {
            problems.push(format!(
                " must have a length of at most {most}, not {length}"
            ));
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some((_, search)) = &self.pattern {
            visit.call(search)?;
        }
        for (_, _, bound) in &self.bounds {
            visit.call(bound)?;
        }
        self.validators
            .iter()
            .try_for_each(|validator| visit.call(validator))
    }
}

/// Why a `validate=` callable refuses a value, if it does: it raises `ValueError` or returns False.
fn refusal(
    validator: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    discreet: bool,
) -> PyResult<Option<String>> {
    let py = value.py();
    let answer = match validator.call1((value,)) {
        Ok(answer) => answer,
        Err(error) if error.is_instance_of::<PyValueError>(py) => {
            let text = error.value(py).to_string();
            return Ok(Some(if discreet && echoes(value, &text) {
                format!(" is refused by {}", name_of(validator))
            } else {
                format!(": {text}")
            }));
        }
        Err(error) => return Err(error),
    };
    if answer.is(PyBool::new(py, false)) {
        return Ok(Some(format!(" is refused by {}", name_of(validator))));
    }
    if answer.is_none() || answer.is(PyBool::new(py, true)) || answer.is(value) {
        return Ok(None);
    }
    Err(PyTypeError::new_err(format!(
        "validate={} returned a {}: it checks a value and does not convert it, so it raises ValueError or returns False to refuse one, and returns None, True or the value itself to accept it",
        name_of(validator),
        answer.get_type().qualname()?,
    )))
}

/// How deep a value is searched; deeper ones cannot be stored.
const MAX_DEPTH: usize = 34;

/// Whether a text repeats part of a value: any of the texts and numbers in it.
#[pyfunction]
#[pyo3(signature = (value, text, /))]
pub(crate) fn echoes(value: &Bound<'_, PyAny>, text: &str) -> bool {
    is_echo(value, text, MAX_DEPTH)
}

fn is_echo(value: &Bound<'_, PyAny>, text: &str, depth: usize) -> bool {
    if value.is_none() || value.is_instance_of::<PyBool>() {
        return false;
    }
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    if let Ok(dict) = value.cast::<PyDict>() {
        let mut members = dict.iter();
        return members
            .any(|(key, member)| is_echo(&key, text, depth) || is_echo(&member, text, depth));
    }
    let is_text = value.is_instance_of::<PyString>();
    if !is_text
        && !value.is_instance_of::<PyBytes>()
        && let Ok(elements) = value.try_iter()
    {
        return elements
            .flatten()
            .any(|element| is_echo(&element, text, depth));
    }
    if !is_text && let Ok(members) = value.getattr(intern!(value.py(), "__dict__")) {
        return is_echo(&members, text, depth);
    }
    // An object without a text of its own cannot be told from one with it.
    [value.str(), value.repr()].iter().any(|form| {
        form.as_ref().map_or(true, |form| {
            let form = form.to_string_lossy();
            let form = form.trim_matches(['\'', '"']);
            !form.is_empty() && text.contains(form)
        })
    })
}

fn name_of(validator: &Bound<'_, PyAny>) -> String {
    let named = validator
        .getattr("__name__")
        .or_else(|_| validator.get_type().getattr("__name__"));
    named.map_or_else(|_| "a validator".into(), |name| name.to_string())
}
