//! Values read from plain JSON, by their kind.

use pydynox_core::number::Number;
use pydynox_core::wire::{Reader, base64};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple};

use crate::values::decode::{self, Decoder};
use crate::values::kind::Kind;
use crate::values::problem::wanted;
use crate::values::record_decode::refused;
use crate::values::unreadable::{Read, Unreadable};
use crate::values::{decode_json, scalar};

/// Read a value of JSON as the kind says.
pub(crate) fn read<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let py = decoder.py();
    let next = r.peek()?;
    match (kind, next) {
        (Kind::Any | Kind::Open, _) | (Kind::Bool, b't' | b'f') => decode_json::json(py, r),
        (Kind::Optional(_) | Kind::None, b'n') => {
            r.null()?;
            Ok(py.None().into_bound(py))
        }
        (Kind::Optional(inner) | Kind::Json(inner), _) => read(decoder, r, inner),
        (Kind::Enum(members) | Kind::Literal(members), _) => {
            let stored = read(decoder, r, &members.inner)?;
            decode::member(members, &stored)
        }
        (Kind::Codec(codec), _) => {
            let stored = read(decoder, r, &codec.inner)?;
            decode::from_stored(codec, &stored)
        }
        (Kind::Str, b'"') => Ok(PyString::new(py, &r.string()?.decode()?).into_any()),
        (Kind::Decimal, b'"') => {
            let text = r.string()?.decode()?.into_owned();
            decoder.number(&text, kind)
        }
        (Kind::Int | Kind::Float | Kind::Decimal | Kind::Number, b'-' | b'0'..=b'9') => {
            number(decoder, r.json_number()?, kind)
        }
        (Kind::Bytes, b'"') => {
            let text = r.string()?.decode()?.into_owned();
            let bytes = base64::decode(text.as_bytes())
                .map_err(|_| Unreadable::misfit("the stored JSON text is not base64"))?;
            Ok(PyBytes::new(py, &bytes).into_any())
        }
        (Kind::Timedelta, b'-' | b'0'..=b'9') => {
            let number = Number::parse(r.json_number()?)
                .map_err(|error| Unreadable::misfit(error.to_string()))?;
            Ok(scalar::from_number(py, kind, number.as_str())?)
        }
        (
            Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Timedelta | Kind::Uuid,
            b'"',
        ) => {
            let text = r.string()?.decode()?.into_owned();
            Ok(scalar::from_text(py, kind, &text)?)
        }
        (
            Kind::List(_) | Kind::TupleOf(_) | Kind::Set(_) | Kind::FrozenSet(_) | Kind::Tuple(_),
            b'[',
        ) => array(decoder, r, kind),
        (Kind::Dict(inner), b'{') => {
            let dict = PyDict::new(py);
            r.begin_object()?;
            while let Some(key) = r.next_key()? {
                let key = key.decode()?.into_owned();
                let member = read(decoder, r, inner)
                    .map_err(|problem| problem.within(&format!("[{key:?}]")))?;
                dict.set_item(key, member)?;
            }
            Ok(dict.into_any())
        }
        (Kind::Record(shape), b'{') => shape.get().read_json(decoder, r),
        (Kind::Pydantic(model), _) => {
            let range = decode::skipped(r)?;
            let text = r.slice(range.start);
            model
                .class
                .bind(py)
                .call_method(
                    intern!(py, "model_validate_json"),
                    (PyBytes::new(py, text),),
                    Some(model.options.bind(py)),
                )
                .map_err(|error| refused(py, &model.name, error))
        }
        _ => Err(Unreadable::misfit(format!(
            "the stored JSON text is not a valid {}",
            wanted(kind)
        ))),
    }
}

pub(super) fn number<'py>(
    decoder: &Decoder<'py>,
    text: &str,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let py = decoder.py();
    match kind {
        Kind::Float => Ok(py.get_type::<PyFloat>().call1((text,))?),
        Kind::Number if text.contains(['.', 'E', 'e']) => {
            Ok(py.get_type::<PyFloat>().call1((text,))?)
        }
        // JSON has no limit of 38 digits.
        Kind::Int | Kind::Number if !text.contains(['.', 'E', 'e']) => {
            Ok(py.get_type::<PyInt>().call1((text,))?)
        }
        _ => decoder.number(text, kind),
    }
}

pub(super) fn array<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let py = decoder.py();
    let mut elements = Vec::new();
    r.begin_array()?;
    while r.next_element()? {
        let inner = match kind {
            Kind::Tuple(kinds) => kinds.get(elements.len()).ok_or_else(|| {
                Unreadable::misfit(format!("the stored list has over {} elements", kinds.len()))
            })?,
            Kind::List(inner)
            | Kind::TupleOf(inner)
            | Kind::Set(inner)
            | Kind::FrozenSet(inner) => inner,
            _ => &Kind::Any,
        };
        let element = read(decoder, r, inner)
            .map_err(|problem| problem.within(&format!("[{}]", elements.len())))?;
        elements.push(element);
    }
    Ok(match kind {
        Kind::Tuple(kinds) if kinds.len() != elements.len() => {
            return Err(Unreadable::misfit(format!(
                "the stored list has {} elements, not {}",
                elements.len(),
                kinds.len()
            )));
        }
        Kind::Tuple(_) | Kind::TupleOf(_) => PyTuple::new(py, elements)?.into_any(),
        Kind::Set(_) => PySet::new(py, elements)?.into_any(),
        Kind::FrozenSet(_) => PyFrozenSet::new(py, elements)?.into_any(),
        _ => PyList::new(py, elements)?.into_any(),
    })
}
