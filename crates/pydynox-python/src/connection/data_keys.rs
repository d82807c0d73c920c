//! The data keys of a client's keyring: one set for a process, for an event loop, or for a test.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pydynox_core::codec::{DataKeys, KeyLimits};
use pydynox_core::error::Error;
use pydynox_core::process;
use pyo3::prelude::*;

use crate::connection::isolation::Stage;
use crate::connection::keyring::GivenKeyring;
use crate::exceptions::raise;
use crate::interpreter::bridge;

/// An event loop, and the data keys that are asked for in it.
pub(super) type OfLoop = (Option<Py<PyAny>>, Arc<DataKeys>);

/// Where data keys come from, and those of this process, once one was asked for.
pub(super) struct Keys {
    pub(super) given: GivenKeyring,
    pub(super) limits: KeyLimits,
    pub(super) surroundings: Option<pydynox_aws::Settings>,
    pub(super) opened: OnceLock<Arc<DataKeys>>,
    /// Of a keyring of the user's, by event loop; None where no loop runs.
    pub(super) by_loop: Mutex<Vec<OfLoop>>,
    /// Of a service, within the test of this number: asked with credentials that are not the machine's.
    pub(super) of_test: Mutex<Option<(u64, Arc<DataKeys>)>>,
}

impl Keys {
    /// Those of a service within a test: of its own address, or what the test has in its place.
    pub(super) fn of_test(&self, py: Python<'_>, stage: &Stage) -> PyResult<Arc<DataKeys>> {
        if !self.given.has_endpoint() {
            return stage.keys(py);
        }
        let mut of_test = self.of_test.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, keys)) = &*of_test
            && *id == stage.id
        {
            return Ok(keys.clone());
        }
        let opened = self
            .make()
            .map_err(|error| raise(py, &error))
            .map(Arc::new)?;
        *of_test = Some((stage.id, opened.clone()));
        Ok(opened)
    }

    /// Data keys of their own.
    pub(super) fn make(&self) -> Result<DataKeys, Error> {
        let surroundings = self.surroundings.clone().unwrap_or_default();
        let keyring = self.given.open(surroundings, None)?;
        let generation = process::era();
        DataKeys::new(keyring, self.given.pairs(), self.limits, generation)
    }

    /// The data keys of a keyring that is awaited in the event loop of its callers.
    pub(super) fn of_loop(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        let event_loop = bridge::running_loop(py)?;
        let is_it = |key_loop: &Option<Py<PyAny>>| match (key_loop, &event_loop) {
            (Some(key_loop), Some(event_loop)) => key_loop.is(event_loop),
            (None, None) => true,
            _ => false,
        };
        let keys_of_loop = || {
            let all = self.by_loop.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = all.iter().find(|(key_loop, _)| is_it(key_loop));
            entry.map(|(_, keys)| keys.clone())
        };
        if let Some(keys) = keys_of_loop() {
            return Ok(keys);
        }
        let refuse = |error: Error| raise(py, &error);
        let caller = event_loop.as_ref().map(bridge::caller).transpose()?;
        let event_loop = event_loop.clone().map(Bound::unbind);
        let keyring = self
            .given
            .open(pydynox_aws::Settings::default(), caller)
            .map_err(refuse)?;
        let generation = process::era();
        let opened = DataKeys::new(keyring, self.given.pairs(), self.limits, generation);
        let opened = Arc::new(opened.map_err(refuse)?);
        let ended = {
            let mut all = self.by_loop.lock().unwrap_or_else(PoisonError::into_inner);
            // A call that comes while this list is away makes keys of its own: one more request to the keyring, no wrong key.
            let mut before = std::mem::take(&mut *all);
            before.push((event_loop, opened.clone()));
            before
        };
        // Looked at without the lock: loops that are closed are let go of.
        let running: Vec<_> = ended
            .into_iter()
            .filter(|(key_loop, _)| {
                key_loop.as_ref().is_none_or(|key_loop| {
                    let closed = key_loop.call_method0(py, pyo3::intern!(py, "is_closed"));
                    !closed
                        .and_then(|closed| closed.bind(py).is_truthy())
                        .unwrap_or(true)
                })
            })
            .collect();
        self.by_loop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(running);
        Ok(opened)
    }
}
