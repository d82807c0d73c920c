//! Numbers as attribute values: canonical, with all their digits.

use pydynox_core::number::Number;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyType};

use crate::interpreter::ffi;
use crate::values::admit::whole_float;
use crate::values::problem::{Checked, Problem, python_error, wrong_type};

pub(crate) fn write_integer(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
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
pub(crate) fn write_number_text(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
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

pub(crate) fn write_float(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
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

pub(crate) fn write_decimal(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
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

pub(crate) fn write_number(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
    if value.is_instance_of::<PyFloat>() {
        return write_float(w, value);
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        return write_integer(w, value);
    }
    Err(wrong_type("int or float", value))
}

/// `decimal.Decimal`, imported at its first use.
pub(crate) fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}
