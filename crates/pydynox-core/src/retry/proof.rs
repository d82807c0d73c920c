//! Proofs: what a write leaves in its item, which shows whether another write came first or this one was already applied.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::wire::{Reader, Value};

/// JSON text of an attribute value.
type Json = Box<[u8]>;

/// What to compare with the stored item that a failed guard returns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// The version attribute and the version that the write relies on; None where there must not be one.
    pub version: Option<(Box<str>, Option<Json>)>,
    /// The attribute with the item's creation time, and the value that was read. An item that was deleted and created again may
    /// have the same version but is a different item.
    pub created_at: Option<(Box<str>, Json)>,
    /// The attribute that names an item's entity, and the entity that the write is for: any other item counts as absent.
    pub entity: Option<(Box<str>, Json)>,
    /// An attribute that only this one call sets to this value.
    pub mark: Option<(Box<str>, Json)>,
}

impl Proof {
    /// Distinguishes an item of another entity and a version conflict from any other false condition.
    pub fn name(&self, error: Error) -> Error {
        let ErrorKind::ConditionFailed { item: Some(item) } = error.kind() else {
            return error;
        };
        let Some(stored) = attributes(item) else {
            return error;
        };
        // The entity comes first: an item of another model has versions of its own, and a conflict would suggest reading it
        // again.
        if let Some((attribute, entity)) = &self.entity
            && !holds(&stored, attribute, Some(entity))
        {
            let other = match stored.get(&**attribute) {
                Some(Value::S(other)) => Some(other.clone()),
                _ => None,
            };
            let error = error.with_kind(ErrorKind::ItemNotFound);
            return match other {
                Some(other) => error.with_other_entity(other),
                None => error,
            };
        }
        let Some((attribute, expected)) = &self.version else {
            return error;
        };
        let is_same_item = self
            .created_at
            .as_ref()
            .is_none_or(|(attribute, read)| holds(&stored, attribute, Some(read)));
        if is_same_item && holds(&stored, attribute, expected.as_deref()) {
            return error;
        }
        let item = Some(item.clone());
        error.with_kind(ErrorKind::VersionConflict { item })
    }

    /// The stored item, if this write produced it: an earlier attempt was applied.
    pub(crate) fn own_item<'a>(&self, error: &'a Error) -> Option<&'a Bytes> {
        let (ErrorKind::ConditionFailed { item }
        | ErrorKind::VersionConflict { item }
        | ErrorKind::ItemAlreadyExists { item }) = error.kind()
        else {
            return None;
        };
        // The mark alone decides: another writer can have written the same version number.
        let (item, (attribute, value)) = (item.as_ref()?, self.mark.as_ref()?);
        holds(&attributes(item)?, attribute, Some(value)).then_some(item)
    }
}

fn attributes(item: &Bytes) -> Option<BTreeMap<String, Value>> {
    Value::read_map(&mut Reader::new(item).ok()?).ok()
}

fn holds(stored: &BTreeMap<String, Value>, attribute: &str, expected: Option<&[u8]>) -> bool {
    match (stored.get(attribute), expected) {
        (Some(value), Some(expected)) => {
            // Compared as values: DynamoDB normalises numbers and returns sets in any order.
            Value::parse(expected).is_ok_and(|expected| expected == *value)
        }
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &[u8] = br#"{"id":{"S":"a"},"version":{"N":"4"},"at":{"S":"now"}}"#;

    fn failed() -> Error {
        let item = Some(Bytes::from_static(STORED));
        Error::new(ErrorKind::ConditionFailed { item }, "no")
    }

    fn expecting(version: Option<&str>) -> Proof {
        let version = version.map(|version| version.as_bytes().into());
        Proof {
            version: Some(("version".into(), version)),
            ..Proof::default()
        }
    }

    #[test]
    fn another_version_is_a_conflict_and_the_same_one_is_another_condition() {
        let named = |proof: &Proof| proof.name(failed()).kind().clone();
        let item = Some(Bytes::from_static(STORED));
        let conflict = ErrorKind::VersionConflict { item: item.clone() };

        assert_eq!(named(&expecting(Some(r#"{"N":"3"}"#))), conflict);
        assert_eq!(named(&expecting(None)), conflict);
        let other = ErrorKind::ConditionFailed { item };
        assert_eq!(named(&expecting(Some(r#"{"N":"4"}"#))), other);
        assert_eq!(named(&Proof::default()), other);
    }

    #[test]
    fn an_item_that_was_created_again_is_a_conflict_although_its_version_is_the_same() {
        let created = |at: &str| Proof {
            created_at: Some(("at".into(), at.as_bytes().into())),
            ..expecting(Some(r#"{"N":"4"}"#))
        };

        assert!(matches!(
            created(r#"{"S":"then"}"#).name(failed()).kind(),
            ErrorKind::VersionConflict { .. }
        ));
        assert!(matches!(
            created(r#"{"S":"now"}"#).name(failed()).kind(),
            ErrorKind::ConditionFailed { .. }
        ));
    }

    #[test]
    fn an_item_of_another_kind_counts_as_absent() {
        let of = |kind: &str| Proof {
            entity: Some(("id".into(), kind.as_bytes().into())),
            ..Proof::default()
        };

        let absent = of(r#"{"S":"b"}"#).name(failed());
        assert_eq!(absent.kind(), &ErrorKind::ItemNotFound);
        assert_eq!(absent.other_entity(), Some("a"));
        assert!(matches!(
            of(r#"{"S":"a"}"#).name(failed()).kind(),
            ErrorKind::ConditionFailed { .. }
        ));
    }

    #[test]
    fn only_the_very_value_of_the_call_proves_that_the_item_is_its_own() {
        let marked = |value: &str| Proof {
            mark: Some(("at".into(), value.as_bytes().into())),
            ..Proof::default()
        };

        assert!(marked(r#"{"S":"now"}"#).own_item(&failed()).is_some());
        assert!(marked(r#"{"S":"then"}"#).own_item(&failed()).is_none());
        assert!(Proof::default().own_item(&failed()).is_none());
        let gone = Error::new(ErrorKind::ItemVanished, "gone");
        assert!(marked(r#"{"S":"now"}"#).own_item(&gone).is_none());
    }
}
