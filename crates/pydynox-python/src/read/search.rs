//! Search: a query or scan before it is sent, seen from Python, as an immutable value that each builder method copies.

use std::sync::Arc;

use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::projection::Projection;
use pydynox_core::pagination::Plan;
use pydynox_core::reading::{self, Reads};
use pydynox_core::unique;
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

impl Rows {
    /// Which parts of the items are fetched; None for whole items.
    pub(crate) fn projection(&self) -> Option<&Projection> {
        match self {
            Self::Items | Self::Json(_) => None,
            Self::Places(_, projection) | Self::Keys(projection) => Some(projection),
        }
    }
}

/// A query or scan that was not sent.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Search {
    pub(crate) query: reading::Search,
    pub(crate) schema: Option<Py<Schema>>,
    pub(crate) rows: Rows,
    pub(crate) on_invalid: Option<Py<PyAny>>,
    pub(crate) pace: Option<Py<Pace>>,
}

impl Search {
    pub(crate) fn of(schema: Option<Py<Schema>>, table: &str, index: Option<&str>) -> Self {
        let item = schema.as_ref().map(|schema| schema.get().item.clone());
        Self {
            query: reading::Search::new(item, table, index),
            schema,
            rows: Rows::Items,
            on_invalid: None,
            pace: None,
        }
    }

    pub(crate) fn copy(&self, py: Python<'_>) -> Self {
        Self {
            query: self.query.clone(),
            schema: self.schema.as_ref().map(|schema| schema.clone_ref(py)),
            rows: self.rows.clone(),
            on_invalid: self.on_invalid.as_ref().map(|call| call.clone_ref(py)),
            pace: self.pace.as_ref().map(|pace| pace.clone_ref(py)),
        }
    }

    /// The same with another query.
    pub(crate) fn with(&self, py: Python<'_>, change: impl FnOnce(&mut reading::Search)) -> Self {
        let mut search = self.copy(py);
        change(&mut search.query);
        search
    }

    /// The filter of each request: the caller's conditions, and what the model itself leaves out.
    pub(crate) fn filter_of(&self, py: Python<'_>) -> PyResult<Option<Tree>> {
        let Some(schema) = &self.schema else {
            return Ok(self.query.filter.clone());
        };
        let subclasses_alive = entity::subclasses_unless_expired(schema.bind(py))?;
        let schema = schema.get();
        let expired = schema.rules.expired();
        let alive = expired.map(|expired| expired.not()).transpose();
        let alive = alive.map_err(|error| raise(py, &error))?;
        let own = entity::readable(py, schema)?;
        // A query of the table never returns guards, which have partitions of their own.
        let query = &self.query;
        let has_guards = !schema.unique.is_empty()
            && match (&query.index, query.declared_index()) {
                (None, _) => query.key.is_none(),
                (Some(_), index) => index.is_some_and(|index| unique::are_in(index, &schema.item)),
            };
        let no_guard = has_guards.then(unique::no_guard);
        let conditions = [alive, own, no_guard].into_iter().flatten();
        query
            .filter_with(conditions.chain(subclasses_alive))
            .map_err(|error| raise(py, &error))
    }

    fn table_name(&self, py: Python<'_>, settings: &Settings) -> PyResult<String> {
        match &self.schema {
            Some(schema) => schema.get().table_in(py, settings),
            None => settings.table_given(py, &self.query.table),
        }
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
        if !count && matches!(self.rows, Rows::Items | Rows::Json(_)) {
            let checked = self.query.check_whole();
            checked.map_err(|error| raise(py, &error))?;
        }
        let reads = Reads {
            filter: self.filter_of(py)?,
            projection: self.rows.projection(),
            consistent_read: self.is_consistent(py, client)?,
            count,
            capacity,
            timeout: client.timeout(py)?,
            drops: self.on_invalid.is_some(),
        };
        let plan = self.query.plan(&table, &reads);
        plan.map_err(|error| raise(py, &error))
    }

    /// Whether reads are consistent: the caller, the block around the call, or the model sets it; never on a global index.
    pub(crate) fn is_consistent(&self, py: Python<'_>, client: &Connection) -> PyResult<bool> {
        if self.query.reads_global_index() {
            // Not an error here: the model's or the block's setting may be meant for its other reads.
            return Ok(false);
        }
        let schema = self.schema.as_ref();
        let otherwise = schema.is_some_and(|schema| schema.get().consistent_read);
        client.is_consistent(py, self.query.consistent_read, otherwise)
    }
}
