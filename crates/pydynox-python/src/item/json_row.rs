//! Stored items as the JSON that dumps of their instances are, mostly copied: no instance is made.

use std::ops::Range;

use pydynox_core::wire::copying::{elements, float, integer, put, text};
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

/// Whether items can be written so: what is protected or read leniently needs an instance.
pub(crate) fn is_possible(schema: &Schema) -> bool {
    schema.strict_reads && schema.protected.is_none() && schema.encrypted_elsewhere().is_empty()
}

/// The JSON of one attribute.
#[derive(Clone)]
enum Piece<'a> {
    Absent,
    /// As it is in the stored item.
    Stored(&'a [u8]),
    /// Where it is among the values that had to be written.
    Written(Range<usize>),
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
    let (pieces, values) = collected(decoder, r, schema, &dump)?;
    w.byte(b'{');
    let begin = w.len();
    for (field, piece) in schema.fields().zip(pieces) {
        let start = w.len();
        if start > begin {
            w.byte(b',');
        }
        w.raw(&field.dump_label);
        match piece {
            Piece::Stored(json) => w.raw(json),
            Piece::Written(place) => w.raw(&values.as_bytes()[place]),
            Piece::Absent => {
                let value = value_of(py, schema, field, None)?;
                dump.write(w, &schema.name, field, &value)?;
            }
        }
        // What is hidden is read nevertheless: a value that does not fit is an error there too.
        if !field.dumps() || !names.is_none_or(|names| names.contains(&field.text)) {
            w.truncate(start);
        }
    }
    w.byte(b'}');
    Ok(())
}

/// The attributes of an item by their place in the model, and the values that had to be written.
fn collected<'a>(
    decoder: &mut Decoder<'_>,
    r: &mut Reader<'a>,
    schema: &Schema,
    dump: &JsonDump<'_>,
) -> PyResult<(Vec<Piece<'a>>, Writer)> {
    let py = decoder.py();
    // In the order in which they are stored; each is then put in its place.
    let mut values = Writer::with_capacity(256);
    let mut pieces = vec![Piece::Absent; schema.len()];
    // The stored values, if a key that is built from some of them has to be compared with them.
    let mut whole = vec![None; schema.stored_forms.as_ref().map_or(0, |_| schema.len())];
    let broken = |error: WireError| malformed(py, &error);
    let mut expected = 0;
    r.begin_object().map_err(broken)?;
    loop {
        // Most often the attributes of an item are in one order.
        let index = if expected < schema.len() && r.next_key_is(&schema.field(expected).label) {
            expected
        } else {
            let Some(key) = r.next_key().map_err(broken)? else {
                break;
            };
            let position = if key.is_plain() {
                schema.by_attribute(key.raw(), expected)
            } else {
                schema.by_attribute(&key.decode().map_err(broken)?, usize::MAX)
            };
            let Some(index) = position else {
                skipped(r).map_err(broken)?;
                continue;
            };
            index
        };
        expected = index + 1;
        let field = schema.field(index);
        let start = r.position();
        pieces[index] = stored(decoder, &mut values, r, schema, field, dump)?;
        if let Some(forms) = &schema.stored_forms {
            let json = r.slice(start);
            whole[index] = Some(json);
            if forms.watches(index) {
                forms.check(py, &schema.name, (index, field), json)?;
            }
        }
    }
    if let Some(forms) = &schema.stored_forms {
        forms.check_built(py, schema, &schema.templates, |index| {
            value_of(py, schema, schema.field(index), whole[index])
        })?;
    }
    Ok((pieces, values))
}

/// A value as an instance has it: the stored one, or what an item without the attribute reads as.
fn value_of<'py>(
    py: Python<'py>,
    schema: &Schema,
    field: &Field,
    json: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(json) = json else {
        return missing(py, field)?.ok_or_else(|| absent(py, schema, field));
    };
    let mut r = Reader::new(json).map_err(|error| malformed(py, &error))?;
    Decoder::new(py)
        .value(&mut r, &field.kind)
        .map_err(|problem| raise(py, problem, schema, field))
}

/// A stored value as JSON: where its JSON is what is stored, that; else it is read and dumped.
fn stored<'a>(
    decoder: &mut Decoder<'_>,
    w: &mut Writer,
    r: &mut Reader<'a>,
    schema: &Schema,
    field: &Field,
    dump: &JsonDump<'_>,
) -> PyResult<Piece<'a>> {
    let start = w.len();
    let before = r.clone();
    if let Ok(Some(piece)) = piece(r, &field.kind, w) {
        return Ok(piece);
    }
    w.truncate(start);
    *r = before;
    let value = decoder
        .value(r, &field.kind)
        .map_err(|problem| raise(decoder.py(), problem, schema, field))?;
    dump.write(w, &schema.name, field, &value)?;
    Ok(Piece::Written(start..w.len()))
}

/// The JSON of a value; None where it has to be read, and what was written until then is not to be used.
fn piece<'a>(
    r: &mut Reader<'a>,
    kind: &Kind,
    w: &mut Writer,
) -> Result<Option<Piece<'a>>, WireError> {
    let tag = r.begin_value()?;
    let kind = match kind {
        Kind::Optional(inner) if tag != Tag::Null => inner,
        _ => kind,
    };
    let piece = match (kind, tag) {
        (Kind::Str, Tag::S) => text(r)?.map(Piece::Stored),
        (Kind::Int, Tag::N) => integer(r)?.map(Piece::Stored),
        _ => {
            let start = w.len();
            tagged(r, tag, kind, w)?.then(|| Piece::Written(start..w.len()))
        }
    };
    if piece.is_some() {
        r.end_value()?;
    }
    Ok(piece)
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
        (Kind::Str, Tag::S) => Ok(put(text(r)?, w)),
        (Kind::Int, Tag::N) => Ok(put(integer(r)?, w)),
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
            elements(r, w, |r, w| Ok(put(text(r)?, w)))
        }
        (Kind::Set(inner) | Kind::FrozenSet(inner), Tag::Ns) if matches!(**inner, Kind::Int) => {
            elements(r, w, |r, w| Ok(put(integer(r)?, w)))
        }
        (Kind::Dict(inner), Tag::M) => members(r, w, inner),
        _ => Ok(false),
    }
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
