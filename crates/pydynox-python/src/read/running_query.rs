//! A query or scan under way: pages that came, rows that were not given yet, the page that is fetched ahead, and where it stands.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pydynox_core::call::Answer;
use pydynox_core::client::Client as CoreClient;
use pydynox_core::cursor::{Binding, Terms};
use pydynox_core::error::Error;
use pydynox_core::pagination::{
    CONCURRENT_SEGMENTS, Opener, Page, Pager, Plan, Position, read_segment,
};
use pydynox_core::process::Maker;
use pydynox_core::retry::deadline::Deadline;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pyo3::{PyTraverseError, PyVisit, intern};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::answer::failure::raise_about;
use crate::answer::reply::{Answered, Context, Reply};
use crate::connection::connection::{Connected, Connection};
use crate::exceptions::{is_misfit, malformed, raise};
use crate::interpreter::bridge;
use crate::interpreter::operation::Operation;
use crate::interpreter::runtime::{self, Exchange};
use crate::item::shield;
use crate::model::instance::{Instance, unsettle};
use crate::read::pages::{Brought, Source, State, bring, lock, nothing_sent, open_rows};
use crate::read::rows::{describe, key_of, keyless, row};
use crate::read::search::{Rows, Search};
use crate::read::start::{Beginning, now};
use crate::values::decode::Decoder;

/// A query or scan under way.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Reading {
    search: Py<Search>,
    connection: Arc<Connection>,
    plan: Arc<Plan>,
    binding: Binding,
    /// How many rows it gives at most: of the query's limit, what the cursor says is left.
    limit: Option<usize>,
    /// When it must be over, as the block says that it was begun in.
    until: Option<Deadline>,
    state: Mutex<State>,
    /// Filled by a call on whatever thread it runs, taken when its result is asked for.
    brought: Arc<Mutex<Option<Brought>>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop();
    }
}

#[pymethods]
impl Reading {
    /// Begin to read. `count` brings numbers alone, `capacity` what requests cost.
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
        keys.check_terms(terms(query))
            .map_err(|error| raise(py, &error))?;
        let Beginning { positions, limit } = Beginning::of(py, query, &connection, binding)?;
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
                pages: 0,
                capacity: None,
                last: None,
            }),
            brought: Arc::default(),
        };
        if slots > 1 {
            reading.start_segments(py)?;
        }
        Ok(reading)
    }

    /// The next rows: `wanted` of them, or, without a number, as many as come at once. None when there are no more. With `ahead` the
    /// page after the next one may be fetched before it is asked for.
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

    /// Whether rows are here that were not given: the next of them cannot be read.
    #[getter]
    fn is_stuck(&self) -> bool {
        lock(&self.state).is_stuck
    }

    /// Whether no more requests may be sent.
    #[getter]
    fn is_spent(&self) -> bool {
        self.plan.is_spent()
    }

    /// What the requests cost so far, in read units, where the service said so.
    #[getter]
    fn capacity(&self) -> Option<f64> {
        lock(&self.state).capacity
    }

    /// Where it stands, as text; None at the end.
    fn cursor(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let (positions, given) = {
            let state = lock(&self.state);
            (state.positions.clone(), state.given)
        };
        self.sealed(py, &positions, given)
    }

    /// Where it would stand with this many of the keys that were given last, as text; None at the end.
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
        self.sealed(py, &last.positions, last.given + rows)
    }

    /// End the reading; what is on its way is given up.
    fn close(&self) {
        self.stop();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.search)
    }
}

impl Reading {
    /// A cursor that stands here, with so many rows given; None at the end.
    fn sealed(
        &self,
        py: Python<'_>,
        positions: &[Position],
        given: usize,
    ) -> PyResult<Option<String>> {
        let left = self.limit.map(|limit| limit.saturating_sub(given) as u64);
        let is_over = positions.iter().all(|position| *position == Position::End);
        if is_over || left == Some(0) {
            return Ok(None);
        }
        let terms = Terms {
            left,
            ..terms(self.search.get())
        };
        let keys = &self.connection.settings.cursor_keys;
        keys.seal(self.binding, terms, positions)
            .map(Some)
            .map_err(|error| raise(py, &error))
    }

    /// The core's client, which opens what is protected in the rows.
    fn core(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let schema = self.search.get().schema.as_ref();
        let schema = schema.map(|schema| schema.bind(py));
        let opening = shield::opening(py, &self.connection.settings, schema)?;
        let mut core = self.connection.core(py)?.protected(opening);
        if let Some(until) = self.until {
            core = core.within(until);
        }
        Ok(match &self.search.get().pace {
            None => core,
            Some(pace) => core.paced(Some(pace.get().0.clone())),
        })
    }

    fn stop(&self) {
        let before = {
            let mut state = lock(&self.state);
            if !state.maker.is_this() {
                let tasks = std::mem::take(&mut state.tasks);
                let source = std::mem::replace(&mut state.source, Source::Over);
                // What runs for a parent's reading runs there.
                std::mem::forget((tasks, source, self.brought.clone()));
                return;
            }
            for task in state.tasks.drain(..) {
                task.abort();
            }
            std::mem::replace(&mut state.source, Source::Over)
        };
        if let Source::Ahead(_, task) = &before {
            task.abort();
        }
        drop(before);
    }

    fn start_segments(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core(py)?;
        let gate = Arc::new(Semaphore::new(CONCURRENT_SEGMENTS));
        let (sender, receiver) = mpsc::channel(1);
        let mut state = lock(&self.state);
        state.source = Source::Segments(receiver);
        for (slot, position) in state.positions.clone().into_iter().enumerate() {
            let pager = Pager::new(self.plan.clone(), Some(slot as u32), slot, position);
            let reading = read_segment(pager, core.clone(), gate.clone(), sender.clone());
            let task = runtime::spawn(bridge::on_behalf_of_running_loop(py, reading)?)?;
            state.tasks.push(task);
        }
        Ok(())
    }

    /// How many rows may still be given; None for any number.
    fn remaining(&self, state: &State) -> Option<usize> {
        Some(self.limit?.saturating_sub(state.given))
    }

    /// A call that brings rows until there are `wanted`, or a page of them.
    fn operation(
        &self,
        py: Python<'_>,
        wanted: Option<usize>,
        answered: impl Answered,
    ) -> PyResult<Py<Operation>> {
        let core = self.core(py)?;
        let mut state = lock(&self.state);
        let remaining = self.remaining(&state);
        let enough = wanted.unwrap_or(1).min(remaining.unwrap_or(usize::MAX));
        let here = state.rows_here();
        // Of a whole page every row is given, of a part of one the rest may be wanted later.
        let most = match (wanted, remaining) {
            (Some(wanted), _) => Some(enough.min(wanted)),
            (None, remaining) => remaining,
        };
        let open = state.rows_open();
        let closed = state.closed();
        // What is open is given first, then what is here is opened, then more is fetched.
        let missing = if closed.is_empty() {
            enough.saturating_sub(here)
        } else {
            0
        };
        let closed = if open == 0 { closed } else { Vec::new() };
        let inline = missing == 0 && closed.is_empty();
        let to_open = match wanted {
            Some(_) => enough,
            None => remaining.unwrap_or(usize::MAX),
        };
        let timeout = self.plan.timeout;
        if missing > 0 && !state.maker.is_this() {
            if !matches!(state.source, Source::Idle(_) | Source::Over) {
                let message =
                    "this query or scan was begun before fork(): begin it anew in the child";
                return Err(PyRuntimeError::new_err(message));
            }
            state.maker = Maker::this();
        }
        let source = if missing == 0 || self.plan.is_spent() && state.is_idle() {
            None
        } else {
            Some(std::mem::replace(&mut state.source, Source::Busy))
        };
        drop(state);
        let brought = self.brought.clone();
        let plan = self.plan.clone();
        let most = most.map(|most| most.saturating_sub(here));
        let exchange: Exchange = Box::pin(async move {
            if source.is_none() && closed.is_empty() {
                return Ok(nothing_sent(&plan));
            }
            let (source, fetched) = match source {
                None => (None, Ok(Vec::new())),
                Some(source) => {
                    let (source, fetched) = bring(source, &core, missing, most).await;
                    (Some(source), fetched)
                }
            };
            let (mut fetched, mut outcome) = match fetched {
                Ok(fetched) => {
                    let answer = fetched.last().and_then(|fetched| fetched.answer.clone());
                    (fetched, Ok(answer.unwrap_or_else(|| nothing_sent(&plan))))
                }
                Err(error) => (Vec::new(), Err(error)),
            };
            let mut opened = Vec::new();
            if open == 0 && outcome.is_ok() {
                // Here, off the loop's thread: what is left to it is to decode them.
                let mut opener = Opener::new(&core, to_open, timeout);
                let done = open_rows(&mut opener, &closed, &mut opened, &mut fetched);
                if let Err(error) = Box::pin(done).await {
                    outcome = Err(error
                        .with_operation(plan.operation.name())
                        .with_table(&*plan.table));
                }
            }
            *lock(&brought) = Some(Brought {
                source,
                fetched,
                opened,
            });
            outcome
        });
        let expected = Reply::plain(&self.connection.settings, answered);
        Operation::new(py, exchange, inline, expected)
    }

    /// Takes over what a call brought.
    pub(crate) fn settle(&self) -> u64 {
        let Some(brought) = lock(&self.brought).take() else {
            return 0;
        };
        let mut state = lock(&self.state);
        if let Some(source) = brought.source
            && !matches!(state.source, Source::Over)
        {
            state.source = source;
        }
        for (sealed, opened) in brought.opened {
            let is_it = |page: &&mut Page| {
                let of = page.sealed.as_ref();
                of.is_some_and(|of| Arc::ptr_eq(of, &sealed))
            };
            if let Some(page) = state.pending.iter_mut().find(is_it) {
                page.opened = Some(Arc::new(opened));
            }
        }
        let mut count = 0;
        for fetched in brought.fetched {
            count += fetched.count;
            if let Some(units) = fetched.capacity {
                state.capacity = Some(state.capacity.unwrap_or(0.0) + units);
            }
            state.take(fetched);
        }
        count
    }

    /// The rows of an answer; see `fetch`.
    pub(crate) fn rows<'py>(
        slf: &Bound<'py, Self>,
        wanted: Option<usize>,
        ahead: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        this.settle();
        let (mut pending, mut given, most, was_over) = {
            let mut state = lock(&this.state);
            state.is_stuck = false;
            state.last = matches!(this.search.get().rows, Rows::Keys(_)).then(|| state.before());
            let remaining = this.remaining(&state).unwrap_or(usize::MAX);
            let most = wanted.unwrap_or(usize::MAX).min(remaining);
            let over = state.pending.is_empty();
            (
                std::mem::take(&mut state.pending),
                state.given_of_first,
                most,
                over,
            )
        };
        if was_over {
            return Ok(py.None().into_bound(py));
        }
        let rows = PyList::empty(py);
        let mut positions = Vec::new();
        let read = this.decode(&rows, &mut pending, &mut given, most, &mut positions);
        let mut state = lock(&this.state);
        state.is_stuck = matches!(read, Ok(true));
        state.pending = pending;
        state.given_of_first = given;
        state.given += rows.len();
        state.pages += 1;
        for (segment, position) in positions {
            state.positions[segment] = position;
        }
        drop(state);
        if let Err(error) = read {
            let cursor = this.cursor(py)?;
            error.value(py).setattr(intern!(py, "cursor"), cursor)?;
            return Err(error);
        }
        if ahead {
            this.fetch_ahead(py, wanted)?;
        }
        Ok(rows.into_any())
    }

    /// What a count came to.
    pub(crate) fn counted<'py>(
        slf: &Bound<'py, Self>,
        exists: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let count = this.settle();
        if exists {
            return Ok((count > 0).into_pyobject(py)?.to_owned().into_any());
        }
        let limit = this.limit.unwrap_or(usize::MAX);
        Ok(count.min(limit as u64).into_pyobject(py)?.into_any())
    }

    /// Decodes up to `most` rows of those that are open. A row that cannot be read ends what is given before it (then the answer is
    /// true), and is an error where it comes first.
    fn decode(
        &self,
        rows: &Bound<'_, PyList>,
        pending: &mut VecDeque<Page>,
        given: &mut usize,
        most: usize,
        positions: &mut Vec<(usize, Position)>,
    ) -> PyResult<bool> {
        let py = rows.py();
        let search = self.search.get();
        let mut decoder = Decoder::new(py);
        while let Some(page) = pending.front() {
            let end = page
                .open_until()
                .min(given.saturating_add(most - rows.len()));
            while *given < end {
                let opened = page.row(*given);
                let read = match &opened {
                    Ok(bytes) => row(&mut decoder, search, bytes),
                    Err(error) => Err(raise(py, error)),
                };
                match read {
                    Ok(row) => {
                        if let (Some(opened), Ok(instance)) = (&page.opened, row.cast::<Instance>())
                        {
                            unsettle(instance, opened.migrated(), *given)?;
                        }
                        rows.append(row)?;
                    }
                    Err(error) if !is_misfit(py, &error)? => return Err(error),
                    Err(error) => {
                        // What could not be opened is shown as it is stored.
                        let bytes = opened.unwrap_or_else(|_| page.stored(*given));
                        describe(py, &error, search, &bytes)?;
                        if let Some(call) = &search.on_invalid {
                            call.bind(py).call1((error.value(py),))?;
                        } else if rows.is_empty() {
                            *given += 1;
                            positions.push((page.segment, self.position_of(py, page, *given)?));
                            if *given == page.items.len() {
                                pending.pop_front();
                                *given = 0;
                            }
                            return Err(error);
                        } else {
                            self.stand(py, page, *given, positions)?;
                            return Ok(true);
                        }
                    }
                }
                *given += 1;
            }
            self.stand(py, page, *given, positions)?;
            if *given < page.items.len() {
                return Ok(false);
            }
            pending.pop_front();
            *given = 0;
            if rows.len() >= most {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Notes where a page stands after its first `given` rows; before all of them it stands where the pages before it ended.
    fn stand(
        &self,
        py: Python<'_>,
        page: &Page,
        given: usize,
        positions: &mut Vec<(usize, Position)>,
    ) -> PyResult<()> {
        if given > 0 || page.items.is_empty() {
            positions.push((page.segment, self.position_of(py, page, given)?));
        }
        Ok(())
    }

    /// Where a page stands after its first `given` rows.
    fn position_of(&self, py: Python<'_>, page: &Page, given: usize) -> PyResult<Position> {
        if given == page.items.len() {
            return Ok(page.after.clone());
        }
        let Some(last) = given.checked_sub(1) else {
            return Ok(lock(&self.state).positions[page.segment].clone());
        };
        let range = &page.items[last];
        let item = &page.body[range.start as usize..range.end as usize];
        let names = self.search.get().position_names();
        match key_of(item, &names).map_err(|error| malformed(py, &error))? {
            Some(key) => Ok(Position::After(key.into())),
            None => Err(keyless(py, &names.join("' and '"))),
        }
    }

    /// Fetches the next page before it is asked for, once a second one was, and never past the limit.
    fn fetch_ahead(&self, py: Python<'_>, wanted: Option<usize>) -> PyResult<()> {
        let core = self.core(py)?;
        let mut state = lock(&self.state);
        let remaining = self.remaining(&state);
        let idle = matches!(&state.source, Source::Idle(pager) if !pager.is_over());
        if state.pages < 2
            || !idle
            || !state.pending.is_empty()
            || remaining == Some(0)
            || self.plan.reads_left.is_some()
        {
            return Ok(());
        }
        let Source::Idle(mut pager) = std::mem::replace(&mut state.source, Source::Busy) else {
            return Ok(());
        };
        let most = match (wanted, remaining) {
            (Some(wanted), Some(remaining)) => Some(wanted.min(remaining)),
            (one, other) => one.or(other),
        };
        let wanted_ahead = most.unwrap_or(usize::MAX);
        let wanted = wanted.unwrap_or(1).min(most.unwrap_or(usize::MAX));
        let (sender, receiver) = oneshot::channel();
        let timeout = self.plan.timeout;
        let fetching = bridge::on_behalf_of_running_loop(py, async move {
            let mut fetched = pager.fetch(&core, wanted, most).await;
            if let Ok(fetched) = &mut fetched {
                // What goes wrong here is met again when the rows are asked for.
                let mut opener = Opener::new(&core, wanted_ahead, timeout);
                let _ = opener.open_fetched(fetched).await;
            }
            // Nobody waits where the reading was ended meanwhile.
            let _ = sender.send((pager, fetched));
        })?;
        let task = runtime::spawn(fetching)?;
        state.source = Source::Ahead(receiver, task);
        Ok(())
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

/// Whom the cursors of a search are for, and how long.
fn terms(search: &Search) -> Terms<'_> {
    Terms {
        audience: search.audience.as_deref(),
        expires_at: search.lifetime.map(|seconds| now().saturating_add(seconds)),
        left: None,
    }
}
