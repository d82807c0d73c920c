//! Accesses: what a request does to one item, or to a part of one table.

use pydynox_core::transport::Operation;
use serde_json::{Map, Value};

/// What a request does to one item, or to a part of one table.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) table: String,
    pub(super) index: Option<String>,
    /// Whether the index is a global one.
    pub(super) is_global: bool,
    pub(super) is_write: bool,
    pub(super) is_consistent: bool,
    /// The partition key's value, as JSON text; None where a request has none or does not tell.
    pub(super) partition: Option<String>,
    /// The item's whole key, as JSON text.
    pub(super) item: Option<String>,
    /// The item's whole key, in its wire form.
    pub(super) key: Option<Map<String, Value>>,
    pub(super) sets: Sets,
    /// Of a write, the parts of global indexes that it changes: their names and partition keys.
    pub(super) entries: Vec<(String, String)>,
}

/// What a write makes of its item.
#[derive(Debug, Clone, Default)]
pub(super) enum Sets {
    /// It does not write.
    #[default]
    Nothing,
    /// These attributes, and no others.
    All(Map<String, Value>),
    /// What this request for the item alone makes of it.
    Update(Operation, Value),
}

impl Access {
    /// Whose throughput it uses: that of a local index is its table's.
    pub(super) fn place(&self) -> String {
        match &self.index {
            Some(index) if self.is_global => of_index(&self.table, index),
            _ => self.table.clone(),
        }
    }
}

/// The name of an index in a table's.
pub(super) fn of_index(table: &str, index: &str) -> String {
    format!("{table}/index/{index}")
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
