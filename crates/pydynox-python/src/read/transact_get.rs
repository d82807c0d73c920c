//! Items read by their keys as they were at one moment.

use pydynox_core::call::Answer;
use pydynox_core::operation::transact_get_items;
use pydynox_core::transaction::MAX_OPERATIONS;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::decoded::read_owned;
use crate::answer::failure::locate;
use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::Connection;
use crate::connection::request::Request;
use crate::exceptions::{malformed, raise, validation_error};
use crate::interpreter::operation::Operation;
use crate::item::shield;
use crate::model::instance::unsettle;
use crate::model::key::{Key, write_key};
use crate::model::schema::Schema;

/// Items by the place of each in the answer.
struct Items(Vec<(usize, Py<Schema>)>);

impl Answered for Items {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        items_of(py, answer, self.0)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|(_, schema)| visit.call(schema))
    }
}

/// Read the items with these keys, all as they were at one moment.
pub(crate) fn send(
    py: Python<'_>,
    connection: &Connection,
    keys: &[Key<'_>],
) -> PyResult<Py<Operation>> {
    let mut w = Writer::with_capacity(128 * keys.len());
    transact_get_items::begin(&mut w);
    let mut gets: Vec<(String, Vec<u8>)> = Vec::new();
    let mut places = Vec::with_capacity(keys.len());
    for (schema, key, _) in keys {
        let table = schema.get().table_in(py, &connection.settings)?;
        let mut text = Writer::with_capacity(64);
        write_key(&mut text, schema.get(), key)?;
        let one = (table, text.into_bytes());
        // The service refuses to read one item twice.
        let place = gets.iter().position(|other| *other == one);
        let place = place.unwrap_or_else(|| {
            transact_get_items::begin_get(&mut w, gets.is_empty(), &one.0);
            w.raw(&one.1);
            transact_get_items::end_get(&mut w);
            gets.push(one);
            gets.len() - 1
        });
        places.push((place, schema.clone().unbind()));
    }
    if gets.len() > MAX_OPERATIONS {
        let message = format!(
            "transact_get reads at most {MAX_OPERATIONS} items, and got {}",
            gets.len()
        );
        return Err(validation_error(py, &message));
    }
    transact_get_items::finish(&mut w);
    let request = Request {
        protection: shield::opening(
            py,
            &connection.settings,
            keys.iter().map(|(schema, _, _)| schema),
        )?,
        ..Request::idempotent(Name::TransactGetItems, String::new(), w)
    };
    connection.send(
        py,
        request,
        Reply::plain(&connection.settings, Items(places)),
    )
}

/// The items of a transactional read, in the order of the keys.
fn items_of<'py>(
    py: Python<'py>,
    answer: &Answer,
    places: Vec<(usize, Py<Schema>)>,
) -> PyResult<Bound<'py, PyAny>> {
    let body = &answer.body;
    let ranges = transact_get_items::items(body).map_err(|error| malformed(py, &error))?;
    let items = PyList::empty(py);
    for (place, schema) in places {
        let range = ranges.get(place).cloned().flatten();
        let item = match range {
            Some(range) => {
                // Opened items are numbered among those that exist; a key without an item has no number.
                let number = ranges[..place].iter().flatten().count();
                let stored = range.clone();
                let read = || {
                    let item = answer.item(number, range);
                    let item = item.map_err(|error| raise(py, &error))?;
                    let item = read_owned(py, &item, schema.bind(py))?;
                    if let (Some(item), Some(opened)) = (&item, &answer.opened) {
                        unsettle(item, opened.migrated(), number)?;
                    }
                    Ok::<_, PyErr>(item)
                };
                match read() {
                    Ok(item) => item,
                    Err(error) => {
                        locate(py, &error, schema.get(), &body[stored])?;
                        return Err(error);
                    }
                }
            }
            None => None,
        };
        items.append(item)?;
    }
    Ok(items.into_any())
}
