//! What the items of a model look like to DynamoDB: attribute names and keys, checked when they are declared.

use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// Longest name of a key attribute, in bytes.
const MAX_KEY_NAME_SIZE: usize = 255;

/// Longest name of any other attribute, in bytes.
const MAX_NAME_SIZE: usize = 65_535;

/// The types that a key attribute can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

impl KeyType {
    /// The type's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An attribute of the primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyAttribute {
    /// The name it is stored under.
    pub attribute_name: Box<str>,
    /// The type of its values.
    pub key_type: KeyType,
}

/// The items of one model.
///
/// ```
/// use pydynox_core::schema::{ItemSchema, KeyType};
///
/// let schema = ItemSchema::new("Order", ["customer", "number", "total"], ("customer", KeyType::S), Some(("number", KeyType::N)))?;
/// assert_eq!(&*schema.partition_key.attribute_name, "customer");
/// # Ok::<(), pydynox_core::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemSchema {
    /// Name of the model, for messages.
    pub model: Box<str>,
    /// The names that attributes are stored under, those of the key among them.
    pub attribute_names: Box<[Box<str>]>,
    /// The partition key.
    pub partition_key: KeyAttribute,
    /// The sort key, if items have one.
    pub sort_key: Option<KeyAttribute>,
}

impl ItemSchema {
    /// A schema whose names `DynamoDB` can store; `attribute_names` are all of them, the keys included.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] when a name is empty, too long or given twice, or a key is no attribute or both keys are one.
    pub fn new<'a>(
        model: &str,
        attribute_names: impl IntoIterator<Item = &'a str>,
        partition_key: (&str, KeyType),
        sort_key: Option<(&str, KeyType)>,
    ) -> Result<Self, Error> {
        let schema = Self {
            model: model.into(),
            attribute_names: attribute_names.into_iter().map(Box::from).collect(),
            partition_key: key_attribute(partition_key),
            sort_key: sort_key.map(key_attribute),
        };
        schema.check()?;
        Ok(schema)
    }

    /// The attributes of the key, partition key first.
    pub fn key_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition_key).chain(&self.sort_key)
    }

    fn check(&self) -> Result<(), Error> {
        let mut seen = HashSet::with_capacity(self.attribute_names.len());
        for name in &self.attribute_names {
            self.check_name(name, MAX_NAME_SIZE)?;
            if !seen.insert(&**name) {
                return Err(self.refuse(name, "two fields are stored under this name; give one of them another attribute_name"));
            }
        }
        for key in self.key_attributes() {
            self.check_name(&key.attribute_name, MAX_KEY_NAME_SIZE)?;
            if !seen.contains(&*key.attribute_name) {
                return Err(self.refuse(&key.attribute_name, "a key must be one of the attributes"));
            }
        }
        match &self.sort_key {
            Some(sort_key) if sort_key.attribute_name == self.partition_key.attribute_name => {
                Err(self.refuse(
                    &sort_key.attribute_name,
                    "one attribute cannot be both partition key and sort key",
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_name(&self, name: &str, limit: usize) -> Result<(), Error> {
        if name.is_empty() {
            return Err(self.refuse(name, "an attribute name must not be empty"));
        }
        if name.len() > limit {
            let problem = format!(
                "the name has {} bytes, DynamoDB takes {limit} here; give it a shorter attribute_name",
                name.len()
            );
            return Err(self.refuse(name, &problem));
        }
        Ok(())
    }

    fn refuse(&self, attribute_name: &str, problem: &str) -> Error {
        let message = format!(
            "{}: attribute '{}': {problem}",
            self.model,
            start_of(attribute_name)
        );
        Error::new(ErrorKind::Configuration, message)
    }
}

fn key_attribute((attribute_name, key_type): (&str, KeyType)) -> KeyAttribute {
    KeyAttribute {
        attribute_name: attribute_name.into(),
        key_type,
    }
}

/// As much of a name as a message should quote.
fn start_of(name: &str) -> &str {
    name.char_indices()
        .nth(60)
        .map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(names: &[&str], partition_key: &str, sort_key: Option<&str>) -> String {
        let error = ItemSchema::new(
            "User",
            names.iter().copied(),
            (partition_key, KeyType::S),
            sort_key.map(|name| (name, KeyType::N)),
        )
        .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
        error.to_string()
    }

    #[test]
    fn a_schema_keeps_the_order_of_its_attributes() {
        let schema = ItemSchema::new(
            "User",
            ["id", "born", "email"],
            ("id", KeyType::S),
            Some(("born", KeyType::N)),
        )
        .unwrap();

        assert_eq!(
            schema
                .attribute_names
                .iter()
                .map(|name| &**name)
                .collect::<Vec<_>>(),
            ["id", "born", "email"]
        );
        assert_eq!(
            schema
                .key_attributes()
                .map(|key| key.key_type.name())
                .collect::<Vec<_>>(),
            ["S", "N"]
        );
    }

    #[test]
    fn an_empty_name_is_refused() {
        assert!(refused(&["id", ""], "id", None).contains("must not be empty"));
    }

    #[test]
    fn two_attributes_of_one_name_are_refused() {
        let message = refused(&["id", "mail", "mail"], "id", None);

        assert!(
            message.contains("User: attribute 'mail': two fields"),
            "{message}"
        );
    }

    #[test]
    fn a_key_that_is_no_attribute_is_refused() {
        assert!(refused(&["id"], "key", None).contains("'key'"));
        assert!(refused(&["id"], "id", Some("at")).contains("'at'"));
    }

    #[test]
    fn one_attribute_cannot_be_both_keys() {
        assert!(refused(&["id"], "id", Some("id")).contains("both"));
    }

    #[test]
    fn the_name_of_a_key_is_shorter_than_that_of_other_attributes() {
        let long = "x".repeat(256);

        let message = refused(&[&long], &long, None);

        assert!(
            message.contains("256 bytes") && message.len() < 200,
            "{message}"
        );
        assert!(ItemSchema::new("User", ["id", &long], ("id", KeyType::S), None).is_ok());
    }
}
