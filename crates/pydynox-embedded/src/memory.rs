//! Memory: what this crate knows of the tables of an open database.

use std::path::PathBuf;

use crate::settings::Settings;
use crate::tables::Tables;

/// What is remembered as long as a database is open.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) tables: Tables,
    pub(crate) settings: Settings,
}

impl Memory {
    /// For a database in a file, which other processes may change, too, or in memory.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self {
            tables: Tables::new(file.is_some()),
            settings: Settings::new(file),
        }
    }

    /// The tables are those of another moment, or of another database.
    pub(crate) fn replace(&mut self, memory: Self) {
        self.tables.replace(memory.tables);
        self.settings.replace(memory.settings);
    }
}
