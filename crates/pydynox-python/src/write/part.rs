//! One operation of a transaction once it was sent: what its end means, and the text of its error.

use pydynox_core::call::{Answer, Terms};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transaction::reason;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::failure::{self, raise_about};
use crate::answer::reply::{Answered, Context};
use crate::connection::settings::Settings;
use crate::write::effect::Effect;
use crate::write::single::Write;
use crate::write::stake::Stake;

/// What happens to one operation once the transaction has ended.
pub(crate) struct Part {
    /// The position of the operation that it is, or belongs to.
    position: usize,
    verb: Box<str>,
    effect: Effect,
    about: Context,
    terms: Terms,
    /// The guard of a unique value.
    stake: Option<Stake>,
}

impl Part {
    pub(super) fn new(position: usize, verb: &str, write: Write, settings: &Settings) -> Self {
        Self {
            position,
            verb: verb.into(),
            effect: write.effect,
            about: write.about.shown_by(settings),
            terms: write.terms,
            stake: None,
        }
    }

    pub(super) fn guard(position: usize, verb: &str, stake: Stake, settings: &Settings) -> Self {
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

    /// A statement of PartiQL, of which nothing more is known.
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

    /// The error of an operation that blocked the transaction, and its text in the whole's message.
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

/// The errors of the operations that blocked it, by position, and all of them as text.
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
    // Guards are not counted: the caller gave operations, and pydynox added these.
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

/// One operation's error, with the request that it came from.
pub(super) fn located(mut problem: Error, whole: &Error) -> Error {
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
