//! Replies: the end of a call in the words of its verb, from what the answer decodes to, to what the error adds.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pydynox_core::call::Answer;
use pydynox_core::codec::Protection;
use pydynox_core::error::Error;
use pydynox_core::transport::Operation as Name;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::failure::{Subject, raise_about};
use crate::connection::settings::Settings;
use crate::exceptions::located;
use crate::interpreter::expected::Expected;
use crate::interpreter::runtime::Outcome;
use crate::model::condition::Condition;
use crate::model::schema::Schema;

/// The item of a call that has no instance.
#[derive(Default)]
pub(crate) enum Target {
    #[default]
    None,
    /// An item of a model, by its checked key.
    Item(Py<Schema>, Py<PyTuple>),
    /// An item without a model, by its key as plain values.
    Plain(Py<PyDict>),
}

impl Target {
    /// An item whose values may fail to decrypt, so that its error names it; others need no target.
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

/// What the error of a call says in addition to what happened.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) target: Target,
    /// The caller's condition.
    pub(crate) condition: Option<Py<Condition>>,
    /// Whether the write needs more to exist than the item itself.
    pub(crate) builds_on: bool,
    pub(crate) shows_keys: bool,
    pub(crate) shows_values: bool,
}

impl Context {
    /// For a client's call: what its errors may show.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self::default().shown_by(settings)
    }

    /// The same, with what the client's errors may show.
    pub(crate) fn shown_by(self, settings: &Settings) -> Self {
        Self {
            shows_keys: settings.shows_keys,
            shows_values: settings.shows_values,
            ..self
        }
    }

    /// What the call was about, if its verb knows no more: `schema` is the model that it reads or writes.
    pub(crate) fn subject<'py>(
        &self,
        py: Python<'py>,
        schema: Option<&Py<Schema>>,
    ) -> Option<Subject<'py>> {
        let (schema, key) = match (&self.target, schema) {
            (Target::Item(schema, key), _) => {
                let schema = schema.bind(py).clone();
                let key = schema.get().model(py).call_method1("key", key.bind(py));
                (Some(schema), key.ok())
            }
            (Target::Plain(key), _) => (None, Some(key.bind(py).clone().into_any())),
            (Target::None, Some(schema)) => (Some(schema.bind(py).clone()), None),
            (Target::None, None) if self.condition.is_some() => (None, None),
            (Target::None, None) => return None,
        };
        Some(self.subject_of(py, schema, key))
    }

    /// The item of a model, with what the errors of this call may show.
    pub(crate) fn subject_of<'py>(
        &self,
        py: Python<'py>,
        schema: Option<Bound<'py, Schema>>,
        key: Option<Bound<'py, PyAny>>,
    ) -> Subject<'py> {
        let condition = self.condition.as_ref();
        Subject {
            schema,
            key,
            condition: condition.map(|condition| condition.bind(py).clone()),
            builds_on: self.builds_on,
            shows_keys: self.shows_keys,
            shows_values: self.shows_values,
        }
    }

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

/// What a verb makes of its answer.
pub(crate) trait Answered: Send + Sized + 'static {
    /// The result; instances change only here.
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>>;

    /// The error, or what the verb makes of it.
    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let subject = self.subject(py, about);
        if error.ambiguous() || error.applied() {
            self.give_up(py);
        }
        Err(raise_about(py, error, subject.as_ref()))
    }

    /// What the call was about, for its error.
    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        about.subject(py, None)
    }

    /// Whether the call wrote nothing.
    fn reads(&self, answer: &Answer) -> bool {
        answer.operation.is_read()
    }

    /// The call was sent and its outcome will stay unknown: what it wrote counts as changed.
    fn give_up(self, _py: Python<'_>) {}

    /// The call was abandoned, whether sent or not.
    fn abandoned(&self) {}

    /// Visits the objects that it holds.
    fn traverse(&self, _visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

/// A verb's part, with the context of its errors.
pub(crate) struct Reply<A> {
    answered: A,
    about: Context,
}

impl<A: Answered> Reply<A> {
    /// For a call of a client.
    pub(crate) fn boxed(settings: &Settings, about: Context, answered: A) -> Box<dyn Expected> {
        Box::new(Self {
            answered,
            about: about.shown_by(settings),
        })
    }

    /// For a call whose errors have nothing to add.
    pub(crate) fn plain(settings: &Settings, answered: A) -> Box<dyn Expected> {
        Self::boxed(settings, Context::default(), answered)
    }

    /// The same if `about` already has what errors may show.
    pub(crate) fn with(about: Context, answered: A) -> Box<dyn Expected> {
        Box::new(Self { answered, about })
    }
}

impl<A: Answered> Expected for Reply<A> {
    fn resolve(self: Box<Self>, py: Python<'_>, outcome: Outcome) -> PyResult<Bound<'_, PyAny>> {
        let Self { answered, about } = *self;
        match outcome {
            Ok(answer) => {
                // An answer that cannot be decoded still proves that a write was applied, and its error says that.
                let reads = answered.reads(&answer);
                answered
                    .answered(py, &answer, &about)
                    .map_err(|error| located(py, error, &answer, !reads))
            }
            Err(error) => answered.failed(py, &error, &about),
        }
    }

    fn give_up(self: Box<Self>, py: Python<'_>, sent: bool) {
        self.answered.abandoned();
        if sent {
            self.answered.give_up(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.about.traverse(visit)?;
        self.answered.traverse(visit)
    }
}

/// The results of a batch, once it has ended.
pub(crate) type Brought<T> = Arc<Mutex<Option<T>>>;

/// The answer of several requests, which has no single body.
pub(crate) fn nothing(operation: Name) -> Answer {
    Answer {
        body: Bytes::new(),
        request_id: None,
        attempts: 1,
        operation,
        table: "".into(),
        migrated: Vec::new(),
        sealed: None,
        opened: None,
    }
}
