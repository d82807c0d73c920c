//! Values from outside: dictionaries in place of documents, dataclasses and pydantic models, and what JSON has for other types.

use pydynox_core::wire::{Reader, Writer, base64};
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple};

use crate::exceptions::validation_error;
use crate::interpreter::ffi;
use crate::values::admit::{admit, admit_key};
use crate::values::decode::{self, Decoder};
use crate::values::encode::{to_stored, value_of, write_value};
use crate::values::encode_number::decimal_type;
use crate::values::field::{Field, Role};
use crate::values::json_attribute;
use crate::values::kind::{Codec, Kind, Members, Pydantic};
use crate::values::layout::{Layout, sorted};
use crate::values::problem::{Checked, Problem, python_error};
use crate::values::record::{Make, Shape};
use crate::values::scalar::{self, Unfit};
use crate::values::unreadable::{Read, Unreadable};

/// What may stand for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Values have their types; where a class has values that are maps, a dictionary is taken too.
    Python,
    /// What `model_dump(mode="json")` gives is taken as well.
    Json,
}

/// A value that was refused, with its dictionaries made into what they stand for; `problem` where there are none.
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

/// A value as the kind has it, as far as what is given says; what does not fit stays as it is, to be refused where it is used.
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

/// A document, dataclass or `TypedDict` of a dictionary.
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

/// A pydantic model of a dictionary, by the names of its fields or their aliases.
fn pydantic<'py>(
    model: &Pydantic,
    value: &Bound<'py, PyAny>,
    form: Form,
) -> Checked<Bound<'py, PyAny>> {
    let Ok(dict) = value.cast::<PyDict>() else {
        return Ok(value.clone());
    };
    validated(model, dict, form).map_err(|error| match refusals(&error, value.py()) {
        Some(why) => Problem::echoing(
            format!("is refused by {}: {why}", model.name),
            format!("is refused by {}", model.name),
        ),
        None => python_error(value, &error),
    })
}

fn validated<'py>(
    model: &Pydantic,
    dict: &Bound<'py, PyDict>,
    form: Form,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    let class = model.class.bind(py);
    let options = model.options.bind(py).copy()?;
    if options.contains("by_alias")? {
        options.set_item("by_alias", true)?;
    }
    let dict = dict.copy()?;
    // A dump has the computed fields; no input has them.
    for name in class
        .getattr(intern!(py, "__pydantic_computed_fields__"))?
        .try_iter()?
    {
        let name = name?;
        if dict.contains(&name)? {
            dict.del_item(name)?;
        }
    }
    let mut text = Writer::with_capacity(128);
    if form == Form::Json
        && json_attribute::write(&mut text, &Kind::Any, &dict, 0, false).is_ok()
        && let Ok(model_instance) = class.call_method(
            intern!(py, "model_validate_json"),
            (PyBytes::new(py, text.as_bytes()),),
            Some(&options),
        )
    {
        return Ok(model_instance);
    }
    class.call_method(intern!(py, "model_validate"), (dict,), Some(&options))
}

/// What pydantic refuses, without the values.
fn refusals(error: &PyErr, py: Python<'_>) -> Option<String> {
    if !error.is_instance_of::<PyException>(py) {
        return None;
    }
    let messages = || -> PyResult<String> {
        let options = PyDict::new(py);
        for name in ["include_url", "include_input", "include_context"] {
            options.set_item(name, false)?;
        }
        let mut messages = Vec::new();
        for problem in error
            .value(py)
            .call_method("errors", (), Some(&options))?
            .try_iter()?
        {
            let problem = problem?;
            let steps: Vec<String> = problem
                .get_item("loc")?
                .try_iter()?
                .map(|step| Ok(step?.str()?.to_string()))
                .collect::<PyResult<_>>()?;
            messages.push(format!("{}: {}", steps.join("."), problem.get_item("msg")?));
        }
        Ok(messages.join("; "))
    };
    Some(messages().unwrap_or_else(|_| error.value(py).to_string()))
}

/// A member of an enum or `Literal` by what JSON has for its value.
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

/// A value of a codec's class, or what JSON has for what is stored of one.
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
            "is nothing that the codec makes a {} of",
            codec.name
        )),
        Unreadable::Python(error) => python_error(value, &error),
        Unreadable::Malformed(error) => Problem::new(error.to_string()),
    })
}

/// What a text of JSON stands for.
fn from_text<'py>(kind: &Kind, text: &Bound<'py, PyString>) -> Checked<Bound<'py, PyAny>> {
    let py = text.py();
    let plain = || text.to_str().map_err(|error| python_error(text, &error));
    match kind {
        Kind::Decimal => {
            let number = pydynox_core::number::Number::parse(plain()?);
            number.map_err(|error| Problem::new(format!("is text that is no number: {error}")))?;
            decimal_type(py)
                .and_then(|decimal| decimal.call1((text,)))
                .map_err(|error| python_error(text, &error))
        }
        Kind::Bytes => {
            let bytes = base64::decode(plain()?.as_bytes())
                .map_err(|_| Problem::new("is text that is no base64"))?;
            Ok(PyBytes::new(py, &bytes).into_any())
        }
        Kind::Datetime(_) | Kind::Date | Kind::Time | Kind::Timedelta | Kind::Uuid => {
            scalar::from_text(py, kind, plain()?).map_err(|unfit| match unfit {
                Unfit::Text(what) => Problem::new(what.replacen("the stored text ", "", 1)),
                Unfit::Python(error) => python_error(text, &error),
            })
        }
        _ => Ok(text.clone().into_any()),
    }
}

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
fn parsed<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let py = decoder.py();
    match (kind, r.peek()?) {
        (Kind::Optional(_), b'n') => decode::json(py, r),
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
        _ => decode::json(py, r),
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
