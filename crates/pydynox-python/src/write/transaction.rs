//! Transactions, seen from Python: each operation is built as if alone, and all are sent together.

use pydynox_core::call::{Answer, Terms};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::transact_write_items::Verb;
use pydynox_core::transaction::{self, Transaction};
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique::Taken;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::failure::{self, canceled, raise_about};
use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::Connection;
use crate::connection::request::Request;
use crate::connection::settings::Settings;
use crate::exceptions::{numbered, of_item, raise, validation_error};
use crate::interpreter::operation::Operation;
use crate::interpreter::text;
use crate::item::shield::Shields;
use crate::item::write;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::key::{Key, write_key};
use crate::write::part::{Part, failures, first_failure};
use crate::write::single::Write;
use crate::write::stake::Stakes;
use crate::write::unique::Guards;

/// What an operation applies to.
#[derive(FromPyObject)]
enum Subject<'py> {
    Instance(Bound<'py, Instance>),
    Key(Key<'py>),
}

/// One operation as Python passes it.
#[derive(FromPyObject)]
struct Entry<'py>(
    String,
    Subject<'py>,
    Bound<'py, PyTuple>,
    Bound<'py, PyAny>,
    bool,
);

/// One operation as it is sent: the write, its verb in the transaction, and the key of its item.
struct Built {
    verb: Verb,
    write: Write,
    key: Writer,
}

impl<'py> Entry<'py> {
    /// The key of its item, for an error.
    fn key_for_error(&self) -> Option<Bound<'py, PyAny>> {
        match &self.1 {
            Subject::Instance(instance) => write::key_of(&Item::of(instance).ok()?).ok(),
            Subject::Key((schema, key, _)) => {
                let model = schema.get().model(key.py());
                model.call_method1("key", key).ok()
            }
        }
    }

    /// The operation; None if there is nothing to do.
    fn build(&self, settings: &Settings) -> PyResult<Option<Built>> {
        match &self.1 {
            Subject::Instance(instance) => self.of_item(settings, &Item::of(instance)?),
            Subject::Key(key) => self.of_key(settings, key),
        }
    }

    fn of_item(&self, settings: &Settings, item: &Item<'_, '_>) -> PyResult<Option<Built>> {
        let Self(verb, _, _, condition, _) = self;
        let (verb, write) = match verb.as_str() {
            "create" => (Verb::Put, Write::create(settings, item, condition)?),
            "put" => (Verb::Put, Write::put(settings, item, condition)?),
            "save" => match Write::save(settings, item, &[], condition)? {
                Some(write) if write.operation == Name::PutItem => (Verb::Put, write),
                Some(write) if write.is_check => (Verb::ConditionCheck, write),
                Some(write) => (Verb::Update, write),
                // A version is worth checking even if nothing changed.
                None => match Write::check(settings, item, condition, false)? {
                    Some(write) => (Verb::ConditionCheck, write),
                    None => return Ok(None),
                },
            },
            "delete" => (Verb::Delete, Write::delete(settings, item, condition)?),
            "check" => match Write::check(settings, item, condition, true)? {
                Some(write) => (Verb::ConditionCheck, write),
                None => return Ok(None),
            },
            _ => return Err(self.refused()),
        };
        let mut key = Writer::with_capacity(64);
        write::write_key(&mut key, item)?;
        Ok(Some(Built { verb, write, key }))
    }

    fn of_key(&self, settings: &Settings, whole: &Key<'_>) -> PyResult<Option<Built>> {
        let Self(verb, _, actions, condition, upsert) = self;
        let (schema, key, _) = whole;
        let (verb, write) = match verb.as_str() {
            "update" => (
                Verb::Update,
                Write::update_key(settings, whole, actions, condition, *upsert, false)?,
            ),
            "delete" => (
                Verb::Delete,
                Write::delete_key(settings, schema, key, condition)?,
            ),
            "check" => (
                Verb::ConditionCheck,
                Write::check_key(settings, schema, key, condition)?,
            ),
            _ => return Err(self.refused()),
        };
        let mut w = Writer::with_capacity(64);
        write_key(&mut w, schema.get(), key)?;
        Ok(Some(Built {
            verb,
            write,
            key: w,
        }))
    }

    #[cold]
    fn refused(&self) -> PyErr {
        let message = format!("{}() of this is not an operation of a transaction", self.0);
        validation_error(self.3.py(), &message)
    }
}

/// The writes of one transaction; `is_single` for one write with those on the guards of its unique values.
struct Transacted {
    parts: Vec<Part>,
    is_single: bool,
}

impl Answered for Transacted {
    /// All of them were applied.
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        for part in self.parts {
            part.settle(py, answer)?;
        }
        Ok(py.None().into_bound(py))
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(error.kind(), ErrorKind::TransactionCanceled { .. }) {
            if !self.is_single {
                let (failures, message) = failures(py, error, &self.parts)?;
                return Err(canceled(py, error, &message, &failures));
            }
            // The caller made one write, and gets the error of that write instead of one of a transaction.
            if let Some(failure) = first_failure(py, error, &self.parts)? {
                return Err(failure);
            }
        }
        // No operation is known to have failed.
        let subject = self.subject(py, about);
        if error.ambiguous() || error.applied() {
            self.give_up(py);
        }
        Err(raise_about(py, error, subject.as_ref()))
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<failure::Subject<'py>> {
        if self.is_single {
            self.parts.first().and_then(|part| part.subject(py))
        } else {
            about.subject(py, None)
        }
    }

    /// Their fate stays unknown.
    fn give_up(self, py: Python<'_>) {
        for part in self.parts {
            part.give_up(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.parts.iter().try_for_each(|part| part.traverse(visit))
    }
}

/// Send operations together, with the caller's token or a generated one; None if there is nothing to send. Returns the token too.
pub(crate) fn send(
    py: Python<'_>,
    connection: &Connection,
    entries: &[Bound<'_, PyAny>],
    token: Option<&str>,
) -> PyResult<Option<(Py<Operation>, String)>> {
    let settings = &*connection.settings;
    let mut transaction = Transaction::default();
    let mut parts: Vec<Part> = Vec::with_capacity(entries.len());
    let (mut stakes, mut verbs) = (Stakes::default(), Vec::new());
    let mut shields = Shields::default();
    for (position, entry) in entries.iter().enumerate() {
        let entry: Entry<'_> = entry.extract()?;
        let placed = |error| {
            let error = of_item(
                py,
                error,
                entry.key_for_error().as_ref(),
                settings.shows_keys,
            );
            numbered(py, position, &entry.0, error)
        };
        verbs.push(entry.0.clone());
        let Some(mut built) = entry.build(settings).map_err(placed)? else {
            continue;
        };
        let write = &mut built.write;
        let mut body = write.take_body();
        // While the body is still on its own: its marks are renumbered for their place in the transaction.
        shields.add(write.shield.take(), &mut body);
        transaction
            .add(built.verb, &write.table, built.key.as_bytes(), body)
            .map_err(|error| placed(raise(py, &error)))?;
        if let Some(guards) = write.guards.take() {
            stakes.add(position, &write.table, guards);
        }
        parts.push(Part::new(position, &entry.0, built.write, settings));
    }
    if transaction.is_empty() {
        return Ok(None);
    }
    // After all writes, since one of them may take the value that a later one releases.
    let (stakes, repaired) = stakes.write(py, &mut transaction, |position, error| {
        numbered(py, position, &verbs[position], error)
    })?;
    let guards = stakes
        .into_iter()
        .map(|(position, stake)| Part::guard(position, &verbs[position], stake, settings));
    // In the order of the operations, by which the service lists its reasons: writes first, then their guards.
    parts.extend(guards);
    let (mut request, token) = sealed(py, transaction, String::new(), token, repaired)?;
    request.protection = shields.protection(py, settings)?;
    let operation = send_parts(py, connection, request, parts, false)?;
    Ok(Some((operation, token)))
}

/// Send one write together with the guards of its unique values.
pub(crate) fn send_guarded(
    py: Python<'_>,
    connection: &Connection,
    mut write: Write,
    guards: Guards,
) -> PyResult<Py<Operation>> {
    let verb = match write.operation {
        Name::PutItem => Verb::Put,
        Name::DeleteItem => Verb::Delete,
        _ => Verb::Update,
    };
    let raised = |error: Error| raise(py, &error);
    let settings = &*connection.settings;
    let mut transaction = Transaction::default();
    let mut body = write.take_body();
    let mut shields = Shields::default();
    shields.add(write.shield.take(), &mut body);
    transaction
        .add(verb, &write.table, guards.owner(), body)
        .map_err(raised)?;
    let mut stakes = Stakes::default();
    stakes.add(0, &write.table, guards);
    let (stakes, repaired) = stakes.write(py, &mut transaction, |_, error| error)?;
    let table = write.table.clone();
    let mut parts = vec![Part::new(0, "", write, settings)];
    let guards = stakes
        .into_iter()
        .map(|(_, stake)| Part::guard(0, "", stake, settings));
    parts.extend(guards);
    let (mut request, _) = sealed(py, transaction, table, None, repaired)?;
    request.protection = shields.protection(py, settings)?;
    send_parts(py, connection, request, parts, true)
}

fn send_parts(
    py: Python<'_>,
    connection: &Connection,
    request: Request,
    parts: Vec<Part>,
    is_single: bool,
) -> PyResult<Py<Operation>> {
    let expected = Reply::plain(&connection.settings, Transacted { parts, is_single });
    connection.send(py, request, expected)
}

/// The request of a transaction, and its token.
fn sealed(
    py: Python<'_>,
    transaction: Transaction,
    table: String,
    token: Option<&str>,
    repaired: Vec<Taken>,
) -> PyResult<(Request, String)> {
    // A repair changes the operations. DynamoDB refuses a caller's token with other operations, so there is no repair then.
    let repair = (!repaired.is_empty() && token.is_none())
        .then(|| Box::new((transaction.clone(), repaired)));
    let sealed = transaction.seal(token).map_err(|error| raise(py, &error))?;
    let request = Request {
        body: sealed.body,
        terms: Terms::transaction(),
        own_token: sealed.own_token,
        repair,
        ..Request::idempotent(Name::TransactWriteItems, table, Writer::with_capacity(0))
    };
    Ok((request, sealed.token))
}

/// Refuse a token that the service would refuse.
#[pyfunction]
#[pyo3(signature = (token, /))]
pub(crate) fn check_token(
    py: Python<'_>,
    #[pyo3(from_py_with = text::one_token)] token: &str,
) -> PyResult<()> {
    transaction::check_token(token)
        .map(|_| ())
        .map_err(|error| raise(py, &error))
}
