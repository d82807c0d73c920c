//! A value as the bytes that are compressed and encrypted.

use std::{mem, str};

use crate::error::{Error, ErrorKind};
use crate::number::Number;
use crate::wire::{Reader, Tag, Value, WireError, Writer};

/// What the bytes begin with.
const VERSION: u8 = 1;
const HEADER: usize = 2;
/// As many levels as DynamoDB takes in a document that it sees.
const MAX_LEVELS: usize = 32;

/// Types in the order of their codes, from 1.
const TAGS: [Tag; 10] = [
    Tag::S,
    Tag::N,
    Tag::B,
    Tag::Bool,
    Tag::Null,
    Tag::M,
    Tag::L,
    Tag::Ss,
    Tag::Ns,
    Tag::Bs,
];

fn code(tag: Tag) -> u8 {
    1 + TAGS.iter().take_while(|other| **other != tag).count() as u8
}

/// A value, given as wire JSON and nothing else, as bytes, and its type.
pub(super) fn encode(json: &[u8]) -> Result<(Tag, Vec<u8>), Error> {
    let mut reader = Reader::new(json).map_err(malformed)?;
    let tag = reader.begin_value().map_err(malformed)?;
    let mut bytes = Vec::with_capacity(HEADER + json.len());
    bytes.extend_from_slice(&[VERSION, code(tag)]);
    match tag {
        Tag::S => {
            let text = reader.string().map_err(malformed)?;
            bytes.extend_from_slice(text.decode().map_err(malformed)?.as_bytes());
        }
        Tag::N => {
            let text = reader.string().map_err(malformed)?;
            let number = Number::parse(&text.decode().map_err(malformed)?)?;
            bytes.extend_from_slice(number.as_str().as_bytes());
        }
        Tag::B => bytes.append(&mut reader.binary().map_err(malformed)?),
        Tag::Bool => bytes.push(u8::from(reader.boolean().map_err(malformed)?)),
        Tag::Null => {
            reader.boolean().map_err(malformed)?;
        }
        Tag::M | Tag::L | Tag::Ss | Tag::Ns | Tag::Bs => {
            // Parsed and written again, so that equal values have equal bytes.
            let value = Value::parse(json).map_err(malformed)?;
            if levels(&value) > MAX_LEVELS {
                let message = format!("the value is nested deeper than {MAX_LEVELS} levels");
                return Err(Error::new(ErrorKind::Validation, message));
            }
            let mut writer = Writer::with_capacity(json.len());
            value.write(&mut writer);
            bytes.extend_from_slice(writer.as_bytes());
            return Ok((tag, bytes));
        }
    }
    reader.end_value().map_err(malformed)?;
    reader.end().map_err(malformed)?;
    Ok((tag, bytes))
}

fn malformed(error: WireError) -> Error {
    Error::new(
        ErrorKind::Internal,
        "a protected value was not written as DynamoDB's JSON",
    )
    .with_source(error)
}

/// Maps and lists within each other.
fn levels(value: &Value) -> usize {
    match value {
        Value::M(members) => 1 + members.values().map(levels).max().unwrap_or(0),
        Value::L(members) => 1 + members.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// Appends the wire JSON of the value that the bytes hold, and says its type; `None` if they are not such bytes.
///
/// On `None` the end of `json` is anything.
pub(super) fn decode(bytes: &[u8], json: &mut Vec<u8>) -> Option<Tag> {
    let (&[version, code], payload) = bytes.split_first_chunk::<HEADER>()?;
    if version != VERSION {
        return None;
    }
    let tag = *TAGS.get(usize::from(code.checked_sub(1)?))?;
    match tag {
        Tag::S => {
            let text = str::from_utf8(payload).ok()?;
            let mut writer = Writer::from(mem::take(json));
            writer.string_value(text);
            *json = writer.into_bytes();
        }
        Tag::N => {
            let text = str::from_utf8(payload).ok()?;
            let number = Number::parse(text).ok()?;
            // `encode` never writes another form, so these bytes are not its own.
            if number.as_str() != text {
                return None;
            }
            json.extend_from_slice(br#"{"N":""#);
            json.extend_from_slice(payload);
            json.extend_from_slice(br#""}"#);
        }
        Tag::B => write_binary(payload, json),
        Tag::Bool => json.extend_from_slice(match payload {
            [0] => br#"{"BOOL":false}"#,
            [1] => br#"{"BOOL":true}"#,
            _ => return None,
        }),
        Tag::Null => {
            if !payload.is_empty() {
                return None;
            }
            json.extend_from_slice(br#"{"NULL":true}"#);
        }
        Tag::M | Tag::L | Tag::Ss | Tag::Ns | Tag::Bs => {
            if levels_of(payload, tag).ok()? > MAX_LEVELS {
                return None;
            }
            json.extend_from_slice(payload);
        }
    }
    Some(tag)
}

/// Checks that a text is one value of this type, and says how deep it is, without building it.
fn levels_of(json: &[u8], expected: Tag) -> Result<usize, WireError> {
    let mut reader = Reader::new(json)?;
    let (tag, levels) = walk(&mut reader)?;
    reader.end()?;
    if tag != expected {
        return Err(WireError {
            position: 0,
            what: "a value of another type",
        });
    }
    Ok(levels)
}

/// The reader's own limit on levels bounds the recursion.
fn walk(reader: &mut Reader<'_>) -> Result<(Tag, usize), WireError> {
    let tag = reader.begin_value()?;
    let mut levels = 0;
    match tag {
        Tag::S | Tag::N | Tag::B => {
            reader.string()?;
        }
        Tag::Bool | Tag::Null => {
            reader.boolean()?;
        }
        Tag::M => {
            reader.begin_object()?;
            while reader.next_key()?.is_some() {
                levels = levels.max(walk(reader)?.1);
            }
            levels += 1;
        }
        Tag::L => {
            reader.begin_array()?;
            while reader.next_element()? {
                levels = levels.max(walk(reader)?.1);
            }
            levels += 1;
        }
        Tag::Ss | Tag::Ns | Tag::Bs => {
            reader.begin_array()?;
            while reader.next_element()? {
                reader.string()?;
            }
        }
    }
    reader.end_value()?;
    Ok((tag, levels))
}

/// Appends `{"B":"..."}`.
pub(super) fn write_binary(bytes: &[u8], json: &mut Vec<u8>) {
    let mut writer = Writer::from(mem::take(json));
    writer.reserve(bytes.len().div_ceil(3) * 4 + 8);
    writer.binary_value(bytes);
    *json = writer.into_bytes();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::wire::test_item;

    fn decoded(bytes: &[u8]) -> Option<(Tag, String)> {
        let mut json = Vec::new();
        let tag = decode(bytes, &mut json)?;
        Some((tag, String::from_utf8(json).unwrap()))
    }

    #[test]
    fn each_type_has_its_bytes() {
        for (json, bytes) in [
            (r#"{"S":"Zoë\n"}"#, &b"\x01\x01Zo\xc3\xab\n"[..]),
            (r#"{"S":""}"#, b"\x01\x01"),
            (r#"{"N":"-1.5"}"#, b"\x01\x02-1.5"),
            (r#"{"B":"AP8="}"#, b"\x01\x03\x00\xff"),
            (r#"{"BOOL":true}"#, b"\x01\x04\x01"),
            (r#"{"BOOL":false}"#, b"\x01\x04\x00"),
            (r#"{"NULL":true}"#, b"\x01\x05"),
            (
                r#"{"M":{"a":{"N":"1"}}}"#,
                b"\x01\x06{\"M\":{\"a\":{\"N\":\"1\"}}}",
            ),
            (r#"{"L":[{"S":"x"}]}"#, b"\x01\x07{\"L\":[{\"S\":\"x\"}]}"),
            (r#"{"SS":["a","b"]}"#, b"\x01\x08{\"SS\":[\"a\",\"b\"]}"),
            (r#"{"NS":["1","2"]}"#, b"\x01\x09{\"NS\":[\"1\",\"2\"]}"),
            (r#"{"BS":["AA=="]}"#, b"\x01\x0a{\"BS\":[\"AA==\"]}"),
        ] {
            let (tag, written) = encode(json.as_bytes()).unwrap();
            assert_eq!(written, bytes, "{json}");
            assert_eq!(decoded(bytes), Some((tag, json.to_owned())), "{json}");
        }
    }

    #[test]
    fn equal_values_have_equal_bytes() {
        for (one, two) in [
            (r#"{"N":"42"}"#, r#"{"N":"42.0"}"#),
            (r#"{"SS":["b","a"]}"#, r#"{"SS":["a","b"]}"#),
            (r#"{"S":"\u0061"}"#, r#" { "S" : "a" } "#),
            (
                r#"{"M":{"b":{"NS":["2.0","1"]},"a":{"NULL":true}}}"#,
                r#"{"M":{"a":{"NULL":true},"b":{"NS":["1","2"]}}}"#,
            ),
        ] {
            assert_eq!(
                encode(one.as_bytes()).unwrap(),
                encode(two.as_bytes()).unwrap()
            );
        }
    }

    #[test]
    fn other_bytes_are_no_value() {
        for bytes in [
            &b""[..],
            b"\x01",
            b"\x02\x01x",
            b"\x01\x00",
            b"\x01\x0b",
            b"\x01\x01\xff",
            b"\x01\x02042",
            b"\x01\x02",
            b"\x01\x02x",
            b"\x01\x04",
            b"\x01\x04\x02",
            b"\x01\x04\x00\x00",
            b"\x01\x05\x00",
            b"\x01\x06{\"L\":[]}",
            b"\x01\x06{\"M\":{}},\"other\":{\"M\":{}}",
            b"\x01\x06{\"M\":{\"a\":1}}",
            b"\x01\x08{\"SS\":[1]}",
        ] {
            assert_eq!(decoded(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_value_or_too_deep_is_refused() {
        for json in [
            "",
            "{}",
            r#"{"S":1}"#,
            r#"{"S":"a"}x"#,
            r#"{"S":"a","N":"1"}"#,
            r#"{"X":"a"}"#,
        ] {
            assert!(encode(json.as_bytes()).is_err(), "{json}");
        }
        let nested =
            |levels: usize| format!("{}{}", r#"{"L":["#.repeat(levels), "]}".repeat(levels));
        let (_, bytes) = encode(nested(32).as_bytes()).unwrap();
        assert!(decoded(&bytes).is_some());
        let error = encode(nested(33).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Validation);
        let deep = [&[VERSION, code(Tag::L)][..], nested(33).as_bytes()].concat();
        assert_eq!(decoded(&deep), None);
    }

    proptest! {
        #[test]
        fn any_value_comes_back(item in test_item()) {
            for value in item.values() {
                let mut writer = Writer::default();
                value.write(&mut writer);

                let (tag, bytes) = encode(writer.as_bytes()).unwrap();
                let (read, json) = decoded(&bytes).unwrap();

                prop_assert_eq!(tag, read);
                prop_assert_eq!(&Value::parse(json.as_bytes()).unwrap(), value);
            }
        }

        #[test]
        fn any_bytes_give_a_value_or_none(code in 0_u8..12, payload in prop::collection::vec(any::<u8>(), 0..40)) {
            let bytes = [&[VERSION, code][..], &payload].concat();

            if let Some((_, json)) = decoded(&bytes) {
                prop_assert!(crate::wire::validate(json.as_bytes()).is_ok());
            }
        }
    }
}
