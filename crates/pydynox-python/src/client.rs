//! The core's client, seen from Python: extracts arguments, has the body written, and gives an Operation.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use pydynox_core::client::{Call, Client as CoreClient, Intent, Resend};
use pydynox_core::operation::{
    Guard, create_table, delete_item, delete_table, describe_table, get_item, put_item, update_item,
};
use pydynox_core::size::{MAX_ITEM_SIZE, check_item_size};
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Writer;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::answer::Expected;
use crate::encode;
use crate::error::{raise, validation_error};
use crate::instance::{Instance, schema_of};
use crate::item;
use crate::json;
use crate::operation::Operation;
use crate::runtime;
use crate::schema::Schema;
use crate::settings::Settings;

/// An open connection, and the process generation that opened it.
enum Connection {
    Unopened,
    Open(u32, CoreClient),
    Closed,
}

/// The client that a `DynamoDBClient` drives.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Client {
    settings: Settings,
    /// Only locked while the interpreter is held, and never across a call into Python.
    connection: Mutex<Connection>,
}

impl Client {
    /// The core's client: opened at the first call, and again in a forked child.
    fn core(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*connection {
            Connection::Open(opened, client) if *opened == runtime::generation() => {
                return Ok(client.clone());
            }
            Connection::Closed => return Err(PyRuntimeError::new_err("this client is closed")),
            _ => {}
        }
        runtime::forget_inherited();
        let client = self
            .settings
            .open()
            .map_err(|error| raise(py, &error, None))?;
        let stale = std::mem::replace(
            &mut *connection,
            Connection::Open(runtime::generation(), client.clone()),
        );
        // What a parent opened is leaked in its child, never closed under the parent's feet.
        std::mem::forget(stale);
        Ok(client)
    }

    fn table(&self, py: Python<'_>, schema: &Schema) -> PyResult<String> {
        let table = schema.table(py)?;
        Ok(self.named(table))
    }

    fn named(&self, table: &str) -> String {
        if table.starts_with("arn:") {
            table.to_owned()
        } else {
            [&self.settings.table_prefix, table].concat()
        }
    }

    fn send(
        &self,
        py: Python<'_>,
        request: Request,
        expected: Expected,
    ) -> PyResult<Py<Operation>> {
        let core = self.core(py)?;
        let inline = core.answers_inline(&request.operation);
        let call = Call {
            operation: request.operation,
            table: request.table.into(),
            body: Bytes::from(request.body.into_bytes()),
            resend: request.resend,
            intent: request.intent,
            timeout: None,
        };
        let exchange = match request.wait {
            Wait::No => Box::pin(async move { core.call(call).await }) as runtime::Exchange,
            Wait::Created => Box::pin(async move { core.create_table(call, true).await }),
            Wait::Deleted => Box::pin(async move { core.delete_table(call, true).await }),
        };
        Operation::new(
            py,
            exchange,
            inline && matches!(request.wait, Wait::No),
            expected,
            self.settings.shows_keys,
        )
    }

    fn write_instance(
        &self,
        instance: &Bound<'_, Instance>,
        guarded: bool,
    ) -> PyResult<Py<Operation>> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let schema = schema.get();
        let table = self.table(py, schema)?;
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        let stored = item::write_checked(&mut w, instance)?;
        check_size(py, &w.as_bytes()[start..], &schema.name, &table)?;
        let (guard, intent, resend) = if guarded {
            (
                Guard::NotExists(&schema.partition_key().attribute_name),
                Intent::Create,
                Resend::OwnGuard,
            )
        } else {
            (Guard::None, Intent::Plain, Resend::Always)
        };
        put_item::finish(&mut w, guard);
        let request = Request {
            operation: Name::PutItem,
            table,
            body: w,
            resend,
            intent,
            wait: Wait::No,
        };
        let fields = (0..schema.len()).collect();
        self.send(
            py,
            request,
            Expected::Written {
                instance: instance.clone().unbind(),
                stored: Box::new(stored),
                fields,
            },
        )
    }
}

/// A body that is ready to be sent.
struct Request {
    operation: Name,
    table: String,
    body: Writer,
    resend: Resend,
    intent: Intent,
    wait: Wait,
}

enum Wait {
    No,
    Created,
    Deleted,
}

impl Request {
    /// An unguarded DeleteItem: sent twice it does what it does once.
    fn delete(table: String, body: Writer) -> Self {
        Self {
            intent: Intent::Delete,
            ..Self::idempotent(Name::DeleteItem, table, body)
        }
    }

    /// What may be sent again whatever became of it: reads, and writes that say the same twice.
    fn idempotent(operation: Name, table: String, body: Writer) -> Self {
        Self {
            operation,
            table,
            body,
            resend: Resend::Always,
            intent: Intent::Plain,
            wait: Wait::No,
        }
    }
}

fn check_size(py: Python<'_>, item: &[u8], model: &str, table: &str) -> PyResult<()> {
    check_item_size(item)
        .map_err(|error| raise(py, &error.with_operation(model).with_table(table), None))
}

/// Write a checked key of a model.
fn write_key(w: &mut Writer, schema: &Schema, key: &Bound<'_, PyTuple>) -> PyResult<()> {
    let parts: Vec<_> = schema.key_fields().zip(key.iter()).collect();
    item::write_key_parts(w, key.py(), schema, &parts)
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
            connection: Mutex::new(Connection::Unopened),
        })
    }

    /// Read an item of a model. The key is given in order, by name, or both.
    fn get(
        &self,
        schema: &Bound<'_, Schema>,
        values: &Bound<'_, PyTuple>,
        named: Option<&Bound<'_, PyDict>>,
        consistent_read: bool,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let key = model.key(values, named)?;
        let table = self.table(py, model)?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, &key)?;
        get_item::finish(&mut w, consistent_read, &[]);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::Item(schema.clone().unbind()),
        )
    }

    /// Whether there is an item with this key; reads the key alone.
    fn exists(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let table = self.table(py, model)?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        get_item::finish(&mut w, false, &[&model.partition_key().attribute_name]);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::Exists,
        )
    }

    /// Write a new item; fails when its key is taken.
    fn create(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        self.write_instance(instance, true)
    }

    /// Write the whole item, replacing whatever has its key.
    fn put(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        self.write_instance(instance, false)
    }

    /// Write what changed; None when nothing did.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn save(
        &self,
        instance: &Bound<'_, Instance>,
        whole: Vec<String>,
    ) -> PyResult<Option<Py<Operation>>> {
        if !item::is_stored(instance) {
            return self.create(instance).map(Some);
        }
        let py = instance.py();
        let schema = schema_of(instance)?;
        let model = schema.get();
        let whole: Vec<usize> = model
            .fields()
            .enumerate()
            .filter(|(_, field)| whole.iter().any(|name| **name == *field.text))
            .map(|(index, _)| index)
            .collect();
        let mut changes = item::changes(instance, &whole)?;
        let broken = item::broken_rules(instance, |index| changes.fields.contains(&index))?;
        changes.problems.extend(broken);
        item::refuse(py, model, std::mem::take(&mut changes.problems))?;
        if changes.update.is_empty() {
            return Ok(None);
        }
        let stored = changes.applied_to(instance)?;
        let table = self.table(py, model)?;
        let mut w = Writer::with_capacity(512);
        update_item::begin(&mut w, &table);
        item::write_key(&mut w, instance)?;
        update_item::finish(
            &mut w,
            &changes.update,
            &model.partition_key().attribute_name,
        );
        if stored.length > MAX_ITEM_SIZE {
            let mut whole = Writer::with_capacity(stored.length);
            item::write(&mut whole, instance)?;
            check_size(py, whole.as_bytes(), &model.name, &table)?;
        }
        let request = Request {
            operation: Name::UpdateItem,
            table,
            body: w,
            resend: Resend::Always,
            intent: Intent::Save,
            wait: Wait::No,
        };
        let expected = Expected::Written {
            instance: instance.clone().unbind(),
            stored: Box::new(stored),
            fields: changes.fields,
        };
        self.send(py, request, expected).map(Some)
    }

    /// Delete the item of an instance.
    fn delete(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let table = self.table(py, schema.get())?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        item::write_key(&mut w, instance)?;
        delete_item::finish(&mut w, Guard::None);
        self.send(
            py,
            Request::delete(table, w),
            Expected::Deleted(instance.clone().unbind()),
        )
    }

    /// Read the item of an instance again, consistently.
    fn refresh(&self, instance: &Bound<'_, Instance>) -> PyResult<Py<Operation>> {
        let py = instance.py();
        let schema = schema_of(instance)?;
        let table = self.table(py, schema.get())?;
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        item::write_key(&mut w, instance)?;
        get_item::finish(&mut w, true, &[]);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::Refreshed(instance.clone().unbind()),
        )
    }

    /// Delete the item with this key, if there is one.
    fn delete_key(
        &self,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let table = self.table(py, model)?;
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_key(&mut w, model, key)?;
        delete_item::finish(&mut w, Guard::None);
        self.send(py, Request::delete(table, w), Expected::Nothing)
    }

    /// Read an item as plain values.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn get_item(
        &self,
        table: &str,
        key: &Bound<'_, PyDict>,
        consistent_read: bool,
        projection: Vec<String>,
    ) -> PyResult<Py<Operation>> {
        let py = key.py();
        let table = self.named(table);
        let mut w = Writer::with_capacity(256);
        get_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        let projection: Vec<&str> = projection.iter().map(String::as_str).collect();
        get_item::finish(&mut w, consistent_read, &projection);
        self.send(
            py,
            Request::idempotent(Name::GetItem, table, w),
            Expected::PlainItem,
        )
    }

    /// Write an item of plain values, replacing whatever has its key.
    fn put_item(&self, table: &str, item: &Bound<'_, PyDict>) -> PyResult<Py<Operation>> {
        let py = item.py();
        let table = self.named(table);
        let mut w = Writer::with_capacity(1024);
        put_item::begin(&mut w, &table);
        let start = w.len();
        write_plain(&mut w, item, "item")?;
        check_size(py, &w.as_bytes()[start..], "item", &table)?;
        put_item::finish(&mut w, Guard::None);
        self.send(
            py,
            Request::idempotent(Name::PutItem, table, w),
            Expected::Nothing,
        )
    }

    /// Delete the item with this key of plain values.
    fn delete_item(&self, table: &str, key: &Bound<'_, PyDict>) -> PyResult<Py<Operation>> {
        let py = key.py();
        let table = self.named(table);
        let mut w = Writer::with_capacity(256);
        delete_item::begin(&mut w, &table);
        write_plain(&mut w, key, "key")?;
        delete_item::finish(&mut w, Guard::None);
        self.send(py, Request::delete(table, w), Expected::Nothing)
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
            body: w,
            resend,
            intent: Intent::Plain,
            wait: Wait::No,
        };
        self.send(py, request, Expected::Wire)
    }

    /// Create the table of a model.
    fn create_table(&self, schema: &Bound<'_, Schema>, wait: bool) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let model = schema.get();
        let table = self.table(py, model)?;
        let mut w = Writer::with_capacity(512);
        create_table::write(&mut w, &table, &model.item);
        let wait = if wait { Wait::Created } else { Wait::No };
        let request = Request {
            operation: Name::CreateTable,
            table,
            body: w,
            resend: Resend::Never,
            intent: Intent::Plain,
            wait,
        };
        self.send(py, request, Expected::Nothing)
    }

    /// Delete the table of a model, and all its items.
    fn delete_table(&self, schema: &Bound<'_, Schema>, wait: bool) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let table = self.table(py, schema.get())?;
        let mut w = Writer::with_capacity(128);
        delete_table::write(&mut w, &table);
        let wait = if wait { Wait::Deleted } else { Wait::No };
        let request = Request {
            operation: Name::DeleteTable,
            table,
            body: w,
            resend: Resend::Never,
            intent: Intent::Plain,
            wait,
        };
        self.send(py, request, Expected::Nothing)
    }

    /// The description of a model's table.
    fn describe_table(&self, schema: &Bound<'_, Schema>) -> PyResult<Py<Operation>> {
        self.describe(schema, Expected::Table)
    }

    /// Whether a model's table exists.
    fn table_exists(&self, schema: &Bound<'_, Schema>) -> PyResult<Py<Operation>> {
        self.describe(schema, Expected::TableExists)
    }

    /// Let go of the connection; calls after that are refused.
    fn close(&self) {
        let before = std::mem::replace(
            &mut *self
                .connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            Connection::Closed,
        );
        match before {
            Connection::Open(opened, _) if opened != runtime::generation() => {
                std::mem::forget(before);
            }
            other => drop(other),
        }
    }
}

impl Client {
    fn describe(&self, schema: &Bound<'_, Schema>, expected: Expected) -> PyResult<Py<Operation>> {
        let py = schema.py();
        let table = self.table(py, schema.get())?;
        let mut w = Writer::with_capacity(128);
        describe_table::write(&mut w, &table);
        self.send(
            py,
            Request::idempotent(Name::DescribeTable, table, w),
            expected,
        )
    }
}
