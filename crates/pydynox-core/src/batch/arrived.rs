//! Arrived batches: what a batch read returned, and how much of it is open.

use std::ops::Range;
use std::time::Duration;

use super::Got;
use crate::call::Answer;
use crate::client::Client;
use crate::codec::Opened;
use crate::error::{Error, ErrorKind};
use crate::pagination::{Closed, Opener};
use crate::wire::WireError;

/// The result of a batch read, and how much of it is open.
pub struct Arrived {
    /// What was read.
    pub got: Got,
    /// Per answer, the items that are opened when they are taken.
    pub sealed: Vec<Vec<Row>>,
    /// The answer, and the row in it, at which the next part begins.
    next: (usize, usize),
    /// What is open: the answer, and which of its rows.
    pub opened: Vec<(usize, Range<usize>, Opened)>,
}

/// An item of an answer: its place in the request, its number, and its byte range.
#[derive(Clone)]
pub struct Row {
    /// Its place in the request.
    pub place: usize,
    /// Its number in the answer.
    pub number: usize,
    /// Its bytes in the answer.
    pub range: Range<usize>,
}

impl Arrived {
    /// What a batch read returned, of which nothing is open yet.
    ///
    /// # Errors
    ///
    /// An answer cannot be read.
    pub fn new(got: Got) -> Result<Self, Error> {
        let mut sealed = Vec::new();
        for answer in &got.answers {
            let rows = match &answer.sealed {
                None => Ok(Vec::new()),
                Some(_) => rows_of(&got, answer),
            };
            sealed.push(rows.map_err(|error| unreadable(&error))?);
        }
        Ok(Self {
            got,
            sealed,
            next: (0, 0),
            opened: Vec::new(),
        })
    }

    /// Opens the next part.
    ///
    /// # Errors
    ///
    /// The keyring could not be reached for the first of the items.
    pub async fn open(&mut self, client: &Client, timeout: Option<Duration>) -> Result<(), Error> {
        // The values that are open at once have a budget: the previous part is released first.
        self.opened.clear();
        let mut opener = Opener::new(client, usize::MAX, timeout);
        while let Some(rows) = self.sealed.get(self.next.0) {
            let (at, first) = self.next;
            let (Some(sealed), Some(row), Some(last)) =
                (&self.got.answers[at].sealed, rows.get(first), rows.last())
            else {
                self.next = (at + 1, 0);
                continue;
            };
            let closed = Closed {
                sealed: sealed.clone(),
                from: row.number,
                rows: last.number + 1,
            };
            let Some(opened) = opener.open(&closed).await? else {
                return Ok(());
            };
            let until = opened.until();
            let next = rows.partition_point(|row| row.number < until);
            self.next = (at, next);
            self.opened.push((at, first..next, opened));
            if next < rows.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether everything was opened.
    pub fn is_over(&self) -> bool {
        self.next.0 >= self.sealed.len()
    }
}

fn rows_of(got: &Got, answer: &Answer) -> Result<Vec<Row>, WireError> {
    let mut rows = Vec::new();
    let mut items = got.items_of(answer)?;
    while let Some((place, number)) = items.next_item()? {
        let start = items.reader().position();
        items.reader().pass()?;
        let range = start..items.reader().position();
        rows.push(Row {
            place,
            number,
            range,
        });
    }
    Ok(rows)
}

fn unreadable(error: &WireError) -> Error {
    let message = format!("the service's response cannot be read: {error}");
    Error::new(ErrorKind::InvalidResponse, message).with_operation("BatchGetItem")
}
