//! What an engine is made from, again after a fork: its place, and the clock of its time to live.

use std::path::PathBuf;
use std::sync::Arc;

use dynoxide::storage_backend::Clock;
use dynoxide::{Database, DynoxideError};

use crate::clock::MovedClock;
use crate::location::{Durability, Place};
use crate::ttl::Sweeper;

/// What an engine is made from, again after a fork.
pub(crate) struct Source {
    /// Canonical.
    pub(crate) place: Place,
    /// The clock of its time to live; a file's goes by the system's when it writes.
    clock: Arc<dyn Clock>,
}

impl Source {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            clock: Arc::new(MovedClock),
        }
    }

    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn is_memory(&self) -> bool {
        !matches!(self.place, Place::File { .. })
    }

    pub(crate) fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::File { path, .. } => Some(path.clone()),
            _ => None,
        }
    }

    pub(crate) fn sweeper(&self) -> Sweeper {
        // A file may hold tables with time to live from an earlier life; a sweep of none costs one small query.
        Sweeper::new(self.clock.clone(), !self.is_memory())
    }

    /// Opens a database.
    pub(crate) fn make(&self) -> Result<Database, String> {
        let database = match &self.place {
            Place::File { path, .. } => {
                let path = path.to_str().ok_or("its path is not UTF-8")?;
                Database::new(path)
            }
            _ => Database::memory_with_clock(self.clock.clone()),
        }
        .map_err(|error| words_of(&error))?;
        if matches!(
            self.place,
            Place::File {
                durability: Durability::Normal,
                ..
            }
        ) {
            // The only way that the engine has to `synchronous=NORMAL`; its other settings are SQLite's defaults.
            database
                .disable_bulk_loading()
                .map_err(|error| error.to_string())?;
        }
        Ok(database)
    }
}

/// What the engine says of a file that it cannot open.
fn words_of(error: &DynoxideError) -> String {
    let text = error.to_string();
    // Its own words advise features of its build.
    if text.contains("not a valid SQLite database") {
        return "it is not a database".to_owned();
    }
    text
}
