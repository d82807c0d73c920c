//! DeleteTable: delete a table and all its items.

use crate::wire::Writer;

/// Writes the body.
pub fn write(writer: &mut Writer, table: &str) {
    super::begin(writer, table, b"}");
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_names_the_table() {
        assert_eq!(
            written(|writer| write(writer, "users")),
            r#"{"TableName":"users"}"#
        );
    }
}
