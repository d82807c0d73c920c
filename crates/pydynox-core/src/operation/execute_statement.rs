//! ExecuteStatement: one PartiQL statement.

use std::ops::Range;

use super::statement::Statement;
use crate::wire::{Reader, WireError, Writer};

/// What a request specifies in addition to the statement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading<'a> {
    /// Whether the read is strongly consistent.
    pub consistent_read: bool,
    /// Maximum number of items to read.
    pub limit: Option<u32>,
    /// Where the previous page ended.
    pub after: Option<&'a str>,
    /// Whether the answer reports its consumed capacity.
    pub capacity: bool,
}

/// Writes the body. A write whose condition fails returns the stored item.
pub fn write(writer: &mut Writer, statement: &Statement, reading: &Reading<'_>, is_write: bool) {
    writer.byte(b'{');
    statement.write(writer);
    if reading.consistent_read {
        writer.raw(br#","ConsistentRead":true"#);
    }
    if let Some(limit) = reading.limit {
        writer.raw(br#","Limit":"#);
        writer.raw(itoa::Buffer::new().format(limit).as_bytes());
    }
    if let Some(after) = reading.after {
        writer.raw(br#","NextToken":"#);
        writer.string(after);
    }
    if reading.capacity {
        writer.raw(br#","ReturnConsumedCapacity":"TOTAL""#);
    }
    if is_write {
        super::write_return_old(writer);
    }
    writer.byte(b'}');
}

/// Where the parts of an answer are.
#[derive(Debug, PartialEq, Eq)]
pub struct Framed {
    /// The range of each item.
    pub items: Vec<Range<usize>>,
    /// Where the next page begins; None if this is the last page.
    pub after: Option<String>,
}

/// Frames an answer.
///
/// # Errors
///
/// The answer does not have the form of this operation.
pub fn frame(body: &[u8]) -> Result<Framed, WireError> {
    let mut framed = Framed {
        items: Vec::new(),
        after: None,
    };
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("Items") {
            reader.begin_array()?;
            while reader.next_element()? {
                reader.peek()?;
                let start = reader.position();
                reader.skip()?;
                framed.items.push(start..reader.position());
            }
        } else if key.equals("NextToken") && reader.peek()? == b'"' {
            framed.after = Some(reader.string()?.decode()?.into_owned());
        } else {
            reader.skip()?;
        }
    }
    reader.end()?;
    Ok(framed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_what_was_asked_for_and_no_empty_list() {
        let plain = Statement::new("SELECT * FROM \"t\"", Vec::new(), 0).unwrap();
        assert_eq!(
            written(|writer| write(writer, &plain, &Reading::default(), false)),
            r#"{"Statement":"SELECT * FROM \"t\""}"#
        );

        let statement = Statement::new("SELECT ?", br#"{"S":"a"}"#.to_vec(), 1).unwrap();
        let reading = Reading {
            consistent_read: true,
            limit: Some(5),
            after: Some("n"),
            capacity: true,
        };
        assert_eq!(
            written(|writer| write(writer, &statement, &reading, false)),
            r#"{"Statement":"SELECT ?","Parameters":[{"S":"a"}],"ConsistentRead":true,"Limit":5,"NextToken":"n","ReturnConsumedCapacity":"TOTAL"}"#
        );
        assert!(
            written(|writer| write(writer, &plain, &Reading::default(), true))
                .ends_with(r#","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#)
        );
    }

    #[test]
    fn an_answer_is_framed() {
        let body =
            br#"{"Items":[ {"a":{"S":"x"}},{} ],"NextToken":"n\u0041","LastEvaluatedKey":{}}"#;

        let framed = frame(body).unwrap();

        let items: Vec<_> = framed
            .items
            .iter()
            .map(|range| &body[range.clone()])
            .collect();
        assert_eq!(items, [br#"{"a":{"S":"x"}}"#.as_slice(), b"{}"]);
        assert_eq!(framed.after.as_deref(), Some("nA"));
        assert_eq!(
            frame(br#"{"NextToken":null}"#).unwrap(),
            Framed {
                items: Vec::new(),
                after: None
            }
        );
        assert!(frame(br#"{"Items":{}}"#).is_err());
    }
}
