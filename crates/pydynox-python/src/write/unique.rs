//! Values that only one item has: which guards a write takes and lets go of, and what is refused because it would not know them.

use crate::model::instance::is_stored;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::expression::action::Actions;
use pydynox_core::expression::condition::{Comparator, Condition, Operand};
use pydynox_core::expression::path::Path;
use pydynox_core::operation::put_item;
use pydynox_core::operation::transact_write_items::Verb;
use pydynox_core::transaction::Transaction;
use pydynox_core::unique::{self, Claim, Taken};
use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::failure::{Subject, raise_about, taken};
use crate::exceptions::{internal, malformed, raise, validation_error, validation_errors};
use crate::interpreter::ffi;
use crate::item::managed::expired_condition;
use crate::item::stored;
use crate::item::write;
use crate::model::constraint::Constraint;
use crate::model::instance::{Instance, schema_of};
use crate::model::schema::Schema;
use crate::values::decode::{self, Decoder};
use crate::values::encode::{is_absent, write_attribute};

/// What an item has in the attributes of a constraint: JSON text of each, None where one of them has no value.
type Values = Option<Vec<Vec<u8>>>;

/// A guard that a write takes or lets go of.
struct Hold {
    claim: Claim,
    is_taken: bool,
    constraint: usize,
    /// The values, for messages.
    shown: String,
    /// What holds for an item that has not these values.
    is_free: Condition,
}

/// The guards of one write.
pub(crate) struct Guards {
    instance: Py<Instance>,
    /// The key of the item, JSON text of a map.
    owner: Vec<u8>,
    holds: Vec<Hold>,
}

impl Guards {
    /// The key of the item, JSON text of a map.
    pub(crate) fn owner(&self) -> &[u8] {
        &self.owner
    }
}

/// What a change means to the constraints of its model.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) guards: Option<Guards>,
    /// That the stored item has the values that were read, or those that are written.
    pub(crate) condition: Option<Condition>,
}

impl Change {
    /// Of an item that is written first.
    pub(crate) fn created(instance: &Bound<'_, Instance>) -> PyResult<Self> {
        Ok(Self {
            guards: of_create(instance)?,
            condition: None,
        })
    }
}

fn of_create(instance: &Bound<'_, Instance>) -> PyResult<Option<Guards>> {
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let mut holds = Vec::new();
    for (number, constraint) in schema.unique.iter().enumerate() {
        if let Some(values) = values(instance, schema, constraint, |_| true)? {
            holds.push(hold(instance, schema, number, &values, true)?);
        }
    }
    guards(instance, holds)
}

/// The guards of a change of a stored item; `whole` says that all of it is written, unchanged attributes too.
pub(crate) fn of_change(
    instance: &Bound<'_, Instance>,
    is_changed: impl Fn(usize) -> bool,
    whole: bool,
) -> PyResult<Change> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let (mut holds, mut condition) = (Vec::new(), None);
    for (number, constraint) in schema.unique.iter().enumerate() {
        let before = values(instance, schema, constraint, |_| false)?;
        let after = values(instance, schema, constraint, &is_changed)?;
        let is_moved = claim(py, schema, constraint, before.as_deref())?
            != claim(py, schema, constraint, after.as_deref())?;
        let is_touched = whole || constraint.fields.iter().any(|index| is_changed(*index));
        if !is_touched {
            continue;
        }
        let mut known = as_stored(instance, schema, constraint, |_| false)?;
        if is_moved {
            let written = as_stored(instance, schema, constraint, &is_changed)?;
            known = known.or(&written).map_err(|error| raise(py, &error))?;
            for (values, is_taken) in [(before, false), (after, true)] {
                if let Some(values) = values {
                    holds.push(hold(instance, schema, number, &values, is_taken)?);
                }
            }
        } else if whole && let Some(values) = after {
            // Where there is no guard yet, it gets one.
            holds.push(hold(instance, schema, number, &values, true)?);
        }
        condition = Some(both(py, condition, known)?);
    }
    Ok(Change {
        guards: guards(instance, holds)?,
        condition,
    })
}

/// The guards of a deletion.
pub(crate) fn of_delete(instance: &Bound<'_, Instance>) -> PyResult<Change> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    if schema.unique.is_empty() {
        return Ok(Change::default());
    }
    if !is_stored(instance) {
        return Err(unknown(py, schema, "delete()"));
    }
    let (mut holds, mut condition) = (Vec::new(), None);
    for (number, constraint) in schema.unique.iter().enumerate() {
        if let Some(values) = values(instance, schema, constraint, |_| false)? {
            holds.push(hold(instance, schema, number, &values, false)?);
        }
        let known = as_stored(instance, schema, constraint, |_| false)?;
        condition = Some(both(py, condition, known)?);
    }
    let absent = Condition::not_exists(Path::new(&schema.partition_key().attribute_name));
    let condition = condition
        .map(|known| absent.or(&known))
        .transpose()
        .map_err(|error| raise(py, &error))?;
    Ok(Change {
        guards: guards(instance, holds)?,
        condition,
    })
}

/// What a stored item holds that only one item has: the names of the attributes, their stored names and values, and the guard
/// that has to be there, the last two in `DynamoDB`'s JSON.
type Claimed<'py> = (Vec<String>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// What a stored item holds that only one item has.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn claims<'py>(instance: &Bound<'py, Instance>) -> PyResult<Vec<Claimed<'py>>> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let schema = schema.get();
    let mut owner = Writer::with_capacity(64);
    write::write_key(&mut owner, instance)?;
    let json = |text: &[u8]| {
        let read = || decode::json(py, &mut Reader::new(text)?);
        read().map_err(|_| internal(py, "a guard of ours that cannot be read"))
    };
    let mut found = Vec::new();
    for constraint in &schema.unique {
        let Some(values) = values(instance, schema, constraint, |_| false)? else {
            continue;
        };
        let Some(claim) = claim(py, schema, constraint, Some(&values))? else {
            continue;
        };
        let mut stored = Writer::with_capacity(64);
        for (position, (index, value)) in constraint.fields.iter().zip(&values).enumerate() {
            stored.byte(if position == 0 { b'{' } else { b',' });
            stored.raw(&schema.field(*index).label);
            stored.raw(value);
        }
        stored.byte(b'}');
        let body = claim
            .take(&schema.item, "", owner.as_bytes(), None)
            .map_err(|error| raise(py, &error))?;
        let guard = put_item::item(&body)
            .map_err(|error| malformed(py, &error))?
            .ok_or_else(|| internal(py, "a guard without an item"))?;
        let names = constraint.names.iter().map(ToString::to_string).collect();
        found.push((names, json(stored.as_bytes())?, json(&body[guard])?));
    }
    Ok(found)
}

/// Refuse what replaces or deletes an item without knowing its values.
pub(crate) fn refuse_unknown(py: Python<'_>, schema: &Schema, verb: &str) -> PyResult<()> {
    if schema.unique.is_empty() {
        Ok(())
    } else {
        Err(unknown(py, schema, verb))
    }
}

/// Refuse actions on attributes whose values are unique.
pub(crate) fn refuse_actions(py: Python<'_>, schema: &Schema, actions: &Actions) -> PyResult<()> {
    let fields = schema.unique.iter().flat_map(|one| one.fields.iter());
    let touched = fields
        .map(|index| schema.field(*index))
        .find(|field| actions.touches(&field.attribute_name));
    let Some(field) = touched else {
        return Ok(());
    };
    let (model, name) = (&schema.name, &field.text);
    let message = format!(
        "{model}.{name} is unique, and an update cannot tell which value it replaces: load the item, assign {name}, and save() it"
    );
    Err(validation_errors(py, vec![(name.to_string(), message)]))
}

pub(crate) fn unknown(py: Python<'_>, schema: &Schema, verb: &str) -> PyErr {
    let names: Vec<_> = schema
        .unique
        .iter()
        .map(|one| one.describe(&schema.name))
        .collect();
    validation_error(
        py,
        &format!(
            "{} is unique, and {verb} of an item that was not read cannot tell which value becomes free: load the item first",
            names.join(", ")
        ),
    )
}

fn guards(instance: &Bound<'_, Instance>, holds: Vec<Hold>) -> PyResult<Option<Guards>> {
    if holds.is_empty() {
        return Ok(None);
    }
    let mut w = Writer::with_capacity(64);
    write::write_key(&mut w, instance)?;
    Ok(Some(Guards {
        instance: instance.clone().unbind(),
        owner: w.into_bytes(),
        holds,
    }))
}

/// The stored form of an attribute: as it is now where it is new, else as it was read.
fn value(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    index: usize,
    is_new: bool,
) -> PyResult<Option<Vec<u8>>> {
    if !is_new {
        return stored::stored_json(instance, index);
    }
    let py = instance.py();
    let field = schema.field(index);
    let now = ffi::get_attribute(instance, field.name.bind(py))?;
    if is_absent(field, &now) {
        return Ok(None);
    }
    let mut w = Writer::with_capacity(32);
    write_attribute(&mut w, field, &now, 0)
        .map_err(|problem| problem.raise(py, &schema.name, field))?;
    Ok(Some(w.into_bytes()))
}

fn values(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    constraint: &Constraint,
    is_new: impl Fn(usize) -> bool,
) -> PyResult<Values> {
    let found = constraint
        .fields
        .iter()
        .map(|index| value(instance, schema, *index, is_new(*index)));
    let found: Option<Vec<_>> = found.collect::<PyResult<_>>()?;
    // NULL is no value either.
    Ok(found.filter(|values| !values.iter().any(|json| json == br#"{"NULL":true}"#)))
}

fn claim(
    py: Python<'_>,
    schema: &Schema,
    constraint: &Constraint,
    values: Option<&[Vec<u8>]>,
) -> PyResult<Option<Claim>> {
    let Some(values) = values else {
        return Ok(None);
    };
    let named: Vec<(&str, &[u8])> = constraint
        .fields
        .iter()
        .map(|index| &*schema.field(*index).attribute_name)
        .zip(values.iter().map(Vec::as_slice))
        .collect();
    Claim::new(&constraint.of, &named)
        .map(Some)
        .map_err(|error| malformed(py, &error))
}

fn hold(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    number: usize,
    values: &[Vec<u8>],
    is_taken: bool,
) -> PyResult<Hold> {
    let py = instance.py();
    let constraint = &schema.unique[number];
    let claim = claim(py, schema, constraint, Some(values))?
        .ok_or_else(|| internal(py, "a unique value that is none"))?;
    let fields = constraint.fields.iter().zip(values);
    let mut has = None;
    for (index, json) in fields {
        let one = equals(schema, *index, Some(json));
        has = Some(both(py, has, one)?);
    }
    let absent = Condition::not_exists(Path::new(&schema.partition_key().attribute_name));
    let has = has.ok_or_else(|| internal(py, "a constraint of no attributes"))?;
    let is_free = has.not().and_then(|lacks| absent.or(&lacks));
    let is_free = is_free.and_then(|free| match expired_condition(schema) {
        Some(expired) => free.or(&expired),
        None => Ok(free),
    });
    Ok(Hold {
        claim,
        is_taken,
        constraint: number,
        shown: shown(py, schema, constraint, values),
        is_free: is_free.map_err(|error| raise(py, &error))?,
    })
}

/// Values as the program writes them.
fn shown(py: Python<'_>, schema: &Schema, constraint: &Constraint, values: &[Vec<u8>]) -> String {
    let all = constraint.names.iter().filter_map(|name| {
        let index = schema.position(name)?;
        let place = constraint.fields.iter().position(|one| *one == index)?;
        let mut r = Reader::new(values.get(place)?).ok()?;
        let value = Decoder::new(py)
            .value(&mut r, &schema.field(index).kind)
            .ok()?;
        Some(value.repr().ok()?.to_string())
    });
    all.collect::<Vec<_>>().join(", ")
}

fn equals(schema: &Schema, index: usize, json: Option<&[u8]>) -> Condition {
    let path = Path::new(&schema.field(index).attribute_name);
    match json {
        Some(json) => Condition::compare(
            Comparator::Equal,
            Operand::Path(path),
            Operand::Value(json.into()),
        ),
        None => Condition::not_exists(path),
    }
}

/// That the stored item has these values in all attributes of a constraint.
fn as_stored(
    instance: &Bound<'_, Instance>,
    schema: &Schema,
    constraint: &Constraint,
    is_new: impl Fn(usize) -> bool,
) -> PyResult<Condition> {
    let py = instance.py();
    let mut all = None;
    for index in &constraint.fields {
        let json = value(instance, schema, *index, is_new(*index))?;
        all = Some(both(py, all, equals(schema, *index, json.as_deref()))?);
    }
    all.ok_or_else(|| internal(py, "a constraint of no attributes"))
}

fn both(py: Python<'_>, one: Option<Condition>, other: Condition) -> PyResult<Condition> {
    match one {
        None => Ok(other),
        Some(one) => one.and(&other).map_err(|error| raise(py, &error)),
    }
}

/// A guard's operation in a transaction, for its error.
pub(crate) struct Stake {
    instance: Py<Instance>,
    constraint: usize,
    is_taken: bool,
    shown: String,
}

impl Stake {
    pub(crate) fn instance(&self) -> &Py<Instance> {
        &self.instance
    }

    /// The exception of a guard that stood in the way, and what is said of it.
    pub(crate) fn failure(
        &self,
        py: Python<'_>,
        error: Error,
        shows_keys: bool,
        shows_values: bool,
    ) -> PyResult<(PyErr, String)> {
        let ErrorKind::ConditionFailed { item } = error.kind() else {
            let made = raise_about(py, &error, None);
            return Ok((made, error.to_string()));
        };
        let instance = self.instance.bind(py);
        let schema = schema_of(instance)?;
        let model = schema.get();
        let constraint = &model.unique[self.constraint];
        let holder = item.as_ref().and_then(|guard| holder(py, model, guard));
        let mut what = constraint.describe(&model.name);
        if shows_values {
            what = format!("{what} = {}", self.shown);
        }
        let by = match &holder {
            Some(holder) if shows_keys => holder.repr()?.to_string(),
            _ => "another item".to_owned(),
        };
        let text = if self.is_taken {
            format!("{what} is taken by {by}, and nothing was written")
        } else {
            format!(
                "{what} should be this item's to give up, and its guard is of {by}; nothing was written"
            )
        };
        let item = item.clone();
        let error = error.with_kind(ErrorKind::UniqueConstraint { item });
        let subject = Subject {
            schema: Some(schema.clone()),
            key: write::key_of(instance).ok(),
            condition: None,
            builds_on: false,
            shows_keys,
            shows_values,
        };
        let names = PyTuple::new(py, constraint.names.iter().map(|name| &**name))?;
        Ok((taken(py, &error, &text, &subject, &names, holder), text))
    }
}

/// The key of the item that has a guard.
fn holder<'py>(py: Python<'py>, schema: &Schema, guard: &[u8]) -> Option<Bound<'py, PyAny>> {
    let owner = unique::owner(guard)?;
    let mut parts = Vec::new();
    for field in schema.key_fields() {
        let mut r = Reader::new(&owner).ok()?;
        r.begin_object().ok()?;
        while let Some(name) = r.next_key().ok()? {
            if name.equals(&field.attribute_name) {
                parts.push(Decoder::new(py).value(&mut r, &field.kind).ok()?);
                break;
            }
            r.skip().ok()?;
        }
    }
    let parts = PyTuple::new(py, parts).ok()?;
    schema.model(py).call_method1("key", parts).ok()
}

/// What the operations on guards are about, each with the position of the operation that it belongs to, and which of them are
/// taken by models that repair.
type Written = (Vec<(usize, Stake)>, Vec<Taken>);

/// What the guards of a transaction's writes come to, each with the position of the write.
#[derive(Default)]
pub(crate) struct Stakes {
    all: Vec<(usize, Box<str>, Guards)>,
}

impl Stakes {
    pub(crate) fn add(&mut self, position: usize, table: &str, guards: Guards) {
        self.all.push((position, table.into(), guards));
    }

    /// Adds the operations on guards; gives what each is about, and which are taken by models that repair. `placed` says of which
    /// operation an error is.
    pub(crate) fn write(
        self,
        py: Python<'_>,
        transaction: &mut Transaction,
        placed: impl Fn(usize, PyErr) -> PyErr,
    ) -> PyResult<Written> {
        let (mut stakes, mut repaired) = (Vec::new(), Vec::new());
        for (number, (position, table, guards)) in self.all.iter().enumerate() {
            let schema = schema_of(guards.instance.bind(py))?;
            let model = schema.get();
            for hold in &guards.holds {
                let others =
                    self.all
                        .iter()
                        .enumerate()
                        .flat_map(|(at, (place, other, guards))| {
                            guards
                                .holds
                                .iter()
                                .map(move |hold| (at, *place, other, guards, hold))
                        });
                let mut same = others.filter(|(at, _, other, _, one)| {
                    *at != number && *other == table && one.claim == hold.claim
                });
                let other = same.next();
                let from = match &other {
                    // What one item gives up another takes: one operation does both.
                    Some((.., one)) if one.is_taken && !hold.is_taken => continue,
                    Some((.., guards, one)) if !one.is_taken && hold.is_taken => {
                        Some(guards.owner.as_slice())
                    }
                    Some((_, place, ..)) => {
                        let what = model.unique[hold.constraint].describe(&model.name);
                        let (first, later) = (position.min(place), position.max(place));
                        let message = format!(
                            "operation [{first}] of this transaction is about the same value of {what}, which only one item has"
                        );
                        return Err(placed(*later, validation_error(py, &message)));
                    }
                    None => None,
                };
                let (claim, owner) = (&hold.claim, &guards.owner);
                let (verb, body) = if hold.is_taken {
                    (Verb::Put, claim.take(&model.item, table, owner, from))
                } else {
                    (Verb::Delete, claim.release(&model.item, table, owner))
                };
                let key = claim.key(&model.item);
                let at = transaction.len();
                body.and_then(|body| transaction.add(verb, table, &key, body))
                    .map_err(|error| placed(*position, raise(py, &error)))?;
                if hold.is_taken && model.repairs_orphans {
                    repaired.push(Taken {
                        position: at,
                        claim: claim.clone(),
                        table: table.clone(),
                        owner: owner.clone(),
                        schema: model.item.clone(),
                        is_free: hold.is_free.clone(),
                    });
                }
                stakes.push((
                    *position,
                    Stake {
                        instance: guards.instance.clone_ref(py),
                        constraint: hold.constraint,
                        is_taken: hold.is_taken,
                        shown: hold.shown.clone(),
                    },
                ));
            }
        }
        Ok((stakes, repaired))
    }
}
