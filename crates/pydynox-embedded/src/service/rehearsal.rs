//! Rehearsal: a second engine that makes one update at a time of a copy of its item, which tells where indexes will have it.
//!
//! What an update makes of a key of an index can depend on the item, by functions, sums and other attributes.

use std::sync::Arc;

use pydynox_core::error::Error;
use pydynox_core::transport::{Operation, Transport, TransportError};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::ask;
use crate::location::Location;
use crate::store::Store;

/// The attributes of an item.
type Item = Map<String, Value>;

/// An engine that has a table with one item while it rehearses, and nothing otherwise.
pub(super) struct Rehearsal {
    /// One at a time: tables have the names of the original's.
    transport: Mutex<Arc<dyn Transport>>,
    _store: Store,
}

impl Rehearsal {
    /// As for [`Store::open`].
    pub(super) fn new() -> Result<Self, Error> {
        let store = Store::open(&Location::private())?;
        Ok(Self {
            transport: Mutex::new(store.direct()),
            _store: store,
        })
    }

    /// What an update makes of an item; the item itself if it is refused. `definition`: the key of its table.
    pub(super) async fn run(
        &self,
        table: &str,
        (definition, key): (Value, &Item),
        item: &Item,
        (operation, update): (Operation, &Value),
    ) -> Result<Item, TransportError> {
        let transport = self.transport.lock().await;
        let engine = &**transport;
        let of_table = |members: Value| {
            let mut body = members;
            body["TableName"] = table.into();
            body
        };
        // One that was cancelled has left its table.
        ask(engine, Operation::DeleteTable, of_table(json!({}))).await?;
        let mut definition = of_table(definition);
        definition["BillingMode"] = "PAY_PER_REQUEST".into();
        ask(engine, Operation::CreateTable, definition).await?;
        if !item.is_empty() {
            ask(engine, Operation::PutItem, of_table(json!({"Item": item}))).await?;
        }
        ask(engine, operation, update.clone()).await?;
        let get = of_table(json!({"Key": key}));
        let response = ask(engine, Operation::GetItem, get).await?;
        ask(engine, Operation::DeleteTable, of_table(json!({}))).await?;
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        Ok(answer["Item"].as_object().cloned().unwrap_or_default())
    }
}
