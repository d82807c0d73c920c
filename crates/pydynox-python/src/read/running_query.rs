//! Readings: a query or scan in progress, with its pages, the rows not given yet, the page fetched ahead, and its position.

use std::sync::{Arc, OnceLock};

use pydynox_core::call::Answer;
use pydynox_core::cursor::Heading;
use pydynox_core::error::Error;
use pydynox_core::events::Trace;
use pydynox_core::pagination::{Page, Position};
use pydynox_core::reading::{self, Back, Beginning};
use pydynox_core::retry::deadline::Deadline;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::failure::raise_about;
use crate::answer::reply::{Answered, Context};
use crate::connection::connection::{Connected, Connection};
use crate::exceptions::{malformed, raise};
use crate::interpreter::operation::Operation;
use crate::read::rows::{key_like, keyless};
use crate::read::search::Search;

/// A query or scan in progress.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Reading {
    pub(super) search: Py<Search>,
    pub(super) connection: Arc<Connection>,
    pub(super) core: reading::Reading,
    /// Whether it can say its position after each of the rows that were given last.
    pub(super) keeps: bool,
    /// When it must have ended, by the block that it was started in.
    pub(super) until: Option<Deadline>,
    /// The events of its calls, once something has observed one.
    pub(super) trace: OnceLock<Arc<Trace>>,
}

#[pymethods]
impl Reading {
    /// Begin to read. `count` asks for numbers alone, `capacity` for what requests cost; with `keeps`, the cursor after each of the
    /// rows that were given last is known.
    #[new]
    fn new(
        search: &Bound<'_, Search>,
        client: &Bound<'_, Connected>,
        count: bool,
        capacity: bool,
        keeps: bool,
    ) -> PyResult<Self> {
        let py = search.py();
        let query = search.get();
        let connection = Connected::of(client);
        let plan = Arc::new(query.plan(py, &connection, count, capacity)?);
        let query = &query.query;
        let refuse = |error: Error| raise(py, &error);
        let keys = &connection.settings.cursor_keys;
        // Checked before anything is read, instead of when the first cursor is requested.
        keys.check_terms(query.terms()).map_err(refuse)?;
        let beginning = Beginning::of(query, &plan.table, keys).map_err(refuse)?;
        if beginning.is_unsealed {
            connection.warn_of_cursors(py)?;
        }
        let slots = beginning.positions.len();
        let reading = Self {
            search: search.clone().unbind(),
            core: reading::Reading::new(query, plan, beginning),
            keeps,
            until: connection.options(py)?.until,
            connection,
            trace: OnceLock::new(),
        };
        if slots > 1 {
            reading.start_segments(py)?;
        }
        Ok(reading)
    }

    /// The next rows: `wanted` of them, or, without a number, as many as arrive together. None when there are no more. With
    /// `ahead` the page after the next one may be fetched before it is requested.
    fn fetch(slf: &Bound<'_, Self>, wanted: Option<usize>, ahead: bool) -> PyResult<Py<Operation>> {
        let py = slf.py();
        let this = slf.get();
        let expected = RowsAhead {
            reading: slf.clone().unbind(),
            wanted,
            ahead,
        };
        this.operation(py, wanted, expected)
    }

    /// How many rows are left, or whether there are any.
    fn count(slf: &Bound<'_, Self>, exists: bool) -> PyResult<Py<Operation>> {
        let py = slf.py();
        let wanted = if exists { 1 } else { usize::MAX };
        let expected = Counted {
            reading: slf.clone().unbind(),
            exists,
        };
        slf.get().operation(py, Some(wanted), expected)
    }

    /// Whether every row was given.
    #[getter]
    fn is_over(&self) -> bool {
        self.core.is_over()
    }

    /// Whether rows have arrived but were not given: the next of them cannot be read.
    #[getter]
    fn is_stuck(&self) -> bool {
        self.core.is_stuck()
    }

    /// Whether no more requests may be sent.
    #[getter]
    fn is_spent(&self) -> bool {
        self.core.plan().is_spent()
    }

    /// What the requests have cost so far, in read units, where the service reports it.
    #[getter]
    fn capacity(&self) -> Option<f64> {
        self.core.capacity()
    }

    /// The position as text; None at the end.
    pub(super) fn cursor(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.sealed(py, self.search.get().query.heading, self.core.positions())
    }

    /// A page begins here, for `cursor_back`.
    fn begin_page(&self) {
        self.core.begin_page(&self.search.get().query);
    }

    /// Where the page began, as text that leads the other way; None if nothing is there.
    fn cursor_back(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let search = self.search.get();
        let (back, given) = self.core.way_back();
        let place = match back {
            Back::Nowhere => return Ok(None),
            Back::At(position) => position,
            Back::Before { key, row } => Position::After(key_like(py, search, &key, &row)?),
        };
        self.sealed(py, search.query.heading.reversed(), (vec![place], given))
    }

    /// The position after this many of the rows that were returned last, of which `given` count, as text; None at the end.
    fn cursor_after(&self, py: Python<'_>, rows: usize, given: usize) -> PyResult<Option<String>> {
        let after = |page: &Page, given| self.position_of(py, page, given);
        match self.core.positions_after(rows, given, after)? {
            None => self.cursor(py),
            Some(place) => self.sealed(py, self.search.get().query.heading, place),
        }
    }

    /// This many of the rows that were returned are not used: they don't count towards the limit.
    fn take_back(&self, rows: usize) {
        self.core.take_back(rows);
    }

    /// End the reading and cancel what is in progress.
    fn close(&self) {
        self.core.stop();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.search)
    }
}

impl Reading {
    /// A cursor that leads this way from these positions, after as many rows; None if nothing is there.
    fn sealed(
        &self,
        py: Python<'_>,
        heading: Heading,
        (positions, given): (Vec<Position>, usize),
    ) -> PyResult<Option<String>> {
        let keys = &self.connection.settings.cursor_keys;
        self.core
            .cursor(&self.search.get().query, keys, heading, (&positions, given))
            .map_err(|error| raise(py, &error))
    }

    /// The position of a page after its first `given` rows.
    pub(super) fn position_of(
        &self,
        py: Python<'_>,
        page: &Page,
        given: usize,
    ) -> PyResult<Position> {
        let names = self.search.get().query.position_names();
        let position = page.position_after(given, &names);
        let position = position.map_err(|error| malformed(py, &error))?;
        position.ok_or_else(|| keyless(py, &names.join("' and '")))
    }
}

/// Rows of a query or scan; see `fetch`.
struct RowsAhead {
    reading: Py<Reading>,
    wanted: Option<usize>,
    ahead: bool,
}

/// How many rows there are, or whether there are any.
struct Counted {
    reading: Py<Reading>,
    exists: bool,
}

impl Answered for RowsAhead {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        Reading::rows(self.reading.bind(py), self.wanted, self.ahead)
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        // Takes the pager back, and what had arrived before: the next call continues from there.
        self.reading.get().core.settle();
        Err(raise_about(py, error, about.subject(py, None).as_ref()))
    }

    fn abandoned(&self) {
        // The pager was part of the call and is gone with it: only a cursor can continue from here.
        self.reading.get().core.stop();
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reading)
    }
}

impl Answered for Counted {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        Reading::counted(self.reading.bind(py), self.exists)
    }

    fn failed<'py>(
        self,
        py: Python<'py>,
        error: &Error,
        about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.reading.get().core.settle();
        Err(raise_about(py, error, about.subject(py, None).as_ref()))
    }

    fn abandoned(&self) {
        self.reading.get().core.stop();
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reading)
    }
}
