//! Captures, seen from Python: the requests of calls that are explained instead of sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pydynox_core::client::Client as CoreClient;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::error::Error;
use pydynox_core::size::item_size;
use pydynox_core::transport::capture::{Capture as CoreCapture, Capturing};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::exceptions::malformed;

/// The requests of calls made while it is among the meters of the context: none of them is sent.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Capture {
    requests: Arc<CoreCapture>,
    /// By the number of the client whose settings it has: only reads through the same core client meet in a batch.
    clients: Mutex<BTreeMap<u64, CoreClient>>,
}

impl Capture {
    /// The client that captures the requests of the client with this number, which has this configuration.
    pub(super) fn client(&self, number: u64, config: &ClientConfig) -> Result<CoreClient, Error> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&number) {
            return Ok(client.clone());
        }
        let config = ClientConfig {
            rate_limit: None,
            ..config.clone()
        };
        let client = CoreClient::new(Arc::new(Capturing(self.requests.clone())), config)?;
        clients.insert(number, client.clone());
        Ok(client)
    }
}

/// Operation, body, whether values are encrypted, whether the answer may have encrypted values.
type Request<'py> = (String, Bound<'py, PyBytes>, bool, bool);

#[pymethods]
impl Capture {
    #[new]
    fn new() -> Self {
        Self {
            requests: Arc::default(),
            clients: Mutex::default(),
        }
    }

    /// The requests so far, in order.
    fn requests<'py>(&self, py: Python<'py>) -> Vec<Request<'py>> {
        let requests = self.requests.requests().into_iter();
        let request = requests.map(|captured| {
            (
                captured.operation.name().to_owned(),
                PyBytes::new(py, &captured.body),
                captured.encrypts,
                captured.opens,
            )
        });
        request.collect()
    }
}

/// The size in bytes of an item as `DynamoDB` counts it, given as the JSON of its attributes.
#[pyfunction]
#[pyo3(signature = (item, /))]
pub(crate) fn stored_size(py: Python<'_>, item: &[u8]) -> PyResult<usize> {
    let size = item_size(item).map_err(|error| malformed(py, &error))?;
    Ok(size.total)
}
