//! Pages: where those of a query or scan come from, and which of their rows were given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pydynox_core::call::Answer;
use pydynox_core::client::Client as CoreClient;
use pydynox_core::codec::{Opened, Sealed};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::pagination::{Closed, Fetched, Opener, Page, Pager, Plan, Position};
use pydynox_core::process::Maker;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

pub(crate) type Ahead = oneshot::Receiver<(Pager, Result<Fetched, Error>)>;

/// Where the next page comes from.
pub(crate) enum Source {
    /// No call reads.
    Idle(Pager),
    /// A call reads.
    Busy,
    /// The next page is on its way.
    Ahead(Ahead, AbortHandle),
    /// Segments are read in parallel.
    Segments(mpsc::Receiver<Result<Fetched, Error>>),
    /// Everything was read, or the reading was ended.
    Over,
}

/// What a call returned, and the source to continue with.
pub(crate) struct Brought {
    /// None if nothing was requested.
    pub(crate) source: Option<Source>,
    pub(crate) fetched: Vec<Fetched>,
    /// Rows of pages that had arrived before.
    pub(crate) opened: Vec<(Arc<Sealed>, Opened)>,
}

pub(crate) struct State {
    pub(crate) source: Source,
    /// What runs on the I/O thread for this reading.
    pub(crate) tasks: Vec<AbortHandle>,
    /// The process that owns the source and the tasks.
    pub(crate) maker: Maker,
    /// Pages with rows not given yet, and how many rows of the first page were.
    pub(crate) pending: VecDeque<Page>,
    pub(crate) given_of_first: usize,
    /// Whether the row after those that were given cannot be read.
    pub(crate) is_stuck: bool,
    /// Per segment, how far the given rows reach.
    pub(crate) positions: Vec<Position>,
    pub(crate) given: usize,
    /// What was given when the current page began.
    pub(crate) begun: Begun,
    pub(crate) pages: usize,
    pub(crate) capacity: Option<f64>,
    /// For a reading whose rows are keys, what the last of them were taken from.
    pub(crate) last: Option<Last>,
}

impl State {
    pub(crate) fn before(&self) -> Last {
        Last {
            positions: self.positions.clone(),
            given: self.given,
            pages: self.pending.clone(),
            given_of_first: self.given_of_first,
        }
    }

    pub(crate) fn rows_here(&self) -> usize {
        let rows: usize = self.pending.iter().map(|page| page.items.len()).sum();
        rows - self.given_of_first.min(rows)
    }

    /// How many rows can be given as they are.
    pub(crate) fn rows_open(&self) -> usize {
        let mut open = 0;
        let mut given = self.given_of_first;
        for page in &self.pending {
            open += page.open_until().saturating_sub(given);
            if page.open_until() < page.items.len() {
                break;
            }
            given = 0;
        }
        open
    }

    /// The rows that must be opened before they are given.
    pub(crate) fn closed(&self) -> Vec<Closed> {
        let mut given = self.given_of_first;
        let mut closed = Vec::new();
        for page in &self.pending {
            closed.extend(Closed::of(page, given.max(page.open_until())));
            given = 0;
        }
        closed
    }

    /// Whether more rows would need a request.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.source, Source::Idle(_))
    }

    pub(crate) fn take(&mut self, fetched: Fetched) {
        let slot = fetched.segment;
        if fetched.pages.is_empty() {
            // What was read without finding a row belongs to the rows before it.
            match self.pending.iter_mut().rfind(|page| page.segment == slot) {
                Some(page) => page.after = fetched.after,
                None => self.positions[slot] = fetched.after,
            }
        }
        self.pending.extend(fetched.pages);
    }
}

/// Opens rows that had arrived before, and then those that came.
pub(crate) async fn open_rows(
    opener: &mut Opener<'_>,
    closed: &[Closed],
    opened: &mut Vec<(Arc<Sealed>, Opened)>,
    fetched: &mut [Fetched],
) -> Result<(), Error> {
    for rows in closed {
        match opener.open(rows).await? {
            Some(part) => opened.push((rows.sealed.clone(), part)),
            None => return Ok(()),
        }
    }
    for fetched in fetched {
        opener.open_fetched(fetched).await?;
    }
    Ok(())
}

/// Reads on until there are `missing` rows, or no more.
pub(crate) async fn bring(
    source: Source,
    client: &CoreClient,
    missing: usize,
    most: Option<usize>,
) -> (Source, Result<Vec<Fetched>, Error>) {
    match source {
        Source::Idle(mut pager) => {
            let fetched = pager.fetch(client, missing, most).await;
            (Source::Idle(pager), fetched.map(|fetched| vec![fetched]))
        }
        Source::Ahead(receiver, task) => match receiver.await {
            // Only a panic drops the sender: a task is aborted only when its reading ends.
            Err(_) => (Source::Over, Err(broken())),
            // A pager that failed has not moved: the next call requests the same page again.
            Ok((pager, Err(error))) => (Source::Idle(pager), Err(error)),
            Ok((mut pager, Ok(first))) => {
                let missing = missing.saturating_sub(first.count as usize);
                let most = most.map(|most| most.saturating_sub(first.count as usize));
                match pager.fetch(client, missing, most).await {
                    Ok(rest) => (Source::Idle(pager), Ok(vec![first, rest])),
                    Err(error) => {
                        // The pager has moved past the first page, so that page waits for the next call.
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send((pager, Ok(first)));
                        (Source::Ahead(receiver, task), Err(error))
                    }
                }
            }
        },
        Source::Segments(mut receiver) => {
            let (mut brought, mut count) = (Vec::new(), 0);
            while count < missing as u64 {
                match receiver.recv().await {
                    Some(Ok(fetched)) => {
                        count += fetched.count;
                        brought.push(fetched);
                    }
                    Some(Err(error)) => return (Source::Over, Err(error)),
                    None => return (Source::Over, Ok(brought)),
                }
            }
            (Source::Segments(receiver), Ok(brought))
        }
        Source::Busy => (Source::Over, Err(given_up())),
        Source::Over => (Source::Over, Ok(Vec::new())),
    }
}

pub(crate) fn broken() -> Error {
    Error::new(
        ErrorKind::Internal,
        "pydynox panicked while it fetched a page ahead; please report it",
    )
}

pub(crate) fn given_up() -> Error {
    Error::new(
        ErrorKind::Request,
        "this reading was cancelled, or two tasks iterate it at the same time: start a new one",
    )
}

/// The answer of a call that did not send a request.
pub(crate) fn nothing_sent(plan: &Plan) -> Answer {
    Answer {
        body: bytes::Bytes::new(),
        request_id: None,
        attempts: 0,
        operation: plan.operation.clone(),
        table: plan.table.clone(),
        migrated: Vec::new(),
        sealed: None,
        opened: None,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The beginning of a page as a caller gets it, whose rows may come from several answers.
#[derive(Default)]
pub(crate) struct Begun {
    /// The position; None of a scan, which has no order.
    pub(crate) position: Option<Position>,
    /// How many rows were given before it.
    pub(crate) given: usize,
    /// Its first row, as stored.
    pub(crate) first: Option<Bytes>,
}

/// What rows were taken from, and the position of the reading before them.
#[derive(Clone)]
pub(crate) struct Last {
    pub(crate) positions: Vec<Position>,
    pub(crate) given: usize,
    pub(crate) pages: VecDeque<Page>,
    pub(crate) given_of_first: usize,
}
