//! Scalars: points in time, dates, times, durations and UUIDs, between Python and their stored text or number.

use pydynox_core::id;
use pydynox_core::time::{self, CannotHold, Date, Form, Instant, Stored, Time};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    IntoPyDict, PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyString, PyTime,
    PyTimeAccess, PyType, PyTzInfo, PyTzInfoAccess,
};

use crate::interpreter::ffi;
use crate::values::kind::Kind;
use crate::values::problem::{Checked, Problem, python_error, wrong_type};

const SECOND: i64 = 1_000_000;

/// `uuid.UUID`, imported at its first use.
fn uuid_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    UUID.import(py, "uuid", "UUID")
}

/// `enum.Enum`, imported at its first use.
pub(crate) fn enum_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static ENUM: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    ENUM.import(py, "enum", "Enum")
}

/// The stored form of a value of this kind, one of those in this file.
pub(crate) fn text_of(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<Stored> {
    Ok(match kind {
        Kind::Datetime(form) => form.instant(instant(value)?).map_err(too_much)?,
        Kind::Date(form) => form.date(date(value)?).map_err(too_much)?,
        Kind::Time(form) => form.time(time_of_day(value)?).map_err(too_much)?,
        Kind::Timedelta => Stored::Number(time::unscaled(microseconds(value)?, 6)),
        _ => Stored::String(uuid_text(value)?),
    })
}

/// A value of this kind as a part of a key's text.
pub(crate) fn part_of_text(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<String> {
    let stored = text_of(kind, value)?;
    if let Kind::Datetime(form) | Kind::Date(form) | Kind::Time(form) = kind {
        return form.in_text(stored).map_err(too_much);
    }
    let (Stored::String(text) | Stored::Number(text)) = stored;
    Ok(text)
}

/// Why a form cannot hold a value.
#[cold]
#[allow(clippy::needless_pass_by_value)] // as map_err passes it
fn too_much(why: CannotHold) -> Problem {
    Problem::new(why.to_string())
}

/// A value's text in JSON, where durations are text too.
pub(crate) fn json_text(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<String> {
    Ok(match kind {
        Kind::Datetime(_) => instant(value)?.text(),
        Kind::Date(_) => date(value)?.text(),
        Kind::Time(_) => time_of_day(value)?.text(),
        Kind::Timedelta => time::duration_text(microseconds(value)?),
        _ => uuid_text(value)?,
    })
}

/// A point in time without fractions of a second.
pub(crate) fn floored<'py>(value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    instant(value)?;
    let whole = [("microsecond", 0)].into_py_dict(value.py());
    whole
        .and_then(|whole| value.call_method("replace", (), Some(&whole)))
        .map_err(|error| python_error(value, &error))
}

pub(crate) fn instant(value: &Bound<'_, PyAny>) -> Checked<Instant> {
    let at = value
        .cast::<PyDateTime>()
        .map_err(|_| wrong_type("datetime", value))?;
    let naive = || {
        Problem::new(
            "is a naive datetime, which is not a point in time: give it a timezone, as in datetime.now(UTC)",
        )
    };
    let zone = at.get_tzinfo().ok_or_else(naive)?;
    let utc = PyTzInfo::utc(value.py()).map_err(|error| python_error(value, &error))?;
    let offset = if zone.is(&*utc) {
        0
    } else {
        let offset = at
            .call_method0(intern!(value.py(), "utcoffset"))
            .map_err(|error| python_error(value, &error))?;
        if offset.is_none() {
            return Err(naive());
        }
        microseconds(&offset)?
    };
    // The text repeats nothing of the value.
    Instant::new(day_of(at), clock_of(at), offset).map_err(|error| {
        Problem::new(format!(
            "cannot be stored: in UTC it is {error}; where no limit is meant, use None, or datetime.min or datetime.max with \
             tzinfo=UTC"
        ))
    })
}

fn day_of(date: &impl PyDateAccess) -> Date {
    Date {
        year: date.get_year(),
        month: date.get_month(),
        day: date.get_day(),
    }
}

fn clock_of(time: &impl PyTimeAccess) -> Time {
    Time {
        hour: time.get_hour(),
        minute: time.get_minute(),
        second: time.get_second(),
        microsecond: time.get_microsecond(),
    }
}

fn date(value: &Bound<'_, PyAny>) -> Checked<Date> {
    match value.cast::<PyDate>() {
        Ok(date) if !value.is_instance_of::<PyDateTime>() => Ok(day_of(date)),
        _ => Err(wrong_type("date", value)),
    }
}

fn time_of_day(value: &Bound<'_, PyAny>) -> Checked<Time> {
    let time = value
        .cast::<PyTime>()
        .map_err(|_| wrong_type("time", value))?;
    if time.get_tzinfo().is_some() {
        return Err(Problem::new(
            "has a timezone, which a time of day is stored without: write value.replace(tzinfo=None)",
        ));
    }
    Ok(clock_of(time))
}

fn microseconds(value: &Bound<'_, PyAny>) -> Checked<i64> {
    let delta = value
        .cast::<PyDelta>()
        .map_err(|_| wrong_type("timedelta", value))?;
    // Python's longest timedelta is 86,399,999,999,999,999,999 microseconds.
    (i64::from(delta.get_days()) * 86_400 + i64::from(delta.get_seconds()))
        .checked_mul(SECOND)
        .and_then(|whole| whole.checked_add(i64::from(delta.get_microseconds())))
        .ok_or_else(|| Problem::new("is longer than 290,000 years, which cannot be stored"))
}

fn uuid_text(value: &Bound<'_, PyAny>) -> Checked<String> {
    let py = value.py();
    let is_uuid = uuid_type(py).and_then(|class| value.is_instance(class));
    if !is_uuid.map_err(|error| python_error(value, &error))? {
        return Err(wrong_type("UUID", value));
    }
    value
        .getattr(intern!(py, "int"))
        .and_then(|bits| bits.extract::<u128>())
        .map(id::uuid_text)
        .map_err(|error| python_error(value, &error))
}

/// Why a stored text or number does not fit a kind.
pub(crate) enum Unfit {
    Text(String),
    Python(PyErr),
}

impl From<PyErr> for Unfit {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

fn unfit(error: time::TimeError) -> Unfit {
    Unfit::Text(format!("the stored text is {error}"))
}

/// The value that a stored string represents.
pub(crate) fn from_text<'py>(
    py: Python<'py>,
    kind: &Kind,
    text: &str,
) -> Result<Bound<'py, PyAny>, Unfit> {
    Ok(match kind {
        Kind::Datetime(form) => moment(py, form.read_instant(text).map_err(unfit)?)?,
        Kind::Date(form) => day(py, form.read_date(text).map_err(unfit)?)?,
        Kind::Time(form) => {
            let time = form.read_time(text).map_err(unfit)?;
            PyTime::new(
                py,
                time.hour,
                time.minute,
                time.second,
                time.microsecond,
                None,
            )?
            .into_any()
        }
        Kind::Timedelta => delta(py, time::parse_duration(text).map_err(unfit)?)?,
        _ => {
            let bits = id::parse_uuid(text)
                .ok_or_else(|| Unfit::Text("the stored text is not a UUID".into()))?;
            uuid(py, bits)?
        }
    })
}

/// The value that a stored number, in plain notation, represents.
pub(crate) fn from_number<'py>(
    py: Python<'py>,
    kind: &Kind,
    number: &str,
) -> Result<Bound<'py, PyAny>, Unfit> {
    let unfit = |error| Unfit::Text(format!("the stored number is {error}"));
    Ok(match kind {
        Kind::Datetime(form) => moment(py, form.read_instant_number(number).map_err(unfit)?)?,
        Kind::Date(form) => day(py, form.read_date_number(number).map_err(unfit)?)?,
        _ => delta(py, time::scaled(number, 6).map_err(unfit)?)?,
    })
}

fn day(py: Python<'_>, date: Date) -> PyResult<Bound<'_, PyAny>> {
    let Date { year, month, day } = date;
    Ok(PyDate::new(py, year, month, day)?.into_any())
}

/// A point in time as a `datetime` in UTC.
pub(crate) fn moment(py: Python<'_>, instant: Instant) -> PyResult<Bound<'_, PyAny>> {
    let (date, time) = instant.parts();
    let utc = PyTzInfo::utc(py)?;
    Ok(PyDateTime::new(
        py,
        date.year,
        date.month,
        date.day,
        time.hour,
        time.minute,
        time.second,
        time.microsecond,
        Some(&utc),
    )?
    .into_any())
}

fn delta(py: Python<'_>, microseconds: i64) -> PyResult<Bound<'_, PyAny>> {
    let seconds = microseconds.div_euclid(SECOND);
    let days = i32::try_from(seconds.div_euclid(86_400)).unwrap_or(i32::MAX);
    Ok(PyDelta::new(
        py,
        days,
        seconds.rem_euclid(86_400) as i32,
        microseconds.rem_euclid(SECOND) as i32,
        false,
    )?
    .into_any())
}

/// A `uuid.UUID`, bypassing its constructor, which would parse its arguments again.
fn uuid(py: Python<'_>, bits: u128) -> PyResult<Bound<'_, PyAny>> {
    static UNKNOWN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let unknown = UNKNOWN.get_or_try_init(py, || {
        py.import("uuid")?
            .getattr("SafeUUID")?
            .getattr("unknown")
            .map(Bound::unbind)
    })?;
    let uuid = ffi::allocate(uuid_type(py)?)?;
    let bits = bits.into_pyobject(py)?.into_any();
    ffi::set_attribute(&uuid, intern!(py, "int"), &bits)?;
    ffi::set_attribute(&uuid, intern!(py, "is_safe"), unknown.bind(py))?;
    Ok(uuid)
}

/// The kind of a value that has one plain form without being declared.
pub(crate) fn kind_of(value: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
    let py = value.py();
    Ok(if value.is_instance_of::<PyDateTime>() {
        Some(Kind::Datetime(Form::ISO_Z))
    } else if value.is_instance_of::<PyDate>() {
        Some(Kind::Date(Form::ISO_Z))
    } else if value.is_instance_of::<PyTime>() {
        Some(Kind::Time(Form::ISO_Z))
    } else if value.is_instance_of::<PyDelta>() {
        Some(Kind::Timedelta)
    } else if value.is_instance(uuid_type(py)?)? {
        Some(Kind::Uuid)
    } else {
        None
    })
}

/// An identifier as text.
fn text_id(
    py: Python<'_>,
    generated: Result<String, pydynox_core::Error>,
) -> PyResult<Bound<'_, PyString>> {
    let text = generated.map_err(|error| crate::exceptions::internal(py, &error.to_string()))?;
    ffi::string(py, &text)
}

/// A random UUID, as text.
#[pyfunction]
pub(crate) fn uuid4(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    text_id(py, id::uuid4().map(id::uuid_text))
}

/// A UUID that begins with the time, as text.
#[pyfunction]
pub(crate) fn uuid7(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    text_id(py, id::uuid7().map(id::uuid_text))
}

/// A ULID.
#[pyfunction]
pub(crate) fn ulid(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    text_id(py, id::ulid())
}

/// A KSUID.
#[pyfunction]
pub(crate) fn ksuid(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    text_id(py, id::ksuid())
}
