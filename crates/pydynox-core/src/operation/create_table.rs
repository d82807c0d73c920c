//! CreateTable: a table for the items of a schema, billed on demand.

use crate::schema::ItemSchema;
use crate::wire::Writer;

/// Writes the body.
pub fn write(writer: &mut Writer, table: &str, schema: &ItemSchema) {
    super::begin(writer, table, br#","AttributeDefinitions":["#);
    for (position, key) in schema.key_attributes().enumerate() {
        if position > 0 {
            writer.byte(b',');
        }
        writer.raw(br#"{"AttributeName":"#);
        writer.string(&key.attribute_name);
        writer.raw(br#","AttributeType":"#);
        writer.string(key.key_type.name());
        writer.byte(b'}');
    }
    writer.raw(br#"],"KeySchema":["#);
    for (position, key) in schema.key_attributes().enumerate() {
        if position > 0 {
            writer.byte(b',');
        }
        writer.raw(br#"{"AttributeName":"#);
        writer.string(&key.attribute_name);
        writer.raw(if position == 0 {
            br#","KeyType":"HASH"}"#
        } else {
            br#","KeyType":"RANGE"}"#
        });
    }
    writer.raw(br#"],"BillingMode":"PAY_PER_REQUEST"}"#);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;
    use crate::schema::KeyType;

    #[test]
    fn the_body_declares_the_key_attributes_alone() {
        let schema = ItemSchema::new(
            "Order",
            ["c", "n", "total"],
            ("c", KeyType::S),
            Some(("n", KeyType::N)),
        )
        .unwrap();

        assert_eq!(
            written(|writer| write(writer, "orders", &schema)),
            r#"{"TableName":"orders","AttributeDefinitions":[{"AttributeName":"c","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"}],"KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST"}"#
        );
    }
}
