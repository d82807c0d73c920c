//! Readings: a query or scan in progress, with its pages, the rows not given yet, the page fetched ahead, and its position.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};

use pydynox_core::call::Answer;
use pydynox_core::cursor::{Binding, Heading, Terms};
use pydynox_core::error::Error;
use pydynox_core::events::Trace;
use pydynox_core::pagination::{Pager, Plan, Position};
use pydynox_core::process::Maker;
use pydynox_core::retry::deadline::Deadline;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::failure::raise_about;
use crate::answer::reply::{Answered, Context};
use crate::connection::connection::{Connected, Connection};
use crate::exceptions::raise;
use crate::interpreter::operation::Operation;
use crate::read::pages::{Begun, Brought, Source, State, lock};
use crate::read::rows::key_like;
use crate::read::search::Search;
use crate::read::start::{Beginning, now};

/// A query or scan in progress.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Reading {
    pub(super) search: Py<Search>,
    pub(super) connection: Arc<Connection>,
    pub(super) plan: Arc<Plan>,
    binding: Binding,
    /// The maximum number of rows that it gives: what the cursor says is left of the query's limit.
    pub(super) limit: Option<usize>,
    /// How many rows are left of the query's limit from where it began, in the order of the query.
    left: Option<u64>,
    /// When it must have ended, by the block that it was started in.
    pub(super) until: Option<Deadline>,
    pub(super) state: Mutex<State>,
    /// Filled by a call on whatever thread runs it, taken when its result is requested.
    pub(super) brought: Arc<Mutex<Option<Brought>>>,
    /// The events of its calls, once something has observed one.
    pub(super) trace: OnceLock<Arc<Trace>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop();
    }
}

#[pymethods]
impl Reading {
    /// Begin to read. `count` asks for numbers alone, `capacity` for what requests cost.
    #[new]
    fn new(
        search: &Bound<'_, Search>,
        client: &Bound<'_, Connected>,
        count: bool,
        capacity: bool,
    ) -> PyResult<Self> {
        let py = search.py();
        let query = search.get();
        let connection = Connected::of(client);
        let plan = Arc::new(query.plan(py, &connection, count, capacity)?);
        let binding = query.binding(&plan.table);
        let keys = &connection.settings.cursor_keys;
        // Checked before anything is read, instead of when the first cursor is requested.
        keys.check_terms(terms(query))
            .map_err(|error| raise(py, &error))?;
        let beginning = Beginning::of(py, query, &connection, binding)?;
        let Beginning {
            positions,
            limit,
            left,
        } = beginning;
        let slots = positions.len();
        let source = if slots == 1 {
            let position = positions[0].clone();
            Source::Idle(Pager::new(plan.clone(), query.segment, 0, position))
        } else {
            Source::Busy
        };
        let reading = Self {
            search: search.clone().unbind(),
            plan,
            binding,
            limit,
            left,
            until: connection.options(py)?.until,
            connection,
            state: Mutex::new(State {
                source,
                tasks: Vec::new(),
                maker: Maker::this(),
                pending: VecDeque::new(),
                given_of_first: 0,
                is_stuck: false,
                positions,
                given: 0,
                begun: Begun::default(),
                pages: 0,
                capacity: None,
                last: None,
            }),
            brought: Arc::default(),
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
        let state = lock(&self.state);
        let over = state.pending.is_empty()
            && (matches!(state.source, Source::Over)
                || matches!(&state.source, Source::Idle(pager) if pager.is_over()));
        over || self.remaining(&state) == Some(0)
    }

    /// Whether rows have arrived but were not given: the next of them cannot be read.
    #[getter]
    fn is_stuck(&self) -> bool {
        lock(&self.state).is_stuck
    }

    /// Whether no more requests may be sent.
    #[getter]
    fn is_spent(&self) -> bool {
        self.plan.is_spent()
    }

    /// What the requests have cost so far, in read units, where the service reports it.
    #[getter]
    fn capacity(&self) -> Option<f64> {
        lock(&self.state).capacity
    }

    /// The position as text; None at the end.
    pub(super) fn cursor(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let (positions, given) = {
            let state = lock(&self.state);
            (state.positions.clone(), state.given)
        };
        self.sealed(py, self.search.get().heading, &positions, given)
    }

    /// A page begins here, for `cursor_back`.
    fn begin_page(&self) {
        let mut state = lock(&self.state);
        let position = state.positions.first().cloned();
        state.begun = Begun {
            position: position.filter(|_| self.search.get().key.is_some()),
            given: state.given,
            first: None,
        };
    }

    /// Where the page began, as text that leads the other way; None if nothing is there.
    fn cursor_back(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let (begun, first, given, position) = {
            let state = lock(&self.state);
            let Begun {
                position,
                given,
                first,
            } = &state.begun;
            (
                position.clone(),
                first.clone(),
                *given,
                state.positions[0].clone(),
            )
        };
        let place = match (begun, first) {
            (None | Some(Position::Start), _) => return Ok(None),
            (Some(Position::After(key)), Some(row)) => {
                Position::After(key_like(py, self.search.get(), &key, &row)?)
            }
            // Without rows, everything between its ends was read and filtered out: the way back begins where it ended.
            (Some(begun), _) => match position {
                Position::End => Position::Start,
                position if position == begun => return Ok(None),
                position => position,
            },
        };
        let heading = self.search.get().heading.reversed();
        self.sealed(py, heading, &[place], given)
    }

    /// The position after this many of the keys that were given last, as text; None at the end.
    fn cursor_after(&self, py: Python<'_>, rows: usize) -> PyResult<Option<String>> {
        let Some(mut last) = lock(&self.state).last.clone() else {
            return self.cursor(py);
        };
        let mut left = rows;
        for page in &last.pages {
            let taken = left.min(page.items.len() - last.given_of_first);
            if taken > 0 {
                let position = self.position_of(py, page, last.given_of_first + taken)?;
                last.positions[page.segment] = position;
            }
            left -= taken;
            last.given_of_first = 0;
        }
        let heading = self.search.get().heading;
        self.sealed(py, heading, &last.positions, last.given + rows)
    }

    /// End the reading and cancel what is in progress.
    fn close(&self) {
        self.stop();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.search)
    }
}

impl Reading {
    /// A cursor that leads this way from these positions, after `given` rows; None if nothing is there.
    fn sealed(
        &self,
        py: Python<'_>,
        heading: Heading,
        positions: &[Position],
        given: usize,
    ) -> PyResult<Option<String>> {
        let search = self.search.get();
        let left = self.left.map(|left| {
            if search.is_backward() {
                left.saturating_add(given as u64)
            } else {
                left.saturating_sub(given as u64)
            }
        });
        let is_used_up = match heading {
            Heading::Forward => left == Some(0),
            Heading::Backward => search
                .limit
                .zip(left)
                .is_some_and(|(limit, left)| limit as u64 <= left),
        };
        if is_used_up || positions.iter().all(|position| *position == Position::End) {
            return Ok(None);
        }
        let terms = Terms {
            left,
            ..terms(search)
        };
        let keys = &self.connection.settings.cursor_keys;
        keys.seal(self.binding, terms, heading, positions)
            .map(Some)
            .map_err(|error| raise(py, &error))
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
        self.reading.get().settle();
        Err(raise_about(py, error, about.subject(py, None).as_ref()))
    }

    fn abandoned(&self) {
        // The pager was part of the call and is gone with it: only a cursor can continue from here.
        self.reading.get().stop();
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
        self.reading.get().settle();
        Err(raise_about(py, error, about.subject(py, None).as_ref()))
    }

    fn abandoned(&self) {
        self.reading.get().stop();
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reading)
    }
}

/// Who may use a search's cursors, and for how long.
fn terms(search: &Search) -> Terms<'_> {
    Terms {
        audience: search.audience.as_deref(),
        expires_at: search.lifetime.map(|seconds| now().saturating_add(seconds)),
        left: None,
    }
}
