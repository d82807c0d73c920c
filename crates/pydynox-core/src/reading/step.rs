//! Steps of a reading: what one call fetches and opens, and the page that is fetched before it is requested.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::lock;
use super::source::{Ahead, Brought, Source, bring, nothing_sent, opened};
use super::state::State;
use crate::call::Answer;
use crate::client::Client;
use crate::error::Error;
use crate::pagination::{Closed, Opener, Pager, Plan};
use crate::process::Maker;

/// What one call of a reading does.
pub struct Step {
    plan: Arc<Plan>,
    /// None if nothing is requested.
    source: Option<Source>,
    /// How many rows are missing, and how many more the caller takes in total.
    missing: usize,
    most: Option<usize>,
    /// The rows that have arrived and are opened first.
    closed: Vec<Closed>,
    /// How many rows are opened; None where those that are open are given first.
    to_open: Option<usize>,
    brought: Arc<Mutex<Option<Brought>>>,
}

/// A call of a parent process is in flight: its child cannot continue from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartedBeforeFork;

impl Step {
    /// The step that gives `wanted` rows, or a page of them, of which `remaining` may still be given.
    pub(super) fn new(
        plan: &Arc<Plan>,
        state: &mut State,
        wanted: Option<usize>,
        remaining: Option<usize>,
        brought: &Arc<Mutex<Option<Brought>>>,
    ) -> Result<Self, StartedBeforeFork> {
        let enough = wanted.unwrap_or(1).min(remaining.unwrap_or(usize::MAX));
        let here = state.rows_here();
        // A whole page is given entirely; of a partial one the rest may be wanted later.
        let most = match wanted {
            Some(_) => Some(enough),
            None => remaining,
        };
        let has_open = state.rows_open() > 0;
        let closed = state.closed();
        // Open rows are given first, then those that have arrived are opened, then more are fetched.
        let missing = if closed.is_empty() {
            enough.saturating_sub(here)
        } else {
            0
        };
        if missing > 0 && !state.maker.is_this() {
            if !matches!(state.source, Source::Idle(_) | Source::Over) {
                return Err(StartedBeforeFork);
            }
            // Nothing is in flight, so this child process continues from the position that it inherited.
            state.maker = Maker::this();
        }
        let source = if missing == 0 || plan.is_spent() && state.is_idle() {
            None
        } else {
            // A second task that reads meanwhile finds Busy, which is an error, instead of rows in no order.
            Some(std::mem::replace(&mut state.source, Source::Busy))
        };
        let to_open = match wanted {
            Some(_) => enough,
            None => remaining.unwrap_or(usize::MAX),
        };
        Ok(Self {
            plan: plan.clone(),
            source,
            missing,
            most: most.map(|most| most.saturating_sub(here)),
            closed: if has_open { Vec::new() } else { closed },
            to_open: (!has_open).then_some(to_open),
            brought: brought.clone(),
        })
    }

    /// Whether all that is wanted has arrived and is open.
    pub fn is_nothing(&self) -> bool {
        self.missing == 0 && self.closed.is_empty()
    }

    /// Fetches and opens what is missing; the reading settles it afterwards.
    ///
    /// # Errors
    ///
    /// Any error of a request or of opening. What arrived before it is kept for the next step.
    pub async fn run(self, client: Client) -> Result<Answer, Error> {
        let Self {
            plan,
            source,
            missing,
            most,
            closed,
            to_open,
            brought,
        } = self;
        if source.is_none() && closed.is_empty() {
            return Ok(nothing_sent(&plan));
        }
        let (source, fetched) = match source {
            None => (None, Ok(Vec::new())),
            Some(source) => {
                let (source, fetched) = bring(source, &client, missing, most).await;
                (Some(source), fetched)
            }
        };
        // Opened here, off the caller's thread, which only has to decode them.
        let opener = to_open.map(|to_open| Opener::new(&client, to_open, plan.timeout));
        let (brought_now, outcome) = opened(&plan, source, fetched, opener, &closed).await;
        *lock(&brought) = Some(brought_now);
        outcome
    }
}

/// The fetch of a page before it is requested.
pub struct Prefetch {
    pager: Pager,
    wanted: usize,
    most: Option<usize>,
    timeout: Option<Duration>,
    sender: oneshot::Sender<(Pager, Result<crate::pagination::Fetched, Error>)>,
}

impl Prefetch {
    /// Fetches once there was a second page, and never past the limit. Returns with it where the page arrives.
    pub(super) fn new(
        plan: &Plan,
        state: &mut State,
        wanted: Option<usize>,
        remaining: Option<usize>,
    ) -> Option<(Self, Ahead)> {
        let idle = matches!(&state.source, Source::Idle(pager) if !pager.is_over());
        if state.pages < 2
            || !idle
            || !state.pending.is_empty()
            || remaining == Some(0)
            // A limited number of requests is not spent on rows that may never be requested.
            || plan.reads_left.is_some()
        {
            return None;
        }
        let Source::Idle(pager) = std::mem::replace(&mut state.source, Source::Busy) else {
            return None;
        };
        let most = match (wanted, remaining) {
            (Some(wanted), Some(remaining)) => Some(wanted.min(remaining)),
            (one, other) => one.or(other),
        };
        let (sender, receiver) = oneshot::channel();
        let prefetch = Self {
            pager,
            wanted: wanted.unwrap_or(1).min(most.unwrap_or(usize::MAX)),
            most,
            timeout: plan.timeout,
            sender,
        };
        Some((prefetch, receiver))
    }

    /// Fetches the page, and opens its rows.
    pub async fn run(self, client: Client) {
        let Self {
            mut pager,
            wanted,
            most,
            timeout,
            sender,
        } = self;
        let mut fetched = pager.fetch(&client, wanted, most).await;
        if let Ok(fetched) = &mut fetched {
            // An error here occurs again when the rows are requested.
            let mut opener = Opener::new(&client, most.unwrap_or(usize::MAX), timeout);
            let _ = opener.open_fetched(fetched).await;
        }
        // If the reading has ended meanwhile, there is no receiver.
        let _ = sender.send((pager, fetched));
    }
}
