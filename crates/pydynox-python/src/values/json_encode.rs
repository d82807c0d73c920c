//! Values written as plain JSON, by their kind.

use pydynox_core::wire::{Writer, base64};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyNone, PySet,
    PyString, PyTuple,
};

use crate::values::admit::optional_problem;
use crate::values::encode::text_of;
use crate::values::encode_number::decimal_type;
use crate::values::kind::Kind;
use crate::values::problem::{Checked, Problem, python_error, wanted, wrong_type};
use crate::values::scalar;
use pydynox_core::problem::depth::deeper;

/// Write a value as JSON. `lossy`: an undeclared value that JSON has no word for is written as the text closest to it.
pub(crate) fn write(
    w: &mut Writer,
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    depth: usize,
    lossy: bool,
) -> Checked<()> {
    match kind {
        Kind::None | Kind::Optional(_) if value.is_none() => w.raw(b"null"),
        Kind::Optional(inner) => {
            return write(w, inner, value, depth, lossy)
                .map_err(|problem| optional_problem(problem, inner));
        }
        Kind::Any | Kind::Open => write_any(w, value, depth, lossy)?,
        Kind::Str if value.is_instance_of::<PyString>() => w.string(text_of(value)?),
        Kind::Bool => match value.cast::<PyBool>() {
            Ok(flag) => w.raw(if flag.is_true() { b"true" } else { b"false" }),
            Err(_) => return Err(wrong_type("bool", value)),
        },
        Kind::Int | Kind::Float | Kind::Number if is_int(value) => write_int(w, value)?,
        Kind::Float | Kind::Number if value.is_instance_of::<PyFloat>() => write_float(w, value)?,
        Kind::Decimal => write_decimal(w, value)?,
        Kind::Bytes => match value.cast::<PyBytes>() {
            Ok(bytes) => w.string(&base64::encode(bytes.as_bytes())),
            Err(_) => return Err(wrong_type("bytes", value)),
        },
        Kind::List(inner) if value.is_instance_of::<PyList>() => {
            write_array(w, value, depth, |w, element, depth| {
                write(w, inner, element, depth, lossy)
            })?;
        }
        Kind::TupleOf(inner) if value.is_instance_of::<PyTuple>() => {
            write_array(w, value, depth, |w, element, depth| {
                write(w, inner, element, depth, lossy)
            })?;
        }
        Kind::Set(inner) if value.is_instance_of::<PySet>() => {
            write_array(w, value, depth, |w, element, depth| {
                write(w, inner, element, depth, lossy)
            })?;
        }
        Kind::FrozenSet(inner) if value.is_instance_of::<PyFrozenSet>() => {
            write_array(w, value, depth, |w, element, depth| {
                write(w, inner, element, depth, lossy)
            })?;
        }
        Kind::Tuple(kinds) => {
            let tuple = crate::values::stored_form::tuple_of(kinds, value)?;
            let mut kinds = kinds.iter();
            write_array(w, tuple, depth, |w, element, depth| {
                write(w, kinds.next().unwrap_or(&Kind::Any), element, depth, lossy)
            })?;
        }
        Kind::Dict(inner) => write_object(w, value, depth, |w, member, depth| {
            write(w, inner, member, depth, lossy)
        })?,
        Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Timedelta | Kind::Uuid => {
            w.string(&scalar::json_text(kind, value)?);
        }
        Kind::Enum(members) | Kind::Literal(members) => {
            let inner = crate::values::stored_form::value_of(members, value)?;
            write(w, &members.inner, &inner, depth, lossy)?;
        }
        Kind::Record(shape) => shape.get().write_json(w, value, depth, lossy)?,
        Kind::Pydantic(model) => {
            crate::values::stored_form::check_pydantic(model, value)?;
            w.raw(pydantic_text(value)?.as_bytes());
        }
        Kind::Json(inner) => write(w, inner, value, depth, lossy)?,
        Kind::Codec(codec) => {
            let stored = crate::values::stored_form::to_stored(codec, value)?;
            write(w, &codec.inner, &stored, depth, lossy)?;
        }
        _ => return Err(wrong_type(&wanted(kind), value)),
    }
    Ok(())
}

pub(super) fn is_int(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>()
}

pub(super) fn write_int(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    let digits = value
        .py()
        .get_type::<PyInt>()
        .call1((value,))
        .and_then(|plain| plain.str())
        .map_err(|error| python_error(value, &error))?;
    w.raw(digits.to_string().as_bytes());
    Ok(())
}

pub(super) fn write_float(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    let float: f64 = value
        .extract()
        .map_err(|error| python_error(value, &error))?;
    if !float.is_finite() {
        return Err(Problem::new(
            "cannot be stored: NaN and infinity are not numbers in JSON",
        ));
    }
    // What Python prints is the shortest text that reads as the same float, and JSON.
    let text = PyFloat::new(value.py(), float)
        .repr()
        .map_err(|error| python_error(value, &error))?;
    w.raw(text.to_string().as_bytes());
    Ok(())
}

pub(super) fn write_decimal(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    let is_decimal = is_decimal(value)?;
    if !is_decimal && !value.is_exact_instance_of::<PyInt>() {
        return Err(wrong_type("Decimal", value));
    }
    let text = value.str().map_err(|error| python_error(value, &error))?;
    w.string(&text.to_string());
    Ok(())
}

pub(super) fn is_decimal(value: &Bound<'_, PyAny>) -> Checked<bool> {
    decimal_type(value.py())
        .and_then(|decimal| value.is_instance(decimal))
        .map_err(|error| python_error(value, &error))
}

pub(super) fn pydantic_text(value: &Bound<'_, PyAny>) -> Checked<String> {
    let options = PyDict::new(value.py());
    let text = options
        .set_item("round_trip", true)
        .and_then(|()| value.call_method("model_dump_json", (), Some(&options)))
        .and_then(|text| text.extract::<String>());
    text.map_err(|error| python_error(value, &error))
}

pub(super) fn write_any(
    w: &mut Writer,
    value: &Bound<'_, PyAny>,
    depth: usize,
    lossy: bool,
) -> Checked<()> {
    if let Ok(text) = value.cast::<PyString>() {
        w.string(text_of(text)?);
    } else if value.is_instance_of::<PyNone>() {
        w.raw(b"null");
    } else if let Ok(flag) = value.cast::<PyBool>() {
        w.raw(if flag.is_true() { b"true" } else { b"false" });
    } else if value.is_instance_of::<PyInt>() {
        write_int(w, value)?;
    } else if value.is_instance_of::<PyFloat>() {
        write_float(w, value)?;
    } else if value.is_instance_of::<PyDict>() {
        write_object(w, value, depth, |w, member, depth| {
            write_any(w, member, depth, lossy)
        })?;
    } else if value.is_instance_of::<PyList>() || (lossy && is_sequence(value)) {
        write_array(w, value, depth, |w, element, depth| {
            write_any(w, element, depth, lossy)
        })?;
    } else if lossy && let Ok(bytes) = value.cast::<PyBytes>() {
        w.string(&base64::encode(bytes.as_bytes()));
    } else if lossy && let Ok(bytes) = value.cast::<PyByteArray>() {
        w.string(&base64::encode(&bytes.to_vec()));
    } else if lossy && is_decimal(value)? {
        write_decimal(w, value)?;
    } else {
        return Err(wrong_type("a value that JSON has", value));
    }
    Ok(())
}

pub(super) fn is_sequence(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyTuple>()
        || value.is_instance_of::<PySet>()
        || value.is_instance_of::<PyFrozenSet>()
}

pub(super) fn write_array<'py>(
    w: &mut Writer,
    value: &Bound<'py, PyAny>,
    depth: usize,
    mut element: impl FnMut(&mut Writer, &Bound<'py, PyAny>, usize) -> Checked<()>,
) -> Checked<()> {
    let depth = deeper(depth)?;
    w.byte(b'[');
    let elements = value
        .try_iter()
        .map_err(|error| python_error(value, &error))?;
    for (index, item) in elements.enumerate() {
        if index > 0 {
            w.byte(b',');
        }
        let item = item.map_err(|error| python_error(value, &error))?;
        element(w, &item, depth).map_err(|problem| problem.within(&format!("[{index}]")))?;
    }
    w.byte(b']');
    Ok(())
}

pub(super) fn write_object<'py>(
    w: &mut Writer,
    value: &Bound<'py, PyAny>,
    depth: usize,
    member: impl Fn(&mut Writer, &Bound<'py, PyAny>, usize) -> Checked<()>,
) -> Checked<()> {
    let dict = value
        .cast::<PyDict>()
        .map_err(|_| wrong_type("dict", value))?;
    let depth = deeper(depth)?;
    w.byte(b'{');
    for (index, (key, value_of_key)) in dict.iter().enumerate() {
        if index > 0 {
            w.byte(b',');
        }
        if !key.is_instance_of::<PyString>() {
            return Err(wrong_type("str", &key).within(" (a key of the map)"));
        }
        let name = text_of(&key)?;
        w.string(name);
        w.byte(b':');
        member(w, &value_of_key, depth).map_err(|problem| problem.within_key(name))?;
    }
    w.byte(b'}');
    Ok(())
}
