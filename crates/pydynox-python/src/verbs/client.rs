//! The core's client, seen from Python: extracts arguments, has the body written, and returns an Operation.

use std::sync::Arc;

use bytes::Bytes;
use pydynox_core::call::Terms;
use pydynox_core::coalesce::Read;
use pydynox_core::operation::{delete_item, get_item, put_item, update_item};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pydynox_core::write::plan::Plan;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::reply::{Context, Reply, Target};
use crate::connection::connection::{Connected, Connection};
use crate::connection::delivery::delivering;
use crate::connection::meter::Pace;
use crate::connection::request::Request;
use crate::connection::restored;
use crate::connection::settings::Settings;
use crate::exceptions::{raise, validation_error};
use crate::interpreter::coalesce::{self, JoinableRead};
use crate::interpreter::operation::Operation;
use crate::interpreter::text;
use crate::item::shield::{self, Shields};
use crate::item::write;
use crate::model::checks::{IS_KEY, actions_of, condition_of};
use crate::model::condition::Condition;
use crate::model::entity;
use crate::model::instance::Instance;
use crate::model::item::Item;
use crate::model::key::{Key, key_names, write_key};
use crate::model::place::{place_of, split_name};
use crate::model::schema::Schema;
use crate::read::single::{OneItem, PlainItem, Refreshed};
use crate::read::{batch_get, transact_get};
use crate::values::{encode, service_json};
use crate::verbs::export_lines;
use crate::verbs::faults::Faults;
use crate::verbs::model_methods::given_item;
use crate::verbs::table::Wire;
use crate::write::effect::Effect;
use crate::write::single::{Write, about, tree};
use crate::write::{size_check, transaction};

/// The client that a `DynamoDBClient` drives.
#[pyclass(frozen, extends = Connected, module = "pydynox._core")]
pub(crate) struct Client {
    connection: Arc<Connection>,
}

impl Client {
    /// A client that calls over this connection.
    pub(crate) fn around(connection: Connection) -> PyClassInitializer<Self> {
        let connection = Arc::new(connection);
        restored::remember(&connection);
        let connected = Connected(connection.clone());
        PyClassInitializer::from(connected).add_subclass(Self { connection })
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    fn settings(&self) -> &Settings {
        &self.connection.settings
    }

    fn send_write(&self, py: Python<'_>, mut write: Write) -> PyResult<Py<Operation>> {
        let settings = self.settings();
        // The guard of a unique value is written together with its item, or neither is.
        if let Some(guards) = write.guards.take() {
            return transaction::send_guarded(py, &self.connection, write, guards);
        }
        let mut body = write.body.into_bytes();
        let mut shields = Shields::default();
        shields.add(write.shield, &mut body);
        let request = Request {
            body: body.into(),
            terms: write.terms,
            protection: shields.protection(py, settings)?,
            ..Request::idempotent(write.operation, write.table, Writer::with_capacity(0))
        };
        let expected = Reply::boxed(settings, write.about, write.effect);
        self.connection.send(py, request, expected)
    }
}

/// Opens the protected values of an item that a caller has, in the form of a GetItem answer; the operation returns an instance.
pub(crate) fn open_given(
    connection: &Connection,
    schema: &Bound<'_, Schema>,
    body: Bytes,
) -> PyResult<Py<Operation>> {
    let py = schema.py();
    let settings = &connection.settings;
    let table: Arc<str> = schema.get().table_in(py, settings)?.into();
    let core = connection.core(py)?;
    let core = core.protected(shield::opening(py, settings, [schema])?);
    let timeout = connection.timeout(py)?;
    let expected = Reply::plain(settings, OneItem::given(schema.clone().unbind()));
    let expected = connection.delivering(&core, expected);
    let inline = core.captures();
    let exchange = Box::pin(async move { core.open_given(table, body, timeout).await });
    Operation::new(py, exchange, inline, expected)
}

/// Refuses a condition on `example.txt` where the item has an attribute of that same name: it would look for a
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
    fn new(
        py: Python<'_>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        Ok(Self::around(Connection::new(py, settings)?))
    }

    /// The number by which a meter knows its client.
    #[getter]
    fn number(&self) -> u64 {
        self.connection.number
    }

    /// Whether its cursors are sealed, so that they can have an audience and expire.
    #[getter]
    fn seals_cursors(&self) -> bool {
        !self.settings().cursor_keys.is_empty()
    }

    /// The variable of `options()` blocks: timeout in seconds and whether reads are consistent; None for what is not set.
    fn options_variable<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.connection.options_variable(py)
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
        let consistent =
            self.connection
                .is_consistent(py, consistent_read, model.consistent_read)?;
        let key = model.key(values, named)?;
        let table = model.table_in(py, self.settings())?;
        if coalesce::is_on(py)? {
            let mut w = Writer::with_capacity(64);
            write_key(&mut w, model, &key)?;
            let protection = shield::opening(py, self.settings(), [schema])?;
            let about = Context {
                target: Target::of_item(protection.as_ref(), schema, &key),
                ..Context::of(self.settings())
            };
            let core = self.connection.core(py)?.protected(protection);
            let reply = Reply::with(about, OneItem::instance(schema.clone().unbind()));
            let reply = delivering(&core, self.connection.number, reply, true);
            let read = JoinableRead {
                client: core,
                timeout: self.connection.timeout(py)?,
                read: Read {
                    table: key_names(table, model),
                    key: w.into_bytes(),
                    consistent_read: consistent,
                },
            };
            return Operation::gathered(py, read, reply);
        }
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, &key)?;
        get_item::finish(&mut w, consistent, &[]);
        let request = Request {
            protection: shield::opening(py, self.settings(), [schema])?,
            ..Request::idempotent(Name::GetItem, table, w)
        };
        let about = Context {
            target: Target::of_item(request.protection.as_ref(), schema, &key),
            ..Context::default()
        };
        let item = OneItem::instance(schema.clone().unbind());
        let expected = Reply::boxed(self.settings(), about, item);
        self.connection.send(py, request, expected)
    }

    /// Whether an item with this key exists; reads the key alone.
    fn exists(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let table = model.table_in(py, self.settings())?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        // Only what decides whether the model sees the item. DynamoDB bills the whole item either way.
        let projection = entity::attributes_of_exists(schema)?;
        let consistent = self
            .connection
            .is_consistent(py, None, model.consistent_read)?;
        get_item::finish(&mut w, consistent, &projection);
        let request = Request::idempotent(Name::GetItem, table, w);
        let exists = OneItem::exists(schema.clone().unbind());
        let expected = Reply::plain(self.settings(), exists);
        self.connection.send(py, request, expected)
    }

    /// Write a new item; fails if its key is taken.
    fn create(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::create(self.settings(), &Item::of(instance)?, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Write the whole item, replacing any item with its key.
    fn put(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::put(self.settings(), &Item::of(instance)?, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Write the changes; None if there are none and there is no condition to check.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn save(
        &self,
        instance: &Bound<'_, Instance>,
        whole: Vec<String>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<Operation>>> {
        let write = Write::save(self.settings(), &Item::of(instance)?, &whole, condition)?;
        write
            .map(|write| self.send_write(instance.py(), write))
            .transpose()
    }

    /// Apply actions to an instance's item; the instance then equals the item except for unsaved edits.
    fn update(
        &self,
        instance: &Bound<'_, Instance>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::update(self.settings(), &Item::of(instance)?, actions, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Apply actions to the item with this key; returns the item after the update.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn update_key(
        &self,
        key: Key<'_>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
    ) -> PyResult<Py<Operation>> {
        let answers = true;
        let write = Write::update_key(self.settings(), &key, actions, condition, upsert, answers)?;
        self.send_write(actions.py(), write)
    }

    /// The same without returning the item.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn apply_key(
        &self,
        key: Key<'_>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
        upsert: bool,
    ) -> PyResult<Py<Operation>> {
        let answers = false;
        let write = Write::update_key(self.settings(), &key, actions, condition, upsert, answers)?;
        self.send_write(actions.py(), write)
    }

    /// Delete the item of an instance.
    fn delete(
        &self,
        instance: &Bound<'_, Instance>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::delete(self.settings(), &Item::of(instance)?, condition)?;
        self.send_write(instance.py(), write)
    }

    /// Read the item of an instance again, consistently.
    fn refresh(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        let item = Item::of(instance)?;
        let py = item.py();
        let table = item.model().table_in(py, self.settings())?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write::write_key(&mut w, &item)?;
        get_item::finish(&mut w, true, &[]);
        let request = Request {
            protection: shield::opening(py, self.settings(), [&item.schema])?,
            ..Request::idempotent(Name::GetItem, table, w)
        };
        let refreshed = Refreshed(instance.clone().unbind());
        let expected = Reply::plain(self.settings(), refreshed);
        self.connection.send(py, request, expected)
    }

    /// Delete the item with this key, if it exists.
    fn delete_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::delete_key(self.settings(), schema, key, condition)?;
        self.send_write(schema.py(), write)
    }

    /// Delete the item with this key and return it. Never sent again: a second attempt could not return the item.
    fn pop_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let write = Write::pop_key(self.settings(), schema, key)?;
        self.send_write(schema.py(), write)
    }

    /// Send operations together; None if there is nothing to send. Returns the token too.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn transact_write(
        &self,
        py: Python<'_>,
        entries: Vec<Bound<'_, PyAny>>,
        #[pyo3(from_py_with = text::token)] token: Option<&str>,
    ) -> PyResult<Option<(Py<Operation>, String)>> {
        transaction::send(py, &self.connection, &entries, token)
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
        batch_get::send(py, &self.connection, &keys, consistent_read, on_invalid)
    }

    /// The table of an instance as sent, and its key in a form where equal keys are equal.
    fn address_of(&self, instance: &Bound<'_, Instance>) -> PyResult<(String, Vec<u8>)> {
        let item = Item::of(instance)?;
        let mut w = Writer::with_capacity(64);
        write::write_key(&mut w, &item)?;
        let table = item.model().table_in(item.py(), self.settings())?;
        Ok((table, w.into_bytes()))
    }

    /// Read a page of a table as lines of JSON.
    fn scan_lines(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = text::table)] table: &str,
        after: Option<&str>,
        consistent_read: bool,
        limit: Option<u32>,
        pace: &Bound<'_, Pace>,
    ) -> PyResult<Py<Operation>> {
        export_lines::scan(
            py,
            &self.connection,
            table,
            (after, consistent_read, limit),
            pace.get(),
        )
    }

    /// Read items as they were at one moment.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn transact_get(&self, py: Python<'_>, keys: Vec<Key<'_>>) -> PyResult<Py<Operation>> {
        transact_get::send(py, &self.connection, &keys)
    }

    /// Read an item as plain values.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn get_item(
        &self,
        #[pyo3(from_py_with = text::table)] table: &str,
        key: &Bound<'_, PyDict>,
        consistent_read: Option<bool>,
        projection: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let table = self.settings().table_given(py, table)?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        let projection = projection
            .iter()
            .map(place_of)
            .collect::<PyResult<Vec<_>>>()?;
        let consistent = self.connection.is_consistent(py, consistent_read, false)?;
        get_item::finish(&mut w, consistent, &projection);
        let request = Request::idempotent(Name::GetItem, table, w);
        let expected = Reply::plain(self.settings(), PlainItem);
        self.connection.send(py, request, expected)
    }

    /// Write an item of plain values, replacing any item with its key.
    fn put_item(
        &self,
        #[pyo3(from_py_with = text::table)] table: &str,
        item: &Bound<'_, PyDict>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = item.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, item)?;
        let table = self.settings().table_given(py, table)?;
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        write_plain(&mut w, item, "item")?;
        size_check::check_plain(py, self.settings(), &w.as_bytes()[start..], &table)?;
        let plan = Plan::undeclared(tree(condition));
        put_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let request = Request {
            terms: plan.terms,
            ..Request::idempotent(Name::PutItem, table, w)
        };
        self.connection.send(
            py,
            request,
            Reply::boxed(self.settings(), about(condition), Effect::Nothing),
        )
    }

    /// Apply actions to the item with this key of plain values, or to a new one; returns the item after the update.
    fn update_item(
        &self,
        #[pyo3(from_py_with = text::table)] table: &str,
        key: &Bound<'_, PyDict>,
        actions: &Bound<'_, PyTuple>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, key)?;
        // Without a model, the given key is all that tells which attributes are keys.
        let actions = actions_of(actions, |name| {
            let is_key = key.contains(name).unwrap_or(false);
            is_key.then_some(IS_KEY.into())
        })?;
        let table = self.settings().table_given(py, table)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        update_item::return_new(&mut w);
        let plan = Plan::undeclared_update(&actions, tree(condition));
        update_item::finish_actions(&mut w, &actions, plan.exists(), plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let request = Request {
            terms: plan.terms,
            ..Request::idempotent(Name::UpdateItem, table, w)
        };
        let about = Context {
            target: Target::Plain(key.clone().unbind()),
            builds_on: plan.builds_on,
            ..about(condition)
        };
        self.connection.send(
            py,
            request,
            Reply::boxed(self.settings(), about, Effect::PlainNewItem),
        )
    }

    /// Delete the item with this key of plain values.
    fn delete_item(
        &self,
        #[pyo3(from_py_with = text::table)] table: &str,
        key: &Bound<'_, PyDict>,
        condition: &Bound<'_, PyAny>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let condition = condition_of(condition)?;
        refuse_split(condition, key)?;
        let table = self.settings().table_given(py, table)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        let plan = Plan::undeclared(tree(condition));
        delete_item::finish_if(&mut w, plan.guard, plan.condition.as_deref())
            .map_err(|error| raise(py, &error))?;
        let about = Context {
            target: Target::Plain(key.clone().unbind()),
            ..about(condition)
        };
        let request = Request {
            terms: plan.terms,
            ..Request::idempotent(Name::DeleteItem, table, w)
        };
        let expected = Reply::boxed(self.settings(), about, Effect::Nothing);
        self.connection.send(py, request, expected)
    }

    /// Any operation of DynamoDB, in the service's own JSON.
    fn call(
        &self,
        #[pyo3(from_py_with = text::operation)] operation: &str,
        wire: &Bound<'_, PyDict>,
    ) -> PyResult<Py<Operation>> {
        let py = wire.py();
        let name = Name::from_name(operation);
        let mut w = Writer::with_capacity(512);
        service_json::write(&mut w, wire.as_any(), 0)?;
        let terms = Terms::of_request(&name, wire.contains("ClientRequestToken")?);
        let table = match wire.get_item("TableName")? {
            // For errors and meters alone: what is not a text, DynamoDB refuses.
            Some(table) => table.extract().unwrap_or_default(),
            None => String::new(),
        };
        let request = Request {
            terms,
            ..Request::idempotent(name, table, w)
        };
        self.connection
            .send(py, request, Reply::plain(self.settings(), Wire))
    }

    /// An instance from an item in `DynamoDB`'s own form, protected values opened.
    fn open_item(
        &self,
        schema: &Bound<'_, Schema>,
        item: &Bound<'_, PyDict>,
    ) -> PyResult<Py<Operation>> {
        let item = given_item(schema, item)?;
        let schema = entity::reader_of(schema, &item)?;
        // In the form of a GetItem answer, which is what is opened and read from here on.
        let body: Bytes = [br#"{"Item":"#, &*item, b"}"].concat().into();
        open_given(&self.connection, &schema, body)
    }

    /// Apply these faults to this client's requests from now on.
    fn inject(&self, faults: &Bound<'_, Faults>) {
        self.connection
            .reroute(|injections| injections.add(&faults.get().plan));
    }

    /// Stop applying these faults to this client's requests.
    fn lift(&self, faults: &Bound<'_, Faults>) {
        self.connection
            .reroute(|injections| injections.remove(&faults.get().plan));
    }

    /// Release the connection; later calls are refused.
    fn close(&self) {
        self.connection.close();
    }
}
