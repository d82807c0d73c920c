//! What a call's answer becomes: the decoded result, and what it settles on the instance that was written.

use std::ops::Range;
use std::sync::Arc;

use pydynox_core::client::{Answer, Goal};
use pydynox_core::codec::Protection;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::{delete_item, describe_table, get_item, update_item};
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique;
use pydynox_core::wire::{Reader, WireError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::batch::Gathered;
use crate::decode::{self, Decoder, Unreadable};
use crate::entity::{self, Owner};
use crate::error::{
    Subject, canceled, item_not_found, located, malformed, misfit, raise, unusable,
};
use crate::expression::Condition;
use crate::ffi;
use crate::instance::{Instance, Stored, schema_of};
use crate::item;
use crate::jsonl;
use crate::kept;
use crate::partiql::Executed;
use crate::pending::Flushed;
use crate::protected::unsettle;
use crate::reading::Reading;
use crate::runtime::Outcome;
use crate::schema::Schema;
use crate::transaction::{self, Part, items_of};

/// What a call is expected to answer.
pub(crate) enum Expected {
    /// An item of a model, or none.
    Item(Py<Schema>),
    /// An item of a model that the caller has had.
    Given(Py<Schema>),
    /// Whether there is an item of a model.
    Exists(Py<Schema>),
    /// An instance was written: this is what is stored then.
    Written {
        instance: Py<Instance>,
        stored: Box<Stored>,
        /// All of them where none is named.
        fields: Option<Vec<usize>>,
        /// What pydynox keeps, as it is stored then.
        kept: Vec<(usize, Py<PyAny>)>,
    },
    /// An instance was deleted.
    Deleted(Py<Instance>),
    /// An instance is read again.
    Refreshed(Py<Instance>),
    /// An instance was changed by actions; the answer is the item as it is now.
    Updated(Py<Instance>),
    /// The item of a model as it is after an update.
    NewItem(Py<Schema>),
    /// The item of a model that was deleted, or none.
    OldItem(Py<Schema>),
    /// An instance's item was checked, and nothing else.
    Checked(Py<Instance>),
    /// Writes of one transaction.
    Transacted(Vec<Part>),
    /// Items of a batch.
    Gathered(Gathered),
    /// Writes of a batch.
    Flushed(Flushed),
    /// One write, with those of what only one item has.
    Guarded(Vec<Part>),
    /// Items by the place of each in the answer.
    Items(Vec<(usize, Py<Schema>)>),
    /// Rows of a query or scan; see `Reading::fetch`.
    Rows {
        reading: Py<Reading>,
        wanted: Option<usize>,
        ahead: bool,
    },
    /// How many rows there are, or whether there are any.
    Counted {
        reading: Py<Reading>,
        exists: bool,
    },
    /// An item as plain values, or none.
    PlainItem,
    /// The item as it is after an update, as plain values.
    PlainNewItem,
    /// PartiQL was executed.
    Executed(Executed),
    /// The service's JSON.
    Wire,
    /// The items of a page as lines of JSON.
    Lines,
    /// The description of a table.
    Table,
    /// Whether there is a table.
    TableExists,
    /// The description of a table, or none, and whether it is as it was waited for.
    Watched(Goal),
    Nothing,
}

/// Which item a call that has no instance is about.
#[derive(Default)]
pub(crate) enum Target {
    #[default]
    None,
    /// Of a model, by its checked key.
    Item(Py<Schema>, Py<PyTuple>),
    /// By its key as plain values.
    Plain(Py<PyDict>),
}

impl Target {
    /// An item whose values may not open, which its error then names; others have nothing to tell.
    pub(crate) fn of_item(
        protection: Option<&Arc<Protection>>,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> Self {
        match protection {
            None => Self::None,
            Some(_) => Self::Item(schema.clone().unbind(), key.clone().unbind()),
        }
    }
}

/// What the error of a call says beside what happened.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) target: Target,
    /// The caller's.
    pub(crate) condition: Option<Py<Condition>>,
    /// Whether the write needs more than the item itself to be there.
    pub(crate) builds_on: bool,
    pub(crate) shows_keys: bool,
    pub(crate) shows_values: bool,
}

impl Context {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(condition) = &self.condition {
            visit.call(condition)?;
        }
        match &self.target {
            Target::None => Ok(()),
            Target::Item(schema, key) => {
                visit.call(schema)?;
                visit.call(key)
            }
            Target::Plain(key) => visit.call(key),
        }
    }
}

impl Expected {
    /// The result, or the error; the instance changes only here.
    pub(crate) fn resolve<'py>(
        self,
        py: Python<'py>,
        outcome: Outcome,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        match outcome {
            Ok(answer) => {
                let reads = matches!(&self, Self::Executed(executed) if executed.reads)
                    || answer.operation.is_read();
                self.answered(py, &answer, about)
                    .map_err(|error| located(py, error, &answer, !reads))
            }
            Err(error) => self.failed(py, &error, about),
        }
    }

    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        let none = || Ok(py.None().into_bound(py));
        let truth = |found: bool| Ok(PyBool::new(py, found).to_owned().into_any());
        match self {
            // Read with others, the body is the item itself.
            Self::Item(schema) if answer.operation == Name::BatchGetItem => {
                let item = (!body.is_empty()).then_some(0..body.len());
                own_item(py, answer, item, schema.bind(py))
            }
            Self::Item(schema) => own_item(py, answer, item_of(py, body)?, schema.bind(py)),
            Self::Given(schema) => match item_of(py, body)? {
                Some(range) => {
                    let found = read_instance(py, &body[range], schema.bind(py))?;
                    unsettle(&found, &answer.migrated, 0)?;
                    Ok(found.into_any())
                }
                None => none(),
            },
            Self::Exists(schema) => truth(match item_of(py, body)? {
                Some(range) => {
                    let item = &body[range];
                    let r = Reader::new(item).map_err(|error| malformed(py, &error))?;
                    let is_foreign = matches!(entity::owner(schema.bind(py), &r)?, Owner::Foreign);
                    !is_foreign && !kept::is_over(py, schema.get(), item)?
                }
                None => false,
            }),
            Self::Written {
                instance,
                stored,
                kept,
                ..
            } => {
                written(instance.bind(py), stored, kept)?;
                none()
            }
            Self::Deleted(instance) => {
                let before = instance.bind(py).borrow_mut().stored.take();
                drop(before);
                none()
            }
            Self::Refreshed(instance) => {
                refresh(instance.bind(py), body)?;
                unsettle(instance.bind(py), &answer.migrated, 0)?;
                none()
            }
            Self::Updated(instance) => {
                updated(instance.bind(py), new_item(py, body)?).and_then(|()| none())
            }
            Self::NewItem(schema) => read_any(py, new_item(py, body)?, schema.bind(py)),
            Self::OldItem(schema) => {
                match delete_item::item(body).map_err(|error| malformed(py, &error))? {
                    // Whatever it is, it was deleted, and nobody else has it.
                    Some(range) => read_any(py, &body[range], schema.bind(py)),
                    None => none(),
                }
            }
            Self::Rows {
                reading,
                wanted,
                ahead,
            } => Reading::rows(reading.bind(py), wanted, ahead),
            Self::Counted { reading, exists } => Reading::counted(reading.bind(py), exists),
            Self::PlainItem => match item_of(py, body)? {
                Some(range) => plain_item(py, &body[range]),
                None => none(),
            },
            Self::PlainNewItem => plain_new_item(py, body),
            Self::Executed(executed) => executed.answered(py, answer),
            Self::Wire => wire(py, body),
            Self::Lines => jsonl::lines(py, body),
            Self::Table => {
                match describe_table::table(body).map_err(|error| malformed(py, &error))? {
                    Some(range) => wire(py, &body[range]),
                    None => Err(missing_member(py, "Table")),
                }
            }
            Self::TableExists => truth(true),
            Self::Transacted(parts) | Self::Guarded(parts) => {
                for part in parts {
                    part.settle(py, answer)?;
                }
                none()
            }
            Self::Gathered(gathered) => gathered.resolve(py, answer, about),
            Self::Flushed(flushed) => flushed.resolve(py),
            Self::Items(places) => items_of(py, answer, places),
            Self::Watched(goal) => watched(py, body, goal),
            Self::Checked(_) | Self::Nothing => none(),
        }
    }

    /// Part of something larger was applied; its answer says nothing about it.
    pub(crate) fn settled(self, py: Python<'_>, answer: &Answer) -> PyResult<()> {
        self.answered(py, answer, &Context::default()).map(|_| ())
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(
            (&self, error.kind()),
            (Self::TableExists, ErrorKind::TableNotFound)
        ) {
            return Ok(PyBool::new(py, false).to_owned().into_any());
        }
        if let (Self::Transacted(parts), ErrorKind::TransactionCanceled { .. }) =
            (&self, error.kind())
        {
            let (failures, message) = transaction::failures(py, error, parts)?;
            return Err(canceled(py, error, &message, &failures));
        }
        if let (Self::Guarded(parts), ErrorKind::TransactionCanceled { .. }) = (&self, error.kind())
            && let Some(failure) = transaction::first_failure(py, error, parts)?
        {
            return Err(failure);
        }
        if let Self::Rows { reading, .. } | Self::Counted { reading, .. } = &self {
            reading.get().settle();
        }
        if let (Self::Executed(executed), ErrorKind::TransactionCanceled { .. }) =
            (&self, error.kind())
        {
            let (failures, message) = transaction::failures(py, error, &executed.parts())?;
            return Err(canceled(py, error, &message, &failures));
        }
        let subject = self.subject(py, about);
        if error.ambiguous() || error.applied() {
            self.give_up(py);
        }
        Err(raise(py, error, subject.as_ref()))
    }

    /// What the call was about, for its error.
    pub(crate) fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        let (schema, key) = match (self, &about.target) {
            (_, Target::Item(schema, key)) => {
                let schema = schema.bind(py).clone();
                let key = schema.get().model(py).call_method1("key", key.bind(py));
                (Some(schema), key.ok())
            }
            (_, Target::Plain(key)) => (None, Some(key.bind(py).clone().into_any())),
            (Self::Item(schema) | Self::Given(schema) | Self::Exists(schema), _) => {
                (Some(schema.bind(py).clone()), None)
            }
            (
                Self::Written { instance, .. }
                | Self::Deleted(instance)
                | Self::Refreshed(instance)
                | Self::Checked(instance)
                | Self::Updated(instance),
                _,
            ) => {
                let instance = instance.bind(py);
                (Some(schema_of(instance).ok()?), item::key_of(instance).ok())
            }
            (Self::Guarded(parts), _) => return parts.first()?.subject(py),
            _ if about.condition.is_some() => (None, None),
            _ => return None,
        };
        let condition = about.condition.as_ref();
        Some(Subject {
            schema,
            key,
            condition: condition.map(|condition| condition.bind(py).clone()),
            builds_on: about.builds_on,
            shows_keys: about.shows_keys,
            shows_values: about.shows_values,
        })
    }

    /// The call was sent and nobody will know what came of it: what it wrote counts as changed.
    pub(crate) fn give_up(self, py: Python<'_>) {
        if let Self::Transacted(parts) | Self::Guarded(parts) = self {
            for part in parts {
                part.give_up(py);
            }
            return;
        }
        if let Self::Flushed(flushed) = self {
            flushed.give_up(py);
            return;
        }
        if let Self::Written {
            instance, fields, ..
        } = self
        {
            let instance = instance.bind(py);
            let Ok(schema) = schema_of(instance) else {
                return;
            };
            let fields = fields.unwrap_or_else(|| (0..schema.get().len()).collect());
            instance.borrow_mut().unsettle(fields);
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Item(schema)
            | Self::Given(schema)
            | Self::Exists(schema)
            | Self::NewItem(schema)
            | Self::OldItem(schema) => visit.call(schema),
            Self::Rows { reading, .. } | Self::Counted { reading, .. } => visit.call(reading),
            Self::Written { instance, .. }
            | Self::Deleted(instance)
            | Self::Refreshed(instance)
            | Self::Checked(instance)
            | Self::Updated(instance) => visit.call(instance),
            Self::Transacted(parts) | Self::Guarded(parts) => {
                parts.iter().try_for_each(|part| part.traverse(visit))
            }
            Self::Executed(executed) => executed.traverse(visit),
            Self::Gathered(gathered) => gathered.traverse(visit),
            Self::Flushed(flushed) => flushed.traverse(visit),
            Self::Items(places) => places.iter().try_for_each(|(_, schema)| visit.call(schema)),
            _ => Ok(()),
        }
    }
}

fn item_of(py: Python<'_>, body: &[u8]) -> PyResult<Option<Range<usize>>> {
    get_item::item(body).map_err(|error| malformed(py, &error))
}

/// The item that an update was asked to give back.
fn new_item<'a>(py: Python<'_>, body: &'a [u8]) -> PyResult<&'a [u8]> {
    match update_item::item(body).map_err(|error| malformed(py, &error))? {
        Some(range) => Ok(&body[range]),
        None => Err(missing_member(py, "Attributes")),
    }
}

/// The same of plain values; empty where no item was there, of which actions that only take away make none.
fn plain_new_item<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match update_item::item(body) {
        Ok(Some(range)) => plain_item(py, &body[range]),
        Ok(None) => Ok(PyDict::new(py).into_any()),
        Err(error) => Err(malformed(py, &error)),
    }
}

fn plain_item<'py>(py: Python<'py>, item: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read = || Decoder::new(py).item(&mut Reader::new(item)?);
    Ok(read()
        .map_err(|problem| plain_problem(py, problem))?
        .into_any())
}

/// An instance was written, as it was encoded for the request.
fn written(
    instance: &Bound<'_, Instance>,
    stored: Box<Stored>,
    kept: Vec<(usize, Py<PyAny>)>,
) -> PyResult<()> {
    let py = instance.py();
    let mut state = instance.borrow_mut();
    let before = state.stored.replace(stored);
    state.unsettled = Box::default();
    drop(state);
    drop(before);
    if !kept.is_empty() {
        let schema = schema_of(instance)?;
        for (index, value) in kept {
            let name = schema.get().field(index).name.bind(py);
            ffi::set_attribute(instance, name, value.bind(py))?;
        }
    }
    Ok(())
}

/// Take the item over into the instance; what was edited and not saved stays as it is.
fn updated(instance: &Bound<'_, Instance>, item: &[u8]) -> PyResult<()> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let fresh = read_instance(py, item, &schema)?;
    let edited = item::edited(instance)?;
    for (index, field) in schema.get().fields().enumerate() {
        if !edited.contains(&index) {
            let name = field.name.bind(py);
            ffi::set_attribute(instance, name, &ffi::get_attribute(&fresh, name)?)?;
        }
    }
    settle(instance, &fresh);
    Ok(())
}

/// From now on an instance counts as read as `fresh` was.
fn settle(instance: &Bound<'_, Instance>, fresh: &Bound<'_, Instance>) {
    let (stored, unset) = {
        let mut read = fresh.borrow_mut();
        (read.stored.take(), std::mem::take(&mut read.unset))
    };
    let mut state = instance.borrow_mut();
    state.unset = unset;
    let before = std::mem::replace(&mut state.stored, stored);
    state.unsettled = Box::default();
    drop(state);
    drop(before);
}

fn read_instance<'py>(
    py: Python<'py>,
    body: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, Instance>> {
    let mut r = Reader::new(body).map_err(|error| malformed(py, &error))?;
    item::read(&mut Decoder::new(py), &mut r, schema)
}

/// An item as an instance of its own class; None where the reader's model does not see it: an item of another entity, or one
/// whose time is over.
pub(crate) fn read_owned<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Option<Bound<'py, Instance>>> {
    let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
    read_owned_by(&mut Decoder::new(py), &mut r, schema)
}

/// The same for one item of several: the one at the cursor, which is moved behind it.
pub(crate) fn read_owned_by<'py>(
    decoder: &mut Decoder<'py>,
    r: &mut Reader<'_>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Option<Bound<'py, Instance>>> {
    let py = decoder.py();
    let broken = |error| malformed(py, &error);
    let model = schema.get();
    // An index on the keys of the table has guards too.
    let is_guard =
        !model.unique.is_empty() && unique::is_guard(r.clone(), &model.item).map_err(broken)?;
    let owner = if is_guard {
        Owner::Foreign
    } else {
        entity::owner(schema, &r.clone())?
    };
    let found = match owner {
        Owner::Own => item::read(decoder, r, schema)?,
        Owner::Other(schema) => item::read(decoder, r, &schema)?,
        Owner::Foreign => {
            r.pass().map_err(broken)?;
            return Ok(None);
        }
    };
    let owner = schema_of(&found)?;
    let is_over = owner.get().hides_expired && kept::is_expired(&found)?;
    Ok((!is_over).then_some(found))
}

/// An item as an instance of its own class, or of the reader's.
fn read_any<'py>(
    py: Python<'py>,
    item: &[u8],
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut r = Reader::new(item).map_err(|error| malformed(py, &error))?;
    let mut decoder = Decoder::new(py);
    let found = match entity::owner(schema, &r)? {
        Owner::Other(schema) => item::read(&mut decoder, &mut r, &schema)?,
        Owner::Own | Owner::Foreign => item::read(&mut decoder, &mut r, schema)?,
    };
    Ok(found.into_any())
}

/// Read into a new instance first: an item that cannot be read leaves the old one as it was.
fn refresh(instance: &Bound<'_, Instance>, body: &[u8]) -> PyResult<()> {
    let py = instance.py();
    let schema = schema_of(instance)?;
    let Some(range) = item_of(py, body)? else {
        return Err(item_not_found(
            py,
            &format!("this {} is not in the table any more", schema.get().name),
        ));
    };
    let fresh = read_instance(py, &body[range], &schema)?;
    for field in schema.get().fields() {
        let name = field.name.bind(py);
        ffi::set_attribute(instance, name, &ffi::get_attribute(&fresh, name)?)?;
    }
    settle(instance, &fresh);
    Ok(())
}

/// A pair: the description of a table, None where there is none, and whether the goal is reached.
fn watched<'py>(py: Python<'py>, body: &[u8], goal: Goal) -> PyResult<Bound<'py, PyAny>> {
    let broken = |error: WireError| malformed(py, &error);
    let described = match describe_table::table(body).map_err(broken)? {
        Some(range) => wire(py, &body[range])?,
        None => py.None().into_bound(py),
    };
    let reached = goal.is_reached(body).map_err(broken)?;
    Ok((described, reached).into_pyobject(py)?.into_any())
}

/// The service's JSON as plain values.
pub(crate) fn wire<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let read = || {
        let mut reader = Reader::new(body)?;
        let value = decode::json(py, &mut reader)?;
        reader.end()?;
        Ok(value)
    };
    read().map_err(|problem| plain_problem(py, problem))
}

fn plain_problem(py: Python<'_>, problem: Unreadable) -> PyErr {
    match problem {
        Unreadable::Malformed(error) => malformed(py, &error),
        Unreadable::Python(error) => error,
        Unreadable::Misfit { place, what } => misfit(py, "", "item", &place, &what),
    }
}

fn missing_member(py: Python<'_>, name: &str) -> PyErr {
    unusable(py, &format!("it has no {name}"))
}

/// One item map, `{"name":{"S":"x"}}`, as an instance that counts as stored.
#[pyfunction]
#[pyo3(signature = (schema, item, /))]
pub(crate) fn decode_item<'py>(
    schema: &Bound<'py, Schema>,
    item: &[u8],
) -> PyResult<Bound<'py, Instance>> {
    read_instance(schema.py(), item, schema)
}

/// The `Items` of a page, as instances.
#[pyfunction]
#[pyo3(signature = (schema, page, /))]
pub(crate) fn decode_items<'py>(
    schema: &Bound<'py, Schema>,
    page: &[u8],
) -> PyResult<Vec<Bound<'py, Instance>>> {
    let py = schema.py();
    let broken = |error: WireError| malformed(py, &error);
    let mut r = Reader::new(page).map_err(broken)?;
    let mut decoder = Decoder::new(py);
    let mut items = Vec::new();
    r.begin_object().map_err(broken)?;
    while let Some(key) = r.next_key().map_err(broken)? {
        if key.raw() != "Items" {
            r.skip().map_err(broken)?;
            continue;
        }
        r.begin_array().map_err(broken)?;
        while r.next_element().map_err(broken)? {
            items.push(item::read(&mut decoder, &mut r, schema)?);
        }
    }
    Ok(items)
}

/// The whole item of an instance, as DynamoDB's JSON.
#[pyfunction]
#[pyo3(signature = (instance, /))]
pub(crate) fn encode_item<'py>(
    instance: &Bound<'py, Instance>,
) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
    let mut w = pydynox_core::wire::Writer::with_capacity(1024);
    item::write(&mut w, instance)?;
    Ok(pyo3::types::PyBytes::new(instance.py(), w.as_bytes()))
}

/// The item of an answer as an instance of its model; None where there is none of this model.
fn own_item<'py>(
    py: Python<'py>,
    answer: &Answer,
    item: Option<Range<usize>>,
    schema: &Bound<'py, Schema>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(range) = item else {
        return Ok(py.None().into_bound(py));
    };
    let Some(found) = read_owned(py, &answer.body[range], schema)? else {
        return Ok(py.None().into_bound(py));
    };
    unsettle(&found, &answer.migrated, 0)?;
    Ok(found.into_any())
}
