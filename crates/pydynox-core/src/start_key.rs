//! Starting keys: the key after which a read continues, parsed to its end and written again.

use bytes::Bytes;

use crate::number::Number;
use crate::schema::{KeyAttribute, KeyType};
use crate::wire::{Reader, Tag, WireError, Writer};

/// Most attributes of a starting key: four partition and four sort keys of an index, and two keys of its table.
pub const MAX_ATTRIBUTES: usize = 10;
/// Longest name of a key attribute, in bytes.
const MAX_NAME_SIZE: usize = 255;
/// Longest value of a key attribute, in bytes.
const MAX_VALUE_SIZE: usize = 2048;

/// The value of a key attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scalar {
    S(String),
    N(Number),
    B(Vec<u8>),
}

impl Scalar {
    fn key_type(&self) -> KeyType {
        match self {
            Self::S(_) => KeyType::S,
            Self::N(_) => KeyType::N,
            Self::B(_) => KeyType::B,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::S(text) => writer.string_value(text),
            Self::N(number) => writer.number_value(number),
            Self::B(bytes) => writer.binary_value(bytes),
        }
    }
}

/// A key of scalars, one per name. Equal keys are written as equal bytes.
///
/// ```
/// use pydynox_core::start_key::StartKey;
///
/// let key = StartKey::parse(br#"{"number":{"N":"7.0"}, "customer":{"S":"c1"}}"#)?;
/// assert_eq!(key.to_json(), r#"{"customer":{"S":"c1"},"number":{"N":"7"}}"#);
/// assert!(StartKey::parse(br#"{"customer":{"S":"c1"}},"Select":"COUNT""#).is_err());
/// # Ok::<(), pydynox_core::wire::WireError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartKey {
    /// By name.
    attributes: Vec<(String, Scalar)>,
}

impl StartKey {
    /// Reads one object, with nothing after it.
    ///
    /// # Errors
    ///
    /// It is not a map of 1 to [`MAX_ATTRIBUTES`] distinct names to strings, numbers and bytes that are valid in a key.
    pub fn parse(json: &[u8]) -> Result<Self, WireError> {
        let mut attributes: Vec<(String, Scalar)> = Vec::with_capacity(2);
        let mut reader = Reader::new(json)?;
        reader.begin_object()?;
        while let Some(name) = reader.next_key()? {
            let position = reader.position();
            let wrong = |what| Err(WireError { position, what });
            let name = name.decode()?.into_owned();
            if name.is_empty() || name.len() > MAX_NAME_SIZE {
                return wrong("a key attribute has a name of 1 to 255 bytes");
            }
            if attributes.len() == MAX_ATTRIBUTES {
                return wrong("a key has at most 10 attributes");
            }
            // Parsers differ in which of two equal names they keep, so the key could mean two positions.
            if attributes.iter().any(|(other, _)| *other == name) {
                return wrong("an attribute appears twice");
            }
            attributes.push((name, scalar(&mut reader)?));
        }
        let position = reader.position();
        reader.end()?;
        if attributes.is_empty() {
            return Err(WireError {
                position,
                what: "a key has at least one attribute",
            });
        }
        attributes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { attributes })
    }

    /// Whether it has exactly these attributes, with these types.
    pub fn is_of<'a>(&self, attributes: impl IntoIterator<Item = &'a KeyAttribute>) -> bool {
        let mut count = 0;
        for attribute in attributes {
            count += 1;
            let is_there = self.attributes.iter().any(|(name, value)| {
                **name == *attribute.attribute_name && value.key_type() == attribute.key_type
            });
            if !is_there {
                return false;
            }
        }
        count == self.attributes.len()
    }

    /// The names of its attributes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }

    /// The key as JSON text.
    pub fn to_json(&self) -> Bytes {
        let mut writer = Writer::with_capacity(96);
        for (position, (name, value)) in self.attributes.iter().enumerate() {
            writer.byte(if position == 0 { b'{' } else { b',' });
            writer.string(name);
            writer.byte(b':');
            value.write(&mut writer);
        }
        writer.byte(b'}');
        writer.into_bytes().into()
    }
}

fn scalar(reader: &mut Reader<'_>) -> Result<Scalar, WireError> {
    let position = reader.position();
    let wrong = |what| WireError { position, what };
    let (value, size) = match reader.begin_value()? {
        Tag::S => {
            let text = reader.string()?.decode()?.into_owned();
            let size = text.len();
            (Scalar::S(text), size)
        }
        Tag::N => {
            let text = reader.string()?.decode()?;
            let number = Number::parse(&text).map_err(|error| wrong(error.what()))?;
            // `Number::parse` has limited its digits; 1 is within the limits of a length.
            (Scalar::N(number), 1)
        }
        Tag::B => {
            let bytes = reader.binary()?;
            let size = bytes.len();
            (Scalar::B(bytes), size)
        }
        _ => return Err(wrong("a key attribute is a string, a number or bytes")),
    };
    reader.end_value()?;
    if size == 0 || size > MAX_VALUE_SIZE {
        return Err(wrong("the value of a key attribute has 1 to 2,048 bytes"));
    }
    Ok(value)
}

/// The key in an item, as JSON text with the members of these names; None where a part of it is missing.
///
/// # Errors
///
/// The item is not a map.
pub fn key_in(item: &[u8], names: &[&str]) -> Result<Option<Vec<u8>>, WireError> {
    let mut w = Writer::with_capacity(96);
    let mut written = 0;
    let mut reader = Reader::new(item)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        let Some(name) = names.iter().find(|name| key.equals(name)) else {
            continue;
        };
        w.byte(if written == 0 { b'{' } else { b',' });
        w.string(name);
        w.byte(b':');
        w.raw(reader.slice(start));
        written += 1;
    }
    w.byte(b'}');
    // A table that no model describes has no known key names, and its rows no known key.
    Ok((written == names.len() && written > 0).then(|| w.into_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
        KeyAttribute {
            attribute_name: name.into(),
            key_type,
        }
    }

    #[test]
    fn a_key_is_written_anew_in_one_form() {
        for (given, written) in [
            (r#"{"id":{"S":"x"}}"#, r#"{"id":{"S":"x"}}"#),
            (
                r#" { "i\u0064" : { "S" : "\u00e9" } } "#,
                r#"{"id":{"S":"é"}}"#,
            ),
            (
                r#"{"n":{"N":"1E1"},"b":{"B":"AA=="}}"#,
                r#"{"b":{"B":"AA=="},"n":{"N":"10"}}"#,
            ),
        ] {
            let key = StartKey::parse(given.as_bytes()).unwrap();

            assert_eq!(key.to_json(), written);
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let eleven: Vec<String> = (0..11).map(|n| format!(r#""a{n}":{{"S":"x"}}"#)).collect();
        let long = format!(r#"{{"id":{{"S":"{}"}}}}"#, "x".repeat(2049));
        for wrong in [
            "",
            "{}",
            "[]",
            "null",
            r#""id""#,
            r#"{"id":{"S":"x"}}}"#,
            r#"{"id":{"S":"x"}},"Select":"COUNT""#,
            r#"{"id":{"S":"x"},"Select":"COUNT"}"#,
            r#"{"id":{"S":"x"},"id":{"S":"y"}}"#,
            r#"{"id":{"S":"x"},"\u0069d":{"S":"y"}}"#,
            r#"{"id":{"S":"x","N":"1"}}"#,
            r#"{"id":{"S":""}}"#,
            r#"{"id":{"B":""}}"#,
            r#"{"id":{"B":"?"}}"#,
            r#"{"id":{"N":"one"}}"#,
            r#"{"id":{"N":""}}"#,
            r#"{"id":{"S":"\ud800"}}"#,
            r#"{"":{"S":"x"}}"#,
            r#"{"id":{"M":{"S":{"S":"x"}}}}"#,
            r#"{"id":{"L":[{"S":"x"}]}}"#,
            r#"{"id":{"BOOL":true}}"#,
            r#"{"id":{"NULL":true}}"#,
            r#"{"id":{"SS":["x"]}}"#,
            &long,
            &format!("{{{}}}", eleven.join(",")),
        ] {
            assert!(StartKey::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_has_the_names_and_types_of_the_table_and_no_others() {
        let key = StartKey::parse(br#"{"c":{"S":"x"},"n":{"N":"1"}}"#).unwrap();
        let (c, n) = (attribute("c", KeyType::S), attribute("n", KeyType::N));

        assert!(key.is_of([&c, &n]));
        assert!(key.is_of([&n, &c]));
        assert!(!key.is_of([&c]));
        assert!(!key.is_of([&c, &n, &attribute("x", KeyType::S)]));
        assert!(!key.is_of([&c, &attribute("n", KeyType::S)]));
        assert!(!key.is_of([&c, &attribute("m", KeyType::N)]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(key) = StartKey::parse(&bytes) {
                prop_assert_eq!(StartKey::parse(&key.to_json()).unwrap(), key);
            }
        }

        #[test]
        fn whatever_follows_a_key_is_refused(more in "[ -~]{1,40}") {
            prop_assume!(!more.trim().is_empty());
            let text = format!(r#"{{"id":{{"S":"x"}}}}{more}"#);
            prop_assert!(StartKey::parse(text.as_bytes()).is_err());
        }

        #[test]
        fn a_key_is_its_text_and_its_text_is_the_key(name in "\\PC{1,40}", text in "\\PC{1,40}", number in any::<i64>(), bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            let mut writer = Writer::with_capacity(96);
            writer.byte(b'{');
            for (suffix, value) in [("s", Scalar::S(text)), ("n", Scalar::N(Number::from_i64(number))), ("b", Scalar::B(bytes))] {
                writer.raw(if suffix == "s" { b"" } else { b"," });
                writer.string(&format!("{name}{suffix}"));
                writer.byte(b':');
                value.write(&mut writer);
            }
            writer.byte(b'}');
            let key = StartKey::parse(writer.as_bytes()).unwrap();
            let again = key.to_json();
            prop_assert_eq!(StartKey::parse(&again).unwrap(), key);
        }
    }
}
