//! UpdateItem: change parts of one item.

use std::ops::Range;

use super::member;
use crate::error::Error;
use crate::expression::actions::Actions;
use crate::expression::condition::Condition;
use crate::expression::update::Update;
use crate::wire::{WireError, Writer};

/// Begins the body; the caller writes the key next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Key":"#);
}

/// Asks for the item as it is after the update; written before the end of the body.
pub fn return_new(writer: &mut Writer) {
    writer.raw(br#","ReturnValues":"ALL_NEW""#);
}

/// The range of the item in the answer; None if it was not asked for.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn item(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    member(body, "Attributes")
}

/// Ends the body; the item must exist, as its attribute `exists`, the partition key, shows. An empty update only checks that.
pub fn finish(writer: &mut Writer, update: &Update, exists: &str, condition: Option<&Condition>) {
    update.write(writer, exists, condition);
    super::write_return_old(writer);
    writer.byte(b'}');
}

/// Ends the body with a caller's actions; `exists` is None if they may create an item.
///
/// # Errors
///
/// The expressions are longer than `DynamoDB` accepts.
pub fn finish_actions(
    writer: &mut Writer,
    actions: &Actions,
    exists: Option<&str>,
    condition: Option<&Condition>,
) -> Result<(), Error> {
    actions.write(writer, exists, condition)?;
    // Without a condition, nothing can fail that would return the item.
    if exists.is_some() || condition.is_some() || actions.have_parents() {
        super::write_return_old(writer);
    }
    writer.byte(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_changes_and_guards_what_they_stand_on() {
        let mut update = Update::new();
        update.set("age", br#"{"N":"42"}"#);
        update.remove("name");
        update
            .change("tags", br#"{"SS":["a"]}"#, br#"{"SS":["a","b"]}"#)
            .unwrap();
        update
            .change(
                "map",
                br#"{"M":{"x":{"N":"1"}}}"#,
                br#"{"M":{"x":{"N":"2"}}}"#,
            )
            .unwrap();

        let body = written(|writer| {
            begin(writer, "users");
            writer.raw(br#"{"id":{"S":"u1"}}"#);
            finish(writer, &update, "id", None);
        });

        assert!(
            body.starts_with(
                r#"{"TableName":"users","Key":{"id":{"S":"u1"}},"UpdateExpression":"SET "#
            ),
            "{body}"
        );
        assert!(
            body.contains("attribute_exists(id) AND attribute_exists("),
            "{body}"
        );
        assert!(
            body.ends_with(r#","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#),
            "{body}"
        );
    }
}
