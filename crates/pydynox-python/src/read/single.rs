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
use crate::model::instance::{Instance, schema_of, unsettle};
use crate::model::schema::Schema;

/// An item of a model, or none.
pub(crate) struct Item(pub(crate) Py<Schema>);

/// An item of a model that the caller has had.
pub(crate) struct Given(pub(crate) Py<Schema>);

/// Whether there is an item of a model.
pub(crate) struct Exists(pub(crate) Py<Schema>);

/// An instance is read again.
pub(crate) struct Refreshed(pub(crate) Py<Instance>);

/// An item as plain values, or none.
pub(crate) struct PlainItem;

impl Answered for Item {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        // Read with others, the body is the item itself.
        let item = if answer.operation == Name::BatchGetItem {
            (!body.is_empty()).then_some(0..body.len())
        } else {
            item_of(py, body)?
        };
        own_item(py, answer, item, self.0.bind(py))
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        about.subject(py, Some(&self.0))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Answered for Given {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let body = &answer.body;
        let Some(range) = item_of(py, body)? else {
            return Ok(py.None().into_bound(py));
        };
        let instance = read_instance(py, &body[range], self.0.bind(py))?;
        unsettle(&instance, &answer.migrated, 0)?;
        Ok(instance.into_any())
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        about.subject(py, Some(&self.0))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Answered for Exists {
    fn answered<'py>(
        self,
        py: Python<'py>,
        answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let schema = self.0.bind(py);
        let exists = match item_of(py, &answer.body)? {
            Some(range) => {
                let item = &answer.body[range];
                let r = Reader::new(item).map_err(|error| malformed(py, &error))?;
                let is_foreign = matches!(entity::owner(schema, &r)?, Owner::Foreign);
                let is_over = || schema.get().rules.is_over(item);
                !is_foreign && !is_over().map_err(|error| malformed(py, &error))?
            }
            None => false,
        };
        Ok(PyBool::new(py, exists).to_owned().into_any())
    }

    fn subject<'py>(&self, py: Python<'py>, about: &Context) -> Option<Subject<'py>> {
        about.subject(py, Some(&self.0))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
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
        let instance = self.0.bind(py);
        let schema = schema_of(instance).ok()?;
        Some(about.subject_of(py, Some(schema), write::key_of(instance).ok()))
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
    let py = instance.py();
    let schema = schema_of(instance)?;
    let Some(range) = item_of(py, body)? else {
        return Err(item_not_found(
            py,
            &format!("this {} is not in the table any more", schema.get().name),
        ));
    };
    let fresh = read_instance(py, &body[range], &schema)?;
    for field in schema.get().fields() {
        let name = field.name.bind(py);
        ffi::set_attribute(instance, name, &ffi::get_attribute(&fresh, name)?)?;
    }
    settle(instance, &fresh);
    Ok(())
}
