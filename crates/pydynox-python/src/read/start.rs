//! Where a reading begins: after or before a caller's cursor or key, checked against what is read.

use pydynox_core::clock;
use pydynox_core::cursor::{Binding, Heading};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::pagination::Position;
use pydynox_core::start_key::StartKey;
use pydynox_core::wire::Writer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::connection::connection::Connection;
use crate::exceptions::{raise, validation_error};
use crate::interpreter::text;
use crate::read::search::{After, Search};
use crate::values::kind::Kind;
use crate::values::{encode, service_json};

static ANY: Kind = Kind::Any;

/// Where a reading begins, and how many rows it gives.
pub(crate) struct Beginning {
    pub(crate) positions: Vec<Position>,
    pub(crate) limit: Option<usize>,
    /// How many rows are left of the query's limit from there on, in the order of the query.
    pub(crate) left: Option<u64>,
}

/// Now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    u64::try_from(clock::microseconds() / 1_000_000).unwrap_or(0)
}

/// The same search after or before a cursor or key; without one, a cursor given earlier for that direction is dropped.
pub(crate) fn continued(
    py: Python<'_>,
    search: &Search,
    given: Option<&Bound<'_, PyAny>>,
    heading: Heading,
) -> PyResult<Search> {
    if search.key.is_none() && heading == Heading::Backward {
        return Err(validation_error(
            py,
            "a scan has no order, and DynamoDB cannot read it backward: keep the cursors of the pages before, or query() a partition",
        ));
    }
    let is_other = search.after.is_some() && search.heading != heading;
    let Some(given) = given else {
        let after = search.after.clone().filter(|_| is_other);
        return Ok(Search {
            heading: if after.is_some() {
                search.heading
            } else {
                Heading::Forward
            },
            after,
            ..search.copy(py)
        });
    };
    if is_other {
        let message = "a page is read after() a cursor or before() one: this query has both";
        return Err(raise(py, &Error::new(ErrorKind::Cursor, message)));
    }
    Ok(Search {
        after: Some(after(search, given, heading)?),
        heading,
        ..search.copy(py)
    })
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
    let refuse = |what: &str| validation_error(py, &format!("{verb}({{...}}): {what}"));
    if search.slots() > 1 {
        return Err(refuse(
            "a scan in segments is at a key in each of them: read one with segment=, or continue after a cursor",
        ));
    }
    let written = written(search, key, verb)?;
    let key = StartKey::parse(&written).map_err(|error| refuse(error.what))?;
    let json = key.to_json();
    if !search.has_key(&key) {
        let expected = search.position_attributes();
        let names: Vec<_> = expected
            .map(|key| format!("{} ({})", key.attribute_name, key.key_type))
            .collect();
        return Err(refuse(&format!(
            "a LastEvaluatedKey of {} has {} and nothing else",
            search.what(),
            names.join(", ")
        )));
    }
    if !search.admits(&json) {
        return Err(refuse("the key is outside what the query reads"));
    }
    Ok(After::Key(json))
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

impl Beginning {
    /// Where the reading of a search begins.
    pub(crate) fn of(
        py: Python<'_>,
        search: &Search,
        client: &Connection,
        binding: Binding,
    ) -> PyResult<Self> {
        let slots = search.slots();
        let (positions, left) = match &search.after {
            None => (vec![Position::Start; slots], None),
            Some(After::Key(key)) => (vec![Position::After(key.clone())], None),
            Some(After::Cursor(cursor)) => opened(py, search, client, binding, cursor)?,
        };
        let rows = |left: u64| usize::try_from(left).unwrap_or(usize::MAX);
        let limited = search.limit.is_some() || left.is_some();
        let (limit, left) = if search.is_backward() {
            // The limit is a total: rows from the cursor on are part of it already.
            let onward = left.unwrap_or(0);
            let limit = search.limit.map(|limit| limit.saturating_sub(rows(onward)));
            (limit, limited.then_some(onward))
        } else {
            // A cursor cannot extend the limit of the query, nor the query what the cursor has left.
            let limit = search.limit.into_iter().chain(left.map(rows)).min();
            (limit, limit.map(|limit| limit as u64))
        };
        Ok(Self {
            positions,
            limit,
            left,
        })
    }
}

/// What a cursor that a caller gave says.
fn opened(
    py: Python<'_>,
    search: &Search,
    client: &Connection,
    binding: Binding,
    cursor: &str,
) -> PyResult<(Vec<Position>, Option<u64>)> {
    let keys = &client.settings.cursor_keys;
    let opened = keys
        .open(
            binding,
            search.audience.as_deref(),
            now(),
            search.heading,
            cursor,
        )
        .map_err(|error| raise(py, &error))?;
    let wrong = |what: &str| Err(raise(py, &Error::new(ErrorKind::Cursor, what)));
    if opened.positions.len() != search.slots() {
        return wrong("this cursor does not fit the query");
    }
    // Checked like a key that a caller gives: without cursor_keys, anyone can write a cursor.
    for position in &opened.positions {
        let Position::After(key) = position else {
            continue;
        };
        if !StartKey::parse(key).is_ok_and(|key| search.has_key(&key)) {
            return wrong("this cursor does not fit the query: its key is a different one");
        }
        if !search.admits(key) {
            return wrong(
                "this cursor is outside what the query reads: its sort condition has changed",
            );
        }
    }
    if !opened.is_sealed {
        client.warn_of_cursors(py)?;
    }
    Ok((opened.positions, opened.left))
}
