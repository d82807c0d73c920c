//! Locks, seen from Python: a lease that is acquired, kept by a task of the I/O thread, and released.

use std::sync::{Arc, Mutex, PoisonError};

use pydynox_core::call::Answer;
use pydynox_core::lock::Lease as CoreLease;
use pydynox_core::process::Maker;
use pydynox_core::retry::deadline::timeout_from_seconds;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use tokio::task::AbortHandle;

use crate::answer::reply::{Answered, Reply, nothing};
use crate::connection::connection::{Connected, Connection, time_of};
use crate::exceptions::raise;
use crate::interpreter::operation::Operation;
use crate::interpreter::runtime::spawn;
use crate::model::key::{Key, write_key};

/// A lease and the task that keeps it, which ends when the last reference to this is dropped.
struct Keeper {
    lease: Arc<CoreLease>,
    beats: Mutex<Option<AbortHandle>>,
    maker: Maker,
}

impl Keeper {
    /// Begin to beat.
    fn begin(&self) -> std::io::Result<()> {
        let beats = spawn(self.lease.clone().keep())?;
        *self.beats.lock().unwrap_or_else(PoisonError::into_inner) = Some(beats);
        Ok(())
    }

    /// Beat no more.
    fn stop(&self) {
        let beats = self
            .beats
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A forked child has no such task, and must not touch its parent's.
        match beats {
            Some(beats) if self.maker.is_this() => beats.abort(),
            beats => self.maker.let_go(beats),
        }
    }

    /// Release the lock without waiting for it.
    fn abandon(&self) {
        self.stop();
        if self.maker.is_this() {
            let lease = self.lease.clone();
            // Without a thread to send it, the lease ends by itself.
            let _ = spawn(async move { lease.let_go().await });
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One attempt to hold a lock.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Lease {
    keeper: Arc<Keeper>,
    connection: Arc<Connection>,
}

#[pymethods]
impl Lease {
    /// A lease of this many seconds on the lock whose item has this key.
    #[new]
    #[pyo3(signature = (client, key, name, seconds, /))]
    fn new(
        client: &Bound<'_, Connected>,
        key: Key<'_>,
        name: &str,
        seconds: f64,
    ) -> PyResult<Self> {
        let py = client.py();
        let connection = Connected::of(client);
        let length = timeout_from_seconds("ttl", seconds).map_err(|error| raise(py, &error))?;
        let (schema, values, _) = key;
        let table = schema.get().table_in(py, &connection.settings)?;
        let mut w = Writer::with_capacity(64);
        write_key(&mut w, schema.get(), &values)?;
        // Beats continue after the block of options() in which the lock is acquired has ended.
        let core = connection.unbounded(py)?;
        let lease = CoreLease::new(core, &table, w.as_bytes(), name, length)
            .map_err(|error| raise(py, &error))?;
        Ok(Self {
            keeper: Arc::new(Keeper {
                lease: Arc::new(lease),
                beats: Mutex::new(None),
                maker: Maker::this(),
            }),
            connection,
        })
    }

    #[getter]
    fn owner(&self) -> &str {
        self.keeper.lease.owner()
    }

    #[getter]
    fn token(&self) -> u64 {
        self.keeper.lease.token()
    }

    #[getter]
    fn is_held(&self) -> bool {
        self.keeper.lease.is_held()
    }

    #[getter]
    fn is_lost(&self) -> bool {
        self.keeper.lease.is_lost()
    }

    /// Acquire the lock and begin to beat; the result is the fencing token. Without `wait` it waits as long as it takes.
    fn acquire(&self, py: Python<'_>, wait: Option<f64>) -> PyResult<Py<Operation>> {
        let until = self.connection.options(py)?.until;
        let lease = self.keeper.lease.clone();
        let exchange = Box::pin(async move {
            lease.acquire(wait.map(time_of), until).await?;
            Ok(nothing(Name::UpdateItem))
        });
        let acquired = Acquired(self.keeper.clone());
        let reply = Reply::plain(&self.connection.settings, acquired);
        Operation::new(py, exchange, false, reply)
    }

    /// Beat no more, and release the lock; the result is whether it was held until now.
    fn release(&self, py: Python<'_>) -> PyResult<Py<Operation>> {
        self.keeper.stop();
        let lease = self.keeper.lease.clone();
        let was_held = Arc::new(Mutex::new(false));
        let outcome = was_held.clone();
        let exchange = Box::pin(async move {
            let result = lease.release().await?;
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = result;
            Ok(nothing(Name::UpdateItem))
        });
        let reply = Reply::plain(&self.connection.settings, Released(was_held));
        Operation::new(py, exchange, false, reply)
    }

    /// The same, without waiting for it.
    fn abandon(&self) {
        self.keeper.abandon();
    }
}

/// A lock that was acquired.
struct Acquired(Arc<Keeper>);

impl Answered for Acquired {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &crate::answer::reply::Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Err(error) = self.0.begin() {
            self.0.abandon();
            let message = format!("the thread that keeps locks could not be started: {error}");
            return Err(PyOSError::new_err(message));
        }
        Ok(self.0.lease.token().into_pyobject(py)?.into_any())
    }

    fn give_up(self, _py: Python<'_>) {
        self.0.abandon();
    }
}

/// A lock that was released, and whether it was held until then.
struct Released(Arc<Mutex<bool>>);

impl Answered for Released {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &crate::answer::reply::Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let was_held = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(PyBool::new(py, was_held).to_owned().into_any())
    }
}
