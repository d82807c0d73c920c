//! The embedded engine over HTTP on loopback: started, named and stopped from Python.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pydynox_core::transport::Transport;
use pydynox_embedded::{Limits, Location, Server, Stop};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::exceptions::{configuration_error, raise};
use crate::interpreter::{runtime, text};

/// Slightly longer than a server can take to end.
const END: Duration = Duration::from_secs(10);

/// A server on 127.0.0.1 that answers as DynamoDB does.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct LocalServer {
    port: u16,
    /// The generation of its process: a forked child has no server.
    generation: u32,
    running: Mutex<Option<(Stop, Receiver<()>)>>,
}

#[pymethods]
impl LocalServer {
    #[new]
    fn new(
        py: Python<'_>,
        #[pyo3(from_py_with = text::endpoint_url)] endpoint_url: &str,
        port: u16,
        max_connections: usize,
        idle_timeout: f64,
    ) -> PyResult<Self> {
        runtime::forget_inherited();
        let limits = Limits {
            connections: max_connections,
            idle: Duration::try_from_secs_f64(idle_timeout)
                .map_err(|error| configuration_error(py, &format!("idle_timeout: {error}")))?,
        };
        let location = Location::parse(endpoint_url)
            .map_err(|error| raise(py, &error))?
            .ok_or_else(|| {
                let message = format!(
                    "'{endpoint_url}' is not an embedded engine: use memory://, memory://name or file:///path"
                );
                configuration_error(py, &message)
            })?;
        let transport = pydynox_embedded::open(&location).map_err(|error| raise(py, &error))?;
        Self::start(py, transport, port, limits)
    }

    #[getter]
    fn port(&self) -> u16 {
        self.port
    }

    /// Accept nothing more, finish the requests in progress, and end.
    fn stop(&self, py: Python<'_>) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match running {
            // The parent's server: it must not be touched here.
            running if self.generation != runtime::generation() => std::mem::forget(running),
            Some((stop, ended)) => {
                stop.stop();
                runtime::wait_for(py, ended, END);
            }
            None => {}
        }
    }
}

impl LocalServer {
    /// Answers requests by this transport.
    pub(crate) fn start(
        py: Python<'_>,
        transport: Arc<dyn Transport>,
        port: u16,
        limits: Limits,
    ) -> PyResult<Self> {
        let (server, stop) = Server::bind(transport, port, limits).map_err(|error| {
            configuration_error(py, &format!("cannot listen on 127.0.0.1:{port}: {error}"))
        })?;
        let port = server.port();
        let (end, ended) = channel();
        runtime::spawn(async move {
            // It fails only when the runtime ends, and no one is left to receive the error.
            let _ = server.run().await;
            let _ = end.send(());
        })
        .map_err(|error| {
            PyOSError::new_err(format!("the I/O runtime could not be started: {error}"))
        })?;
        Ok(Self {
            port,
            generation: runtime::generation(),
            running: Mutex::new(Some((stop, ended))),
        })
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        if self.generation != runtime::generation() {
            let running = self
                .running
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(running.take());
        }
    }
}
