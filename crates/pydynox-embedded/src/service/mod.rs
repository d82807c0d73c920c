//! The service around the engine: what DynamoDB does to requests besides answering them, as far as a test asks for it.
//!
//! A layer that owns no items: it refuses requests over simulated limits, by policies, for conflicts and in table states, and
//! answers eventually consistent reads from an earlier state. Everything in it goes by the core's clock, which a test may move.

mod access;
mod capacity;
mod conflict;
mod footprint;
mod keys;
mod lag;
mod policy;
mod refusal;
mod rehearsal;
mod statement;
mod states;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pydynox_core::error::Error;
use pydynox_core::process::Maker;
use pydynox_core::transport::{
    Exchange, Operation, Progress, Request, Response, Transport, TransportError,
};
use serde_json::Value;

pub use capacity::Throughput;

use crate::store::Store;
use access::{Access, Sets};
use capacity::Buckets;
use conflict::Held;
use keys::Keys;
use lag::Replica;
use policy::Policy;
use rehearsal::Rehearsal;
use states::States;

/// What a test asks of its service; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// What one partition key can do in a second.
    pub per_partition: Option<Throughput>,
    /// What one table or index can do in a second.
    pub per_table: Option<Throughput>,
    /// How far eventually consistent reads of tables lag.
    pub read_lag: Option<Duration>,
    /// How far global secondary indexes lag.
    pub index_lag: Option<Duration>,
    /// How long a transaction holds its items.
    pub transaction: Option<Duration>,
    /// How long a table is created, updated or deleted.
    pub table: Option<Duration>,
}

impl Behaviour {
    /// Whether it asks for nothing.
    pub fn is_plain(&self) -> bool {
        self.per_partition.is_none()
            && self.per_table.is_none()
            && self.read_lag.is_none()
            && self.index_lag.is_none()
            && self.transaction.is_none()
            && self.table.is_none()
    }
}

/// A service around an engine.
pub struct Service {
    inner: Arc<dyn Transport>,
    store: Store,
    behaviour: Behaviour,
    table_lag: Option<Replica>,
    index_lag: Option<Replica>,
    /// Where what requests cost is counted.
    rehearsal: Option<Rehearsal>,
    state: Mutex<State>,
    held: Mutex<Held>,
    /// A forked child has an engine of its own, without a service around it.
    maker: Maker,
}

#[derive(Default)]
struct State {
    keys: Keys,
    buckets: Buckets,
    states: States,
    policies: Vec<(u64, Policy)>,
}

impl Service {
    /// A service whose requests reach the engine of `store` through `inner`. As for [`Store::snapshot`].
    ///
    /// # Errors
    /// No second engine can be made.
    pub fn new(
        store: &Store,
        inner: Arc<dyn Transport>,
        behaviour: Behaviour,
    ) -> Result<Self, Error> {
        let replica = |lag: Option<Duration>| lag.map(|lag| Replica::new(store, lag)).transpose();
        let is_measured = behaviour.per_partition.is_some() || behaviour.per_table.is_some();
        Ok(Self {
            rehearsal: is_measured.then(Rehearsal::new).transpose()?,
            table_lag: replica(behaviour.read_lag)?,
            index_lag: replica(behaviour.index_lag)?,
            inner,
            store: store.clone(),
            behaviour,
            state: Mutex::default(),
            held: Mutex::default(),
            maker: Maker::this(),
        })
    }

    /// Tables were changed without a request: what lags has caught up. As for [`Store::snapshot`].
    ///
    /// # Errors
    /// The engine failed.
    pub fn settle(&self) -> Result<(), Error> {
        for replica in [&self.table_lag, &self.index_lag].into_iter().flatten() {
            replica.settle(&self.store)?;
        }
        self.lock().keys.forget();
        Ok(())
    }

    /// From now on, only requests to these partition keys are allowed; a star at the end stands for any text.
    pub fn allow(&self, id: u64, leading_keys: Vec<String>) {
        self.lock().policies.push((id, Policy::new(leading_keys)));
    }

    /// Ends what [`allow`](Self::allow) began.
    pub fn lift(&self, id: u64) {
        self.lock().policies.retain(|(other, _)| *other != id);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_plain(&self) -> bool {
        !self.maker.is_this() || (self.behaviour.is_plain() && self.lock().policies.is_empty())
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
            return self.inner.send(request).await;
        };
        self.learn_keys(&request, &body).await?;
        let mut accesses = footprint::of(&request.operation, &body, &self.lock().keys);
        if let Some(refused) = self.refuse(&request, &body, &accesses) {
            return Ok(refused);
        }
        let _hold = match self.hold(&request, &accesses).await? {
            Ok(hold) => hold,
            Err(refused) => return Ok(refused),
        };
        if self.is_measured() {
            self.find_entries(&mut accesses).await?;
        }
        self.answer(request, body, &accesses).await
    }

    /// Whether what requests cost is counted.
    fn is_measured(&self) -> bool {
        self.rehearsal.is_some()
    }

    /// Finds out which parts of global indexes the writes of a request change: where each item is, and where it will be.
    async fn find_entries(&self, accesses: &mut [Access]) -> Result<(), TransportError> {
        for access in accesses {
            let (Some(key), false) = (&access.key, matches!(access.sets, Sets::Nothing)) else {
                continue;
            };
            if !self.lock().keys.has_global_indexes(&access.table) {
                continue;
            }
            let get =
                serde_json::json!({"TableName": access.table, "Key": key, "ConsistentRead": true});
            let response = self.ask(Operation::GetItem, get).await?;
            let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let old = answer["Item"].as_object().cloned().unwrap_or_default();
            let new = match &access.sets {
                Sets::Nothing => continue,
                Sets::All(item) => item.clone(),
                Sets::Update(operation, body) => {
                    let definition = self.lock().keys.definition(&access.table);
                    let (Some(definition), Some(rehearsal)) = (definition, &self.rehearsal) else {
                        continue;
                    };
                    let update = (operation.clone(), body);
                    rehearsal
                        .run(&access.table, (definition, key), &old, update)
                        .await?
                }
            };
            let keys = &self.lock().keys;
            access.entries = keys.entries(&access.table, &old);
            for entry in keys.entries(&access.table, &new) {
                if !access.entries.contains(&entry) {
                    access.entries.push(entry);
                }
            }
        }
        Ok(())
    }

    /// Asks the engine, past everything that a test asks of its service.
    async fn ask(&self, operation: Operation, body: Value) -> Result<Response, TransportError> {
        ask(&*self.store.direct(), operation, body).await
    }

    /// Asks the engine for the keys of tables that this request names and that are not known yet.
    async fn learn_keys(&self, request: &Request, body: &Value) -> Result<(), TransportError> {
        let unknown = {
            let state = self.lock();
            let mut tables = footprint::tables(&request.operation, body);
            tables.retain(|table| !state.keys.knows(table));
            tables
        };
        for table in unknown {
            let body = serde_json::json!({"TableName": table});
            let response = self.ask(Operation::DescribeTable, body).await?;
            if response.status == 200 {
                self.lock().keys.learn(&table, &response.body);
            }
        }
        Ok(())
    }

    fn refuse(&self, request: &Request, body: &Value, accesses: &[Access]) -> Option<Response> {
        let mut state = self.lock();
        let operation = &request.operation;
        if let Some(denied) = state
            .policies
            .iter()
            .find_map(|(_, policy)| policy.deny(operation, body, accesses))
        {
            return Some(denied);
        }
        if self.behaviour.table.is_some()
            && let Some(refused) = state.states.refuse(operation, body, accesses)
        {
            return Some(refused);
        }
        None
    }

    /// Holds the items of a write; Err is the refusal because a transaction holds one of them.
    async fn hold(
        &self,
        request: &Request,
        accesses: &[Access],
    ) -> Result<Result<Option<conflict::Hold<'_>>, Response>, TransportError> {
        let Some(length) = self.behaviour.transaction else {
            return Ok(Ok(None));
        };
        conflict::hold(&self.held, request, accesses, length).await
    }

    async fn answer(
        &self,
        request: Request,
        body: Value,
        accesses: &[Access],
    ) -> Result<Response, TransportError> {
        let buckets = (self.behaviour.per_partition, self.behaviour.per_table);
        if self.is_measured() {
            let limited = capacity::Limited {
                limits: buckets,
                request: &request,
                body: &body,
                accesses,
            };
            // Its own statement: the lock must not be held while the engine answers.
            let admitted = limited.admit(&mut self.lock().buckets);
            match admitted {
                capacity::Admitted::All => {}
                capacity::Admitted::None(refused) => return Ok(refused),
                capacity::Admitted::Some(part, rest) => {
                    let response = self.pass(with(&request, &part), accesses).await?;
                    return Ok(capacity::with_rest(response, &request.operation, &rest));
                }
                capacity::Admitted::Statements(part, refused) => {
                    let is_none = part["Statements"].as_array().is_none_or(Vec::is_empty);
                    let response = if is_none {
                        refusal::answer(200, &serde_json::json!({}))
                    } else {
                        self.pass(with(&request, &part), accesses).await?
                    };
                    return Ok(capacity::with_refused(response, refused));
                }
            }
        }
        self.pass(request, accesses).await
    }

    /// Has the engine answer, or the one that lags.
    async fn pass(
        &self,
        request: Request,
        accesses: &[Access],
    ) -> Result<Response, TransportError> {
        let is_late = |access: &Access| !access.is_write && !access.is_consistent;
        let replica = match accesses.first() {
            Some(access) if is_late(access) && access.is_global => self.index_lag.as_ref(),
            Some(access) if accesses.iter().all(is_late) && !access.is_global => {
                self.table_lag.as_ref()
            }
            _ => None,
        };
        if let Some(replica) = replica {
            return replica.send(request).await;
        }
        let measured = self.is_measured();
        let (sent, unasked) = if measured {
            capacity::asking(&request)
        } else {
            (request.clone(), capacity::Unasked::Nothing)
        };
        let mut response = self.inner.send(sent).await?;
        if measured {
            let limits = (self.behaviour.per_partition, self.behaviour.per_table);
            capacity::charge(
                &mut self.lock().buckets,
                limits,
                accesses,
                &mut response,
                unasked,
            );
        }
        // What only reads has nothing to repeat, and PartiQL's operations do not tell.
        let only_reads = !accesses.is_empty() && !accesses.iter().any(|access| access.is_write);
        if response.status == 200 && !only_reads {
            for replica in [&self.table_lag, &self.index_lag].into_iter().flatten() {
                replica.note(&request);
            }
        }
        if let Some(length) = self.behaviour.table {
            let mut state = self.lock();
            let State { states, keys, .. } = &mut *state;
            if states.rewrite(&request, &mut response, length) {
                keys.forget();
            }
        } else if footprint::changes_tables(&request.operation) {
            self.lock().keys.forget();
        }
        Ok(response)
    }
}

/// Asks an engine.
async fn ask(
    engine: &dyn Transport,
    operation: Operation,
    body: Value,
) -> Result<Response, TransportError> {
    let request = Request {
        operation,
        table: "".into(),
        body: body.to_string().into(),
        progress: Progress::default(),
    };
    engine.send(request).await
}

/// The request with another body.
fn with(request: &Request, body: &Value) -> Request {
    Request {
        body: body.to_string().into(),
        ..request.clone()
    }
}

impl Transport for Service {
    fn send(&self, request: Request) -> Exchange<'_> {
        if self.is_plain() {
            return self.inner.send(request);
        }
        Box::pin(self.exchange(request))
    }

    fn answers_inline(&self, operation: &Operation) -> bool {
        self.is_plain() && self.inner.answers_inline(operation)
    }
}
