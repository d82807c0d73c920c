//! Dumps: instances and documents as dictionaries of plain values; what is included, what is left out, and in which form.

use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::{internal, validation_error};
use crate::item::changes;
use crate::item::dump_failure::Failure;
use crate::item::dump_filter::Filter;
use crate::item::dump_value::Dump;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::values::document::{Document, shape_of};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::service_json;
use pydynox_core::field_set::FieldSet;

/// `(exclude_unset, exclude_defaults, exclude_none)`
type Exclusions = (bool, bool, bool);

/// A dump's options: the mode, `include=`, `exclude=`, what else is left out, and what nested pydantic models are given.
type DumpOptions<'py> = (
    String,
    Option<Bound<'py, PyAny>>,
    Option<Bound<'py, PyAny>>,
    Exclusions,
    Option<Bound<'py, PyDict>>,
);

fn parse_options<'py>(
    py: Python<'py>,
    options: DumpOptions<'py>,
) -> PyResult<(Dump<'py>, Filter<'py>)> {
    let (mode, include, exclude, (unset, defaults, none), nested) = options;
    let json = match mode.as_str() {
        "json" => true,
        "python" => false,
        other => {
            let message = format!("mode must be 'python' or 'json', not {other:?}");
            return Err(validation_error(py, &message));
        }
    };
    let dump = Dump {
        py,
        json,
        excludes_unset: unset,
        excludes_defaults: defaults,
        excludes_none: none,
        nested,
    };
    Ok((dump, Filter { include, exclude }))
}

/// The attributes as a dictionary of plain values; `mode="json"` gives what `json.dumps` accepts. `names` are the attributes of
/// a base class, where an instance is shown as one of it.
#[pyfunction]
#[pyo3(signature = (instance, options, names=None, /))]
pub(crate) fn dump<'py>(
    instance: &Bound<'py, Instance>,
    options: DumpOptions<'py>,
    names: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let item = Item::of(instance)?;
    let py = item.py();
    let (dump, filter) = parse_options(py, options)?;
    let unset = if dump.excludes_unset {
        instance.borrow().unset.clone()
    } else {
        FieldSet::default()
    };
    let dumped = PyDict::new(py);
    for (index, field) in item.model().fields().enumerate() {
        let name = field.name.bind(py);
        if !field.dumps() || !names.map_or(Ok(true), |names| names.contains(name))? {
            continue;
        }
        let value = item.value(field)?;
        if dump.is_unset(&unset, index, field, &value)? {
            continue;
        }
        let Some(next) = dump.member(field, &value, &filter)? else {
            continue;
        };
        let plain = attribute(&dump, &item, (index, field), &value, &next)?;
        dumped.set_item(name, plain)?;
    }
    Ok(dumped)
}

fn attribute<'py>(
    dump: &Dump<'py>,
    item: &Item<'_, 'py>,
    (index, field): (usize, &Field),
    value: &Bound<'py, PyAny>,
    filter: &Filter<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    // What pydynox decides is None until there is a basis for it.
    if field.is_made() && value.is_none() {
        return Ok(value.clone());
    }
    dump.value(&field.kind, value, filter, 0)
        .or_else(|failure| {
            // strict_reads=False lets such a value in, and JSON has a form for it nevertheless.
            let of_another_type = dump.json
                && item
                    .instance
                    .borrow()
                    .stored
                    .as_deref()
                    .is_some_and(|stored| changes::is_raw(field, &stored.slots[index], value));
            let failure = if of_another_type {
                match dump.value(&Kind::Any, value, filter, 0) {
                    Ok(plain) => return Ok(plain),
                    Err(failure) => failure,
                }
            } else {
                failure
            };
            Err(match failure {
                Failure::Problem(problem) => field.refuse(dump.py, &item.model().name, &problem),
                Failure::Python(error) => error,
            })
        })
}

/// The attributes as JSON text.
#[pyfunction]
#[pyo3(signature = (instance, options, names=None, /))]
pub(crate) fn dump_json<'py>(
    instance: &Bound<'py, Instance>,
    options: DumpOptions<'py>,
    names: Option<&Bound<'py, PyAny>>,
) -> PyResult<String> {
    let dumped = dump(instance, options, names)?;
    let mut w = Writer::with_capacity(512);
    service_json::write(&mut w, dumped.as_any(), 0)?;
    String::from_utf8(w.into_bytes())
        .map_err(|_| internal(instance.py(), "JSON text that is not UTF-8"))
}

/// Single values as a dump in JSON has them, nothing left out.
pub(crate) struct JsonDump<'py>(Dump<'py>);

impl<'py> JsonDump<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self(Dump {
            py,
            json: true,
            excludes_unset: false,
            excludes_defaults: false,
            excludes_none: false,
            nested: None,
        })
    }

    /// Write the value of a field of a model.
    pub(crate) fn write(
        &self,
        w: &mut Writer,
        model: &str,
        field: &Field,
        value: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let py = self.0.py;
        // What pydynox decides is None until there is a basis for it.
        if value.is_none() && (field.is_made() || field.kind.is_optional()) {
            w.raw(b"null");
            return Ok(());
        }
        let plain = self
            .0
            .value(&field.kind, value, &Filter::default(), 0)
            .map_err(|failure| match failure {
                Failure::Problem(problem) => field.refuse(py, model, &problem),
                Failure::Python(error) => error,
            })?;
        service_json::write(w, &plain, 0)
    }
}

/// A document as a dictionary of plain values.
#[pyfunction]
#[pyo3(signature = (document, options, /))]
pub(crate) fn dump_document<'py>(
    document: &Bound<'py, Document>,
    options: DumpOptions<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = document.py();
    let (dump, filter) = parse_options(py, options)?;
    let shape = shape_of(document)?;
    dump.record(shape.get(), document, &filter, 0)
        .map_err(|failure| match failure {
            Failure::Problem(problem) => {
                validation_error(py, &problem.describe("", &shape.get().name))
            }
            Failure::Python(error) => error,
        })
}
