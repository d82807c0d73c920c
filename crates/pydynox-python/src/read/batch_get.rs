//! Batches of reads, seen from Python: keys are extracted here, and what came of them is handed back.

use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use pydynox_core::batch::{Gets, Got, KeyNames};
use pydynox_core::call::Answer;
use pydynox_core::client::Client as CoreClient;
use pydynox_core::codec::Opened;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::pagination::{Closed, Opener};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::{Reader, WireError, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::decoded::read_owned_by;
use crate::answer::failure::locate;
use crate::answer::reply::{Answered, Brought, Context, Reply, nothing};
use crate::connection::connection::Connection;
use crate::exceptions::{internal, is_misfit, malformed, raise};
use crate::interpreter::operation::Operation;
use crate::item::shield;
use crate::model::instance::{Instance, has_hooks, unsettle};
use crate::model::key::{Key, key_names, write_key};
use crate::model::schema::Schema;
use crate::values::decode::Decoder;

/// The items of a batch read: by key, its place in what came, and its model.
pub(crate) struct Gathered {
    got: Brought<Arrived>,
    places: Arc<Vec<(usize, Py<Schema>)>>,
    /// Who gets the errors of items that cannot be read.
    on_invalid: Option<Py<PyAny>>,
    client: CoreClient,
    timeout: Option<Duration>,
    /// What was read before.
    before: Option<(Py<PyList>, bool)>,
}

/// What came of a batch read, and how far it is open.
pub(crate) struct Arrived {
    got: Got,
    /// Of each answer, its items that are opened as they are taken.
    sealed: Vec<Vec<Row>>,
    /// The answer and the row of it where the next part begins.
    next: (usize, usize),
    /// What is open: the answer, and which of its rows.
    opened: Vec<(usize, Range<usize>, Opened)>,
}

/// An item of an answer: its place in what was asked for, its number, and where it stands.
#[derive(Clone)]
struct Row {
    place: usize,
    number: usize,
    range: Range<usize>,
}

impl Arrived {
    fn new(got: Got) -> Result<Self, Error> {
        let mut sealed = Vec::new();
        for answer in &got.answers {
            let rows = match &answer.sealed {
                None => Ok(Vec::new()),
                Some(_) => rows_of(&got, answer),
            };
            sealed.push(rows.map_err(|error| unreadable(&error))?);
        }
        Ok(Self {
            got,
            sealed,
            next: (0, 0),
            opened: Vec::new(),
        })
    }

    /// Opens the next part.
    async fn open(&mut self, client: &CoreClient, timeout: Option<Duration>) -> Result<(), Error> {
        self.opened.clear();
        let mut opener = Opener::new(client, usize::MAX, timeout);
        while let Some(rows) = self.sealed.get(self.next.0) {
            let (at, first) = self.next;
            let (Some(sealed), Some(row), Some(last)) =
                (&self.got.answers[at].sealed, rows.get(first), rows.last())
            else {
                self.next = (at + 1, 0);
                continue;
            };
            let closed = Closed {
                sealed: sealed.clone(),
                from: row.number,
                rows: last.number + 1,
            };
            let Some(opened) = opener.open(&closed).await? else {
                return Ok(());
            };
            let until = opened.until();
            let next = rows.partition_point(|row| row.number < until);
            self.next = (at, next);
            self.opened.push((at, first..next, opened));
            if next < rows.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.next.0 >= self.sealed.len()
    }
}

fn rows_of(got: &Got, answer: &Answer) -> Result<Vec<Row>, WireError> {
    let mut rows = Vec::new();
    let mut items = got.items_of(answer)?;
    while let Some((place, number)) = items.next_item()? {
        let start = items.reader().position();
        items.reader().pass()?;
        let range = start..items.reader().position();
        rows.push(Row {
            place,
            number,
            range,
        });
    }
    Ok(rows)
}

fn unreadable(error: &WireError) -> Error {
    let message = format!("the service's answer cannot be read: {error}");
    Error::new(ErrorKind::InvalidResponse, message).with_operation("BatchGetItem")
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
    // Most keys are of the model of the one before.
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
    let (timeout, brought) = (connection.timeout(py)?, got.clone());
    let client = core.clone();
    let exchange = Box::pin(async move {
        let reads = gets.read(&core, timeout).await?;
        let answer = reads.answers.last().cloned();
        let mut arrived = Arrived::new(reads)?;
        Box::pin(arrived.open(&core, timeout)).await?;
        *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        Ok(answer.unwrap_or_else(|| nothing(Name::BatchGetItem)))
    });
    let gathered = Gathered {
        got,
        places: Arc::new(places),
        on_invalid,
        client,
        timeout,
        before: None,
    };
    let expected = Reply::plain(&connection.settings, gathered);
    Operation::new(py, exchange, false, expected)
}

impl Answered for Gathered {
    /// The items in the order of the keys, the positions of the keys that the service left over, whether items have hooks, and
    /// what brings the rest of the items into the same list.
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
        // By place, the first position that asked for it. Places are given in order, so others that ask for it come later.
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
    /// What opens the next part, and reads it into the same list.
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

/// Items as they are read.
struct Rows<'a, 'py> {
    decoder: Decoder<'py>,
    places: &'a [(usize, Py<Schema>)],
    /// By position.
    items: Vec<Option<Bound<'py, Instance>>>,
    /// In their place, once they are a list.
    list: Option<Bound<'py, PyList>>,
    /// The class of the last one.
    plain: Option<Bound<'py, PyType>>,
    have_hooks: bool,
    on_invalid: Option<Bound<'py, PyAny>>,
}

impl Rows<'_, '_> {
    /// Reads the item at the cursor, which is moved behind it.
    fn read(&mut self, position: usize, reader: &mut Reader<'_>) -> PyResult<()> {
        let before = reader.clone();
        let schema = self.places[position].1.bind(self.decoder.py());
        match read_owned_by(&mut self.decoder, reader, schema) {
            Ok(instance) => self.put(position, instance),
            Err(error) => {
                let broken = |error| malformed(self.decoder.py(), &error);
                *reader = before;
                reader.peek().map_err(broken)?;
                let start = reader.position();
                reader.skip().map_err(broken)?;
                let item = reader.slice(start);
                self.refuse(position, error, item)
            }
        }
    }

    /// Reads an item that was opened.
    fn open(
        &mut self,
        position: usize,
        answer: &Answer,
        opened: &Opened,
        row: &Row,
    ) -> PyResult<()> {
        let py = self.decoder.py();
        let schema = self.places[position].1.bind(py);
        let stored = answer.body.slice(row.range.clone());
        let item = opened
            .item(row.number)
            .unwrap_or_else(|| Ok(stored.clone()));
        let read = || {
            let item = item.map_err(|error| raise(py, error))?;
            let mut reader = Reader::new(&item).map_err(|error| malformed(py, &error))?;
            let instance = read_owned_by(&mut self.decoder, &mut reader, schema)?;
            if let Some(instance) = &instance {
                unsettle(instance, opened.migrated(), row.number)?;
            }
            Ok(instance)
        };
        match read() {
            Ok(instance) => self.put(position, instance),
            Err(error) => self.refuse(position, error, &stored),
        }
    }

    fn put(&mut self, position: usize, instance: Option<Bound<'_, Instance>>) -> PyResult<()> {
        let Some(instance) = instance else {
            return Ok(());
        };
        let instance = instance.unbind().into_bound(self.decoder.py());
        let class = instance.get_type();
        if !self.plain.as_ref().is_some_and(|plain| plain.is(&class)) {
            self.have_hooks |= has_hooks(&class)?;
            self.plain = Some(class);
        }
        let Some(list) = &self.list else {
            self.items[position] = Some(instance);
            return Ok(());
        };
        list.set_item(position, instance)
    }

    /// An item that cannot be read: an error, unless somebody takes those.
    #[cold]
    fn refuse(&self, position: usize, error: PyErr, item: &[u8]) -> PyResult<()> {
        let py = self.decoder.py();
        locate(py, &error, self.places[position].1.get(), item)?;
        match &self.on_invalid {
            Some(call) if is_misfit(py, &error)? => call.call1((error.value(py),)).map(drop),
            _ => Err(error),
        }
    }
}
