//! Parts: the tables and the number of items or operations that the body of a batch or a transaction names.

use std::sync::Arc;

use crate::wire::{Reader, WireError};

/// What a body consists of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The tables, each once, in their order.
    pub tables: Vec<Arc<str>>,
    /// How many items, operations or statements there are.
    pub count: usize,
}

/// What this body consists of.
///
/// # Errors
///
/// It is not JSON of such a request.
pub fn of(body: &[u8]) -> Result<Parts, WireError> {
    let mut parts = Parts::default();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("RequestItems") {
            reader.begin_object()?;
            while let Some(table) = reader.next_key()? {
                parts.add(&table.decode()?);
                parts.of_table(&mut reader)?;
            }
        } else if reader.peek()? == b'[' {
            reader.begin_array()?;
            while reader.next_element()? {
                parts.of_operation(&mut reader)?;
                parts.count += 1;
            }
        } else {
            reader.skip()?;
        }
    }
    Ok(parts)
}

impl Parts {
    fn add(&mut self, table: &str) {
        if !self.tables.iter().any(|other| **other == *table) {
            self.tables.push(table.into());
        }
    }

    /// A list of writes, or keys with options that apply to all.
    fn of_table(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        if reader.peek()? == b'[' {
            return self.elements(reader);
        }
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            if key.equals("Keys") {
                self.elements(reader)?;
            } else {
                reader.skip()?;
            }
        }
        Ok(())
    }

    fn elements(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        reader.begin_array()?;
        while reader.next_element()? {
            reader.skip()?;
            self.count += 1;
        }
        Ok(())
    }

    /// `{"Put":{"TableName":"users",...}}`, or a statement, which names its table in PartiQL only.
    fn of_operation(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        reader.begin_object()?;
        while reader.next_key()?.is_some() {
            if reader.peek()? != b'{' {
                reader.skip()?;
                continue;
            }
            reader.begin_object()?;
            while let Some(key) = reader.next_key()? {
                if key.equals("TableName") {
                    let table = reader.string()?.decode()?;
                    self.add(&table);
                } else {
                    reader.skip()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn named(body: &str) -> (Vec<String>, usize) {
        let parts = of(body.as_bytes()).unwrap();
        let tables = parts.tables.iter().map(ToString::to_string).collect();
        (tables, parts.count)
    }

    #[test]
    fn batches_and_transactions_name_each_table_once() {
        let both = vec!["users".to_owned(), "orders".to_owned()];
        for (body, count) in [
            (
                r#"{"RequestItems":{"users":[{"PutRequest":{"Item":{}}},{"DeleteRequest":{"Key":{}}}],"orders":[{}]}}"#,
                3,
            ),
            (
                r#"{"RequestItems":{"users":{"Keys":[{},{}],"ConsistentRead":true},"orders":{"Keys":[{}]}}}"#,
                3,
            ),
            (
                r#"{"TransactItems":[{"Put":{"Item":{"TableName":{"S":"no"}},"TableName":"users"}},{"Delete":{"TableName":"orders"}},{"Update":{"TableName":"users"}}],"ClientRequestToken":"x"}"#,
                3,
            ),
        ] {
            assert_eq!(named(body), (both.clone(), count), "{body}");
        }
    }

    #[test]
    fn statements_are_counted_and_name_no_table() {
        assert_eq!(
            named(
                r#"{"Statements":[{"Statement":"SELECT","Parameters":[{"S":"a"}]},{"Statement":"SELECT"}]}"#
            ),
            (vec![], 2)
        );
    }
}
