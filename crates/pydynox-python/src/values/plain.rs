//! Values as plain Python has them: what JSON, a dictionary or a caller gives for a field.

use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::exceptions::validation_error;
use crate::interpreter::ffi;
use crate::values::admit::{admit, admit_key};
use crate::values::decode::Decoder;
use crate::values::encode_number::decimal_type;
use crate::values::field::{Field, Role};
use crate::values::input::{Form, convert, from_dictionaries};
use crate::values::kind::Kind;
use crate::values::layout::Layout;
use crate::values::problem::Problem;
use crate::values::unreadable::Read;
use crate::values::{decode_json, json_attribute};

/// A value of a kind from what JSON or a dictionary has for it; a `ValidationError` where that is nothing of the kind.
#[pyfunction]
#[pyo3(signature = (kind, value, /))]
pub(crate) fn value_from_plain<'py>(
    kind: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let kind = Kind::parse(kind)?;
    convert(&kind, value, Form::Json)
        .and_then(|converted| admit(&kind, &converted))
        .map_err(|problem| validation_error(value.py(), problem.describe("", "").trim_start()))
}

/// The members of a JSON object as Python has them.
pub(crate) fn object<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    layout: &Layout,
) -> Read<Bound<'py, PyDict>> {
    let members = PyDict::new(decoder.py());
    r.begin_object()?;
    while let Some(key) = r.next_key()? {
        let key = key.decode()?.into_owned();
        let kind = layout
            .position(&key)
            .map_or(&Kind::Any, |index| &layout.field(index).kind);
        let value = parsed(decoder, r, kind)?;
        members.set_item(ffi::string(decoder.py(), &key)?, value)?;
    }
    Ok(members)
}

/// A value of JSON as Python has it; a number that is to be a Decimal keeps all its digits.
pub(super) fn parsed<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let py = decoder.py();
    match (kind, r.peek()?) {
        (Kind::Optional(_), b'n') => decode_json::json(py, r),
        (Kind::Optional(inner) | Kind::Json(inner), _) => parsed(decoder, r, inner),
        (Kind::Codec(codec), _) => parsed(decoder, r, &codec.inner),
        (Kind::Decimal, b'-' | b'0'..=b'9') => {
            let text = r.json_number()?;
            Ok(decimal_type(py)?.call1((text,))?)
        }
        (
            Kind::List(_) | Kind::TupleOf(_) | Kind::Set(_) | Kind::FrozenSet(_) | Kind::Tuple(_),
            b'[',
        ) => {
            let container = PyList::empty(py);
            r.begin_array()?;
            while r.next_element()? {
                let inner = match kind {
                    Kind::List(inner)
                    | Kind::TupleOf(inner)
                    | Kind::Set(inner)
                    | Kind::FrozenSet(inner) => inner,
                    Kind::Tuple(kinds) => kinds.get(container.len()).unwrap_or(&Kind::Any),
                    _ => &Kind::Any,
                };
                container.append(parsed(decoder, r, inner)?)?;
            }
            Ok(container.into_any())
        }
        (Kind::Dict(inner), b'{') => {
            let container = PyDict::new(py);
            r.begin_object()?;
            while let Some(key) = r.next_key()? {
                let key = key.decode()?.into_owned();
                let value = parsed(decoder, r, inner)?;
                container.set_item(key, value)?;
            }
            Ok(container.into_any())
        }
        (Kind::Record(shape), b'{') => {
            let (layout, _) = shape.get().parts(py)?;
            Ok(object(decoder, r, layout)?.into_any())
        }
        _ => decode_json::json(py, r),
    }
}

/// What JSON has for a value of a kind.
#[pyfunction]
#[pyo3(signature = (kind, value, /))]
pub(crate) fn value_to_plain<'py>(
    kind: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    json_attribute::plain(&Kind::parse(kind)?, value)
        .map_err(|problem| validation_error(value.py(), problem.describe("", "").trim_start()))
}

/// A value as this field may hold it, or why it may not.
pub(crate) fn admitted<'py>(
    field: &Field,
    value: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyAny>, Problem> {
    if field.role == Role::Attribute {
        admit(&field.kind, value).or_else(|problem| from_dictionaries(&field.kind, value, problem))
    } else {
        admit_key(field, value)
    }
}
