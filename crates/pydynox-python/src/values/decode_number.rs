//! Stored numbers as Python's.

use pydynox_core::number;
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::interpreter::ffi;
use crate::values::decode::Decoder;
use crate::values::encode_number::decimal_type;
use crate::values::kind::Kind;
use crate::values::unreadable::{Read, Unreadable};

impl<'py> Decoder<'py> {
    /// `int` where the number is integral, else `Decimal`: what an undeclared number is read as.
    pub(super) fn exact_number(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let kind = if text.contains(['.', 'E', 'e']) {
            Kind::Decimal
        } else {
            Kind::Int
        };
        self.number(text, &kind)
    }

    #[inline]
    pub(crate) fn number(&self, text: &str, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        match kind {
            Kind::Float => self.float(text),
            Kind::Decimal => self.decimal(text),
            Kind::Number if text.contains(['.', 'E', 'e']) => self.float(text),
            _ => self.integer(text),
        }
    }

    /// Python's own constructor takes more than DynamoDB has: words, blanks, any exponent.
    fn decimal(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        number::Number::parse(text).map_err(|error| Unreadable::misfit(error.to_string()))?;
        Ok(decimal_type(self.py)?.call1((ffi::string(self.py, text)?,))?)
    }

    #[inline]
    fn integer(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        if let Some(value) = number::parse_i64(text) {
            return Ok(value
                .into_pyobject(self.py)
                .map_err(PyErr::from)?
                .into_any());
        }
        self.large_integer(text)
    }

    #[cold]
    fn large_integer(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let canonical =
            number::Number::parse(text).map_err(|error| Unreadable::misfit(error.to_string()))?;
        if canonical.as_str().contains('.') {
            return Err(Unreadable::misfit(
                "the stored number has a fraction, which an int cannot hold",
            ));
        }
        Ok(self.py.get_type::<PyInt>().call1((canonical.as_str(),))?)
    }

    #[inline]
    fn float(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let value: f64 = text
            .parse()
            .map_err(|_| Unreadable::misfit("the stored number is not a number"))?;
        if !number::f64_is_exact(text, value) {
            return Err(Unreadable::misfit(
                "the stored number has more digits than a float can hold: declare it as Decimal",
            ));
        }
        Ok(PyFloat::new(self.py, value).into_any())
    }
}

pub(super) fn number_text<'a>(r: &mut Reader<'a>) -> Read<&'a str> {
    let text = r.string()?;
    if text.is_plain() {
        Ok(text.raw())
    } else {
        Err(Unreadable::misfit("the stored number is not a number"))
    }
}
