//! Item: an instance with its schema, which a call looks up once and hands down.

use pyo3::prelude::*;

use crate::interpreter::ffi;
use crate::model::instance::{Instance, schema_of};
use crate::model::schema::Schema;
use crate::values::field::Field;

/// An instance that a call works on. Its state is not borrowed: rules and hooks of users run in between, and may use it.
pub(crate) struct Item<'a, 'py> {
    pub(crate) instance: &'a Bound<'py, Instance>,
    pub(crate) schema: Bound<'py, Schema>,
}

impl<'a, 'py> Item<'a, 'py> {
    pub(crate) fn of(instance: &'a Bound<'py, Instance>) -> PyResult<Self> {
        Ok(Self {
            instance,
            schema: schema_of(instance)?,
        })
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.instance.py()
    }

    pub(crate) fn model(&self) -> &Schema {
        self.schema.get()
    }

    /// Whether it was read or written.
    pub(crate) fn is_stored(&self) -> bool {
        self.instance.borrow().stored.is_some()
    }

    /// The value of an attribute.
    #[inline]
    pub(crate) fn value(&self, field: &Field) -> PyResult<Bound<'py, PyAny>> {
        ffi::get_attribute(self.instance, field.name.bind(self.py()))
    }
}
