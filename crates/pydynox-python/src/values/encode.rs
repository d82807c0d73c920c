//! Instance or plain value to wire: checks and writes Python values, guided by the schema, straight into the request's buffer.

use std::sync::{Mutex, PoisonError};

use pydynox_core::number::Number;
use pydynox_core::unique::{LEAST_NUMBER, PREFIX};
use pydynox_core::wire::{Reader, Tag, Writer};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMemoryView, PySet,
    PyString, PyTuple, PyType,
};

use crate::exceptions::validation_errors;
use crate::interpreter::ffi;
use crate::values::field::Field;
use crate::values::json_attribute;
use crate::values::kind::{Clock, Codec, Kind, Members, Pydantic};
use crate::values::scalar::{self, Text};

/// Levels that DynamoDB stores: an attribute's value is on the first, and what a list or a map holds on the next one.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
const MAX_DEPTH: usize = 32;

/// Why a value cannot be stored: where in it, and what is wrong. The place is collected from the inside out.
pub(crate) struct Problem {
    place: String,
    what: String,
    /// The place without the keys of maps, which are part of the value.
    discreet_place: String,
    /// What is wrong without anything of the value, where `what` has something of it.
    discreet: Option<String>,
}

pub(crate) type Checked<T> = Result<T, Problem>;

impl Problem {
    #[cold]
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            place: String::new(),
            what: what.into(),
            discreet_place: String::new(),
            discreet: None,
        }
    }

    /// One whose text has something of the value, and what can be said without.
    #[cold]
    pub(crate) fn echoing(what: impl Into<String>, discreet: impl Into<String>) -> Self {
        Self {
            discreet: Some(discreet.into()),
            ..Self::new(what)
        }
    }

    #[cold]
    pub(crate) fn within(mut self, step: &str) -> Self {
        self.place.insert_str(0, step);
        self.discreet_place.insert_str(0, step);
        self
    }

    /// The same for the member of a map.
    #[cold]
    pub(crate) fn within_key(mut self, key: impl std::fmt::Debug) -> Self {
        self.place.insert_str(0, &format!("[{key:?}]"));
        self.discreet_place.insert_str(0, "[...]");
        self
    }

    /// What a value breaks of its rules, each as what follows the name of the attribute; the second time without anything of the
    /// value.
    #[cold]
    pub(crate) fn of_rules(broken: &[String], discreet: &[String]) -> Self {
        let told = |broken: &[String]| broken.join(";").trim_start().to_owned();
        Self::echoing(told(broken), told(discreet))
    }

    /// `User.tags[3] must be str, not int`.
    pub(crate) fn describe(&self, model: &str, attribute: &str) -> String {
        told(model, attribute, &self.place, &self.what)
    }

    /// The same of an attribute by its field; nothing of the value of an encrypted one is said.
    pub(crate) fn describe_of(&self, model: &str, field: &Field) -> String {
        self.describe_as(model, &field.text, field)
    }

    /// The same under a name that is longer than the field's own.
    pub(crate) fn describe_as(&self, model: &str, name: &str, field: &Field) -> String {
        if !field.is_encrypted() {
            return self.describe(model, name);
        }
        let what = self.discreet.as_ref().unwrap_or(&self.what);
        told(model, name, &self.discreet_place, what)
    }

    pub(crate) fn raise(&self, py: Python<'_>, model: &str, field: &Field) -> PyErr {
        validation_errors(
            py,
            vec![(field.text.to_string(), self.describe_of(model, field))],
        )
    }
}

fn told(model: &str, name: &str, place: &str, what: &str) -> String {
    let dot = if model.is_empty() { "" } else { "." };
    let blank = if what.starts_with(':') { "" } else { " " };
    format!("{model}{dot}{name}{place}{blank}{what}")
}

#[cold]
pub(crate) fn wrong_type(wanted: &str, value: &Bound<'_, PyAny>) -> Problem {
    let got = value
        .get_type()
        .qualname()
        .map_or_else(|_| "another type".into(), |name| name.to_string());
    Problem::new(format!("must be {wanted}, not {got}"))
}

#[cold]
pub(crate) fn python_error(value: &Bound<'_, PyAny>, error: &PyErr) -> Problem {
    let py = value.py();
    let name = error.get_type(py).name();
    Problem::echoing(
        format!("cannot be stored: {}", error.value(py)),
        name.map_or_else(
            |_| "cannot be stored".into(),
            |name| format!("cannot be stored: {name}"),
        ),
    )
}

/// The name of a kind in Python's words.
pub(crate) fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Str => "str".into(),
        Kind::Int => "int".into(),
        Kind::Float => "float".into(),
        Kind::Decimal => "Decimal".into(),
        Kind::Number => "int or float".into(),
        Kind::Bool => "bool".into(),
        Kind::Bytes => "bytes".into(),
        Kind::None => "None".into(),
        Kind::Any | Kind::Open => "a value that DynamoDB can store".into(),
        Kind::List(_) => "list".into(),
        Kind::Dict(_) => "dict".into(),
        Kind::Set(_) => "set".into(),
        Kind::FrozenSet(_) => "frozenset".into(),
        Kind::Tuple(_) | Kind::TupleOf(_) => "tuple".into(),
        Kind::Datetime(_) => "datetime".into(),
        Kind::Date => "date".into(),
        Kind::Time => "time".into(),
        Kind::Timedelta => "timedelta".into(),
        Kind::Uuid => "UUID".into(),
        Kind::Enum(members) | Kind::Literal(members) => members.name.to_string(),
        Kind::Record(shape) => shape.get().wanted(),
        Kind::Pydantic(model) => model.name.to_string(),
        Kind::Json(inner) => wanted(inner),
        Kind::Codec(codec) => codec.name.to_string(),
        Kind::Optional(inner) => format!("{} or None", wanted(inner)),
    }
}

/// Check a key's value: its type, and what DynamoDB asks of keys.
pub(crate) fn admit_key<'py>(
    field: &Field,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let value = admit(&field.kind, value)?;
    let limit = if field.role == crate::values::field::Role::PartitionKey {
        2048
    } else {
        1024
    };
    let length = match &field.kind {
        Kind::Str | Kind::Bytes => match value.cast::<PyString>() {
            Ok(_) => Some(text_of(&value)?.len()),
            Err(_) => value
                .cast::<PyBytes>()
                .ok()
                .map(|bytes| bytes.as_bytes().len()),
        },
        Kind::Enum(_) | Kind::Literal(_) | Kind::Codec(_) => key_length(&field.kind, &value)?,
        _ => None,
    };
    if field.role == crate::values::field::Role::PartitionKey && is_reserved(&value) {
        return Err(Problem::new(
            "is reserved: such keys are those of pydynox's own items, which keep values unique",
        ));
    }
    match length {
        Some(0) => Err(Problem::new("must not be empty: it is a key")),
        Some(length) if length > limit => Err(Problem::new(format!(
            "has {length} bytes; a key of this kind may have {limit}"
        ))),
        _ => Ok(value),
    }
}

/// Whether a partition key may be that of an item that keeps a value unique.
fn is_reserved(value: &Bound<'_, PyAny>) -> bool {
    if let Ok(text) = value.cast::<PyString>() {
        return text.to_str().is_ok_and(|text| text.starts_with(PREFIX));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return bytes.as_bytes().starts_with(PREFIX.as_bytes());
    }
    value
        .extract::<f64>()
        .is_ok_and(|number| number >= LEAST_NUMBER)
}

/// Bytes of a key that only what is written for it tells; None of a number.
fn key_length(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<Option<usize>> {
    let mut w = Writer::with_capacity(32);
    write_value(&mut w, kind, value, 0)?;
    let read = || {
        let mut r = Reader::new(w.as_bytes())?;
        Ok(match r.begin_value()? {
            Tag::S => Some(Some(r.string()?.decode()?.len())),
            Tag::B => Some(Some(r.binary()?.len())),
            Tag::N => Some(None),
            _ => None,
        })
    };
    read()
        .map_err(|error: pydynox_core::wire::WireError| Problem::new(error.to_string()))?
        .ok_or_else(|| Problem::new("is stored as no string, number or bytes, and it is a key"))
}

/// Check a value against a kind; gives the value to keep, which is another one where a number was converted exactly.
#[inline]
pub(crate) fn admit<'py>(kind: &Kind, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    match kind {
        Kind::Str if value.is_exact_instance_of::<PyString>() => admit_text(value),
        Kind::Bool if value.is_exact_instance_of::<PyBool>() => Ok(value.clone()),
        Kind::Int
            if value.is_exact_instance_of::<PyInt>() && ffi::small_integer(value).is_some() =>
        {
            Ok(value.clone())
        }
        Kind::Optional(_) if value.is_none() => Ok(value.clone()),
        Kind::Optional(inner) => {
            admit(inner, value).map_err(|problem| optional_problem(problem, inner))
        }
        Kind::Datetime(Clock::WholeSeconds) => scalar::floored(value),
        Kind::Float if is_ordinary_float(value) => Ok(value.clone()),
        Kind::Float if value.is_exact_instance_of::<PyInt>() => whole_float(value),
        Kind::Decimal if value.is_exact_instance_of::<PyInt>() => decimal_type(value.py())
            .and_then(|decimal| decimal.call1((value,)))
            .map_err(|error| python_error(value, &error)),
        _ if holds_text_alone(kind, value) => Ok(value.clone()),
        _ => admit_by_writing(kind, value),
    }
}

/// Containers of nothing but text are looked through, which is cheaper than writing them; what is wrong with others is found there.
fn holds_text_alone(kind: &Kind, value: &Bound<'_, PyAny>) -> bool {
    match kind {
        Kind::List(inner) if matches!(**inner, Kind::Str) => value
            .cast_exact::<PyList>()
            .is_ok_and(|list| list.iter().all(|element| is_text(&element))),
        Kind::Set(inner) if matches!(**inner, Kind::Str) => value
            .cast_exact::<PySet>()
            .is_ok_and(|set| set.iter().all(|member| is_text(&member))),
        Kind::Dict(inner) if matches!(**inner, Kind::Str) => {
            value.cast_exact::<PyDict>().is_ok_and(|dict| {
                dict.iter()
                    .all(|(key, member)| is_name(&key) && is_text(&member))
            })
        }
        _ => false,
    }
}

#[inline]
fn is_text(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyString>()
        .is_ok_and(|text| text.to_str().is_ok())
}

#[inline]
fn is_name(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyString>()
        .is_ok_and(|text| text.to_str().is_ok_and(|name| !name.is_empty()))
}

/// A float that is well inside of what `DynamoDB` stores, so that its text need not be made to know it.
#[inline]
fn is_ordinary_float(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast_exact::<PyFloat>()
        .is_ok_and(|float| float.value() == 0.0 || (1e-100..1e100).contains(&float.value().abs()))
}

pub(crate) fn optional_problem(problem: Problem, inner: &Kind) -> Problem {
    let plain = format!("must be {}, not", wanted(inner));
    if problem.place.is_empty() && problem.what.starts_with(&plain) {
        return Problem {
            what: problem.what.replacen(
                &plain,
                &format!("must be {} or None, not", wanted(inner)),
                1,
            ),
            ..problem
        };
    }
    problem
}

#[inline]
fn admit_text<'py>(value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    text_of(value).map(|_| value.clone())
}

fn whole_float<'py>(value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    let float = value
        .py()
        .get_type::<PyFloat>()
        .call1((value,))
        .map_err(|error| python_error(value, &error))?;
    match float.eq(value) {
        Ok(true) => Ok(float),
        _ => Err(Problem::new("is an int that a float cannot hold exactly")),
    }
}

/// What may be assigned is what can be written: one set of rules.
fn admit_by_writing<'py>(kind: &Kind, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    static SCRATCH: Mutex<Option<Writer>> = Mutex::new(None);
    let taken = SCRATCH
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let mut scratch = taken.unwrap_or_else(|| Writer::with_capacity(1024));
    let written = match kind.present() {
        // An empty set of an attribute is an absent attribute.
        Kind::Set(_) if is_empty_set(value) && value.is_instance_of::<PySet>() => Ok(()),
        Kind::FrozenSet(_) if is_empty_set(value) && value.is_instance_of::<PyFrozenSet>() => {
            Ok(())
        }
        present => write_value(&mut scratch, present, value, 0),
    };
    let large = scratch.len() > 1 << 20;
    scratch.truncate(0);
    if !large {
        *SCRATCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(scratch);
    }
    written.map(|()| value.clone())
}

/// Whether an attribute with this value is left out of the item.
#[inline]
pub(crate) fn is_absent(field: &Field, value: &Bound<'_, PyAny>) -> bool {
    (value.is_none() && !field.store_null) || (!field.scalar && is_empty_set(value))
}

pub(crate) fn is_empty_set(value: &Bound<'_, PyAny>) -> bool {
    // Most values that are no scalars, told without a look at their bases.
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

/// The kinds that are not DynamoDB's own.
#[inline(never)]
fn write_further(
    w: &mut Writer,
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    depth: usize,
) -> Checked<()> {
    match kind {
        Kind::Datetime(_) | Kind::Date | Kind::Time | Kind::Timedelta | Kind::Uuid => {
            match scalar::text_of(kind, value)? {
                Text::String(text) => w.string_value(&text),
                Text::Number(text) => {
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

/// What a member of an enum or `Literal` is stored as.
pub(crate) fn value_of<'py>(
    members: &Members,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let py = value.py();
    if let Some(class) = &members.class {
        return match value.is_instance(class.bind(py)) {
            Ok(true) => value
                .getattr(intern!(py, "_value_"))
                .map_err(|error| python_error(value, &error)),
            _ => Err(wrong_type(&members.name, value)),
        };
    }
    // Python's `1 == True`: the type decides too. What cannot be hashed is none of them.
    let found = members.by_value.bind(py).get_item(value).ok().flatten();
    match found {
        Some(member) if member.get_type().is(value.get_type()) => Ok(member),
        _ => {
            let shown = value
                .repr()
                .map_or_else(|_| "another value".into(), |shown| shown.to_string());
            Err(Problem::echoing(
                format!("must be {}, not {shown}", members.name),
                format!("must be {}", members.name),
            ))
        }
    }
}

/// A tuple of as many elements as there are kinds.
pub(crate) fn tuple_of<'a, 'py>(
    kinds: &[Kind],
    value: &'a Bound<'py, PyAny>,
) -> Checked<&'a Bound<'py, PyTuple>> {
    let tuple = value
        .cast::<PyTuple>()
        .map_err(|_| wrong_type("tuple", value))?;
    if tuple.len() == kinds.len() {
        return Ok(tuple);
    }
    Err(Problem::new(format!(
        "must have {} elements, not {}",
        kinds.len(),
        tuple.len()
    )))
}

/// What a codec makes of a value.
pub(crate) fn to_stored<'py>(
    codec: &Codec,
    value: &Bound<'py, PyAny>,
) -> Checked<Bound<'py, PyAny>> {
    let py = value.py();
    if let Some(class) = &codec.class
        && !value.is_instance(class.bind(py)).unwrap_or(false)
    {
        return Err(wrong_type(&codec.name, value));
    }
    codec
        .object
        .bind(py)
        .call_method1(intern!(py, "to_stored"), (value,))
        .map_err(|error| python_error(value, &error))
}

pub(crate) fn check_pydantic(model: &Pydantic, value: &Bound<'_, PyAny>) -> Checked<()> {
    // A subclass has fields that this class does not know: they would be lost.
    if value.get_type().is(model.class.bind(value.py())) {
        Ok(())
    } else {
        Err(wrong_type(&model.name, value))
    }
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

/// An undeclared value that pydantic has let pass: one of many kinds, each of which has one plain form.
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
        // Text, durations too: pydantic reads numbers of seconds through a float.
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
        .map_err(|_| Problem::new("holds a lone surrogate, which is no text that UTF-8 can store"))
}

fn write_integer(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    if value.cast::<PyInt>().is_err() || value.is_instance_of::<PyBool>() {
        return Err(wrong_type("int", value));
    }
    match ffi::small_integer(value) {
        Some(number) => w.integer_value(number),
        None => write_number_text(w, value)?,
    }
    Ok(())
}

/// A number that only its text holds exactly.
fn write_number_text(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    w.number_value(&number_of(value)?);
    Ok(())
}

/// An int, a float or a Decimal as the number that is stored.
pub(crate) fn number_of(value: &Bound<'_, PyAny>) -> Checked<Number> {
    let unfit = |error| Problem::new(format!("cannot be stored as a number: {error}"));
    if let Ok(float) = value.cast::<PyFloat>() {
        return Number::from_f64(float.value()).map_err(unfit);
    }
    // The text of an int subclass (an enum's member) is its name; a plain int's or a Decimal's is its digits.
    let digits = if value.is_instance_of::<PyInt>() {
        value.py().get_type::<PyInt>().call1((value,))
    } else {
        Ok(value.clone())
    };
    // Python refuses to print integers of over 4,300 digits; DynamoDB stores 38.
    let text = digits
        .and_then(|digits| digits.str())
        .map_err(|_| Problem::new("has over 38 significant digits, more than DynamoDB stores"))?;
    let text = text.to_str().map_err(|error| python_error(value, &error))?;
    Number::parse(text).map_err(unfit)
}

fn write_float(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    match value.cast::<PyFloat>() {
        Ok(float) => {
            let number = Number::from_f64(float.value())
                .map_err(|error| Problem::new(format!("cannot be stored as a number: {error}")))?;
            w.number_value(&number);
            Ok(())
        }
        Err(_) if value.is_exact_instance_of::<PyInt>() => {
            whole_float(value).and_then(|_| write_integer(w, value))
        }
        Err(_) => Err(wrong_type("float", value)),
    }
}

fn write_decimal(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    if value.is_exact_instance_of::<PyInt>() {
        return write_integer(w, value);
    }
    let decimal = decimal_type(value.py()).map_err(|error| python_error(value, &error))?;
    if !value.is_instance(decimal).unwrap_or(false) {
        let advice = if value.is_instance_of::<PyFloat>() {
            " (write Decimal(\"0.1\"): a float is not exact)"
        } else {
            ""
        };
        let mut problem = wrong_type("Decimal", value);
        problem.what.push_str(advice);
        return Err(problem);
    }
    write_number_text(w, value)
}

fn write_number(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    if value.is_instance_of::<PyFloat>() {
        return write_float(w, value);
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return write_integer(w, value);
    }
    Err(wrong_type("int or float", value))
}

/// One level further down: what stands there is inside of so many lists and maps.
pub(crate) fn deeper(depth: usize) -> Checked<usize> {
    if depth >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(depth + 1)
}

/// Refuses a value inside of as many lists and maps: it is one level too deep. Asked by whoever writes the first one of a container.
#[inline]
pub(crate) fn check_level(containers: usize) -> Checked<()> {
    if containers >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(())
}

#[cold]
fn too_deep() -> Problem {
    Problem::new(format!(
        "is nested deeper than the {MAX_DEPTH} levels that DynamoDB stores"
    ))
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

fn write_set(w: &mut Writer, inner: &Kind, value: &Bound<'_, PyAny>) -> Checked<()> {
    if !value.is_instance_of::<PySet>() {
        return Err(wrong_type("set", value));
    }
    write_set_members(w, inner, value)
}

/// A set's members, by the type of the first one; DynamoDB stores no empty set.
fn write_set_members(w: &mut Writer, inner: &Kind, value: &Bound<'_, PyAny>) -> Checked<()> {
    if is_empty_set(value) {
        return Err(Problem::new(
            "is an empty set inside a container, which DynamoDB does not store",
        ));
    }
    if let Kind::Str = inner {
        return write_text_set(w, value);
    }
    let mut tag: Option<&'static [u8]> = None;
    let mut seen = std::collections::HashSet::new();
    for member in value
        .try_iter()
        .map_err(|error| python_error(value, &error))?
    {
        let member = member.map_err(|error| python_error(value, &error))?;
        // A member is written as a value and then unwrapped: `{"S":"x"}` gives `"x"` of an SS.
        let mut scratch = Writer::with_capacity(32);
        write_value(&mut scratch, inner, &member, 0).map_err(|problem| problem.within("{...}"))?;
        let written = scratch.as_bytes();
        let (member_tag, text): (&'static [u8], &[u8]) = match written {
            [b'{', b'"', b'S', b'"', b':', text @ .., b'}'] => (br#"{"SS":["#, text),
            [b'{', b'"', b'N', b'"', b':', text @ .., b'}'] => (br#"{"NS":["#, text),
            [b'{', b'"', b'B', b'"', b':', text @ .., b'}'] => (br#"{"BS":["#, text),
            _ => return Err(wrong_type("str, a number or bytes", &member).within("{...}")),
        };
        match tag {
            None => w.raw(member_tag),
            Some(first) if first == member_tag => w.byte(b','),
            Some(_) => return Err(Problem::new("mixes strings, numbers and bytes in one set")),
        }
        tag = Some(member_tag);
        if !seen.insert(text.to_vec()) {
            return Err(Problem::new(
                "holds two members that DynamoDB stores as one",
            ));
        }
        w.raw(text);
    }
    w.raw(b"]}");
    Ok(())
}

fn write_text_set(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    w.raw(br#"{"SS":["#);
    for (index, member) in value
        .try_iter()
        .map_err(|error| python_error(value, &error))?
        .enumerate()
    {
        if index > 0 {
            w.byte(b',');
        }
        let member = member.map_err(|error| python_error(value, &error))?;
        w.string(text_of(&member).map_err(|problem| problem.within("{...}"))?);
    }
    w.raw(b"]}");
    Ok(())
}

/// Write a value of no declared type by what it is.
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

/// `decimal.Decimal`, imported at its first use.
pub(crate) fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}
