//! Operations of DynamoDB: how the body of each is written, and how its answer is framed.

pub mod batch_execute_statement;
pub mod batch_get_item;
pub mod batch_write_item;
pub mod create_table;
pub mod delete_item;
pub mod delete_table;
pub mod describe_table;
pub mod execute_statement;
pub mod execute_transaction;
pub mod get_item;
pub mod list_tables;
pub mod parts;
pub mod placeholders;
pub mod put_item;
pub mod query;
pub mod read_request;
pub mod scan;
pub mod statement;
pub mod transact_get_items;
pub mod transact_write_items;
pub mod update_item;

use std::ops::Range;

use crate::error::Error;
use crate::expression::condition::Condition;
use crate::expression::condition_text;
use crate::expression::names::Names;
use crate::wire::{Reader, WireError, Writer};

/// What must hold for the stored item before a write is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard<'a> {
    /// Nothing.
    None,
    /// No item has this key; names the partition key.
    NotExists(&'a str),
    /// An item has this key; names the partition key.
    Exists(&'a str),
}

impl<'a> Guard<'a> {
    /// Writes the guard's members of a request. If the guard fails, the answer includes the stored item.
    fn write(self, writer: &mut Writer) {
        if self == Self::None {
            return;
        }
        let mut names = Names::new();
        writer.raw(br#","ConditionExpression":""#);
        self.write_text(writer, &mut names);
        writer.byte(b'"');
        names.finish(writer);
        write_return_old(writer);
    }

    /// Writes the same members with a caller's condition.
    fn write_with(
        self,
        writer: &mut Writer,
        condition: Option<&'a Condition>,
    ) -> Result<(), Error> {
        let Some(condition) = condition else {
            self.write(writer);
            return Ok(());
        };
        condition_text::write_members(writer, condition, |writer, names| {
            self.write_text(writer, names)
        })?;
        write_return_old(writer);
        Ok(())
    }

    /// Writes the guard's text; false if there was nothing to write.
    fn write_text(self, writer: &mut Writer, names: &mut Names<'a>) -> bool {
        let (function, name): (&[u8], _) = match self {
            Self::None => return false,
            Self::NotExists(name) => (b"attribute_not_exists(", name),
            Self::Exists(name) => (b"attribute_exists(", name),
        };
        writer.raw(function);
        names.write(writer, name);
        writer.byte(b')');
        true
    }
}

/// If the condition fails, the answer includes the stored item.
fn write_return_old(writer: &mut Writer) {
    // Returning it consumes no read units, according to the API reference of PutItem.
    writer.raw(br#","ReturnValuesOnConditionCheckFailure":"ALL_OLD""#);
}

/// Begins a body with the table's name and one more member, whose value the caller writes.
fn begin(writer: &mut Writer, table: &str, member: &[u8]) {
    writer.raw(br#"{"TableName":"#);
    writer.string(table);
    writer.raw(member);
}

/// The range of a member's value in an answer that is known to be well formed; None if the answer has no such member.
fn member(body: &[u8], name: &str) -> Result<Option<Range<usize>>, WireError> {
    let mut reader = Reader::new(body)?;
    let mut range = None;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        reader.peek()?;
        let start = reader.position();
        reader.pass()?;
        if range.is_none() && key.equals(name) {
            range = Some(start..reader.position());
        }
    }
    // Anything after an answer makes it invalid, even if the member is missing.
    reader.end()?;
    Ok(range)
}

/// Consumes a map of what a batch omitted and returns its range; None if it is empty or null.
fn left_over(reader: &mut Reader<'_>) -> Result<Option<Range<usize>>, WireError> {
    if reader.peek()? == b'n' {
        reader.pass()?;
        return Ok(None);
    }
    let start = reader.position();
    reader.begin_object()?;
    let mut is_empty = true;
    while reader.next_key()?.is_some() {
        is_empty = false;
        reader.pass()?;
    }
    Ok((!is_empty).then(|| start..reader.position()))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What a function writes, as text.
    pub(crate) fn written(write: impl FnOnce(&mut Writer)) -> String {
        let mut writer = Writer::with_capacity(256);
        write(&mut writer);
        let body = writer.into_bytes();
        crate::wire::validate(&body).unwrap();
        String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_member_is_found_behind_others_and_blanks() {
        let body = br#"{ "a" : {"b":[1]}, "c" :  {"d":"e"} }"#;

        assert_eq!(
            body[member(body, "c").unwrap().unwrap()].trim_ascii(),
            br#"{"d":"e"}"#
        );
        assert_eq!(member(body, "d").unwrap(), None);
        assert!(member(b"[]", "a").is_err());
        assert!(member(br#"{"a":"#, "a").is_err());
    }
}
