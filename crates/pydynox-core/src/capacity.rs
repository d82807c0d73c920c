//! Capacity: how a request asks what it costs, what its answer says, and what it may cost before it is sent.

use bytes::Bytes;

use crate::operation::statement;
use crate::transport::Operation;
use crate::wire::{Reader, WireError};

/// Bytes of a written item per write unit.
const WRITE_UNIT: usize = 1024;
/// A transaction reads or writes each item twice: once to prepare, once to do it.
const TRANSACTIONAL: f64 = 2.0;

/// Which of a table's two capacities a request consumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

impl Access {
    /// What a request consumes; None if it consumes no capacity, such as administration.
    pub fn of(operation: &Operation, body: &[u8]) -> Option<Self> {
        use Operation as O;
        Some(match operation {
            O::GetItem | O::Query | O::Scan | O::BatchGetItem | O::TransactGetItems => Self::Read,
            O::PutItem
            | O::UpdateItem
            | O::DeleteItem
            | O::BatchWriteItem
            | O::TransactWriteItems => Self::Write,
            O::ExecuteStatement | O::BatchExecuteStatement | O::ExecuteTransaction => {
                if statement::only_reads(body).unwrap_or(false) {
                    Self::Read
                } else {
                    Self::Write
                }
            }
            _ => return None,
        })
    }
}

/// What a request consumed in one table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Consumed {
    /// The table, by the service's name for it.
    pub table: String,
    /// Read units.
    pub read_units: f64,
    /// Write units.
    pub write_units: f64,
}

/// The body with a request to report the cost; None if it already decides that.
pub(crate) fn asking(body: &[u8]) -> Result<Option<Bytes>, WireError> {
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    let mut is_empty = true;
    while let Some(key) = reader.next_key()? {
        if key.equals("ReturnConsumedCapacity") {
            return Ok(None);
        }
        is_empty = false;
        reader.skip()?;
    }
    // At the end, so that nothing moves: a token may be replaced in place.
    let end = reader.position() - 1;
    let comma: &[u8] = if is_empty { b"" } else { b"," };
    let parts = [&body[..end], comma, br#""ReturnConsumedCapacity":"TOTAL"}"#];
    Ok(Some(parts.concat().into()))
}

/// The cost that an answer reports, by table; empty if it reports none.
///
/// # Errors
///
/// The answer is not one that an operation gives.
pub fn consumed(body: &[u8], access: Access) -> Result<Vec<Consumed>, WireError> {
    let mut all = Vec::new();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if !key.equals("ConsumedCapacity") {
            reader.skip()?;
        } else if reader.peek()? == b'[' {
            reader.begin_array()?;
            while reader.next_element()? {
                all.push(of_table(&mut reader, access)?);
            }
        } else if reader.peek()? == b'{' {
            all.push(of_table(&mut reader, access)?);
        } else {
            reader.skip()?;
        }
    }
    Ok(all)
}

fn of_table(reader: &mut Reader<'_>, access: Access) -> Result<Consumed, WireError> {
    let mut consumed = Consumed::default();
    let (mut all, mut read, mut write) = (0.0, None, None);
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("TableName") {
            consumed.table = reader.string()?.decode()?.into_owned();
        } else if key.equals("CapacityUnits") {
            all = number(reader)?;
        } else if key.equals("ReadCapacityUnits") {
            read = Some(number(reader)?);
        } else if key.equals("WriteCapacityUnits") {
            write = Some(number(reader)?);
        } else {
            reader.skip()?;
        }
    }
    // Only some answers separate reads and writes; a single number is of the request's own kind.
    match (access, read, write) {
        (Access::Read, None, None) => consumed.read_units = all,
        (Access::Write, None, None) => consumed.write_units = all,
        (_, read, write) => {
            consumed.read_units = read.unwrap_or(0.0);
            consumed.write_units = write.unwrap_or(0.0);
        }
    }
    Ok(consumed)
}

fn number(reader: &mut Reader<'_>) -> Result<f64, WireError> {
    let position = reader.position();
    let text = reader.json_number()?;
    text.parse()
        .ok()
        .filter(|units: &f64| units.is_finite() && *units >= 0.0)
        .ok_or(WireError {
            position,
            what: "capacity units are not a number",
        })
}

/// The minimum cost of a request, judged by its body: the sum over its parts.
pub(crate) fn estimate(operation: &Operation, body: &[u8]) -> Estimate {
    use Operation as O;
    // It misses bodies that other code wrote with blanks; the reported cost then corrects the estimate.
    let read = if memchr::memmem::find(body, br#""ConsistentRead":true"#).is_some() {
        1.0
    } else {
        0.5
    };
    let parts = match operation {
        O::GetItem
        | O::PutItem
        | O::UpdateItem
        | O::DeleteItem
        | O::ExecuteStatement
        | O::Query
        | O::Scan => None,
        _ => parts(body).ok(),
    };
    let count = parts
        .as_ref()
        .map_or(1.0, |parts| units(parts.len().max(1)));
    // By the JSON text, which is never shorter than the size that the service counts; the reported cost corrects it.
    let written = || {
        let whole = [body.len()];
        let sizes = parts.as_deref().unwrap_or(&whole).iter();
        units(sizes.map(|size| size.div_ceil(WRITE_UNIT)).sum())
    };
    let (cost, is_exact) = match operation {
        O::GetItem | O::BatchGetItem => (count * read, false),
        O::TransactGetItems | O::ExecuteTransaction => (count * TRANSACTIONAL, false),
        O::PutItem | O::BatchWriteItem => (written(), true),
        O::TransactWriteItems => (written() * TRANSACTIONAL, true),
        _ => (count, false),
    };
    Estimate {
        units: cost,
        parts: count,
        is_exact,
    }
}

/// A count as a float; no body has more parts than fit.
fn units(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) units: f64,
    /// The number of its parts.
    pub(crate) parts: f64,
    /// The body holds what is written; otherwise stored data decides, which the last answer shows better.
    pub(crate) is_exact: bool,
}

/// The sizes of a request's parts: keys, items, operations, statements.
fn parts(body: &[u8]) -> Result<Vec<usize>, WireError> {
    let mut sizes = Vec::new();
    let mut reader = Reader::new(body)?;
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("RequestItems") {
            reader.begin_object()?;
            while reader.next_key()?.is_some() {
                of_request(&mut reader, &mut sizes)?;
            }
        } else if reader.peek()? == b'[' {
            elements(&mut reader, &mut sizes)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(sizes)
}

/// For one table: a list of writes, or keys with options that apply to all.
fn of_request(reader: &mut Reader<'_>, sizes: &mut Vec<usize>) -> Result<(), WireError> {
    if reader.peek()? == b'[' {
        return elements(reader, sizes);
    }
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("Keys") {
            elements(reader, sizes)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(())
}

fn elements(reader: &mut Reader<'_>, sizes: &mut Vec<usize>) -> Result<(), WireError> {
    reader.begin_array()?;
    while reader.next_element()? {
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        sizes.push(reader.position() - start);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with_capacity_asked(body: &str) -> Option<String> {
        let body = asking(body.as_bytes()).unwrap();
        body.map(|body| String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_body_asks_at_its_end_and_never_twice() {
        assert_eq!(
            with_capacity_asked(r#"{"TableName":"t"}"#).unwrap(),
            r#"{"TableName":"t","ReturnConsumedCapacity":"TOTAL"}"#
        );
        assert_eq!(
            with_capacity_asked("{}").unwrap(),
            r#"{"ReturnConsumedCapacity":"TOTAL"}"#
        );
        assert_eq!(
            with_capacity_asked(r#"{"ReturnConsumedCapacity":"INDEXES"}"#),
            None
        );
        // A value that only looks like it.
        assert!(with_capacity_asked(r#"{"a":{"S":"\"ReturnConsumedCapacity\":"}}"#).is_some());
        assert!(asking(b"[]").is_err());
    }

    #[test]
    fn an_answer_says_what_it_cost_by_table() {
        let one = br#"{"Item":{"ConsumedCapacity":{"N":"9"}},"ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5}}"#;
        let tables = consumed(one, Access::Read).unwrap();
        assert_eq!(
            (
                tables[0].table.as_str(),
                tables[0].read_units,
                tables[0].write_units
            ),
            ("t", 1.5, 0.0)
        );

        let several = br#"{"ConsumedCapacity":[{"TableName":"t","CapacityUnits":2,"WriteCapacityUnits":2.0,"Table":{"CapacityUnits":2}},{"TableName":"u","CapacityUnits":4,"ReadCapacityUnits":4}]}"#;
        let tables = consumed(several, Access::Write).unwrap();
        assert_eq!((tables[0].read_units, tables[0].write_units), (0.0, 2.0));
        assert_eq!((tables[1].read_units, tables[1].write_units), (4.0, 0.0));

        assert!(consumed(b"{}", Access::Write).unwrap().is_empty());
        assert!(
            consumed(br#"{"ConsumedCapacity":null}"#, Access::Write)
                .unwrap()
                .is_empty()
        );
        assert!(
            consumed(
                br#"{"ConsumedCapacity":{"CapacityUnits":-1}}"#,
                Access::Read
            )
            .is_err()
        );
    }

    #[test]
    fn what_a_request_costs_is_known_from_its_operation_and_statement() {
        let of = |operation: &str, body: &str| {
            Access::of(&Operation::from_name(operation), body.as_bytes())
        };

        assert_eq!(of("Query", "{}"), Some(Access::Read));
        assert_eq!(of("TransactWriteItems", "{}"), Some(Access::Write));
        assert_eq!(of("CreateTable", "{}"), None);
        assert_eq!(
            of("ExecuteStatement", r#"{"Statement":"select * from t"}"#),
            Some(Access::Read)
        );
        assert_eq!(
            of(
                "ExecuteStatement",
                r#"{"Statement":"DELETE FROM t WHERE a=1"}"#
            ),
            Some(Access::Write)
        );
        assert_eq!(
            of(
                "BatchExecuteStatement",
                r#"{"Statements":[{"Statement":"SELECT 1"}]}"#
            ),
            Some(Access::Read)
        );
        assert_eq!(
            of(
                "ExecuteTransaction",
                r#"{"TransactStatements":[{"Statement":"EXISTS(SELECT 1)"},{"Statement":"DELETE"}]}"#
            ),
            Some(Access::Write)
        );
    }

    #[test]
    fn a_request_is_estimated_by_its_parts() {
        let units = |operation: &str, body: &str| {
            estimate(&Operation::from_name(operation), body.as_bytes()).units
        };
        let large = format!(r#"{{"Item":{{"a":{{"S":"{}"}}}}}}"#, "x".repeat(3000));

        assert!((units("GetItem", r#"{"TableName":"t"}"#) - 0.5).abs() < 1e-9);
        assert!((units("GetItem", r#"{"ConsistentRead":true}"#) - 1.0).abs() < 1e-9);
        assert!((units("PutItem", &large) - 3.0).abs() < 1e-9);
        assert!((units("UpdateItem", &large) - 1.0).abs() < 1e-9);
        assert!((units("BatchGetItem", r#"{"RequestItems":{"t":{"Keys":[{},{},{}],"ConsistentRead":true},"u":{"Keys":[{}]}}}"#) - 4.0).abs() < 1e-9);
        assert!(
            (units(
                "BatchWriteItem",
                &format!(r#"{{"RequestItems":{{"t":[{{}},{large}]}}}}"#)
            ) - 4.0)
                .abs()
                < 1e-9
        );
        assert!(
            (units(
                "TransactWriteItems",
                r#"{"TransactItems":[{},{}],"ClientRequestToken":"t"}"#
            ) - 4.0)
                .abs()
                < 1e-9
        );
        assert!(
            (units("ExecuteTransaction", r#"{"TransactStatements":[{},{}]}"#) - 4.0).abs() < 1e-9
        );
    }
}
