//! What pydynox itself writes with every write of a model: its version, and when it was made and last changed.

use crate::model::instance::is_stored;
use std::borrow::Cow;

use pydynox_core::error::Error;
use pydynox_core::expression::action::{Actions, Source, Term};
use pydynox_core::expression::condition::{Comparator, Condition, Operand};
use pydynox_core::expression::path::Path;
use pydynox_core::id::uuid4;
use pydynox_core::retry::proof::Proof;
use pydynox_core::time::{Instant, scaled, unscaled};
use pydynox_core::wire::{Reader, Value, Writer};
use pyo3::prelude::*;

use crate::exceptions::{internal, malformed, raise, validation_error};
use crate::interpreter::ffi;
use crate::item::stored;
use crate::model::instance::{Instance, Slot, Stored, schema_of};
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::encode::write_value;
use crate::values::field::Field;
use crate::values::kind::{Clock, Kind};
use crate::values::scalar::instant;

/// One attribute as a write makes it.
struct Entry<'py> {
    index: usize,
    json: Vec<u8>,
    value: Bound<'py, PyAny>,
}

/// What one write adds to what the user asks for.
#[derive(Default)]
pub(crate) struct Kept<'py> {
    entries: Vec<Entry<'py>>,
    /// The version that the write relies on.
    guard: Option<Condition>,
    proof: Proof,
}

/// The version that a write of an instance finds.
enum Found<'py> {
    /// Of an item that was read or written: its version, or that it has none.
    Stored(Option<Bound<'py, PyAny>>),
    /// Given to a new instance, as by the body of a request.
    Given(Bound<'py, PyAny>),
    /// Nobody looked.
    Unknown,
}

impl<'py> Kept<'py> {
    /// Of an item that must not be there yet.
    pub(crate) fn of_create(py: Python<'py>, schema: &Schema) -> PyResult<Self> {
        let mut kept = Self::default();
        if !schema.duties.keep_anything() {
            return Ok(kept);
        }
        if let Some(index) = schema.duties.version {
            kept.number(py, schema, index, 1)?;
        }
        kept.stamp(py, schema, true)?;
        Ok(kept)
    }

    /// Of a whole item that replaces another.
    pub(crate) fn of_put(instance: &Bound<'py, Instance>) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let schema = schema.get();
        let mut kept = Self::default();
        if !schema.duties.keep_anything() {
            return Ok(kept);
        }
        if let Some(index) = schema.duties.version {
            match found(instance, index)? {
                // Nobody knows the version that is replaced, and a reader of it must not take this item for the one it read:
                // no count of writes comes near the microseconds since 1970.
                Found::Unknown => {
                    kept.number(py, schema, index, Instant::now().microseconds().into())?;
                }
                version => kept.advance(py, schema, index, &version)?,
            }
            kept.rely_on_creation(instance, schema)?;
        }
        kept.stamp(py, schema, !is_stored(instance))?;
        Ok(kept)
    }

    /// Of a change of an item that was read or written.
    pub(crate) fn of_change(instance: &Bound<'py, Instance>) -> PyResult<Self> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let schema = schema.get();
        let mut kept = Self::default();
        if !schema.duties.keep_anything() {
            return Ok(kept);
        }
        if let Some(index) = schema.duties.version {
            kept.advance(py, schema, index, &found(instance, index)?)?;
            kept.rely_on_creation(instance, schema)?;
        }
        kept.stamp(py, schema, false)?;
        Ok(kept)
    }

    /// Only what must be there: of a delete, or of a check.
    pub(crate) fn of_check(instance: &Bound<'py, Instance>) -> PyResult<Self> {
        let schema = schema_of(instance)?;
        let schema = schema.get();
        let mut kept = Self::default();
        if let Some(index) = schema.duties.version {
            kept.rely(instance.py(), schema, index, &found(instance, index)?)?;
            kept.rely_on_creation(instance, schema)?;
        }
        Ok(kept)
    }

    /// The same, with something else that the write itself makes false.
    pub(crate) fn relying_on(self, guard: Condition) -> Self {
        Self {
            guard: Some(guard),
            ..self
        }
    }

    /// Write what is kept beside a caller's actions.
    pub(crate) fn write_into(&self, schema: &Schema, actions: &mut Actions) {
        for (index, json) in self.stored() {
            let term = Term::Source(Source::Value(json.into()));
            actions.keep(&schema.field(index).attribute_name, term);
        }
    }

    /// Whether the write falsifies its own guard, so that it cannot be applied twice.
    pub(crate) fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// What an attribute becomes, where this write decides it.
    pub(crate) fn value(&self, index: usize) -> Option<&Bound<'py, PyAny>> {
        let entry = self.entries.iter().find(|entry| entry.index == index);
        entry.map(|entry| &entry.value)
    }

    /// By field, the stored form of what is kept.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.entries.iter().map(|entry| (entry.index, &*entry.json))
    }

    /// The values that the instance takes over once they are written.
    pub(crate) fn into_values(self) -> Vec<(usize, Py<PyAny>)> {
        let entries = self.entries.into_iter();
        entries
            .map(|entry| (entry.index, entry.value.unbind()))
            .collect()
    }

    /// What must hold: the version, and what the caller asks.
    pub(crate) fn joined<'a>(
        &self,
        condition: Option<&'a Condition>,
    ) -> Result<Option<Cow<'a, Condition>>, Error> {
        Ok(match (&self.guard, condition) {
            (Some(guard), Some(condition)) => Some(Cow::Owned(guard.and(condition)?)),
            (Some(guard), None) => Some(Cow::Owned(guard.clone())),
            (None, condition) => condition.map(Cow::Borrowed),
        })
    }

    /// What tells the write's own item from another's.
    pub(crate) fn proof(&self) -> Option<Box<Proof>> {
        let is_empty = self.proof.version.is_none() && self.proof.mark.is_none();
        (!is_empty).then(|| Box::new(self.proof.clone()))
    }

    fn number(
        &mut self,
        py: Python<'py>,
        schema: &Schema,
        index: usize,
        number: i128,
    ) -> PyResult<()> {
        let json = format!(r#"{{"N":"{number}"}}"#).into_bytes();
        self.push(py, schema, index, json)
    }

    fn push(
        &mut self,
        py: Python<'py>,
        schema: &Schema,
        index: usize,
        json: Vec<u8>,
    ) -> PyResult<()> {
        let field = schema.field(index);
        let value = Reader::new(&json)
            .map_err(Into::into)
            .and_then(|mut r| Decoder::new(py).value(&mut r, &field.kind))
            .map_err(|_| internal(py, "an attribute that is kept has no value of its type"))?;
        self.entries.push(Entry { index, json, value });
        Ok(())
    }

    /// Sets when this write was made, and by it what proves that the item is its own.
    fn stamp(&mut self, py: Python<'py>, schema: &Schema, is_new: bool) -> PyResult<()> {
        let (duties, now) = (&schema.duties, Instant::now());
        let made = duties.created_at.filter(|_| is_new);
        for index in made.into_iter().chain(duties.updated_at) {
            let json = moment(schema.field(index), now);
            self.mark(py, schema, index, json)?;
        }
        if let Some(index) = duties.write_id {
            self.mark(py, schema, index, write_id(py)?)?;
        }
        Ok(())
    }

    /// Writes what no other write writes there.
    fn mark(
        &mut self,
        py: Python<'py>,
        schema: &Schema,
        index: usize,
        json: Vec<u8>,
    ) -> PyResult<()> {
        let name = schema.field(index).attribute_name.clone();
        self.proof.mark = Some((name, json.as_slice().into()));
        self.push(py, schema, index, json)
    }

    fn advance(
        &mut self,
        py: Python<'py>,
        schema: &Schema,
        index: usize,
        version: &Found<'py>,
    ) -> PyResult<()> {
        let next = match version {
            Found::Stored(Some(version)) | Found::Given(version) => {
                version.extract::<i128>()?.saturating_add(1)
            }
            Found::Stored(None) | Found::Unknown => 1,
        };
        self.number(py, schema, index, next)?;
        self.rely(py, schema, index, version)
    }

    fn rely(
        &mut self,
        py: Python<'py>,
        schema: &Schema,
        index: usize,
        version: &Found<'py>,
    ) -> PyResult<()> {
        let field = schema.field(index);
        let path = Path::new(&field.attribute_name);
        let (guard, expected) = match version {
            Found::Unknown => return Ok(()),
            Found::Stored(Some(version)) | Found::Given(version) => {
                let mut w = Writer::with_capacity(32);
                write_value(&mut w, &field.kind, version, 0)
                    .map_err(|problem| problem.raise(py, &schema.name, field))?;
                let expected: Box<[u8]> = w.into_bytes().into();
                let equal = Condition::compare(
                    Comparator::Equal,
                    Operand::Path(path),
                    Operand::Value(expected.clone()),
                );
                (equal, Some(expected))
            }
            Found::Stored(None) => {
                let key = Path::new(&schema.partition_key().attribute_name);
                let both = Condition::exists(key).and(&Condition::not_exists(path));
                let both = both.map_err(|error| internal(py, error.message()))?;
                (both, None)
            }
        };
        self.guard = Some(guard);
        self.proof.version = Some((field.attribute_name.clone(), expected));
        Ok(())
    }

    /// An item that was deleted and created again counts its versions from one again: what was read of its creation tells the
    /// two apart. Compared as it was stored, since others may have written the same moment in another form.
    fn rely_on_creation(
        &mut self,
        instance: &Bound<'py, Instance>,
        schema: &Schema,
    ) -> PyResult<()> {
        let (Some(index), Some(guard)) = (schema.duties.created_at, &self.guard) else {
            return Ok(());
        };
        let Some(read) = stored::stored_json(instance, index)? else {
            return Ok(());
        };
        let name = &schema.field(index).attribute_name;
        let read: Box<[u8]> = read.into();
        let unchanged = Condition::compare(
            Comparator::Equal,
            Operand::Path(Path::new(name)),
            Operand::Value(read.clone()),
        );
        let both = guard.and(&unchanged);
        self.guard = Some(both.map_err(|error| internal(instance.py(), error.message()))?);
        self.proof.created_at = Some((name.clone(), read));
        Ok(())
    }
}

/// The version of the item behind an instance.
fn found<'py>(instance: &Bound<'py, Instance>, index: usize) -> PyResult<Found<'py>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let field = schema.get().field(index);
    let state = instance.borrow();
    if let Some(stored) = state.stored.as_deref() {
        return stored_version(py, schema.get(), field, stored, index);
    }
    drop(state);
    let given = ffi::get_attribute(instance, field.name.bind(py))?;
    let is_zero = given.is_none() || given.eq(0)?;
    Ok(if is_zero {
        Found::Unknown
    } else {
        Found::Given(given)
    })
}

fn stored_version<'py>(
    py: Python<'py>,
    schema: &Schema,
    field: &Field,
    stored: &Stored,
    index: usize,
) -> PyResult<Found<'py>> {
    match &stored.slots[index] {
        Slot::Scalar(version) => Ok(Found::Stored(Some(version.bind(py).clone()))),
        Slot::Absent | Slot::FilledScalar(_) => Ok(Found::Stored(None)),
        _ => Err(validation_error(
            py,
            &format!(
                "{}.{} is no number in the stored item: this instance cannot be written with its version",
                schema.name, field.text
            ),
        )),
    }
}

/// A point in time as this field stores it.
fn moment(field: &Field, at: Instant) -> Vec<u8> {
    match field.kind.present() {
        Kind::Datetime(Clock::WholeSeconds) => {
            let seconds = at.microseconds().div_euclid(1_000_000);
            format!(r#"{{"N":"{seconds}"}}"#).into_bytes()
        }
        Kind::Datetime(clock @ (Clock::Seconds | Clock::Milliseconds)) => {
            let number = unscaled(at.microseconds(), clock.digits());
            format!(r#"{{"N":"{number}"}}"#).into_bytes()
        }
        _ => format!(r#"{{"S":"{}"}}"#, at.text()).into_bytes(),
    }
}

/// A name that no other write has.
fn write_id(py: Python<'_>) -> PyResult<Vec<u8>> {
    let id = uuid4().map_err(|error| raise(py, &error))?;
    Ok(format!(r#"{{"S":"{id:032x}"}}"#).into_bytes())
}

/// Whether the time of an item is over: what DynamoDB may delete, and deletes within days.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn is_expired(instance: &Bound<'_, Instance>) -> PyResult<bool> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let Some(index) = schema.get().duties.expires_at else {
        return Err(validation_error(
            py,
            &format!(
                "{} has no attribute by which items expire: declare one with ttl()",
                schema.get().name
            ),
        ));
    };
    let field = schema.get().field(index);
    let value = ffi::get_attribute(instance, field.name.bind(py))?;
    if value.is_none() {
        return Ok(false);
    }
    let at = instant(&value).map_err(|problem| problem.raise(py, &schema.get().name, field))?;
    Ok(at <= Instant::now())
}

/// Whether a stored item counts as absent because its time is over.
pub(crate) fn is_over(py: Python<'_>, schema: &Schema, item: &[u8]) -> PyResult<bool> {
    let Some(index) = schema.duties.expires_at.filter(|_| schema.hides_expired) else {
        return Ok(false);
    };
    let read = || Value::read_map(&mut Reader::new(item)?);
    let stored = read().map_err(|error| malformed(py, &error))?;
    let Some(Value::N(number)) = stored.get(&*schema.field(index).attribute_name) else {
        return Ok(false);
    };
    let at = scaled(&number.to_string(), 6).ok();
    Ok(at.is_some_and(|at| at <= Instant::now().microseconds()))
}

/// That the time of an item is over, where the model's readers see such an item as absent.
pub(crate) fn expired_condition(schema: &Schema) -> Option<Condition> {
    let index = schema.duties.expires_at.filter(|_| schema.hides_expired)?;
    let field = schema.field(index);
    let now = moment(field, Instant::now());
    Some(Condition::compare(
        Comparator::LessOrEqual,
        Operand::Path(Path::new(&field.attribute_name)),
        Operand::Value(now.into()),
    ))
}

/// Let an update by key keep what an instance would: `upsert` says that it may make the item.
pub(crate) fn keep_by_key(
    py: Python<'_>,
    schema: &Schema,
    actions: &mut Actions,
    upsert: bool,
) -> PyResult<()> {
    let duties = &schema.duties;
    if !duties.keep_anything() {
        return Ok(());
    }
    let now = Instant::now();
    let value = |json: &[u8]| Source::Value(json.into());
    let or = |field: &Field, json: &[u8]| {
        Source::IfNotExists(Path::new(&field.attribute_name), Box::new(value(json)))
    };
    if let Some(index) = duties.version {
        let field = schema.field(index);
        let one = value(br#"{"N":"1"}"#);
        actions.keep(
            &field.attribute_name,
            Term::Plus(or(field, br#"{"N":"0"}"#), one),
        );
    }
    if let Some(index) = duties.updated_at {
        let field = schema.field(index);
        actions.keep(
            &field.attribute_name,
            Term::Source(value(&moment(field, now))),
        );
    }
    if let Some(index) = duties.created_at.filter(|_| upsert) {
        let field = schema.field(index);
        let first = or(field, &moment(field, now));
        actions.keep(&field.attribute_name, Term::Source(first));
    }
    if let Some(index) = duties.write_id {
        let field = schema.field(index);
        actions.keep(&field.attribute_name, Term::Source(value(&write_id(py)?)));
    }
    Ok(())
}
