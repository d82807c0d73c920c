//! BatchGetItem: read many items by their keys.

use std::borrow::Cow;
use std::ops::Range;

use super::left_over;
use crate::wire::{Reader, WireError, Writer};

/// Begins the body.
pub fn begin(writer: &mut Writer) {
    writer.raw(br#"{"RequestItems":{"#);
}

/// Begins the keys of one table; the caller writes them next, separated by commas.
pub fn begin_table(writer: &mut Writer, is_first: bool, table: &str) {
    if !is_first {
        writer.byte(b',');
    }
    writer.string(table);
    writer.raw(br#":{"Keys":["#);
}

/// Ends the keys of one table.
pub fn end_table(writer: &mut Writer, consistent_read: bool) {
    writer.byte(b']');
    if consistent_read {
        writer.raw(br#","ConsistentRead":true"#);
    }
    writer.byte(b'}');
}

/// Ends the body.
pub fn finish(writer: &mut Writer) {
    writer.raw(b"}}");
}

/// The end of an answer that omits nothing. In well-formed JSON no string can end like this, and only one bracket is open.
const NOTHING_LEFT: &[u8] = br#","UnprocessedKeys":{}}"#;

/// The range of the map of omitted keys in an answer that is known to be well formed; None if there are none. It has the form
/// of `RequestItems`.
///
/// # Errors
///
/// The answer does not have the form of this operation.
pub fn left(body: &[u8]) -> Result<Option<Range<usize>>, WireError> {
    if body.ends_with(NOTHING_LEFT) {
        return Ok(None);
    }
    let mut left = None;
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.raw() {
            "UnprocessedKeys" => left = left_over(&mut reader)?,
            _ => reader.pass()?,
        }
    }
    reader.end()?;
    Ok(left)
}

/// A cursor over the items of an answer that is known to be well formed.
#[derive(Debug)]
pub struct Items<'a> {
    /// Before an item, once [`next_item`](Self::next_item) has found one; its caller then moves it past the item.
    pub reader: Reader<'a>,
    table: Option<Cow<'a, str>>,
    level: Level,
    count: usize,
}

/// The object whose members come next.
#[derive(Debug)]
enum Level {
    Answer,
    Tables,
    Items,
}

impl<'a> Items<'a> {
    /// A cursor before the first item.
    ///
    /// # Errors
    ///
    /// The answer is not a JSON object.
    pub fn of(body: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body)?;
        reader.begin_object()?;
        Ok(Self {
            reader,
            table: None,
            level: Level::Answer,
            count: 0,
        })
    }

    /// The zero-based number of the next item in the answer; None at the end. The caller must have moved past the previous one.
    ///
    /// # Errors
    ///
    /// The answer does not have the form of this operation.
    pub fn next_item(&mut self) -> Result<Option<usize>, WireError> {
        let reader = &mut self.reader;
        loop {
            match self.level {
                Level::Answer => match reader.next_key()? {
                    None => {
                        reader.end()?;
                        return Ok(None);
                    }
                    Some(key) if key.equals("Responses") && reader.peek()? != b'n' => {
                        reader.begin_object()?;
                        self.level = Level::Tables;
                    }
                    Some(_) => reader.pass()?,
                },
                Level::Tables => match reader.next_key()? {
                    None => self.level = Level::Answer,
                    Some(table) => {
                        self.table = Some(table.decode()?);
                        reader.begin_array()?;
                        self.level = Level::Items;
                    }
                },
                Level::Items if reader.next_element()? => {
                    reader.peek()?;
                    self.count += 1;
                    return Ok(Some(self.count - 1));
                }
                Level::Items => self.level = Level::Tables,
            }
        }
    }

    /// The table of the item.
    pub fn table(&self) -> &str {
        self.table.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_keys_by_table() {
        let body = written(|writer| {
            begin(writer);
            begin_table(writer, true, "a");
            writer.raw(br#"{"id":{"S":"1"}},{"id":{"S":"2"}}"#);
            end_table(writer, true);
            begin_table(writer, false, "b");
            writer.raw(br#"{"id":{"N":"1"}}"#);
            end_table(writer, false);
            finish(writer);
        });

        assert_eq!(
            body,
            r#"{"RequestItems":{"a":{"Keys":[{"id":{"S":"1"}},{"id":{"S":"2"}}],"ConsistentRead":true},"b":{"Keys":[{"id":{"N":"1"}}]}}}"#
        );
    }

    fn items(body: &[u8]) -> Vec<(usize, String, String)> {
        let mut items = Items::of(body).unwrap();
        let mut all = Vec::new();
        while let Some(number) = items.next_item().unwrap() {
            let start = items.reader.position();
            items.reader.pass().unwrap();
            let item = String::from_utf8(items.reader.slice(start).to_vec()).unwrap();
            all.push((number, items.table().to_owned(), item));
        }
        all
    }

    #[test]
    fn items_and_leftovers_are_found() {
        let body = br#"{"UnprocessedKeys": {"a":{"Keys":[]}}, "Responses":{"a":[{"x":{"S":"1"}}, {}],"b":[],"c\n":[ {} ]}}"#;

        let all = items(body);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0], (0, "a".into(), r#"{"x":{"S":"1"}}"#.into()));
        assert_eq!(all[1], (1, "a".into(), "{}".into()));
        assert_eq!(all[2], (2, "c\n".into(), "{}".into()));
        assert_eq!(&body[left(body).unwrap().unwrap()], br#"{"a":{"Keys":[]}}"#);

        for nothing in [
            &br#"{"UnprocessedKeys":{}}"#[..],
            b"{}",
            br#"{"UnprocessedKeys":null}"#,
            br#"{"Responses":null}"#,
            br#"{"Responses":{"a":[]},"UnprocessedKeys":{}}"#,
        ] {
            assert_eq!(left(nothing).unwrap(), None);
            assert_eq!(items(nothing), []);
        }
        for wrong in [&b"[]"[..], br#"{"Responses":3}"#, br#"{"Responses":{"a":"#] {
            assert!(
                Items::of(wrong)
                    .and_then(|mut items| items.next_item())
                    .is_err()
            );
        }
        assert!(left(b"{\"Responses\":").is_err());
    }

    #[test]
    fn an_item_that_looks_like_the_end_of_an_answer_hides_nothing_that_was_left_over() {
        let body = br#"{"UnprocessedKeys":{"a":{"Keys":[]}},"Responses":{"a":[{"x":{"M":{"y":{"S":"1"},"UnprocessedKeys":{}}}}]}}"#;
        assert!(left(body).unwrap().is_some());
        let body = br#"{"UnprocessedKeys":{"a":{"Keys":[]}},"Other":",\"UnprocessedKeys\":{}}"}"#;
        assert!(left(body).unwrap().is_some());
    }
}
