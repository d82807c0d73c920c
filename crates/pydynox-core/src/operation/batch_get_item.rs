//! BatchGetItem: many items by their keys.

use std::ops::Range;

use super::left_over;
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

/// How an answer is framed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Framed {
    /// The tables, and where each of their items stands.
    pub tables: Vec<TableItems>,
    /// Where the map of what was left out stands; None where nothing was. It has the form of `RequestItems`.
    pub left: Option<Range<usize>>,
}

/// Finds the parts of an answer that is known to be well formed.
///
/// # Errors
///
/// The answer is not what the operation answers.
pub fn frame(body: &[u8]) -> Result<Framed, WireError> {
    let mut framed = Framed::default();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.raw() {
            "Responses" if reader.peek()? != b'n' => read_tables(&mut reader, &mut framed.tables)?,
            "UnprocessedKeys" => framed.left = left_over(&mut reader)?,
            _ => reader.pass()?,
        }
    }
    Ok(framed)
}

fn read_tables(reader: &mut Reader<'_>, tables: &mut Vec<TableItems>) -> Result<(), WireError> {
    reader.begin_object()?;
    while let Some(table) = reader.next_key()? {
        let table = table.decode()?.into_owned();
        let mut items = Vec::new();
        reader.begin_array()?;
        while reader.next_element()? {
            reader.peek()?;
            let from = reader.position();
            reader.pass()?;
            items.push(from..reader.position());
        }
        tables.push((table, items));
    }
    Ok(())
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

        let framed = frame(body).unwrap();
        let found = &framed.tables;
        assert_eq!(found.len(), 2);
        assert_eq!(&body[found[0].1[0].clone()], br#"{"x":{"S":"1"}}"#);
        assert_eq!(&body[found[0].1[1].clone()], b"{}");
        assert_eq!(&body[framed.left.unwrap()], br#"{"a":{"Keys":[]}}"#);

        for nothing in [
            &br#"{"UnprocessedKeys":{}}"#[..],
            b"{}",
            br#"{"UnprocessedKeys":null}"#,
        ] {
            assert_eq!(frame(nothing).unwrap(), Framed::default());
        }
    }
}
