//! Pages: the rows of one answer, and how the protected ones are opened.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::call::Answer;
use crate::client::Client;
use crate::codec::{Opened, Sealed, Share};
use crate::error::Error;
use crate::start_key::key_in;
use crate::wire::WireError;

/// How far a query, or a segment of a scan, has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Not at all.
    Start,
    /// Up to and including this key; its JSON text.
    After(Bytes),
    /// To the end.
    End,
}

/// The rows of one answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The answer.
    pub body: Bytes,
    /// The range of each item in the body.
    pub items: Vec<Range<u32>>,
    /// The position after this answer.
    pub after: Position,
    /// The segment that it belongs to.
    pub segment: usize,
    /// What must be opened as rows are taken; None if every row is read as stored.
    pub sealed: Option<Arc<Sealed>>,
    /// The part that is open.
    pub opened: Option<Arc<Opened>>,
}

impl Page {
    /// The number of the first row that cannot be taken yet.
    pub fn open_until(&self) -> usize {
        match (&self.sealed, &self.opened) {
            (None, _) => self.items.len(),
            (Some(_), None) => 0,
            (Some(_), Some(opened)) => opened.until().min(self.items.len()),
        }
    }

    /// An open row in readable form, or why it cannot be read.
    ///
    /// # Errors
    ///
    /// The error of this row alone: others can still be read.
    pub fn row(&self, number: usize) -> Result<Bytes, &Error> {
        let opened = self.opened.as_ref().and_then(|opened| opened.item(number));
        opened.unwrap_or_else(|| Ok(self.stored(number)))
    }

    /// The position after its first `given` rows, of which there is at least one unless it has none; `names` are those of the key.
    /// None where the last of them lacks its key.
    ///
    /// # Errors
    ///
    /// That row is not a map of attribute values.
    pub fn position_after(
        &self,
        given: usize,
        names: &[&str],
    ) -> Result<Option<Position>, WireError> {
        if given == self.items.len() {
            return Ok(Some(self.after.clone()));
        }
        let key = key_in(&self.stored(given.saturating_sub(1)), names)?;
        Ok(key.map(|key| Position::After(key.into())))
    }

    /// A row as it is stored.
    pub fn stored(&self, number: usize) -> Bytes {
        self.items.get(number).map_or_else(Bytes::new, |range| {
            self.body.slice(range.start as usize..range.end as usize)
        })
    }
}

/// Rows of a page that must still be opened.
#[derive(Debug, Clone)]
pub struct Closed {
    /// The page's answer, still sealed.
    pub sealed: Arc<Sealed>,
    /// The first of these rows.
    pub from: usize,
    /// How many rows the page has.
    pub rows: usize,
}

impl Closed {
    /// The rows of a page starting at `from`, unless they are open.
    pub fn of(page: &Page, from: usize) -> Option<Self> {
        let sealed = page.sealed.clone()?;
        (from >= page.open_until() && from < page.items.len()).then(|| Self {
            sealed,
            from,
            rows: page.items.len(),
        })
    }
}

/// Limits how many rows are opened together.
pub struct Opener<'a> {
    client: &'a Client,
    timeout: Option<Duration>,
    share: Share,
    has_opened: bool,
}

impl<'a> Opener<'a> {
    /// `wanted` is the number of rows to open; `timeout` applies to each call of the keyring.
    pub fn new(client: &'a Client, wanted: usize, timeout: Option<Duration>) -> Self {
        Self {
            client,
            timeout,
            share: client.share(0, wanted),
            has_opened: false,
        }
    }

    /// Opens rows while there is room, and always the first; None if no more should be opened.
    ///
    /// # Errors
    ///
    /// The keyring could not be reached for the first of the rows.
    pub async fn open(&mut self, closed: &Closed) -> Result<Option<Opened>, Error> {
        if self.share.wanted == 0 || self.share.room == 0 {
            return Ok(None);
        }
        let left = closed.rows - closed.from.min(closed.rows);
        let share = Share {
            from: closed.from,
            wanted: self.share.wanted.min(left),
            at_least_one: !self.has_opened,
            ..self.share
        };
        let opened = match self.client.open(&closed.sealed, share, self.timeout).await {
            Ok(opened) => opened,
            Err(_) if self.has_opened => {
                // The rows before it can be returned; a caller that wants more gets the error then.
                self.share.wanted = 0;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let done = opened.until().saturating_sub(closed.from);
        self.has_opened |= done > 0;
        self.share.room = self.share.room.saturating_sub(opened.size());
        self.share.wanted = if done < share.wanted {
            0
        } else {
            self.share.wanted - done
        };
        Ok(Some(opened))
    }

    /// Opens rows of pages that were just fetched.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_fetched(&mut self, fetched: &mut Fetched) -> Result<(), Error> {
        for page in &mut fetched.pages {
            let Some(closed) = Closed::of(page, 0) else {
                self.share.wanted = self.share.wanted.saturating_sub(page.items.len());
                self.has_opened = true;
                continue;
            };
            let Some(opened) = self.open(&closed).await? else {
                return Ok(());
            };
            page.opened = Some(Arc::new(opened));
        }
        Ok(())
    }
}

/// The result of some requests.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The answers that have rows.
    pub pages: Vec<Page>,
    /// The position after them.
    pub after: Position,
    /// The segment that they belong to.
    pub segment: usize,
    /// How many items matched.
    pub count: u64,
    /// How many items were read.
    pub scanned: u64,
    /// What they cost in read units, if the service reported it.
    pub capacity: Option<f64>,
    /// How many requests were sent.
    pub requests: u32,
    /// The last answer, which errors about its content refer to.
    pub answer: Option<Answer>,
}
