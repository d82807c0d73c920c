//! Settings: what has no effect on requests, remembered and described; in the file of a `file:` engine.

mod file;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What DynamoDB warms every table on demand to.
const WARM_READS: u64 = 12_000;
const WARM_WRITES: u64 = 4_000;

/// The settings of a database, or why they cannot be read or written.
pub(crate) type Done<T> = Result<T, String>;

#[derive(Clone)]
pub(crate) struct Settings {
    /// Of a database that other processes may open, too: it is read every time.
    file: Option<PathBuf>,
    all: RefCell<Known>,
}

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Known {
    pub(crate) tables: BTreeMap<String, Setting>,
    /// By resource name: the policy and its revision.
    pub(crate) policies: BTreeMap<String, (String, u64)>,
    pub(crate) revisions: u64,
}

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Setting {
    /// For how many days back the table could be restored.
    pub(crate) recovery: Option<u64>,
    /// The modes of contributor insights, by index; empty for the table itself.
    pub(crate) insights: BTreeMap<String, String>,
    /// The last record of its earlier streams.
    pub(crate) stream_start: Option<String>,
    /// The view of its stream, where the engine keeps both images for it.
    pub(crate) stream_view: Option<String>,
    /// Warm throughput by index; empty for the table itself.
    warmth: BTreeMap<String, Value>,
}

impl Settings {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            all: RefCell::default(),
        }
    }

    /// The tables are those of another moment, or of another database.
    pub(crate) fn replace(&mut self, settings: Self) {
        // A file has been replaced with its settings.
        self.all = settings.all;
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> Done<T> {
        match &self.file {
            None => Ok(look(&self.all.borrow())),
            Some(path) => file::read(path).map(|all| look(&all)),
        }
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> Done<T> {
        match &self.file {
            None => Ok(change(&mut self.all.borrow_mut())),
            Some(path) => file::change(path, change),
        }
    }
}

impl Known {
    pub(crate) fn setting(&self, table: &str) -> Setting {
        self.tables.get(table).cloned().unwrap_or_default()
    }

    pub(crate) fn setting_mut(&mut self, table: &str) -> &mut Setting {
        self.tables.entry(table.to_owned()).or_default()
    }

    /// The table is gone.
    pub(crate) fn forget(&mut self, table: &str) {
        self.tables.remove(table);
        let end = format!(":table/{table}");
        self.policies
            .retain(|resource, _| !resource.ends_with(&end));
    }

    /// Remembers the warm throughput that a request gives to a table and to these indexes.
    pub(crate) fn warm(&mut self, table: &str, body: &Value, indexes: &[Value]) {
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
                self.setting_mut(table).warmth.insert(index, warmth);
            }
        }
    }

    /// Adds what is remembered to the description of a table.
    pub(crate) fn add_warmth(&self, table: &str, description: &mut Value) {
        let Some(setting) = self.tables.get(table) else {
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
}

fn text<'r>(element: &'r Value, name: &str) -> &'r str {
    element
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
