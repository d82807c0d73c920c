//! A test's DynamoDB, seen from Python: a block that redirects clients, and what its owner does to its tables and its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pydynox_core::clock;
use pydynox_core::error::Error;
use pydynox_core::process::Maker;
use pydynox_core::transport::Transport;
use pydynox_core::transport::fault::{Faulty, Plan};
use pydynox_core::usage::{Observers, Usage};
use pydynox_embedded::{Behaviour, ForOthers, Limits, Service, Snapshot, Store, Throughput};
use pyo3::prelude::*;

use crate::connection::connection::Connection;
use crate::connection::isolation::{self, Setup};
use crate::connection::meter::Meter;
use crate::exceptions::{configuration_error, raise};
use crate::interpreter::runtime;
use crate::verbs::client::Client;
use crate::verbs::faults::Faults;
use crate::verbs::local_server::LocalServer;

/// A block: from its creation, in all threads, what has no endpoint of its own uses the items of its client.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Isolation {
    id: u64,
    client: Py<Client>,
    /// The engine in this process, and what its requests go through; None if they leave it.
    local: Option<Local>,
    /// The tables of a run under a prefix, which are not in this process.
    elsewhere: Option<Elsewhere>,
}

/// Tables under a prefix.
struct Elsewhere {
    transport: Arc<dyn Transport>,
    plan: Arc<Plan>,
    prefix: Box<str>,
    usage: Option<Arc<Usage>>,
}

/// An engine in this process.
struct Local {
    store: Store,
    service: Arc<Service>,
    /// What requests go through.
    transport: Arc<dyn Transport>,
}

impl Elsewhere {
    fn open(
        connection: &Connection,
        plan: Arc<Plan>,
        prefix: &str,
        usage: Option<Arc<Usage>>,
    ) -> Result<Self, Error> {
        let settings = &connection.settings;
        Ok(Self {
            transport: settings.own_transport(&settings.stream())?,
            plan,
            prefix: prefix.into(),
            usage,
        })
    }

    /// What requests of other libraries go through.
    fn for_others(&self) -> Arc<dyn Transport> {
        let recorded = Arc::new(Faulty::new(self.transport.clone(), self.plan.clone()));
        let usage = self.usage.clone();
        let observers = usage.map(|usage| Observers::new(vec![usage], None));
        Arc::new(ForOthers::new(recorded, &self.prefix, observers))
    }
}

/// What a test asks of the service, in units and seconds.
#[derive(FromPyObject)]
struct Given {
    per_partition: Option<(f64, f64)>,
    per_table: Option<(f64, f64)>,
    read_lag: Option<f64>,
    gsi_lag: Option<f64>,
    transaction_time: Option<f64>,
    table_time: Option<f64>,
}

impl Given {
    fn behaviour(self) -> Behaviour {
        let units = |(read, write): (f64, f64)| Throughput { read, write };
        // The caller has checked them.
        let length = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Behaviour {
            per_partition: self.per_partition.map(units),
            per_table: self.per_table.map(units),
            read_lag: self.read_lag.map(length),
            index_lag: self.gsi_lag.map(length),
            transaction: self.transaction_time.map(length),
            table: self.table_time.map(length),
        }
    }
}

/// All tables as they were.
#[pyclass(frozen, name = "Snapshot", module = "pydynox._core")]
pub(crate) struct Taken(Snapshot);

#[pymethods]
impl Isolation {
    /// `faults` records the requests of the block; `given` is what the service does to them; `meter` counts what they use.
    #[new]
    fn new(
        py: Python<'_>,
        client: Py<Client>,
        faults: &Bound<'_, Faults>,
        given: Given,
        table_prefix: &str,
        meter: Option<&Bound<'_, Meter>>,
    ) -> PyResult<Self> {
        runtime::forget_inherited();
        let connection = client.get().connection();
        let plan = faults.get().plan.clone();
        let store = connection.settings.location().map(Store::open).transpose();
        let store = store.map_err(|error| raise(py, &error))?;
        let behaviour = given.behaviour();
        if store.is_none() && !behaviour.is_plain() {
            return Err(elsewhere(py));
        }
        let local = store.map(|store| {
            let service = Arc::new(Service::new(&store, store.transport(), behaviour)?);
            let transport: Arc<dyn Transport> =
                Arc::new(Faulty::new(service.clone(), plan.clone()));
            connection.adopt(|_| Ok(transport.clone()), None)?;
            Ok(Local {
                store,
                service,
                transport,
            })
        });
        let local = local.transpose().map_err(|error| raise(py, &error))?;
        let usage = meter.map(|meter| meter.get().usage.clone());
        let elsewhere = if local.is_none() && !table_prefix.is_empty() {
            let elsewhere = Elsewhere::open(connection, plan.clone(), table_prefix, usage.clone());
            Some(elsewhere.map_err(|error| raise(py, &error))?)
        } else {
            None
        };
        let id = isolation::begin(Setup {
            stand_in: connection.settings.clone(),
            embedded: local.as_ref().map(|local| local.transport.clone()),
            elsewhere: elsewhere
                .as_ref()
                .map(|elsewhere| (elsewhere.transport.clone(), Maker::this())),
            plan,
            table_prefix: table_prefix.into(),
            usage,
        });
        let block = Self {
            id,
            client,
            local,
            elsewhere,
        };
        if block.local.is_none()
            && let Err(error) = block.adopt()
        {
            isolation::end(id);
            return Err(raise(py, &error));
        }
        Ok(block)
    }

    /// End the block.
    fn end(&self) {
        isolation::end(self.id);
    }

    /// A client of the same tables that is not a part of the test: recorded nowhere, and without faults and latency.
    fn backstage(&self, py: Python<'_>) -> PyResult<Py<Client>> {
        let connection = self.client.get().connection();
        let direct = match (&self.local, &self.elsewhere) {
            (Some(local), _) => Some(local.store.direct()),
            (None, Some(elsewhere)) => Some(elsewhere.transport.clone()),
            (None, None) => None,
        };
        let connection = connection.behind(direct);
        Py::new(
            py,
            Client::around(connection.map_err(|error| raise(py, &error))?),
        )
    }

    /// Whether its tables are in this process.
    #[getter]
    fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// A copy of all tables.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Taken> {
        let store = self.store(py)?;
        let snapshot = runtime::released(py, || store.snapshot());
        snapshot.map(Taken).map_err(|error| raise(py, &error))
    }

    /// Make all tables what they were.
    fn restore(&self, py: Python<'_>, snapshot: &Bound<'_, Taken>) -> PyResult<()> {
        let (store, snapshot) = (self.store(py)?, &snapshot.get().0);
        runtime::released(py, || store.restore(snapshot)).map_err(|error| raise(py, &error))?;
        self.settle(py)
    }

    /// The tables were arranged: what lags has caught up.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        let Some(local) = &self.local else {
            return Ok(());
        };
        runtime::released(py, || local.service.settle()).map_err(|error| raise(py, &error))
    }

    /// From now on, only requests to these partition keys are allowed, until `lift` is called with the number that this returns.
    fn allow(&self, py: Python<'_>, leading_keys: Vec<String>) -> PyResult<u64> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let Some(local) = &self.local else {
            return Err(elsewhere(py));
        };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        local.service.allow(id, leading_keys);
        Ok(id)
    }

    fn lift(&self, id: u64) {
        if let Some(local) = &self.local {
            local.service.lift(id);
        }
    }

    /// The same tables over HTTP on loopback.
    fn serve(&self, py: Python<'_>) -> PyResult<LocalServer> {
        let transport: Arc<dyn Transport> = match (&self.local, &self.elsewhere) {
            (Some(local), _) => local.transport.clone(),
            (None, Some(elsewhere)) => elsewhere.for_others(),
            (None, None) => return Err(elsewhere(py)),
        };
        LocalServer::start(py, transport, 0, Limits::default())
    }
}

impl Isolation {
    fn store(&self, py: Python<'_>) -> PyResult<&Store> {
        let store = self.local.as_ref().map(|local| &local.store);
        store.ok_or_else(|| elsewhere(py))
    }

    /// A client with an endpoint of its own sends over what records.
    fn adopt(&self) -> Result<(), pydynox_core::Error> {
        let Some(stage) = isolation::current() else {
            return Ok(());
        };
        let connection = self.client.get().connection();
        connection.adopt(|stream| stage.transport(stream), Some(self.id))
    }
}

fn elsewhere(py: Python<'_>) -> PyErr {
    configuration_error(
        py,
        "these tables are not in this process: snapshots and simulated limits need the embedded engine, so leave out endpoint_url= and --dynamodb",
    )
}

/// Move the clock of all clients and engines on; afterwards it moves only when it is moved.
#[pyfunction]
#[pyo3(signature = (seconds, /))]
pub(crate) fn advance_clock(seconds: f64) {
    // The caller has checked it.
    clock::advance(Duration::try_from_secs_f64(seconds).unwrap_or_default());
}

/// Set the clock of all clients and engines, in microseconds since 1970; afterwards it moves only when it is moved.
#[pyfunction]
#[pyo3(signature = (date, /))]
pub(crate) fn move_clock(date: i64) {
    clock::move_to(date);
}

/// The date by the clock of all clients and engines, in microseconds since 1970.
#[pyfunction]
pub(crate) fn date_by_clock() -> i64 {
    clock::microseconds()
}
