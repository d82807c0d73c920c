//! Export lines: items as DynamoDB's own exports write them, `{"Item":{...}}`, in the canonical form that equal items share.

use crate::start_key::StartKey;
use crate::stream_record::{Origin, Records, Refused, canonical};
use crate::wire::{Reader, Value, WireError, Writer};

/// What a page of a scan contained in addition to its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// How many items it had.
    pub count: usize,
    /// Where the scan continues: the key, in canonical form; None at the end of the table.
    pub next: Option<Vec<u8>>,
}

/// Writes the body of a Scan that begins after this key and reads at most `limit` items.
///
/// # Errors
///
/// The key is not a map of attribute values.
pub fn write_scan(
    writer: &mut Writer,
    table: &str,
    after: Option<&[u8]>,
    consistent: bool,
    limit: Option<u32>,
) -> Result<(), WireError> {
    writer.raw(br#"{"TableName":"#);
    writer.string(table);
    if let Some(key) = after {
        // Parsed and written again, so that no text after the key can become part of the request.
        let key = StartKey::parse(key)?;
        writer.raw(br#","ExclusiveStartKey":"#);
        writer.raw(&key.to_json());
    }
    if consistent {
        writer.raw(br#","ConsistentRead":true"#);
    }
    if let Some(limit) = limit {
        writer.raw(br#","Limit":"#);
        writer.raw(limit.to_string().as_bytes());
    }
    writer.byte(b'}');
    Ok(())
}

/// Writes the items of a Scan's answer, each as a line.
///
/// # Errors
///
/// The answer is not from a Scan.
pub fn write_page(writer: &mut Writer, body: &[u8]) -> Result<Page, WireError> {
    let mut page = Page {
        count: 0,
        next: None,
    };
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        if name.equals("Items") {
            reader.begin_array()?;
            while reader.next_element()? {
                let item = Value::read_map(&mut reader)?;
                writer.raw(br#"{"Item":"#);
                Value::write_map(&item, writer);
                writer.raw(b"}\n");
                page.count += 1;
            }
        } else if name.equals("LastEvaluatedKey") {
            let mut key = Writer::with_capacity(64);
            Value::write_map(&Value::read_map(&mut reader)?, &mut key);
            page.next = Some(key.into_bytes());
        } else {
            reader.skip()?;
        }
    }
    reader.end()?;
    Ok(page)
}

/// The item on a line, in canonical form.
///
/// # Errors
///
/// The line is not an object with an item and nothing else.
pub fn item(line: &[u8]) -> Result<Vec<u8>, WireError> {
    let missing = |position| WireError {
        position,
        what: r#"a line is an object such as {"Item":{"user_id":{"S":"u1"}}}"#,
    };
    // Whatever a line may contain is read in one place; an import takes only whole items.
    let all = match Records::of(line) {
        Ok(all) => all,
        Err(Refused::Malformed(error)) => return Err(error),
        Err(_) => return Err(missing(0)),
    };
    let [record] = all.records.as_slice() else {
        return Err(missing(0));
    };
    let Ok(change) = &record.change else {
        return Err(missing(record.whole.start));
    };
    let (Some(new), true) = (&change.new, record.origin == Origin::Export) else {
        return Err(missing(record.whole.start));
    };
    // Nothing else is on the line: neither around the object, nor in it.
    let mut reader = Reader::new(line)?;
    reader.begin_object()?;
    let mut members = 0;
    while reader.next_key()?.is_some() {
        members += 1;
        reader.skip()?;
    }
    if members != 1 {
        return Err(missing(record.whole.start));
    }
    reader.end()?;
    canonical(record.part(line, new))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_page_becomes_lines_in_canonical_form() {
        let body = br#"{"Count":2,"Items":[{"b":{"SS":["z","a"]},"a":{"N":"1.50"}},{}],"LastEvaluatedKey":{"s":{"N":"1"},"p":{"S":"x"}}}"#;
        let mut writer = Writer::with_capacity(64);

        let page = write_page(&mut writer, body).unwrap();

        assert_eq!(
            text(writer.as_bytes()),
            "{\"Item\":{\"a\":{\"N\":\"1.5\"},\"b\":{\"SS\":[\"a\",\"z\"]}}}\n{\"Item\":{}}\n"
        );
        assert_eq!(page.count, 2);
        assert_eq!(
            text(&page.next.unwrap()),
            r#"{"p":{"S":"x"},"s":{"N":"1"}}"#
        );
    }

    #[test]
    fn a_line_gives_its_item_back_and_nothing_else_is_taken() {
        assert_eq!(
            text(&item(br#" {"Item": {"n":{"N":"5.0"}, "a":{"BOOL":true}}} "#).unwrap()),
            r#"{"a":{"BOOL":true},"n":{"N":"5"}}"#
        );
        for line in [
            &b"{}"[..],
            b"[]",
            b"",
            b"7",
            br#"{"Item":{"a":1}}"#,
            br#"{"Item":{"a":{"N":"x"}}}"#,
            br#"{"Item":{},"Item":{}}"#,
            br#"{"Item":{},"Keys":{}}"#,
            br#"{"Item":[]}"#,
            br#"{"Item":{}} {}"#,
            br#"{"Item":{}"#,
        ] {
            assert!(item(line).is_err(), "{}", text(line));
        }
    }

    #[test]
    fn a_scan_goes_on_after_a_key_that_is_one() {
        let mut writer = Writer::with_capacity(64);

        write_scan(&mut writer, "t", Some(br#"{"p":{"S":"x"}}"#), true, Some(3)).unwrap();

        assert_eq!(
            text(writer.as_bytes()),
            r#"{"TableName":"t","ExclusiveStartKey":{"p":{"S":"x"}},"ConsistentRead":true,"Limit":3}"#
        );
        assert!(write_scan(&mut writer, "t", Some(br#"{"p":1}"#), false, None).is_err());
    }
}
