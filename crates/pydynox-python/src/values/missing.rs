//! What an attribute reads as where the stored item, or the stored map of a document, has no such attribute.

use pydynox_core::wire::Writer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use crate::values::encode::write_attribute;
use crate::values::field::{Default, Field};
use crate::values::kind::Kind;

/// Types whose values come from a clock or a generator: two calls a microsecond apart may well agree, two reads do not.
const PASSING: [(&str, &str); 3] = [("datetime", "date"), ("datetime", "time"), ("uuid", "UUID")];

/// The value, or None where the declaration gives none that is the same at every read.
pub(crate) fn missing<'py>(py: Python<'py>, field: &Field) -> PyResult<Option<Bound<'py, PyAny>>> {
    // An empty set is stored as no attribute at all.
    if is_set(&field.kind) {
        return Ok(Some(match &field.kind {
            Kind::Optional(_) => py.None().into_bound(py),
            Kind::FrozenSet(_) => PyFrozenSet::empty(py)?.into_any(),
            _ => PySet::empty(py)?.into_any(),
        }));
    }
    if let Some(declared) = &field.missing {
        return unshared(declared.bind(py), field).map(Some);
    }
    let value = match &field.default {
        Default::Value(value) => return Ok(Some(value.bind(py).clone())),
        Default::Factory(factory) => stable(field, factory.bind(py))?,
        Default::Required => None,
    };
    Ok(match value {
        None if field.kind.is_optional() => Some(py.None().into_bound(py)),
        value => value,
    })
}

/// What is wrong where there is no such value, and the remedy: `otherwise`, unless the attribute has a factory.
pub(crate) fn problem(field: &Field, otherwise: &'static str) -> &'static str {
    if matches!(field.default, Default::Factory(_)) {
        "it is not stored, and its default_factory gives each new instance its own value: declare field(missing=...) to set what stored items without it read as"
    } else {
        otherwise
    }
}

/// What a factory makes, if it makes the same container each time. It is asked twice at the first missing read and once after that.
fn stable<'py>(field: &Field, factory: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match field.is_factory_stable.get() {
        Some(false) => return Ok(None),
        Some(true) => return factory.call0().map(Some),
        None => {}
    }
    let (one, other) = (factory.call0()?, factory.call0()?);
    let is_stable = is_container(field.kind.present(), &one)
        && !is_passing(&one)?
        && encoded(field, &one).is_some_and(|bytes| Some(bytes) == encoded(field, &other));
    let _ = field.is_factory_stable.set(is_stable); // another thread came to the same answer
    Ok(is_stable.then_some(one))
}

fn encoded(field: &Field, value: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    let mut w = Writer::with_capacity(64);
    write_attribute(&mut w, field, value, 0).ok()?;
    Some(w.into_bytes())
}

fn is_container(kind: &Kind, value: &Bound<'_, PyAny>) -> bool {
    match kind {
        Kind::List(_)
        | Kind::Dict(_)
        | Kind::Tuple(_)
        | Kind::TupleOf(_)
        | Kind::Record(_)
        | Kind::Pydantic(_) => true,
        Kind::Any | Kind::Open | Kind::Json(_) => {
            value.is_instance_of::<PyList>() || value.is_instance_of::<PyDict>()
        }
        Kind::Codec(_) => {
            value.is_instance_of::<PyList>()
                || value.is_instance_of::<PyDict>()
                || value.is_instance_of::<PySet>()
        }
        _ => false,
    }
}

/// Whether a date, a time or a UUID is anywhere in a value. The value has been encoded or is about to be: its depth is bounded.
fn is_passing(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    if let Ok(members) = value.cast::<PyDict>() {
        return any_passing(members.values().iter());
    }
    if value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || value.is_instance_of::<PySet>()
        || value.is_instance_of::<PyFrozenSet>()
    {
        for element in value.try_iter()? {
            if is_passing(&element?)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    for (module, name) in PASSING {
        if value.is_instance(&py.import(module)?.getattr(name)?)? {
            return Ok(true);
        }
    }
    if let Ok(fields) = value.getattr(intern!(py, "__dataclass_fields__")) {
        for name in fields.cast::<PyDict>()?.keys() {
            if is_passing(&value.getattr(name.str()?)?)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let is_record = value.is_instance_of::<crate::values::document::Document>()
        || value.hasattr(intern!(py, "__pydantic_fields__"))?;
    match value.getattr(intern!(py, "__dict__")) {
        Ok(members) if is_record => any_passing(members.cast::<PyDict>()?.values().iter()),
        _ => Ok(false),
    }
}

fn any_passing<'py>(mut values: impl Iterator<Item = Bound<'py, PyAny>>) -> PyResult<bool> {
    values.try_fold(false, |any_before, value| {
        Ok(any_before || is_passing(&value)?)
    })
}

/// The declared value, in a copy of its own where it can be edited in place.
fn unshared<'py>(declared: &Bound<'py, PyAny>, field: &Field) -> PyResult<Bound<'py, PyAny>> {
    if field.scalar {
        return Ok(declared.clone());
    }
    let copy = declared.py().import("copy")?;
    copy.call_method1("deepcopy", (declared,))
}

pub(crate) fn is_set(kind: &Kind) -> bool {
    matches!(kind.present(), Kind::Set(_) | Kind::FrozenSet(_))
}

/// The item has no such attribute, and nothing stands in for it.
pub(crate) const NOT_STORED: &str =
    "the stored item has no such attribute, and the model gives no default for stored items";
