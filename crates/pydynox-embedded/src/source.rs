//! What an engine is made from, again after a fork: its place, and the clock of its time to live.

use std::sync::Arc;

use dynoxide::storage_backend::{Clock, SystemClock};
use dynoxide::{Database, DynoxideError};

use crate::location::{Durability, Place};
use crate::ttl::Sweeper;

/// What an engine is made from, again after a fork.
pub(crate) struct Source {
    /// Canonical.
    pub(crate) place: Place,
    /// Stands in for the system's clock; in memory only.
    clock: Option<Arc<dyn Clock>>,
}

impl Source {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, clock: None }
    }

    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    pub(crate) fn is_memory(&self) -> bool {
        !matches!(self.place, Place::File { .. })
    }

    pub(crate) fn sweeper(&self) -> Sweeper {
        let clock = self.clock.clone().unwrap_or_else(SystemClock::arc);
        // A file may hold tables with time to live from an earlier life; a sweep of none costs one small query.
        Sweeper::new(clock, !self.is_memory())
    }

    /// Opens a database.
    pub(crate) fn make(&self) -> Result<Database, String> {
        let database = match (&self.place, &self.clock) {
            (Place::File { path, .. }, _) => {
                let path = path.to_str().ok_or("its path is not UTF-8")?;
                Database::new(path)
            }
            (_, Some(clock)) => Database::memory_with_clock(clock.clone()),
            (_, None) => Database::memory(),
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
