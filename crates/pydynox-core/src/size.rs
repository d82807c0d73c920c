//! Sizes: the size of an item as DynamoDB counts it, and the limit on it.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::number::significant_digits;
use crate::wire::{Reader, Tag, Text, WireError};

/// Largest size of an item in bytes, as DynamoDB counts it.
pub const MAX_ITEM_SIZE: usize = 409_600;

/// Number of largest attributes that an error names.
const NAMED: usize = 3;
// The rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
/// What a map or a list costs in addition to its members.
const CONTAINER: usize = 3;
/// What each member of a map or a list costs in addition to itself.
const MEMBER: usize = 1;

/// The size of an item, and of each attribute including its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSize {
    /// The whole item.
    pub total: usize,
    /// Each attribute by name, in the order they were written.
    pub attributes: Vec<(String, usize)>,
}

/// Measures an item, given as the JSON of its map of attributes.
///
/// # Errors
///
/// The JSON is not a map of attribute values.
pub fn item_size(item_json: &[u8]) -> Result<ItemSize, WireError> {
    let mut reader = Reader::new(item_json)?;
    let mut size = ItemSize {
        total: 0,
        attributes: Vec::new(),
    };
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        let name = name.decode()?;
        let attribute = name.len() + value_size(&mut reader)?;
        size.total += attribute;
        size.attributes.push((name.into_owned(), attribute));
    }
    reader.end()?;
    Ok(size)
}

/// Rejects an item, given as the JSON of its map of attributes, that DynamoDB would reject for its size.
///
/// The size never exceeds the length of the JSON, so most items need not be measured.
///
/// # Errors
///
/// [`ErrorKind::ItemTooLarge`] with the largest attributes.
pub fn check_item_size(item_json: &[u8]) -> Result<(), Error> {
    if item_json.len() <= MAX_ITEM_SIZE {
        return Ok(());
    }
    item_size(item_json)?.check()
}

impl ItemSize {
    /// Rejects an item that DynamoDB would reject.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ItemTooLarge`] with the largest attributes.
    pub fn check(&self) -> Result<(), Error> {
        if self.total <= MAX_ITEM_SIZE {
            return Ok(());
        }
        let message = format!("the item has {} bytes, {}", self.total, self.against());
        let kind = ErrorKind::ItemTooLarge {
            size: self.total,
            limit: MAX_ITEM_SIZE,
            largest: self.largest(),
        };
        Err(Error::new(kind, message))
    }

    /// The limit and the largest attributes, as text.
    pub fn against(&self) -> String {
        let largest = self.largest().into_iter();
        let names: Vec<String> = largest
            .map(|(name, size)| format!("'{name}' ({size})"))
            .collect();
        format!(
            "{MAX_ITEM_SIZE} are allowed; the largest attributes are {}",
            names.join(", ")
        )
    }

    fn largest(&self) -> Vec<(String, usize)> {
        let mut largest = self.attributes.clone();
        largest.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
        largest.truncate(NAMED);
        largest
    }
}

fn value_size(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let size = match reader.begin_value()? {
        Tag::S => string_size(reader)?,
        Tag::N => number_size(reader)?,
        Tag::B => binary_size(reader)?,
        Tag::Bool | Tag::Null => {
            reader.boolean()?;
            1
        }
        Tag::M => map_size(reader)?,
        Tag::L => CONTAINER + array_size(reader, |reader| Ok(MEMBER + value_size(reader)?))?,
        Tag::Ss => array_size(reader, string_size)?,
        Tag::Ns => array_size(reader, number_size)?,
        Tag::Bs => array_size(reader, binary_size)?,
    };
    reader.end_value()?;
    Ok(size)
}

fn map_size(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let mut size = CONTAINER;
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        size += MEMBER + decoded_length(name)? + value_size(reader)?;
    }
    Ok(size)
}

fn array_size<'a>(
    reader: &mut Reader<'a>,
    element: impl Fn(&mut Reader<'a>) -> Result<usize, WireError>,
) -> Result<usize, WireError> {
    let mut size = 0;
    reader.begin_array()?;
    while reader.next_element()? {
        size += element(reader)?;
    }
    Ok(size)
}

fn string_size(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    decoded_length(reader.string()?)
}

/// One byte for every two digits, one for the exponent, and one for a minus sign.
fn number_size(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let text = reader.string()?.decode()?;
    let sign = usize::from(text.starts_with('-'));
    Ok(significant_digits(&text).div_ceil(2) + 1 + sign)
}

/// The length of the bytes that the base64 encodes, without decoding it.
fn binary_size(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    let text: Cow<'_, str> = reader.string()?.decode()?;
    let digits = text.trim_end_matches('=').len();
    // Rounding down is exact: two digits without their padding are one byte, three are two.
    Ok(digits * 3 / 4)
}

fn decoded_length(text: Text<'_>) -> Result<usize, WireError> {
    if text.is_plain() {
        return Ok(text.raw().len());
    }
    Ok(text.decode()?.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::wire::Writer;

    fn total(json: &str) -> usize {
        item_size(json.as_bytes()).unwrap().total
    }

    #[test]
    fn every_type_counts_as_dynamodb_counts_it() {
        for (value, size) in [
            (r#"{"S":""}"#, 0),
            (r#"{"S":"abc"}"#, 3),
            (r#"{"S":"é€😀"}"#, 9),
            (r#"{"S":"\u00e9\n\ud83d\ude00"}"#, 7),
            (r#"{"B":""}"#, 0),
            (r#"{"B":"AA=="}"#, 1),
            (r#"{"B":"AAE="}"#, 2),
            (r#"{"B":"AAEC"}"#, 3),
            (r#"{"B":"AAEC\/w\u003d="}"#, 4),
            (r#"{"BOOL":false}"#, 1),
            (r#"{"NULL":true}"#, 1),
            (r#"{"N":"0"}"#, 1),
            (r#"{"N":"5"}"#, 2),
            (r#"{"N":"-5"}"#, 3),
            (r#"{"N":"1500"}"#, 2),
            (r#"{"N":"123"}"#, 3),
            (r#"{"N":"12345678901234567890123456789012345678"}"#, 20),
            (r#"{"SS":["ab","c"]}"#, 3),
            (r#"{"NS":["1","-22"]}"#, 5),
            (r#"{"BS":["AA==","AAEC"]}"#, 4),
            (r#"{"L":[]}"#, 3),
            (r#"{"L":[{"S":"ab"},{"BOOL":true}]}"#, 3 + 1 + 2 + 1 + 1),
            (r#"{"M":{}}"#, 3),
            (
                r#"{"M":{"kéy":{"S":"ab"},"n":{"L":[]}}}"#,
                3 + (1 + 4 + 2) + (1 + 1 + 3),
            ),
        ] {
            assert_eq!(total(&format!(r#"{{"id":{value}}}"#)), 2 + size, "{value}");
        }
        assert_eq!(total("{}"), 0);
    }

    #[test]
    fn attributes_are_counted_with_their_names() {
        let size = item_size(br#"{"id":{"S":"abc"},"n\u00e9":{"BOOL":true}}"#).unwrap();

        assert_eq!(
            size,
            ItemSize {
                total: 9,
                attributes: vec![("id".to_owned(), 5), ("né".to_owned(), 4)]
            }
        );
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for json in [
            "",
            "[]",
            r#"{"id":"x"}"#,
            r#"{"id":{"S":"x"}} x"#,
            r#"{"id":{"X":"x"}}"#,
        ] {
            assert!(item_size(json.as_bytes()).is_err(), "{json}");
        }
    }

    /// An item whose text attributes have the given lengths.
    fn item(lengths: &[(&str, usize)]) -> Vec<u8> {
        let mut writer = Writer::default();
        for (index, (name, length)) in lengths.iter().enumerate() {
            writer.byte(if index == 0 { b'{' } else { b',' });
            writer.string(name);
            writer.byte(b':');
            writer.string_value(&"x".repeat(*length));
        }
        writer.byte(b'}');
        writer.into_bytes()
    }

    #[test]
    fn an_item_of_exactly_the_limit_is_accepted() {
        assert!(check_item_size(&item(&[("body", MAX_ITEM_SIZE - 4)])).is_ok());
        assert!(check_item_size(br#"{"id":{"S":"x"}}"#).is_ok());
    }

    #[test]
    fn an_item_over_the_limit_is_refused_with_its_largest_attributes() {
        let json = item(&[
            ("a", 10),
            ("body", 300_000),
            ("b", 20),
            ("notes", 110_000),
            ("c", 30),
        ]);

        let error = check_item_size(&json).unwrap_err();

        let largest = vec![
            ("body".to_owned(), 300_004),
            ("notes".to_owned(), 110_005),
            ("c".to_owned(), 31),
        ];
        let expected = ErrorKind::ItemTooLarge {
            size: 410_072,
            limit: MAX_ITEM_SIZE,
            largest,
        };
        assert_eq!(*error.kind(), expected);
        assert!(
            error
                .to_string()
                .contains("'body' (300004), 'notes' (110005), 'c' (31)"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn the_count_is_never_more_than_the_json(item in crate::wire::test_item()) {
            let json = crate::wire::test_item_json(&item);

            let size = item_size(&json).unwrap();

            prop_assert!(size.total <= json.len());
            prop_assert_eq!(size.attributes.iter().map(|(_, size)| size).sum::<usize>(), size.total);
        }
    }
}
