//! What DynamoDB asks of the value of an attribute that an index has in its key.

use crate::expression::order;
use crate::schema::{ItemSchema, KeyType, MAX_PARTITION_KEY_SIZE, MAX_SORT_KEY_SIZE};

/// An attribute that is a key of an index; of several indexes the one that asks most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexKey {
    /// The name the attribute is stored under.
    pub attribute_name: Box<str>,
    index: Box<str>,
    key_type: KeyType,
    /// Bytes that a text or a binary may have.
    limit: usize,
}

impl IndexKey {
    /// The attributes of a model's items that are keys of its indexes, each once.
    pub fn all(schema: &ItemSchema) -> Vec<Self> {
        let mut keys: Vec<Self> = Vec::new();
        for index in &schema.indexes {
            let limits = [
                (&index.partition, MAX_PARTITION_KEY_SIZE),
                (&index.sort, MAX_SORT_KEY_SIZE),
            ];
            for (attributes, limit) in limits {
                for attribute in attributes {
                    let one = Self {
                        attribute_name: attribute.attribute_name.clone(),
                        index: index.name.clone(),
                        key_type: attribute.key_type,
                        limit,
                    };
                    let same_key = keys
                        .iter_mut()
                        .find(|same_key| same_key.attribute_name == one.attribute_name);
                    match same_key {
                        None => keys.push(one),
                        Some(same_key) if limit < same_key.limit => *same_key = one,
                        Some(_) => {}
                    }
                }
            }
        }
        keys
    }

    /// Why `DynamoDB` would refuse an item with this value, the JSON text of an attribute value; None where it would not.
    #[inline]
    pub fn problem(&self, json: &[u8]) -> Option<String> {
        // No escape makes a text shorter than its JSON; the tag and the quotes are 8 bytes.
        let is_short = json.len() <= self.limit && json.len() > 8;
        let tag = json.get(2..4);
        if is_short && tag == Some(&[self.key_type.name().as_bytes()[0], b'"']) {
            return None;
        }
        self.looked_at(json)
    }

    #[cold]
    fn looked_at(&self, json: &[u8]) -> Option<String> {
        let Self {
            index,
            key_type,
            limit,
            ..
        } = self;
        if order::key_type(json) != Some(*key_type) {
            return Some(format!(
                "is a key of the index {index}, and must be stored as {key_type}"
            ));
        }
        match order::length(json) {
            Some(0) => Some(format!(
                "is a key of the index {index}, and must not be empty; without a value the item is not in the index"
            )),
            Some(length) if length > *limit => Some(format!(
                "has {length} bytes; it is a key of the index {index}, which can have at most {limit}"
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::schema::{Index, KeyAttribute, Projected};

    fn index(name: &str, partition: (&str, KeyType), sort: &[(&str, KeyType)]) -> Index {
        let key = |(name, key_type): (&str, KeyType)| KeyAttribute {
            attribute_name: name.into(),
            key_type,
        };
        Index {
            name: name.into(),
            global: true,
            partition: [key(partition)].into(),
            sort: sort.iter().copied().map(key).collect(),
            projected: Projected::All,
        }
    }

    fn keys() -> Vec<IndexKey> {
        let names = ["id", "email", "age", "raw"];
        ItemSchema::new("User", names, ("id", KeyType::S), None)
            .unwrap()
            .with_indexes(vec![
                index("by_email", ("email", KeyType::S), &[("age", KeyType::N)]),
                index("by_raw", ("raw", KeyType::B), &[("email", KeyType::S)]),
            ])
            .map(|schema| IndexKey::all(&schema))
            .unwrap()
    }

    #[test]
    fn the_index_that_asks_most_counts() {
        let keys = keys();
        let names: Vec<_> = keys.iter().map(|key| &*key.attribute_name).collect();

        assert_eq!(names, ["email", "age", "raw"]);
        let text = |length: usize| format!(r#"{{"S":"{}"}}"#, "é".repeat(length));
        assert_eq!(keys[0].problem(text(512).as_bytes()), None);
        assert_eq!(
            keys[0].problem(text(513).as_bytes()).unwrap(),
            "has 1026 bytes; it is a key of the index by_raw, which can have at most 1024"
        );
    }

    #[test]
    fn a_key_is_of_its_type_and_not_empty() {
        let keys = keys();
        for (key, json, expected) in [
            (0, r#"{"S":"x"}"#, None),
            (0, r#"{"S":"\u00e9"}"#, None),
            (0, r#"{"S":""}"#, Some("must not be empty")),
            (0, r#"{"N":"1"}"#, Some("must be stored as S")),
            (0, r#"{"NULL":true}"#, Some("must be stored as S")),
            (1, r#"{"N":"1"}"#, None),
            (1, r#"{"NS":["1","2"]}"#, Some("must be stored as N")),
            (2, r#"{"B":"AA=="}"#, None),
            (2, r#"{"B":""}"#, Some("must not be empty")),
            (2, r#"{"BOOL":true}"#, Some("must be stored as B")),
            (2, r#"{"BS":["AA=="]}"#, Some("must be stored as B")),
        ] {
            let problem = keys[key].problem(json.as_bytes());
            match expected {
                None => assert_eq!(problem, None, "{json}"),
                Some(part) => assert!(problem.unwrap().contains(part), "{json}"),
            }
        }
    }
}
