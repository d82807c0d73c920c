//! DescribeTable: the description of a table, and whether it can be used yet.

use std::ops::Range;

use super::member;
use crate::wire::{Reader, WireError, Writer};

/// Writes the body.
pub fn write(writer: &mut Writer, table: &str) {
    super::begin(writer, table, b"}");
}

/// The range of the description in the answer.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn table(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    member(body, "Table")
}

/// The table's status, such as `ACTIVE`; None if the answer has none.
///
/// # Errors
///
/// The answer is not a JSON object.
pub fn status(body: &[u8]) -> Result<Option<String>, WireError> {
    let Some(description) = table(body)? else {
        return Ok(None);
    };
    let description = &body[description];
    let Some(status) = member(description, "TableStatus")? else {
        return Ok(None);
    };
    let text = Reader::new(&description[status])?
        .string()?
        .decode()?
        .into_owned();
    Ok(Some(text))
}

/// Whether every global index of the table can be used; true if there are no indexes.
///
/// # Errors
///
/// The answer is not a JSON object, or its indexes are malformed.
pub fn indexes_are_active(body: &[u8]) -> Result<bool, WireError> {
    let Some(description) = table(body)? else {
        return Ok(true);
    };
    let description = &body[description];
    // A local index is created with its table and has no status of its own.
    let Some(indexes) = member(description, "GlobalSecondaryIndexes")? else {
        return Ok(true);
    };
    let indexes = &description[indexes];
    let mut reader = Reader::new(indexes)?;
    reader.begin_array()?;
    while reader.next_element()? {
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        let index = &indexes[start..reader.position()];
        let Some(status) = member(index, "IndexStatus")? else {
            continue;
        };
        if Reader::new(&index[status])?.string()?.decode()? != "ACTIVE" {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_names_the_table() {
        assert_eq!(
            written(|writer| write(writer, "users")),
            r#"{"TableName":"users"}"#
        );
    }

    #[test]
    fn the_status_is_read_or_absent() {
        assert_eq!(
            status(br#"{"Table":{"A":{},"TableStatus":"CREATING"}}"#)
                .unwrap()
                .as_deref(),
            Some("CREATING")
        );
        assert_eq!(status(br#"{"Table":{}}"#).unwrap(), None);
        assert_eq!(status(b"{}").unwrap(), None);
        assert!(status(br#"{"Table":{"TableStatus":3}}"#).is_err());
    }

    #[test]
    fn every_index_must_be_active() {
        let with = |indexes: &str| {
            indexes_are_active(
                format!(r#"{{"Table":{{"GlobalSecondaryIndexes":{indexes}}}}}"#).as_bytes(),
            )
        };

        assert!(with(r#"[{"IndexStatus":"ACTIVE"},{"IndexName":"old"}]"#).unwrap());
        assert!(!with(r#"[ {"IndexStatus":"ACTIVE"}, {"IndexStatus":"CREATING"}]"#).unwrap());
        assert!(indexes_are_active(br#"{"Table":{}}"#).unwrap());
        assert!(indexes_are_active(b"{}").unwrap());
        assert!(with("3").is_err());
    }
}
