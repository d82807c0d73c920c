//! One item, read by its key: requests, and what their answers become.

use pydynox_core::call::Answer;
use pydynox_core::transport::Operation as Name;
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::PyBool;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::decoded::{item_of, own_item, plain_item, read_instance, settle};
use crate::answer::failure::Subject;
use crate::answer::reply::{Answered, Context};
use crate::exceptions::{item_not_found, malformed};
use crate::interpreter::ffi;
use crate::item::write;
use crate::model::entity::{self, Owner};
use crate::model::instance::{Instance, unsettle};
use crate::model::item::Item;
use crate::model::schema::Schema;

/// One item of a model by its key, as a caller wants it.
pub(crate) struct OneItem {
    schema: Py<Schema>,
    form: Form,
}

/// What an item becomes.
enum Form {
    /// An instance, or None.
    Instance,
    /// An instance of an item that the caller has had: it is returned whatever hides it.
    Given,
    /// Whether there is an item.
    Exists,
}

impl OneItem {
    pub(crate) fn instance(schema: Py<Schema>) -> Self {
        let form = Form::Instance;
        Self { schema, form }
    }

    pub(crate) fn given(schema: Py<Schema>) -> Self {
        let form = Form::Given;
        Self { schema, form }
    }

    pub(crate) fn exists(schema: Py<Schema>) -> Self {
        let form = Form::Exists;
        Self { schema, form }
    }
}

/// An instance is read again.
pub(crate) struct Refreshed(pub(crate) Py<Instance>);

/// An item as plain values, or none.
pub(crate) struct PlainItem;

impl Answered for OneItem {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let schema = self.schema.bind(py);
        match self.form {
            Form::Instance => instance(schema, answer),
            Form::Given => given(schema, answer),
            Form::Exists => exists(schema, answer),
        }
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        about.subject(py, Some(&self.schema))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.schema)
    }
}

fn instance<'py>(schema: &Bound<'py, Schema>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let py = schema.py();
    let body = &answer.body;
    // Read with others, the body is the item itself.
    let item = if answer.operation == Name::BatchGetItem {
        (!body.is_empty()).then_some(0..body.len())
    } else {
        item_of(py, body)?
    };
    own_item(py, answer, item, schema)
}

fn given<'py>(schema: &Bound<'py, Schema>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let py = schema.py();
    let body = &answer.body;
    let Some(range) = item_of(py, body)? else {
        return Ok(py.None().into_bound(py));
    };
    let instance = read_instance(py, &body[range], schema)?;
    unsettle(&instance, &answer.migrated, 0)?;
    Ok(instance.into_any())
}

fn exists<'py>(schema: &Bound<'py, Schema>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    let py = schema.py();
    let exists = match item_of(py, &answer.body)? {
        Some(range) => {
            let item = &answer.body[range];
            let r = Reader::new(item).map_err(|error| malformed(py, &error))?;
            let is_over = |model: &Schema| model.rules.is_over(item);
            // DynamoDB deletes an expired item within days, not at once; a model that hides expired items treats it as absent.
            let is_absent = match entity::owner(schema, &r)? {
                Owner::Own => is_over(schema.get()),
                Owner::Other(subclass) => is_over(subclass.get()),
                Owner::Foreign => Ok(true),
            };
            !is_absent.map_err(|error| malformed(py, &error))?
        }
        None => false,
    };
    Ok(PyBool::new(py, exists).to_owned().into_any())
}

impl Answered for Refreshed {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        refresh(self.0.bind(py), &answer.body)?;
        unsettle(self.0.bind(py), &answer.migrated, 0)?;
        Ok(py.None().into_bound(py))
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        let item = Item::of(self.0.bind(py)).ok()?;
        let key = write::key_of(&item).ok();
        Some(about.subject_of(py, Some(item.schema), key))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Answered for PlainItem {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        match item_of(py, &answer.body)? {
            Some(range) => plain_item(py, &answer.body[range]),
            None => Ok(py.None().into_bound(py)),
        }
    }
}

/// Read into a new instance first: an item that cannot be read leaves the old one as it was.
fn refresh(instance: &Bound<'_, Instance>, body: &[u8]) -> PyResult<()> {
    let item = Item::of(instance)?;
    let (py, model) = (item.py(), item.model());
    let Some(range) = item_of(py, body)? else {
        return Err(item_not_found(
            py,
            &format!(
                "this {} is not in the table: it was deleted, or never saved",
                model.name
            ),
        ));
    };
    let fresh = read_instance(py, &body[range], &item.schema)?;
    for field in model.fields() {
        let name = field.name.bind(py);
        ffi::set_attribute(instance, name, &ffi::get_attribute(&fresh, name)?)?;
    }
    settle(instance, &fresh);
    Ok(())
}
