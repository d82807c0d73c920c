//! Query builder: how Python builds a query or scan; each method returns a new one, and nothing is sent.

use std::sync::Arc;

use pydynox_core::cursor::Heading;
use pydynox_core::error::Error;
use pydynox_core::expression::key_condition::KeyCondition;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::expression::projection::Projection;
use pydynox_core::operation::scan;
use pydynox_core::reading;
use pydynox_core::wire::{Reader, Writer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::connection::connection::{Connected, time_of};
use crate::connection::meter::Pace;
use crate::exceptions::{malformed, raise, validation_error};
use crate::interpreter::text;
use crate::item::json_row;
use crate::model::checks::check_owners;
use crate::model::condition::Condition;
use crate::model::path::Path;
use crate::model::schema::Schema;
use crate::read::key_parts::{equality, queried};
use crate::read::query_key::key_condition;
use crate::read::search::{Rows, Search};
use crate::read::start;
use crate::values::kind::Kind;
use crate::values::{decode_json, encode, unreadable};

static ANY: Kind = Kind::Any;

impl Search {
    /// The same with another query, if the core allows it.
    fn tried(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut reading::Search) -> Result<(), Error>,
    ) -> PyResult<Self> {
        let mut search = self.copy(py);
        let changed = change(&mut search.query);
        changed.map_err(|error| validation_error(py, error.message()))?;
        Ok(search)
    }

    /// The same in segments, or one of them.
    fn segmented(mut self, py: Python<'_>, segments: i64, segment: Option<i64>) -> PyResult<Self> {
        let checked = scan::check_segments(segments, segment);
        (self.query.segments, self.query.segment) = checked.map_err(|error| raise(py, &error))?;
        Ok(self)
    }
}

#[pymethods]
impl Search {
    /// A query of a model, or of one of its indexes. `values` are values of the partition key, then conditions; `named` are
    /// values by name. `models` are those of a collection, which know what its keys are built from.
    #[staticmethod]
    #[pyo3(signature = (schema, index, values, named, models=None))]
    fn query(
        schema: &Bound<'_, Schema>,
        index: Option<&str>,
        values: &Bound<'_, PyTuple>,
        named: &Bound<'_, PyDict>,
        models: Option<Vec<Bound<'_, Schema>>>,
    ) -> PyResult<Self> {
        let mut search = Self::of(Some(schema.clone().unbind()), "", index);
        let what = search.query.what();
        let key = key_condition(schema, index, &what, (values, named), models)?;
        search.query.key = Some(Arc::new(key));
        Ok(search)
    }

    /// A scan of a model's table, or of one of its indexes.
    #[staticmethod]
    fn scan(
        schema: &Bound<'_, Schema>,
        index: Option<&str>,
        segments: i64,
        segment: Option<i64>,
    ) -> PyResult<Self> {
        let py = schema.py();
        // For its error alone: the model may not have this index.
        queried(py, schema.get(), index)?;
        Self::of(Some(schema.clone().unbind()), "", index).segmented(py, segments, segment)
    }

    /// A query of a table that no model describes.
    #[staticmethod]
    fn plain_query(
        #[pyo3(from_py_with = text::table)] table: &str,
        #[pyo3(from_py_with = text::index)] index: Option<&str>,
        partition: &Bound<'_, PyAny>,
        sort: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = partition.py();
        let mut conditions = Vec::with_capacity(2);
        let mut equalities = 1;
        if let Ok(named) = partition.cast::<PyDict>() {
            // An index may have several partition attributes, and a query needs an equality for each.
            equalities = named.len();
            for (name, value) in named.iter() {
                let name = text::text(name.cast::<PyString>()?, "the name")?;
                let mut w = Writer::with_capacity(48);
                encode::write_value(&mut w, &ANY, &value, 0)
                    .map_err(|problem| validation_error(py, &problem.describe("", name)))?;
                conditions.push(equality(Place::new(name), w.into_bytes()));
            }
        } else if let Ok(condition) = partition.cast::<Condition>() {
            conditions.push(condition.get().tree.clone());
        } else {
            return Err(PyTypeError::new_err(format!(
                "the partition key is given as {{\"name\": value}} or as attr(\"name\") == value, not {}",
                partition.repr()?
            )));
        }
        if let Ok(condition) = sort.cast::<Condition>() {
            conditions.push(condition.get().tree.clone());
        } else if !sort.is_none() {
            return Err(PyTypeError::new_err(format!(
                "the sort key takes a condition such as attr(\"number\") > 3, not {}",
                sort.repr()?
            )));
        }
        let key =
            KeyCondition::undeclared(&conditions, equalities).map_err(|error| raise(py, &error))?;
        let mut search = Self::of(None, table, index);
        search.query.key = Some(Arc::new(key));
        Ok(search)
    }

    /// A scan of a table that no model describes.
    #[staticmethod]
    fn plain_scan(
        py: Python<'_>,
        #[pyo3(from_py_with = text::table)] table: &str,
        #[pyo3(from_py_with = text::index)] index: Option<&str>,
        segments: i64,
        segment: Option<i64>,
    ) -> PyResult<Self> {
        Self::of(None, table, index).segmented(py, segments, segment)
    }

    /// The same with more conditions on what is returned.
    fn filtered(&self, conditions: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = conditions.py();
        let mut search = self.copy(py);
        for condition in conditions.iter() {
            let Ok(condition) = condition.cast::<Condition>() else {
                return Err(PyTypeError::new_err(format!(
                    "filter() takes conditions such as User.age > 3, not {}",
                    condition.repr()?
                )));
            };
            if let Some(schema) = &self.schema {
                check_owners(condition, schema.get())?;
            }
            let added = search.query.add_filter(&condition.get().tree);
            added.map_err(|error| raise(py, &error))?;
        }
        Ok(search)
    }

    /// The same with the values at these paths as rows.
    fn selected(&self, paths: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = paths.py();
        if paths.is_empty() {
            return Err(validation_error(
                py,
                "select() needs at least one path; keys() selects the key",
            ));
        }
        let mut chosen = Vec::with_capacity(paths.len());
        for path in paths.iter() {
            let Ok(path) = path.cast::<Path>() else {
                return Err(PyTypeError::new_err(format!(
                    "select() takes paths such as User.name, not {}",
                    path.repr()?
                )));
            };
            self.query
                .check_held(&path.get().place, "select")
                .map_err(|error| raise(py, &error))?;
            chosen.push(path.clone().unbind());
        }
        let places: Vec<Place> = chosen.iter().map(|path| path.get().place.clone()).collect();
        // Keys are fetched as well: a page may be cut after any row, and the cursor needs that row's key.
        let projection = Projection::new(&places, &self.query.position_names());
        Ok(Self {
            rows: Rows::Places(chosen.into(), Arc::new(projection)),
            ..self.copy(py)
        })
    }

    /// The same with items as JSON as rows, as their dumps are, showing these attributes or all; None where only an instance has
    /// the values.
    #[pyo3(signature = (names, /))]
    fn as_json(&self, py: Python<'_>, names: Option<Vec<String>>) -> Option<Self> {
        let schema = self.schema.as_ref()?.get();
        if !matches!(self.rows, Rows::Items) || !json_row::is_possible(schema) {
            return None;
        }
        let names = names.map(|names| names.into_iter().map(Into::into).collect());
        Some(Self {
            rows: Rows::Json(names),
            ..self.copy(py)
        })
    }

    /// The same at a limited pace.
    fn paced(&self, py: Python<'_>, pace: Py<Pace>) -> Self {
        Self {
            pace: Some(pace),
            ..self.copy(py)
        }
    }

    /// The same with the values of the key as rows.
    fn keys(&self, py: Python<'_>) -> Self {
        let projection = Projection::new(&[], &self.query.position_names());
        Self {
            rows: Rows::Keys(Arc::new(projection)),
            ..self.copy(py)
        }
    }

    fn descending(&self, py: Python<'_>) -> PyResult<Self> {
        self.tried(py, reading::Search::descend)
    }

    fn consistent_read(&self, py: Python<'_>, value: bool) -> PyResult<Self> {
        self.tried(py, |query| query.set_consistent(value))
    }

    /// The same with this timeout in seconds for each request.
    fn timed(&self, py: Python<'_>, seconds: f64) -> Self {
        self.with(py, |query| query.timeout = Some(time_of(seconds)))
    }

    /// The timeout set by `timed()`, in seconds.
    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.query.timeout.map(|time| time.as_secs_f64())
    }

    /// The same with a limit on rows, items per request, or requests; the numbers are in range.
    fn bounded(
        &self,
        py: Python<'_>,
        limit: Option<usize>,
        page_size: Option<u32>,
        max_reads: Option<u32>,
    ) -> Self {
        self.with(py, |query| {
            query.limit = limit.or(query.limit);
            query.page_size = page_size.or(query.page_size);
            query.max_reads = max_reads.or(query.max_reads);
        })
    }

    /// The same after a cursor or a key; without one, from the beginning.
    fn after(&self, given: Option<&Bound<'_, PyAny>>, py: Python<'_>) -> PyResult<Self> {
        start::continued(py, self, given, Heading::Forward)
    }

    /// The same before a cursor or a key, nearest row first; without one, that is undone.
    fn before(&self, given: Option<&Bound<'_, PyAny>>, py: Python<'_>) -> PyResult<Self> {
        start::continued(py, self, given, Heading::Backward)
    }

    /// Whether rows arrive in the reverse of the query's order.
    #[getter(is_backward)]
    fn reads_backward(&self) -> bool {
        self.query.is_backward()
    }

    fn cursors(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = text::audience)] audience: Option<&str>,
        lifetime: Option<u64>,
    ) -> Self {
        self.with(py, |query| {
            query.audience = audience.map(Into::into);
            query.lifetime = lifetime;
        })
    }

    fn on_invalid(&self, py: Python<'_>, call: Py<PyAny>) -> Self {
        Self {
            on_invalid: Some(call),
            ..self.copy(py)
        }
    }

    #[getter]
    fn limit(&self) -> Option<usize> {
        self.query.limit
    }

    /// Receives the errors of rows that cannot be read.
    #[getter]
    fn invalid(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.on_invalid.as_ref().map(|call| call.clone_ref(py))
    }

    /// What would be sent, without sending it.
    fn explain<'py>(&self, py: Python<'py>, client: &Connected) -> PyResult<Bound<'py, PyDict>> {
        let client = &client.0;
        let plan = self.plan(py, client, false, false)?;
        let filter = self.filter_of(py)?.map(|filter| filter.explain());
        let projection = self.rows.projection().map(Projection::explain);
        let body = self.query.first_body(&plan);
        let request = || decode_json::json(py, &mut Reader::new(&body)?);
        let request = request().map_err(|problem| match problem {
            unreadable::Unreadable::Malformed(error) => malformed(py, &error),
            unreadable::Unreadable::Python(error) => error,
            unreadable::Unreadable::Misfit { what, .. } => crate::exceptions::internal(py, &what),
        })?;
        let explained = PyDict::new(py);
        explained.set_item("operation", plan.operation.name())?;
        explained.set_item("table", &*plan.table)?;
        explained.set_item("index_name", self.query.index.as_deref())?;
        let key = self.query.key.as_ref().map(|key| key.explain());
        explained.set_item("key_condition", key)?;
        explained.set_item("filter", filter)?;
        explained.set_item("projection", projection)?;
        explained.set_item("consistent_read", self.is_consistent(py, client)?)?;
        explained.set_item("segments", self.query.segments)?;
        explained.set_item("request", request)?;
        Ok(explained)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(schema) = &self.schema {
            visit.call(schema)?;
        }
        if let Rows::Places(paths, _) = &self.rows {
            paths.iter().try_for_each(|path| visit.call(path))?;
        }
        if let Some(call) = &self.on_invalid {
            visit.call(call)?;
        }
        Ok(())
    }
}
