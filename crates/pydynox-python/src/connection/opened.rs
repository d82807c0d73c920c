//! Open connections: a client's is opened at the first call, again in a forked child, and elsewhere during a test.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pydynox_core::client::Client as CoreClient;
use pydynox_core::process::Maker;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::connection::delivery;
use crate::connection::isolation;
use crate::connection::settings::Settings;
use crate::exceptions::raise;
use crate::interpreter::runtime;
use pydynox_core::client::faults::{Injections, Opened};

/// The connections of one client. Only locked while the interpreter is held, and never across a call into Python.
#[derive(Default)]
pub(crate) struct Connections(Mutex<State>);

#[derive(Default)]
struct State {
    is_closed: bool,
    /// It never goes elsewhere: its owner arranges a test behind the test's back.
    is_behind: bool,
    /// Where its settings lead.
    own: Option<Open>,
    /// Where the calls of a test go; its own connection waits meanwhile.
    visit: Option<(u64, Open)>,
}

/// An open connection, and the process that opened it. A child leaks what its parent opened and never closes it: dropping it
/// would remove the parent's sockets from the epoll that both share.
struct Open {
    maker: Maker,
    opened: Option<Opened>,
}

impl Open {
    fn new(opened: Opened) -> Self {
        Self {
            maker: Maker::this(),
            opened: Some(opened),
        }
    }

    fn get(&self) -> Option<&Opened> {
        self.opened.as_ref().filter(|_| self.maker.is_this())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.maker.let_go(self.opened.take());
    }
}

fn closed() -> PyErr {
    PyRuntimeError::new_err("this client is closed")
}

impl Connections {
    /// The core's client that calls go through now.
    pub(crate) fn client(
        &self,
        py: Python<'_>,
        settings: &Settings,
        faults: &Injections,
    ) -> PyResult<CoreClient> {
        let stage = isolation::current().filter(|_| settings.is_isolated());
        let mut state = self.lock();
        let stage = stage.filter(|_| !state.is_behind);
        if state.is_closed {
            return Err(closed());
        }
        let mut stale = None;
        let client_slot = match &stage {
            None => {
                // The test has ended, and its connection is of no more use.
                stale = state.visit.take().map(|(_, open)| open);
                state.own.as_ref()
            }
            Some(stage) => {
                let visit = state.visit.as_ref().filter(|(id, _)| *id == stage.id);
                visit.map(|(_, open)| open)
            }
        };
        let open_client = client_slot
            .and_then(Open::get)
            .map(|opened| opened.client().clone());
        if let Some(client) = open_client {
            drop(state);
            drop(stale);
            return Ok(client);
        }
        runtime::forget_inherited();
        let plain = match &stage {
            None => settings.open(),
            Some(stage) => settings.open_within(stage),
        };
        let opened = faults.open(plain.map_err(|error| raise(py, &error))?);
        let client = opened.client().clone();
        let open = Open::new(opened);
        let before = match stage {
            None => state.own.replace(open),
            Some(stage) => state.visit.replace((stage.id, open)).map(|(_, open)| open),
        };
        drop(state);
        drop((before, stale)); // closed when nothing is locked
        delivery::notice_logging(py)?;
        Ok(client)
    }

    /// The core's client that calls went through last; None before the first one in this process.
    pub(crate) fn opened(&self) -> Option<CoreClient> {
        let state = self.lock();
        let visit = state.visit.as_ref().map(|(_, open)| open);
        let opened = visit.or(state.own.as_ref())?.get()?;
        Some(opened.client().clone())
    }

    /// Refuses a call after the connections were released.
    pub(crate) fn check_open(&self) -> PyResult<()> {
        if self.lock().is_closed {
            return Err(closed());
        }
        Ok(())
    }

    /// The connection of a client that arranges a test: not a part of it.
    pub(crate) fn behind(client: CoreClient, faults: &Injections) -> Self {
        let connections = Self::default();
        *connections.lock() = State {
            is_behind: true,
            own: Some(Open::new(faults.open(client))),
            ..State::default()
        };
        connections
    }

    /// Goes through this client from now on, in the block of this number or, without one, wherever it is in no block.
    pub(crate) fn adopt(&self, client: CoreClient, block: Option<u64>, faults: &Injections) {
        let open = Open::new(faults.open(client));
        let mut state = self.lock();
        let before = match block {
            None => state.own.replace(open),
            Some(id) => state.visit.replace((id, open)).map(|(_, open)| open),
        };
        drop(state);
        drop(before); // closed when nothing is locked
    }

    /// New calls are routed as the faults specify; those in progress continue as they began.
    pub(crate) fn reroute(&self, faults: &Injections) {
        let mut state = self.lock();
        let State { own, visit, .. } = &mut *state;
        for open in own.iter_mut().chain(visit.iter_mut().map(|(_, open)| open)) {
            if open.maker.is_this()
                && let Some(opened) = &mut open.opened
            {
                faults.reroute(opened);
            }
        }
    }

    /// Releases what the settings lead to, so that the next call opens it again. Calls in progress keep theirs.
    pub(crate) fn release(&self) {
        let before = self.lock().own.take();
        drop(before); // closed when nothing is locked
    }

    /// Releases all of them; later calls are refused.
    pub(crate) fn close(&self) {
        let before = std::mem::replace(
            &mut *self.lock(),
            State {
                is_closed: true,
                ..State::default()
            },
        );
        drop(before); // closed when nothing is locked
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
