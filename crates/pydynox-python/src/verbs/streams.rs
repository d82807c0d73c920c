//! Streams, seen from Python: the records of an event as instances, and protected values of their images opened.

use bytes::Bytes;
use pydynox_core::stream_record::{Change, Place, Record, Records};
use pydynox_core::wire::{Reader, Writer};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyByteArrayMethods, PyBytes, PyDict, PyList, PyString};

use crate::connection::connection::Connected;
use crate::exceptions::{malformed, of_record, validation_error};
use crate::interpreter::operation::Operation;
use crate::item::{read, sealed};
use crate::model::instance::Instance;
use crate::model::schema::Schema;
use crate::read::stream_models::{Chosen, Clues, StreamModels};
use crate::read::stream_record::{Images, StreamRecord, plain_keys, word};
use crate::values::decode::Decoder;
use crate::values::service_json;
use crate::verbs::client::open_given;

/// How the records of an event are read.
struct Reading<'a, 'py> {
    models: StreamModels<'py>,
    event: &'a Bound<'py, PyBytes>,
    /// Whether protected values are opened afterwards, so that their images stay unread here.
    opens: bool,
    shows_keys: bool,
}

/// The records of an event that belong to these models, in its order. `table` is that of records which name none. A record that
/// cannot be read has an error in place of its images.
#[pyfunction]
#[pyo3(signature = (client, event, schemas, table, opens, /))]
pub(crate) fn stream_records<'py>(
    client: &Bound<'py, Connected>,
    event: &Bound<'py, PyAny>,
    schemas: Vec<Bound<'py, Schema>>,
    table: Option<&str>,
    opens: bool,
) -> PyResult<Bound<'py, PyList>> {
    let py = client.py();
    let connection = Connected::of(client);
    let event = text_of(event)?;
    let all =
        Records::of(event.as_bytes()).map_err(|why| validation_error(py, &why.to_string()))?;
    let models = StreamModels::new(py, schemas, &connection.settings)?;
    for table in &all.tables {
        models.check_table(py, table)?;
    }
    let reading = Reading {
        models,
        event: &event,
        opens,
        shows_keys: connection.settings.shows_keys,
    };
    let named: Vec<_> = all
        .tables
        .iter()
        .map(|name| PyString::new(py, name))
        .collect();
    let given = table.map(|name| PyString::new(py, name));
    let decoder = &mut Decoder::new(py);
    let records = PyList::empty(py);
    for record in all.records {
        let table = record
            .table
            .and_then(|number| named.get(number))
            .or(given.as_ref());
        if let Some(record) = reading.record(decoder, record, table)? {
            records.append(Py::new(py, record)?)?;
        }
    }
    Ok(records)
}

impl<'py> Reading<'_, 'py> {
    /// One record; None if it belongs to no given model.
    fn record(
        &self,
        decoder: &mut Decoder<'py>,
        record: Record,
        table: Option<&Bound<'py, PyString>>,
    ) -> PyResult<Option<StreamRecord>> {
        let py = decoder.py();
        let mut schema = None;
        let mut images = Images::default();
        let mut is_sealed = false;
        let mut error = None;
        match &record.change {
            Err(why) => error = Some(self.failed(decoder, &record, Ok(why), None)),
            Ok(change) => match self.images(decoder, &record, change, table, &mut schema) {
                Ok(None) => return Ok(None),
                Ok(Some((read, sealed))) => (images, is_sealed) = (read, sealed),
                Err(failure) if failure.is_instance_of::<PyException>(py) => {
                    error = Some(self.failed(decoder, &record, Err(&failure), schema.as_ref()));
                }
                Err(interruption) => return Err(interruption),
            },
        }
        Ok(Some(StreamRecord {
            event: self.event.clone().unbind(),
            record,
            table: table.map(|table| table.clone().unbind()),
            schema: schema.map(Bound::unbind),
            images,
            error,
            is_sealed,
        }))
    }

    #[cold]
    fn failed(
        &self,
        decoder: &mut Decoder<'py>,
        record: &Record,
        why: Result<&str, &PyErr>,
        schema: Option<&Bound<'py, Schema>>,
    ) -> PyErr {
        let event = self.event.as_bytes();
        let keys = plain_keys(decoder, record, event, schema.map(Bound::get));
        let keys = keys.map(Bound::into_any);
        let number = word(event, record.sequence_number.as_ref());
        of_record(decoder.py(), why, number, (keys.as_ref(), self.shows_keys))
    }

    /// The images as instances, and whether they are still sealed; None if the record belongs to no given model.
    fn images(
        &self,
        decoder: &mut Decoder<'py>,
        record: &Record,
        change: &Change,
        table: Option<&Bound<'py, PyString>>,
        schema: &mut Option<Bound<'py, Schema>>,
    ) -> PyResult<Option<(Images, bool)>> {
        let py = decoder.py();
        let event = self.event.as_bytes();
        let part = |place: &Place| record.part(event, place);
        let image = change.new.as_ref().or(change.old.as_ref()).map(part);
        let clues = Clues {
            table: table.map(|table| table.to_str()).transpose()?,
            keys: change.keys.as_ref().map(part).or(image).unwrap_or(b"{}"),
            image,
        };
        match self.models.choose(py, clues)? {
            Chosen::Foreign => return Ok(None),
            Chosen::Unclear => return Ok(Some((Images::default(), false))),
            Chosen::Model(chosen) => *schema = Some(chosen),
        }
        let Some(schema) = schema else {
            return Ok(None);
        };
        let is_protected = schema.get().protected.is_some();
        if is_protected && self.opens {
            return Ok(Some((Images::default(), image.is_some())));
        }
        let mut instance = |place: Option<&Place>| -> PyResult<Option<Py<Instance>>> {
            let Some(image) = place.map(part) else {
                return Ok(None);
            };
            if is_protected {
                let remedy = |name: &str| format!("streams.handler({name}, open_protected=True)");
                sealed::refuse_sealed(schema, image, remedy)?;
            }
            let mut r = Reader::new(image).map_err(|error| malformed(py, &error))?;
            Ok(Some(read::read(decoder, &mut r, schema)?.unbind()))
        };
        let (new, old) = (
            instance(change.new.as_ref())?,
            instance(change.old.as_ref())?,
        );
        Ok(Some((Images { new, old }, false)))
    }
}

/// An image of a sealed record as an instance, opened with the client's keyring; None if the record does not have the image.
#[pyfunction]
#[pyo3(signature = (client, record, new, /))]
pub(crate) fn open_image(
    client: &Bound<'_, Connected>,
    record: &Bound<'_, StreamRecord>,
    new: bool,
) -> PyResult<Option<Py<Operation>>> {
    let py = client.py();
    let this = record.get();
    let (Ok(change), Some(schema)) = (&this.record.change, &this.schema) else {
        return Ok(None);
    };
    let place = if new { &change.new } else { &change.old };
    let Some(place) = place else {
        return Ok(None);
    };
    // In the form of a GetItem answer, which is what is opened and read from here on.
    let body: Bytes = [br#"{"Item":"#, this.part(py, place), b"}"].concat().into();
    open_given(&Connected::of(client), schema.bind(py), body).map(Some)
}

/// The text of an event, which Lambda passes as a dictionary.
fn text_of<'py>(event: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = event.py();
    if let Ok(bytes) = event.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if let Ok(bytes) = event.cast::<PyByteArray>() {
        return Ok(PyBytes::new(py, &bytes.to_vec()));
    }
    if let Ok(text) = event.cast::<PyString>() {
        return Ok(PyBytes::new(py, text.to_str()?.as_bytes()));
    }
    if !event.is_instance_of::<PyDict>() && !event.is_instance_of::<PyList>() {
        return Err(PyTypeError::new_err(format!(
            "an event is a dict, a list of records, bytes or str, not {}",
            event.get_type().qualname()?
        )));
    }
    let mut w = Writer::with_capacity(4096);
    service_json::write(&mut w, event, 0)?;
    Ok(PyBytes::new(py, w.as_bytes()))
}
