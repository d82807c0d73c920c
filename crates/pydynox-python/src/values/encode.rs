//! Instance or plain value to wire: checks and writes Python values, guided by the schema, straight into the request's buffer.

use pydynox_core::number::Number;
use pydynox_core::time::Stored;
use pydynox_core::wire::Writer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMemoryView, PySet,
    PyString, PyTuple,
};

use crate::values::admit::optional_problem;
use crate::values::encode_number::{
    decimal_type, write_decimal, write_float, write_integer, write_number, write_number_text,
};
use crate::values::encode_set::{write_set, write_set_members};
use crate::values::field::Field;
use crate::values::json_attribute;
use crate::values::kind::{Kind, Pydantic};
use crate::values::problem::{Checked, Problem, python_error, wrong_type};
use crate::values::scalar;
use crate::values::stored_form::{check_pydantic, to_stored, tuple_of, value_of};
use pydynox_core::problem::depth::{check_level, deeper};

/// Whether an attribute with this value is left out of the item.
#[inline]
pub(crate) fn is_absent(field: &Field, value: &Bound<'_, PyAny>) -> bool {
    (value.is_none() && !field.store_null) || (!field.scalar && is_empty_set(value))
}

pub(crate) fn is_empty_set(value: &Bound<'_, PyAny>) -> bool {
    // Most values that are not scalars, recognized without a look at their bases.
    if value.is_exact_instance_of::<PyDict>() || value.is_exact_instance_of::<PyList>() {
        return false;
    }
    match value.cast::<PySet>() {
        Ok(set) => set.len() == 0,
        Err(_) => value.cast::<PyFrozenSet>().is_ok_and(|set| set.len() == 0),
    }
}

/// Write an attribute's value, `{"S":"x"}`.
#[inline]
pub(crate) fn write_attribute(
    w: &mut Writer,
    field: &Field,
    value: &Bound<'_, PyAny>,
    depth: usize,
) -> Checked<()> {
    if value.is_none() && field.store_null {
        w.null_value();
        return Ok(());
    }
    write_value(w, &field.kind, value, depth)
}

#[inline]
pub(crate) fn write_value(
    w: &mut Writer,
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    depth: usize,
) -> Checked<()> {
    match kind {
        Kind::Str => match value.cast::<PyString>() {
            Ok(_) => w.string_value(text_of(value)?),
            Err(_) => return Err(wrong_type("str", value)),
        },
        Kind::Int => write_integer(w, value)?,
        Kind::Float => write_float(w, value)?,
        Kind::Decimal => write_decimal(w, value)?,
        Kind::Number => write_number(w, value)?,
        Kind::Bool => match value.cast::<PyBool>() {
            Ok(flag) => w.bool_value(flag.is_true()),
            Err(_) => return Err(wrong_type("bool", value)),
        },
        Kind::Bytes => match value.cast::<PyBytes>() {
            Ok(bytes) => w.binary_value(bytes.as_bytes()),
            Err(_) => return Err(wrong_type("bytes", value)),
        },
        Kind::None | Kind::Optional(_) if value.is_none() => w.null_value(),
        Kind::None => return Err(wrong_type("None", value)),
        Kind::Optional(inner) => {
            return write_value(w, inner, value, depth)
                .map_err(|problem| optional_problem(problem, inner));
        }
        Kind::List(inner) => write_list(w, inner, value, depth)?,
        Kind::Dict(inner) => write_dict(w, inner, value, depth)?,
        Kind::Set(inner) => write_set(w, inner, value)?,
        Kind::Any => write_any(w, value, depth)?,
        _ => return write_further(w, kind, value, depth),
    }
    Ok(())
}

/// The kinds beyond DynamoDB's own types.
#[inline(never)]
fn write_further(
    w: &mut Writer,
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    depth: usize,
) -> Checked<()> {
    match kind {
        Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Timedelta | Kind::Uuid => {
            match scalar::text_of(kind, value)? {
                Stored::String(text) => w.string_value(&text),
                Stored::Number(text) => {
                    let number = Number::parse(&text).map_err(|error| {
                        Problem::new(format!("cannot be stored as a number: {error}"))
                    })?;
                    w.number_value(&number);
                }
            }
        }
        Kind::Enum(members) | Kind::Literal(members) => {
            write_value(w, &members.inner, &value_of(members, value)?, depth)?;
        }
        Kind::FrozenSet(inner) => {
            if !value.is_instance_of::<PyFrozenSet>() {
                return Err(wrong_type("frozenset", value));
            }
            write_set_members(w, inner, value)?;
        }
        Kind::Tuple(kinds) => {
            let tuple = tuple_of(kinds, value)?;
            let depth = deeper(depth)?;
            w.raw(br#"{"L":["#);
            for (index, (kind, element)) in kinds.iter().zip(tuple.iter()).enumerate() {
                if index > 0 {
                    w.byte(b',');
                } else {
                    check_level(depth)?;
                }
                write_value(w, kind, &element, depth)
                    .map_err(|problem| problem.within(&format!("[{index}]")))?;
            }
            w.raw(b"]}");
        }
        Kind::TupleOf(inner) => {
            let tuple = value
                .cast::<PyTuple>()
                .map_err(|_| wrong_type("tuple", value))?;
            write_elements(w, inner, tuple.iter(), deeper(depth)?)?;
        }
        Kind::Record(shape) => shape.get().write(w, value, depth)?,
        Kind::Pydantic(model) => write_pydantic(w, model, value, depth)?,
        Kind::Json(inner) => json_attribute::stored(w, inner, value)?,
        Kind::Codec(codec) => write_value(w, &codec.inner, &to_stored(codec, value)?, depth)?,
        _ => write_open(w, value, depth)?,
    }
    Ok(())
}

fn write_pydantic(
    w: &mut Writer,
    model: &Pydantic,
    value: &Bound<'_, PyAny>,
    depth: usize,
) -> Checked<()> {
    let py = value.py();
    check_pydantic(model, value)?;
    let dump = || {
        let options = PyDict::new(py);
        options.set_item("round_trip", true)?;
        let dumped = value.call_method("model_dump", (), Some(&options))?;
        let dumped = dumped.cast_into::<PyDict>()?;
        for name in &model.sets {
            if let Some(set) = dumped.get_item(&**name)?
                && is_empty_set(&set)
            {
                dumped.del_item(&**name)?;
            }
        }
        Ok(dumped)
    };
    let dumped = dump().map_err(|error: PyErr| python_error(value, &error))?;
    let depth = deeper(depth)?;
    w.raw(br#"{"M":"#);
    write_members(w, &Kind::Open, &dumped, depth)?;
    w.byte(b'}');
    Ok(())
}

/// An undeclared value that pydantic let through: one of many kinds, each with one plain form.
fn write_open(w: &mut Writer, value: &Bound<'_, PyAny>, depth: usize) -> Checked<()> {
    let failed = |error: PyErr| python_error(value, &error);
    if let Ok(dict) = value.cast::<PyDict>() {
        let depth = deeper(depth)?;
        w.raw(br#"{"M":"#);
        write_members(w, &Kind::Open, dict, depth)?;
        w.byte(b'}');
    } else if let Ok(list) = value.cast::<PyList>() {
        write_elements(w, &Kind::Open, list.iter(), deeper(depth)?)?;
    } else if let Ok(tuple) = value.cast::<PyTuple>() {
        write_elements(w, &Kind::Open, tuple.iter(), deeper(depth)?)?;
    } else if value.is_instance_of::<PySet>() || value.is_instance_of::<PyFrozenSet>() {
        write_set_members(w, &Kind::Open, value)?;
    } else if value
        .is_instance(scalar::enum_type(value.py()).map_err(failed)?)
        .map_err(failed)?
    {
        let inner = value
            .getattr(intern!(value.py(), "_value_"))
            .map_err(failed)?;
        write_open(w, &inner, depth)?;
    } else if let Some(kind) = scalar::kind_of(value).map_err(failed)? {
        // Text, for durations too: pydantic reads numbers of seconds through a float.
        w.string_value(&scalar::json_text(&kind, value)?);
    } else {
        write_any(w, value, depth)?;
    }
    Ok(())
}

#[inline]
pub(crate) fn text_of<'a>(value: &'a Bound<'_, PyAny>) -> Checked<&'a str> {
    value
        .cast::<PyString>()
        .map_err(|_| wrong_type("str", value))?
        .to_str()
        .map_err(|_| Problem::new("contains a lone surrogate, which UTF-8 cannot store"))
}

fn write_list(w: &mut Writer, inner: &Kind, value: &Bound<'_, PyAny>, depth: usize) -> Checked<()> {
    let list = value
        .cast::<PyList>()
        .map_err(|_| wrong_type("list", value))?;
    write_elements(w, inner, list.iter(), deeper(depth)?)
}

fn write_elements<'py>(
    w: &mut Writer,
    inner: &Kind,
    elements: impl Iterator<Item = Bound<'py, PyAny>>,
    depth: usize,
) -> Checked<()> {
    w.raw(br#"{"L":["#);
    for (index, element) in elements.enumerate() {
        if index > 0 {
            w.byte(b',');
        } else {
            check_level(depth)?;
        }
        write_value(w, inner, &element, depth)
            .map_err(|problem| problem.within(&format!("[{index}]")))?;
    }
    w.raw(b"]}");
    Ok(())
}

fn write_dict(w: &mut Writer, inner: &Kind, value: &Bound<'_, PyAny>, depth: usize) -> Checked<()> {
    let dict = value
        .cast::<PyDict>()
        .map_err(|_| wrong_type("dict", value))?;
    let depth = deeper(depth)?;
    w.raw(br#"{"M":"#);
    write_members(w, inner, dict, depth)?;
    w.byte(b'}');
    Ok(())
}

fn write_members(
    w: &mut Writer,
    inner: &Kind,
    dict: &Bound<'_, PyDict>,
    depth: usize,
) -> Checked<()> {
    w.byte(b'{');
    for (index, (key, member)) in dict.iter().enumerate() {
        if index > 0 {
            w.byte(b',');
        } else {
            check_level(depth)?;
        }
        if !key.is_instance_of::<PyString>() {
            return Err(wrong_type("str", &key).within(" (a key of the map)"));
        }
        let name = text_of(&key)?;
        if name.is_empty() {
            return Err(Problem::new(
                "has an empty name in it, which DynamoDB does not store",
            ));
        }
        w.string(name);
        w.byte(b':');
        write_value(w, inner, &member, depth).map_err(|problem| problem.within_key(name))?;
    }
    w.byte(b'}');
    Ok(())
}

/// Write a dictionary as an item: `{"name":{"S":"x"},...}`.
pub(crate) fn write_item(w: &mut Writer, item: &Bound<'_, PyDict>) -> Checked<()> {
    write_members(w, &Kind::Any, item, 0)
}

/// Write a value without a declared type, by its own type.
fn write_any(w: &mut Writer, value: &Bound<'_, PyAny>, depth: usize) -> Checked<()> {
    if value.is_none() {
        w.null_value();
        return Ok(());
    }
    if value.is_instance_of::<PyString>() {
        w.string_value(text_of(value)?);
        return Ok(());
    }
    if let Ok(flag) = value.cast::<PyBool>() {
        w.bool_value(flag.is_true());
        return Ok(());
    }
    if value.is_instance_of::<PyInt>() {
        return write_integer(w, value);
    }
    if value.is_instance_of::<PyFloat>() {
        return write_float(w, value);
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        let depth = deeper(depth)?;
        w.raw(br#"{"M":"#);
        write_members(w, &Kind::Any, dict, depth)?;
        w.byte(b'}');
        return Ok(());
    }
    if let Ok(list) = value.cast::<PyList>() {
        return write_elements(w, &Kind::Any, list.iter(), deeper(depth)?);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return write_elements(w, &Kind::Any, tuple.iter(), deeper(depth)?);
    }
    if value.is_instance_of::<PySet>() || value.is_instance_of::<PyFrozenSet>() {
        return write_set_members(w, &Kind::Any, value);
    }
    write_any_other(w, value)
}

fn write_any_other(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        w.binary_value(bytes.as_bytes());
        return Ok(());
    }
    if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        let bytes = value
            .py()
            .get_type::<PyBytes>()
            .call1((value,))
            .map_err(|error| python_error(value, &error))?;
        return write_value(w, &Kind::Bytes, &bytes, 0);
    }
    let decimal = decimal_type(value.py()).map_err(|error| python_error(value, &error))?;
    if value.is_instance(decimal).unwrap_or(false) {
        return write_number_text(w, value);
    }
    Err(wrong_type("a value that DynamoDB can store", value))
}
