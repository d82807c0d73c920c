//! GetItem: read one item by its key.

use std::ops::Range;

use super::member;
use crate::expression::names::Names;
use crate::expression::path::Path;
use crate::wire::{WireError, Writer};

/// Begins the body; the caller writes the key next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Key":"#);
}

/// Ends the body. `projection` lists the places to read; an empty one asks for the whole item.
pub fn finish(writer: &mut Writer, consistent_read: bool, projection: &[Path]) {
    if consistent_read {
        writer.raw(br#","ConsistentRead":true"#);
    }
    if !projection.is_empty() {
        let mut names = Names::new();
        writer.raw(br#","ProjectionExpression":""#);
        for (position, path) in projection.iter().enumerate() {
            if position > 0 {
                writer.byte(b',');
            }
            path.write(writer, &mut names);
        }
        writer.byte(b'"');
        names.finish(writer);
    }
    writer.byte(b'}');
}

/// The range of the item in the answer; None if there is no item.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn item(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    member(body, "Item")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_key_and_what_was_asked_for() {
        let plain = written(|writer| {
            begin(writer, "users");
            writer.raw(br#"{"id":{"S":"u1"}}"#);
            finish(writer, false, &[]);
        });
        let projected = written(|writer| {
            begin(writer, "us\"ers");
            writer.raw(b"{}");
            let paths = ["name", "address.city", "homes[0].zip"];
            let mut paths: Vec<Path> = paths.map(|text| Path::parse(text).unwrap()).into();
            paths.push(Path::new("a.b"));
            finish(writer, true, &paths);
        });

        assert_eq!(plain, r#"{"TableName":"users","Key":{"id":{"S":"u1"}}}"#);
        assert_eq!(
            projected,
            r##"{"TableName":"us\"ers","Key":{},"ConsistentRead":true,"ProjectionExpression":"#0,address.city,homes[0].zip,#1","ExpressionAttributeNames":{"#0":"name","#1":"a.b"}}"##
        );
    }

    #[test]
    fn the_item_is_found_or_absent() {
        let body = br#"{"ConsumedCapacity":{"Item":1},"Item":{"id":{"S":"Item"}}}"#;

        assert_eq!(
            &body[item(body).unwrap().unwrap()],
            br#"{"id":{"S":"Item"}}"#
        );
        assert_eq!(item(b"{}").unwrap(), None);
    }
}
