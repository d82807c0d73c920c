//! Split batches: which part of a batch is done, and how its answer reports the rest as unprocessed.

use std::ops::Range;

use super::Operation;
use crate::wire::{Reader, WireError, Writer};

/// The member of an answer that holds the unprocessed part; None if the operation never returns one.
pub(super) fn member_of(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::BatchGetItem => Some("UnprocessedKeys"),
        Operation::BatchWriteItem => Some("UnprocessedItems"),
        _ => None,
    }
}

/// One table of a batch. All text is the original JSON.
#[derive(Clone)]
struct Part<'a> {
    /// The table's name, quoted.
    table: &'a [u8],
    /// A read's members other than its keys, each with its name; None where the part is a bare list of writes.
    options: Option<Vec<&'a [u8]>>,
    entries: Vec<&'a [u8]>,
}

/// A batch whose second half is not done.
pub(super) struct Split<'a> {
    body: &'a [u8],
    /// Where the tables are in the body.
    place: Range<usize>,
    first: Vec<Part<'a>>,
    rest: Vec<Part<'a>>,
}

impl Split<'_> {
    /// Whether its first half contains anything.
    pub(super) fn is_split(&self) -> bool {
        !self.first.is_empty()
    }

    /// The body of a request for the first half.
    pub(super) fn first(&self) -> Vec<u8> {
        spliced(self.body, &self.place, &written(&self.first))
    }

    /// The answer to the first half, with the rest added as unprocessed.
    pub(super) fn with_rest(&self, answer: &[u8], name: &str) -> Result<Vec<u8>, WireError> {
        let Some(place) = member(answer, name)? else {
            let mut w = Writer::with_capacity(64);
            w.byte(b'{');
            w.string(name);
            w.byte(b':');
            w.raw(&written(&self.rest));
            let opening = answer.iter().position(|byte| *byte == b'{').unwrap_or(0);
            let is_bare = Reader::new(answer).and_then(|mut reader| {
                reader.begin_object()?;
                Ok(reader.next_key()?.is_none())
            })?;
            if !is_bare {
                w.byte(b',');
            }
            w.raw(&answer[opening + 1..]);
            return Ok(w.into_bytes());
        };
        // The service may itself have left a part of the first half unprocessed.
        let mut parts = parts(&answer[place.clone()])?;
        for rest in &self.rest {
            match parts.iter_mut().find(|part| part.table == rest.table) {
                Some(part) => part.entries.extend(&rest.entries),
                None => parts.push(rest.clone()),
            }
        }
        Ok(spliced(answer, &place, &written(&parts)))
    }
}

/// The answer that returns all of a batch as unprocessed; None if it is not a batch.
pub(super) fn all(operation: &Operation, body: &[u8]) -> Option<Vec<u8>> {
    let name = member_of(operation)?;
    let items = member(body, "RequestItems").ok()??;
    let mut w = Writer::with_capacity(body.len() + 64);
    w.byte(b'{');
    if *operation == Operation::BatchGetItem {
        w.raw(br#""Responses":{},"#);
    }
    w.string(name);
    w.byte(b':');
    w.raw(&body[items]);
    w.byte(b'}');
    Some(w.into_bytes())
}

/// A batch split in two, the first half rounded down; None if it is not a batch.
pub(super) fn split(body: &[u8]) -> Option<Split<'_>> {
    let place = member(body, "RequestItems").ok()??;
    let parts = parts(&body[place.clone()]).ok()?;
    let mut budget = parts.iter().map(|part| part.entries.len()).sum::<usize>() / 2;
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        let taken = budget.min(part.entries.len());
        budget -= taken;
        let (done, left) = part.entries.split_at(taken);
        for (half, entries) in [(&mut first, done), (&mut rest, left)] {
            if !entries.is_empty() {
                half.push(Part {
                    entries: entries.to_vec(),
                    ..part.clone()
                });
            }
        }
    }
    Some(Split {
        body,
        place,
        first,
        rest,
    })
}

/// The tables that a request names, in its own member or in those of a batch or a transaction.
pub(super) fn tables(body: &[u8]) -> Result<Vec<String>, WireError> {
    let mut tables = Vec::new();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        if name.equals("TableName") {
            tables.push(reader.string()?.decode()?.into_owned());
        } else if name.equals("RequestItems") {
            reader.begin_object()?;
            while let Some(table) = reader.next_key()? {
                tables.push(table.decode()?.into_owned());
                reader.skip()?;
            }
        } else if name.equals("TransactItems") {
            reader.begin_array()?;
            while reader.next_element()? {
                reader.begin_object()?;
                while reader.next_key()?.is_some() {
                    reader.begin_object()?;
                    while let Some(name) = reader.next_key()? {
                        if name.equals("TableName") {
                            tables.push(reader.string()?.decode()?.into_owned());
                        } else {
                            reader.skip()?;
                        }
                    }
                }
            }
        } else {
            reader.skip()?;
        }
    }
    Ok(tables)
}

/// Position of a member's value.
fn member(body: &[u8], name: &str) -> Result<Option<Range<usize>>, WireError> {
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        if key.equals(name) {
            return Ok(Some(start..reader.position()));
        }
    }
    Ok(None)
}

/// The tables of `RequestItems`, or of the unprocessed part of an answer.
fn parts(items: &[u8]) -> Result<Vec<Part<'_>>, WireError> {
    let mut parts = Vec::new();
    let mut reader = Reader::new(items)?;
    reader.begin_object()?;
    loop {
        let before = reader.position();
        if reader.next_key()?.is_none() {
            return Ok(parts);
        }
        let table = quoted(&items[before..reader.position()]);
        if reader.peek()? == b'[' {
            parts.push(Part {
                table,
                options: None,
                entries: entries(&mut reader, items)?,
            });
            continue;
        }
        let mut part = Part {
            table,
            options: Some(Vec::new()),
            entries: Vec::new(),
        };
        reader.begin_object()?;
        loop {
            let before = reader.position();
            let Some(name) = reader.next_key()? else {
                break;
            };
            if name.equals("Keys") {
                part.entries = entries(&mut reader, items)?;
                continue;
            }
            reader.skip()?;
            let option = items[before..reader.position()].trim_ascii_start();
            let option = option.strip_prefix(b",").unwrap_or(option);
            if let Some(options) = &mut part.options {
                options.push(option.trim_ascii());
            }
        }
        parts.push(part);
    }
}

/// A member's name with its quotes, from the text that the reader consumed.
fn quoted(passed: &[u8]) -> &[u8] {
    let from = passed.iter().position(|byte| *byte == b'"');
    let to = passed.iter().rposition(|byte| *byte == b'"');
    match (from, to) {
        (Some(from), Some(to)) => &passed[from..=to],
        _ => passed,
    }
}

fn entries<'a>(reader: &mut Reader<'a>, items: &'a [u8]) -> Result<Vec<&'a [u8]>, WireError> {
    let mut entries = Vec::new();
    reader.begin_array()?;
    while reader.next_element()? {
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        entries.push(&items[start..reader.position()]);
    }
    Ok(entries)
}

fn written(parts: &[Part<'_>]) -> Vec<u8> {
    let mut w = Writer::with_capacity(256);
    w.byte(b'{');
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            w.byte(b',');
        }
        w.raw(part.table);
        w.byte(b':');
        if let Some(options) = &part.options {
            w.byte(b'{');
            for option in options {
                w.raw(option);
                w.byte(b',');
            }
            w.raw(br#""Keys":"#);
        }
        w.byte(b'[');
        w.raw(&part.entries.join(&b","[..]));
        w.byte(b']');
        if part.options.is_some() {
            w.byte(b'}');
        }
    }
    w.byte(b'}');
    w.into_bytes()
}

fn spliced(body: &[u8], place: &Range<usize>, by: &[u8]) -> Vec<u8> {
    [&body[..place.start], by, &body[place.end..]].concat()
}
