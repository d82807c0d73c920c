//! Members of a record: the parts of its change, wherever its sender puts them, collected in one pass.

use std::borrow::Cow;

use super::{Place, table_of};
use crate::wire::{Reader, Tag, WireError};

/// A point in time as a sender writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written(f64);

/// The unit of a point in time, if the sender names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Milliseconds,
    Microseconds,
}

impl Written {
    /// Microseconds since 1970. DynamoDB Streams sends seconds; Kinesis milliseconds, or microseconds if the table asks for them.
    pub(super) fn micros(self, precision: Option<Precision>) -> i64 {
        // Without a unit, the magnitude decides: as seconds, the smaller bound is the year 5138.
        let factor = match precision {
            Some(Precision::Milliseconds) => 1e3,
            None if self.0 < 1e11 => 1e6,
            None if self.0 < 1e14 => 1e3,
            Some(Precision::Microseconds) | None => 1.0,
        };
        (self.0 * factor).round() as i64
    }
}

/// The parts of a change, in a member `dynamodb` or at the top of an export's line.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) item: Option<Place>,
    pub(super) keys: Option<Place>,
    pub(super) new: Option<Place>,
    pub(super) old: Option<Place>,
    pub(super) size: Option<u64>,
    pub(super) created: Option<Written>,
    /// Whether one of these is not a map.
    pub(super) is_odd: bool,
}

/// The members of a record.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    /// Whether its records are elsewhere.
    pub(super) contains_records: bool,
    pub(super) source: Option<&'a str>,
    pub(super) event: Option<&'a str>,
    pub(super) table: Option<&'a str>,
    pub(super) event_id: Option<Place>,
    pub(super) sequence_number: Option<Place>,
    /// What a Kinesis record carries, in base64.
    pub(super) data: Option<Cow<'a, str>>,
    /// The body of a message.
    pub(super) body: Option<Cow<'a, str>>,
    /// The member `dynamodb`.
    pub(super) stream: Option<Parts>,
    /// The parts at the top, as a line of an export has them.
    pub(super) own: Parts,
    pub(super) precision: Option<Precision>,
    /// When the line of an incremental export was written, in microseconds since 1970.
    pub(super) written: Option<i64>,
    pub(super) is_service: bool,
    pub(super) principal: Option<&'a str>,
}

impl<'a> Members<'a> {
    /// Reads the member of this name; the cursor is at its value.
    pub(super) fn read(&mut self, r: &mut Reader<'a>, name: &str) -> Result<(), WireError> {
        match name {
            "dynamodb" if r.peek()? == b'{' => {
                let mut parts = Parts::default();
                r.begin_object()?;
                while let Some(name) = r.next_key()? {
                    self.part(r, name.raw(), &mut parts)?;
                }
                self.stream = Some(parts);
            }
            "kinesis" if r.peek()? == b'{' => {
                r.begin_object()?;
                while let Some(name) = r.next_key()? {
                    match name.raw() {
                        "data" | "sequenceNumber" => self.read(r, name.raw())?,
                        _ => r.pass()?,
                    }
                }
            }
            "data" if r.peek()? == b'"' => self.data = Some(r.string()?.decode()?),
            "body" if r.peek()? == b'"' => self.body = Some(r.string()?.decode()?),
            "sequenceNumber" | "messageId" => self.sequence_number = word(r)?,
            "eventID" => self.event_id = word(r)?,
            "eventSource" => self.source = text(r)?,
            "eventName" => self.event = text(r)?,
            "tableName" => self.table = text(r)?,
            "eventSourceARN" => {
                if let Some(table) = text(r)?.and_then(table_of) {
                    self.table = Some(table);
                }
            }
            "userIdentity" if r.peek()? == b'{' => {
                r.begin_object()?;
                while let Some(name) = r.next_key()? {
                    match name.raw() {
                        // Lambda's spelling, and that of GetRecords.
                        "type" | "Type" => self.is_service = text(r)? == Some("Service"),
                        "principalId" | "PrincipalId" => self.principal = text(r)?,
                        _ => r.pass()?,
                    }
                }
            }
            "Metadata" if r.peek()? == b'{' => {
                r.begin_object()?;
                while let Some(name) = r.next_key()? {
                    if name.raw() == "WriteTimestampMicros" {
                        self.written = number_value(r)?;
                    } else {
                        r.pass()?;
                    }
                }
            }
            "Item" => {
                let mut own = std::mem::take(&mut self.own);
                own.item = map(r, &mut own.is_odd)?;
                self.own = own;
            }
            "Keys" | "NewImage" | "OldImage" => {
                let mut own = std::mem::take(&mut self.own);
                self.part(r, name, &mut own)?;
                self.own = own;
            }
            _ => r.pass()?,
        }
        Ok(())
    }

    fn part(&mut self, r: &mut Reader<'a>, name: &str, parts: &mut Parts) -> Result<(), WireError> {
        match name {
            "Keys" => parts.keys = map(r, &mut parts.is_odd)?,
            "NewImage" => parts.new = map(r, &mut parts.is_odd)?,
            "OldImage" => parts.old = map(r, &mut parts.is_odd)?,
            "SequenceNumber" => self.sequence_number = word(r)?,
            "SizeBytes" => parts.size = whole_number(r)?,
            "ApproximateCreationDateTime" => parts.created = number(r)?.map(Written),
            "ApproximateCreationDateTimePrecision" => {
                self.precision = match text(r)? {
                    Some("MILLISECOND") => Some(Precision::Milliseconds),
                    Some("MICROSECOND") => Some(Precision::Microseconds),
                    _ => None,
                };
            }
            _ => r.pass()?,
        }
        Ok(())
    }
}

/// A string without escapes; None for anything else.
fn text<'a>(r: &mut Reader<'a>) -> Result<Option<&'a str>, WireError> {
    if r.peek()? != b'"' {
        r.pass()?;
        return Ok(None);
    }
    let text = r.string()?;
    Ok(text.is_plain().then(|| text.raw()))
}

/// The place of such a string, without its quotes.
fn word(r: &mut Reader<'_>) -> Result<Option<Place>, WireError> {
    r.peek()?;
    let start = r.position() + 1;
    Ok(text(r)?.map(|text| start..start + text.len()))
}

/// The place of a map; None for null.
fn map(r: &mut Reader<'_>, is_odd: &mut bool) -> Result<Option<Place>, WireError> {
    let first = r.peek()?;
    let start = r.position();
    r.pass()?;
    if first == b'{' {
        return Ok(Some(start..r.position()));
    }
    *is_odd |= first != b'n';
    Ok(None)
}

/// A JSON number; None for anything else.
fn number(r: &mut Reader<'_>) -> Result<Option<f64>, WireError> {
    if !matches!(r.peek()?, b'-' | b'0'..=b'9') {
        r.pass()?;
        return Ok(None);
    }
    Ok(r.json_number()?.parse().ok())
}

/// A JSON number without a sign or a fraction; None for anything else.
fn whole_number(r: &mut Reader<'_>) -> Result<Option<u64>, WireError> {
    if !r.peek()?.is_ascii_digit() {
        r.pass()?;
        return Ok(None);
    }
    Ok(r.json_number()?.parse().ok())
}

/// An attribute value that is a whole number.
fn number_value(r: &mut Reader<'_>) -> Result<Option<i64>, WireError> {
    let mut value = r.clone();
    r.pass()?;
    if !matches!(value.begin_value(), Ok(Tag::N)) {
        return Ok(None);
    }
    Ok(value.string()?.raw().parse().ok())
}
