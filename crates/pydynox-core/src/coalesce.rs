//! Coalesced reads: requested one by one, sent together in a BatchGetItem, each with an outcome of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::batch::{AT_ONCE, Gets, KeyNames, all};
use crate::call::{Answer, Call, Intent, Resend};
use crate::client::Client;
use crate::codec::Protection;
use crate::error::{Error, ErrorKind};
use crate::operation::get_item;
use crate::retry::deadline::Deadline;
use crate::transport::Operation;
use crate::wire::Writer;

/// One read of an item.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its table.
    pub table: KeyNames,
    /// JSON text of the key.
    pub key: Vec<u8>,
    /// Whether the read is strongly consistent.
    pub consistent_read: bool,
}

/// The outcome of a read: from a BatchGetItem the item alone, or empty if there is none; from a GetItem the whole answer.
pub type Outcome = Result<Answer, Error>;

/// A client that can open what each of these can.
pub fn joined(client: &Client, others: &[Client]) -> Client {
    let mut protection = client.protection();
    let mut all: Option<Protection> = None;
    for other in others.iter().filter_map(Client::protection) {
        if protection.is_some_and(|protection| Arc::ptr_eq(protection, other)) {
            continue;
        }
        let all = all.get_or_insert_with(|| match protection {
            Some(protection) => Protection::reading(protection),
            None => Protection::default(),
        });
        all.join(other);
        protection = Some(other);
    }
    match all {
        Some(all) => client.clone().protected(Some(Arc::new(all))),
        None => client.clone(),
    }
}

/// Sends reads together; their outcomes keep their order. A single read is sent as a GetItem. A table is never read with two
/// consistencies in one request. If a request is refused, its reads are sent one by one, so that only the faulty one fails.
pub async fn read(client: &Client, timeout: Option<Duration>, reads: Vec<Read>) -> Vec<Outcome> {
    let deadline = client.deadline(timeout);
    if let [read] = &reads[..] {
        return vec![alone(client, read, deadline).await];
    }
    let (mut gets, mut places) = ([Gets::new(), Gets::new()], Vec::with_capacity(reads.len()));
    for read in &reads {
        // BatchGetItem has one ConsistentRead for all keys of a table.
        let which = usize::from(gets[0].consistency(&read.table) == Some(!read.consistent_read));
        places.push(
            gets[which]
                .ask(&read.table, &read.key, read.consistent_read)
                .map(|place| (which, place)),
        );
    }
    let [one, other] = gets;
    let requests = [one, other].map(|gets| gets.read_each(client, deadline));
    let came = all(requests.into(), AT_ONCE).await;
    let mut refused = Vec::new();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(reads.len());
    for (number, place) in places.iter().enumerate() {
        let outcome = match place {
            Ok((which, place)) => came[*which][*place].clone(),
            Err(error) => Err(error.clone()),
        };
        if outcome.as_ref().is_err_and(may_be_of_another) {
            // Equal keys are requested once here, too.
            let first = places[..number].iter().position(
                |other| matches!((other, place), (Ok(other), Ok(place)) if other == place),
            );
            refused.push((number, first));
        }
        outcomes.push(outcome);
    }
    let singles = refused.iter().filter(|(_, first)| first.is_none());
    let singles = singles.map(|(number, _)| alone(client, &reads[*number], deadline));
    let mut singles = all(singles.collect(), AT_ONCE).await.into_iter();
    for (number, first) in refused {
        outcomes[number] = match first {
            Some(first) => outcomes[first].clone(),
            None => singles.next().unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Internal,
                    "a read without its outcome",
                ))
            }),
        };
    }
    outcomes
}

/// Whether the error may be about another read of the same request.
fn may_be_of_another(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TableNotFound | ErrorKind::AccessDenied | ErrorKind::InvalidRequest
    )
}

async fn alone(client: &Client, read: &Read, deadline: Deadline) -> Outcome {
    let mut writer = Writer::with_capacity(read.key.len() + read.table.table.len() + 64);
    get_item::begin(&mut writer, &read.table.table);
    writer.raw(&read.key);
    get_item::finish(&mut writer, read.consistent_read, &[]);
    let call = Call {
        operation: Operation::GetItem,
        table: read.table.table.clone(),
        body: Bytes::from(writer.into_bytes()),
        resend: Resend::Always,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: Some(deadline.left().unwrap_or(Duration::MAX)),
    };
    client.call(call).await
}
