//! Given keys: the key of an item from a caller's values, passed by position, by name, or as the parts of a template.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::exceptions::{internal, suggestion, validation_error};
use crate::model::schema::Schema;
use crate::model::template::Template;
use crate::values::admit::admit_key;
use crate::values::plain::admitted;

impl Schema {
    /// The checked key values, partition key first.
    pub(super) fn checked_key<'py>(
        &self,
        values: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = values.py();
        let mut used = 0;
        let mut sources = Vec::new();
        let mut parts = Vec::with_capacity(2);
        for (position, field) in self.key_fields().enumerate() {
            let given = match named {
                Some(named) => named.get_item(&field.public_name)?,
                None => None,
            };
            // A name that is left uncounted at the end is one that the key does not know.
            used += usize::from(given.is_some());
            let value = match (values.get_item(position), given) {
                (Ok(_), Some(_)) => {
                    return Err(self.wrong_key(py, &format!("{} is given twice", field.text)));
                }
                (Ok(value), None) | (Err(_), Some(value)) => value,
                (Err(_), None) => match self.template_of(&field.text) {
                    Some(template) => self.made_of(py, template, named, &mut sources)?,
                    None => return Err(self.missing_part(py, named, &field.text)),
                },
            };
            let admitted = admit_key(field, &value)
                .map_err(|problem| field.refuse(py, &self.name, &problem))?;
            parts.push(admitted);
        }
        if values.len() > parts.len() {
            return Err(self.wrong_key(py, &format!("{} values were given", values.len())));
        }
        if let Some(named) = named
            && named.len() > used + sources.len()
        {
            let keys = self.key_fields().map(|field| &*field.text);
            let part_names: Vec<&str> = keys
                .chain(sources.iter().map(|index| &*self.field(*index).text))
                .collect();
            let unknown = unknown_part(named, &part_names)?;
            return Err(self.wrong_key(py, &unknown.unwrap_or_default()));
        }
        PyTuple::new(py, parts)
    }

    /// What is wrong with a key that lacks a part: an unknown name says more than the part that is missing.
    fn missing_part(
        &self,
        py: Python<'_>,
        named: Option<&Bound<'_, PyDict>>,
        missing: &str,
    ) -> PyErr {
        let mut parts = Vec::new();
        for field in self.key_fields() {
            parts.push(&*field.text);
            if let Some(template) = self.template_of(&field.text) {
                parts.extend(template.sources().map(|index| &*self.field(index).text));
            }
        }
        let unknown = named.map_or(Ok(None), |named| unknown_part(named, &parts));
        match unknown {
            Ok(Some(unknown)) => self.wrong_key(py, &unknown),
            Ok(None) => self.wrong_key(py, &format!("{missing} is missing")),
            Err(failed) => failed,
        }
    }

    /// The start of a template's text, up to the first name without a value, and that name.
    pub(crate) fn prefix(
        &self,
        py: Python<'_>,
        name: &str,
        named: &Bound<'_, PyDict>,
    ) -> PyResult<(String, Option<String>)> {
        let Some(template) = self.template_of(name) else {
            return Err(internal(py, "the prefix of what has no template"));
        };
        let mut wrong = None;
        let prefix_text = template.prefix(self, |index| {
            let field = self.field(index);
            let value = named.get_item(&field.public_name).ok().flatten()?;
            match admitted(field, &value) {
                Ok(value) => Some(value),
                Err(problem) => {
                    wrong = Some(field.refuse(py, &self.name, &problem));
                    None
                }
            }
        });
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        match prefix_text {
            Ok((text, missing)) => Ok((
                text,
                missing.map(|index| self.field(index).text.to_string()),
            )),
            Err((index, problem)) => Err(self.field(index).refuse(py, &self.name, &problem)),
        }
    }

    /// A part of the key, built from its source fields; `used` collects those.
    fn made_of<'py>(
        &self,
        py: Python<'py>,
        template: &Template,
        named: Option<&Bound<'py, PyDict>>,
        used: &mut Vec<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = template.text(self, |index| {
            let field = self.field(index);
            let given = match named {
                Some(named) => named.get_item(&field.public_name)?,
                None => None,
            };
            let Some(given) = given else {
                return Err(self.missing_part(py, named, &field.text));
            };
            if !used.contains(&index) {
                used.push(index);
            }
            if given.is_none() {
                return Err(self.wrong_key(py, &format!("{} is None", field.text)));
            }
            admitted(field, &given).map_err(|problem| field.refuse(py, &self.name, &problem))
        })?;
        match text {
            Ok(text) => Ok(PyString::new(py, &text.unwrap_or_default()).into_any()),
            Err((index, problem)) => Err(self.field(index).refuse(py, &self.name, &problem)),
        }
    }

    fn wrong_key(&self, py: Python<'_>, what: &str) -> PyErr {
        let names: Vec<String> = self
            .key_fields()
            .map(|field| match self.template_of(&field.text) {
                Some(template) => format!("{}={:?}", field.text, template.describe(self)),
                None => field.text.to_string(),
            })
            .collect();
        validation_error(
            py,
            &format!("the key of {} is ({}): {what}", self.name, names.join(", ")),
        )
    }
}

/// What is wrong with the first name that is not one of these.
fn unknown_part(named: &Bound<'_, PyDict>, parts: &[&str]) -> PyResult<Option<String>> {
    for name in named.keys() {
        if !parts.contains(&&*name.to_string()) {
            let suggestion = suggestion(&name, parts)?;
            return Ok(Some(format!("{name} is not a key attribute{suggestion}")));
        }
    }
    Ok(None)
}
