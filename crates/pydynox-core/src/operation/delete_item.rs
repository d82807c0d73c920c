//! DeleteItem: delete one item by its key.

use super::Guard;
use crate::wire::Writer;

/// Begins the body; the caller writes the key next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Key":"#);
}

/// Ends the body.
pub fn finish(writer: &mut Writer, guard: Guard<'_>) {
    guard.write(writer);
    writer.byte(b'}');
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
