//! Stores: an open engine as its owner sees it, who can copy all of its tables and put them back.

use std::sync::Arc;

use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::Transport;

use crate::engine::Engine;
use crate::location::Location;
use crate::registry;
use crate::slot::Slot;
use crate::snapshot::Snapshot;
use crate::transport;

/// An open engine.
#[derive(Clone)]
pub struct Store {
    slot: Arc<Slot>,
    location: Location,
}

impl Store {
    /// Opens the engine at this location, or shares the one already open there, as [`crate::open`] does.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when it cannot be opened.
    pub fn open(location: &Location) -> Result<Self, Error> {
        Ok(Self {
            slot: registry::open(location)?,
            location: location.clone(),
        })
    }

    /// What answers its requests, with the latency that the location asks for.
    pub fn transport(&self) -> Arc<dyn Transport> {
        transport::wrap(self.slot.clone(), self.location.latency())
    }

    /// The same without latency.
    pub fn direct(&self) -> Arc<dyn Transport> {
        transport::wrap(self.slot.clone(), None)
    }

    /// Copies all tables. Waits for requests in progress: call it outside any runtime, and without the GIL.
    ///
    /// # Errors
    /// The engine failed, or belongs to a parent process.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let desk = self.slot.desk().map_err(|error| elsewhere(&error))?;
        desk.administer(Engine::snapshot)
    }

    /// Makes all tables what they were: those created since are gone, and idempotency tokens are forgotten. As for
    /// [`snapshot`](Self::snapshot).
    ///
    /// # Errors
    /// The engine failed, or it or the snapshot belongs to a parent process.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let desk = self.slot.desk().map_err(|error| elsewhere(&error))?;
        desk.administer(|engine| engine.restore(snapshot))
    }
}

fn elsewhere(error: &pydynox_core::transport::TransportError) -> Error {
    Error::new(ErrorKind::Configuration, error.to_string())
}
