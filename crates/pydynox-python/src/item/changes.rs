//! Changes: what differs in an instance since it was read or written, found by identity first, then by bytes.

use std::ops::Range;

use pydynox_core::expression::update::{Update, covers};
use pydynox_core::wire::{Reader, Value, WireError, Writer, is_set};
use pyo3::prelude::*;

use crate::exceptions::malformed;
use crate::item::set_forms;
use crate::model::item::Item;
use crate::model::problems::Problems;
use crate::model::protection;
use crate::model::snapshot::{Slot, Stored};
use crate::values::admit::admit;
use crate::values::decode::Decoder;
use crate::values::encode::{self, is_absent, write_attribute};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::missing;
use crate::values::problem;
use crate::values::unreadable::Read;

/// Whether a value differs from what was read or written, whatever a call did since. One that cannot be stored does.
pub(crate) fn is_altered(
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

/// What happened to one attribute since the item was read or written.
pub(super) enum Delta {
    Same,
    Removed,
    /// Written whole; where its bytes are in the scratch buffer.
    Set(Range<usize>),
    /// A container whose bytes differ: where the new ones are, and where the old ones are kept.
    Edited(Range<usize>, Range<u32>),
    /// The same where the old bytes, as this program would have written them, are in the scratch buffer too.
    Rewritten(Range<usize>, Range<usize>),
}

/// The changed attributes of a stored instance.
pub(crate) struct Changes {
    /// What to send.
    pub(crate) update: Update,
    /// The fields that it changes.
    pub(crate) fields: Vec<usize>,
    /// What cannot be stored.
    pub(crate) problems: Problems,
    pub(super) scratch: Vec<u8>,
    pub(super) deltas: Vec<(usize, Delta)>,
}

/// Compare an instance with what it was read or written as. `whole` are fields that are replaced as one value if they changed.
pub(crate) fn changes(item: &Item<'_, '_>, whole: &[usize]) -> PyResult<Changes> {
    let py = item.py();
    let schema = item.model();
    let state = item.instance.borrow();
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
        if field.is_managed() {
            continue;
        }
        let value = item.value(field)?;
        let forced = state.unsettled.contains(&index);
        let delta = match compare(&mut w, field, stored, index, &value, forced) {
            Ok(delta) => delta,
            Err(problem) => {
                changes.problems.push((
                    field.text.to_string(),
                    field.describe(&schema.name, &problem),
                ));
                continue;
            }
        };
        let bytes = w.as_bytes();
        // Keys of indexes are strings, numbers or bytes, which only ever change as a whole.
        if let Delta::Set(new) = &delta
            && let Err(problem) = schema.fits_index(index, &bytes[new.clone()])
        {
            changes.problems.push((
                field.text.to_string(),
                problem.describe(&schema.name, &field.text),
            ));
            continue;
        }
        let update = &mut changes.update;
        let differs = match &delta {
            Delta::Same => false,
            Delta::Removed => {
                // Which members of an unsettled set are stored is unknown, so such a set is removed as a whole.
                let empties = !forced && !value.is_none();
                remove(update, field, stored, &stored.slots[index], empties);
                true
            }
            Delta::Set(new) => {
                let new = &bytes[new.clone()];
                // A set that is not stored is one without members, to which others may have added some.
                let fills = matches!(stored.slots[index], Slot::Absent) && !forced;
                if fills
                    && field.protected.is_none()
                    && missing::is_set(&field.kind)
                    && is_set(new)
                    && !whole.contains(&index)
                {
                    update.fill_set(&field.attribute_name, new);
                } else {
                    set_whole(update, field, new);
                }
                true
            }
            Delta::Edited(..) | Delta::Rewritten(..) => {
                let (new, old) = delta.bytes(bytes, stored);
                // DynamoDB cannot look into a protected value, so no path leads into one.
                let as_one = whole.contains(&index) || field.protected.is_some();
                edit(update, field, (old, new), as_one).map_err(|error| malformed(py, &error))?
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

/// Remove an attribute. An emptied set loses only the members that were read, so that members which another writer adds
/// meanwhile survive; `empties` says that the new value is an empty set.
fn remove(update: &mut Update, field: &Field, stored: &Stored, slot: &Slot, empties: bool) {
    match slot {
        Slot::Bytes(members)
            if empties && field.protected.is_none() && is_set(stored.bytes(members)) =>
        {
            update.empty_set(&field.attribute_name, stored.bytes(members));
        }
        _ => update.remove(&field.attribute_name),
    }
}

/// Change what differs inside a value, or replace it `as_one`; whether anything differs.
fn edit(
    update: &mut Update,
    field: &Field,
    (old, new): (&[u8], &[u8]),
    as_one: bool,
) -> Result<bool, WireError> {
    if !as_one {
        return update.change(&field.attribute_name, old, new);
    }
    let differs = Update::new().change(&field.attribute_name, old, new)?;
    if differs {
        set_whole(update, field, new);
    }
    Ok(differs)
}

fn set_whole(update: &mut Update, field: &Field, value: &[u8]) {
    match &field.protected {
        None => update.set(&field.attribute_name, value),
        Some(_) => update.set(&field.attribute_name, &protection::marked(value, field)),
    }
}

/// The fields whose values are not what is stored: edited, of unknown outcome, or not storable.
pub(crate) fn edited(item: &Item<'_, '_>) -> PyResult<Vec<usize>> {
    let py = item.py();
    let state = item.instance.borrow();
    let mut fields = state.unsettled.to_vec();
    let Some(stored) = state.stored.as_deref() else {
        return Ok(fields);
    };
    let mut w = Writer::with_capacity(256);
    for (index, field) in item.model().fields().enumerate() {
        if field.is_managed() {
            continue;
        }
        let value = item.value(field)?;
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
        if differs && !fields.contains(&index) {
            fields.push(index);
        }
    }
    Ok(fields)
}

/// Whether this is the value that was read with another type than declared, edited or not.
#[inline]
pub(crate) fn is_raw(field: &Field, slot: &Slot, value: &Bound<'_, PyAny>) -> bool {
    match slot {
        Slot::Raw(old, _) => old.is(value) || admit(&field.kind, value).is_err(),
        _ => false,
    }
}

impl Delta {
    /// A container's bytes now, and before.
    fn bytes<'a>(&self, scratch: &'a [u8], stored: &'a Stored) -> (&'a [u8], &'a [u8]) {
        match self {
            Self::Edited(new, old) => (&scratch[new.clone()], stored.bytes(old)),
            Self::Rewritten(new, old) => (&scratch[new.clone()], &scratch[old.clone()]),
            Self::Set(new) => (&scratch[new.clone()], &[]),
            Self::Same | Self::Removed => (&[], &[]),
        }
    }
}

/// Identity first, then the bytes; the core sorts out what only looks different (the order of a map).
fn compare(
    w: &mut Writer,
    field: &Field,
    stored: &Stored,
    index: usize,
    value: &Bound<'_, PyAny>,
    forced: bool,
) -> problem::Checked<Delta> {
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
        // A NULL that another writer stored reads as None; it is not ours to remove.
        let is_null = match slot {
            Slot::Scalar(old) => old.is_none(py),
            Slot::Bytes(old) => Value::parse(stored.bytes(old)) == Ok(Value::Null),
            _ => false,
        };
        let null = is_null && value.is_none();
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
        // As its own type, which is not the declared one.
        encode::write_value(w, &Kind::Any, value, 0)?;
        return Ok(Delta::Edited(start..w.len(), range.clone()));
    }
    if let Err(problem) = write_attribute(w, field, value, 0) {
        w.truncate(start);
        return match slot {
            Slot::Bytes(old)
                if field.loose && !forced && reads_as(field, stored.bytes(old), value) =>
            {
                Ok(Delta::Same)
            }
            _ => Err(problem),
        };
    }
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
            // Only the bytes tell: to Python True equals 1, and DynamoDB stores them as two types.
            write_attribute(w, field, old, 0)?;
            let same = w.as_bytes()[new.clone()] == w.as_bytes()[new.end..];
            w.truncate(new.end);
            if same { Delta::Same } else { Delta::Set(new) }
        }
    })
}

/// Whether this is what was read, of which the declared form may hold less than another writer stored.
#[cold]
fn reads_as(field: &Field, stored: &[u8], value: &Bound<'_, PyAny>) -> bool {
    let read = || -> Read<Bound<'_, PyAny>> {
        Decoder::new(value.py()).value(&mut Reader::new(stored)?, &field.kind)
    };
    read().is_ok_and(|old| old.eq(value).unwrap_or(false))
}

/// Compare with what this program would have written for what was stored: other writers encode the same value differently, and
/// a class may drop members and fill in defaults. Returns the new bytes where this cannot be decided.
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
    // Paths must lead only through what really exists.
    if !covers(stored, &bytes[again.clone()]) {
        return Ok(Delta::Set(new));
    }
    let both = (&bytes[again.clone()], &bytes[new.clone()]);
    let Some((before, after)) = set_forms::as_stored(py, &field.kind, stored, both) else {
        return Ok(Delta::Rewritten(new, again));
    };
    w.truncate(new.start);
    w.raw(&after);
    let middle = w.len();
    w.raw(&before);
    Ok(Delta::Rewritten(new.start..middle, middle..w.len()))
}
