//! Batches, seen from Python: keys and entries are extracted here, and what came of them is handed back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pydynox_core::batch::{Fate, Gets, Got, KeyNames, Writes, Wrote};
use pydynox_core::client::Answer;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::{Expected, read_owned_by};
use crate::client::Client;
use crate::decode::Decoder;
use crate::error::{internal, raise, validation_error};
use crate::instance::{Instance, schema_of};
use crate::item;
use crate::meter::Pace;
use crate::operation::Operation;
use crate::protected::{Shield, Shields, unsettle};
use crate::schema::Schema;
use crate::transaction::Key;
use crate::write::{Write, write_key};

/// What a batch brought, once it has ended.
pub(crate) type Brought<T> = Arc<Mutex<Option<T>>>;

/// The items of a batch read: by key, its place in what came, and its model.
pub(crate) struct Gathered {
    got: Brought<Got>,
    places: Vec<(usize, Py<Schema>)>,
}

/// The writes of a batch.
pub(crate) struct Flushed {
    wrote: Brought<Wrote>,
    entries: Vec<Py<Entry>>,
}

/// One put or delete of a batch, encoded.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Entry {
    table: KeyNames,
    is_put: bool,
    json: Bytes,
    /// In the one form in which equal keys are equal.
    #[pyo3(get)]
    key: Vec<u8>,
    expected: Mutex<Option<Expected>>,
    shield: Mutex<Option<Shield>>,
}

#[pymethods]
impl Entry {
    /// The table as it is sent; with the key, what tells items apart.
    #[getter]
    fn table(&self) -> &str {
        &self.table.table
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.expected.try_lock() {
            Ok(expected) => expected
                .as_ref()
                .map_or(Ok(()), |expected| expected.traverse(&visit)),
            Err(_) => Ok(()),
        }
    }
}

impl Entry {
    /// A put of an item that no model knows, canonical as its key is.
    pub(crate) fn of_line(table: KeyNames, json: Bytes, key: Vec<u8>) -> Self {
        Self {
            table,
            is_put: true,
            json,
            key,
            expected: Mutex::new(None),
            shield: Mutex::new(None),
        }
    }

    fn take(&self) -> Option<Expected> {
        self.expected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

pub(crate) fn key_names(table: String, schema: &Schema) -> KeyNames {
    KeyNames {
        table: table.into(),
        names: schema.key_names.clone(),
    }
}

/// Whether writing an item of this model without looking at the stored one may lose what others wrote.
#[pyfunction]
#[pyo3(signature = (schema, /))]
pub(crate) fn needs_guard(schema: &Bound<'_, Schema>) -> bool {
    let schema = schema.get();
    schema.duties.version.is_some() || !schema.unique.is_empty()
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
            let mut w = Writer::with_capacity(64);
            write_key(&mut w, model, key)?;
            let place = gets
                .ask(table, w.into_bytes(), consistent)
                .map_err(|error| raise(py, &error, None))?;
            places.push((place, schema.clone().unbind()));
        }
        let got: Brought<Got> = Arc::default();
        let models = places.iter().map(|(_, schema)| schema.bind(py));
        let core = self.core(py)?.protected(self.opening(py, models)?);
        let (timeout, brought) = (self.options(py)?.timeout, got.clone());
        let exchange = Box::pin(async move {
            let found = gets.read(&core, timeout).await?;
            let answer = found.answer.clone();
            *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            Ok(answer.unwrap_or_else(|| nothing(Name::BatchGetItem)))
        });
        let expected = Expected::Gathered(Gathered { got, places });
        Operation::new(py, exchange, false, expected, self.context())
    }

    /// One put or delete, ready to be sent among others.
    pub(crate) fn entry(
        &self,
        py: Python<'_>,
        put: Option<&Bound<'_, Instance>>,
        delete: Option<Key<'_>>,
    ) -> PyResult<Entry> {
        let mut w = Writer::with_capacity(64);
        let shield = match put {
            Some(instance) => Shield::of_instance(&self.settings, instance)?,
            None => None,
        };
        let (table, is_put, json, expected) = match (put, delete) {
            (Some(instance), _) => {
                let schema = schema_of(instance)?;
                let (table, json, expected) = Write::bare_put(&self.settings, instance)?;
                item::write_key(&mut w, instance)?;
                let table = key_names(table, schema.get());
                (table, true, json, expected)
            }
            (None, Some((schema, key, _))) => {
                let model = schema.get();
                write_key(&mut w, model, &key)?;
                let table = key_names(self.settings.table_of(py, model)?, model);
                (table, false, w.as_bytes().to_vec(), Expected::Nothing)
            }
            (None, None) => return Err(internal(py, "an entry of nothing")),
        };
        Ok(Entry {
            table,
            is_put,
            json: json.into(),
            key: w.into_bytes(),
            expected: Mutex::new(Some(expected)),
            shield: Mutex::new(shield),
        })
    }

    /// The delete of an instance, ready to be sent among others.
    pub(crate) fn entry_of_delete(
        &self,
        py: Python<'_>,
        instance: &Bound<'_, Instance>,
    ) -> PyResult<Entry> {
        let schema = schema_of(instance)?;
        let mut w = Writer::with_capacity(64);
        item::write_key(&mut w, instance)?;
        Ok(Entry {
            table: key_names(self.settings.table_of(py, schema.get())?, schema.get()),
            is_put: false,
            json: w.as_bytes().to_vec().into(),
            key: w.into_bytes(),
            expected: Mutex::new(Some(Expected::Deleted(instance.clone().unbind()))),
            shield: Mutex::new(None),
        })
    }

    /// Send entries, each of another item.
    pub(crate) fn flush(
        &self,
        py: Python<'_>,
        entries: Vec<Py<Entry>>,
        pace: Option<&Pace>,
    ) -> PyResult<Py<Operation>> {
        if entries.is_empty() {
            return Err(validation_error(py, "there is nothing to write"));
        }
        let mut writes = Writes::default();
        let mut shields = Shields::default();
        for entry in &entries {
            let entry = entry.get();
            let mut shield = entry.shield.lock().unwrap_or_else(PoisonError::into_inner);
            let json = match shield.take() {
                None => entry.json.clone(),
                shield => {
                    let mut json = entry.json.to_vec();
                    shields.add(shield, &mut json);
                    json.into()
                }
            };
            writes.add(&entry.table, entry.is_put, json);
        }
        let mut core = self
            .core(py)?
            .protected(shields.protection(py, &self.settings)?);
        let mut timeout = self.options(py)?.timeout;
        if let Some(pace) = pace {
            core = core.paced(Some(pace.0.clone()));
            // Whoever keeps to a pace has time.
            timeout = timeout.or(Some(Duration::MAX));
        }
        let wrote: Brought<Wrote> = Arc::default();
        let brought = wrote.clone();
        let exchange = Box::pin(async move {
            let done = writes.write(&core, timeout).await;
            *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            Ok(nothing(Name::BatchWriteItem))
        });
        let expected = Expected::Flushed(Flushed { wrote, entries });
        Operation::new(py, exchange, false, expected, self.context())
    }
}

/// An answer of several requests, which no single body tells.
fn nothing(operation: Name) -> Answer {
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
    /// The items in the order of the keys, and the positions of the keys that the service left over.
    pub(crate) fn resolve(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let got = self
            .got
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(got) = got else {
            return Err(internal(py, "a batch that brought nothing"));
        };
        let items = PyList::empty(py);
        let left = PyList::empty(py);
        let mut decoder = Decoder::new(py);
        for (position, (place, schema)) in self.places.into_iter().enumerate() {
            if got.left.contains(&place) {
                left.append(position)?;
            }
            let item = match &got.items[place] {
                Some((body, range)) => {
                    let found = read_owned_by(&mut decoder, &body[range.clone()], schema.bind(py))?;
                    if let Some(found) = &found {
                        unsettle(found, &got.migrated, place)?;
                    }
                    found
                }
                None => None,
            };
            items.append(item)?;
        }
        Ok((items, left).into_pyobject(py)?.into_any())
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.places
            .iter()
            .try_for_each(|(_, schema)| visit.call(schema))
    }
}

impl Flushed {
    /// What became of each entry, in a word, and the error of those that failed.
    pub(crate) fn resolve(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let wrote = self
            .wrote
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(wrote) = wrote else {
            return Err(internal(py, "a batch that wrote nothing"));
        };
        let fates = PyList::empty(py);
        let answer = nothing(Name::BatchWriteItem);
        for (entry, fate) in self.entries.iter().zip(&wrote.fates) {
            let expected = entry.get().take();
            let word = match (fate, expected) {
                (Fate::Written, expected) => {
                    if let Some(expected) = expected {
                        expected.settled(py, &answer)?;
                    }
                    "written"
                }
                (Fate::Failed, expected) => {
                    if let Some(expected) = expected {
                        expected.give_up(py);
                    }
                    "failed"
                }
                (Fate::Left, _) => "left",
                (Fate::Refused, _) => "refused",
            };
            fates.append(word)?;
        }
        let error = wrote
            .error
            .map(|error| raise(py, &error, None).into_value(py));
        Ok((fates, error).into_pyobject(py)?.into_any())
    }

    /// Nobody will know what became of them.
    pub(crate) fn give_up(self, py: Python<'_>) {
        for entry in &self.entries {
            if let Some(expected) = entry.get().take() {
                expected.give_up(py);
            }
        }
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.entries.iter().try_for_each(|entry| visit.call(entry))
    }
}
