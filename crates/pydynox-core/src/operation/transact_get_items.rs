//! TransactGetItems: several items as they were at the same moment.

use std::ops::Range;

use super::member;
use crate::wire::{Reader, WireError, Writer};

/// Begins the body.
pub fn begin(writer: &mut Writer) {
    writer.raw(br#"{"TransactItems":["#);
}

/// Begins the read of one item; the caller writes its key next.
pub fn begin_get(writer: &mut Writer, is_first: bool, table: &str) {
    if !is_first {
        writer.byte(b',');
    }
    writer.raw(br#"{"Get":"#);
    super::begin(writer, table, br#","Key":"#);
}

/// Ends the read of one item.
pub fn end_get(writer: &mut Writer) {
    writer.raw(b"}}");
}

/// Ends the body.
pub fn finish(writer: &mut Writer) {
    writer.raw(b"]}");
}

/// The range of each item in the answer, in the order of the request; None where there is no such item.
///
/// # Errors
///
/// The answer does not have the form of this operation.
pub fn items(body: &[u8]) -> Result<Vec<Option<Range<usize>>>, WireError> {
    let Some(responses) = member(body, "Responses")? else {
        return Ok(Vec::new());
    };
    let mut items = Vec::new();
    let start = responses.start;
    let mut reader = Reader::new(&body[responses])?;
    reader.begin_array()?;
    while reader.next_element()? {
        reader.begin_object()?;
        let mut item = None;
        while let Some(key) = reader.next_key()? {
            reader.peek()?;
            let from = reader.position();
            reader.skip()?;
            if key.equals("Item") {
                item = Some(start + from..start + reader.position());
            }
        }
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_keys_in_order() {
        let body = written(|writer| {
            begin(writer);
            for (position, table) in ["a", "b"].iter().enumerate() {
                begin_get(writer, position == 0, table);
                writer.raw(br#"{"id":{"S":"1"}}"#);
                end_get(writer);
            }
            finish(writer);
        });

        assert_eq!(
            body,
            r#"{"TransactItems":[{"Get":{"TableName":"a","Key":{"id":{"S":"1"}}}},{"Get":{"TableName":"b","Key":{"id":{"S":"1"}}}}]}"#
        );
    }

    #[test]
    fn a_missing_item_is_none() {
        let body = br#"{"ConsumedCapacity":[], "Responses": [ {"Item": {"id":{"S":"1"}}}, {}, {"Item":{}} ]}"#;

        let ranges = items(body).unwrap();

        let texts: Vec<_> = ranges
            .into_iter()
            .map(|range| range.map(|range| &body[range]))
            .collect();
        assert_eq!(
            texts,
            [
                Some(br#"{"id":{"S":"1"}}"#.as_slice()),
                None,
                Some(b"{}".as_slice())
            ]
        );
        assert!(items(b"{}").unwrap().is_empty());
        assert!(items(br#"{"Responses":{}}"#).is_err());
    }
}
