//! Plans: which requests a fault applies to, and a record of the requests received and of what was done to them.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Fault, Operation, Request, unprocessed};
use crate::process::Maker;

/// Which requests a fault applies to.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The operation; None matches any.
    pub operation: Option<Operation>,
    /// A table that the request must name, as it is sent; None matches any.
    pub table: Option<Box<str>>,
    /// Number of requests to let through first.
    pub skip: u64,
    /// Number of requests that it applies to; None means all that follow.
    pub times: Option<u64>,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    fn matches(&self, request: &Request) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|operation| *operation == request.operation)
            && self.table.as_deref().is_none_or(|table| {
                // A batch or a transaction has no single table; its body names them.
                *request.table == *table
                    || unprocessed::tables(&request.body)
                        .is_ok_and(|tables| tables.iter().any(|named| named == table))
            })
    }
}

/// A fault that was injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// Zero-based position of its rule.
    pub rule: usize,
    /// The request's operation.
    pub operation: Operation,
    /// The request's table, where it has one.
    pub table: Arc<str>,
    /// Zero-based number of the request among all that were sent.
    pub request: usize,
    /// Whether the request was applied; None while that is unknown, or where only a part of it was.
    pub applied: Option<bool>,
}

/// A request that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its operation.
    pub operation: Operation,
    /// Its table, where the sender named one outside the body.
    table: Arc<str>,
    /// Its body.
    pub body: Bytes,
}

impl Seen {
    /// The tables that it names, each once, in the order of the body.
    pub fn tables(&self) -> Vec<String> {
        if !self.table.is_empty() {
            return vec![self.table.as_ref().to_owned()];
        }
        let mut tables = unprocessed::tables(&self.body).unwrap_or_default();
        let mut named = HashSet::new();
        tables.retain(|table| named.insert(table.clone()));
        tables
    }
}

/// Rules, their progress, and the faults injected so far: shared by the transport and its observers.
#[derive(Debug)]
pub struct Plan {
    rules: Vec<Rule>,
    state: Mutex<State>,
    maker: Maker,
}

#[derive(Debug)]
struct State {
    /// By rule, the number of requests that it matched.
    counts: Vec<u64>,
    /// How many requests were received before those that are listed.
    forgotten: usize,
    requests: Vec<Seen>,
    injected: Vec<Injected>,
}

impl Plan {
    /// A plan with these rules. The first rule that is neither skipping nor exhausted applies to a request; the rules after it do
    /// not count that request.
    pub fn new(rules: Vec<Rule>) -> Self {
        let state = State {
            counts: vec![0; rules.len()],
            requests: Vec::new(),
            forgotten: 0,
            injected: Vec::new(),
        };
        Self {
            rules,
            state: Mutex::new(state),
            maker: Maker::this(),
        }
    }

    /// The faults injected so far.
    pub fn injected(&self) -> Vec<Injected> {
        self.lock().injected.clone()
    }

    /// All requests received; each attempt counts.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().requests.clone()
    }

    /// Forgets the requests received so far; the rules continue to count.
    pub fn forget(&self) {
        let mut state = self.lock();
        state.forgotten += state.requests.len();
        state.requests.clear();
    }

    /// Whether it injects nothing.
    pub(super) fn only_records(&self) -> bool {
        self.rules.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults for this request: delays, then at most one other. Each with its position in the list of injected faults.
    pub(super) fn decide(&self, request: &Request) -> Vec<(usize, &Fault)> {
        // A forked child's requests are not its parent's, and another thread may have held the lock at the fork.
        if self.rules.is_empty() && !self.maker.is_this() {
            return Vec::new();
        }
        let mut state = self.lock();
        let number = state.forgotten + state.requests.len();
        state.requests.push(Seen {
            operation: request.operation.clone(),
            table: request.table.clone(),
            body: request.body.clone(),
        });
        let mut chosen = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            if !rule.matches(request) {
                continue;
            }
            let count = state.counts[place];
            state.counts[place] += 1;
            if count < rule.skip || rule.times.is_some_and(|times| count - rule.skip >= times) {
                continue;
            }
            chosen.push((state.injected.len(), &rule.fault));
            state.injected.push(Injected {
                rule: place,
                operation: request.operation.clone(),
                table: request.table.clone(),
                request: number,
                applied: None,
            });
            if !matches!(rule.fault, Fault::Latency(_)) {
                break;
            }
        }
        chosen
    }

    pub(super) fn note(&self, done: &[(usize, &Fault)], applied: bool) {
        if done.is_empty() {
            return;
        }
        let mut state = self.lock();
        for (place, _) in done {
            state.injected[*place].applied = Some(applied);
        }
    }
}
