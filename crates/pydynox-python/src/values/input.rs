//! Values from outside: dictionaries in place of documents, dataclasses and pydantic models, and JSON forms of other types.

use pydynox_core::wire::{Writer, base64};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple};

use crate::values::admit::admit;
use crate::values::decode;
use crate::values::encode::write_value;
use crate::values::encode_number::decimal_type;
use crate::values::kind::{Codec, Kind, Members};
use crate::values::layout::{Layout, sorted};
use crate::values::plain::admitted;
use crate::values::problem::{Checked, Problem, python_error};
use crate::values::pydantic_input::pydantic;
use crate::values::record::{Make, Shape};
use crate::values::scalar::{self, Unfit};
use crate::values::stored_form::{to_stored, value_of};
use crate::values::unreadable::Unreadable;

/// What is accepted for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Values have their types; for a class whose values are maps, a dictionary is accepted too.
    Python,
    /// Accepts what `model_dump(mode="json")` gives as well.
    Json,
}

/// A refused value with its dictionaries converted to what they represent; `problem` if it has none.
#[cold]
pub(crate) fn from_dictionaries<'py>(
    kind: &Kind,
    value: &Bound<'py, PyAny>,
    problem: Problem,
) -> Checked<Bound<'py, PyAny>> {
    let converted = convert(kind, value, Form::Python)?;
    if converted.is(value) {
        Err(problem)
    } else {
        admit(kind, &converted)
    }
}

/// A value converted to its kind as far as possible; what does not fit is kept, to be refused where it is used.
pub(crate) fn convert<'py>(
    kind: &Kind,
    value: &Bound<'py, PyAny>,
    form: Form,
) -> Checked<Bound<'py, PyAny>> {
    let json = form == Form::Json;
    match kind {
        Kind::Optional(_) if value.is_none() => Ok(value.clone()),
        Kind::Optional(inner) | Kind::Json(inner) => convert(inner, value, form),
        Kind::List(_) | Kind::TupleOf(_) | Kind::Tuple(_) => sequence(kind, value, form),
        Kind::Set(inner) | Kind::FrozenSet(inner) if json => set(kind, inner, value),
        Kind::Dict(inner) => mapping(inner, value, form),
        Kind::Record(shape) => record(shape.get(), value, form),
        Kind::Pydantic(model) => pydantic(model, value, form),
        _ if !json => Ok(value.clone()),
        Kind::Enum(members) | Kind::Literal(members) => member(members, value),
        Kind::Codec(codec) => coded(codec, value),
        _ => match value.cast::<PyString>() {
            Ok(text) => from_text(kind, text),
            Err(_) => Ok(value.clone()),
        },
    }
}

fn sequence<'py>(kind: &Kind, value: &Bound<'py, PyAny>, form: Form) -> Checked<Bound<'py, PyAny>> {
    let wants_list = matches!(kind, Kind::List(_));
    let fits = if wants_list {
        value.is_instance_of::<PyList>()
    } else {
        value.is_instance_of::<PyTuple>()
    };
    if !fits && (wants_list || form == Form::Python || !value.is_instance_of::<PyList>()) {
        return Ok(value.clone());
    }
    let failed = |error: PyErr| python_error(value, &error);
    let mut same = fits;
    let mut elements = Vec::new();
    for (index, element) in value.try_iter().map_err(failed)?.enumerate() {
        let element = element.map_err(failed)?;
        let inner = match kind {
            Kind::List(inner) | Kind::TupleOf(inner) => inner,
            Kind::Tuple(kinds) => kinds.get(index).unwrap_or(&Kind::Any),
            _ => &Kind::Any,
        };
        let converted = convert(inner, &element, form)
            .map_err(|problem| problem.within(&format!("[{index}]")))?;
        same &= converted.is(&element);
        elements.push(converted);
    }
    let py = value.py();
    Ok(if same {
        value.clone()
    } else if wants_list {
        PyList::new(py, elements).map_err(failed)?.into_any()
    } else {
        PyTuple::new(py, elements).map_err(failed)?.into_any()
    })
}

fn set<'py>(kind: &Kind, inner: &Kind, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    if !value.is_instance_of::<PyList>() {
        return Ok(value.clone());
    }
    let failed = |error: PyErr| python_error(value, &error);
    let mut elements = Vec::new();
    for element in value.try_iter().map_err(failed)? {
        let element = element.map_err(failed)?;
        let member =
            convert(inner, &element, Form::Json).map_err(|problem| problem.within("{...}"))?;
        if member.hash().is_err() {
            return Ok(value.clone());
        }
        elements.push(member);
    }
    let py = value.py();
    Ok(if matches!(kind, Kind::Set(_)) {
        PySet::new(py, elements).map_err(failed)?.into_any()
    } else {
        PyFrozenSet::new(py, elements).map_err(failed)?.into_any()
    })
}

fn mapping<'py>(inner: &Kind, value: &Bound<'py, PyAny>, form: Form) -> Checked<Bound<'py, PyAny>> {
    let Ok(dict) = value.cast::<PyDict>() else {
        return Ok(value.clone());
    };
    let members = PyDict::new(value.py());
    let mut same = true;
    for (key, given) in dict.iter() {
        let converted = convert(inner, &given, form).map_err(|problem| problem.within_key(&key))?;
        same &= converted.is(&given);
        members
            .set_item(key, converted)
            .map_err(|error| python_error(value, &error))?;
    }
    Ok(if same {
        value.clone()
    } else {
        members.into_any()
    })
}

/// A document, dataclass or `TypedDict` from a dictionary.
fn record<'py>(shape: &Shape, value: &Bound<'py, PyAny>, form: Form) -> Checked<Bound<'py, PyAny>> {
    let Ok(dict) = value.cast::<PyDict>() else {
        return Ok(value.clone());
    };
    let (layout, flags) = shape
        .parts(value.py())
        .map_err(|error| python_error(value, &error))?;
    shape.check_known(layout, dict)?;
    let (given, _) = sorted(layout, Some(dict));
    let mut values = Vec::with_capacity(layout.len());
    let mut same = true;
    for (field, given) in layout.fields().zip(given) {
        values.push(match given {
            None => None,
            Some(given) => {
                let within = |problem: Problem| problem.within(&shape.step(field));
                let converted = convert(&field.kind, &given, form).map_err(within)?;
                same &= converted.is(&given);
                Some(if shape.make == Make::TypedDict {
                    converted
                } else {
                    admitted(field, &converted).map_err(within)?
                })
            }
        });
    }
    match shape.make {
        Make::TypedDict if same => Ok(value.clone()),
        Make::TypedDict => typed_dict(layout, values, value),
        Make::Document => shape.document_of(value.py(), layout, values),
        Make::Dataclass => shape.dataclass_of(value, layout, flags, values),
    }
}

fn typed_dict<'py>(
    layout: &Layout,
    values: Vec<Option<Bound<'py, PyAny>>>,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let members = PyDict::new(value.py());
    for (field, given) in layout.fields().zip(values) {
        if let Some(given) = given {
            members
                .set_item(&field.name, given)
                .map_err(|error| python_error(value, &error))?;
        }
    }
    Ok(members.into_any())
}

/// A member of an enum or `Literal`, from its value's JSON form.
fn member<'py>(members: &Members, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    if value_of(members, value).is_ok() {
        return Ok(value.clone());
    }
    let inner = convert(&members.inner, value, Form::Json)?;
    let Ok(inner) = admit(&members.inner, &inner) else {
        return Ok(value.clone());
    };
    match decode::member(members, &inner) {
        Ok(member) => Ok(member),
        Err(Unreadable::Python(error)) => Err(python_error(value, &error)),
        Err(_) if members.class.is_some() => Err(Problem::new(format!(
            "must be {}, which has no such value",
            members.name
        ))),
        Err(_) => Ok(value.clone()),
    }
}

/// A value of a codec's class, or from the JSON form of what is stored.
fn coded<'py>(codec: &Codec, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    let mut scratch = Writer::with_capacity(32);
    let right = match &codec.class {
        Some(class) => value.is_instance(class.bind(value.py())).unwrap_or(false),
        None => to_stored(codec, value)
            .and_then(|stored| write_value(&mut scratch, &codec.inner, &stored, 0))
            .is_ok(),
    };
    if right {
        return Ok(value.clone());
    }
    let stored = convert(&codec.inner, value, Form::Json)?;
    let Ok(stored) = admit(&codec.inner, &stored) else {
        return Ok(value.clone());
    };
    decode::from_stored(codec, &stored).map_err(|problem| match problem {
        Unreadable::Misfit { .. } => Problem::new(format!(
            "is not a value that the codec can turn into a {}",
            codec.name
        )),
        Unreadable::Python(error) => python_error(value, &error),
        Unreadable::Malformed(error) => Problem::new(error.to_string()),
    })
}

/// The value that a JSON text represents.
fn from_text<'py>(kind: &Kind, text: &Bound<'py, PyString>) -> Checked<Bound<'py, PyAny>> {
    let py = text.py();
    let plain = || text.to_str().map_err(|error| python_error(text, &error));
    match kind {
        Kind::Decimal => {
            let number = pydynox_core::number::Number::parse(plain()?);
            number
                .map_err(|error| Problem::new(format!("is text that is not a number: {error}")))?;
            decimal_type(py)
                .and_then(|decimal| decimal.call1((text,)))
                .map_err(|error| python_error(text, &error))
        }
        Kind::Bytes => {
            let bytes = base64::decode(plain()?.as_bytes())
                .map_err(|_| Problem::new("is text that is not base64"))?;
            Ok(PyBytes::new(py, &bytes).into_any())
        }
        Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Timedelta | Kind::Uuid => {
            scalar::from_text(py, kind, plain()?).map_err(|unfit| match unfit {
                Unfit::Text(what) => Problem::new(what.replacen("the stored text ", "", 1)),
                Unfit::Python(error) => python_error(text, &error),
            })
        }
        _ => Ok(text.clone().into_any()),
    }
}
