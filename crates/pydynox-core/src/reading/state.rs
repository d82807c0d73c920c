//! The state of a reading: the pages with rows that were not given yet, what was given, and how far that reaches.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::AbortHandle;

use super::source::{Brought, Source};
use crate::pagination::{Closed, Fetched, Page, Position};
use crate::process::Maker;

/// What was read and what was given.
pub(super) struct State {
    pub(super) source: Source,
    /// What runs on the I/O thread for this reading.
    pub(super) tasks: Vec<AbortHandle>,
    /// The process that owns the source and the tasks.
    pub(super) maker: Maker,
    /// Pages with rows not given yet, and how many rows of the first page were.
    pub(super) pending: VecDeque<Page>,
    pub(super) given_of_first: usize,
    /// Whether the row after those that were given cannot be read.
    pub(super) is_stuck: bool,
    /// Per segment, how far the given rows reach.
    pub(super) positions: Vec<Position>,
    pub(super) given: usize,
    /// What was given when the current page began.
    pub(super) begun: Begun,
    pub(super) pages: usize,
    pub(super) capacity: Option<f64>,
    /// What the last rows were taken from, for a reading that keeps it.
    pub(super) last: Option<Last>,
}

impl State {
    /// Of a reading that begins at these positions.
    pub(super) fn new(source: Source, positions: Vec<Position>) -> Self {
        Self {
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
        }
    }

    /// What rows are taken from next.
    pub(super) fn before(&self) -> Last {
        Last {
            positions: self.positions.clone(),
            given: self.given,
            pages: self.pending.clone(),
            given_of_first: self.given_of_first,
        }
    }

    /// How many rows have arrived that were not given.
    pub(super) fn rows_here(&self) -> usize {
        let rows: usize = self.pending.iter().map(|page| page.items.len()).sum();
        rows - self.given_of_first.min(rows)
    }

    /// How many rows can be given as they are.
    pub(super) fn rows_open(&self) -> usize {
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
    pub(super) fn closed(&self) -> Vec<Closed> {
        let mut given = self.given_of_first;
        let mut closed = Vec::new();
        for page in &self.pending {
            closed.extend(Closed::of(page, given.max(page.open_until())));
            given = 0;
        }
        closed
    }

    /// Whether more rows would need a request.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.source, Source::Idle(_))
    }

    /// Takes over what a call returned; how many items it found.
    pub(super) fn settle(&mut self, brought: Brought) -> u64 {
        // A reading that was closed during the call stays closed.
        if let Some(source) = brought.source
            && !matches!(self.source, Source::Over)
        {
            self.source = source;
        }
        for (sealed, opened) in brought.opened {
            let is_it = |page: &&mut Page| {
                let of = page.sealed.as_ref();
                of.is_some_and(|of| Arc::ptr_eq(of, &sealed))
            };
            if let Some(page) = self.pending.iter_mut().find(is_it) {
                page.opened = Some(Arc::new(opened));
            }
        }
        let mut count = 0;
        for fetched in brought.fetched {
            count += fetched.count;
            if let Some(units) = fetched.capacity {
                self.capacity = Some(self.capacity.unwrap_or(0.0) + units);
            }
            self.take(fetched);
        }
        count
    }

    fn take(&mut self, fetched: Fetched) {
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

/// The beginning of a page as a caller gets it, whose rows may come from several answers.
#[derive(Default)]
pub(super) struct Begun {
    /// The position; None of a scan, which has no order.
    pub(super) position: Option<Position>,
    /// How many rows were given before it.
    pub(super) given: usize,
    /// Its first row, as stored.
    pub(super) first: Option<Bytes>,
}

/// What rows were taken from, and the position of the reading before them.
#[derive(Clone)]
pub(super) struct Last {
    pub(super) positions: Vec<Position>,
    pub(super) given: usize,
    pub(super) pages: VecDeque<Page>,
    pub(super) given_of_first: usize,
}
