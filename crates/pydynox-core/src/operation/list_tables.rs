//! ListTables: the names of the tables of an account and region.

use super::member;
use crate::wire::{Reader, WireError, Writer};

/// Writes the body: at most `limit` names (DynamoDB returns up to 100), those after `start`.
pub fn write(writer: &mut Writer, start: Option<&str>, limit: Option<u8>) {
    writer.byte(b'{');
    if let Some(start) = start {
        writer.raw(br#""ExclusiveStartTableName":"#);
        writer.string(start);
    }
    if let Some(limit) = limit {
        if start.is_some() {
            writer.byte(b',');
        }
        writer.raw(br#""Limit":"#);
        writer.raw(itoa::Buffer::new().format(limit).as_bytes());
    }
    writer.byte(b'}');
}

/// The names in the answer, and the name to start after for more.
///
/// # Errors
///
/// The answer is not a JSON object, or its names are malformed.
pub fn names(body: &[u8]) -> Result<(Vec<String>, Option<String>), WireError> {
    let mut names = Vec::new();
    if let Some(range) = member(body, "TableNames")? {
        let mut reader = Reader::new(&body[range])?;
        reader.begin_array()?;
        while reader.next_element()? {
            names.push(reader.string()?.decode()?.into_owned());
        }
    }
    let last = match member(body, "LastEvaluatedTableName")? {
        Some(last) => Some(Reader::new(&body[last])?.string()?.decode()?.into_owned()),
        None => None,
    };
    Ok((names, last))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_says_where_to_start_and_how_much() {
        assert_eq!(written(|writer| write(writer, None, None)), "{}");
        assert_eq!(
            written(|writer| write(writer, None, Some(5))),
            r#"{"Limit":5}"#
        );
        assert_eq!(
            written(|writer| write(writer, Some("a"), Some(5))),
            r#"{"ExclusiveStartTableName":"a","Limit":5}"#
        );
    }

    #[test]
    fn the_names_are_read_in_order() {
        let (all, last) =
            names(br#"{"TableNames":["b","a"],"LastEvaluatedTableName":"a"}"#).unwrap();

        assert_eq!(all, ["b", "a"]);
        assert_eq!(last.as_deref(), Some("a"));
        assert!(names(br#"{"TableNames":[3]}"#).is_err());
    }
}
