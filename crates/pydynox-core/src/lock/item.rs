//! The item of a lock: its attributes, and the requests that take, extend and release it.
//!
//! | attribute | type | value |
//! |---|---|---|
//! | `owner` | S | the lease that holds it; absent while it is free |
//! | `beat` | S | new with each beat |
//! | `lease` | N | the length of the lease in milliseconds |
//! | `token` | N | how many leases there have been; never reset, so the item is never deleted |

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::call::{Answer, Call, Intent, Resend};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::id;
use crate::operation::{get_item, update_item};
use crate::transport::Operation;
use crate::wire::{Reader, Value, WireError, Writer};

/// What is stored of a lock.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// The lease that holds it.
    pub(super) owner: Option<String>,
    /// Its last beat.
    pub(super) beat: String,
    /// How long it lasts after a beat.
    pub(super) length: Duration,
    /// Its fencing token.
    pub(super) token: u64,
}

impl Item {
    fn read(json: &[u8]) -> Result<Self, WireError> {
        let mut values = Value::read_map(&mut Reader::new(json)?)?;
        let mut text = |name| match values.remove(name) {
            Some(Value::S(text)) => Some(text),
            Some(Value::N(number)) => Some(number.as_str().to_owned()),
            _ => None,
        };
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        Ok(Self {
            owner: text("owner"),
            beat: text("beat").unwrap_or_default(),
            // A holder that does not set the length of its lease never ends it.
            length: number(text("lease")).map_or(
                Duration::from_secs(u64::from(u32::MAX)),
                Duration::from_millis,
            ),
            token: number(text("token")).unwrap_or_default(),
        })
    }
}

/// The requests of one lease.
pub(super) struct Requests {
    table: Arc<str>,
    key: Box<[u8]>,
    owner: String,
    length: Duration,
}

impl Requests {
    pub(super) fn new(table: Arc<str>, key: Box<[u8]>, owner: String, length: Duration) -> Self {
        Self {
            table,
            key,
            owner,
            length,
        }
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn table(&self) -> &Arc<str> {
        &self.table
    }

    /// Takes the lock if it is free, or if its holder's last beat is `stale`; what is stored afterwards.
    pub(super) async fn take(&self, client: &Client, stale: Option<&str>) -> Result<Item, Error> {
        let mut w = self.begin();
        w.raw(br#","UpdateExpression":"SET #o = :o, #b = :b, #l = :l ADD #t :one","ConditionExpression":"attribute_not_exists(#o)"#);
        if stale.is_some() {
            w.raw(b" OR #b = :stale");
        }
        w.raw(br##"","ExpressionAttributeNames":{"#o":"owner","#b":"beat","#l":"lease","#t":"token"},"ExpressionAttributeValues":{":one":{"N":"1"},":o":"##);
        w.string_value(&self.owner);
        self.write_beat(&mut w)?;
        if let Some(stale) = stale {
            w.raw(br#",":stale":"#);
            w.string_value(stale);
        }
        w.byte(b'}');
        update_item::return_new(&mut w);
        // The guard is false once the lock is taken, and the item then names the lease that took it.
        let answer = self.send(client, w, Resend::OwnGuard, None).await;
        match answer {
            Ok(answer) => {
                let range = update_item::item(&answer.body).map_err(unreadable)?;
                let range = range.ok_or_else(|| lacks("Attributes"))?;
                Item::read(&answer.body[range]).map_err(unreadable)
            }
            Err(error) => match error.kind() {
                ErrorKind::ConditionFailed { item: Some(item) } => {
                    Item::read(item).map_err(unreadable)
                }
                // An engine that does not return it.
                ErrorKind::ConditionFailed { item: None } => self.look(client).await,
                _ => Err(error),
            },
        }
    }

    /// What is stored.
    pub(super) async fn look(&self, client: &Client) -> Result<Item, Error> {
        let mut w = Writer::with_capacity(128);
        get_item::begin(&mut w, &self.table);
        w.raw(&self.key);
        get_item::finish(&mut w, true, &[]);
        let call = self.call(Operation::GetItem, w, Resend::Always, None);
        let answer = client.call(call).await?;
        match get_item::item(&answer.body).map_err(unreadable)? {
            Some(range) => Item::read(&answer.body[range]).map_err(unreadable),
            None => Ok(Item::default()),
        }
    }

    /// Extends the lease.
    pub(super) async fn beat(&self, client: &Client, left: Duration) -> Result<(), Error> {
        let mut w = self.begin();
        w.raw(br##","UpdateExpression":"SET #b = :b, #l = :l","ConditionExpression":"#o = :o","ExpressionAttributeNames":{"#o":"owner","#b":"beat","#l":"lease"},"ExpressionAttributeValues":{":o":"##);
        w.string_value(&self.owner);
        self.write_beat(&mut w)?;
        w.byte(b'}');
        // Sent twice it is one beat.
        self.send(client, w, Resend::Always, Some(left))
            .await
            .map(drop)
    }

    /// Frees the lock if this lease holds it.
    pub(super) async fn release(&self, client: &Client) -> Result<(), Error> {
        let mut w = self.begin();
        w.raw(br##","UpdateExpression":"REMOVE #o, #b, #l","ConditionExpression":"#o = :o","ExpressionAttributeNames":{"#o":"owner","#b":"beat","#l":"lease"},"ExpressionAttributeValues":{":o":"##);
        w.string_value(&self.owner);
        w.byte(b'}');
        self.send(client, w, Resend::OwnGuard, None).await.map(drop)
    }

    fn begin(&self) -> Writer {
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &self.table);
        w.raw(&self.key);
        w
    }

    fn write_beat(&self, w: &mut Writer) -> Result<(), Error> {
        w.raw(br#",":b":"#);
        w.string_value(&id::uuid_text(id::uuid4()?));
        w.raw(br#",":l":"#);
        let milliseconds = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX);
        w.integer_value(milliseconds);
        Ok(())
    }

    async fn send(
        &self,
        client: &Client,
        mut w: Writer,
        resend: Resend,
        timeout: Option<Duration>,
    ) -> Result<Answer, Error> {
        w.raw(br#","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}"#);
        let own = client.config().timeout;
        let timeout = timeout.map(|left| own.map_or(left, |own| own.min(left)));
        client
            .call(self.call(Operation::UpdateItem, w, resend, timeout))
            .await
    }

    fn call(
        &self,
        operation: Operation,
        w: Writer,
        resend: Resend,
        timeout: Option<Duration>,
    ) -> Call {
        Call {
            operation,
            table: self.table.clone(),
            body: Bytes::from(w.into_bytes()),
            resend,
            intent: Intent::Plain,
            proof: None,
            own_token: None,
            timeout,
        }
    }
}

fn unreadable(source: WireError) -> Error {
    let message = format!("the response cannot be read: {source}");
    Error::new(ErrorKind::InvalidResponse, message).with_source(source)
}

fn lacks(member: &str) -> Error {
    let message = format!("the response has no {member}");
    Error::new(ErrorKind::InvalidResponse, message)
}
