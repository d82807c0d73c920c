//! Key conditions: which partition a query reads, and which range of it.

use super::condition::{Comparator, Condition, Function, Node, Operand};
use super::key_test::{Test, refused};
use super::known_part::{KnownPart, Unjoined};
use super::names::{Names, Values};
use super::path::{Path, Step};
use crate::error::Error;
use crate::schema::{KeyAttribute, MAX_PARTITION_KEY_SIZE, MAX_SORT_KEY_SIZE};
use crate::wire::{Reader, WireError, Writer};

/// The key of a table or of an index, as a query sees it.
#[derive(Debug, Clone, Copy)]
pub struct QueriedKey<'a> {
    /// What messages call it, such as `Order` or `the index Order.by_email`.
    pub what: &'a str,
    /// The attributes of the partition key; a query must specify all of them.
    pub partition: &'a [KeyAttribute],
    /// The attributes of the sort key; a query specifies the first few, or none.
    pub sort: &'a [KeyAttribute],
}

/// The key condition of a query: an equality for each attribute of the partition key, and the conditions on the sort key.
///
/// ```
/// use pydynox_core::expression::condition::{Comparator, Condition, Operand};
/// use pydynox_core::expression::key_condition::{KeyCondition, QueriedKey};
/// use pydynox_core::expression::path::Path;
/// use pydynox_core::schema::{KeyAttribute, KeyType};
///
/// let customer = KeyAttribute { attribute_name: "customer".into(), key_type: KeyType::S };
/// let key = QueriedKey { what: "Order", partition: &[customer], sort: &[] };
/// let value = Operand::Value(br#"{"S":"c1"}"#.as_slice().into());
/// let condition = Condition::compare(Comparator::Equal, Operand::Path(Path::new("customer")), value);
/// assert_eq!(KeyCondition::new(key, &[condition], &[])?.explain(), r#"customer = "c1""#);
/// # Ok::<(), pydynox_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCondition {
    tests: Vec<(Box<str>, Test)>,
    /// How many of the tests are on the partition key.
    partition: usize,
}

impl KeyCondition {
    /// The conditions on a declared key, each of which may combine several by AND. `known` is what the parts of attributes add
    /// to them.
    ///
    /// # Errors
    ///
    /// Names the attribute that has no condition, one too many, or one that no query can have, or the condition that contradicts
    /// what is known.
    pub fn new(
        key: QueriedKey<'_>,
        conditions: &[Condition],
        known_parts: &[KnownPart],
    ) -> Result<Self, Error> {
        let mut given = Vec::new();
        for (name, test) in tests(conditions, key.what)? {
            let attributes = key.partition.iter().chain(key.sort);
            let Some(attribute) = attributes
                .into_iter()
                .find(|attribute| attribute.attribute_name == name)
            else {
                return Err(refused(format!(
                    "{} is queried by its key ({}), and {name:?} is not part of it: use filter() for other attributes",
                    key.what,
                    names_of(&key)
                )));
            };
            let limit = if key.partition.contains(attribute) {
                MAX_PARTITION_KEY_SIZE
            } else {
                MAX_SORT_KEY_SIZE
            };
            test.check(&name, attribute)?;
            test.check_length(&name, limit)?;
            if given.iter().any(|(other, _)| *other == name) {
                return Err(twice(&name));
            }
            given.push((name, test));
        }
        // The order of what is given does not matter: below it is taken in the order of the key.
        for part in known_parts {
            let name = &part.attribute_name;
            let place = given.iter().position(|(given, _)| given == name);
            let test = match place.map(|place| given.swap_remove(place).1) {
                None => part.alone(),
                Some(test) => part
                    .joined(test.clone())
                    .map_err(|why| unjoined(part, &test, &why))?,
            };
            let is_partition = key
                .partition
                .iter()
                .any(|attribute| attribute.attribute_name == *name);
            let limit = if is_partition {
                MAX_PARTITION_KEY_SIZE
            } else {
                MAX_SORT_KEY_SIZE
            };
            test.check_length(name, limit)?;
            given.push((name.clone(), test));
        }
        let mut tests = Vec::with_capacity(given.len());
        let mut take = |name: &str| {
            let at = given.iter().position(|(other, _)| **other == *name)?;
            Some(given.swap_remove(at))
        };
        for attribute in key.partition {
            let name = &*attribute.attribute_name;
            let Some(test) = take(name) else {
                return Err(refused(format!(
                    "a query of {} needs its partition key: {name:?} is missing (the key is {})",
                    key.what,
                    names_of(&key)
                )));
            };
            if !test.1.is_equality() {
                return Err(refused(format!(
                    "a query of {} reads one partition: {name:?} takes only =",
                    key.what
                )));
            }
            tests.push(test);
        }
        let mut gap = None;
        for attribute in key.sort {
            let name = &*attribute.attribute_name;
            let Some(test) = take(name) else {
                gap = gap.or(Some(name));
                continue;
            };
            if let Some(missing) = gap {
                return Err(refused(format!(
                    "the sort key of {} is given from left to right: {missing:?} is missing before {name:?}",
                    key.what
                )));
            }
            let before = tests.last().filter(|(_, test)| !test.is_equality());
            if let Some((ranged, _)) = before {
                return Err(refused(format!(
                    "{ranged:?} has a range, and a range comes last: {name:?} cannot have a condition after it"
                )));
            }
            tests.push(test);
        }
        Ok(Self {
            tests,
            partition: key.partition.len(),
        })
    }

    /// The conditions on an undeclared key: equalities first, a range last. The first `partition` of them are the partition key.
    ///
    /// # Errors
    ///
    /// There is no equality, an attribute has two conditions, or there are two ranges.
    pub fn undeclared(conditions: &[Condition], partition: usize) -> Result<Self, Error> {
        let mut ordered: Vec<(Box<str>, Test)> = Vec::new();
        for (name, test) in tests(conditions, "a table")? {
            if ordered.iter().any(|(other, _)| *other == name) {
                return Err(twice(&name));
            }
            // The partition key's attributes come first; how many of the equalities after those belong to it too is unknown.
            let limit = if ordered.len() < partition.max(1) {
                MAX_PARTITION_KEY_SIZE
            } else {
                MAX_SORT_KEY_SIZE
            };
            test.check_length(&name, limit)?;
            ordered.push((name, test));
        }
        // The sort is stable, so equalities keep the order in which they were given.
        ordered.sort_by_key(|(_, test)| !test.is_equality());
        let ranges = ordered
            .iter()
            .filter(|(_, test)| !test.is_equality())
            .count();
        if ordered.len() == ranges {
            return Err(refused(
                "a query needs its partition key: pass it as {\"name\": value}, or as attr(\"name\") == value",
            ));
        }
        if ranges > 1 {
            return Err(refused(
                "a query takes one range, on the last attribute of its key: use between(), or filter()",
            ));
        }
        Ok(Self {
            partition: partition.clamp(1, ordered.len() - ranges),
            tests: ordered,
        })
    }

    /// The partition that is read: cursors are bound to it.
    pub fn partition(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (name, test) in &self.tests[..self.partition] {
            if let Test::Compare(_, value) = test {
                text.extend_from_slice(name.as_bytes());
                // It separates the name from its value, whose JSON text never contains a zero byte.
                text.push(0);
                text.extend_from_slice(value);
            }
        }
        text
    }

    /// Whether a position, the JSON text of a key, is within the range of this condition.
    ///
    /// # Errors
    ///
    /// The text is not a map of attribute values.
    pub fn admits(&self, position: &[u8]) -> Result<bool, WireError> {
        let mut met = 0;
        let mut reader = Reader::new(position)?;
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            let name = key.decode()?;
            reader.peek()?;
            let start = reader.position();
            reader.skip()?;
            let value = &position[start..reader.position()];
            if let Some((_, test)) = self.tests.iter().find(|(other, _)| **other == *name) {
                met += usize::from(test.admits(value));
            }
        }
        // Counted, so that a position that lacks one of the attributes is not within the range.
        Ok(met == self.tests.len())
    }

    /// The text with its values, for display.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (position, (name, test)) in self.tests.iter().enumerate() {
            text.push_str(if position > 0 { " AND " } else { "" });
            test.describe(name, &mut text);
        }
        text
    }

    /// The names of the attributes that it tests.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tests.iter().map(|(name, _)| &**name)
    }

    /// Writes the text into an expression.
    pub(crate) fn write<'a>(
        &'a self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
    ) {
        for (position, (name, test)) in self.tests.iter().enumerate() {
            if position > 0 {
                writer.raw(b" AND ");
            }
            match test {
                Test::Compare(comparator, value) => {
                    names.write(writer, name);
                    writer.byte(b' ');
                    writer.raw(comparator.text().as_bytes());
                    writer.byte(b' ');
                    values.write(writer, value);
                }
                Test::Between(low, high) => {
                    names.write(writer, name);
                    writer.raw(b" BETWEEN ");
                    values.write(writer, low);
                    writer.raw(b" AND ");
                    values.write(writer, high);
                }
                Test::BeginsWith(prefix) => {
                    writer.raw(b"begins_with(");
                    names.write(writer, name);
                    writer.byte(b',');
                    values.write(writer, prefix);
                    writer.byte(b')');
                }
            }
        }
    }
}

/// What each condition tests.
fn tests(conditions: &[Condition], what: &str) -> Result<Vec<(Box<str>, Test)>, Error> {
    conditions
        .iter()
        .flat_map(Condition::conjuncts)
        .map(|condition| {
            test_of(condition).ok_or_else(|| {
                let dotted = condition.paths().into_iter().find_map(Path::as_one_name);
                let hint = dotted.map_or_else(String::new, |name| {
                    format!("; a key whose name has a dot in it is attr([{name:?}])")
                });
                refused(format!(
                    "{condition} cannot select from {what}: a key takes =, <, <=, >, >=, between() and begins_with() with values; use filter() for other attributes, and one read for each of several keys{hint}"
                ))
            })
        })
        .collect()
}

pub(super) fn test_of(condition: &Condition) -> Option<(Box<str>, Test)> {
    let (path, test) = match &*condition.node {
        Node::Compare(Comparator::NotEqual, ..) => return None,
        Node::Compare(comparator, Operand::Path(path), Operand::Value(value)) => {
            (path, Test::Compare(*comparator, value.clone()))
        }
        Node::Between(
            [
                Operand::Path(path),
                Operand::Value(low),
                Operand::Value(high),
            ],
        ) => (path, Test::Between(low.clone(), high.clone())),
        Node::Function(Function::BeginsWith, path, Operand::Value(prefix)) => {
            (path, Test::BeginsWith(prefix.clone()))
        }
        _ => return None,
    };
    Some((attribute_of(path)?.into(), test))
}

/// The attribute that a path names; None for a place inside one.
fn attribute_of(path: &Path) -> Option<&str> {
    match path.steps() {
        [Step::Name(name)] => Some(name),
        _ => None,
    }
}

fn names_of(key: &QueriedKey<'_>) -> String {
    let names: Vec<&str> = key
        .partition
        .iter()
        .chain(key.sort)
        .map(|attribute| &*attribute.attribute_name)
        .collect();
    names.join(", ")
}

fn unjoined(part: &KnownPart, test: &Test, why: &Unjoined) -> Error {
    let mut condition = String::new();
    test.describe(&part.attribute_name, &mut condition);
    let KnownPart {
        attribute_name,
        text,
        whole,
    } = part;
    let verb = if *whole { "is" } else { "begins with" };
    let problem = match why {
        Unjoined::Contradiction => "no item has both",
        Unjoined::OpenEnd => "DynamoDB takes one condition on it: write <=, or between()",
    };
    refused(format!(
        "by the parts that are given {attribute_name:?} {verb} {text:?}, and the condition is {condition}: {problem}"
    ))
}

fn twice(name: &str) -> Error {
    refused(format!(
        "the key attribute {name:?} has two conditions, and DynamoDB takes one: write between() for a range"
    ))
}

#[cfg(test)]
mod tests;
