//! Placed items: the items of a batch read as they are decoded, each at the position of its key.

use pydynox_core::call::Answer;
use pydynox_core::codec::Opened;
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

use crate::answer::decoded::read_owned_by;
use crate::answer::failure::locate;
use crate::exceptions::{is_misfit, malformed, raise};
use crate::model::instance::{Instance, has_hooks, unsettle};
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use pydynox_core::batch::arrived::Row;

/// Items while they are read.
pub(super) struct Rows<'a, 'py> {
    pub(super) decoder: Decoder<'py>,
    pub(super) places: &'a [(usize, Py<Schema>)],
    /// By position.
    pub(super) items: Vec<Option<Bound<'py, Instance>>>,
    /// In their positions, once they are a list.
    pub(super) list: Option<Bound<'py, PyList>>,
    /// The class of the last one.
    pub(super) plain: Option<Bound<'py, PyType>>,
    pub(super) have_hooks: bool,
    pub(super) on_invalid: Option<Bound<'py, PyAny>>,
}

impl Rows<'_, '_> {
    /// Reads the item at the cursor, which moves past it.
    pub(super) fn read(&mut self, position: usize, reader: &mut Reader<'_>) -> PyResult<()> {
        let before = reader.clone();
        let schema = self.places[position].1.bind(self.decoder.py());
        match read_owned_by(&mut self.decoder, reader, schema) {
            Ok(instance) => self.put(position, instance),
            Err(error) => {
                let broken = |error| malformed(self.decoder.py(), &error);
                // Decoding stopped somewhere inside the item: go back, and find its end.
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
    pub(super) fn open(
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
        // Hooks belong to the class, so a run of items of one class is asked once.
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

    /// An item that cannot be read: an error, unless a callback takes those.
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
