//! Declarations: what a class declares in addition to its fields, as Python passes it.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::text;

/// Name, whether it is global, its partition key's and sort key's attributes by stored name, what it projects.
pub(crate) type DeclaredIndex = (String, bool, Vec<String>, Vec<String>, Option<Vec<String>>);

/// A class without its fields. The functions below read the texts, and their errors say what is wrong with which.
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
    /// Whether the model ignores items without an entity, or with one that is not listed here.
    #[pyo3(item)]
    pub(crate) only_entities: bool,
    #[pyo3(item)]
    pub(crate) indexes: Vec<DeclaredIndex>,
    /// The items that it covers, and the attributes whose combined values are unique among them.
    #[pyo3(item)]
    pub(crate) unique: Vec<(String, Vec<String>)>,
    #[pyo3(item)]
    pub(crate) repair_orphans: bool,
}

impl Declared<'_> {
    pub(crate) fn table(&self) -> PyResult<Option<&str>> {
        text::declared_table(&self.table)
    }

    /// The name by which encrypted values know their table; the name that is sent if none is declared.
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
