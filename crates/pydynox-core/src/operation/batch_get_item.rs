//! BatchGetItem: many items by their keys.

use std::ops::Range;

use super::member;
use crate::wire::{Reader, WireError, Writer};

/// Begins the body.
pub fn begin(writer: &mut Writer) {
    writer.raw(br#"{"RequestItems":{"#);
}

/// Begins the keys of one table; the caller writes them next, with commas between.
pub fn begin_table(writer: &mut Writer, is_first: bool, table: &str) {
    if !is_first {
        writer.byte(b',');
    }
    writer.string(table);
    writer.raw(br#":{"Keys":["#);
}

/// Ends the keys of one table.
pub fn end_table(writer: &mut Writer, consistent_read: bool) {
    writer.byte(b']');
    if consistent_read {
        writer.raw(br#","ConsistentRead":true"#);
    }
    writer.byte(b'}');
}

/// Ends the body.
pub fn finish(writer: &mut Writer) {
    writer.raw(b"}}");
}

/// A table's name, and where its items stand in the answer.
pub type TableItems = (String, Vec<Range<usize>>);

/// The tables of the answer, and where each of its items stands.
///
/// # Errors
///
/// The answer is not what the operation answers.
pub fn items(body: &[u8]) -> Result<Vec<TableItems>, WireError> {
    let Some(responses) = member(body, "Responses")? else {
        return Ok(Vec::new());
    };
    let start = responses.start;
    let mut reader = Reader::new(&body[responses])?;
    let mut tables = Vec::new();
    reader.begin_object()?;
    while let Some(table) = reader.next_key()? {
        let table = table.decode()?.into_owned();
        let mut items = Vec::new();
        reader.begin_array()?;
        while reader.next_element()? {
            reader.peek()?;
            let from = reader.position();
            reader.skip()?;
            items.push(start + from..start + reader.position());
        }
        tables.push((table, items));
    }
    Ok(tables)
}

/// Where an answer's map of what was left out stands, `UnprocessedKeys` or `UnprocessedItems`; None where nothing was. It has the
/// form of `RequestItems`.
///
/// # Errors
///
/// The answer is no JSON object.
pub fn unprocessed(body: &[u8], name: &str) -> Result<Option<Range<usize>>, WireError> {
    let Some(range) = member(body, name)? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&body[range.clone()])?;
    if reader.peek()? != b'{' {
        return Ok(None);
    }
    reader.begin_object()?;
    Ok(reader.next_key()?.is_some().then_some(range))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_keys_by_table() {
        let body = written(|writer| {
            begin(writer);
            begin_table(writer, true, "a");
            writer.raw(br#"{"id":{"S":"1"}},{"id":{"S":"2"}}"#);
            end_table(writer, true);
            begin_table(writer, false, "b");
            writer.raw(br#"{"id":{"N":"1"}}"#);
            end_table(writer, false);
            finish(writer);
        });

        assert_eq!(
            body,
            r#"{"RequestItems":{"a":{"Keys":[{"id":{"S":"1"}},{"id":{"S":"2"}}],"ConsistentRead":true},"b":{"Keys":[{"id":{"N":"1"}}]}}}"#
        );
    }

    #[test]
    fn items_and_leftovers_are_found() {
        let body = br#"{"UnprocessedKeys": {"a":{"Keys":[]}}, "Responses":{"a":[{"x":{"S":"1"}}, {}],"b":[]}}"#;

        let found = items(body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(&body[found[0].1[0].clone()], br#"{"x":{"S":"1"}}"#);
        assert_eq!(&body[found[0].1[1].clone()], b"{}");
        let left = unprocessed(body, "UnprocessedKeys").unwrap().unwrap();
        assert_eq!(&body[left], br#"{"a":{"Keys":[]}}"#);

        for nothing in [
            &br#"{"UnprocessedKeys":{}}"#[..],
            b"{}",
            br#"{"UnprocessedKeys":null}"#,
        ] {
            assert_eq!(unprocessed(nothing, "UnprocessedKeys").unwrap(), None);
        }
        assert!(items(b"{}").unwrap().is_empty());
    }
}
