//! BatchWriteItem: many puts and deletes, each applied or refused on its own.

use std::ops::Range;

use super::{left_over, member};
use crate::wire::{Reader, WireError, Writer};

/// Begins the body.
pub fn begin(writer: &mut Writer) {
    writer.raw(br#"{"RequestItems":{"#);
}

/// Begins the requests of one table; the caller writes them next, separated by commas.
pub fn begin_table(writer: &mut Writer, is_first: bool, table: &str) {
    if !is_first {
        writer.byte(b',');
    }
    writer.string(table);
    writer.raw(b":[");
}

/// Writes the put of an item, JSON text of a map.
pub fn put(writer: &mut Writer, item: &[u8]) {
    writer.raw(br#"{"PutRequest":{"Item":"#);
    writer.raw(item);
    writer.raw(b"}}");
}

/// Writes the delete of the item with this key, JSON text of a map.
pub fn delete(writer: &mut Writer, key: &[u8]) {
    writer.raw(br#"{"DeleteRequest":{"Key":"#);
    writer.raw(key);
    writer.raw(b"}}");
}

/// Ends the requests of one table.
pub fn end_table(writer: &mut Writer) {
    writer.byte(b']');
}

/// Ends the body.
pub fn finish(writer: &mut Writer) {
    writer.raw(b"}}");
}

/// The range of the map of unprocessed requests; None if there are none. It has the form of `RequestItems`.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn unprocessed(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    let Some(range) = member(body, "UnprocessedItems")? else {
        return Ok(None);
    };
    let left = left_over(&mut Reader::new(&body[range.clone()])?)?;
    Ok(left.and(Some(range)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_requests_by_table() {
        let body = written(|writer| {
            begin(writer);
            begin_table(writer, true, "a");
            put(writer, br#"{"id":{"S":"1"}}"#);
            writer.byte(b',');
            delete(writer, br#"{"id":{"S":"2"}}"#);
            end_table(writer);
            begin_table(writer, false, "b");
            put(writer, b"{}");
            end_table(writer);
            finish(writer);
        });

        assert_eq!(
            body,
            r#"{"RequestItems":{"a":[{"PutRequest":{"Item":{"id":{"S":"1"}}}},{"DeleteRequest":{"Key":{"id":{"S":"2"}}}}],"b":[{"PutRequest":{"Item":{}}}]}}"#
        );
    }
}
