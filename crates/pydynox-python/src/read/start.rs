//! Cursors and keys that a caller gives to continue after or before: extracted and written for the core, which checks them.

use pydynox_core::cursor::Heading;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::reading::After;
use pydynox_core::wire::Writer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::exceptions::{raise, validation_error};
use crate::interpreter::text;
use crate::read::search::Search;
use crate::values::kind::Kind;
use crate::values::{encode, service_json};

static ANY: Kind = Kind::Any;

/// The same search after or before a cursor or key; without one, a cursor given earlier for that direction is dropped.
pub(crate) fn continued(
    py: Python<'_>,
    search: &Search,
    given: Option<&Bound<'_, PyAny>>,
    heading: Heading,
) -> PyResult<Search> {
    let refuse = |error: Error| validation_error(py, error.message());
    let is_other = search.query.turns(heading).map_err(refuse)?;
    let Some(given) = given else {
        return Ok(search.with(py, |query| query.rewind(heading)));
    };
    if is_other {
        let message = "a page is read after() a cursor or before() one: this query has both";
        return Err(raise(py, &Error::new(ErrorKind::Cursor, message)));
    }
    let after = after(search, given, heading)?;
    Ok(search.with(py, |query| {
        query.after = Some(after);
        query.heading = heading;
    }))
}

/// What `after()` and `before()` take: a cursor, or the key of a row.
fn after(search: &Search, given: &Bound<'_, PyAny>, heading: Heading) -> PyResult<After> {
    let verb = match heading {
        Heading::Forward => "after",
        Heading::Backward => "before",
    };
    if let Ok(cursor) = given.cast::<PyString>() {
        return Ok(After::Cursor(text::text(cursor, "the cursor")?.into()));
    }
    let Ok(key) = given.cast::<PyDict>() else {
        return Err(PyTypeError::new_err(format!(
            "{verb}() takes a cursor or a LastEvaluatedKey such as {{\"customer\": \"c1\"}}, not {}",
            given.repr()?
        )));
    };
    let py = given.py();
    let refuse = |error: Error| validation_error(py, error.message());
    search.query.check_one_position(verb).map_err(refuse)?;
    let written = written(search, key, verb)?;
    search.query.at_key(&written, verb).map_err(refuse)
}

/// How values of an attribute of the model that is read are stored.
fn kind_of<'a>(search: &'a Search, name: &str) -> Option<&'a Kind> {
    let schema = search.schema.as_ref()?.get();
    let index = schema.by_attribute(name, usize::MAX)?;
    Some(schema.field(index).kind.present())
}

/// A key as JSON text; its values are plain ones, or in `DynamoDB`'s JSON.
fn written(search: &Search, key: &Bound<'_, PyDict>, verb: &str) -> PyResult<Vec<u8>> {
    let mut w = Writer::with_capacity(96);
    w.byte(b'{');
    for (position, (name, value)) in key.iter().enumerate() {
        let Ok(name) = name.cast::<PyString>() else {
            return Err(PyTypeError::new_err(format!(
                "the names in a LastEvaluatedKey are str, not {}",
                name.repr()?
            )));
        };
        let name = text::text(name, &format!("{verb}({{...}}): the name"))?;
        if position > 0 {
            w.byte(b',');
        }
        w.string(name);
        w.byte(b':');
        if value.is_instance_of::<PyDict>() {
            service_json::write(&mut w, &value, 0)?;
        } else {
            let start = w.len();
            let plain = encode::write_value(&mut w, &ANY, &value, 0);
            let written = match kind_of(search, name) {
                // A value without a stored form of its own has that of the attribute.
                Some(kind) if plain.is_err() => {
                    w.truncate(start);
                    encode::write_value(&mut w, kind, &value, 0)
                }
                _ => plain,
            };
            written.map_err(|problem| validation_error(key.py(), &problem.describe("", name)))?;
        }
    }
    w.byte(b'}');
    Ok(w.into_bytes())
}
