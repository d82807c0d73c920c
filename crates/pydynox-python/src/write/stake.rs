//! The operations on guards of unique values within a transaction, and the text of their failures.

use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::transact_write_items::Verb;
use pydynox_core::schema::ItemSchema;
use pydynox_core::transaction::Transaction;
use pydynox_core::unique::{self, Taken};
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::answer::failure::{Subject, raise_about, taken};
use crate::exceptions::{raise, validation_error};
use crate::item::write;
use crate::model::instance::{Instance, schema_of};
use crate::model::item::Item;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::write::unique::{Guards, Hold};

/// A guard's operation in a transaction, for its error.
pub(crate) struct Stake {
    instance: Py<Instance>,
    constraint: usize,
    is_taken: bool,
    values_text: String,
}

impl Stake {
    pub(crate) fn instance(&self) -> &Py<Instance> {
        &self.instance
    }

    /// The exception for a guard that blocked the transaction, and its text.
    pub(crate) fn failure(
        &self,
        py: Python<'_>,
        error: Error,
        shows_keys: bool,
        shows_values: bool,
    ) -> PyResult<(PyErr, String)> {
        let ErrorKind::ConditionFailed { item } = error.kind() else {
            let exception = raise_about(py, &error, None);
            return Ok((exception, error.to_string()));
        };
        let owner = Item::of(self.instance.bind(py))?;
        let model = owner.model();
        let constraint = &model.unique[self.constraint];
        let holder = item.as_ref().and_then(|guard| holder(py, model, guard));
        let mut what = constraint.describe(&model.name);
        if shows_values {
            what = format!("{what} = {}", self.values_text);
        }
        let by = match &holder {
            Some(holder) if shows_keys => holder.repr()?.to_string(),
            _ => "another item".to_owned(),
        };
        let text = if self.is_taken {
            format!("{what} is taken by {by}, and nothing was written")
        } else {
            format!(
                "{what} should belong to this item, but its guard belongs to {by}; nothing was written"
            )
        };
        let item = item.clone();
        let error = error.with_kind(ErrorKind::UniqueConstraint { item });
        let subject = Subject {
            schema: Some(owner.schema.clone()),
            key: write::key_of(&owner).ok(),
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
pub(super) fn holder<'py>(
    py: Python<'py>,
    schema: &Schema,
    guard: &[u8],
) -> Option<Bound<'py, PyAny>> {
    // For a message alone: what cannot be read is left out of it.
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

/// What the operations on guards concern, each with its operation's position, and which are taken by models that repair.
pub(super) type Written = (Vec<(usize, Stake)>, Vec<Taken>);

/// The guards of a transaction's writes, each with the position of its write.
#[derive(Default)]
pub(crate) struct Stakes {
    all: Vec<(usize, Box<str>, Guards)>,
}

impl Stakes {
    pub(crate) fn add(&mut self, position: usize, table: &str, guards: Guards) {
        self.all.push((position, table.into(), guards));
    }

    /// The first guard of another write that claims the same value, with the position of that write.
    fn counterpart(
        &self,
        number: usize,
        table: &str,
        hold: &Hold,
    ) -> Option<(usize, &Guards, &Hold)> {
        let others = self.all.iter().enumerate();
        others
            // A guard is in the table of its item: equal values in two tables have two guards.
            .filter(|(at, (_, other, _))| *at != number && **other == *table)
            .flat_map(|(_, (place, _, guards))| {
                guards.holds.iter().map(move |one| (*place, guards, one))
            })
            // A guard is an item, and TransactWriteItems refuses two operations on the same item.
            .find(|(.., one)| one.core.claim == hold.core.claim)
    }

    /// Adds the operations on guards; returns what each concerns, and which are taken by models that repair. `placed` tells which
    /// operation an error belongs to.
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
                let from = match self.counterpart(number, table, hold) {
                    // What one item releases another takes: one operation does both.
                    Some((.., one)) if one.core.is_taken && !hold.core.is_taken => continue,
                    Some((_, guards, one)) if !one.core.is_taken && hold.core.is_taken => {
                        Some(guards.owner.as_slice())
                    }
                    Some((place, ..)) => {
                        let what = model.unique[hold.core.constraint].describe(&model.name);
                        let (first, later) = (position.min(&place), position.max(&place));
                        let message = format!(
                            "operation [{first}] of this transaction concerns the same value of {what}, which only one item can have"
                        );
                        return Err(placed(*later, validation_error(py, &message)));
                    }
                    None => None,
                };
                let (claim, owner) = (&hold.core.claim, &guards.owner);
                let (verb, body) = if hold.core.is_taken {
                    (Verb::Put, claim.take(&model.item, table, owner, from))
                } else {
                    (Verb::Delete, claim.release(&model.item, table, owner))
                };
                let key = claim.key(&model.item);
                let at = transaction.len();
                body.and_then(|body| transaction.add(verb, table, &key, body))
                    .map_err(|error| placed(*position, raise(py, &error)))?;
                if hold.core.is_taken && model.repairs_orphans {
                    repaired.push(Taken {
                        position: at,
                        claim: claim.clone(),
                        table: table.clone(),
                        owner: owner.clone(),
                        schema: ItemSchema::clone(&model.item),
                        is_free: hold.core.is_free.clone(),
                    });
                }
                stakes.push((
                    *position,
                    Stake {
                        instance: guards.instance.clone_ref(py),
                        constraint: hold.core.constraint,
                        is_taken: hold.core.is_taken,
                        values_text: hold.values_text.clone(),
                    },
                ));
            }
        }
        Ok((stakes, repaired))
    }
}
