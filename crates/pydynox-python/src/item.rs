//! Instances as items: reading one from a buffer, writing one into a body, and finding what changed in between.

use std::cell::Cell;
use std::ops::Range;

use pydynox_core::expression::update::Update;
use pydynox_core::wire::{Reader, Value, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PySet, PyTuple};

use crate::decode::{Decoder, Read, Unreadable, skipped};
use crate::encode::{self, is_absent, write_attribute};
use crate::error::{malformed, misfit, validation_errors};
use crate::ffi;
use crate::field_set::FieldSet;
use crate::instance::{Instance, Slot, Stored, broken, schema_of};
use crate::kept::Kept;
use crate::kind::Kind;
use crate::missing;
use crate::protected;
use crate::schema::{Field, Role, Schema};
use crate::shape;

/// One item map as an instance of its model, in one pass.
pub(crate) fn read<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, Instance>> {
    let instance = ffi::allocate(schema.get().model(schema.py()))?.cast_into::<Instance>()?;
    let (stored, unset) = read_into(decoder, r, schema, &instance)?;
    let mut state = instance.borrow_mut();
    state.schema = Some(schema.clone().unbind());
    state.unset = unset;
    state.stored = Some(Box::new(stored));
    drop(state);
    Ok(instance)
}

/// Read an item map into an instance's attributes; gives what was read, and the fields that the item does not have. The instance's
/// state is the caller's to set.
pub(crate) fn read_into<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
    instance: &Bound<'py, Instance>,
) -> PyResult<(Stored, FieldSet)> {
    let py = schema.py();
    let schema = schema.get();
    let mut unset = FieldSet::default();
    let broken = |error| malformed(py, &error);
    let mut slots = Vec::with_capacity(schema.len());
    slots.resize_with(schema.len(), || Slot::Absent);
    // Collected in the decoder's buffer, so that each instance allocates its bytes once.
    let mut raw = decoder.take_scratch();
    let mut unknown = Vec::new();
    let mut expected = 0;
    let begin = r.position();
    r.begin_object().map_err(broken)?;
    while let Some(key) = r.next_key().map_err(broken)? {
        let found = if key.is_plain() {
            schema.by_attribute(key.raw(), expected)
        } else {
            schema.by_attribute(&key.decode().map_err(broken)?, usize::MAX)
        };
        let Some(index) = found else {
            let value = skipped(r).map_err(broken)?;
            if !unknown.is_empty() {
                unknown.push(b',');
            }
            unknown.push(b'"');
            unknown.extend_from_slice(key.raw().as_bytes());
            unknown.extend_from_slice(b"\":");
            unknown.extend_from_slice(&r.slice(value.start)[..value.len()]);
            continue;
        };
        expected = index + 1;
        let field = schema.field(index);
        r.peek().map_err(broken)?;
        let start = r.position();
        let failed = |problem| raise(py, problem, schema, field);
        let value = if schema.strict_reads {
            decoder.value(r, &field.kind).map_err(failed)?
        } else if let Some(value) = lenient(decoder, r, &field.kind).map_err(failed)? {
            value
        } else {
            let bytes = &r.slice(start)[..r.position() - start];
            let value = plain_value(decoder, bytes).map_err(failed)?;
            ffi::set_attribute(instance, field.name.bind(py), &value)?;
            slots[index] = Slot::Raw(value.unbind(), append(&mut raw, bytes));
            continue;
        };
        ffi::set_attribute(instance, field.name.bind(py), &value)?;
        slots[index] = if field.scalar {
            Slot::Scalar(value.unbind())
        } else {
            Slot::Bytes(append(&mut raw, &r.slice(start)[..r.position() - start]))
        };
    }
    for (index, slot) in slots.iter_mut().enumerate() {
        if matches!(slot, Slot::Absent) {
            *slot = fill(instance, schema, schema.field(index), &mut raw)?;
            unset.insert(index);
        }
    }
    let unknown = append(&mut raw, &unknown);
    let stored = Stored {
        slots: slots.into(),
        raw: raw.as_slice().into(),
        unknown,
        length: r.position() - begin,
    };
    decoder.keep_scratch(raw);
    Ok((stored, unset))
}

/// A value as the kind says, or None where it is of another type; the reader stands after it.
#[cold]
fn lenient<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    kind: &Kind,
) -> Read<Option<Bound<'py, PyAny>>> {
    let range = skipped(r)?;
    let mut alone = Reader::new(&r.slice(range.start)[..range.len()])?;
    match decoder.value(&mut alone, kind) {
        Ok(value) => Ok(Some(value)),
        Err(Unreadable::Misfit { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

/// A stored value as what it is.
fn plain_value<'py>(decoder: &mut Decoder<'py>, bytes: &[u8]) -> Read<Bound<'py, PyAny>> {
    decoder.value(&mut Reader::new(bytes)?, &Kind::Any)
}

fn raise(py: Python<'_>, problem: Unreadable, schema: &Schema, field: &Field) -> PyErr {
    match problem {
        Unreadable::Malformed(error) => malformed(py, &error),
        Unreadable::Python(error) => error,
        Unreadable::Misfit { .. } if field.is_encrypted() => {
            let wanted = encode::wanted(&field.kind);
            let what =
                format!("the stored value, which is encrypted and not shown here, is not {wanted}");
            misfit(py, &schema.name, &field.text, "", &what)
        }
        Unreadable::Misfit { place, what } => misfit(py, &schema.name, &field.text, &place, &what),
    }
}

fn append(raw: &mut Vec<u8>, bytes: &[u8]) -> Range<u32> {
    let start = raw.len() as u32;
    raw.extend_from_slice(bytes);
    start..raw.len() as u32
}

/// Give an attribute that the stored item does not have its value: the default, an empty container, or None.
#[cold]
fn fill(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    field: &Field,
    raw: &mut Vec<u8>,
) -> PyResult<Slot> {
    let py = instance.py();
    let name = field.name.bind(py);
    let value = missing::missing(py, field)?.ok_or_else(|| absent(py, schema, field))?;
    ffi::set_attribute(instance, name, &value)?;
    if is_absent(field, &value) {
        return Ok(Slot::Absent);
    }
    if field.scalar {
        return Ok(Slot::FilledScalar(value.unbind()));
    }
    let mut w = Writer::with_capacity(16);
    write_attribute(&mut w, field, &value, 0)
        .map_err(|problem| problem.raise(py, &schema.name, field))?;
    Ok(Slot::FilledBytes(append(raw, w.as_bytes())))
}

/// The item has no such attribute, and nothing stands in for it.
pub(crate) const NOT_STORED: &str =
    "the stored item has no such attribute, and the model gives no default for stored items";

fn absent(py: Python<'_>, schema: &Schema, field: &Field) -> PyErr {
    misfit(
        py,
        &schema.name,
        &field.text,
        "",
        missing::problem(field, NOT_STORED),
    )
}

/// All that is wrong with an instance, `(attribute, message)`.
pub(crate) type Problems = Vec<(String, String)>;

/// Refuse an instance if anything is wrong with it; what is wrong comes in the order of the class.
pub(crate) fn refuse(py: Python<'_>, schema: &Schema, mut problems: Problems) -> PyResult<()> {
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort_by_key(|(name, _)| schema.position(name));
    Err(validation_errors(py, problems))
}

/// What the values of an instance break of the rules of their fields, where `asked` asks. A value that a default filled in is
/// not written, so it breaks none. The rules may be the user's own code: nothing is borrowed while they run.
pub(crate) fn broken_rules(
    instance: &Bound<'_, Instance>,
    asked: impl Fn(usize) -> bool,
) -> PyResult<Problems> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let mut problems = Vec::new();
    for (index, field) in schema.fields().enumerate() {
        if !field.is_ruled || !asked(index) {
            continue;
        }
        let inside = !field.scalar && shape::has_rules_inside(&field.kind);
        if field.rules.is_none() && !field.immutable && !inside {
            continue;
        }
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        let filled = {
            let state = instance.borrow();
            let stored = state.stored.as_deref();
            if let Some(stored) = stored
                && field.immutable
                && is_altered(field, stored, index, &value)?
            {
                let message = format!(
                    "{}.{} is immutable: it cannot change once the item is stored; model_rollback() gives back what it was",
                    schema.name, field.text
                );
                problems.push((field.text.to_string(), message));
            }
            match stored.map(|stored| (stored, &stored.slots[index])) {
                Some((stored, Slot::FilledScalar(_) | Slot::FilledBytes(_))) => {
                    !is_altered(field, stored, index, &value)?
                }
                _ => false,
            }
        };
        if !filled && !field.default.is(&value) {
            problems.extend(broken(schema, field, &value)?);
            if inside {
                let mut found = Vec::new();
                let place = format!("{}.{}", schema.name, field.text);
                let discreet = field.is_encrypted();
                shape::broken_inside(&field.kind, &value, &place, discreet, &mut found)?;
                let name = field.text.to_string();
                problems.extend(found.into_iter().map(|what| (name.clone(), what)));
            }
        }
    }
    Ok(problems)
}

/// Whether a value differs from what was read or written, whatever became of a call since. One that cannot be stored does.
fn is_altered(
    field: &Field,
    stored: &Stored,
    index: usize,
    value: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let mut w = Writer::with_capacity(64);
    match compare(&mut w, field, stored, index, value, false) {
        Ok(Delta::Same) => Ok(false),
        Ok(delta @ (Delta::Edited(..) | Delta::Rewritten(..))) => {
            let (new, old) = delta.bytes(w.as_bytes(), stored);
            Update::new()
                .change(&field.attribute_name, old, new)
                .map_err(|error| malformed(value.py(), &error))
        }
        _ => Ok(true),
    }
}

/// Write the whole item, `{"name":{"S":"x"},...}`, attributes that the model does not declare included; gives the item as it
/// will be stored.
pub(crate) fn write(w: &mut Writer, instance: &Bound<'_, Instance>) -> PyResult<Stored> {
    write_unless(w, instance, &Kept::default(), Vec::new())
}

/// The same with what the write keeps, unless a rule is broken.
pub(crate) fn write_checked(
    w: &mut Writer,
    instance: &Bound<'_, Instance>,
    kept: &Kept<'_>,
) -> PyResult<Stored> {
    write_unless(w, instance, kept, broken_rules(instance, |_| true)?)
}

thread_local! {
    /// Where bytes are collected, so that each instance allocates its own once.
    static RAW: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn write_unless(
    w: &mut Writer,
    instance: &Bound<'_, Instance>,
    kept: &Kept<'_>,
    mut problems: Problems,
) -> PyResult<Stored> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let state = instance.borrow();
    let before = state.stored.as_deref();
    let mut slots = Vec::with_capacity(schema.len());
    let mut raw = RAW.take();
    raw.clear();
    w.byte(b'{');
    let empty = w.len();
    for (index, field) in schema.fields().enumerate() {
        let value = match kept.value(index) {
            Some(value) => value.clone(),
            None => ffi::get_attribute(instance, field.name.bind(py))?,
        };
        if is_absent(field, &value) {
            slots.push(Slot::Absent);
            continue;
        }
        let start = w.len();
        if start > empty {
            w.byte(b',');
        }
        w.raw(&field.label);
        let at = w.len();
        let old = before.map(|before| (before, &before.slots[index]));
        let raw_value = old.is_some_and(|(_, slot)| is_raw(field, slot, &value));
        let written = match old {
            Some(_) if raw_value => encode::write_value(w, &Kind::Any, &value, 0),
            // The stored form of a key is the item's address, whoever wrote it.
            Some((before, Slot::Bytes(range))) if field.role != Role::Attribute => {
                w.raw(before.bytes(range));
                Ok(())
            }
            _ => write_attribute(w, field, &value, 0),
        };
        if let Err(problem) =
            written.and_then(|()| fit_for_index(schema, index, &w.as_bytes()[at..]))
        {
            problems.push((
                field.text.to_string(),
                problem.describe_of(&schema.name, field),
            ));
            w.truncate(start);
            continue;
        }
        if let Some(filled) =
            before.and_then(|before| still_filled(before, index, &value, &w.as_bytes()[at..]))
        {
            let kept = match filled {
                Slot::FilledBytes(_) => Slot::FilledBytes(append(&mut raw, &w.as_bytes()[at..])),
                other => other.clone_ref(py),
            };
            slots.push(kept);
            w.truncate(start);
            continue;
        }
        let bytes = &w.as_bytes()[at..];
        slots.push(if raw_value {
            Slot::Raw(value.unbind(), append(&mut raw, bytes))
        } else if field.scalar {
            Slot::Scalar(value.unbind())
        } else {
            Slot::Bytes(append(&mut raw, bytes))
        });
        if field.protected.is_some() {
            protected::mark(w, at, field);
        }
    }
    refuse(py, schema, problems)?;
    let unknown = before.map_or(&[][..], |before| before.bytes(&before.unknown));
    if !unknown.is_empty() {
        if w.len() > empty {
            w.byte(b',');
        }
        w.raw(unknown);
    }
    w.byte(b'}');
    let unknown = append(&mut raw, unknown);
    let stored = Stored {
        slots: slots.into(),
        raw: raw.as_slice().into(),
        unknown,
        length: w.len() - empty,
    };
    if raw.capacity() <= 1 << 16 {
        RAW.set(raw);
    }
    Ok(stored)
}

/// Refuses a value of a key of an index that `DynamoDB` would refuse.
#[inline]
fn fit_for_index(schema: &Schema, index: usize, json: &[u8]) -> encode::Checked<()> {
    let problem = schema.index_key(index).and_then(|key| key.problem(json));
    problem.map_or(Ok(()), |problem| Err(encode::Problem::new(problem)))
}

/// The slot of a value that a default filled in and nobody has changed since.
fn still_filled<'a>(
    before: &'a Stored,
    index: usize,
    value: &Bound<'_, PyAny>,
    written: &[u8],
) -> Option<&'a Slot> {
    let slot = &before.slots[index];
    match slot {
        Slot::FilledScalar(filled) if filled.is(value) => Some(slot),
        Slot::FilledBytes(range) if before.bytes(range) == written => Some(slot),
        _ => None,
    }
}

/// Write the key of an instance, `{"user_id":{"S":"u1"}}`.
pub(crate) fn write_key(w: &mut Writer, instance: &Bound<'_, Instance>) -> PyResult<()> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let state = instance.borrow();
    let stored = state.stored.as_deref();
    w.byte(b'{');
    for (position, (index, field)) in schema.key_indexes().enumerate() {
        if position > 0 {
            w.byte(b',');
        }
        w.raw(&field.label);
        if let Some(stored) = stored
            && let Slot::Bytes(range) | Slot::Raw(_, range) = &stored.slots[index]
        {
            w.raw(stored.bytes(range));
            continue;
        }
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        encode::write_value(w, &field.kind, &value, 0)
            .map_err(|problem| problem.raise(py, &schema.name, field))?;
    }
    w.byte(b'}');
    Ok(())
}

/// The key of an instance, as the Key object that `Model.key` makes.
pub(crate) fn key_of<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, PyAny>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let values = schema
        .get()
        .key_fields()
        .map(|field| ffi::get_attribute(instance, field.name.bind(py)))
        .collect::<PyResult<Vec<_>>>()?;
    schema
        .get()
        .model(py)
        .call_method1("key", PyTuple::new(py, values)?)
}

/// Write a key of checked values, partition key first.
pub(crate) fn write_key_values(
    w: &mut Writer,
    schema: &Schema,
    key: &Bound<'_, PyTuple>,
) -> PyResult<()> {
    w.byte(b'{');
    for (position, (field, value)) in schema.key_fields().zip(key.iter()).enumerate() {
        if position > 0 {
            w.byte(b',');
        }
        w.raw(&field.label);
        encode::write_value(w, &field.kind, &value, 0)
            .map_err(|problem| problem.raise(key.py(), &schema.name, field))?;
    }
    w.byte(b'}');
    Ok(())
}

/// What became of one attribute since the item was read or written.
enum Delta {
    Same,
    Removed,
    /// Written whole; where its bytes stand in the scratch buffer.
    Set(Range<usize>),
    /// A container whose bytes differ: where the new ones stand, and where the old ones are kept.
    Edited(Range<usize>, Range<u32>),
    /// The same where the old bytes, as this program would have written them, stand in the scratch buffer too.
    Rewritten(Range<usize>, Range<usize>),
}

/// The changed attributes of a stored instance.
pub(crate) struct Changes {
    /// What to send.
    pub(crate) update: Update,
    /// Which fields that concerns.
    pub(crate) fields: Vec<usize>,
    /// What cannot be stored.
    pub(crate) problems: Problems,
    scratch: Vec<u8>,
    deltas: Vec<(usize, Delta)>,
}

/// Compare an instance with what it was read or written as. `whole` are fields to be replaced as one value if they changed.
pub(crate) fn changes(instance: &Bound<'_, Instance>, whole: &[usize]) -> PyResult<Changes> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let state = instance.borrow();
    let mut changes = Changes {
        update: Update::new(),
        fields: Vec::new(),
        problems: Vec::new(),
        scratch: Vec::new(),
        deltas: Vec::new(),
    };
    let Some(stored) = state.stored.as_deref() else {
        return Ok(changes);
    };
    let mut w = Writer::with_capacity(256);
    for (index, field) in schema.fields().enumerate() {
        if field.is_kept() {
            continue;
        }
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        let forced = state.unsettled.contains(&index);
        let delta = match compare(&mut w, field, stored, index, &value, forced) {
            Ok(delta) => delta,
            Err(problem) => {
                changes.problems.push((
                    field.text.to_string(),
                    problem.describe_of(&schema.name, field),
                ));
                continue;
            }
        };
        let bytes = w.as_bytes();
        if let Delta::Set(new) = &delta
            && let Err(problem) = fit_for_index(schema, index, &bytes[new.clone()])
        {
            changes.problems.push((
                field.text.to_string(),
                problem.describe(&schema.name, &field.text),
            ));
            continue;
        }
        let differs = match &delta {
            Delta::Same => false,
            Delta::Removed => {
                match &stored.slots[index] {
                    Slot::Bytes(members)
                        if !forced
                            && !value.is_none()
                            && field.protected.is_none()
                            && is_set(stored.bytes(members)) =>
                    {
                        let members = stored.bytes(members);
                        changes.update.empty_set(&field.attribute_name, members);
                    }
                    _ => changes.update.remove(&field.attribute_name),
                }
                true
            }
            Delta::Set(new) => {
                set_whole(&mut changes.update, field, &bytes[new.clone()]);
                true
            }
            Delta::Edited(..) | Delta::Rewritten(..)
                if whole.contains(&index) || field.protected.is_some() =>
            {
                let (new, old) = delta.bytes(bytes, stored);
                let mut probe = Update::new();
                let differs = probe
                    .change(&field.attribute_name, old, new)
                    .map_err(|error| malformed(py, &error))?;
                if differs {
                    set_whole(&mut changes.update, field, new);
                }
                differs
            }
            Delta::Edited(..) | Delta::Rewritten(..) => {
                let (new, old) = delta.bytes(bytes, stored);
                changes
                    .update
                    .change(&field.attribute_name, old, new)
                    .map_err(|error| malformed(py, &error))?
            }
        };
        if differs {
            changes.fields.push(index);
            changes.deltas.push((index, delta));
        }
    }
    changes.scratch = w.into_bytes();
    Ok(changes)
}

/// Whether a stored value is a set.
fn is_set(json: &[u8]) -> bool {
    [br#"{"SS""#, br#"{"NS""#, br#"{"BS""#]
        .iter()
        .any(|tag| json.starts_with(*tag))
}

fn set_whole(update: &mut Update, field: &Field, value: &[u8]) {
    match &field.protected {
        None => update.set(&field.attribute_name, value),
        Some(_) => update.set(&field.attribute_name, &protected::marked(value, field)),
    }
}

/// The fields whose values are not what is stored: edited, of unknown outcome, or unfit to be stored.
pub(crate) fn edited(instance: &Bound<'_, Instance>) -> PyResult<Vec<usize>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let state = instance.borrow();
    let mut found = state.unsettled.to_vec();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(found);
    };
    let mut w = Writer::with_capacity(256);
    for (index, field) in schema.get().fields().enumerate() {
        if field.is_kept() {
            continue;
        }
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        let differs = match compare(&mut w, field, stored, index, &value, false) {
            Ok(Delta::Same) => false,
            Ok(delta @ (Delta::Edited(..) | Delta::Rewritten(..))) => {
                let (new, old) = delta.bytes(w.as_bytes(), stored);
                Update::new()
                    .change(&field.attribute_name, old, new)
                    .map_err(|error| malformed(py, &error))?
            }
            Ok(Delta::Removed | Delta::Set(_)) | Err(_) => true,
        };
        if differs && !found.contains(&index) {
            found.push(index);
        }
    }
    Ok(found)
}

/// Whether this is the value of another type than declared that was read, edited or not.
#[inline]
pub(crate) fn is_raw(field: &Field, slot: &Slot, value: &Bound<'_, PyAny>) -> bool {
    match slot {
        Slot::Raw(old, _) => old.is(value) || encode::admit(&field.kind, value).is_err(),
        _ => false,
    }
}

impl Delta {
    /// What a container is written as now, and what it was.
    fn bytes<'a>(&self, scratch: &'a [u8], stored: &'a Stored) -> (&'a [u8], &'a [u8]) {
        match self {
            Self::Edited(new, old) => (&scratch[new.clone()], stored.bytes(old)),
            Self::Rewritten(new, old) => (&scratch[new.clone()], &scratch[old.clone()]),
            Self::Set(new) => (&scratch[new.clone()], &[]),
            Self::Same | Self::Removed => (&[], &[]),
        }
    }
}

/// Identity first, then the bytes; what only looks different (the order of a map) is told apart by the core.
fn compare(
    w: &mut Writer,
    field: &Field,
    stored: &Stored,
    index: usize,
    value: &Bound<'_, PyAny>,
    forced: bool,
) -> encode::Checked<Delta> {
    let py = value.py();
    let slot = &stored.slots[index];
    if !forced
        && let Slot::Scalar(old) | Slot::FilledScalar(old) = slot
        && old.is(value)
    {
        return Ok(Delta::Same);
    }
    if is_absent(field, value) {
        let same = matches!(
            slot,
            Slot::Absent | Slot::FilledScalar(_) | Slot::FilledBytes(_)
        ) && !forced;
        // A NULL that somebody else stored reads as None; it is not ours to remove.
        let null = matches!(slot, Slot::Scalar(old) if old.is_none(py)) && value.is_none();
        return Ok(if same || null {
            Delta::Same
        } else {
            Delta::Removed
        });
    }
    let start = w.len();
    if let Slot::Raw(_, range) = slot
        && is_raw(field, slot, value)
        && !forced
    {
        encode::write_value(w, &Kind::Any, value, 0)?;
        return Ok(Delta::Edited(start..w.len(), range.clone()));
    }
    write_attribute(w, field, value, 0)?;
    let new = start..w.len();
    if forced {
        return Ok(Delta::Set(new));
    }
    Ok(match slot {
        Slot::Bytes(old) if stored.bytes(old) == &w.as_bytes()[new.clone()] => Delta::Same,
        Slot::Bytes(old) if field.loose => rewritten(w, field, stored.bytes(old), new, py)
            .unwrap_or_else(|new| Delta::Edited(new, old.clone())),
        Slot::Bytes(old) => Delta::Edited(new, old.clone()),
        Slot::FilledBytes(old) if stored.bytes(old) == &w.as_bytes()[new.clone()] => Delta::Same,
        Slot::Absent | Slot::FilledBytes(_) | Slot::Raw(..) => Delta::Set(new),
        Slot::Scalar(old) | Slot::FilledScalar(old) => {
            let old = old.bind(py);
            if old.is_none() {
                return Ok(Delta::Set(new));
            }
            write_attribute(w, field, old, 0)?;
            let same = w.as_bytes()[new.clone()] == w.as_bytes()[new.end..];
            w.truncate(new.end);
            if same { Delta::Same } else { Delta::Set(new) }
        }
    })
}

/// Take over the values that differ from what the instance was read as: scalars that are the same stay the very objects that
/// were read, by which they are known as unchanged.
pub(crate) fn keep_changed(
    instance: &Bound<'_, Instance>,
    values: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    for (index, field) in schema.get().fields().enumerate() {
        let name = field.name.bind(py);
        let Some(value) = values.get_item(name)? else {
            continue;
        };
        let same = match &instance.borrow().stored {
            Some(stored) => field.scalar && !is_altered(field, stored, index, &value)?,
            None => false,
        };
        if !same {
            ffi::set_attribute(instance, name, &value)?;
        }
    }
    Ok(())
}

/// Compare with what this program would have written for what was stored: others write the same value in another way, and a
/// class may drop members and fill in defaults. Gives the new bytes back where that cannot be told.
fn rewritten(
    w: &mut Writer,
    field: &Field,
    stored: &[u8],
    new: Range<usize>,
    py: Python<'_>,
) -> Result<Delta, Range<usize>> {
    let read = || -> Read<Bound<'_, PyAny>> {
        Decoder::new(py).value(&mut Reader::new(stored)?, &field.kind)
    };
    let Ok(old) = read() else { return Err(new) };
    if write_attribute(w, field, &old, 0).is_err() {
        w.truncate(new.end);
        return Err(new);
    }
    let again = new.end..w.len();
    let bytes = w.as_bytes();
    if bytes[new.clone()] == bytes[again.clone()] {
        w.truncate(new.end);
        return Ok(Delta::Same);
    }
    // Paths lead only through what is really there.
    let covered = match (Value::parse(stored), Value::parse(&bytes[again.clone()])) {
        (Ok(stored), Ok(again)) => covers(&stored, &again),
        _ => false,
    };
    Ok(if covered {
        Delta::Rewritten(new, again)
    } else {
        Delta::Set(new)
    })
}

/// Whether every map in one value has all members of the map in the other.
fn covers(stored: &Value, other: &Value) -> bool {
    match (stored, other) {
        (Value::M(stored), Value::M(other)) => other.iter().all(|(name, member)| {
            stored
                .get(name)
                .is_some_and(|stored| covers(stored, member))
        }),
        _ => true,
    }
}

impl Changes {
    /// Write what pydynox keeps, too.
    pub(crate) fn keep(&mut self, schema: &Schema, kept: &Kept<'_>) {
        for (index, json) in kept.stored() {
            self.update.set(&schema.field(index).attribute_name, json);
        }
    }

    /// The item as it will be stored once these changes are applied.
    pub(crate) fn applied_to(
        &self,
        instance: &Bound<'_, Instance>,
        kept: &Kept<'_>,
    ) -> PyResult<Stored> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let schema = schema.get();
        let state = instance.borrow();
        let Some(before) = state.stored.as_deref() else {
            return Err(crate::error::internal(py, "changes of a new instance"));
        };
        let mut raw = Vec::with_capacity(before.raw.len() + self.scratch.len());
        let mut slots = Vec::with_capacity(schema.len());
        for (index, slot) in before.slots.iter().enumerate() {
            let delta = self
                .deltas
                .iter()
                .find(|(changed, _)| *changed == index)
                .map(|(_, delta)| delta);
            if let Some(value) = kept.value(index) {
                slots.push(Slot::Scalar(value.clone().unbind()));
                continue;
            }
            slots.push(match (delta, slot) {
                (Some(Delta::Removed), _) => Slot::Absent,
                (Some(Delta::Edited(new, _)), Slot::Raw(value, _)) => {
                    let range = append(&mut raw, &self.scratch[new.clone()]);
                    Slot::Raw(value.clone_ref(py), range)
                }
                (Some(Delta::Set(new) | Delta::Edited(new, _) | Delta::Rewritten(new, _)), _) => {
                    let field = schema.field(index);
                    if field.scalar {
                        Slot::Scalar(ffi::get_attribute(instance, field.name.bind(py))?.unbind())
                    } else {
                        Slot::Bytes(append(&mut raw, &self.scratch[new.clone()]))
                    }
                }
                (_, Slot::Bytes(old)) => Slot::Bytes(append(&mut raw, before.bytes(old))),
                (_, Slot::FilledBytes(old)) => {
                    Slot::FilledBytes(append(&mut raw, before.bytes(old)))
                }
                (_, Slot::Raw(value, old)) => {
                    Slot::Raw(value.clone_ref(py), append(&mut raw, before.bytes(old)))
                }
                (_, other) => other.clone_ref(py),
            });
        }
        let unknown = append(&mut raw, before.bytes(&before.unknown));
        Ok(Stored {
            slots: slots.into(),
            raw: raw.into(),
            unknown,
            length: before.length + self.scratch.len(),
        })
    }
}

/// What an attribute was before it was changed; None where there was nothing.
fn old_value<'py>(
    py: Python<'py>,
    schema: &Schema,
    field: &Field,
    stored: &Stored,
    slot: &Slot,
) -> PyResult<Bound<'py, PyAny>> {
    match slot {
        Slot::Absent if matches!(field.kind, Kind::Set(_)) => Ok(PySet::empty(py)?.into_any()),
        Slot::Absent if matches!(field.kind, Kind::FrozenSet(_)) => {
            Ok(PyFrozenSet::empty(py)?.into_any())
        }
        Slot::Absent => Ok(py.None().into_bound(py)),
        Slot::Scalar(value) | Slot::FilledScalar(value) => Ok(value.bind(py).clone()),
        Slot::Raw(_, range) => plain_value(&mut Decoder::new(py), stored.bytes(range))
            .map_err(|problem| raise(py, problem, schema, field)),
        Slot::Bytes(range) | Slot::FilledBytes(range) => {
            let read = || -> Read<Bound<'py, PyAny>> {
                Decoder::new(py).value(&mut Reader::new(stored.bytes(range))?, &field.kind)
            };
            read().map_err(|problem| raise(py, problem, schema, field))
        }
    }
}

/// What is stored of an attribute; None where nothing was read or written.
pub(crate) fn stored_value<'py>(
    instance: &Bound<'py, Instance>,
    index: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let state = instance.borrow();
    state
        .stored
        .as_deref()
        .map(|stored| {
            old_value(
                py,
                schema,
                schema.field(index),
                stored,
                &stored.slots[index],
            )
        })
        .transpose()
}

/// The stored form of an attribute; None where the item has no such attribute.
pub(crate) fn stored_json(
    instance: &Bound<'_, Instance>,
    index: usize,
) -> PyResult<Option<Vec<u8>>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let field = schema.get().field(index);
    let state = instance.borrow();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(None);
    };
    match &stored.slots[index] {
        Slot::Absent | Slot::FilledScalar(_) | Slot::FilledBytes(_) => Ok(None),
        Slot::Bytes(range) | Slot::Raw(_, range) => Ok(Some(stored.bytes(range).to_vec())),
        Slot::Scalar(value) => {
            let mut w = Writer::with_capacity(32);
            write_attribute(&mut w, field, value.bind(py), 0)
                .map_err(|problem| problem.raise(py, &schema.get().name, field))?;
            Ok(Some(w.into_bytes()))
        }
    }
}

/// Whether the item behind the instance was read or written.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn is_stored(instance: &Bound<'_, Instance>) -> bool {
    instance.borrow().stored.is_some()
}

/// By attribute, what was stored and what is there now.
#[pyfunction(name = "changes")]
#[pyo3(signature = (instance, /))]
pub(crate) fn changes_of<'py>(instance: &Bound<'py, Instance>) -> PyResult<Bound<'py, PyDict>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let found = PyDict::new(py);
    if !is_stored(instance) {
        for field in schema.fields().filter(|field| !field.is_kept()) {
            let value = ffi::get_attribute(instance, field.name.bind(py))?;
            if !is_absent(field, &value) {
                found.set_item(&field.name, (py.None(), value))?;
            }
        }
        return Ok(found);
    }
    let changed = changes(instance, &[])?;
    refuse(py, schema, changed.problems)?;
    let state = instance.borrow();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(found);
    };
    for index in changed.fields {
        let field = schema.field(index);
        let old = old_value(py, schema, field, stored, &stored.slots[index])?;
        found.set_item(
            &field.name,
            (old, ffi::get_attribute(instance, field.name.bind(py))?),
        )?;
    }
    Ok(found)
}

/// Give every attribute the value it had when the item was last read or written.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn rollback(instance: &Bound<'_, Instance>) -> PyResult<()> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let values = {
        let state = instance.borrow();
        let Some(stored) = state.stored.as_deref() else {
            return Err(crate::error::validation_error(
                py,
                &format!(
                    "this {} is new: there is nothing to go back to",
                    schema.name
                ),
            ));
        };
        let olds = schema
            .fields()
            .zip(&*stored.slots)
            .map(|(field, slot)| Ok((field, old_value(py, schema, field, stored, slot)?)));
        olds.collect::<PyResult<Vec<_>>>()?
    };
    for (field, value) in values {
        ffi::set_attribute(instance, field.name.bind(py), &value)?;
    }
    Ok(())
}

/// Whether a value may stand for an attribute of this kind.
#[pyfunction]
#[pyo3(signature = (kind, value, /))]
pub(crate) fn fits(kind: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(encode::admit(&Kind::parse(kind)?, value).is_ok())
}
