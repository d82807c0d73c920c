//! What a class declares beside its fields, as Python hands it over.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::text;

/// Name, whether it is global, attributes of its partition key and of its sort key by stored name, what it projects.
pub(crate) type DeclaredIndex = (String, bool, Vec<String>, Vec<String>, Option<Vec<String>>);

/// A class without its fields. Texts are read by the functions below, whose errors say what is wrong with which.
#[derive(FromPyObject)]
#[allow(clippy::struct_excessive_bools)] // each is a setting of its own
pub(crate) struct Declared<'py> {
    #[pyo3(item)]
    table: Bound<'py, PyAny>,
    #[pyo3(item)]
    logical_table: Bound<'py, PyAny>,
    #[pyo3(item)]
    pub(crate) strict_reads: bool,
    #[pyo3(item)]
    pub(crate) consistent_read: bool,
    #[pyo3(item)]
    pub(crate) hide_expired: bool,
    #[pyo3(item)]
    entity: Bound<'py, PyAny>,
    #[pyo3(item)]
    entity_attribute: Bound<'py, PyAny>,
    /// The schemas of subclasses by entity; grows as they are defined.
    #[pyo3(item)]
    pub(crate) entities: Option<Py<PyDict>>,
    /// Whether items of no entity, or of one that is not among these, are none of this model's.
    #[pyo3(item)]
    pub(crate) only_entities: bool,
    #[pyo3(item)]
    pub(crate) indexes: Vec<DeclaredIndex>,
    /// Among which items, and the attributes whose values together only one of them has.
    #[pyo3(item)]
    pub(crate) unique: Vec<(String, Vec<String>)>,
    #[pyo3(item)]
    pub(crate) repair_orphans: bool,
}

impl Declared<'_> {
    pub(crate) fn table(&self) -> PyResult<Option<&str>> {
        text::declared_table(&self.table)
    }

    /// The name by which encrypted values know their table; that which is sent where none is declared.
    pub(crate) fn logical_table(&self) -> PyResult<Option<&str>> {
        text::logical_table(&self.logical_table)
    }

    pub(crate) fn entity(&self) -> PyResult<Option<&str>> {
        text::entity(&self.entity)
    }

    pub(crate) fn entity_attribute(&self) -> PyResult<&str> {
        text::entity_attribute(&self.entity_attribute)
    }
}
