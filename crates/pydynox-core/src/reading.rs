//! Readings: a query or scan in progress, with its pages, the rows not given yet, the page fetched ahead, and its position.

mod beginning;
mod search;
mod source;
mod state;
mod step;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use crate::client::Client;
use crate::cursor::{Binding, CursorKeys, Heading, Terms};
use crate::error::Error;
use crate::pagination::{CONCURRENT_SEGMENTS, Page, Pager, Plan, Position, read_segment};

pub use beginning::Beginning;
pub use search::{After, Reads, Search};
use source::{Ahead, Brought, Source};
use state::{Begun, State};
pub use step::{Prefetch, StartedBeforeFork, Step};

/// A query or scan in progress.
pub struct Reading {
    plan: Arc<Plan>,
    binding: Binding,
    /// The maximum number of rows that it gives: what the cursor says is left of the query's limit.
    limit: Option<usize>,
    /// How many rows are left of the query's limit from where it began, in the order of the query.
    left: Option<u64>,
    state: Mutex<State>,
    /// Filled by a call on whatever thread runs it, taken when its result is requested.
    brought: Arc<Mutex<Option<Brought>>>,
}

/// Rows that can be given: taken out of a reading while they are decoded, and put back.
pub struct Rows {
    /// The pages that they are in.
    pub pages: VecDeque<Page>,
    /// How many rows of the first page were given.
    pub given_of_first: usize,
    /// The maximum number of rows to give.
    pub most: usize,
}

/// Where a page began, for a cursor that leads the other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// Nothing is there.
    Nowhere,
    /// At a position of the reading.
    At(Position),
    /// Before this row, as stored; its position has the names of this key.
    Before {
        /// JSON text.
        key: Bytes,
        /// The item.
        row: Bytes,
    },
}

impl Reading {
    /// A reading that begins there. One of several segments waits for [`segments`](Self::segments).
    pub fn new(search: &Search, plan: Arc<Plan>, beginning: Beginning) -> Self {
        let Beginning {
            positions,
            limit,
            left,
            ..
        } = beginning;
        let source = match &positions[..] {
            [position] => Source::Idle(Pager::new(
                plan.clone(),
                search.segment,
                0,
                position.clone(),
            )),
            _ => Source::Busy,
        };
        Self {
            binding: search.binding(&plan.table),
            plan,
            limit,
            left,
            state: Mutex::new(State::new(source, positions)),
            brought: Arc::default(),
        }
    }

    /// What its requests have in common.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The maximum number of rows that it gives.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// How each segment is read to its end, concurrently with the others.
    pub fn segments(&self, client: &Client) -> Vec<impl Future<Output = ()> + Send + 'static> {
        let gate = Arc::new(Semaphore::new(CONCURRENT_SEGMENTS));
        // Room for one page: a segment waits until its page is taken, which bounds the memory of a scan.
        let (sender, receiver) = mpsc::channel(1);
        let mut state = lock(&self.state);
        state.source = Source::Segments(receiver);
        let positions = state.positions.iter().cloned().enumerate();
        positions
            .map(|(slot, position)| {
                let pager = Pager::new(self.plan.clone(), Some(slot as u32), slot, position);
                read_segment(pager, client.clone(), gate.clone(), sender.clone())
            })
            .collect()
    }

    /// A task that reads for it, and ends with it.
    pub fn adopt(&self, task: AbortHandle) {
        lock(&self.state).tasks.push(task);
    }

    /// Ends the reading and what is in flight for it.
    pub fn stop(&self) {
        let before = {
            let mut state = lock(&self.state);
            let source = std::mem::replace(&mut state.source, Source::Over);
            let tasks = std::mem::take(&mut state.tasks);
            if !state.maker.is_this() {
                // What runs for a parent process's reading runs there.
                std::mem::forget((tasks, source, self.brought.clone()));
                return;
            }
            for task in tasks {
                task.abort();
            }
            source
        };
        if let Source::Ahead(_, task) = &before {
            task.abort();
        }
        drop(before);
    }

    /// How many rows may still be given; None if unlimited.
    fn remaining(&self, state: &State) -> Option<usize> {
        Some(self.limit?.saturating_sub(state.given))
    }

    /// The call that fetches until there are `wanted` rows, or a page of them.
    ///
    /// # Errors
    ///
    /// A call of a parent process reads.
    pub fn step(&self, wanted: Option<usize>) -> Result<Step, StartedBeforeFork> {
        let mut state = lock(&self.state);
        let remaining = self.remaining(&state);
        Step::new(&self.plan, &mut state, wanted, remaining, &self.brought)
    }

    /// Takes over what a call returned; how many items it found.
    pub fn settle(&self) -> u64 {
        let Some(brought) = lock(&self.brought).take() else {
            return 0;
        };
        lock(&self.state).settle(brought)
    }

    /// The next page, before it is requested. Returns with it where the page arrives.
    pub fn prefetch(&self, wanted: Option<usize>) -> Option<(Prefetch, Ahead)> {
        let mut state = lock(&self.state);
        let remaining = self.remaining(&state);
        Prefetch::new(&self.plan, &mut state, wanted, remaining)
    }

    /// The next page is on its way.
    pub fn expect(&self, page: Ahead, task: AbortHandle) {
        lock(&self.state).source = Source::Ahead(page, task);
    }

    /// Takes out the rows that have arrived, of which at most `wanted` are given; None where there are none. A reading that
    /// `keeps` them can say its position after each of them.
    pub fn take_rows(&self, wanted: Option<usize>, keeps: bool) -> Option<Rows> {
        let mut state = lock(&self.state);
        state.is_stuck = false;
        state.last = keeps.then(|| state.before());
        if state.begun.first.is_none() {
            let next = state.pending.front();
            state.begun.first = next.map(|page| page.stored(state.given_of_first));
        }
        let remaining = self.remaining(&state).unwrap_or(usize::MAX);
        let pages = std::mem::take(&mut state.pending);
        (!pages.is_empty()).then(|| Rows {
            pages,
            given_of_first: state.given_of_first,
            most: wanted.unwrap_or(usize::MAX).min(remaining),
        })
    }

    /// Puts back the rows of which `given` were given, with the position in each segment after them. `is_stuck` says that the next
    /// one cannot be read.
    pub fn put_back(
        &self,
        rows: Rows,
        given: usize,
        positions: Vec<(usize, Position)>,
        is_stuck: bool,
    ) {
        let mut state = lock(&self.state);
        state.is_stuck = is_stuck;
        state.pending = rows.pages;
        state.given_of_first = rows.given_of_first;
        state.given += given;
        state.pages += 1;
        for (segment, position) in positions {
            state.positions[segment] = position;
        }
    }

    /// This many of the rows that were given turned out to be unreadable: they don't count towards the limit.
    pub fn take_back(&self, rows: usize) {
        let mut state = lock(&self.state);
        state.given = state.given.saturating_sub(rows);
    }

    /// Whether every row was given.
    pub fn is_over(&self) -> bool {
        let state = lock(&self.state);
        let over = state.pending.is_empty()
            && match &state.source {
                Source::Over => true,
                Source::Idle(pager) => pager.is_over(),
                Source::Busy | Source::Ahead(..) | Source::Segments(_) => false,
            };
        over || self.remaining(&state) == Some(0)
    }

    /// Whether rows have arrived but were not given: the next of them cannot be read.
    pub fn is_stuck(&self) -> bool {
        lock(&self.state).is_stuck
    }

    /// What the requests have cost so far, in read units, where the service reports it.
    pub fn capacity(&self) -> Option<f64> {
        lock(&self.state).capacity
    }

    /// A page begins here, for [`way_back`](Self::way_back).
    pub fn begin_page(&self, search: &Search) {
        let mut state = lock(&self.state);
        let position = state.positions.first().cloned();
        state.begun = Begun {
            position: position.filter(|_| search.key.is_some()),
            given: state.given,
            first: None,
        };
    }

    /// Where the page began, and how many rows were given before it.
    pub fn way_back(&self) -> (Back, usize) {
        let state = lock(&self.state);
        let begun = &state.begun;
        let back = match (&begun.position, &begun.first) {
            (None | Some(Position::Start), _) => Back::Nowhere,
            (Some(Position::After(key)), Some(row)) => Back::Before {
                key: key.clone(),
                row: row.clone(),
            },
            // Without rows, everything between its ends was read and filtered out: the way back begins where it ended.
            (Some(begun), _) => match &state.positions[0] {
                Position::End => Back::At(Position::Start),
                position if position == begun => Back::Nowhere,
                position => Back::At(position.clone()),
            },
        };
        (back, begun.given)
    }

    /// The present positions, and how many rows were given.
    pub fn positions(&self) -> (Vec<Position>, usize) {
        let state = lock(&self.state);
        (state.positions.clone(), state.given)
    }

    /// The same after this many of the rows that were taken last, of which `given` count; None where they were not kept. `after` gives
    /// the position of a page after its first rows.
    ///
    /// # Errors
    ///
    /// Those of `after`.
    pub fn positions_after<E>(
        &self,
        rows: usize,
        given: usize,
        after: impl Fn(&Page, usize) -> Result<Position, E>,
    ) -> Result<Option<(Vec<Position>, usize)>, E> {
        let Some(mut last) = lock(&self.state).last.clone() else {
            return Ok(None);
        };
        let mut left = rows;
        for page in &last.pages {
            let taken = left.min(page.items.len() - last.given_of_first);
            if taken > 0 {
                last.positions[page.segment] = after(page, last.given_of_first + taken)?;
            }
            left -= taken;
            last.given_of_first = 0;
        }
        Ok(Some((last.positions, last.given + given)))
    }

    /// A cursor that leads this way from these positions, after `given` rows; None if nothing is there.
    ///
    /// # Errors
    ///
    /// As for [`CursorKeys::seal`].
    pub fn cursor(
        &self,
        search: &Search,
        keys: &CursorKeys,
        heading: Heading,
        (positions, given): (&[Position], usize),
    ) -> Result<Option<String>, Error> {
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
            ..search.terms()
        };
        keys.seal(self.binding, terms, heading, positions).map(Some)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
