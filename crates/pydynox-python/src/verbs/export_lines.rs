//! Exports and imports, seen from Python: pages of a scan as lines, lines as items of a batch.

use pydynox_core::call::Answer;
use pydynox_core::export_lines as lines;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::Connection;
use crate::connection::meter::Pace;
use crate::connection::request::Request;
use crate::exceptions::{malformed, validation_error};
use crate::interpreter::operation::Operation;
use crate::item::line::line_item;
use crate::model::key;

/// Read a page of a table as lines: where it begins, whether it is consistent, the maximum number of items.
pub(crate) fn scan(
    py: Python<'_>,
    connection: &Connection,
    table: &str,
    (after, consistent_read, limit): (Option<&str>, bool, Option<u32>),
    pace: &Pace,
) -> PyResult<Py<Operation>> {
    let table = connection.settings.table_given(py, table)?;
    let mut w = Writer::with_capacity(256);
    let after = after.map(str::as_bytes);
    lines::write_scan(&mut w, &table, after, consistent_read, limit).map_err(|error| {
        validation_error(
            py,
            &format!("the key to continue after is invalid: {error}"),
        )
    })?;
    let request = Request {
        pace: Some(pace.0.clone()),
        ..Request::idempotent(Name::Scan, table, w)
    };
    connection.send(py, request, Reply::plain(&connection.settings, Lines))
}

/// The items of a page as lines of JSON.
struct Lines;

impl Answered for Lines {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        lines(py, &answer.body)
    }
}

/// Refuse a line that does not contain an item with these keys.
#[pyfunction]
#[pyo3(signature = (keys, line, /))]
pub(crate) fn check_line(py: Python<'_>, keys: Vec<String>, line: &[u8]) -> PyResult<()> {
    line_item(py, &key::named(String::new(), keys), line).map(|_| ())
}

/// Lines, their number, and where the scan continues.
fn lines<'py>(py: Python<'py>, body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let mut w = Writer::with_capacity(body.len());
    let page = lines::write_page(&mut w, body).map_err(|error| malformed(py, &error))?;
    let next = page
        .next
        // Written by the core, so it is valid UTF-8 and nothing is lost.
        .map(|key| String::from_utf8_lossy(&key).into_owned());
    let lines = PyBytes::new(py, w.as_bytes());
    Ok((lines, page.count, next).into_pyobject(py)?.into_any())
}
