//! Transactions, seen from Python: each operation is built as it would be alone, and all are sent together.

use pydynox_core::call::{Answer, Terms};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::operation::transact_write_items::Verb;
use pydynox_core::transaction::{self, Transaction, reason};
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique::Taken;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
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
use crate::model::key::{Key, write_key};
use crate::write::effect::Effect;
use crate::write::single::Write;
use crate::write::unique::{Guards, Stake, Stakes};

/// What an operation is about.
#[derive(FromPyObject)]
enum Subject<'py> {
    Instance(Bound<'py, Instance>),
    Key(Key<'py>),
}

/// One operation as Python hands it over.
#[derive(FromPyObject)]
struct Entry<'py>(
    String,
    Subject<'py>,
    Bound<'py, PyTuple>,
    Bound<'py, PyAny>,
    bool,
);

/// What becomes of one operation once the transaction has ended.
pub(crate) struct Part {
    /// The position of the operation that it is, or belongs to.
    position: usize,
    verb: Box<str>,
    effect: Effect,
    about: Context,
    terms: Terms,
    /// The guard of a value that only one item has.
    stake: Option<Stake>,
}

impl Part {
    fn new(position: usize, verb: &str, write: Write, settings: &Settings) -> Self {
        Self {
            position,
            verb: verb.into(),
            effect: write.effect,
            about: write.about.shown_by(settings),
            terms: write.terms,
            stake: None,
        }
    }

    fn guard(position: usize, verb: &str, stake: Stake, settings: &Settings) -> Self {
        Self {
            position,
            verb: verb.into(),
            effect: Effect::Nothing,
            about: Context::of(settings),
            terms: Terms::transaction(),
            stake: Some(stake),
        }
    }

    pub(crate) fn subject<'py>(&self, py: Python<'py>) -> Option<failure::Subject<'py>> {
        self.effect.subject(py, &self.about)
    }

    /// A statement of PartiQL, of which no more is known.
    pub(crate) fn statement(position: usize) -> Self {
        Self {
            position,
            verb: "statement".into(),
            effect: Effect::Nothing,
            about: Context::default(),
            terms: Terms::transaction(),
            stake: None,
        }
    }

    /// The error of an operation that stood in the transaction's way, and what is said of it in the whole's message.
    fn failure(&self, py: Python<'_>, error: Error) -> PyResult<(PyErr, String)> {
        if let Some(stake) = &self.stake {
            let (keys, values) = (self.about.shows_keys, self.about.shows_values);
            return stake.failure(py, error, keys, values);
        }
        let error = self.terms.name(error);
        let subject = self.subject(py);
        let description = subject
            .as_ref()
            .map_or_else(|| error.to_string(), |subject| subject.describe(&error));
        let exception = raise_about(py, &error, subject.as_ref());
        Ok((exception, description))
    }

    pub(crate) fn give_up(self, py: Python<'_>) {
        self.effect.give_up(py);
    }

    /// The transaction was applied.
    pub(crate) fn settle(self, py: Python<'_>, answer: &Answer) -> PyResult<()> {
        self.effect.settled(py, answer)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.effect.traverse(visit)?;
        if let Some(stake) = &self.stake {
            visit.call(stake.instance())?;
        }
        self.about.traverse(visit)
    }
}

/// The errors of the operations that stood in the way, by position, and all of them in words.
pub(crate) fn failures<'py>(
    py: Python<'py>,
    error: &Error,
    parts: &[Part],
) -> PyResult<(Bound<'py, PyDict>, String)> {
    let failures = PyDict::new(py);
    let mut words = Vec::new();
    if let ErrorKind::TransactionCanceled { reasons } = error.kind() {
        for (one, part) in reasons.iter().zip(parts) {
            let position = part.position;
            // The item's own error comes before that of a value in it.
            if let Some(problem) = reason(one)
                && !failures.contains(position)?
            {
                let (failure, description) = part.failure(py, located(problem, error))?;
                failures.set_item(position, failure.into_value(py))?;
                words.push((
                    position,
                    format!("[{position}] {} {description}", part.verb),
                ));
            }
        }
    }
    words.sort_by_key(|(position, _)| *position);
    let words: Vec<_> = words.into_iter().map(|(_, words)| words).collect();
    let operations = parts.iter().filter(|part| part.stake.is_none()).count();
    let message = format!(
        "{} of {} operations failed, and nothing was written: {}",
        words.len(),
        operations,
        words.join("; ")
    );
    Ok((failures, message))
}

/// The error of a write that is a transaction only because of what it guards.
pub(crate) fn first_failure(
    py: Python<'_>,
    error: &Error,
    parts: &[Part],
) -> PyResult<Option<PyErr>> {
    let ErrorKind::TransactionCanceled { reasons } = error.kind() else {
        return Ok(None);
    };
    let mut faults = reasons
        .iter()
        .zip(parts)
        .filter_map(|(one, part)| Some((reason(one)?, part)));
    let Some((problem, part)) = faults.next() else {
        return Ok(None);
    };
    Ok(Some(part.failure(py, located(problem, error))?.0))
}

/// One operation's error with the request that it came of.
fn located(mut problem: Error, whole: &Error) -> Error {
    problem = problem
        .with_operation(whole.operation().unwrap_or("TransactWriteItems"))
        .with_attempts(whole.attempts())
        .with_ambiguous(whole.ambiguous());
    if let Some(table) = whole.table() {
        problem = problem.with_table(table);
    }
    match whole.request_id() {
        Some(id) => problem.with_request_id(id),
        None => problem,
    }
}

impl<'py> Entry<'py> {
    /// The key of its item, for an error.
    fn key_for_error(&self) -> Option<Bound<'py, PyAny>> {
        match &self.1 {
            Subject::Instance(instance) => write::key_of(instance).ok(),
            Subject::Key((schema, key, _)) => {
                let model = schema.get().model(key.py());
                model.call_method1("key", key).ok()
            }
        }
    }

    /// The write, and how it stands in the transaction; None where there is nothing to do.
    fn build(&self, settings: &Settings) -> PyResult<Option<(Verb, Write)>> {
        let Self(verb, subject, actions, condition, upsert) = self;
        Ok(match (verb.as_str(), subject) {
            ("create", Subject::Instance(instance)) => {
                Some((Verb::Put, Write::create(settings, instance, condition)?))
            }
            ("put", Subject::Instance(instance)) => {
                Some((Verb::Put, Write::put(settings, instance, condition)?))
            }
            ("save", Subject::Instance(instance)) => {
                match Write::save(settings, instance, &[], condition)? {
                    Some(write) if write.operation == Name::PutItem => Some((Verb::Put, write)),
                    Some(write) if write.is_check => Some((Verb::ConditionCheck, write)),
                    Some(write) => Some((Verb::Update, write)),
                    // A version is worth a look even where nothing changed.
                    None => Write::check(settings, instance, condition, false)?
                        .map(|write| (Verb::ConditionCheck, write)),
                }
            }
            ("delete", Subject::Instance(instance)) => {
                Some((Verb::Delete, Write::delete(settings, instance, condition)?))
            }
            ("check", Subject::Instance(instance)) => {
                Write::check(settings, instance, condition, true)?
                    .map(|write| (Verb::ConditionCheck, write))
            }
            ("update", Subject::Key(key)) => Some((
                Verb::Update,
                Write::update_key(settings, key, actions, condition, *upsert, false)?,
            )),
            ("delete", Subject::Key((schema, key, _))) => Some((
                Verb::Delete,
                Write::delete_key(settings, schema, key, condition)?,
            )),
            ("check", Subject::Key((schema, key, _))) => Some((
                Verb::ConditionCheck,
                Write::check_key(settings, schema, key, condition)?,
            )),
            _ => {
                return Err(validation_error(
                    condition.py(),
                    &format!("{verb}() of this is no operation of a transaction"),
                ));
            }
        })
    }

    fn key(&self) -> PyResult<Writer> {
        let mut w = Writer::with_capacity(64);
        match &self.1 {
            Subject::Instance(instance) => write::write_key(&mut w, instance)?,
            Subject::Key((schema, key, _)) => write_key(&mut w, schema.get(), key)?,
        }
        Ok(w)
    }
}

/// Writes of one transaction.
struct Transacted(Vec<Part>);

/// One write, with those of what only one item has.
struct Guarded(Vec<Part>);

impl Answered for Transacted {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        settle(py, self.0, answer)
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(error.kind(), ErrorKind::TransactionCanceled { .. }) {
            let (failures, message) = failures(py, error, &self.0)?;
            return Err(canceled(py, error, &message, &failures));
        }
        Err(undecided(
            py,
            error,
            self.0,
            about.subject(py, None).as_ref(),
        ))
    }

    fn give_up(self, py: Python<'_>) {
        give_up(py, self.0);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|part| part.traverse(visit))
    }
}

impl Answered for Guarded {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        settle(py, self.0, answer)
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if matches!(error.kind(), ErrorKind::TransactionCanceled { .. })
            && let Some(failure) = first_failure(py, error, &self.0)?
        {
            return Err(failure);
        }
        let subject = self.0.first().and_then(|part| part.subject(py));
        Err(undecided(py, error, self.0, subject.as_ref()))
    }

    fn give_up(self, py: Python<'_>) {
        give_up(py, self.0);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|part| part.traverse(visit))
    }
}

/// All of them were applied.
fn settle<'py>(py: Python<'py>, parts: Vec<Part>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    for part in parts {
        part.settle(py, answer)?;
    }
    Ok(py.None().into_bound(py))
}

/// Nobody will know what became of them.
fn give_up(py: Python<'_>, parts: Vec<Part>) {
    for part in parts {
        part.give_up(py);
    }
}

/// The error of a transaction of which no operation is known to have stood in the way.
fn undecided(
    py: Python<'_>,
    error: &Error,
    parts: Vec<Part>,
    subject: Option<&failure::Subject<'_>>,
) -> PyErr {
    if error.ambiguous() || error.applied() {
        give_up(py, parts);
    }
    raise_about(py, error, subject)
}

/// Send operations together, with the caller's token or one of ours; None where there is nothing to send. Gives the token too.
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
        let Some((verb, mut write)) = entry.build(settings).map_err(placed)? else {
            continue;
        };
        let key = entry.key().map_err(placed)?;
        let mut body = write.take_body();
        shields.add(write.shield.take(), &mut body);
        transaction
            .add(verb, &write.table, key.as_bytes(), body)
            .map_err(|error| placed(raise(py, &error)))?;
        if let Some(guards) = write.guards.take() {
            stakes.add(position, &write.table, guards);
        }
        parts.push(Part::new(position, &entry.0, write, settings));
    }
    if transaction.is_empty() {
        return Ok(None);
    }
    let (stakes, repaired) = stakes.write(py, &mut transaction, |position, error| {
        numbered(py, position, &verbs[position], error)
    })?;
    let guards = stakes
        .into_iter()
        .map(|(position, stake)| Part::guard(position, &verbs[position], stake, settings));
    parts.extend(guards);
    let (mut request, token) = sealed(py, transaction, String::new(), token, repaired)?;
    request.protection = shields.protection(py, settings)?;
    let expected = Reply::plain(settings, Transacted(parts));
    let operation = connection.send(py, request, expected)?;
    Ok(Some((operation, token)))
}

/// Send one write together with the guards of what only one item has.
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
    connection.send(py, request, Reply::plain(settings, Guarded(parts)))
}

/// The request of a transaction, and its token.
fn sealed(
    py: Python<'_>,
    transaction: Transaction,
    table: String,
    token: Option<&str>,
    repaired: Vec<Taken>,
) -> PyResult<(Request, String)> {
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
