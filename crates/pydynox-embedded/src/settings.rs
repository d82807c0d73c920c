//! Settings: what has no effect on requests, remembered and described as long as the database is open.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What DynamoDB warms every table on demand to.
const WARM_READS: u64 = 12_000;
const WARM_WRITES: u64 = 4_000;

#[derive(Default, Clone)]
pub(crate) struct Settings {
    pub(crate) tables: RefCell<BTreeMap<String, Setting>>,
    /// By resource name: the policy and its revision.
    pub(crate) policies: RefCell<BTreeMap<String, (String, u64)>>,
    pub(crate) revisions: RefCell<u64>,
}

#[derive(Default, Clone)]
pub(crate) struct Setting {
    /// For how many days back the table could be restored.
    pub(crate) recovery: Option<u64>,
    /// The modes of contributor insights, by index; empty for the table itself.
    pub(crate) insights: BTreeMap<String, String>,
    /// Warm throughput by index; empty for the table itself.
    warmth: BTreeMap<String, Value>,
}

impl Settings {
    /// The table is gone.
    pub(crate) fn forget(&self, table: &str) {
        self.tables.borrow_mut().remove(table);
        let end = format!(":table/{table}");
        self.policies
            .borrow_mut()
            .retain(|resource, _| !resource.ends_with(&end));
    }

    /// Remembers the warm throughput that a request gives to a table and to these indexes.
    pub(crate) fn warm(&self, table: &str, body: &Value, indexes: &[Value]) {
        let given = [(String::new(), body)].into_iter().chain(
            indexes
                .iter()
                .map(|index| (text(index, "IndexName").to_owned(), index)),
        );
        for (index, holder) in given {
            if let Some(Value::Object(wanted)) = holder.get("WarmThroughput") {
                let units = |name: &str, least: u64| {
                    wanted.get(name).and_then(Value::as_u64).unwrap_or(least)
                };
                let warmth = json!({
                    "ReadUnitsPerSecond": units("ReadUnitsPerSecond", WARM_READS),
                    "WriteUnitsPerSecond": units("WriteUnitsPerSecond", WARM_WRITES),
                    "Status": "ACTIVE",
                });
                self.tables
                    .borrow_mut()
                    .entry(table.to_owned())
                    .or_default()
                    .warmth
                    .insert(index, warmth);
            }
        }
    }

    /// Adds what is remembered to the description of a table.
    pub(crate) fn add_warmth(&self, table: &str, description: &mut Value) {
        let tables = self.tables.borrow();
        let Some(setting) = tables.get(table) else {
            return;
        };
        for (index, warmth) in &setting.warmth {
            if index.is_empty() {
                description["WarmThroughput"] = warmth.clone();
            }
            let indexes = description
                .get_mut("GlobalSecondaryIndexes")
                .and_then(Value::as_array_mut);
            for described in indexes
                .into_iter()
                .flatten()
                .filter(|described| text(described, "IndexName") == index)
            {
                described["WarmThroughput"] = warmth.clone();
            }
        }
    }

    pub(crate) fn setting(&self, table: &str) -> Setting {
        self.tables.borrow().get(table).cloned().unwrap_or_default()
    }

    pub(crate) fn change(&self, table: &str, change: impl FnOnce(&mut Setting)) {
        change(
            self.tables
                .borrow_mut()
                .entry(table.to_owned())
                .or_default(),
        );
    }
}

fn text<'r>(element: &'r Value, name: &str) -> &'r str {
    element
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
