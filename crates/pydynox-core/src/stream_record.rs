//! Stream records: changes of items as DynamoDB Streams, Kinesis, EventBridge Pipes and S3 exports deliver them, found in one pass.

mod carriers;
mod images;
mod members;

use std::fmt;
use std::ops::Range;

use crate::wire::{Reader, WireError};

pub use images::{canonical, changed};

use members::{Members, Parts};

/// What the principal of a deletion by time to live is called.
const TIME_TO_LIVE: &str = "dynamodb.amazonaws.com";

/// A place in the text of an event, or in the payload of a record.
pub type Place = Range<usize>;

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It was created.
    Insert,
    /// It was changed.
    Modify,
    /// It was deleted.
    Remove,
}

impl Event {
    /// DynamoDB's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Modify => "MODIFY",
            Self::Remove => "REMOVE",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Insert, Self::Modify, Self::Remove]
            .into_iter()
            .find(|event| event.name() == name)
    }
}

/// What delivered a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// DynamoDB Streams, directly or through EventBridge Pipes.
    Stream,
    /// A Kinesis data stream.
    Kinesis,
    /// A message of SQS, into which EventBridge Pipes put a record.
    Message,
    /// A line of a full export: an item without its history.
    Export,
    /// A line of an incremental export.
    IncrementalExport,
}

/// One change of an item. Its places are in its payload if it has one, else in the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub event: Event,
    /// The key, a map of attribute values; None for a line of a full export, whose item contains it.
    pub keys: Option<Place>,
    /// The item after the change, as far as the stream has it.
    pub new: Option<Place>,
    /// The item before the change.
    pub old: Option<Place>,
    /// The size in bytes, as the stream reports it.
    pub size: Option<u64>,
    /// When it happened, in microseconds since 1970.
    pub created: Option<i64>,
    /// Whether DynamoDB deleted the item because its time to live had passed.
    pub by_time_to_live: bool,
}

impl Change {
    /// The images to compare, the old one first.
    ///
    /// # Errors
    ///
    /// The stream's view type leaves one of them out.
    pub fn images(&self) -> Result<(Option<&Place>, Option<&Place>), &'static str> {
        let is_complete = match self.event {
            Event::Insert => self.new.is_some(),
            Event::Modify => self.old.is_some() && self.new.is_some(),
            Event::Remove => self.old.is_some(),
        };
        if is_complete {
            return Ok((self.old.as_ref(), self.new.as_ref()));
        }
        Err(
            "the stream leaves out an image that the changes are found by: give it the view type NEW_AND_OLD_IMAGES",
        )
    }
}

/// One record of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where the record is in the event.
    pub whole: Place,
    /// What delivered it.
    pub origin: Origin,
    /// Its sequence number, in the event; of a message, the identifier of that.
    pub sequence_number: Option<Place>,
    /// Its identifier, in the event; of a message, in its payload.
    pub event_id: Option<Place>,
    /// What a Kinesis record carries, decoded from base64, or the body of a message.
    pub payload: Option<Box<[u8]>>,
    /// The number of its table among those of the event.
    pub table: Option<usize>,
    /// The change, or why the record contains none.
    pub change: Result<Change, Box<str>>,
}

/// The records of an event, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records.
    pub records: Vec<Record>,
    /// The tables that they name.
    pub tables: Vec<Box<str>>,
}

/// Why a text contains no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not JSON.
    Malformed(WireError),
    /// It is an event of another service, as `eventSource` names it.
    Source(Box<str>),
    /// It is about a batch that failed, and has none of its records.
    Report(Box<str>),
    /// It is JSON of another kind.
    Shape,
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "this is not JSON: {error}"),
            Self::Source(source) if &**source == "aws:sqs" => f.write_str(
                "this is an event of aws:sqs without a table's changes: batch.handler takes messages of SQS",
            ),
            Self::Source(source) => write!(
                f,
                "this is an event of {source}, not of a table's changes (aws:dynamodb, or aws:kinesis with a table's changes)"
            ),
            Self::Report(report) => write!(f, "this {report}"),
            Self::Shape => f.write_str(
                "this is not an event of a table's changes: it has neither Records, nor is it a list of records or lines of an export",
            ),
        }
    }
}

impl Records {
    /// The records in a text: an event of Lambda, a list of EventBridge Pipes, a response of `GetRecords`, a single record, or the
    /// lines of an export.
    ///
    /// # Errors
    ///
    /// The text is something else. A record that contains no change is not an error of the text: see [`Record::change`].
    pub fn of(text: &[u8]) -> Result<Self, Refused> {
        let mut all = Self::default();
        let mut r = Reader::new(text)?;
        loop {
            match r.peek()? {
                b'[' => all.list(&mut r)?,
                b'{' => all.one(&mut r, true)?,
                _ => return Err(Refused::Shape),
            }
            if r.end().is_ok() {
                return all.of_changes();
            }
        }
    }

    fn list(&mut self, r: &mut Reader<'_>) -> Result<(), Refused> {
        r.begin_array()?;
        while r.next_element()? {
            if r.peek()? != b'{' {
                return Err(Refused::Shape);
            }
            self.one(r, false)?;
        }
        Ok(())
    }

    /// An object: a record or, at the top, what contains records.
    fn one(&mut self, r: &mut Reader<'_>, top: bool) -> Result<(), Refused> {
        r.peek()?;
        let start = r.position();
        let mut members = Members::default();
        r.begin_object()?;
        while let Some(name) = r.next_key()? {
            match name.raw() {
                "Records" if top && r.peek()? == b'[' => {
                    self.list(r)?;
                    members.contains_records = true;
                }
                // An event of EventBridge, to which a pipe sent a record.
                "detail" if top && r.peek()? == b'{' => {
                    self.one(r, false)?;
                    members.contains_records = true;
                }
                "DDBStreamBatchInfo" | "KinesisBatchInfo" if top && r.peek()? == b'{' => {
                    return Err(Refused::Report(carriers::report(r)?));
                }
                name => members.read(r, name)?,
            }
        }
        if members.contains_records {
            return Ok(());
        }
        let whole = start..r.position();
        let record = self.record(members, whole)?;
        self.records.push(record);
        Ok(())
    }

    fn record(&mut self, mut members: Members<'_>, whole: Place) -> Result<Record, Refused> {
        if let Some(source) = members.source
            && !matches!(source, "aws:dynamodb" | "aws:kinesis" | "aws:sqs")
        {
            return Err(Refused::Source(source.into()));
        }
        let mut record = Record {
            whole,
            origin: Origin::Stream,
            sequence_number: members.sequence_number.take(),
            event_id: members.event_id.take(),
            payload: None,
            table: None,
            change: Err(Box::default()),
        };
        if members.source == Some("aws:sqs") {
            self.message(&mut record, &members.body.take().unwrap_or_default());
            return Ok(record);
        }
        if let Some(data) = members.data.take() {
            record.origin = Origin::Kinesis;
            self.kinesis(&mut record, data.as_bytes());
            return Ok(record);
        }
        if let Some(table) = members.table {
            record.table = Some(self.table(table));
        }
        if members.stream.is_some() {
            record.change = members.change().map_err(Into::into);
            return Ok(record);
        }
        if members.source.is_some() {
            record.change = Err("it has no member 'dynamodb'".into());
            return Ok(record);
        }
        let Some((origin, change)) = members.line() else {
            return Err(Refused::Shape);
        };
        record.origin = origin;
        record.change = change.map_err(Into::into);
        Ok(record)
    }

    /// The number of a table. An event is almost always of one table.
    fn table(&mut self, name: &str) -> usize {
        let number = self.tables.iter().rposition(|other| **other == *name);
        number.unwrap_or_else(|| {
            self.tables.push(name.into());
            self.tables.len() - 1
        })
    }
}

impl Record {
    /// A part of the record: the JSON text at a place of its change.
    pub fn part<'a>(&'a self, event: &'a [u8], place: &Place) -> &'a [u8] {
        let text = self.payload.as_deref().unwrap_or(event);
        text.get(place.clone()).unwrap_or_default()
    }

    /// Its identifier.
    pub fn event_id<'a>(&'a self, event: &'a [u8]) -> Option<&'a str> {
        let place = self.event_id.as_ref()?;
        let text = match self.origin {
            Origin::Message => self.part(event, place),
            _ => event.get(place.clone())?,
        };
        std::str::from_utf8(text).ok()
    }
}

impl Members<'_> {
    /// What a member `dynamodb` says.
    fn change(self) -> Result<Change, &'static str> {
        let by_time_to_live = self.is_service && self.principal == Some(TIME_TO_LIVE);
        let Parts {
            keys,
            new,
            old,
            size,
            created,
            is_odd,
            ..
        } = self.stream.unwrap_or_default();
        if is_odd {
            return Err("its keys or images are not maps");
        }
        let event = self.event.and_then(Event::from_name);
        let event = event.ok_or("its eventName is not INSERT, MODIFY or REMOVE")?;
        Ok(Change {
            event,
            keys: Some(keys.ok_or("it has no Keys")?),
            new,
            old,
            size,
            created: created.map(|created| created.micros(self.precision)),
            by_time_to_live: by_time_to_live && event == Event::Remove,
        })
    }

    /// What a line of an export says; None if it is not one.
    fn line(self) -> Option<(Origin, Result<Change, &'static str>)> {
        let Parts {
            item,
            keys,
            new,
            old,
            is_odd,
            ..
        } = self.own;
        let (origin, new) = match (item, &keys) {
            (Some(item), None) => (Origin::Export, Some(item)),
            (None, Some(_)) => (Origin::IncrementalExport, new),
            (None, None) if is_odd => {
                return Some((Origin::Export, Err("its item is not a map")));
            }
            (Some(_), Some(_)) | (None, None) => return None,
        };
        if is_odd {
            return Some((origin, Err("its keys or images are not maps")));
        }
        let event = match (&old, &new) {
            (Some(_), Some(_)) => Event::Modify,
            // An export of new images alone does not tell an insertion from a change.
            (None, Some(_)) => Event::Insert,
            (_, None) => Event::Remove,
        };
        let change = Change {
            event,
            keys,
            new,
            old,
            size: None,
            created: self.written,
            by_time_to_live: false,
        };
        Some((origin, Ok(change)))
    }
}

/// The name of the table in the ARN of a table or its stream, `arn:aws:dynamodb:region:account:table/NAME/stream/label`.
pub fn table_of(arn: &str) -> Option<&str> {
    let (head, name) = arn.split_once(":table/")?;
    let name = name.split('/').next()?;
    (head.starts_with("arn:") && head.split(':').nth(2) == Some("dynamodb")).then_some(name)
}

#[cfg(test)]
mod tests;
