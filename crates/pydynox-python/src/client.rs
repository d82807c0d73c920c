//! The core's client, seen from Python: extracts arguments, has the body written, and gives an Operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use pydynox_core::client::{Call, Client as CoreClient, Intent, Resend};
use pydynox_core::coalesce::Read;
use pydynox_core::codec::Protection;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::operation::{Guard, delete_item, get_item, put_item, update_item};
use pydynox_core::retry::deadline::Deadline;
use pydynox_core::retry::proof::Proof;
use pydynox_core::transaction::Transaction;
use pydynox_core::transport::{Operation as Name, Progress, Transport};
use pydynox_core::unique::Taken;
use pydynox_core::wire::Writer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyTuple};

use crate::answer::{Context, Expected, Target};
use crate::batch::key_names;
use crate::coalesce::{self, Asked};
use crate::connection::Connections;
use crate::encode;
use crate::entity;
use crate::error::{raise, validation_error};
use crate::expression::{Condition, IS_KEY, actions_of, condition_of, place_of, split_name};
use crate::fault::{Faults, Injections};
use crate::instance::{Instance, schema_of};
use crate::item;
use crate::json;
use crate::members::given_item;
use crate::meter::{self, Pace};
use crate::operation::Operation;
use crate::protected::{Shield, Shields};
use crate::runtime;
use crate::schema::Schema;
use crate::settings::Settings;
use crate::sizes;
use crate::transaction::Key;
use crate::write::{Write, about, repeated, tree, unless, write_key};

/// The client that a `DynamoDBClient` drives.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Client {
    pub(crate) settings: Settings,
    connections: Connections,
    /// What is done to this client's requests, most often nothing.
    faults: Injections,
    /// The context variable of what `options()` blocks say, once there was one.
    options: PyOnceLock<Py<PyAny>>,
    /// Whether it was said that anybody can write its cursors.
    warned_of_cursors: AtomicBool,
}

/// What the `options()` block around a call says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Duration>,
    consistent_read: Option<bool>,
    pub(crate) until: Option<Deadline>,
}

/// The same as Python holds it.
type Said<'py> = (Option<f64>, Option<bool>, Option<Bound<'py, BlockDeadline>>);

/// When everything must be over that is done in a block, and in the blocks within it.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct BlockDeadline(Deadline);

#[pymethods]
impl BlockDeadline {
    /// In so many seconds from now, or when the block around is over if that is earlier.
    #[new]
    fn new(seconds: f64, outer: Option<&Self>) -> Self {
        // What is too long to be a time is no limit.
        let length = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let own = Deadline::start(Some(length));
        Self(outer.map_or(own, |outer| own.within(outer.0)))
    }
}

impl Client {
    /// The core's client, whose calls are counted for whoever asks here.
    pub(crate) fn core(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let mut client = self.connections.client(py, &self.settings, &self.faults)?;
        if let Some(until) = self.options(py)?.until {
            client = client.within(until);
        }
        Ok(match meter::observers(py, self)? {
            None => client,
            Some(observers) => client.observed(observers),
        })
    }

    /// The transport of an engine inside this process; None where requests leave it.
    pub(crate) fn embedded_transport(
        &self,
        py: Python<'_>,
    ) -> PyResult<Option<Arc<dyn Transport>>> {
        if self.settings.is_isolated() {
            return Ok(None);
        }
        self.connections.client(py, &self.settings, &self.faults)?;
        Ok(self.connections.own_transport())
    }

    pub(crate) fn options(&self, py: Python<'_>) -> PyResult<Options> {
        let Some(variable) = self.options.get(py) else {
            return Ok(Options::default());
        };
        let found = variable.bind(py).call_method0(intern!(py, "get"))?;
        let (timeout, consistent_read, until): Said<'_> = found.extract()?;
        Ok(Options {
            // What is too long to be a time is no limit.
            timeout: timeout
                .map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
            consistent_read,
            until: until.map(|until| until.get().0),
        })
    }

    /// How long a call may take, as the block around it says.
    pub(crate) fn timeout(&self, py: Python<'_>) -> PyResult<Option<Duration>> {
        Ok(self.options(py)?.timeout)
    }

    /// Says once that anybody can write the cursors that this client goes on after; nobody needs to know it of an embedded engine.
    pub(crate) fn warn_of_cursors(&self, py: Python<'_>) -> PyResult<()> {
        if self.settings.is_embedded() || self.warned_of_cursors.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        py.import(intern!(py, "pydynox._cursors"))?
            .call_method0(intern!(py, "warn_of_cursors"))?;
        Ok(())
    }

    /// What errors of this client may show.
    pub(crate) fn context(&self) -> Context {
        Context {
            shows_keys: self.settings.shows_keys,
            shows_values: self.settings.shows_values,
            ..Context::default()
        }
    }

    /// Whether a read is consistent: as the call says, the block around it, or the model.
    pub(crate) fn is_consistent(
        &self,
        py: Python<'_>,
        asked: Option<bool>,
        otherwise: bool,
    ) -> PyResult<bool> {
        match asked {
            Some(asked) => Ok(asked),
            None => Ok(self.options(py)?.consistent_read.unwrap_or(otherwise)),
        }
    }

    fn send_write(&self, py: Python<'_>, mut write: Write) -> PyResult<Py<Operation>> {
        if let Some(guards) = write.guards.take() {
            return self.send_guarded(py, write, guards);
        }
        let mut body = write.body.into_bytes();
        let mut shields = Shields::default();
        shields.add(write.shield, &mut body);
        let request = Request {
            operation: write.operation,
            table: write.table,
            body: body.into(),
            resend: write.resend,
            intent: write.intent,
            proof: write.proof,
            own_token: None,
            protection: shields.protection(py, &self.settings)?,
        };
        self.send_about(py, request, write.expected, write.about)
    }

    /// What a call is told that reads items of these models.
    pub(crate) fn opening<'a, 'py: 'a>(
        &self,
        py: Python<'py>,
        schemas: impl IntoIterator<Item = &'a Bound<'py, Schema>>,
    ) -> PyResult<Option<Arc<Protection>>> {
        let mut shields = Shields::default();
        for schema in schemas {
            shields.add(Shield::reading(&self.settings, schema)?, &mut []);
        }
        shields.protection(py, &self.settings)
    }

    pub(crate) fn send(
        &self,
        py: Python<'_>,
        request: Request,
        expected: Expected,
    ) -> PyResult<Py<Operation>> {
        self.send_about(py, request, expected, Context::default())
    }

    /// The same for a call whose errors have more to say.
    fn send_about(
        &self,
        py: Python<'_>,
        request: Request,
        expected: Expected,
        about: Context,
    ) -> PyResult<Py<Operation>> {
        self.send_repairing(py, request, None, expected, about)
    }

    /// The same for a transaction that may have to be sent in another form.
    pub(crate) fn send_repairing(
        &self,
        py: Python<'_>,
        request: Request,
        repair: Option<Repair>,
        expected: Expected,
        about: Context,
    ) -> PyResult<Py<Operation>> {
        let core = self.core(py)?;
        self.send_by(py, core, request, repair, expected, about)
    }

    /// The same for a call that keeps to a pace.
    pub(crate) fn send_paced(
        &self,
        py: Python<'_>,
        request: Request,
        expected: Expected,
        pace: &Pace,
    ) -> PyResult<Py<Operation>> {
        let core = self.core(py)?.paced(Some(pace.0.clone()));
        self.send_by(py, core, request, None, expected, Context::default())
    }

    fn send_by(
        &self,
        py: Python<'_>,
        core: CoreClient,
        request: Request,
        repair: Option<Repair>,
        expected: Expected,
        about: Context,
    ) -> PyResult<Py<Operation>> {
        // What is protected may have to wait for a keyring.
        let is_plain = repair.is_none() && request.protection.is_none();
        let core = core.protected(request.protection);
        let inline = core.answers_inline(&request.operation) && is_plain;
        let call = Call {
            operation: request.operation,
            table: request.table.into(),
            body: request.body,
            resend: request.resend,
            intent: request.intent,
            proof: request.proof,
            own_token: request.own_token,
            timeout: self.options(py)?.timeout,
        };
        let progress = Progress::default();
        let track = progress.clone();
        let opens = core.protection().is_some();
        let exchange = match repair {
            None if opens => {
                Box::pin(async move { core.call_opened(call, track).await }) as runtime::Exchange
            }
            None => Box::pin(async move { core.call_tracked(call, track).await }),
            Some(repair) => Box::pin(async move {
                let (transaction, taken) = *repair;
                core.call_repairing(call, track, &transaction, &taken).await
            }),
        };
        Operation::tracked(
            py,
            (exchange, progress),
            inline,
            expected,
            Context {
                shows_keys: self.settings.shows_keys,
                shows_values: self.settings.shows_values,
                ..about
            },
        )
    }
}

/// A transaction that takes unique values from items which have them no more.
pub(crate) type Repair = Box<(Transaction, Vec<Taken>)>;

/// A body that is ready to be sent.
pub(crate) struct Request {
    pub(crate) operation: Name,
    pub(crate) table: String,
    pub(crate) body: Bytes,
    pub(crate) resend: Resend,
    pub(crate) intent: Intent,
    pub(crate) proof: Option<Box<Proof>>,
    pub(crate) own_token: Option<usize>,
    pub(crate) protection: Option<Arc<Protection>>,
}

impl Request {
    /// What may be sent again whatever became of it: reads, and writes that say the same twice.
    pub(crate) fn idempotent(operation: Name, table: String, body: Writer) -> Self {
        Self {
            operation,
            table,
            body: body.into_bytes().into(),
            resend: Resend::Always,
            intent: Intent::Plain,
            proof: None,
            own_token: None,
            protection: None,
        }
    }
}

/// Refuses a condition on `example.txt` in the eyes of an item that has an attribute of this very name: it would look for a
/// member of `example`, find none, and guard nothing.
fn refuse_split(
    condition: Option<&Bound<'_, Condition>>,
    values: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let paths = condition.map(|condition| condition.get().tree.paths());
    for path in paths.into_iter().flatten() {
        if let Some(name) = path.as_one_name()
            && values.contains(&name)?
            && !values.contains(path.attribute())?
        {
            return Err(split_name(values.py(), &name));
        }
    }
    Ok(())
}

/// Write a dictionary as an item or a key.
fn write_plain(w: &mut Writer, values: &Bound<'_, PyDict>, what: &str) -> PyResult<()> {
    encode::write_item(w, values)
        .map_err(|problem| validation_error(values.py(), &problem.describe("", what)))
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (**settings))]
    fn new(py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        Ok(Self {
            settings: Settings::new(py, settings)?,
            connections: Connections::default(),
            faults: Injections::default(),
            options: PyOnceLock::new(),
            warned_of_cursors: AtomicBool::new(false),
        })
    }

    /// Whether its cursors are sealed, so that they can be for an audience and expire.
    #[getter]
    fn seals_cursors(&self) -> bool {
        !self.settings.cursor_keys.is_empty()
    }

    /// The context variable of `options()` blocks: their time-out in seconds and whether reads are consistent, each None where
    /// nothing is said.
    fn options_variable<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let variable = self.options.get_or_try_init(py, || {
            let nothing = (None::<f64>, None::<bool>, None::<Py<BlockDeadline>>);
            let defaults = [(intern!(py, "default"), nothing)];
            let made = py
                .import(intern!(py, "contextvars"))?
                .getattr(intern!(py, "ContextVar"))?
                .call(("pydynox_options",), Some(&defaults.into_py_dict(py)?))?;
            Ok::<_, PyErr>(made.unbind())
        })?;
        Ok(variable.bind(py).clone())
    }

    /// Read an item of a model. The key is given in order, by name, or both.
    fn get(
        &self,
        schema: &Bound<'_, Schema>,
        values: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
        consistent_read: Option<bool>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let consistent = self.is_consistent(py, consistent_read, model.consistent_read)?;
        let key = model.key(values, named)?;
        let table = self.settings.table_of(py, model)?;
        if coalesce::is_on(py)? {
            let mut w = Writer::with_capacity(64);
            write_key(&mut w, model, &key)?;
            let protection = self.opening(py, [schema])?;
            let about = Context {
                target: Target::of_item(protection.as_ref(), schema, &key),
                ..self.context()
            };
            let asked = Asked {
                client: self.core(py)?.protected(protection),
                timeout: self.options(py)?.timeout,
                read: Read {
                    table: key_names(table, model),
                    key: w.into_bytes(),
                    consistent_read: consistent,
                },
            };
            let expected = Expected::Item(schema.clone().unbind());
            return Operation::gathered(py, asked, expected, about);
        }
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, &key)?;
        get_item::finish(&mut w, consistent, &[]);
        let request = Request {
            protection: self.opening(py, [schema])?,
            ..Request::idempotent(Name::GetItem, table, w)
        };
        let about = Context {
            target: Target::of_item(request.protection.as_ref(), schema, &key),
            ..Context::default()
        };
        let expected = Expected::Item(schema.clone().unbind());
        self.send_about(py, request, expected, about)
    }

    /// Whether there is an item with this key; reads the key alone.
    fn exists(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let table = self.settings.table_of(py, model)?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        let hidden = model.duties.expires_at.filter(|_| model.hides_expired);
        let mut projection = vec![Place::new(&model.partition_key().attribute_name)];
        projection.extend(hidden.map(|index| Place::new(&model.field(index).attribute_name)));
        if model.entity.is_some() || !model.entities.bind(py).is_empty() {
            projection.push(Place::new(&model.entity_attribute));
        }
        let consistent = self.is_consistent(py, None, model.consistent_read)?;
        get_item::finish(&mut w, consistent, &projection);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::Exists(schema.clone().unbind()),
        )
    }

    /// Write a new item; fails when its key is taken.
    fn create(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        self.send_write(
            instance.py(),
            Write::create(&self.settings, instance, condition)?,
        )
    }

    /// Write the whole item, replacing whatever has its key.
    fn put(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        self.send_write(
            instance.py(),
            Write::put(&self.settings, instance, condition)?,
        )
    }

    /// Write what changed; None when nothing did and there is no condition to check.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn save(
        &self,
        instance: &Bound<'_, Instance>,
        whole: Vec<String>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Operation>>> {
        let write = Write::save(&self.settings, instance, &whole, condition)?;
        write
            .map(|write| self.send_write(instance.py(), write))
            .transpose()
    }

    /// Apply actions to the item of an instance, which then equals the item but for what was edited and not saved.
    fn update(
        &self,
        instance: &Bound<'_, Instance>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::update(&self.settings, instance, actions, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Apply actions to the item with this key; gives the item as it is then.
    #[allow(clippy::too_many_arguments)] // what Python hands over
    fn update_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
    ) -> PyResult<Py<Operation>> {
        let write = Write::update_key(
            &self.settings,
            schema,
            key,
            named,
            actions,
            condition,
            upsert,
            true,
        )?;
        self.send_write(schema.py(), write)
    }

    /// The same without an answer.
    #[allow(clippy::too_many_arguments)] // what Python hands over
    fn apply_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
    ) -> PyResult<Py<Operation>> {
        let write = Write::update_key(
            &self.settings,
            schema,
            key,
            named,
            actions,
            condition,
            upsert,
            false,
        )?;
        self.send_write(schema.py(), write)
    }

    /// Delete the item of an instance.
    fn delete(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::delete(&self.settings, instance, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Read the item of an instance again, consistently.
    fn refresh(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let table = self.settings.table_of(py, schema.get())?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        item::write_key(&mut w, instance)?;
        get_item::finish(&mut w, true, &[]);
        let request = Request {
            protection: self.opening(py, [&schema])?,
            ..Request::idempotent(Name::GetItem, table, w)
        };
        self.send(py, request, Expected::Refreshed(instance.clone().unbind()))
    }

    /// Delete the item with this key, if there is one.
    fn delete_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::delete_key(&self.settings, schema, key, condition)?;
        self.send_write(schema.py(), write)
    }

    /// Delete the item with this key and give it back. What was given to nobody is lost, so it is never sent again.
    fn pop_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::pop_key(&self.settings, schema, key)?;
        self.send_write(schema.py(), write)
    }

    /// Send operations together; None where there is nothing to send. Gives the token too.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn transact_write(
        &self,
        py: Python<'_>,
        entries: Vec<Bound<'_, PyAny>>,
        token: Option<&str>,
    ) -> PyResult<Option<(Py<Operation>, String)>> {
        self.send_transaction(py, &entries, token)
    }

    /// Read many items.
    #[pyo3(signature = (keys, consistent_read, on_invalid=None))]
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn batch_get(
        &self,
        py: Python<'_>,
        keys: Vec<Key<'_>>,
        consistent_read: Option<bool>,
        on_invalid: Option<Py<PyAny>>,
    ) -> PyResult<Py<Operation>> {
        self.gather(py, &keys, consistent_read, on_invalid)
    }

    /// The table of an instance as it is sent, and its key in the form in which equal keys are equal.
    fn address_of(&self, instance: &Bound<'_, Instance>) -> PyResult<(String, Vec<u8>)> {
        let schema = schema_of(instance)?;
        let mut w = Writer::with_capacity(64);
        item::write_key(&mut w, instance)?;
        let table = self.settings.table_of(instance.py(), schema.get())?;
        Ok((table, w.into_bytes()))
    }

    /// Read a page of a table as lines of JSON.
    fn scan_lines(
        &self,
        py: Python<'_>,
        table: &str,
        after: Option<&str>,
        consistent_read: bool,
        limit: Option<u32>,
        pace: &Bound<'_, Pace>,
    ) -> PyResult<Py<Operation>> {
        self.scan_as_lines(py, table, after, consistent_read, limit, pace.get())
    }

    /// Read items as they were at one moment.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn transact_get(&self, py: Python<'_>, keys: Vec<Key<'_>>) -> PyResult<Py<Operation>> {
        self.read_together(py, &keys)
    }

    /// Read an item as plain values.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn get_item(
        &self,
        table: &str,
        key: &Bound<'_, PyDict>,
        consistent_read: Option<bool>,
        projection: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let table = self.settings.table_named(table);
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        let projection = projection
            .iter()
            .map(place_of)
            .collect::<PyResult<Vec<_>>>()?;
        let consistent = self.is_consistent(py, consistent_read, false)?;
        get_item::finish(&mut w, consistent, &projection);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::PlainItem,
        )
    }

    /// Write an item of plain values, replacing whatever has its key.
    fn put_item(
        &self,
        table: &str,
        item: &Bound<'_, PyDict>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = item.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, item)?;
        let table = self.settings.table_named(table);
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        write_plain(&mut w, item, "item")?;
        sizes::check_plain(py, &self.settings, &w.as_bytes()[start..], &table)?;
        put_item::finish_if(&mut w, Guard::None, tree(condition))
            .map_err(|error| raise(py, &error, None))?;
        let request = Request {
            resend: unless(condition),
            ..Request::idempotent(Name::PutItem, table, w)
        };
        self.send_about(py, request, Expected::Nothing, about(condition))
    }

    /// Apply actions to the item with this key of plain values, or to a new one; gives the item as it is then.
    fn update_item(
        &self,
        table: &str,
        key: &Bound<'_, PyDict>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, key)?;
        let actions = actions_of(actions, |name| {
            let is_key = key.contains(name).unwrap_or(false);
            is_key.then_some(IS_KEY.into())
        })?;
        let table = self.settings.table_named(table);
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        update_item::return_new(&mut w);
        update_item::finish_actions(&mut w, &actions, None, tree(condition))
            .map_err(|error| raise(py, &error, None))?;
        let request = Request {
            resend: repeated(&actions, condition),
            ..Request::idempotent(Name::UpdateItem, table, w)
        };
        let about = Context {
            target: Target::Plain(key.clone().unbind()),
            builds_on: actions.have_parents(),
            ..about(condition)
        };
        self.send_about(py, request, Expected::PlainNewItem, about)
    }

    /// Delete the item with this key of plain values.
    fn delete_item(
        &self,
        table: &str,
        key: &Bound<'_, PyDict>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, key)?;
        let table = self.settings.table_named(table);
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        delete_item::finish_if(&mut w, Guard::None, tree(condition))
            .map_err(|error| raise(py, &error, None))?;
        let about = Context {
            target: Target::Plain(key.clone().unbind()),
            ..about(condition)
        };
        self.send_about(
            py,
            Request {
                resend: unless(condition),
                ..Request::idempotent(Name::DeleteItem, table, w)
            },
            Expected::Nothing,
            about,
        )
    }

    /// Any operation of DynamoDB, in the service's own JSON.
    fn call(&self, operation: &str, wire: &Bound<'_, PyDict>) -> PyResult<Py<Operation>> {
        let py = wire.py();
        let name = Name::from_name(operation);
        let mut w = Writer::with_capacity(512);
        json::write(&mut w, wire.as_any(), 0)?;
        let resend = if name.is_read() {
            Resend::Always
        } else if wire.contains("ClientRequestToken")? {
            Resend::Token
        } else {
            Resend::Never
        };
        let table = match wire.get_item("TableName")? {
            Some(table) => table.extract().unwrap_or_default(),
            None => String::new(),
        };
        let request = Request {
            operation: name,
            table,
            body: w.into_bytes().into(),
            resend,
            intent: Intent::Plain,
            proof: None,
            own_token: None,
            protection: None,
        };
        self.send(py, request, Expected::Wire)
    }

    /// An instance from an item in `DynamoDB`'s own form, protected values opened.
    fn open_item(
        &self,
        schema: &Bound<'_, Schema>,
        item: &Bound<'_, PyDict>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let item = given_item(schema, item)?;
        let schema = entity::reader_of(schema, &item)?;
        let table: Arc<str> = self.settings.table_of(py, schema.get())?.into();
        let body: Bytes = [br#"{"Item":"#, &*item, b"}"].concat().into();
        let core = self.core(py)?.protected(self.opening(py, [&schema])?);
        let timeout = self.options(py)?.timeout;
        let exchange = Box::pin(async move { core.open_given(table, body, timeout).await });
        let expected = Expected::Given(schema.unbind());
        Operation::new(py, exchange, false, expected, self.context())
    }

    /// From now on, do to this client's requests what these faults say.
    fn inject(&self, faults: &Bound<'_, Faults>) {
        self.faults.add(faults.get());
        self.connections.reroute(&self.faults);
    }

    /// No longer do to this client's requests what these faults say.
    fn lift(&self, faults: &Bound<'_, Faults>) {
        self.faults.remove(faults.get());
        self.connections.reroute(&self.faults);
    }

    /// Let go of the connection; calls after that are refused.
    fn close(&self) {
        self.connections.close();
    }
}
