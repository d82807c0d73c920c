//! Search: a query or scan before it is sent, as an immutable value that each builder method copies and checks.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;
use pydynox_core::cursor::{Binding, Heading};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::key_condition::KeyCondition;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::expression::projection::Projection;
use pydynox_core::operation::read_request::Selection;
use pydynox_core::operation::{query, scan};
use pydynox_core::pagination::Plan;
use pydynox_core::schema::{Index, KeyAttribute};
use pydynox_core::start_key::StartKey;
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;

use crate::connection::connection::Connection;
use crate::connection::meter::Pace;
use crate::connection::settings::Settings;
use crate::exceptions::raise;
use crate::model::entity;
use crate::model::path::Path;
use crate::model::schema::Schema;

/// What the rows of a query are.
#[derive(Clone)]
pub(crate) enum Rows {
    /// Whole items.
    Items,
    /// Whole items as JSON, with these attributes or all.
    Json(Option<Arc<[Box<str>]>>),
    /// The values at these paths.
    Places(Arc<[Py<Path>]>, Arc<Projection>),
    /// The values of the key.
    Keys(Arc<Projection>),
}

/// A query or scan that was not sent.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Search {
    pub(crate) schema: Option<Py<Schema>>,
    /// The table by the name that a caller gave it; a schema knows its own.
    pub(crate) table: Box<str>,
    pub(crate) index: Option<Box<str>>,
    /// None for a scan.
    pub(crate) key: Option<Arc<KeyCondition>>,
    pub(crate) filter: Option<Tree>,
    pub(crate) rows: Rows,
    pub(crate) descending: bool,
    /// None leaves it to the model and to the client's `options()`.
    pub(crate) consistent_read: Option<bool>,
    /// Per request; None leaves it to `options()` and to the client.
    pub(crate) timeout: Option<Duration>,
    pub(crate) limit: Option<usize>,
    pub(crate) page_size: Option<u32>,
    pub(crate) max_reads: Option<u32>,
    pub(crate) segments: u32,
    pub(crate) segment: Option<u32>,
    pub(crate) after: Option<After>,
    /// Backward only with an `after`: the rows before it are read, nearest first.
    pub(crate) heading: Heading,
    pub(crate) audience: Option<Box<str>>,
    /// Seconds for which its cursors are valid.
    pub(crate) lifetime: Option<u64>,
    pub(crate) on_invalid: Option<Py<PyAny>>,
    pub(crate) pace: Option<Py<Pace>>,
}

impl Search {
    pub(crate) fn of(schema: Option<Py<Schema>>, table: &str, index: Option<&str>) -> Self {
        Self {
            schema,
            table: table.into(),
            index: index.map(Into::into),
            key: None,
            filter: None,
            rows: Rows::Items,
            descending: false,
            consistent_read: None,
            timeout: None,
            limit: None,
            page_size: None,
            max_reads: None,
            segments: 1,
            segment: None,
            after: None,
            heading: Heading::Forward,
            audience: None,
            lifetime: None,
            on_invalid: None,
            pace: None,
        }
    }

    pub(crate) fn copy(&self, py: Python<'_>) -> Self {
        Self {
            schema: self.schema.as_ref().map(|schema| schema.clone_ref(py)),
            table: self.table.clone(),
            index: self.index.clone(),
            key: self.key.clone(),
            filter: self.filter.clone(),
            rows: self.rows.clone(),
            after: self.after.clone(),
            audience: self.audience.clone(),
            on_invalid: self.on_invalid.as_ref().map(|call| call.clone_ref(py)),
            pace: self.pace.as_ref().map(|pace| pace.clone_ref(py)),
            ..*self
        }
    }

    /// The index of a model that is read, as the core knows it.
    pub(crate) fn core_index(&self) -> Option<&Index> {
        let schema = self.schema.as_ref()?.get();
        schema.item.index(self.index.as_deref()?)
    }

    /// What messages call the table or index.
    pub(crate) fn what(&self) -> String {
        let name = match &self.schema {
            Some(schema) => &schema.get().name,
            None => &self.table,
        };
        match &self.index {
            Some(index) => format!("the index {name}.{index}"),
            None => name.to_string(),
        }
    }

    /// The filter of each request: the caller's conditions, and what the model itself leaves out.
    pub(crate) fn filter_of(&self, py: Python<'_>) -> PyResult<Option<Tree>> {
        let refuse = |error: Error| raise(py, &error);
        let mut filter = self.filter.clone();
        let Some(schema) = &self.schema else {
            return Ok(filter);
        };
        let subclasses_alive = entity::subclasses_unless_expired(schema.bind(py))?;
        let schema = schema.get();
        let alive = schema
            .rules
            .expired()
            .map(|expired| expired.not().map_err(refuse))
            .transpose()?;
        let own = entity::readable(py, schema)?;
        // A query never returns the guard of a unique value, which has a partition of its own.
        let sees_guards = self.key.is_none() && self.index.is_none() && !schema.unique.is_empty();
        let no_guard = sees_guards.then(unique::no_guard);
        let conditions = [alive, own, no_guard].into_iter().flatten();
        for condition in conditions.chain(subclasses_alive) {
            // If the index lacks the attributes of this condition, or has one as its key, it is read without it.
            let held = condition.paths().iter().all(|path| {
                let holds = self
                    .core_index()
                    .is_none_or(|index| schema.item.holds(index, path.attribute()));
                holds && !self.is_key(path)
            });
            if held {
                filter = Some(match filter {
                    None => condition,
                    Some(filter) => filter.and(&condition).map_err(refuse)?,
                });
            }
        }
        Ok(filter)
    }

    /// Whether a path is an attribute of the key that a query selects by.
    pub(crate) fn is_key(&self, path: &Place) -> bool {
        let Some(key) = &self.key else {
            return false;
        };
        let name = path.attribute();
        match (&self.schema, self.core_index()) {
            (None, _) => key.names().any(|key_name| key_name == name),
            (Some(_), Some(index)) => index
                .key_attributes()
                .any(|key_name| *key_name.attribute_name == *name),
            (Some(schema), None) => schema
                .get()
                .item
                .key_attributes()
                .any(|key_name| *key_name.attribute_name == *name),
        }
    }

    /// Refuses paths that the index that is read does not contain.
    pub(crate) fn check_held(&self, path: &Place, verb: &str) -> Result<(), Error> {
        let (Some(schema), Some(index)) = (&self.schema, self.core_index()) else {
            return Ok(());
        };
        if schema.get().item.holds(index, path.attribute()) {
            return Ok(());
        }
        Err(refused(format!(
            "{verb}({path}): {} does not contain this attribute: project it, or read the table",
            self.what()
        )))
    }

    pub(crate) fn check_filter(&self, condition: &Tree) -> Result<(), Error> {
        condition.check_ranges()?;
        for path in condition.paths() {
            self.check_held(path, "filter")?;
            if self.is_key(path) {
                return Err(refused(format!(
                    "filter({condition}): {:?} is a key of {}, and DynamoDB filters only by other attributes: pass the condition to query()",
                    path.attribute(),
                    self.what()
                )));
            }
        }
        Ok(())
    }

    /// The attributes that identify a row's position; empty if they are not declared.
    pub(crate) fn position_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        let schema = self.schema.iter();
        schema.flat_map(|schema| schema.get().item.position_attributes(self.core_index()))
    }

    /// Their names.
    pub(crate) fn position_names(&self) -> Vec<&str> {
        let attributes = self.position_attributes();
        attributes.map(|key| &*key.attribute_name).collect()
    }

    /// How many parts of the table or index are read in parallel.
    pub(crate) fn slots(&self) -> usize {
        match self.segment {
            Some(_) => 1,
            None => self.segments as usize,
        }
    }

    /// Whether a key has the names and types of what is read, where they are declared.
    pub(crate) fn has_key(&self, key: &StartKey) -> bool {
        self.schema.is_none() || key.is_of(self.position_attributes())
    }

    /// Whether a key, as JSON text, lies in the partition and range that are read.
    pub(crate) fn admits(&self, key: &[u8]) -> bool {
        let condition = self.key.as_ref();
        condition.is_none_or(|condition| condition.admits(key).unwrap_or(false))
    }

    /// Whether the rows before a position are read, nearest first.
    pub(crate) fn is_backward(&self) -> bool {
        self.heading == Heading::Backward
    }

    pub(crate) fn table_name(&self, py: Python<'_>, settings: &Settings) -> PyResult<String> {
        match &self.schema {
            Some(schema) => schema.get().table_in(py, settings),
            None => settings.table_given(py, &self.table),
        }
    }

    /// What its cursors are bound to.
    pub(crate) fn binding(&self, table: &str) -> Binding {
        // Neither the filter nor the range of the sort key: they may change between pages, and start.rs checks the position
        // against the present range.
        let segments = format!("{} {:?}", self.segments, self.segment);
        let partition = self.key.as_ref().map(|key| key.partition());
        Binding::of(&[
            table.as_bytes(),
            self.index.as_deref().unwrap_or_default().as_bytes(),
            if self.key.is_some() {
                b"query"
            } else {
                b"scan"
            },
            if self.descending { b"descending" } else { b"" },
            partition.as_deref().unwrap_or_default(),
            segments.as_bytes(),
        ])
    }

    /// What its requests have in common. `count` asks for numbers alone, `capacity` for what the requests cost.
    pub(crate) fn plan(
        &self,
        py: Python<'_>,
        client: &Connection,
        count: bool,
        capacity: bool,
    ) -> PyResult<Plan> {
        let table = self.table_name(py, &client.settings)?;
        let refuse = |error: Error| raise(py, &error);
        if !count && matches!(self.rows, Rows::Items | Rows::Json(_)) {
            self.check_whole().map_err(refuse)?;
        }
        let filter = self.filter_of(py)?;
        let projection = match &self.rows {
            Rows::Items | Rows::Json(_) => None,
            Rows::Places(_, projection) | Rows::Keys(projection) => Some(&**projection),
        };
        let selection = Selection {
            index: self.index.as_deref(),
            key_condition: self.key.as_deref(),
            filter: filter.as_ref(),
            projection,
            descending: self.descending != self.is_backward(),
            consistent_read: self.is_consistent(py, client)?,
            count,
            capacity,
        };
        let mut head = Writer::with_capacity(512);
        let operation = if self.key.is_some() {
            query::begin(&mut head, &table, &selection).map_err(refuse)?;
            Name::Query
        } else {
            scan::begin(&mut head, &table, &selection).map_err(refuse)?;
            Name::Scan
        };
        Ok(Plan {
            operation,
            table: table.into(),
            head: head.into_bytes().into(),
            page_size: self.page_size,
            // A row that on_invalid takes is one that a filter would drop: the rows still wanted do not bound the items to read.
            filtered: filter.is_some() || self.on_invalid.is_some(),
            // Without known keys there is no position inside a page, so a page must not hold more than is wanted.
            exact: self.schema.is_none(),
            total_segments: self.segments,
            reads_left: self.max_reads.map(AtomicU32::new),
            timeout: match self.timeout {
                None => client.timeout(py)?,
                until => until,
            },
        })
    }

    /// Whether reads are consistent: the caller, the block around the call, or the model sets it; never on a global index.
    pub(crate) fn is_consistent(&self, py: Python<'_>, client: &Connection) -> PyResult<bool> {
        if self.core_index().is_some_and(|index| index.global) {
            // Not an error here: the model's or the block's setting may be meant for its other reads.
            return Ok(false);
        }
        let otherwise = self
            .schema
            .as_ref()
            .is_some_and(|schema| schema.get().consistent_read);
        client.is_consistent(py, self.consistent_read, otherwise)
    }

    /// Whether rows can be whole items: not for an index that contains only a part of them.
    pub(crate) fn check_whole(&self) -> Result<(), Error> {
        let (Some(schema), Some(index)) = (&self.schema, self.core_index()) else {
            return Ok(());
        };
        let item = &schema.get().item;
        let missing = item
            .attribute_names
            .iter()
            .find(|name| !item.holds(index, name));
        match missing {
            None if matches!(index.projected, pydynox_core::schema::Projected::All) => Ok(()),
            None => Err(refused(format!(
                "{} does not contain whole items: read rows with select(), keys() or hydrate()",
                self.what()
            ))),
            Some(name) => Err(refused(format!(
                "{} does not contain {name:?}, so its rows are not whole items: read them with select(), keys() or hydrate()",
                self.what()
            ))),
        }
    }
}

pub(crate) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

/// What a caller passed to continue after.
#[derive(Clone)]
pub(crate) enum After {
    /// A cursor, checked when reading starts.
    Cursor(Box<str>),
    /// A key, checked when it was given.
    Key(Bytes),
}
