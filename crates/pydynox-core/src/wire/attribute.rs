//! The text of one attribute of an item: the name of its entity, by which it is opened and decoded.
//!
//! Both must come to the same class, or plaintext could pass for an opened value.

use std::borrow::Cow;

use super::error::WireError;
use super::reader::Reader;

/// The text of an attribute, if it is text, no matter how it is escaped.
///
/// # Errors
///
/// The item at the cursor is not a map of attribute values.
pub fn text_of<'a>(mut r: Reader<'a>, attribute: &str) -> Result<Option<Cow<'a, str>>, WireError> {
    r.begin_object()?;
    while let Some(key) = r.next_key()? {
        if !key.equals(attribute) {
            r.skip()?;
            continue;
        }
        r.begin_object()?;
        let Some(tag) = r.next_key()? else {
            return Ok(None);
        };
        if !tag.equals("S") {
            return Ok(None);
        }
        return Ok(Some(r.string()?.decode()?));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(item: &str, attribute: &str) -> Option<String> {
        let item = Reader::new(item.as_bytes()).unwrap();
        text_of(item, attribute).unwrap().map(Cow::into_owned)
    }

    #[test]
    fn a_text_is_the_same_however_it_is_escaped() {
        let item = r#"{"x":{"S":"y"}, "_type": {"S": "gr\u00f6\u00dfe"}}"#;
        assert_eq!(text(item, "_type").as_deref(), Some("gr\u{f6}\u{df}e"));
        assert_eq!(text(item, "other"), None);
    }

    #[test]
    fn another_type_has_no_text() {
        assert_eq!(text(r#"{"_type":{"N":"1"}}"#, "_type"), None);
        assert_eq!(text(r#"{"_type":{}}"#, "_type"), None);
    }
}
