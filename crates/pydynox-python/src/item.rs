//! Instances as items: reading one from a buffer, writing one into a body, and finding what changed in between.

use std::ops::Range;

use pydynox_core::expression::update::Update;
use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet, PyString, PyTuple};

use crate::decode::{Decoder, Read, Unreadable, skipped};
use crate::encode::{self, is_absent, write_attribute};
use crate::error::{malformed, misfit, validation_errors};
use crate::ffi;
use crate::instance::{Instance, Slot, Stored, broken, schema_of};
use crate::schema::{Default, Field, Kind, Schema};

/// One item map as an instance of its model, in one pass.
pub(crate) fn read<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, Instance>> {
    let instance = ffi::allocate(schema.get().model(schema.py()))?.cast_into::<Instance>()?;
    let stored = read_into(decoder, r, schema, &instance)?;
    let mut state = instance.borrow_mut();
    state.schema = Some(schema.clone().unbind());
    state.stored = Some(Box::new(stored));
    drop(state);
    Ok(instance)
}

/// Read an item map into an instance's attributes. The instance's state is the caller's to set.
pub(crate) fn read_into<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
    instance: &Bound<'py, Instance>,
) -> PyResult<Stored> {
    let py = schema.py();
    let schema = schema.get();
    let broken = |error| malformed(py, &error);
    let mut slots = Vec::with_capacity(schema.len());
    slots.resize_with(schema.len(), || Slot::Absent);
    let mut raw = Vec::new();
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
        let value = decoder
            .value(r, &field.kind)
            .map_err(|problem| raise(py, problem, schema, field))?;
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
        }
    }
    let unknown = append(&mut raw, &unknown);
    Ok(Stored {
        slots: slots.into(),
        raw: raw.into(),
        unknown,
        length: r.position() - begin,
    })
}

fn raise(py: Python<'_>, problem: Unreadable, schema: &Schema, field: &Field) -> PyErr {
    match problem {
        Unreadable::Malformed(error) => malformed(py, &error),
        Unreadable::Python(error) => error,
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
    if let Kind::Set(_) = field.kind.present() {
        // An empty set is stored as no attribute at all.
        let value = if field.kind.is_optional() {
            py.None().into_bound(py)
        } else {
            PySet::empty(py)?.into_any()
        };
        ffi::set_attribute(instance, name, &value)?;
        return Ok(Slot::Absent);
    }
    let value = match &field.default {
        Default::Value(value) => value.bind(py).clone(),
        Default::Factory(factory) if matches!(field.kind, Kind::List(_) | Kind::Dict(_)) => {
            let made = factory.bind(py).call0()?;
            if made.len()? > 0 {
                return Err(absent(py, schema, field));
            }
            made
        }
        _ if field.kind.is_optional() => py.None().into_bound(py),
        _ => return Err(absent(py, schema, field)),
    };
    ffi::set_attribute(instance, name, &value)?;
    if is_absent(field, &value) {
        return Ok(Slot::Absent);
    }
    if field.scalar {
        return Ok(Slot::FilledScalar(value.unbind()));
    }
    let mut w = Writer::with_capacity(16);
    write_attribute(&mut w, field, &value)
        .map_err(|problem| problem.raise(py, &schema.name, field))?;
    Ok(Slot::FilledBytes(append(raw, w.as_bytes())))
}

fn absent(py: Python<'_>, schema: &Schema, field: &Field) -> PyErr {
    misfit(
        py,
        &schema.name,
        &field.text,
        "",
        "the stored item has no such attribute, and the model gives no default for stored items",
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
        if (field.rules.is_none() && !field.immutable) || !asked(index) {
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
        Ok(Delta::Edited(new, old)) => Update::new()
            .change(
                &field.attribute_name,
                stored.bytes(&old),
                &w.as_bytes()[new],
            )
            .map_err(|error| malformed(value.py(), &error)),
        _ => Ok(true),
    }
}

/// Write the whole item, `{"name":{"S":"x"},...}`, attributes that the model does not declare included; gives the item as it
/// will be stored.
pub(crate) fn write(w: &mut Writer, instance: &Bound<'_, Instance>) -> PyResult<Stored> {
    write_unless(w, instance, Vec::new())
}

/// The same, unless a rule is broken.
pub(crate) fn write_checked(w: &mut Writer, instance: &Bound<'_, Instance>) -> PyResult<Stored> {
    write_unless(w, instance, broken_rules(instance, |_| true)?)
}

fn write_unless(
    w: &mut Writer,
    instance: &Bound<'_, Instance>,
    mut problems: Problems,
) -> PyResult<Stored> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let state = instance.borrow();
    let before = state.stored.as_deref();
    let mut slots = Vec::with_capacity(schema.len());
    let mut raw = Vec::new();
    w.byte(b'{');
    let empty = w.len();
    for (index, field) in schema.fields().enumerate() {
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
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
        if let Err(problem) = write_attribute(w, field, &value) {
            problems.push((
                field.text.to_string(),
                problem.describe(&schema.name, &field.text),
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
        slots.push(if field.scalar {
            Slot::Scalar(value.unbind())
        } else {
            Slot::Bytes(append(&mut raw, &w.as_bytes()[at..]))
        });
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
    Ok(Stored {
        slots: slots.into(),
        raw: raw.into(),
        unknown,
        length: w.len() - empty,
    })
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
    let parts = schema
        .key_fields()
        .map(|field| Ok((field, ffi::get_attribute(instance, field.name.bind(py))?)))
        .collect::<PyResult<Vec<_>>>()?;
    write_key_parts(w, py, schema, &parts)
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

/// Write a key of checked values.
pub(crate) fn write_key_parts(
    w: &mut Writer,
    py: Python<'_>,
    schema: &Schema,
    parts: &[(&Field, Bound<'_, PyAny>)],
) -> PyResult<()> {
    w.byte(b'{');
    for (index, (field, value)) in parts.iter().enumerate() {
        if index > 0 {
            w.byte(b',');
        }
        w.raw(&field.label);
        encode::write_value(w, &field.kind, value, 0)
            .map_err(|problem| problem.raise(py, &schema.name, field))?;
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
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        let forced = state.unsettled.contains(&index);
        let delta = match compare(&mut w, field, stored, index, &value, forced) {
            Ok(delta) => delta,
            Err(problem) => {
                changes.problems.push((
                    field.text.to_string(),
                    problem.describe(&schema.name, &field.text),
                ));
                continue;
            }
        };
        let bytes = w.as_bytes();
        let differs = match &delta {
            Delta::Same => false,
            Delta::Removed => {
                changes.update.remove(&field.attribute_name);
                true
            }
            Delta::Set(new) => {
                changes
                    .update
                    .set(&field.attribute_name, &bytes[new.clone()]);
                true
            }
            Delta::Edited(new, old) if whole.contains(&index) => {
                let mut probe = Update::new();
                let differs = probe
                    .change(
                        &field.attribute_name,
                        stored.bytes(old),
                        &bytes[new.clone()],
                    )
                    .map_err(|error| malformed(py, &error))?;
                if differs {
                    changes
                        .update
                        .set(&field.attribute_name, &bytes[new.clone()]);
                }
                differs
            }
            Delta::Edited(new, old) => changes
                .update
                .change(
                    &field.attribute_name,
                    stored.bytes(old),
                    &bytes[new.clone()],
                )
                .map_err(|error| malformed(py, &error))?,
        };
        if differs {
            changes.fields.push(index);
            changes.deltas.push((index, delta));
        }
    }
    changes.scratch = w.into_bytes();
    Ok(changes)
}

/// The fields whose values are not what is stored: edited, of unknown outcome, or unfit to be stored.
pub(crate) fn edited(instance: &Bound<'_, Instance>) -> PyResult<Vec<usize>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let state = instance.borrow();
    let mut found = state.unsettled.clone();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(found);
    };
    let mut w = Writer::with_capacity(256);
    for (index, field) in schema.get().fields().enumerate() {
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        let differs = match compare(&mut w, field, stored, index, &value, false) {
            Ok(Delta::Same) => false,
            Ok(Delta::Edited(new, old)) => Update::new()
                .change(
                    &field.attribute_name,
                    stored.bytes(&old),
                    &w.as_bytes()[new],
                )
                .map_err(|error| malformed(py, &error))?,
            Ok(Delta::Removed | Delta::Set(_)) | Err(_) => true,
        };
        if differs && !found.contains(&index) {
            found.push(index);
        }
    }
    Ok(found)
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
    write_attribute(w, field, value)?;
    let new = start..w.len();
    if forced {
        return Ok(Delta::Set(new));
    }
    Ok(match slot {
        Slot::Bytes(old) if stored.bytes(old) == &w.as_bytes()[new.clone()] => Delta::Same,
        Slot::Bytes(old) => Delta::Edited(new, old.clone()),
        Slot::FilledBytes(old) if stored.bytes(old) == &w.as_bytes()[new.clone()] => Delta::Same,
        Slot::Absent | Slot::FilledBytes(_) => Delta::Set(new),
        Slot::Scalar(old) | Slot::FilledScalar(old) => {
            let old = old.bind(py);
            if old.is_none() {
                return Ok(Delta::Set(new));
            }
            write_attribute(w, field, old)?;
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

impl Changes {
    /// The item as it will be stored once these changes are applied.
    pub(crate) fn applied_to(&self, instance: &Bound<'_, Instance>) -> PyResult<Stored> {
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
            slots.push(match (delta, slot) {
                (Some(Delta::Removed), _) => Slot::Absent,
                (Some(Delta::Set(new) | Delta::Edited(new, _)), _) => {
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
        Slot::Absent => Ok(py.None().into_bound(py)),
        Slot::Scalar(value) | Slot::FilledScalar(value) => Ok(value.bind(py).clone()),
        Slot::Bytes(range) | Slot::FilledBytes(range) => {
            let read = || -> Read<Bound<'py, PyAny>> {
                Decoder::new(py).value(&mut Reader::new(stored.bytes(range))?, &field.kind)
            };
            read().map_err(|problem| raise(py, problem, schema, field))
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
        for field in schema.fields() {
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

/// The attributes as a dictionary of plain values; `mode="json"` gives what `json.dumps` takes.
#[pyfunction]
#[pyo3(signature = (instance, mode, /))]
pub(crate) fn dump<'py>(
    instance: &Bound<'py, Instance>,
    mode: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let py = instance.py();
    let json = match mode {
        "json" => true,
        "python" => false,
        other => {
            return Err(crate::error::validation_error(
                py,
                &format!("mode must be 'python' or 'json', not {other:?}"),
            ));
        }
    };
    let schema = schema_of(instance)?;
    let dumped = PyDict::new(py);
    for field in schema.get().fields() {
        let value = ffi::get_attribute(instance, field.name.bind(py))?;
        dumped.set_item(&field.name, plain(&value, json)?)?;
    }
    Ok(dumped)
}

/// A copy that shares no container with the original.
fn plain<'py>(value: &Bound<'py, PyAny>, json: bool) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    if value.is_exact_instance_of::<PyString>() {
        return Ok(value.clone());
    }
    if let Ok(dict) = value.cast::<PyDict>() {
        let copy = PyDict::new(py);
        for (key, member) in dict.iter() {
            copy.set_item(key, plain(&member, json)?)?;
        }
        return Ok(copy.into_any());
    }
    if let Ok(list) = value.cast::<PyList>() {
        let copy = list
            .iter()
            .map(|element| plain(&element, json))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(PyList::new(py, copy)?.into_any());
    }
    if let Ok(set) = value.cast::<PySet>() {
        let members = set
            .iter()
            .map(|member| plain(&member, json))
            .collect::<PyResult<Vec<_>>>()?;
        return Ok(if json {
            PyList::new(py, members)?.into_any()
        } else {
            PySet::new(py, members)?.into_any()
        });
    }
    if json && let Ok(bytes) = value.cast::<pyo3::types::PyBytes>() {
        return Ok(PyString::new(py, &crate::decode::base64_text(bytes.as_bytes())).into_any());
    }
    if json && value.is_instance(encode::decimal_type(py)?)? {
        return Ok(value.str()?.into_any());
    }
    Ok(value.clone())
}
