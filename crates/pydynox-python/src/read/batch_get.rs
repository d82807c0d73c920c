//! Batch reads, seen from Python: extracts the keys and returns the results.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use pydynox_core::batch::{Gets, KeyNames};
use pydynox_core::call::Answer;
use pydynox_core::client::Client as CoreClient;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::reply::{Answered, Brought, Context, Reply, nothing};
use crate::connection::connection::Connection;
use crate::exceptions::{internal, malformed, raise};
use crate::interpreter::operation::Operation;
use crate::item::shield;
use crate::model::key::{Key, key_names, write_key};
use crate::model::schema::Schema;
use crate::read::placed_items::Rows;
use crate::values::decode::Decoder;
use pydynox_core::batch::arrived::Arrived;

/// The items of a batch read: by key, its place in the result, and its model.
pub(crate) struct Gathered {
    got: Brought<Arrived>,
    places: Arc<Vec<(usize, Py<Schema>)>>,
    /// Receives the errors of items that cannot be read.
    on_invalid: Option<Py<PyAny>>,
    client: CoreClient,
    timeout: Option<Duration>,
    /// What was read before.
    before: Option<(Py<PyList>, bool)>,
}

/// Read many items.
pub(crate) fn send(
    py: Python<'_>,
    connection: &Connection,
    keys: &[Key<'_>],
    consistent_read: Option<bool>,
    on_invalid: Option<Py<PyAny>>,
) -> PyResult<Py<Operation>> {
    let mut gets = Gets::new();
    let mut w = Writer::with_capacity(64);
    let mut places = Vec::with_capacity(keys.len());
    // Most keys belong to the same model as the one before.
    let mut last: Option<(&Bound<'_, Schema>, KeyNames, bool)> = None;
    for (schema, key, _) in keys {
        let model = schema.get();
        let (table, consistent) = match &last {
            Some((schema_before, table, consistent)) if schema_before.is(schema) => {
                (table, *consistent)
            }
            _ => {
                let consistent =
                    connection.is_consistent(py, consistent_read, model.consistent_read)?;
                let table = key_names(model.table_in(py, &connection.settings)?, model);
                let (_, table, consistent) = last.insert((schema, table, consistent));
                (&*table, *consistent)
            }
        };
        w.truncate(0);
        write_key(&mut w, model, key)?;
        let place = gets
            .ask(table, w.as_bytes(), consistent)
            .map_err(|error| raise(py, &error))?;
        places.push((place, schema.clone().unbind()));
    }
    let got: Brought<Arrived> = Arc::default();
    let models = places.iter().map(|(_, schema)| schema.bind(py));
    let core = connection
        .core(py)?
        .protected(shield::opening(py, &connection.settings, models)?);
    let (timeout, brought, inline) = (connection.timeout(py)?, got.clone(), core.captures());
    let gathered = Gathered {
        got,
        places: Arc::new(places),
        on_invalid,
        client: core.clone(),
        timeout,
        before: None,
    };
    let expected = Reply::plain(&connection.settings, gathered);
    let expected = connection.delivering(&core, expected);
    let exchange = Box::pin(async move {
        let reads = gets.read(&core, timeout).await?;
        // An error about the content of the answers names the request of the last one.
        let answer = reads.answers.last().cloned();
        let mut arrived = Arrived::new(reads)?;
        Box::pin(arrived.open(&core, timeout)).await?;
        *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        Ok(answer.unwrap_or_else(|| nothing(Name::BatchGetItem)))
    });
    Operation::new(py, exchange, inline, expected)
}

impl Answered for Gathered {
    /// The items in the order of the keys, the positions of the keys that the service left unprocessed, whether items have hooks,
    /// and what reads the rest of the items into the same list.
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let arrived = self
            .got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(arrived) = arrived else {
            return Err(internal(py, "a batch that brought nothing"));
        };
        let got = &arrived.got;
        let left = PyList::empty(py);
        // By place, the first position that asked for it. Places are given in order, so other positions for it come later.
        let mut first = Vec::with_capacity(self.places.len());
        let mut others = Vec::new();
        for (position, (place, _)) in self.places.iter().enumerate() {
            if *place == first.len() {
                first.push(position);
            } else {
                others.push((*place, position));
            }
            if got.left.contains(place) {
                left.append(position)?;
            }
        }
        others.sort_unstable();
        // BatchGetItem refuses a key that appears twice, so it was requested once; each position gets an instance of its own.
        let again = |place: usize| {
            let from = others.partition_point(|(other, _)| *other < place);
            let again = others.get(from..).unwrap_or_default();
            again
                .iter()
                .take_while(move |(other, _)| *other == place)
                .map(|(_, position)| *position)
        };
        let (list, have_hooks) = match &self.before {
            Some((list, have_hooks)) => (Some(list.bind(py).clone()), *have_hooks),
            None => (None, false),
        };
        let mut rows = Rows {
            decoder: Decoder::new(py),
            places: &self.places,
            items: Vec::new(),
            list,
            plain: None,
            have_hooks,
            on_invalid: self.on_invalid.as_ref().map(|call| call.bind(py).clone()),
        };
        let broken = |error| malformed(py, &error);
        // Items without protected values are read with the first part; later parts only add opened ones.
        if rows.list.is_none() {
            rows.items = self.places.iter().map(|_| None).collect();
            for answer in got.answers.iter().filter(|answer| answer.sealed.is_none()) {
                let mut items = got.items_of(answer).map_err(broken)?;
                while let Some((place, _)) = items.next_item().map_err(broken)? {
                    for position in again(place) {
                        rows.read(position, &mut items.reader().clone())?;
                    }
                    rows.read(first[place], items.reader())?;
                }
            }
        }
        for (at, open, opened) in &arrived.opened {
            let answer = &got.answers[*at];
            for row in &arrived.sealed[*at][open.clone()] {
                for position in again(row.place).chain([first[row.place]]) {
                    rows.open(position, answer, opened, row)?;
                }
            }
        }
        let Rows {
            items,
            list,
            have_hooks,
            ..
        } = rows;
        let items = match list {
            Some(list) => list,
            None => PyList::new(py, items)?,
        };
        let rest = if arrived.is_over() {
            None
        } else {
            Some(self.rest(py, arrived, answer, about, (&items, have_hooks))?)
        };
        Ok((items, left, have_hooks, rest)
            .into_pyobject(py)?
            .into_any())
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(call) = &self.on_invalid {
            visit.call(call)?;
        }
        if let Some((list, _)) = &self.before {
            visit.call(list)?;
        }
        self.places
            .iter()
            .try_for_each(|(_, schema)| visit.call(schema))
    }
}

impl Gathered {
    /// Opens the next part, and reads it into the same list.
    fn rest(
        self,
        py: Python<'_>,
        mut arrived: Arrived,
        answer: &Answer,
        about: &Context,
        (items, have_hooks): (&Bound<'_, PyList>, bool),
    ) -> PyResult<Py<Operation>> {
        let got: Brought<Arrived> = Arc::default();
        let (brought, answer) = (got.clone(), answer.clone());
        let (client, timeout) = (self.client.clone(), self.timeout);
        let exchange = Box::pin(async move {
            Box::pin(arrived.open(&client, timeout)).await?;
            *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
            Ok(answer)
        });
        let gathered = Self {
            got,
            before: Some((items.clone().unbind(), have_hooks)),
            ..self
        };
        let about = Context {
            shows_keys: about.shows_keys,
            shows_values: about.shows_values,
            ..Context::default()
        };
        Operation::new(py, exchange, false, Reply::with(about, gathered))
    }
}
