//! DeleteItem: delete one item by its key.

use std::ops::Range;

use super::{Guard, member};
use crate::error::Error;
use crate::expression::condition::Condition;
use crate::wire::{WireError, Writer};

/// Begins the body; the caller writes the key next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Key":"#);
}

/// Asks for the deleted item; written before the end of the body.
pub fn return_old(writer: &mut Writer) {
    writer.raw(br#","ReturnValues":"ALL_OLD""#);
}

/// The range of the deleted item in the answer; None if there was no item.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn item(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    member(body, "Attributes")
}

/// Ends the body.
pub fn finish(writer: &mut Writer, guard: Guard<'_>) {
    guard.write(writer);
    writer.byte(b'}');
}

/// Ends the body, with a caller's condition in addition to the guard.
///
/// # Errors
///
/// The condition is longer than `DynamoDB` accepts.
pub fn finish_if(
    writer: &mut Writer,
    guard: Guard<'_>,
    condition: Option<&Condition>,
) -> Result<(), Error> {
    guard.write_with(writer, condition)?;
    writer.byte(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_key_and_the_guard() {
        let body = written(|writer| {
            begin(writer, "users");
            writer.raw(br#"{"id":{"S":"u1"}}"#);
            finish(writer, Guard::Exists("id"));
        });

        assert_eq!(
            body,
            r#"{"TableName":"users","Key":{"id":{"S":"u1"}},"ConditionExpression":"attribute_exists(id)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#
        );
    }
}
