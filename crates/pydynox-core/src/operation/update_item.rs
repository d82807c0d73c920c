//! UpdateItem: change parts of one item.

use crate::expression::update::Update;
use crate::wire::Writer;

/// Begins the body; the caller writes the key next.
pub fn begin(writer: &mut Writer, table: &str) {
    super::begin(writer, table, br#","Key":"#);
}

/// Ends the body; the item must exist, which its attribute `exists`, the partition key, shows.
pub fn finish(writer: &mut Writer, update: &Update, exists: &str) {
    update.write(writer, exists);
    super::write_return_old(writer);
    writer.byte(b'}');
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
            finish(writer, &update, "id");
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
