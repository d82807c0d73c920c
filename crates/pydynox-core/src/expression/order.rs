//! Order: how DynamoDB compares the values of keys: text and binary by byte, numbers by value.

use std::cmp::Ordering;

use crate::number::Number;
use crate::schema::KeyType;
use crate::wire::{Reader, Tag, WireError};

/// A key value in comparable form.
#[derive(Debug, PartialEq, PartialOrd)]
enum Key {
    S(Vec<u8>),
    N(Number),
    B(Vec<u8>),
}

/// The order of two encoded attribute values; None unless both are keys of the same type.
pub(super) fn compare(one: &[u8], other: &[u8]) -> Option<Ordering> {
    let (one, other) = (read(one)?, read(other)?);
    if std::mem::discriminant(&one) != std::mem::discriminant(&other) {
        return None;
    }
    one.partial_cmp(&other)
}

/// Whether an encoded value begins with another one, both text or both binary.
pub(super) fn begins_with(value: &[u8], prefix: &[u8]) -> bool {
    match (read(value), read(prefix)) {
        (Some(Key::S(value)), Some(Key::S(prefix)))
        | (Some(Key::B(value)), Some(Key::B(prefix))) => value.starts_with(&prefix),
        _ => false,
    }
}

/// Whether an encoded value is an empty text or an empty binary.
pub(super) fn is_empty(value: &[u8]) -> bool {
    matches!(read(value), Some(Key::S(bytes) | Key::B(bytes)) if bytes.is_empty())
}

/// The length in bytes of an encoded text or binary; None for a number.
pub(crate) fn length(value: &[u8]) -> Option<usize> {
    match read(value) {
        Some(Key::S(bytes) | Key::B(bytes)) => Some(bytes.len()),
        _ => None,
    }
}

/// The text of an encoded value.
pub(super) fn text(value: &[u8]) -> Option<String> {
    match read(value) {
        Some(Key::S(bytes)) => String::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// The type of an encoded value, if keys can have it.
pub(crate) fn key_type(value: &[u8]) -> Option<KeyType> {
    match Reader::new(value).ok()?.begin_value().ok()? {
        Tag::S => Some(KeyType::S),
        Tag::N => Some(KeyType::N),
        Tag::B => Some(KeyType::B),
        _ => None,
    }
}

fn read(value: &[u8]) -> Option<Key> {
    let read = || -> Result<Option<Key>, WireError> {
        let mut reader = Reader::new(value)?;
        Ok(match reader.begin_value()? {
            Tag::S => Some(Key::S(reader.string()?.decode()?.as_bytes().to_vec())),
            Tag::N => Number::parse(&reader.string()?.decode()?).ok().map(Key::N),
            Tag::B => Some(Key::B(reader.binary()?)),
            _ => None,
        })
    };
    read().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_dynamodb_orders_them() {
        for (one, other, expected) in [
            (
                &br#"{"S":"Z"}"#[..],
                &br#"{"S":"a"}"#[..],
                Some(Ordering::Less),
            ),
            (
                br#"{"S":"\u00e9"}"#,
                r#"{"S":"é"}"#.as_bytes(),
                Some(Ordering::Equal),
            ),
            (br#"{"N":"9"}"#, br#"{"N":"10"}"#, Some(Ordering::Less)),
            (br#"{"N":"-9"}"#, br#"{"N":"-10"}"#, Some(Ordering::Greater)),
            (
                br#"{"B":"/w=="}"#,
                br#"{"B":"AA=="}"#,
                Some(Ordering::Greater),
            ),
            (br#"{"N":"1"}"#, br#"{"S":"1"}"#, None),
            (br#"{"BOOL":true}"#, br#"{"BOOL":true}"#, None),
        ] {
            assert_eq!(compare(one, other), expected);
        }
    }

    #[test]
    fn a_prefix_is_of_text_or_of_bytes() {
        assert!(begins_with(br#"{"S":"abc"}"#, br#"{"S":"ab"}"#));
        assert!(begins_with(br#"{"B":"AAE="}"#, br#"{"B":"AA=="}"#));
        assert!(!begins_with(br#"{"S":"abc"}"#, br#"{"S":"b"}"#));
        assert!(!begins_with(br#"{"N":"12"}"#, br#"{"N":"1"}"#));
    }
}
