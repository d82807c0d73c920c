//! PutItem: write a whole item.

use std::ops::Range;

use super::Guard;
use crate::error::Error;
use crate::expression::condition::Condition;
use crate::wire::{WireError, Writer};

/// Begins the body; the caller writes the item next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Item":"#);
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

/// The range of the item in a body.
///
/// # Errors
///
/// The body is not a JSON object.
pub fn item(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    super::member(body, "Item")
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    fn body(guard: Guard<'_>) -> String {
        written(|writer| {
            begin(writer, "users");
            writer.raw(br#"{"id":{"S":"u1"}}"#);
            finish(writer, guard);
        })
    }

    #[test]
    fn an_unguarded_put_replaces() {
        assert_eq!(
            body(Guard::None),
            r#"{"TableName":"users","Item":{"id":{"S":"u1"}}}"#
        );
    }

    #[test]
    fn a_guard_names_the_key_and_asks_for_the_stored_item() {
        assert_eq!(
            body(Guard::NotExists("id")),
            r#"{"TableName":"users","Item":{"id":{"S":"u1"}},"ConditionExpression":"attribute_not_exists(id)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#
        );
        assert_eq!(
            body(Guard::NotExists("key")),
            r##"{"TableName":"users","Item":{"id":{"S":"u1"}},"ConditionExpression":"attribute_not_exists(#0)","ExpressionAttributeNames":{"#0":"key"},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"##
        );
    }
}
