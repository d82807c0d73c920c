//! Stream record: one change of an item as Python sees it, with its images as instances of their model.

use pydynox_core::stream_record::{self as core, Change, Place, Record};
use pydynox_core::time::Instant;
use pydynox_core::wire::Reader;
use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::exceptions::{malformed, validation_error};
use crate::interpreter::ffi;
use crate::item::read::plain_value;
use crate::model::instance::Instance;
use crate::model::key::member;
use crate::model::schema::Schema;
use crate::values::decode::Decoder;
use crate::values::decode_json;
use crate::values::scalar::moment;
use crate::values::unreadable::{Unreadable, unreadable};

/// The images of a record as instances.
#[derive(Default)]
pub(crate) struct Images {
    pub(crate) new: Option<Py<Instance>>,
    pub(crate) old: Option<Py<Instance>>,
}

/// One record of an event.
#[pyclass(frozen, generic, name = "Record", module = "pydynox.streams")]
pub(crate) struct StreamRecord {
    /// The event that it is part of.
    pub(crate) event: Py<PyBytes>,
    pub(crate) record: Record,
    pub(crate) table: Option<Py<PyString>>,
    pub(crate) schema: Option<Py<Schema>>,
    pub(crate) images: Images,
    /// Why it cannot be read.
    pub(crate) error: Option<PyErr>,
    /// Whether its images are still to be opened.
    pub(crate) is_sealed: bool,
}

impl StreamRecord {
    /// The JSON text at a place of its change.
    pub(crate) fn part(&self, py: Python<'_>, place: &Place) -> &[u8] {
        self.record.part(self.event.as_bytes(py), place)
    }

    fn change(&self) -> Option<&Change> {
        self.record.change.as_ref().ok()
    }

    /// A text of the event.
    fn word<'a>(&'a self, py: Python<'a>, place: Option<&Place>) -> Option<&'a str> {
        word(self.event.as_bytes(py), place)
    }

    /// What an attribute was or is in an image, by its stored name; None where the image does not have it.
    fn value<'py>(
        &self,
        decoder: &mut Decoder<'py>,
        name: &str,
        image: Option<&Place>,
        instance: Option<&Py<Instance>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = decoder.py();
        let none = || py.None().into_bound(py);
        let Some(image) = image else {
            return Ok(none());
        };
        let image = self.part(py, image);
        let Some(place) = member(image, name).map_err(|error| malformed(py, &error))? else {
            return Ok(none());
        };
        let json = &image[place];
        let field = self.schema.as_ref().and_then(|schema| {
            let schema = schema.get();
            Some(schema.field(schema.by_attribute(name, usize::MAX)?))
        });
        let Some(field) = field else {
            return plain_value(decoder, json).map_err(|problem| unreadable(py, problem, name));
        };
        if field.protected.is_some()
            && let Some(instance) = instance
        {
            return ffi::get_attribute(instance.bind(py), field.name.bind(py));
        }
        let mut r = Reader::new(json).map_err(|error| malformed(py, &error))?;
        match decoder.value(&mut r, &field.kind) {
            Ok(value) => Ok(value),
            // Where the model reads it as it is, so does this.
            Err(Unreadable::Misfit { .. }) => {
                plain_value(decoder, json).map_err(|problem| unreadable(py, problem, name))
            }
            Err(problem) => Err(unreadable(py, problem, name)),
        }
    }
}

/// A text in an event.
pub(crate) fn word<'a>(event: &'a [u8], place: Option<&Place>) -> Option<&'a str> {
    std::str::from_utf8(event.get(place?.clone())?).ok()
}

/// The key of a change as plain values; None if it cannot be read.
pub(crate) fn plain_keys<'py>(
    decoder: &mut Decoder<'py>,
    record: &Record,
    event: &[u8],
    names: Option<&Schema>,
) -> Option<Bound<'py, PyDict>> {
    let change = record.change.as_ref().ok()?;
    if let Some(keys) = &change.keys {
        let mut r = Reader::new(record.part(event, keys)).ok()?;
        return decoder.item(&mut r).ok();
    }
    // A line of a full export has its key in its item only.
    let item = record.part(event, change.new.as_ref()?);
    let keys = PyDict::new(decoder.py());
    for name in &*names?.key_names {
        let place = member(item, name).ok()??;
        let value = plain_value(decoder, &item[place]).ok()?;
        keys.set_item(&**name, value).ok()?;
    }
    Some(keys)
}

#[pymethods]
impl StreamRecord {
    #[getter]
    fn event_name(&self) -> Option<&'static str> {
        Some(self.change()?.event.name())
    }

    #[getter(new)]
    fn new_image(&self, py: Python<'_>) -> Option<Py<Instance>> {
        self.images.new.as_ref().map(|new| new.clone_ref(py))
    }

    #[getter(old)]
    fn old_image(&self, py: Python<'_>) -> Option<Py<Instance>> {
        self.images.old.as_ref().map(|old| old.clone_ref(py))
    }

    #[getter]
    fn keys<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        let names = self.schema.as_ref().map(Py::get);
        let event = self.event.as_bytes(py);
        plain_keys(&mut Decoder::new(py), &self.record, event, names)
            .unwrap_or_else(|| PyDict::new(py))
    }

    #[getter]
    fn sequence_number<'a>(&'a self, py: Python<'a>) -> Option<&'a str> {
        self.word(py, self.record.sequence_number.as_ref())
    }

    #[getter]
    fn event_id<'a>(&'a self, py: Python<'a>) -> Option<&'a str> {
        self.record.event_id(self.event.as_bytes(py))
    }

    #[getter]
    fn table(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.table.as_ref().map(|table| table.clone_ref(py))
    }

    #[getter]
    fn model<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyType>> {
        Some(self.schema.as_ref()?.get().model(py).clone())
    }

    #[getter]
    fn size_bytes(&self) -> Option<u64> {
        self.change()?.size
    }

    #[getter]
    fn approximate_creation_time<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(micros) = self.change().and_then(|change| change.created) else {
            return Ok(None);
        };
        let at = Instant::from_microseconds(micros).ok();
        at.map(|at| moment(py, at)).transpose()
    }

    #[getter]
    fn by_ttl(&self) -> bool {
        self.change().is_some_and(|change| change.by_time_to_live)
    }

    #[getter]
    fn error(&self, py: Python<'_>) -> Option<PyErr> {
        self.error.as_ref().map(|error| error.clone_ref(py))
    }

    /// Whether its images have values that only a client opens.
    #[getter]
    fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Whether it came in a message of SQS.
    #[getter]
    fn is_message(&self) -> bool {
        self.record.origin == core::Origin::Message
    }

    /// The record as it came, plain JSON.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let event = self.event.as_bytes(py);
        let read = || {
            let text = event.get(self.record.whole.clone()).unwrap_or_default();
            decode_json::json(py, &mut Reader::new(text)?)
        };
        read().map_err(|problem| unreadable(py, problem, "record"))
    }

    /// Bytes that all records of the same item share; None if the record has no readable key.
    #[getter]
    fn group<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let change = self.change()?;
        let key = match (&change.keys, &change.new) {
            (Some(keys), _) => core::canonical(self.part(py, keys)),
            (None, Some(item)) => {
                let names =
                    crate::model::key::key_names(String::new(), self.schema.as_ref()?.get());
                return Some(PyBytes::new(py, &names.of(self.part(py, item)).ok()??));
            }
            (None, None) => return None,
        };
        Some(PyBytes::new(py, &key.ok()?))
    }

    /// What differs between the images: by attribute, the old and the new value.
    #[getter]
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let changes = PyDict::new(py);
        let Some(change) = self.change() else {
            return Ok(changes);
        };
        let (old, new) = change
            .images()
            .map_err(|why| validation_error(py, &format!("record.changes: {why}")))?;
        let json = |place: Option<&Place>| place.map(|place| self.part(py, place).to_vec());
        let names = core::changed(json(old).as_deref(), json(new).as_deref())
            .map_err(|error| malformed(py, &error))?;
        let decoder = &mut Decoder::new(py);
        for name in names {
            let before = self.value(decoder, &name, old, self.images.old.as_ref())?;
            let after = self.value(decoder, &name, new, self.images.new.as_ref())?;
            let field = self.schema.as_ref().and_then(|schema| {
                let schema = schema.get();
                Some(schema.field(schema.by_attribute(&name, usize::MAX)?))
            });
            match field {
                // An encrypted value that was written again differs as text only.
                Some(field) if field.protected.is_some() && before.eq(&after)? => {}
                Some(field) => changes.set_item(&field.name, (before, after))?,
                None => changes.set_item(name, (before, after))?,
            }
        }
        Ok(changes)
    }

    /// The same record with its images opened.
    fn opened(&self, py: Python<'_>, new: Option<Py<Instance>>, old: Option<Py<Instance>>) -> Self {
        Self {
            event: self.event.clone_ref(py),
            record: self.record.clone(),
            table: self.table.as_ref().map(|table| table.clone_ref(py)),
            schema: self.schema.as_ref().map(|schema| schema.clone_ref(py)),
            images: Images { new, old },
            error: None,
            is_sealed: false,
        }
    }

    /// The same record with the error that opening it ended with.
    fn failed(&self, error: Bound<'_, PyBaseException>) -> Self {
        let py = error.py();
        let failed = self.opened(py, None, None);
        Self {
            error: Some(PyErr::from_value(error.into_any())),
            ..failed
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let model = self
            .schema
            .as_ref()
            .map_or("?", |schema| &schema.get().name);
        let name = self.event_name().unwrap_or("unreadable");
        let number = self.sequence_number(py).unwrap_or("-");
        Ok(format!(
            "<Record {number} {name} {model} {}>",
            self.keys(py).repr()?
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.images.new)?;
        visit.call(&self.images.old)?;
        visit.call(&self.schema)
    }
}
