//! Paging: the requests of one query or scan, one after another or, for the segments of a scan, concurrently.

mod page;
mod trail;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use crate::call::{Answer, Call, Intent, Resend};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::operation::read_request::{self, PageRequest};
use crate::start_key::StartKey;
use crate::transport::Operation;
use crate::wire::{WireError, Writer};

pub use page::{Closed, Fetched, Opener, Page, Position};
pub use trail::Trail;

/// How many segments of one scan are read at the same time.
pub const CONCURRENT_SEGMENTS: usize = 64;

/// Largest `Limit` that a request can have.
const MAX_LIMIT: usize = i32::MAX as usize;

/// What all requests of one query or scan share.
#[derive(Debug)]
pub struct Plan {
    /// Query or Scan.
    pub operation: Operation,
    /// The table, named in errors.
    pub table: Arc<str>,
    /// The body without what differs from page to page, as `operation::query::begin` writes it.
    pub head: Bytes,
    /// Maximum number of items that a request reads.
    pub page_size: Option<u32>,
    /// Whether items that are read may be filtered out.
    pub filtered: bool,
    /// Whether no request may return more rows than are wanted, because no key says where the wanted ones end.
    pub exact: bool,
    /// How many segments a scan has.
    pub total_segments: u32,
    /// Timeout of each request; None for the client's own.
    pub timeout: Option<Duration>,
    /// How many requests may still be sent; None for no limit.
    pub reads_left: Option<AtomicU32>,
}

impl Plan {
    /// The `Limit` of a request if this many rows are wanted.
    fn limit(&self, wanted: Option<usize>) -> Option<u32> {
        let wanted = wanted
            .filter(|_| self.exact || !self.filtered)
            .map(|wanted| wanted.min(MAX_LIMIT) as u32);
        match (wanted, self.page_size) {
            (Some(wanted), Some(page_size)) => Some(wanted.min(page_size)),
            (limit, None) | (None, limit) => limit,
        }
    }

    /// The `Limit` of the first request if this many rows are wanted.
    pub fn first_limit(&self, wanted: Option<usize>) -> Option<u32> {
        self.limit(wanted)
    }

    /// The body of a request.
    pub fn body(&self, page: PageRequest<'_>) -> Bytes {
        let mut writer = Writer::with_capacity(self.head.len() + 128);
        writer.raw(&self.head);
        read_request::finish(&mut writer, page);
        writer.into_bytes().into()
    }

    /// Uses one of the requests that may still be sent.
    fn take_read(&self) -> bool {
        self.reads_left.as_ref().is_none_or(|left| {
            left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        })
    }

    /// Whether no further request may be sent.
    pub fn is_spent(&self) -> bool {
        self.reads_left
            .as_ref()
            .is_some_and(|left| left.load(Ordering::Acquire) == 0)
    }
}

/// Reads a query, or a segment of a scan, page after page.
#[derive(Debug)]
pub struct Pager {
    plan: Arc<Plan>,
    segment: Option<u32>,
    /// Zero-based position among the segments that are read.
    slot: usize,
    position: Position,
    trail: Trail,
}

impl Pager {
    /// Continues from a position. `segment` is that of a segmented scan; `slot` tells its pages from those of others.
    pub fn new(plan: Arc<Plan>, segment: Option<u32>, slot: usize, position: Position) -> Self {
        let trail = Trail::after(match &position {
            Position::After(key) => Some(key.clone()),
            Position::Start | Position::End => None,
        });
        Self {
            plan,
            segment,
            slot,
            position,
            trail,
        }
    }

    /// Whether there is nothing left to read.
    pub fn is_over(&self) -> bool {
        self.position == Position::End
    }

    /// Reads until there are `wanted` rows, or no more. Any number of answers without rows is followed. It may read more than
    /// `wanted`; `most` is what the caller takes in total, now or later.
    ///
    /// # Errors
    ///
    /// Any error of a request; the position is then unchanged, so that nothing is skipped.
    pub async fn fetch(
        &mut self,
        client: &Client,
        wanted: usize,
        most: Option<usize>,
    ) -> Result<Fetched, Error> {
        let before = (self.position.clone(), self.trail.clone());
        let fetched = self.run(client, wanted, most).await;
        if fetched.is_err() {
            (self.position, self.trail) = before;
        }
        fetched
    }

    /// Counts at most `most` of the remaining rows.
    ///
    /// # Errors
    ///
    /// As for [`fetch`](Self::fetch).
    pub async fn count(&mut self, client: &Client, most: Option<usize>) -> Result<Fetched, Error> {
        self.fetch(client, most.unwrap_or(usize::MAX), most).await
    }

    async fn run(
        &mut self,
        client: &Client,
        wanted: usize,
        most: Option<usize>,
    ) -> Result<Fetched, Error> {
        let mut fetched = Fetched {
            pages: Vec::new(),
            after: self.position.clone(),
            segment: self.slot,
            count: 0,
            scanned: 0,
            capacity: None,
            requests: 0,
            answer: None,
        };
        while !self.is_over() && fetched.count < wanted as u64 && self.plan.take_read() {
            let missing = most.map(|most| most.saturating_sub(fetched.count as usize));
            let answer = client.call(self.call(missing)).await?;
            self.take(&answer, &mut fetched)?;
            fetched.answer = Some(answer);
        }
        fetched.after = self.position.clone();
        if let Some(last) = fetched.pages.last_mut() {
            last.after = self.position.clone();
        }
        Ok(fetched)
    }

    fn call(&self, most: Option<usize>) -> Call {
        let page = PageRequest {
            limit: self.plan.limit(most),
            after: match &self.position {
                Position::After(key) => Some(key),
                _ => None,
            },
            segment: self
                .segment
                .map(|segment| (segment, self.plan.total_segments)),
        };
        Call {
            operation: self.plan.operation.clone(),
            table: self.plan.table.clone(),
            body: self.plan.body(page),
            resend: Resend::Always,
            intent: Intent::Plain,
            proof: None,
            timeout: self.plan.timeout,
            own_token: None,
        }
    }

    /// An error about the content of an answer.
    fn about(&self, error: Error, answer: &Answer) -> Error {
        let error = error
            .with_operation(self.plan.operation.name())
            .with_table(&*self.plan.table)
            .with_attempts(answer.attempts);
        match &answer.request_id {
            Some(id) => error.with_request_id(id.clone()),
            None => error,
        }
    }

    fn take(&mut self, answer: &Answer, fetched: &mut Fetched) -> Result<(), Error> {
        let unreadable = |error: WireError| {
            let message = format!("the service's response cannot be read: {error}");
            Error::new(ErrorKind::InvalidResponse, message)
        };
        let framed = read_request::frame(&answer.body)
            .map_err(|error| self.about(unreadable(error), answer))?;
        self.position = match framed.last {
            // A copy: a position must not keep a page alive, and equal positions must be equal bytes.
            Some(key) => {
                let key = StartKey::parse(&answer.body[key])
                    .map_err(|error| self.about(unreadable(error), answer))?
                    .to_json();
                if let Err(error) = self.trail.note(&key) {
                    return Err(self.about(error, answer));
                }
                Position::After(key)
            }
            None => Position::End,
        };
        fetched.requests += 1;
        fetched.count += framed.count;
        fetched.scanned += framed.scanned;
        if let Some(units) = framed.capacity {
            fetched.capacity = Some(fetched.capacity.unwrap_or(0.0) + units);
        }
        if !framed.items.is_empty() {
            fetched.pages.push(Page {
                body: answer.body.clone(),
                items: framed.items,
                after: self.position.clone(),
                segment: self.slot,
                sealed: answer.sealed.clone(),
                opened: None,
            });
        }
        Ok(())
    }
}

/// Reads a segment of a scan to its end, concurrently with others: each page is handed over before the next one is requested, so
/// that no more than one page of each active segment is held.
pub async fn read_segment(
    mut pager: Pager,
    client: Client,
    gate: Arc<Semaphore>,
    pages: mpsc::Sender<Result<Fetched, Error>>,
) {
    while !pager.is_over() {
        let Ok(permit) = gate.acquire().await else {
            return;
        };
        let fetched = pager.fetch(&client, 1, None).await;
        // Held until the page is taken: a segment that waits for its reader must not let another one read ahead of it.
        let failed = fetched.is_err();
        let spent = pager.plan.is_spent();
        if pages.send(fetched).await.is_err() || failed || spent {
            return;
        }
        drop(permit);
    }
}

#[cfg(test)]
mod tests;
