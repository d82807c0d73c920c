//! Fetching: how a query or scan in progress gets its pages, by calls, by segments, or one page ahead.

use std::sync::Arc;

use pydynox_core::client::Client as CoreClient;
use pydynox_core::error::Error;
use pydynox_core::pagination::{
    CONCURRENT_SEGMENTS, Closed, Fetched, Opener, Page, Pager, Plan, read_segment,
};
use pydynox_core::process::Maker;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::answer::reply::{Answered, Reply};
use crate::interpreter::bridge;
use crate::interpreter::operation::Operation;
use crate::interpreter::runtime::{self, Exchange, Outcome};
use crate::item::shield;
use crate::read::pages::{Brought, Source, State, bring, lock, nothing_sent, open_rows};
use crate::read::running_query::Reading;

impl Reading {
    /// The core's client, which opens protected values in the rows.
    fn core(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let schema = self.search.get().schema.as_ref();
        let schema = schema.map(|schema| schema.bind(py));
        let opening = shield::opening(py, &self.connection.settings, schema)?;
        let core = self.connection.core(py)?.protected(opening);
        // One trace for the whole reading: what is fetched ahead is delivered with the page that it is for.
        let trace = core
            .trace()
            .map(|trace| self.trace.get_or_init(|| trace.clone()).clone());
        let mut core = core.traced(trace);
        if let Some(until) = self.until {
            core = core.within(until);
        }
        Ok(match &self.search.get().pace {
            None => core,
            Some(pace) => core.paced(Some(pace.get().0.clone())),
        })
    }

    pub(super) fn stop(&self) {
        let before = {
            let mut state = lock(&self.state);
            if !state.maker.is_this() {
                let tasks = std::mem::take(&mut state.tasks);
                let source = std::mem::replace(&mut state.source, Source::Over);
                // What runs for a parent process's reading runs there.
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

    pub(super) fn start_segments(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core(py)?;
        let gate = Arc::new(Semaphore::new(CONCURRENT_SEGMENTS));
        // Room for one page: a segment waits until its page is taken, which bounds the memory of a scan.
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

    /// How many rows may still be given; None if unlimited.
    pub(super) fn remaining(&self, state: &State) -> Option<usize> {
        Some(self.limit?.saturating_sub(state.given))
    }

    /// A call that fetches until there are `wanted` rows, or a page of them.
    pub(super) fn operation(
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
        // A whole page is given entirely; of a partial one the rest may be wanted later.
        let most = match (wanted, remaining) {
            (Some(wanted), _) => Some(enough.min(wanted)),
            (None, remaining) => remaining,
        };
        let open = state.rows_open();
        let closed = state.closed();
        // Open rows are given first, then those that have arrived are opened, then more are fetched.
        let missing = if closed.is_empty() {
            enough.saturating_sub(here)
        } else {
            0
        };
        let closed = if open == 0 { closed } else { Vec::new() };
        let inline = (missing == 0 && closed.is_empty()) || core.captures();
        let to_open = match wanted {
            Some(_) => enough,
            None => remaining.unwrap_or(usize::MAX),
        };
        let timeout = self.plan.timeout;
        if missing > 0 && !state.maker.is_this() {
            if !matches!(state.source, Source::Idle(_) | Source::Over) {
                let message =
                    "this query or scan was started before fork(): start it again in the child";
                return Err(PyRuntimeError::new_err(message));
            }
            // Nothing is in flight, so this child process continues from the position that it inherited.
            state.maker = Maker::this();
        }
        let source = if missing == 0 || self.plan.is_spent() && state.is_idle() {
            None
        } else {
            // A second task that reads meanwhile finds Busy, which is an error, instead of rows in no order.
            Some(std::mem::replace(&mut state.source, Source::Busy))
        };
        drop(state);
        let brought = self.brought.clone();
        let plan = self.plan.clone();
        let expected = Reply::plain(&self.connection.settings, answered);
        let expected = self.connection.delivering(&core, expected);
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
            // Opened here, off the loop's thread, which only has to decode them.
            let opener = (open == 0).then(|| Opener::new(&core, to_open, timeout));
            let (brought_now, outcome) = opened(&plan, source, fetched, opener, &closed).await;
            *lock(&brought) = Some(brought_now);
            outcome
        });
        Operation::new(py, exchange, inline, expected)
    }

    /// Takes over what a call returned.
    pub(crate) fn settle(&self) -> u64 {
        let Some(brought) = lock(&self.brought).take() else {
            return 0;
        };
        let mut state = lock(&self.state);
        // A reading that was closed during the call stays closed.
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

    /// Fetches the next page before it is requested, once there was a second one, and never past the limit.
    pub(super) fn fetch_ahead(&self, py: Python<'_>, wanted: Option<usize>) -> PyResult<()> {
        let core = self.core(py)?;
        let mut state = lock(&self.state);
        let remaining = self.remaining(&state);
        let idle = matches!(&state.source, Source::Idle(pager) if !pager.is_over());
        if state.pages < 2
            || !idle
            || !state.pending.is_empty()
            || remaining == Some(0)
            // A limited number of requests is not spent on rows that may never be requested.
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
                // An error here occurs again when the rows are requested.
                let mut opener = Opener::new(&core, wanted_ahead, timeout);
                let _ = opener.open_fetched(fetched).await;
            }
            // If the reading has ended meanwhile, there is no receiver.
            let _ = sender.send((pager, fetched));
        })?;
        let task = runtime::spawn(fetching)?;
        state.source = Source::Ahead(receiver, task);
        Ok(())
    }
}

/// The pages of a call with their protected rows opened, and the outcome of the call. Without an opener nothing is opened: rows
/// that are already open are given first.
async fn opened(
    plan: &Plan,
    source: Option<Source>,
    fetched: Result<Vec<Fetched>, Error>,
    opener: Option<Opener<'_>>,
    closed: &[Closed],
) -> (Brought, Outcome) {
    let (mut fetched, mut outcome) = match fetched {
        Ok(fetched) => {
            let answer = fetched.last().and_then(|fetched| fetched.answer.clone());
            (fetched, Ok(answer.unwrap_or_else(|| nothing_sent(plan))))
        }
        Err(error) => (Vec::new(), Err(error)),
    };
    let mut opened = Vec::new();
    if let Some(mut opener) = opener
        && outcome.is_ok()
    {
        let opening = open_rows(&mut opener, closed, &mut opened, &mut fetched);
        if let Err(error) = Box::pin(opening).await {
            outcome = Err(error
                .with_operation(plan.operation.name())
                .with_table(&*plan.table));
        }
    }
    let brought = Brought {
        source,
        fetched,
        opened,
    };
    (brought, outcome)
}
