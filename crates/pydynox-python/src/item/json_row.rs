//! Stored items as the JSON that dumps of their instances are, mostly copied: no instance is made.

use pydynox_core::wire::{Reader, Tag, WireError, Writer};
use pyo3::prelude::*;

use crate::exceptions::malformed;
use crate::item::dump::JsonDump;
use crate::item::read::{absent, raise};
use crate::model::schema::Schema;
use crate::values::decode::{Decoder, skipped};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::missing::missing;

/// The digits that a number can have in `DynamoDB`.
const MAX_DIGITS: usize = 38;
/// The digits of which every float has at most one text.
const FLOAT_DIGITS: usize = 15;

/// Whether items can be written so: what is protected, watched or read leniently needs an instance.
pub(crate) fn is_possible(schema: &Schema) -> bool {
    schema.strict_reads
        && schema.protected.is_none()
        && schema.stored_forms.is_none()
        && schema.encrypted_elsewhere().is_empty()
}

/// Write one item as its model's JSON. `names`: the attributes to show, or None for all.
pub(crate) fn write(
    decoder: &mut Decoder<'_>,
    w: &mut Writer,
    r: &mut Reader<'_>,
    schema: &Schema,
    names: Option<&[Box<str>]>,
) -> PyResult<()> {
    let py = decoder.py();
    let dump = JsonDump::new(py);
    // In the order in which they are stored; each is then put in its place.
    let mut values = Writer::with_capacity(512);
    let mut places = vec![0..0; schema.len()];
    let broken = |error: WireError| malformed(py, &error);
    let mut expected = 0;
    r.begin_object().map_err(broken)?;
    while let Some(key) = r.next_key().map_err(broken)? {
        let position = if key.is_plain() {
            schema.by_attribute(key.raw(), expected)
        } else {
            schema.by_attribute(&key.decode().map_err(broken)?, usize::MAX)
        };
        let Some(index) = position else {
            skipped(r).map_err(broken)?;
            continue;
        };
        expected = index + 1;
        let start = values.len();
        stored(decoder, &mut values, r, schema, schema.field(index), &dump)?;
        places[index] = start..values.len();
    }
    w.byte(b'{');
    let begin = w.len();
    for (field, place) in schema.fields().zip(places) {
        let start = w.len();
        w.raw(if start > begin { b",\"" } else { b"\"" });
        w.raw(field.text.as_bytes()); // the name of an attribute in Python, which has nothing to escape
        w.raw(b"\":");
        if place.is_empty() {
            let value = missing(py, field)?.ok_or_else(|| absent(py, schema, field))?;
            dump.write(w, &schema.name, field, &value)?;
        } else {
            w.raw(&values.as_bytes()[place]);
        }
        // What is hidden is read nevertheless: a value that does not fit is an error there too.
        if !field.dumps() || !names.is_none_or(|names| names.contains(&field.text)) {
            w.truncate(start);
        }
    }
    w.byte(b'}');
    Ok(())
}

/// Write a stored value: copied where its JSON is what is stored, else read and dumped.
fn stored(
    decoder: &mut Decoder<'_>,
    w: &mut Writer,
    r: &mut Reader<'_>,
    schema: &Schema,
    field: &Field,
    dump: &JsonDump<'_>,
) -> PyResult<()> {
    let start = w.len();
    let before = r.clone();
    if let Ok(true) = copied(r, &field.kind, w) {
        return Ok(());
    }
    w.truncate(start);
    *r = before;
    let value = decoder
        .value(r, &field.kind)
        .map_err(|problem| raise(decoder.py(), problem, schema, field))?;
    dump.write(w, &schema.name, field, &value)
}

/// Copy a value; false where it has to be read, and what was written until then is not to be used.
fn copied(r: &mut Reader<'_>, kind: &Kind, w: &mut Writer) -> Result<bool, WireError> {
    let tag = r.begin_value()?;
    let is_copied = tagged(r, tag, kind, w)?;
    if is_copied {
        r.end_value()?;
    }
    Ok(is_copied)
}

fn tagged(r: &mut Reader<'_>, tag: Tag, kind: &Kind, w: &mut Writer) -> Result<bool, WireError> {
    match (kind, tag) {
        (Kind::Str, Tag::S) => text(r, w),
        (Kind::Int, Tag::N) => integer(r, w),
        (Kind::Float, Tag::N) => float(r, w),
        (Kind::Bool, Tag::Bool) => {
            w.raw(if r.boolean()? { b"true" } else { b"false" });
            Ok(true)
        }
        (Kind::Optional(_), Tag::Null) => {
            r.boolean()?;
            w.raw(b"null");
            Ok(true)
        }
        (Kind::Optional(inner), _) => tagged(r, tag, inner, w),
        (Kind::List(inner) | Kind::TupleOf(inner), Tag::L) => {
            elements(r, w, |r, w| copied(r, inner, w))
        }
        (Kind::Set(inner) | Kind::FrozenSet(inner), Tag::Ss) if matches!(**inner, Kind::Str) => {
            elements(r, w, text)
        }
        (Kind::Set(inner) | Kind::FrozenSet(inner), Tag::Ns) if matches!(**inner, Kind::Int) => {
            elements(r, w, integer)
        }
        (Kind::Dict(inner), Tag::M) => members(r, w, inner),
        _ => Ok(false),
    }
}

fn text(r: &mut Reader<'_>, w: &mut Writer) -> Result<bool, WireError> {
    let text = r.string()?;
    if !text.is_plain() {
        return Ok(false);
    }
    w.byte(b'"');
    w.raw(text.raw().as_bytes());
    w.byte(b'"');
    Ok(true)
}

/// A number is text in `DynamoDB`: digits as JSON has them are copied, other forms are read.
fn integer(r: &mut Reader<'_>, w: &mut Writer) -> Result<bool, WireError> {
    let text = r.string()?.raw();
    let is_copied = is_whole(text, MAX_DIGITS);
    if is_copied {
        w.raw(text.as_bytes());
    }
    Ok(is_copied)
}

/// The shortest text of a float is the stored one if it has so few digits that no two of them are the same float.
fn float(r: &mut Reader<'_>, w: &mut Writer) -> Result<bool, WireError> {
    let text = r.string()?.raw();
    let Some((whole, fraction)) = text.split_once('.') else {
        let is_copied = is_whole(text, FLOAT_DIGITS);
        if is_copied {
            w.raw(text.as_bytes());
            w.raw(b".0");
        }
        return Ok(is_copied);
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    // Python writes what is smaller with an exponent.
    let is_small = unsigned == "0" && fraction.starts_with("0000");
    let is_copied = (unsigned == "0" || is_whole(unsigned, FLOAT_DIGITS))
        && unsigned.len() + fraction.len() <= FLOAT_DIGITS
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.is_empty()
        && !fraction.ends_with('0')
        && !is_small;
    if is_copied {
        w.raw(text.as_bytes());
    }
    Ok(is_copied)
}

/// Whether a text is a whole number as JSON and Python write it.
fn is_whole(text: &str, most: usize) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < most && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn elements<'a>(
    r: &mut Reader<'a>,
    w: &mut Writer,
    element: impl Fn(&mut Reader<'a>, &mut Writer) -> Result<bool, WireError>,
) -> Result<bool, WireError> {
    r.begin_array()?;
    w.byte(b'[');
    let begin = w.len();
    while r.next_element()? {
        if w.len() > begin {
            w.byte(b',');
        }
        if !element(r, w)? {
            return Ok(false);
        }
    }
    w.byte(b']');
    Ok(true)
}

fn members(r: &mut Reader<'_>, w: &mut Writer, inner: &Kind) -> Result<bool, WireError> {
    r.begin_object()?;
    w.byte(b'{');
    let begin = w.len();
    while let Some(key) = r.next_key()? {
        if !key.is_plain() {
            return Ok(false);
        }
        if w.len() > begin {
            w.byte(b',');
        }
        w.byte(b'"');
        w.raw(key.raw().as_bytes());
        w.raw(b"\":");
        if !copied(r, inner, w)? {
            return Ok(false);
        }
    }
    w.byte(b'}');
    Ok(true)
}
