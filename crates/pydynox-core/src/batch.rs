//! Batches: many reads or writes in as few requests as possible, several at a time, until nothing is unprocessed.

pub mod arrived;
mod by_key;
mod drain;
mod limits;
mod places;
pub mod writes;

use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;

use crate::call::Answer;
use crate::client::Client;
use crate::codec::Opened;
use crate::error::{Error, ErrorKind};
use crate::operation::batch_get_item;
use crate::retry::deadline::Deadline;
use crate::transport::{Operation, Progress};
use crate::wire::{Reader, WireError, Writer};
use drain::{Outcome, drain, unreadable};
pub use limits::{AT_ONCE, MAX_GETS, MAX_WRITES};
use places::Places;
pub use places::{KeyNames, ReadItems};
/// Reads of many items; equal keys are requested once.
#[derive(Default)]
pub struct Gets {
    places: Places,
    /// By place, the table and the range of the key in the text.
    keys: Vec<(usize, Range<usize>)>,
    text: Vec<u8>,
    /// By table.
    consistent: Vec<bool>,
    scratch: Vec<u8>,
}

/// The results of reads.
pub struct Got {
    places: Places,
    /// With the items; see [`found`](Self::found).
    pub answers: Vec<Answer>,
    /// The places still unprocessed at the end.
    pub left: Vec<usize>,
}

impl Got {
    /// The items of one of its answers, in the order they came.
    ///
    /// # Errors
    ///
    /// The answer is not a JSON object.
    pub fn items_of<'a>(&'a self, answer: &'a Answer) -> Result<ReadItems<'a>, WireError> {
        self.places.items_of(answer)
    }
}

impl Gets {
    /// No reads yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests the item with this key, JSON text of a map; returns the place of its answer.
    ///
    /// # Errors
    ///
    /// The key is not one of the table.
    pub fn ask(
        &mut self,
        table: &KeyNames,
        key: &[u8],
        consistent_read: bool,
    ) -> Result<usize, Error> {
        let number = self.places.table(table);
        self.consistent.resize(self.places.tables.len(), false);
        self.consistent[number] |= consistent_read;
        self.scratch.clear();
        let key_of = Reader::new(key).and_then(|key| table.append_of(key, &mut self.scratch));
        if !matches!(key_of, Ok(true)) {
            return Err(Error::new(
                ErrorKind::Validation,
                "this is not a key of its table",
            ));
        }
        let places = &mut self.places.tables[number].1;
        let next = self.keys.len();
        let place = places.get_or_insert(&self.scratch, next);
        if place != next {
            return Ok(place);
        }
        let start = self.text.len();
        self.text.extend_from_slice(key);
        self.keys.push((number, start..self.text.len()));
        Ok(place)
    }

    /// How a table is read so far; None if it is not.
    pub(crate) fn consistency(&self, table: &KeyNames) -> Option<bool> {
        let number = self
            .places
            .tables
            .iter()
            .position(|(other, _)| other == table)?;
        self.consistent.get(number).copied()
    }

    /// Sends all reads; whatever stays unprocessed is requested again until the deadline.
    ///
    /// # Errors
    ///
    /// A request failed for any other reason; nothing is returned then.
    pub async fn read(self, client: &Client, timeout: Option<Duration>) -> Result<Got, Error> {
        let deadline = client.deadline(timeout);
        let mut got = Got {
            places: Places::default(),
            answers: Vec::new(),
            left: Vec::new(),
        };
        for outcome in self.outcomes(client, deadline).await {
            got.answers.extend(outcome.answers);
            if let Some(error) = outcome.error {
                return Err(error);
            }
            let left = self.left_over(outcome.left.as_deref());
            got.left.extend(left.map_err(|error| unreadable(&error))?);
        }
        got.places = self.places;
        Ok(got)
    }

    /// The same, with an outcome for each read, by place: the item alone, or nothing if there is no such item.
    pub(crate) async fn read_each(
        self,
        client: &Client,
        deadline: Deadline,
    ) -> Vec<Result<Answer, Error>> {
        let mut each: Vec<Option<Result<Answer, Error>>> = Vec::new();
        each.resize_with(self.keys.len(), || None);
        let mut first = 0;
        for outcome in self.outcomes(client, deadline).await {
            let rest = self.settle(&mut each, outcome, client, deadline).await;
            let chunk = first..each.len().min(first + MAX_GETS);
            first = chunk.end;
            for slot in &mut each[chunk] {
                slot.get_or_insert_with(|| rest.clone());
            }
        }
        each.into_iter().flatten().collect()
    }

    /// Takes over the results of a request; returns the outcomes of its other reads.
    async fn settle(
        &self,
        each: &mut [Option<Result<Answer, Error>>],
        mut outcome: Outcome,
        client: &Client,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        for answer in &outcome.answers {
            let opened = open_all(client, answer, deadline).await;
            self.sort(each, answer, &opened)
                .map_err(|error| unreadable(&error))?;
        }
        let why = match outcome.error {
            Some(error) if outcome.left.is_none() => return Err(error),
            Some(error) => error,
            None => left_behind(),
        };
        let left = self.left_over(outcome.left.as_deref());
        for place in left.map_err(|error| unreadable(&error))? {
            each[place] = Some(Err(why.clone()));
        }
        match outcome.answers.pop() {
            Some(answer) => Ok(Answer {
                body: Bytes::new(),
                ..answer
            }),
            None => Err(Error::new(
                ErrorKind::Internal,
                "a request that does not end",
            )),
        }
    }

    /// Hands out the items of an answer; one that cannot be opened has its own error.
    fn sort(
        &self,
        each: &mut [Option<Result<Answer, Error>>],
        answer: &Answer,
        opened: &[Result<Opened, Error>],
    ) -> Result<(), WireError> {
        let mut items = self.places.items_of(answer)?;
        let mut parts = opened.iter();
        let mut part = parts.next();
        while let Some((place, number)) = items.next_item()? {
            let start = items.reader().position();
            items.reader().pass()?;
            let stored = answer.body.slice(start..items.reader().position());
            while let Some(Ok(opened)) = part
                && number >= opened.until()
            {
                part = parts.next();
            }
            let (item, migrated) = match part {
                None => (Ok(stored), Vec::new()),
                Some(Err(error)) => (Err(error.clone()), Vec::new()),
                Some(Ok(opened)) => {
                    let item = opened.item(number).unwrap_or(Ok(stored));
                    (item.map_err(Error::clone), migrated_of(opened, number))
                }
            };
            each[place] = Some(item.map(|body| Answer {
                body,
                migrated,
                sealed: None,
                opened: None,
                request_id: answer.request_id.clone(),
                attempts: answer.attempts,
                operation: answer.operation.clone(),
                table: answer.table.clone(),
            }));
        }
        Ok(())
    }

    async fn outcomes(&self, client: &Client, deadline: Deadline) -> Vec<Outcome> {
        let chunks = self.bodies().into_iter().map(|body| {
            let progress = Progress::default();
            drain(client, Operation::BatchGetItem, body, deadline, progress)
        });
        all(chunks.collect(), AT_ONCE).await
    }

    /// The places of unprocessed keys.
    fn left_over(&self, left: Option<&[u8]>) -> Result<Vec<usize>, WireError> {
        let Some(left) = left else {
            return Ok(Vec::new());
        };
        let mut buffer = Vec::new();
        let places = left_keys(left)?
            .into_iter()
            .map(|(table, key)| self.places.place(&table, &Reader::new(&key)?, &mut buffer));
        Ok(places
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    fn bodies(&self) -> Vec<Bytes> {
        let chunks = self.keys.chunks(MAX_GETS).map(|chunk| {
            let size: usize = chunk.iter().map(|(_, key)| key.len() + 1).sum();
            let mut writer = Writer::with_capacity(size + 128);
            batch_get_item::begin(&mut writer);
            let mut is_first = true;
            for (number, (table, _)) in self.places.tables.iter().enumerate() {
                let mut keys = chunk.iter().filter(|(of, _)| *of == number).peekable();
                if keys.peek().is_none() {
                    continue;
                }
                batch_get_item::begin_table(&mut writer, is_first, &table.table);
                is_first = false;
                for (position, (_, key)) in keys.enumerate() {
                    if position > 0 {
                        writer.byte(b',');
                    }
                    writer.raw(&self.text[key.clone()]);
                }
                batch_get_item::end_table(&mut writer, self.consistent[number]);
            }
            batch_get_item::finish(&mut writer);
            Bytes::from(writer.into_bytes())
        });
        chunks.collect()
    }
}

/// Runs futures to completion, at most this many at a time; the results keep their order.
pub(crate) async fn all<F: Future>(futures: Vec<F>, at_once: usize) -> Vec<F::Output> {
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    let mut waiting = futures.into_iter().enumerate();
    let mut active: Vec<(usize, Pin<Box<F>>)> = Vec::with_capacity(at_once);
    poll_fn(|cx| {
        loop {
            while active.len() < at_once
                && let Some((place, future)) = waiting.next()
            {
                active.push((place, Box::pin(future)));
            }
            let before = active.len();
            active.retain_mut(|(place, future)| match future.as_mut().poll(cx) {
                Poll::Ready(result) => {
                    results[*place] = Some(result);
                    false
                }
                Poll::Pending => true,
            });
            if active.len() == before {
                return if active.is_empty() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                };
            }
        }
    })
    .await;
    results.into_iter().flatten().collect()
}

/// Keys in a map of tables, `{"t":{"Keys":[...]}}`.
fn left_keys(left: &[u8]) -> Result<Vec<(String, Vec<u8>)>, WireError> {
    let mut keys_by_table = Vec::new();
    let mut reader = Reader::new(left)?;
    reader.begin_object()?;
    while let Some(table) = reader.next_key()? {
        let table = table.decode()?.into_owned();
        reader.begin_object()?;
        while let Some(member) = reader.next_key()? {
            if !member.equals("Keys") {
                reader.skip()?;
                continue;
            }
            reader.begin_array()?;
            while reader.next_element()? {
                reader.peek()?;
                let start = reader.position();
                reader.skip()?;
                keys_by_table.push((table.clone(), left[start..reader.position()].to_vec()));
            }
        }
    }
    Ok(keys_by_table)
}

/// The attributes of an item of an answer that were plaintext.
fn migrated_of(opened: &Opened, number: usize) -> Vec<(usize, usize)> {
    let migrated = opened.migrated().iter();
    migrated
        .filter(|(item, _)| *item == number)
        .map(|(_, attribute)| (0, *attribute))
        .collect()
}

/// Opens all items of an answer, part by part; an error applies to all items after it.
async fn open_all(
    client: &Client,
    answer: &Answer,
    deadline: Deadline,
) -> Vec<Result<Opened, Error>> {
    let mut parts = Vec::new();
    let Some(sealed) = &answer.sealed else {
        return parts;
    };
    let mut from = 0;
    while from < usize::MAX {
        let share = client.share(from, usize::MAX);
        let timeout = Some(deadline.left().unwrap_or(Duration::MAX));
        let opened = client.open(sealed, share, timeout).await;
        from = opened.as_ref().map_or(usize::MAX, Opened::until);
        parts.push(opened);
    }
    parts
}

fn left_behind() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the service returned this read unprocessed until the timeout",
    )
    .with_operation("BatchGetItem")
}

#[cfg(test)]
mod tests;
