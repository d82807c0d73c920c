//! Carriers: records within the data of Kinesis or the body of a message of SQS, and reports of batches that failed.

use super::members::Members;
use super::{Origin, Record, Records, Refused};
use crate::wire::{Reader, WireError, base64};

/// Why a message that has nothing to do with a table cannot be read.
pub(super) const NO_CHANGE: &str = "its body is not a change of an item in DynamoDB";

impl Records {
    /// The record in the data of a Kinesis record.
    pub(super) fn kinesis(&mut self, record: &mut Record, data: &[u8]) {
        let Ok(payload) = base64::decode(data) else {
            record.change = Err("its data is not base64".into());
            return;
        };
        record.change = (|| {
            let foreign = |_: WireError| "its data is not JSON";
            let mut r = Reader::new(&payload).map_err(foreign)?;
            if r.peek().map_err(foreign)? != b'{' {
                return Err("its data is not a change of an item in DynamoDB".into());
            }
            let mut members = Members::default();
            r.begin_object().map_err(foreign)?;
            while let Some(name) = r.next_key().map_err(foreign)? {
                members.read(&mut r, name.raw()).map_err(foreign)?;
            }
            r.end().map_err(foreign)?;
            if members.stream.is_none() {
                return Err("its data is not a change of an item in DynamoDB".into());
            }
            record.table = members.table.map(|table| self.table(table));
            members.change().map_err(Into::into)
        })();
        record.payload = Some(payload.into());
    }

    /// The record in the body of a message, as EventBridge Pipes writes it, or EventBridge around it.
    pub(super) fn message(&mut self, record: &mut Record, body: &str) {
        record.origin = Origin::Message;
        let foreign = |_: WireError| Box::from(NO_CHANGE);
        let mut data = None;
        record.change = (|| {
            let mut r = Reader::new(body.as_bytes()).map_err(foreign)?;
            if r.peek().map_err(foreign)? != b'{' {
                return Err(NO_CHANGE.into());
            }
            let mut members = Members::default();
            let report = members.of_body(&mut r).map_err(foreign)?;
            r.end().map_err(foreign)?;
            if let Some(report) = report {
                return Err(format!("its body {report}").into());
            }
            if members.stream.is_none() {
                data = members.data;
                return Err(NO_CHANGE.into());
            }
            record.event_id = members.event_id.take();
            record.table = members.table.map(|table| self.table(table));
            members.change().map_err(Into::into)
        })();
        match data {
            Some(data) => self.kinesis(record, data.as_bytes()),
            None => record.payload = Some(body.as_bytes().into()),
        }
    }

    /// These records, unless all of them are messages that have nothing to do with a table.
    pub(super) fn of_changes(self) -> Result<Self, Refused> {
        let is_foreign = |record: &Record| {
            record.origin == Origin::Message
                && matches!(&record.change, Err(why) if **why == *NO_CHANGE)
        };
        if !self.records.is_empty() && self.records.iter().all(is_foreign) {
            return Err(Refused::Source("aws:sqs".into()));
        }
        Ok(self)
    }
}

impl<'a> Members<'a> {
    /// Reads the members of a body; returns what it reports in their place.
    fn of_body(&mut self, r: &mut Reader<'a>) -> Result<Option<Box<str>>, WireError> {
        let mut reported = None;
        r.begin_object()?;
        while let Some(name) = r.next_key()? {
            match name.raw() {
                "DDBStreamBatchInfo" | "KinesisBatchInfo" if r.peek()? == b'{' => {
                    reported = Some(report(r)?);
                }
                "detail" if r.peek()? == b'{' => {
                    r.begin_object()?;
                    while let Some(name) = r.next_key()? {
                        self.read(r, name.raw())?;
                    }
                }
                name => self.read(r, name)?,
            }
        }
        Ok(reported)
    }
}

/// What Lambda sends to a failure destination of a stream, as text: where the records are that it gave up on.
pub(super) fn report(r: &mut Reader<'_>) -> Result<Box<str>, WireError> {
    let (mut shard, mut first, mut last, mut stream) = ("?", "?", "?", "the stream");
    r.begin_object()?;
    while let Some(name) = r.next_key()? {
        let place = match name.raw() {
            "shardId" => &mut shard,
            "startSequenceNumber" => &mut first,
            "endSequenceNumber" => &mut last,
            "streamArn" => &mut stream,
            _ => {
                r.pass()?;
                continue;
            }
        };
        if r.peek()? == b'"' {
            *place = r.string()?.raw();
        } else {
            r.pass()?;
        }
    }
    Ok(format!(
        "reports a batch that Lambda gave up on, and has none of its records: they are in the shard {shard} of {stream}, from sequence number {first} to {last}. A stream keeps them for 24 hours: send GetShardIterator with AT_SEQUENCE_NUMBER and that number, then GetRecords, and decode its answer"
    )
    .into())
}
