//! Memory: what this crate knows of the tables of an open database.

use crate::settings::Settings;
use crate::tables::Tables;

/// What is remembered as long as a database is open.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) tables: Tables,
    pub(crate) settings: Settings,
}

impl Memory {
    /// For a database that other processes may change, too, or that they cannot.
    pub(crate) fn new(is_shared: bool) -> Self {
        Self {
            tables: Tables::new(is_shared),
            settings: Settings::default(),
        }
    }

    /// The tables are those of another moment, or of another database.
    pub(crate) fn replace(&mut self, memory: Self) {
        self.tables.replace(memory.tables);
        self.settings = memory.settings;
    }
}
