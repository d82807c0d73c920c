//! Values as JSON text and back, by their kind: what `JSONAttribute` stores, and what `model_dump(mode="json")` gives.

use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;

use crate::values::decode::Decoder;
use crate::values::decode_json;
use crate::values::json_decode::read;
use crate::values::json_encode::write;
use crate::values::kind::Kind;
use crate::values::problem::{Checked, Problem};
use crate::values::unreadable::{Read, Unreadable};

/// Write a value as the JSON text that is stored for it.
pub(crate) fn stored(w: &mut Writer, kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<()> {
    let mut text = Writer::with_capacity(64);
    write(&mut text, kind, value, 0, false)?;
    match std::str::from_utf8(text.as_bytes()) {
        Ok(text) => w.string_value(text),
        Err(_) => {
            return Err(Problem::new(
                "contains a lone surrogate, which UTF-8 cannot store",
            ));
        }
    }
    Ok(())
}

/// Read a stored JSON text.
pub(crate) fn parse<'py>(
    decoder: &mut Decoder<'py>,
    text: &str,
    kind: &Kind,
) -> Read<Bound<'py, PyAny>> {
    let no_json = |problem| match problem {
        Unreadable::Malformed(error) => {
            Unreadable::misfit(format!("the stored text is not JSON: {error}"))
        }
        other => other,
    };
    let mut inner = || {
        let mut r = Reader::new(text.as_bytes())?;
        let value = read(decoder, &mut r, kind)?;
        r.end()?;
        Ok(value)
    };
    inner().map_err(no_json)
}

/// A value as plain Python of what JSON has.
pub(crate) fn plain<'py>(kind: &Kind, value: &Bound<'py, PyAny>) -> Checked<Bound<'py, PyAny>> {
    let mut text = Writer::with_capacity(64);
    write(&mut text, kind, value, 0, true)?;
    let read = || -> Read<Bound<'py, PyAny>> {
        decode_json::json(value.py(), &mut Reader::new(text.as_bytes())?)
    };
    read().map_err(|_| Problem::new("cannot be represented in JSON"))
}
