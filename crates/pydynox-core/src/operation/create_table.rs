//! CreateTable: a table for the items of a schema, billed on demand.

use crate::error::{Error, ErrorKind};
use crate::schema::{Index, ItemSchema, KeyAttribute, Projected};
use crate::wire::Writer;

/// Writes the body.
///
/// # Errors
///
/// One attribute has two types in the keys of the table and its indexes.
pub fn write(writer: &mut Writer, table: &str, schema: &ItemSchema) -> Result<(), Error> {
    super::begin(writer, table, br#","AttributeDefinitions":["#);
    for (position, key) in defined(schema)?.into_iter().enumerate() {
        if position > 0 {
            writer.byte(b',');
        }
        writer.raw(br#"{"AttributeName":"#);
        writer.string(&key.attribute_name);
        writer.raw(br#","AttributeType":"#);
        writer.string(key.key_type.name());
        writer.byte(b'}');
    }
    writer.byte(b']');
    let partition = std::slice::from_ref(&schema.partition_key);
    write_key(writer, partition, schema.sort_key.as_slice());
    write_indexes(writer, schema, true, br#","GlobalSecondaryIndexes":["#);
    write_indexes(writer, schema, false, br#","LocalSecondaryIndexes":["#);
    writer.raw(br#","BillingMode":"PAY_PER_REQUEST"}"#);
    Ok(())
}

/// The attributes of all keys, each once.
fn defined(schema: &ItemSchema) -> Result<Vec<&KeyAttribute>, Error> {
    // The service refuses definitions of attributes that are not in a key, and two for the same attribute.
    let mut defined: Vec<&KeyAttribute> = schema.key_attributes().collect();
    for key in schema.indexes.iter().flat_map(Index::key_attributes) {
        let same_key = defined
            .iter()
            .find(|same_key| same_key.attribute_name == key.attribute_name);
        match same_key {
            None => defined.push(key),
            Some(same_key) if same_key.key_type == key.key_type => {}
            Some(same_key) => {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!(
                        "{}: attribute '{}' is {} in one key and {} in another",
                        schema.model, key.attribute_name, same_key.key_type, key.key_type
                    ),
                ));
            }
        }
    }
    Ok(defined)
}

fn write_key(writer: &mut Writer, partition: &[KeyAttribute], sort: &[KeyAttribute]) {
    writer.raw(br#","KeySchema":["#);
    let hash = partition
        .iter()
        .map(|key| (key, &br#","KeyType":"HASH"}"#[..]));
    let range = sort.iter().map(|key| (key, &br#","KeyType":"RANGE"}"#[..]));
    for (position, (key, key_type)) in hash.chain(range).enumerate() {
        if position > 0 {
            writer.byte(b',');
        }
        writer.raw(br#"{"AttributeName":"#);
        writer.string(&key.attribute_name);
        writer.raw(key_type);
    }
    writer.byte(b']');
}

fn write_indexes(writer: &mut Writer, schema: &ItemSchema, global: bool, member: &[u8]) {
    let mut written = false;
    for index in schema.indexes.iter().filter(|index| index.global == global) {
        writer.raw(if written { b"," } else { member });
        written = true;
        writer.raw(br#"{"IndexName":"#);
        writer.string(&index.name);
        write_key(writer, &index.partition, &index.sort);
        match &index.projected {
            Projected::All => writer.raw(br#","Projection":{"ProjectionType":"ALL"}}"#),
            Projected::KeysOnly => writer.raw(br#","Projection":{"ProjectionType":"KEYS_ONLY"}}"#),
            Projected::Include(names) => {
                writer.raw(br#","Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["#);
                for (position, name) in names.iter().enumerate() {
                    if position > 0 {
                        writer.byte(b',');
                    }
                    writer.string(name);
                }
                writer.raw(b"]}}");
            }
        }
    }
    if written {
        writer.byte(b']');
    }
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
            written(|writer| write(writer, "orders", &schema).unwrap()),
            r#"{"TableName":"orders","AttributeDefinitions":[{"AttributeName":"c","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"}],"KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST"}"#
        );
    }
    #[test]
    fn indexes_have_their_keys_and_projections() {
        let key = |name: &str, key_type| KeyAttribute {
            attribute_name: name.into(),
            key_type,
        };
        let index = |name: &str, global, partition: &str, sort, projected| Index {
            name: name.into(),
            global,
            partition: Box::new([key(partition, KeyType::S)]),
            sort: Box::new([sort]),
            projected,
        };
        let schema = ItemSchema::new(
            "Order",
            ["c", "n", "mail", "x"],
            ("c", KeyType::S),
            Some(("n", KeyType::N)),
        )
        .unwrap();
        let included = Projected::Include(Box::new(["x".into()]));
        let indexes = vec![
            index("by_x", false, "c", key("x", KeyType::S), Projected::All),
            index("by_mail", true, "mail", key("n", KeyType::N), included),
        ];
        let schema = schema.clone().with_indexes(indexes).unwrap();

        let body = written(|writer| write(writer, "orders", &schema).unwrap());

        assert_eq!(
            body,
            r#"{"TableName":"orders","AttributeDefinitions":[{"AttributeName":"c","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"},{"AttributeName":"x","AttributeType":"S"},{"AttributeName":"mail","AttributeType":"S"}],"KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],"GlobalSecondaryIndexes":[{"IndexName":"by_mail","KeySchema":[{"AttributeName":"mail","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["x"]}}],"LocalSecondaryIndexes":[{"IndexName":"by_x","KeySchema":[{"AttributeName":"c","KeyType":"HASH"},{"AttributeName":"x","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],"BillingMode":"PAY_PER_REQUEST"}"#
        );
        let clash = index("other", true, "mail", key("n", KeyType::S), Projected::All);
        let schema = schema.with_indexes(vec![clash]).unwrap();
        assert!(write(&mut Writer::with_capacity(64), "t", &schema).is_err());
    }
}
