//! Batches of reads, seen from Python: keys are extracted here, and what came of them is handed back.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pydynox_core::batch::{Gets, Got, KeyNames};
use pydynox_core::client::Answer;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::{Reader, Writer};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::{Expected, read_owned_by};
use crate::client::Client;
use crate::decode::Decoder;
use crate::error::{internal, malformed, raise};
use crate::instance::{Instance, has_hooks};
use crate::operation::Operation;
use crate::protected::unsettle;
use crate::schema::Schema;
use crate::transaction::Key;
use crate::write::write_key;

/// What a batch brought, once it has ended.
pub(crate) type Brought<T> = Arc<Mutex<Option<T>>>;

/// The items of a batch read: by key, its place in what came, and its model.
pub(crate) struct Gathered {
    got: Brought<Got>,
    places: Vec<(usize, Py<Schema>)>,
}

pub(crate) fn key_names(table: String, schema: &Schema) -> KeyNames {
    KeyNames {
        table: table.into(),
        names: schema.key_names.clone(),
    }
}

impl Client {
    /// Read many items.
    pub(crate) fn gather(
        &self,
        py: Python<'_>,
        keys: &[Key<'_>],
        consistent_read: Option<bool>,
    ) -> PyResult<Py<Operation>> {
        let mut gets = Gets::new();
        let mut w = Writer::with_capacity(64);
        let mut places = Vec::with_capacity(keys.len());
        // Most keys are of the model of the one before.
        let mut last: Option<(&Bound<'_, Schema>, KeyNames, bool)> = None;
        for (schema, key, _) in keys {
            let model = schema.get();
            let (table, consistent) = match &last {
                Some((known, table, consistent)) if known.is(schema) => (table, *consistent),
                _ => {
                    let consistent =
                        self.is_consistent(py, consistent_read, model.consistent_read)?;
                    let table = key_names(self.settings.table_of(py, model)?, model);
                    let (_, table, consistent) = last.insert((schema, table, consistent));
                    (&*table, *consistent)
                }
            };
            w.truncate(0);
            write_key(&mut w, model, key)?;
            let place = gets
                .ask(table, w.as_bytes(), consistent)
                .map_err(|error| raise(py, &error, None))?;
            places.push((place, schema.clone().unbind()));
        }
        let got: Brought<Got> = Arc::default();
        let models = places.iter().map(|(_, schema)| schema.bind(py));
        let core = self.core(py)?.protected(self.opening(py, models)?);
        let (timeout, brought) = (self.options(py)?.timeout, got.clone());
        let exchange = Box::pin(async move {
            let found = gets.read(&core, timeout).await?;
            let answer = found.answers.last().cloned();
            *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            Ok(answer.unwrap_or_else(|| nothing(Name::BatchGetItem)))
        });
        let expected = Expected::Gathered(Gathered { got, places });
        Operation::new(py, exchange, false, expected, self.context())
    }
}

/// An answer of several requests, which no single body tells.
pub(crate) fn nothing(operation: Name) -> Answer {
    Answer {
        body: Bytes::new(),
        request_id: None,
        attempts: 1,
        operation,
        table: "".into(),
        migrated: Vec::new(),
    }
}

impl Gathered {
    /// The items in the order of the keys, the positions of the keys that the service left over, and whether items have hooks.
    pub(crate) fn resolve(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let got = self
            .got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(got) = got else {
            return Err(internal(py, "a batch that brought nothing"));
        };
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
        let mut rows = Rows {
            decoder: Decoder::new(py),
            places: &self.places,
            items: self.places.iter().map(|_| None).collect(),
            plain: None,
            have_hooks: false,
        };
        let broken = |error| malformed(py, &error);
        for answer in &got.answers {
            let mut found = got.found(answer).map_err(broken)?;
            while let Some((place, number)) = found.next_item().map_err(broken)? {
                let from = others.partition_point(|(other, _)| *other < place);
                let again = others.get(from..).unwrap_or_default();
                for (_, position) in again.iter().take_while(|(other, _)| *other == place) {
                    let mut reader = found.reader().clone();
                    rows.read(*position, &mut reader, answer, number)?;
                }
                rows.read(first[place], found.reader(), answer, number)?;
            }
        }
        let Rows {
            items, have_hooks, ..
        } = rows;
        let items = PyList::new(py, items)?;
        Ok((items, left, have_hooks).into_pyobject(py)?.into_any())
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.places
            .iter()
            .try_for_each(|(_, schema)| visit.call(schema))
    }
}

/// Items as they are read.
struct Rows<'a, 'py> {
    decoder: Decoder<'py>,
    places: &'a [(usize, Py<Schema>)],
    /// By position.
    items: Vec<Option<Bound<'py, Instance>>>,
    /// The class of the last one.
    plain: Option<Bound<'py, PyType>>,
    have_hooks: bool,
}

impl Rows<'_, '_> {
    /// Reads the item at the cursor, which is moved behind it.
    fn read(
        &mut self,
        position: usize,
        reader: &mut Reader<'_>,
        answer: &Answer,
        number: usize,
    ) -> PyResult<()> {
        let schema = self.places[position].1.bind(self.decoder.py());
        let found = read_owned_by(&mut self.decoder, reader, schema)?;
        if let Some(found) = &found {
            unsettle(found, &answer.migrated, number)?;
            let class = found.get_type();
            if !self.plain.as_ref().is_some_and(|plain| plain.is(&class)) {
                self.have_hooks |= has_hooks(&class)?;
                self.plain = Some(class);
            }
        }
        self.items[position] = found;
        Ok(())
    }
}
