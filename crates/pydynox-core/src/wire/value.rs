//! Value trees: attribute values as owned data, for tests, tools and change detection; never on the hot path.

use std::collections::{BTreeMap, BTreeSet};

use super::error::WireError;
use super::reader::Reader;
use super::scan::is_all_plain;
use super::tag::Tag;
use super::writer::Writer;
use crate::number::Number;

/// An attribute value. Two values are equal if DynamoDB considers them equal: numbers by value, maps and sets in any order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// String.
    S(String),
    /// Number.
    N(Number),
    /// Binary.
    B(Vec<u8>),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// Map.
    M(BTreeMap<String, Value>),
    /// List.
    L(Vec<Value>),
    /// String set.
    Ss(BTreeSet<String>),
    /// Number set.
    Ns(BTreeSet<Number>),
    /// Binary set.
    Bs(BTreeSet<Vec<u8>>),
}

impl Value {
    /// Whether this JSON text is a string value in the only form that [`Value::write`] produces: such texts are equal if and only
    /// if their values are.
    #[inline]
    pub fn is_canonical_string(json: &[u8]) -> bool {
        let text = json.strip_prefix(br#"{"S":""#);
        let text = text.and_then(|text| text.strip_suffix(br#""}"#));
        text.is_some_and(is_all_plain)
    }

    /// Consumes one attribute value, `{"S":"..."}`.
    ///
    /// # Errors
    ///
    /// No attribute value follows, or it contains a number that DynamoDB cannot hold.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let value = match reader.begin_value()? {
            Tag::S => Self::S(reader.string()?.decode()?.into_owned()),
            Tag::N => Self::N(read_number(reader)?),
            Tag::B => Self::B(reader.binary()?),
            Tag::Bool => Self::Bool(reader.boolean()?),
            Tag::Null => {
                reader.boolean()?;
                Self::Null
            }
            Tag::M => Self::M(Self::read_map(reader)?),
            Tag::L => Self::L(read_array(reader, Self::read)?),
            Tag::Ss => Self::Ss(read_array(reader, |reader| {
                Ok(reader.string()?.decode()?.into_owned())
            })?),
            Tag::Ns => Self::Ns(read_array(reader, read_number)?),
            Tag::Bs => Self::Bs(read_array(reader, Reader::binary)?),
        };
        reader.end_value()?;
        Ok(value)
    }

    /// Consumes a map of attribute values without a surrounding type: an item, a key.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_map(reader: &mut Reader<'_>) -> Result<BTreeMap<String, Self>, WireError> {
        let mut map = BTreeMap::new();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            let key = key.decode()?.into_owned();
            map.insert(key, Self::read(reader)?);
        }
        Ok(map)
    }

    /// Parses `json`, an attribute value and nothing else.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(json: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(json)?;
        let value = Self::read(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    /// Writes it as an attribute value, maps and sets in sorted order.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::S(text) => writer.string_value(text),
            Self::N(number) => writer.number_value(number),
            Self::B(bytes) => writer.binary_value(bytes),
            Self::Bool(value) => writer.bool_value(*value),
            Self::Null => writer.null_value(),
            Self::M(map) => {
                writer.raw(br#"{"M":"#);
                Self::write_map(map, writer);
                writer.byte(b'}');
            }
            Self::L(values) => write_array(writer, br#"{"L":["#, values, |writer, value| {
                value.write(writer);
            }),
            Self::Ss(members) => write_array(writer, br#"{"SS":["#, members, |writer, text| {
                writer.string(text);
            }),
            Self::Ns(members) => write_array(writer, br#"{"NS":["#, members, |writer, number| {
                writer.string(number.as_str());
            }),
            Self::Bs(members) => write_array(writer, br#"{"BS":["#, members, |writer, bytes| {
                writer.binary(bytes);
            }),
        }
    }

    /// Writes a map of attribute values without a surrounding type: an item, a key.
    pub fn write_map(map: &BTreeMap<String, Self>, writer: &mut Writer) {
        writer.byte(b'{');
        for (index, (key, value)) in map.iter().enumerate() {
            if index > 0 {
                writer.byte(b',');
            }
            writer.string(key);
            writer.byte(b':');
            value.write(writer);
        }
        writer.byte(b'}');
    }
}

fn read_number(reader: &mut Reader<'_>) -> Result<Number, WireError> {
    let position = reader.position();
    let text = reader.string()?.decode()?;
    Number::parse(&text).map_err(|error| WireError {
        position,
        what: error.what(),
    })
}

/// Consumes an array, reading each element with `read`.
fn read_array<'a, T, C: Default + Extend<T>>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, WireError>,
) -> Result<C, WireError> {
    let mut elements = C::default();
    reader.begin_array()?;
    while reader.next_element()? {
        elements.extend([read(reader)?]);
    }
    Ok(elements)
}

fn write_array<T>(
    writer: &mut Writer,
    before: &[u8],
    elements: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Writer, T),
) {
    writer.raw(before);
    for (index, element) in elements.into_iter().enumerate() {
        if index > 0 {
            writer.byte(b',');
        }
        write(writer, element);
    }
    writer.raw(b"]}");
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = Number> {
        "-?[0-9]{1,20}(\\.[0-9]{1,17})?(E-?[0-9]{1,2})?"
            .prop_map(|text| Number::parse(&text).unwrap())
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = || "[a-z\"\\\\é\n]{0,12}|\\PC{0,8}";
        let bytes = || prop::collection::vec(any::<u8>(), 0..12);
        let scalar = prop_oneof![
            text().prop_map(Value::S),
            number().prop_map(Value::N),
            bytes().prop_map(Value::B),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            prop::collection::btree_set(text(), 1..5).prop_map(Value::Ss),
            prop::collection::btree_set(number(), 1..5).prop_map(Value::Ns),
            prop::collection::btree_set(bytes(), 1..5).prop_map(Value::Bs),
        ];
        scalar.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::L),
                prop::collection::btree_map(text(), inner, 0..6).prop_map(Value::M),
            ]
        })
    }

    /// Any item: also what the size is tested with.
    pub(crate) fn item() -> impl Strategy<Value = BTreeMap<String, Value>> {
        prop::collection::btree_map("\\PC{0,8}", value(), 0..8)
    }

    pub(crate) fn item_json(item: &BTreeMap<String, Value>) -> Vec<u8> {
        let mut writer = Writer::default();
        Value::write_map(item, &mut writer);
        writer.into_bytes()
    }

    #[test]
    fn equality_is_that_of_what_is_stored() {
        let parse = |json: &str| Value::parse(json.as_bytes()).unwrap();

        assert_eq!(parse(r#"{"N":"5"}"#), parse(r#"{"N":"05.0"}"#));
        assert_eq!(
            parse(r#"{"NS":["1","2.0"]}"#),
            parse(r#"{"NS":["2","1.00"]}"#)
        );
        assert_eq!(
            parse(r#"{"M":{"a":{"S":"x"},"b":{"NULL":true}}}"#),
            parse(r#"{"M":{"b":{"NULL":true},"\u0061":{"S":"x"}}}"#)
        );
        assert_ne!(
            parse(r#"{"L":[{"S":"a"},{"S":"b"}]}"#),
            parse(r#"{"L":[{"S":"b"},{"S":"a"}]}"#)
        );
        assert_ne!(parse(r#"{"S":"5"}"#), parse(r#"{"N":"5"}"#));
        assert_ne!(parse(r#"{"BOOL":true}"#), parse(r#"{"N":"1"}"#));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for json in [
            r#"{"S":5}"#,
            r#"{"N":5}"#,
            r#"{"N":"five"}"#,
            r#"{"N":"1E126"}"#,
            r#"{"B":"?"}"#,
            r#"{"BOOL":"true"}"#,
            r#"{"NULL":null}"#,
            r#"{"M":[]}"#,
            r#"{"L":{}}"#,
            r#"{"SS":"x"}"#,
            r#"{"SS":[{"S":"x"}]}"#,
            r#"{"NS":["x"]}"#,
            r#"{"S":"x"} {}"#,
            r#"{"M":{"a":"x"}}"#,
        ] {
            assert!(Value::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(item in item()) {
            let json = item_json(&item);

            let mut reader = Reader::new(&json).unwrap();
            prop_assert_eq!(&Value::read_map(&mut reader).unwrap(), &item);
            reader.end().unwrap();
            prop_assert!(crate::wire::validate(&json).is_ok());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
        }

        #[test]
        fn a_cut_or_damaged_value_never_panics(item in item(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut json = item_json(&item);
            // Some sixty ends of each: a quadratic number of bytes is read.
            for end in (0..json.len()).step_by(json.len() / 64 + 1) {
                prop_assert!(Value::read_map(&mut Reader::new(&json[..end]).unwrap_or(Reader::new(b"").unwrap())).is_err());
            }
            let at = at.index(json.len());
            json[at] = byte;
            let _ = Reader::new(&json).and_then(|mut reader| Value::read_map(&mut reader));
            let _ = crate::size::item_size(&json);
        }
    }
}
