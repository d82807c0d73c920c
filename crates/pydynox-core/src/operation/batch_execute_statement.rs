//! BatchExecuteStatement: PartiQL statements, each with its own outcome.

use std::ops::Range;

use bytes::Bytes;

use super::statement::Statement;
use crate::error::CancellationReason;
use crate::wire::{Reader, WireError, Writer};

/// Writes the body. A write whose condition fails returns the stored item.
pub fn write(writer: &mut Writer, statements: &[Statement], consistent_read: bool, is_write: bool) {
    writer.raw(br#"{"Statements":["#);
    for (position, statement) in statements.iter().enumerate() {
        writer.raw(if position == 0 { b"{" } else { b",{" });
        statement.write(writer);
        if consistent_read {
            writer.raw(br#","ConsistentRead":true"#);
        }
        if is_write {
            super::write_return_old(writer);
        }
        writer.byte(b'}');
    }
    writer.raw(b"]}");
}

/// The outcome of one statement.
#[derive(Debug)]
pub enum Outcome {
    /// It was executed; the range of the item that it read, if there is one.
    Done(Option<Range<usize>>),
    /// It was not executed, and why.
    Failed(CancellationReason),
}

/// The outcome of each statement.
///
/// # Errors
///
/// The answer does not have the form of this operation.
pub fn outcomes(body: &[u8]) -> Result<Vec<Outcome>, WireError> {
    let mut outcomes = Vec::new();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if !key.equals("Responses") {
            reader.skip()?;
            continue;
        }
        reader.begin_array()?;
        while reader.next_element()? {
            outcomes.push(outcome(&mut reader, body)?);
        }
    }
    reader.end()?;
    Ok(outcomes)
}

fn outcome(reader: &mut Reader<'_>, body: &[u8]) -> Result<Outcome, WireError> {
    let (mut item, mut failed) = (None, None);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        let first = reader.peek()?;
        let start = reader.position();
        if key.equals("Error") && first == b'{' {
            failed = Some(problem(reader, body)?);
            continue;
        }
        reader.skip()?;
        if key.equals("Item") && first == b'{' {
            item = Some(start..reader.position());
        }
    }
    Ok(failed.map_or(Outcome::Done(item), Outcome::Failed))
}

fn problem(reader: &mut Reader<'_>, body: &[u8]) -> Result<CancellationReason, WireError> {
    let mut reason = CancellationReason::default();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        let first = reader.peek()?;
        let start = reader.position();
        if key.equals("Code") && first == b'"' {
            reason.code = reader.string()?.decode()?.into_owned();
        } else if key.equals("Message") && first == b'"' {
            reason.message = Some(reader.string()?.decode()?.into_owned());
        } else {
            reader.skip()?;
            if key.equals("Item") && first == b'{' {
                reason.item = Some(Bytes::copy_from_slice(&body[start..reader.position()]));
            }
        }
    }
    Ok(reason)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_statements_in_order() {
        let statements = [
            Statement::new("SELECT ?", br#"{"S":"a"}"#.to_vec(), 1).unwrap(),
            Statement::new("SELECT 2", Vec::new(), 0).unwrap(),
        ];
        assert_eq!(
            written(|writer| write(writer, &statements, true, false)),
            r#"{"Statements":[{"Statement":"SELECT ?","Parameters":[{"S":"a"}],"ConsistentRead":true},{"Statement":"SELECT 2","ConsistentRead":true}]}"#
        );
        assert!(
            written(|writer| write(writer, &statements[1..], false, true))
                .ends_with(r#""ReturnValuesOnConditionCheckFailure":"ALL_OLD"}]}"#)
        );
    }

    #[test]
    fn each_statement_has_an_item_nothing_or_an_error() {
        let body = br#"{"Responses":[{"TableName":"t","Item":{"a":{"S":"x"}}},{},{"Error":{"Code":"DuplicateItem","Message":"taken"},"TableName":"t"},{"Error":{"Code":"ConditionalCheckFailed","Message":"no","Item":{"a":{"N":"1"}}}},{"Error":{}},{"Error":{"Code":"ThrottlingError"}}]}"#;

        let all = outcomes(body).unwrap();

        assert!(
            matches!(&all[0], Outcome::Done(Some(range)) if &body[range.clone()] == br#"{"a":{"S":"x"}}"#)
        );
        assert!(matches!(&all[1], Outcome::Done(None)));
        let reasons: Vec<_> = all[2..]
            .iter()
            .map(|outcome| match outcome {
                Outcome::Failed(reason) => reason,
                Outcome::Done(_) => panic!("it failed"),
            })
            .collect();
        assert_eq!(
            (reasons[0].code.as_str(), reasons[0].message.as_deref()),
            ("DuplicateItem", Some("taken"))
        );
        assert_eq!(
            reasons[1].item.as_deref(),
            Some(br#"{"a":{"N":"1"}}"#.as_slice())
        );
        assert_eq!(*reasons[2], CancellationReason::default());
        assert_eq!(reasons[3].code, "ThrottlingError");
        assert!(outcomes(br#"{"Responses":{}}"#).is_err());
        assert!(outcomes(b"{}").unwrap().is_empty());
    }
}
