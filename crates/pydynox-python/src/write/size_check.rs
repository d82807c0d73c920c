//! Sizes of a call's items: refused above DynamoDB's limit, warned about just below it.

use std::sync::Arc;

use pydynox_core::codec::protection::{Protection, Written};
use pydynox_core::codec::{ProtectedSchema, envelope};
use pydynox_core::error::Error;
use pydynox_core::process;
use pydynox_core::size::{ItemSize, MAX_ITEM_SIZE, item_size};
use pyo3::intern;
use pyo3::prelude::*;

use crate::connection::settings::Settings;
use crate::exceptions::{about_key, malformed, raise};
use crate::item::write::key_of;
use crate::model::item::Item;
use crate::model::schema::Schema;

/// What protection may add to a value: an envelope with the longest key, and the overhead of compression.
const MOST_ADDED: usize = envelope::MOST_OVERHEAD + 1024;

/// Whether an item with this many bytes of JSON may be worth counting.
#[inline]
pub(crate) fn may_be_large(settings: &Settings, schema: &Schema, length: usize) -> bool {
    let protected = schema.protected.as_ref();
    let added = protected.map_or(0, |schema| schema.attributes.len() * MOST_ADDED);
    // An item is never larger than its JSON, so that nearly all items are sent without being measured.
    length + added > settings.warns_above.min(MAX_ITEM_SIZE)
}

/// Check an item that is about to be sent; `json` is its stored form.
#[inline]
pub(crate) fn check_item(settings: &Settings, json: &[u8], item: &Item<'_, '_>) -> PyResult<()> {
    if may_be_large(settings, item.model(), json.len()) {
        measure(settings, json, item)
    } else {
        Ok(())
    }
}

fn measure(settings: &Settings, json: &[u8], item: &Item<'_, '_>) -> PyResult<()> {
    let (py, model) = (item.py(), item.model());
    let table = model.table_in(py, settings)?;
    let size = match model.protected_in(settings) {
        None => item_size(json).map_err(|error| malformed(py, &error))?,
        Some(protected) => protected_size(py, settings, &protected, json)?,
    };
    let key = || key_of(item).ok();
    judge(py, settings, &size, &model.name, &table, key)
}

/// The same for an item without a model.
pub(crate) fn check_plain(
    py: Python<'_>,
    settings: &Settings,
    item: &[u8],
    table: &str,
) -> PyResult<()> {
    if item.len() <= settings.warns_above.min(MAX_ITEM_SIZE) {
        return Ok(());
    }
    let size = item_size(item).map_err(|error| malformed(py, &error))?;
    judge(py, settings, &size, "item", table, || None)
}

/// The size of an item with marked values once they are protected.
pub(crate) fn protected_size(
    py: Python<'_>,
    settings: &Settings,
    schema: &Arc<ProtectedSchema>,
    item: &[u8],
) -> PyResult<ItemSize> {
    let protection = Protection {
        keys: settings.keys(py)?,
        generation: process::era(),
        writes: vec![Written {
            schema: schema.clone(),
            key: Box::default(),
        }],
        reads: Vec::new(),
    };
    let named = |error: Error| raise(py, &error.with_operation(&*schema.model));
    protection.size(item).map_err(named)
}

/// Refuse what is too large, and warn of what nearly is. `key` is the key of an instance's item.
#[cold]
fn judge<'py>(
    py: Python<'py>,
    settings: &Settings,
    size: &ItemSize,
    model: &str,
    table: &str,
    key: impl FnOnce() -> Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    if let Err(error) = size.check() {
        let error = error.with_operation(model).with_table(table);
        let raised = raise(py, &error);
        if let Some(key) = key() {
            about_key(py, &raised, &key, settings.shows_keys)?;
        }
        return Err(raised);
    }
    if size.total > settings.warns_above {
        let (total, against) = (size.total, size.against());
        let message = format!("{model} writes an item of {total} bytes into '{table}', {against}");
        py.import(intern!(py, "pydynox.cost"))?
            .call_method1(intern!(py, "warn_of_size"), (message,))?;
    }
    Ok(())
}
