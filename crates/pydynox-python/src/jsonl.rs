//! Exports and imports, seen from Python: pages of a scan as lines, lines as items of a batch.

use pydynox_core::batch::KeyNames;
use pydynox_core::jsonl;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::{WireError, Writer};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answer::Expected;
use crate::client::{Client, Request};
use crate::error::{malformed, validation_error};
use crate::meter::Pace;
use crate::operation::Operation;

impl Client {
    /// Read a page of a table as lines.
    pub(crate) fn scan_as_lines(
        &self,
        py: Python<'_>,
        table: &str,
        after: Option<&str>,
        consistent_read: bool,
        limit: Option<u32>,
        pace: &Pace,
    ) -> PyResult<Py<Operation>> {
        let table = self.settings.table_named(table);
        let mut w = Writer::with_capacity(256);
        let after = after.map(str::as_bytes);
        jsonl::write_scan(&mut w, &table, after, consistent_read, limit).map_err(|error| {
            validation_error(py, &format!("the key to go on after is none: {error}"))
        })?;
        let request = Request::idempotent(Name::Scan, table, w);
        self.send_paced(py, request, Expected::Lines, pace)
    }
}

/// A table whose keys are known by name.
pub(crate) fn key_names(table: String, keys: Vec<String>) -> KeyNames {
    KeyNames {
        table: table.into(),
        names: keys.into_iter().map(Into::into).collect(),
    }
}

/// The item of a line, and its key, both canonical.
pub(crate) fn item_of(
    py: Python<'_>,
    table: &KeyNames,
    line: &[u8],
) -> PyResult<(Vec<u8>, Vec<u8>)> {
    let wrong = |error: WireError| validation_error(py, &error.to_string());
    let item = jsonl::item(line).map_err(wrong)?;
    let Some(key) = table.of(&item).map_err(wrong)? else {
        let names = table.names.join("' and '");
        let text = format!("the item lacks its key: '{names}'");
        return Err(validation_error(py, &text));
    };
    Ok((item, key))
}

/// Refuse a line that has no item with these keys.
#[pyfunction]
#[pyo3(signature = (keys, line, /))]
pub(crate) fn check_line(py: Python<'_>, keys: Vec<String>, line: &[u8]) -> PyResult<()> {
    item_of(py, &key_names(String::new(), keys), line).map(|_| ())
}

/// Lines, how many, and where the scan goes on.
pub(crate) fn lines<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let mut w = Writer::with_capacity(body.len());
    let page = jsonl::write_page(&mut w, body).map_err(|error| malformed(py, &error))?;
    let next = page
        .next
        .map(|key| String::from_utf8_lossy(&key).into_owned());
    let lines = PyBytes::new(py, w.as_bytes());
    Ok((lines, page.count, next).into_pyobject(py)?.into_any())
}
