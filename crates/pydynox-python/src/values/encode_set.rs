//! Sets as attribute values: members in one order, without repetition.

use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PySet;

use crate::values::encode::{is_empty_set, text_of, write_value};
use crate::values::kind::Kind;
use crate::values::problem::{Checked, Problem, python_error, wrong_type};

pub(crate) fn write_set(w: &mut Writer, inner: &Kind, value: &Bound<'_, PyAny>) -> Checked<()> {
    if !value.is_instance_of::<PySet>() {
        return Err(wrong_type("set", value));
    }
    write_set_members(w, inner, value)
}

/// A set's members, by the type of the first one; DynamoDB stores no empty set.
pub(crate) fn write_set_members(
    w: &mut Writer,
    inner: &Kind,
    value: &Bound<'_, PyAny>,
) -> Checked<()> {
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

pub(crate) fn write_text_set(w: &mut Writer, value: &Bound<'_, PyAny>) -> Checked<()> {
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
