//! The puts and deletes of a batch, seen from Python: encoded when given, held until sent, then settled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::batch::writes::{Writes, Wrote};
use pydynox_core::process::Maker;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::reply::{Brought, Reply, nothing};
use crate::connection::connection::{Connected, Connection};
use crate::connection::meter::Pace;
use crate::exceptions::{numbered, of_item, validation_error};
use crate::interpreter::operation::Operation;
use crate::item::line::line_item;
use crate::item::shield::{Shield, Shields};
use crate::item::write;
use crate::model::instance::{Instance, has_hooks};
use crate::model::item::Item;
use crate::model::key::{self, Key, key_names, write_key};
use crate::model::schema::Schema;
use crate::write::effect::Effect;
use crate::write::flushed::{Entry, Flushed};
use crate::write::single::Write;

/// Whether writing an item of this model without checking the stored one may lose what others wrote. `by_key` deletes any
/// item with the key, which may belong to another entity.
#[pyfunction]
#[pyo3(signature = (schema, by_key, /))]
pub(crate) fn needs_guard(schema: &Bound<'_, Schema>, by_key: bool) -> bool {
    let rules = &schema.get().rules;
    if by_key {
        rules.needs_guard_by_key()
    } else {
        rules.needs_guard()
    }
}

/// Puts and deletes that wait to be sent; if an item appears twice, the last write wins.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Pending {
    connection: Arc<Connection>,
    /// Number of writes given before the next; an error names its write by this number.
    given: AtomicUsize,
    /// Never locked while the user's code may run.
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    writes: Writes,
    /// By their positions there; None if a later one is for the same item.
    entries: Vec<Option<Entry>>,
    /// The model of the last entry, and its table's number.
    last: Option<(Py<Schema>, usize)>,
    /// Taken by the call that encodes.
    scratch: Option<Writer>,
}

/// A put or a delete, encoded: where the item or the key ends, and where the item's key begins.
struct Encoded {
    w: Writer,
    is_put: bool,
    end: usize,
    key: usize,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scratch(&self) -> Writer {
        // Taken out of the lock, since encoding may run the user's code.
        let taken = self.lock().scratch.take();
        taken.unwrap_or_else(|| Writer::with_capacity(1024))
    }

    fn table_of(&self, schema: &Bound<'_, Schema>) -> PyResult<usize> {
        let py = schema.py();
        if let Some((last, number)) = &self.lock().last
            && last.is(schema)
        {
            return Ok(*number);
        }
        let model = schema.get();
        let names = key_names(model.table_in(py, &self.connection.settings)?, model);
        let mut held = self.lock();
        let number = held.writes.table(names);
        let before = held.last.replace((schema.clone().unbind(), number));
        // The lock first: dropping the last reference to a class may run Python code, which may come back to this batch.
        drop(held);
        drop(before);
        Ok(number)
    }

    fn hold(&self, table: usize, entry: Entry, mut encoded: Encoded) {
        let mut held = self.lock();
        let bytes = encoded.w.as_bytes();
        let (json, key) = (&bytes[..encoded.end], &bytes[encoded.key..]);
        let before = held.writes.add(table, encoded.is_put, json, key);
        let replaced = before.and_then(|before| held.entries[before].take());
        held.entries.push(Some(entry));
        // A large one is not kept for a small batch.
        if encoded.w.len() <= 1 << 16 {
            encoded.w.truncate(0);
            held.scratch = Some(encoded.w);
        }
        drop(held);
        // This may run the user's code.
        drop(replaced);
    }

    /// The number of the next write.
    fn next(&self) -> usize {
        self.given.fetch_add(1, Ordering::Relaxed)
    }

    fn hold_put(&self, item: &Item<'_, '_>) -> PyResult<()> {
        let position = self.next();
        self.encode_put(item)
            .map_err(|error| self.placed(position, "put", item, error))
    }

    /// An error with the position and the key of its item.
    #[cold]
    fn placed(&self, position: usize, verb: &str, item: &Item<'_, '_>, error: PyErr) -> PyErr {
        let py = item.py();
        let shows_keys = self.connection.settings.shows_keys;
        let error = of_item(py, error, write::key_of(item).ok().as_ref(), shows_keys);
        numbered(py, position, verb, error)
    }

    fn encode_put(&self, item: &Item<'_, '_>) -> PyResult<()> {
        let settings = &self.connection.settings;
        let table = self.table_of(&item.schema)?;
        let mut w = self.scratch();
        let effect = Write::bare_put(&mut w, settings, item)?;
        let end = w.len();
        write::write_key(&mut w, item)?;
        let entry = Entry {
            target: Some(item.instance.clone().into_any().unbind()),
            effect,
            shield: Shield::of_item(settings, item)?,
        };
        let encoded = Encoded {
            w,
            is_put: true,
            end,
            key: end,
        };
        self.hold(table, entry, encoded);
        Ok(())
    }

    fn hold_delete(
        &self,
        target: &Bound<'_, PyAny>,
        table: usize,
        effect: Effect,
        write: impl FnOnce(&mut Writer) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut w = self.scratch();
        write(&mut w)?;
        let entry = Entry {
            target: Some(target.clone().unbind()),
            effect,
            shield: None,
        };
        let encoded = Encoded {
            is_put: false,
            end: w.len(),
            key: 0,
            w,
        };
        self.hold(table, entry, encoded);
        Ok(())
    }
}

#[pymethods]
impl Pending {
    #[new]
    fn new(client: &Bound<'_, Connected>) -> Self {
        Self {
            connection: Connected::of(client),
            given: AtomicUsize::new(0),
            held: Mutex::default(),
        }
    }

    /// Number of writes given since the last were sent, including replaced ones.
    fn __len__(&self) -> usize {
        self.lock().writes.len()
    }

    /// Count this many that were written on their own, or before.
    fn pass_by(&self, count: usize) {
        self.given.fetch_add(count, Ordering::Relaxed);
    }

    /// Hold the put of an instance.
    fn put(&self, instance: &Bound<'_, Instance>) -> PyResult<()> {
        self.hold_put(&Item::of(instance)?)
    }

    /// Hold puts of what an iterator gives, until it ends or this many are held. Returns the first that is not an instance,
    /// has hooks, or needs a guard; else None.
    fn fill<'py>(
        &self,
        source: &Bound<'py, PyIterator>,
        most: usize,
        unguarded: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut plain: Option<Bound<'py, PyType>> = None;
        let mut source = source.clone();
        while self.__len__() < most {
            let Some(next) = source.next() else { break };
            let next = next?;
            let Ok(instance) = next.cast::<Instance>() else {
                return Ok(Some(next));
            };
            let item = Item::of(instance)?;
            let class = next.get_type();
            // Hooks and guards belong to the class, so a run of instances of one class is asked once.
            if !plain.as_ref().is_some_and(|plain| plain.is(&class)) {
                if has_hooks(&class)? || (!unguarded && item.model().rules.needs_guard()) {
                    return Ok(Some(next));
                }
                plain = Some(class);
            }
            self.hold_put(&item)?;
        }
        Ok(None)
    }

    /// Hold the delete of an instance.
    fn delete(&self, instance: &Bound<'_, Instance>) -> PyResult<()> {
        self.next();
        let item = Item::of(instance)?;
        let table = self.table_of(&item.schema)?;
        let effect = Effect::Deleted(instance.clone().unbind());
        self.hold_delete(instance.as_any(), table, effect, |w| {
            write::write_key(w, &item)
        })
    }

    /// Hold the delete of a key; `target` is what it was given as.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn delete_key(&self, target: &Bound<'_, PyAny>, key: Key<'_>) -> PyResult<()> {
        self.next();
        let (schema, values, _) = &key;
        let table = self.table_of(schema)?;
        self.hold_delete(target, table, Effect::Nothing, |w| {
            write_key(w, schema.get(), values)
        })
    }

    /// Hold the put of a line's item, which has no model.
    fn put_line(
        &self,
        py: Python<'_>,
        table: &str,
        keys: Vec<String>,
        line: &[u8],
    ) -> PyResult<()> {
        let names = key::named(self.connection.settings.table_given(py, table)?, keys);
        let (item, key) = line_item(py, &names, line)?;
        let table = self.lock().writes.table(names);
        let mut w = self.scratch();
        w.raw(&item);
        w.raw(&key);
        let entry = Entry {
            target: None,
            effect: Effect::Nothing,
            shield: None,
        };
        let encoded = Encoded {
            w,
            is_put: true,
            end: item.len(),
            key: item.len(),
        };
        self.hold(table, entry, encoded);
        Ok(())
    }

    /// What is held, as given, in the order of sending.
    fn targets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let held = self.lock();
        let entries = held.entries.iter().flatten();
        let targets: Vec<_> = entries
            .filter_map(|entry| entry.target.as_ref().map(|target| target.clone_ref(py)))
            .collect();
        drop(held);
        PyList::new(py, targets)
    }

    /// Whether each of them is a put.
    fn are_puts(&self) -> Vec<bool> {
        self.lock().writes.are_puts().collect()
    }

    /// Send what is held, and hold nothing from then on. The result: the positions of those not written, and why.
    #[pyo3(signature = (pace=None))]
    fn send(&self, py: Python<'_>, pace: Option<&Bound<'_, Pace>>) -> PyResult<Py<Operation>> {
        let settings = &*self.connection.settings;
        let core = self.connection.core(py)?;
        let timeout = self.connection.timeout(py)?;
        // Taken only now: if the client cannot be used, the lines above raise and the writes are still held.
        let held = {
            let mut held = self.lock();
            let scratch = held.scratch.take();
            let next = Held {
                scratch,
                ..Held::default()
            };
            std::mem::replace(&mut *held, next)
        };
        if held.writes.is_empty() {
            return Err(validation_error(py, "there is nothing to write"));
        }
        let mut writes = held.writes;
        let mut entries: Vec<Entry> = held.entries.into_iter().flatten().collect();
        let mut shields = Shields::default();
        // Both skip the writes that a later one replaced, so the n-th shield belongs to the n-th text.
        let mut taken = entries.iter_mut().map(|entry| entry.shield.take());
        writes.for_each_json(|json| shields.add(taken.next().flatten(), json));
        drop(taken);
        let mut core = core.protected(shields.protection(py, settings)?);
        if let Some(pace) = pace {
            core = core.paced(Some(pace.get().0.clone()));
        }
        let sending = writes.sending();
        let requests = sending.requests();
        let wrote: Brought<Wrote> = Arc::default();
        let brought = wrote.clone();
        let traced = core.clone();
        let inline = core.captures();
        let exchange = Box::pin(async move {
            let done = sending.write(&core, timeout).await;
            *brought.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            Ok(nothing(Name::BatchWriteItem))
        });
        let flushed = Flushed {
            wrote,
            entries,
            requests,
            maker: Maker::this(),
        };
        let expected = Reply::plain(settings, flushed);
        let expected = self.connection.delivering(&traced, expected);
        Operation::new(py, exchange, inline, expected)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Locked means in use: references that are not visited count as outside ones, so nothing is freed.
        match self.held.try_lock() {
            Ok(held) => held
                .entries
                .iter()
                .flatten()
                .try_for_each(|entry| entry.traverse(&visit)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let before = std::mem::take(&mut *self.lock());
        drop(before);
    }
}
