//! Read requests: the members that the bodies of Query and Scan share, and how an answer is framed.

use std::ops::Range;

use crate::error::Error;
use crate::expression::MAX_EXPRESSION_SIZE;
use crate::expression::condition::Condition;
use crate::expression::condition_text::too_long;
use crate::expression::key_condition::KeyCondition;
use crate::expression::names::{Names, Values};
use crate::expression::projection::Projection;
use crate::wire::{Reader, WireError, Writer};

/// What every request of one query or scan specifies.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a member of the request
pub struct Selection<'a> {
    /// The index to read; None for the table.
    pub index: Option<&'a str>,
    /// Which range of the table or index to read; None for all of it.
    pub key_condition: Option<&'a KeyCondition>,
    /// The condition that returned items satisfy.
    pub filter: Option<&'a Condition>,
    /// Which parts of them are returned; None for everything.
    pub projection: Option<&'a Projection>,
    /// Whether the largest sort key comes first.
    pub descending: bool,
    /// Whether the read is strongly consistent.
    pub consistent_read: bool,
    /// Whether items are only counted.
    pub count: bool,
    /// Whether answers report their consumed capacity.
    pub capacity: bool,
}

/// Writes the beginning of a body, which every page shares; [`finish`] adds what differs.
///
/// # Errors
///
/// An expression is longer than `DynamoDB` accepts, even with the shortest names.
pub(super) fn begin(
    writer: &mut Writer,
    table: &str,
    selection: &Selection<'_>,
) -> Result<(), Error> {
    super::begin(writer, table, b"");
    if let Some(index) = selection.index {
        writer.raw(br#","IndexName":"#);
        writer.string(index);
    }
    write_expressions(writer, selection)?;
    if selection.descending {
        writer.raw(br#","ScanIndexForward":false"#);
    }
    if selection.consistent_read {
        writer.raw(br#","ConsistentRead":true"#);
    }
    if selection.count {
        writer.raw(br#","Select":"COUNT""#);
    }
    if selection.capacity {
        writer.raw(br#","ReturnConsumedCapacity":"TOTAL""#);
    }
    Ok(())
}

fn write_expressions(writer: &mut Writer, selection: &Selection<'_>) -> Result<(), Error> {
    let start = writer.len();
    let mut longest = "";
    // Bare names need no map of placeholders; the short form is for texts that exceed the limit with them.
    for mut names in [Names::new(), Names::short()] {
        writer.truncate(start);
        longest = "";
        let mut values = Values::new();
        if let Some(key_condition) = selection.key_condition {
            let length = expression(writer, "KeyConditionExpression", |writer| {
                key_condition.write(writer, &mut names, &mut values);
            });
            longest = if length > MAX_EXPRESSION_SIZE {
                "key condition"
            } else {
                longest
            };
        }
        if let Some(filter) = selection.filter {
            let length = expression(writer, "FilterExpression", |writer| {
                filter.write(writer, &mut names, &mut values, false);
            });
            longest = if length > MAX_EXPRESSION_SIZE {
                "filter"
            } else {
                longest
            };
        }
        // The service refuses a projection together with Select=COUNT.
        if let Some(projection) = selection.projection.filter(|_| !selection.count) {
            let length = expression(writer, "ProjectionExpression", |writer| {
                projection.write(writer, &mut names);
            });
            longest = if length > MAX_EXPRESSION_SIZE {
                "projection"
            } else {
                longest
            };
        }
        names.finish(writer);
        values.finish(writer);
        if longest.is_empty() {
            return Ok(());
        }
    }
    Err(too_long(longest))
}

/// Writes one expression and returns its length.
fn expression(writer: &mut Writer, member: &str, write: impl FnOnce(&mut Writer)) -> usize {
    writer.raw(b",\"");
    writer.raw(member.as_bytes());
    writer.raw(b"\":\"");
    let start = writer.len();
    write(writer);
    let length = writer.len() - start;
    writer.byte(b'"');
    length
}

/// What one request specifies in addition to what they all share.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageRequest<'a> {
    /// Maximum number of items to read.
    pub limit: Option<u32>,
    /// The key to continue after, as JSON text.
    pub after: Option<&'a [u8]>,
    /// The segment of a scan, and the total number of segments.
    pub segment: Option<(u32, u32)>,
}

/// Adds what one request specifies and ends its body.
pub fn finish(writer: &mut Writer, page: PageRequest<'_>) {
    let mut number = |member: &[u8], value: u32| {
        writer.raw(member);
        writer.raw(itoa::Buffer::new().format(value).as_bytes());
    };
    if let Some((segment, total)) = page.segment {
        number(br#","Segment":"#, segment);
        number(br#","TotalSegments":"#, total);
    }
    if let Some(limit) = page.limit {
        number(br#","Limit":"#, limit);
    }
    if let Some(after) = page.after {
        writer.raw(br#","ExclusiveStartKey":"#);
        writer.raw(after);
    }
    writer.byte(b'}');
}

/// The index that a request reads.
///
/// # Errors
///
/// The body is not a JSON object.
pub fn index(body: &[u8]) -> Result<Option<Box<str>>, WireError> {
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("IndexName") {
            return Ok(Some(reader.string()?.decode()?.into()));
        }
        reader.skip()?;
    }
    Ok(None)
}

/// Where the parts of a Query or Scan answer are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Framed {
    /// The range of each item.
    pub items: Vec<Range<u32>>,
    /// How many items matched.
    pub count: u64,
    /// How many items were read.
    pub scanned: u64,
    /// The range of the key after which there may be more.
    pub last: Option<Range<usize>>,
    /// What the request cost, in read units.
    pub capacity: Option<f64>,
}

/// Finds the parts of an answer that is known to be well formed.
///
/// # Errors
///
/// It is malformed outside its items.
pub fn frame(body: &[u8]) -> Result<Framed, WireError> {
    let mut framed = Framed::default();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.raw() {
            "Items" => {
                reader.begin_array()?;
                while reader.next_element()? {
                    reader.peek()?;
                    // The transport reads at most 128 MiB, so offsets fit.
                    let start = reader.position() as u32;
                    reader.pass()?;
                    framed.items.push(start..reader.position() as u32);
                }
            }
            "Count" => framed.count = number(&mut reader)?,
            "ScannedCount" => framed.scanned = number(&mut reader)?,
            "LastEvaluatedKey" => {
                if reader.peek()? == b'n' {
                    reader.null()?;
                    continue;
                }
                let start = reader.position();
                reader.skip()?;
                framed.last = Some(start..reader.position());
            }
            "ConsumedCapacity" => framed.capacity = capacity(&mut reader)?,
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    framed.count = framed.count.max(framed.items.len() as u64);
    Ok(framed)
}

fn number(reader: &mut Reader<'_>) -> Result<u64, WireError> {
    Ok(reader.json_number()?.parse().unwrap_or(0))
}

fn capacity(reader: &mut Reader<'_>) -> Result<Option<f64>, WireError> {
    let mut units = None;
    if reader.peek()? == b'n' {
        reader.null()?;
        return Ok(None);
    }
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("CapacityUnits") {
            units = reader.json_number()?.parse().ok();
        } else {
            reader.skip()?;
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_parts_of_an_answer_are_found() {
        let body = br#"{"Count":2,"Items":[{"a":{"S":"x"}}, {}],"ScannedCount":7,"LastEvaluatedKey":{"a":{"S":"x"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5}}"#;

        let framed = frame(body).unwrap();

        let items: Vec<&[u8]> = framed
            .items
            .iter()
            .map(|item| &body[item.start as usize..item.end as usize])
            .collect();
        assert_eq!(items, [&br#"{"a":{"S":"x"}}"#[..], b"{}"]);
        assert_eq!((framed.count, framed.scanned), (2, 7));
        assert_eq!(&body[framed.last.unwrap()], br#"{"a":{"S":"x"}}"#);
        assert_eq!(framed.capacity, Some(1.5));
    }

    #[test]
    fn an_answer_without_items_counts() {
        let framed = frame(br#"{"Count":3,"ScannedCount":9,"LastEvaluatedKey":null}"#).unwrap();

        assert_eq!((framed.count, framed.scanned), (3, 9));
        assert_eq!(framed.last, None);
        assert!(frame(br#"{"Count":3"#).is_err());
    }
}
