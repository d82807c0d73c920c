//! Writes of a batch: held until they are sent, the last one for each item.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::all;
use super::by_key::ByKey;
use super::drain::drain;
use super::limits::{AT_ONCE, MAX_WRITES};
use super::places::KeyNames;
use crate::client::Client;
use crate::error::Error;
use crate::operation::batch_write_item;
use crate::transport::{Operation, Progress};
use crate::wire::marks::unmarked;
use crate::wire::{Reader, WireError, Writer};

/// Maximum size of a BatchWriteItem in bytes.
pub(super) const MAX_WRITE_SIZE: usize = 16 * 1024 * 1024;

/// The outcome of one write of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was applied.
    Written,
    /// Still unprocessed at the end: it was not applied.
    Left,
    /// Its request failed; it is unknown whether it was applied.
    Failed,
    /// Its request was refused: it was not applied.
    Refused,
}

/// Writes of many items: if an item appears twice, the last write wins.
///
/// Each is added at the end and is known by the number of writes before it.
#[derive(Default)]
pub struct Writes {
    tables: Vec<(KeyNames, ByKey)>,
    /// None if a later write replaced it.
    requests: Vec<Option<Request>>,
    /// The items and keys of all of them.
    text: Vec<u8>,
}

struct Request {
    table: usize,
    is_put: bool,
    json: Range<usize>,
}

/// Writes of a batch that are ready to send.
pub struct Sending {
    writes: Writes,
    chunks: Vec<(Range<usize>, Progress)>,
}

/// The outcome of the writes of a batch.
pub struct Wrote {
    /// One for each effective write, in order.
    pub fates: Vec<Fate>,
    /// The error, if there was one.
    pub error: Option<Error>,
}

impl Writes {
    /// The number by which [`add`](Self::add) knows a table.
    pub fn table(&mut self, names: KeyNames) -> usize {
        let position = self.tables.iter().position(|(other, _)| *other == names);
        position.unwrap_or_else(|| {
            let places = ByKey::with_capacity(MAX_WRITES);
            self.tables.push((names, places));
            self.tables.len() - 1
        })
    }

    /// Adds the put of an item, or the delete of a key, JSON text of a map; `key` identifies the item, in the form of
    /// [`KeyNames::of`] or any other that is stable per item. Returns the earlier write that it replaces.
    pub fn add(&mut self, table: usize, is_put: bool, json: &[u8], key: &[u8]) -> Option<usize> {
        let place = self.requests.len();
        if place == 0 {
            // Room for one full request, if the others are like the first.
            self.requests.reserve(MAX_WRITES);
            self.text
                .reserve((MAX_WRITES * json.len()).clamp(64, 1 << 16));
        }
        let start = self.text.len();
        self.text.extend_from_slice(json);
        let json = start..self.text.len();
        self.requests.push(Some(Request {
            table,
            is_put,
            json,
        }));
        let before = self.tables[table].1.insert(key, place);
        // The service refuses a batch with two requests for the same item.
        if let Some(before) = before {
            self.requests[before] = None;
        }
        before
    }

    /// The number of writes added, including replaced ones.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether each effective write is a put.
    pub fn are_puts(&self) -> impl Iterator<Item = bool> {
        self.requests.iter().flatten().map(|request| request.is_put)
    }

    /// Visits the JSON text of each effective write.
    pub fn for_each_json(&mut self, mut change: impl FnMut(&mut [u8])) {
        for request in self.requests.iter().flatten() {
            change(&mut self.text[request.json.clone()]);
        }
    }

    /// Divides all writes into requests.
    pub fn sending(mut self) -> Sending {
        // Only now, because until here a write is known by its position.
        self.requests.retain(Option::is_some);
        let chunks = self.chunks().into_iter();
        Sending {
            chunks: chunks.map(|chunk| (chunk, Progress::default())).collect(),
            writes: self,
        }
    }

    /// The same, and sends them.
    pub async fn write(self, client: &Client, timeout: Option<Duration>) -> Wrote {
        self.sending().write(client, timeout).await
    }

    /// Gives this fate to the unprocessed writes.
    fn mark(&self, fate: Fate, wrote: &mut Wrote, chunk: Range<usize>, left: &[u8]) {
        let Ok(left) = left_writes(left) else {
            wrote.fates[chunk].fill(Fate::Failed);
            return;
        };
        for place in chunk {
            let Some(request) = &self.requests[place] else {
                continue;
            };
            let names = &self.tables[request.table].0;
            // Marks are not JSON, and the key is all that is needed, which is never protected.
            let Ok(Some(key)) = names.of(&unmarked(&self.text[request.json.clone()])) else {
                continue;
            };
            let is_left = left.iter().any(|(table, json)| {
                **table == *names.table && names.of(json).ok().flatten().as_ref() == Some(&key)
            });
            if is_left {
                wrote.fates[place] = fate;
            }
        }
    }

    /// Fills each request up to its limits, in number and in size.
    pub(super) fn chunks(&self) -> Vec<Range<usize>> {
        let mut chunks: Vec<Range<usize>> = Vec::new();
        let mut size = 0;
        for (place, request) in self.requests.iter().enumerate() {
            let length = request.as_ref().map_or(0, |request| request.json.len());
            size += length;
            match chunks.last_mut() {
                Some(chunk) if chunk.len() < MAX_WRITES && size <= MAX_WRITE_SIZE => {
                    chunk.end = place + 1;
                }
                _ => {
                    chunks.push(place..place + 1);
                    size = length;
                }
            }
        }
        chunks
    }

    pub(super) fn body(&self, chunk: Range<usize>) -> Bytes {
        let requests = || self.requests[chunk.clone()].iter().flatten();
        let size: usize = requests().map(|request| request.json.len() + 40).sum();
        let mut writer = Writer::with_capacity(size + 64);
        batch_write_item::begin(&mut writer);
        // RequestItems is an object, so the requests of a table must be together.
        let mut is_first = true;
        for (number, (table, _)) in self.tables.iter().enumerate() {
            let mut own = requests()
                .filter(|request| request.table == number)
                .peekable();
            if own.peek().is_none() {
                continue;
            }
            batch_write_item::begin_table(&mut writer, is_first, &table.table);
            is_first = false;
            for (position, request) in own.enumerate() {
                let json = &self.text[request.json.clone()];
                if position > 0 {
                    writer.byte(b',');
                }
                if request.is_put {
                    batch_write_item::put(&mut writer, json);
                } else {
                    batch_write_item::delete(&mut writer, json);
                }
            }
            batch_write_item::end_table(&mut writer);
        }
        batch_write_item::finish(&mut writer);
        writer.into_bytes().into()
    }
}

impl Sending {
    /// The writes in each request, numbered like the fates, and its progress.
    pub fn requests(&self) -> Vec<(Range<usize>, Progress)> {
        self.chunks.clone()
    }

    /// Sends all writes; unprocessed ones are sent again until the deadline. Every request runs to completion, no matter what
    /// happens to the others.
    pub async fn write(self, client: &Client, timeout: Option<Duration>) -> Wrote {
        let deadline = client.deadline(timeout);
        let Self { writes, chunks } = self;
        let sent = chunks.iter().map(|(chunk, progress)| {
            drain(
                client,
                Operation::BatchWriteItem,
                writes.body(chunk.clone()),
                deadline,
                progress.clone(),
            )
        });
        let outcomes = all(sent.collect(), AT_ONCE).await;
        let mut wrote = Wrote {
            fates: vec![Fate::Written; writes.requests.len()],
            error: None,
        };
        for ((chunk, _), outcome) in chunks.into_iter().zip(outcomes) {
            let fate = match &outcome.error {
                None => Fate::Left,
                Some(error) if error.ambiguous() => Fate::Failed,
                Some(_) => Fate::Refused,
            };
            match outcome.left {
                Some(left) => writes.mark(fate, &mut wrote, chunk, &left),
                None if outcome.error.is_some() => wrote.fates[chunk].fill(fate),
                None => {}
            }
            wrote.error = wrote.error.or(outcome.error);
        }
        wrote
    }
}

/// Items and keys in a map of tables, `{"t":[{"PutRequest":{"Item":...}},{"DeleteRequest":{"Key":...}}]}`.
fn left_writes(left: &[u8]) -> Result<Vec<(String, Vec<u8>)>, WireError> {
    let mut writes_by_table = Vec::new();
    let mut reader = Reader::new(left)?;
    reader.begin_object()?;
    while let Some(table) = reader.next_key()? {
        let table = table.decode()?.into_owned();
        reader.begin_array()?;
        while reader.next_element()? {
            reader.begin_object()?;
            while reader.next_key()?.is_some() {
                reader.begin_object()?;
                while reader.next_key()?.is_some() {
                    reader.peek()?;
                    let start = reader.position();
                    reader.skip()?;
                    writes_by_table.push((table.clone(), left[start..reader.position()].to_vec()));
                }
            }
        }
    }
    Ok(writes_by_table)
}
