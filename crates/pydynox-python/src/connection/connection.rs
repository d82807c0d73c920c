//! Connections: how one client sends its calls, given its settings, what is open, and the `options()` block around a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use pydynox_core::call::Call;
use pydynox_core::client::Client as CoreClient;
use pydynox_core::clock;
use pydynox_core::error::Error;
use pydynox_core::events::Stream;
use pydynox_core::retry::deadline::Deadline;
use pydynox_core::transport::{Progress, Transport};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict};

use crate::connection::delivery::{self, delivering};
use crate::connection::meter::{self, Here};
use crate::connection::opened::Connections;
use crate::connection::request::Request;
use crate::connection::settings::Settings;
use crate::exceptions::raise;
use crate::interpreter::expected::Expected;
use crate::interpreter::operation::Operation;
use crate::interpreter::runtime::Exchange;
use pydynox_core::client::faults::Injections;

/// What a call needs to know about its client.
pub(crate) struct Connection {
    pub(crate) settings: Arc<Settings>,
    connections: Connections,
    /// The faults injected into this client's requests, usually none.
    faults: Injections,
    /// The context variable of the `options()` blocks, once there was one.
    options: PyOnceLock<Py<PyAny>>,
    /// Whether the warning about forgeable cursors was given.
    warned_of_cursors: AtomicBool,
    /// Unique among the clients of a process.
    pub(crate) number: u64,
}

/// The part of a client that sending code needs: the client class in Python is a subclass of it.
#[pyclass(frozen, subclass, name = "Connection", module = "pydynox._core")]
pub(crate) struct Connected(pub(crate) Arc<Connection>);

impl Connected {
    pub(crate) fn of(client: &Bound<'_, Self>) -> Arc<Connection> {
        client.get().0.clone()
    }
}

/// This many seconds; a number too large for a duration means no limit.
pub(crate) fn time_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The options that the `options()` block around a call sets.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Duration>,
    consistent_read: Option<bool>,
    pub(crate) until: Option<Deadline>,
}

/// The same as Python stores it.
type CurrentOptions<'py> = (Option<f64>, Option<bool>, Option<Bound<'py, BlockDeadline>>);

/// When everything done in a block, and in the blocks within it, must have ended.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct BlockDeadline(Deadline);

#[pymethods]
impl BlockDeadline {
    /// This many seconds from now, or when the enclosing block ends if that is earlier.
    #[new]
    fn new(seconds: f64, outer: Option<&Self>) -> Self {
        let own = Deadline::start(Some(time_of(seconds)));
        Self(outer.map_or(own, |outer| own.within(outer.0)))
    }
}

impl Connection {
    pub(crate) fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Ok(Self {
            settings: Arc::new(Settings::new(py, settings)?),
            connections: Connections::default(),
            faults: Injections::default(),
            options: PyOnceLock::new(),
            warned_of_cursors: AtomicBool::new(false),
            number: next_number(),
        })
    }

    /// The core's client that calls went through last; None before the first one in this process.
    pub(crate) fn opened(&self) -> Option<CoreClient> {
        self.connections.opened()
    }

    /// What a call through `core` ends with: as `expected`, with its events delivered.
    pub(crate) fn delivering(
        &self,
        core: &CoreClient,
        expected: Box<dyn Expected>,
    ) -> Box<dyn Expected> {
        delivering(core, self.number, expected, false)
    }

    /// The core's client, with its calls counted by the meters active here.
    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let client = self.unbounded(py)?;
        Ok(match self.options(py)?.until {
            None => client,
            Some(until) => client.within(until),
        })
    }

    /// The same for calls that continue after the block around this one has ended.
    pub(crate) fn unbounded(&self, py: Python<'_>) -> PyResult<CoreClient> {
        // An engine in this process reads the date while it is locked, when no Python code may run.
        clock::refresh();
        let here = meter::here(py, self.number)?;
        let mut client = match &here {
            // Nothing is opened for it: neither a socket nor the file of an engine.
            Here::Captured(capture) => {
                self.connections.check_open()?;
                let client = capture.get().client(self.number, &self.settings.config);
                return client.map_err(|error| raise(py, &error));
            }
            _ => self.connections.client(py, &self.settings, &self.faults)?,
        };
        if let Some(trace) = delivery::trace(py, client.stream())? {
            client = client.traced(Some(trace));
        }
        Ok(match here {
            Here::Observed(observers) => client.observed(observers),
            Here::Sent | Here::Captured(_) => client,
        })
    }

    /// A client with the same settings over this transport, or where they lead outside tests; no test redirects it.
    pub(crate) fn behind(&self, direct: Option<Arc<dyn Transport>>) -> Result<Self, Error> {
        let faults = Injections::default();
        // Not observed.
        let stream = Stream::new(Arc::default());
        let transport = match direct {
            Some(direct) => direct,
            None => self.settings.own_transport(&stream)?,
        };
        let client = self.settings.over(transport, stream)?;
        Ok(Self {
            settings: self.settings.clone(),
            connections: Connections::behind(client, &faults),
            faults,
            options: PyOnceLock::new(),
            warned_of_cursors: AtomicBool::new(true),
            number: next_number(),
        })
    }

    /// Its calls go over this transport from now on: those in the block of this number or, without one, those in no block.
    pub(crate) fn adopt(
        &self,
        transport: impl FnOnce(&Arc<Stream>) -> Result<Arc<dyn Transport>, Error>,
        block: Option<u64>,
    ) -> Result<(), Error> {
        let stream = self.settings.stream();
        let client = self.settings.over(transport(&stream)?, stream)?;
        self.connections.adopt(client, block, &self.faults);
        Ok(())
    }

    /// The options that the enclosing block sets.
    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<Options> {
        let Some(variable) = self.options.get(py) else {
            return Ok(Options::default());
        };
        let options = variable.bind(py).call_method0(intern!(py, "get"))?;
        let (timeout, consistent_read, until): CurrentOptions<'_> = options.extract()?;
        Ok(Options {
            timeout: timeout.map(time_of),
            consistent_read,
            until: until.map(|until| until.get().0),
        })
    }

    /// The context variable of `options()` blocks: their timeout in seconds, whether reads are consistent, and their deadline;
    /// each None where unset.
    pub(crate) fn options_variable<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let variable = self.options.get_or_try_init(py, || {
            let nothing = (None::<f64>, None::<bool>, None::<Py<BlockDeadline>>);
            let defaults = [(intern!(py, "default"), nothing)];
            let variable = py
                .import(intern!(py, "contextvars"))?
                .getattr(intern!(py, "ContextVar"))?
                .call(("pydynox_options",), Some(&defaults.into_py_dict(py)?))?;
            Ok::<_, PyErr>(variable.unbind())
        })?;
        Ok(variable.bind(py).clone())
    }

    /// The timeout of a call, as set by the enclosing block.
    pub(crate) fn timeout(&self, py: Python<'_>) -> PyResult<Option<Duration>> {
        Ok(self.options(py)?.timeout)
    }

    /// Whether a read is consistent: set by the call, the enclosing block, or the model, in this order.
    pub(crate) fn is_consistent(
        &self,
        py: Python<'_>,
        consistent_read: Option<bool>,
        otherwise: bool,
    ) -> PyResult<bool> {
        match consistent_read {
            Some(consistent_read) => Ok(consistent_read),
            None => Ok(self.options(py)?.consistent_read.unwrap_or(otherwise)),
        }
    }

    /// Warns once that anyone can write the cursors that this client resumes from; with an embedded engine that does not matter.
    pub(crate) fn warn_of_cursors(&self, py: Python<'_>) -> PyResult<()> {
        if self.settings.is_embedded() || self.warned_of_cursors.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        py.import(intern!(py, "pydynox._cursors"))?
            .call_method0(intern!(py, "warn_of_cursors"))?;
        Ok(())
    }

    /// A call that is sent when it is awaited.
    pub(crate) fn send(
        &self,
        py: Python<'_>,
        request: Request,
        expected: Box<dyn Expected>,
    ) -> PyResult<Py<Operation>> {
        let mut core = self.core(py)?;
        if let Some(pace) = request.pace {
            core = core.paced(Some(pace));
        }
        // Protected calls may have to wait for a keyring.
        let is_plain =
            (request.repair.is_none() && request.protection.is_none()) || core.captures();
        let core = core.protected(request.protection);
        let inline = core.answers_inline(&request.operation) && is_plain;
        let call = Call {
            operation: request.operation,
            table: request.table.into(),
            body: request.body,
            resend: request.terms.resend,
            intent: request.terms.intent,
            proof: request.terms.proof,
            own_token: request.own_token,
            timeout: self.timeout(py)?,
        };
        let progress = Progress::default();
        let track = progress.clone();
        let opens = core.protection().is_some();
        let expected = delivering(&core, self.number, expected, false);
        let exchange: Exchange = match request.repair {
            None if opens => Box::pin(async move { core.call_opened(call, track).await }),
            None => Box::pin(async move { core.call_tracked(call, track).await }),
            Some(repair) => Box::pin(async move {
                let (transaction, taken) = *repair;
                core.call_repairing(call, track, &transaction, &taken).await
            }),
        };
        Operation::tracked(py, (exchange, progress), inline, expected)
    }

    /// From now on, calls are routed as the faults specify; those in progress continue as they began.
    pub(crate) fn reroute(&self, change: impl FnOnce(&Injections)) {
        change(&self.faults);
        self.connections.reroute(&self.faults);
    }

    /// The next call connects again, with credentials looked up again: what this process knew may be from another time.
    pub(crate) fn reopen(&self) {
        // An engine in this process is not elsewhere, and would lose its items.
        if !self.settings.is_embedded() {
            self.connections.release();
        }
    }

    /// Releases the connections; later calls are refused.
    pub(crate) fn close(&self) {
        self.connections.close();
    }
}
