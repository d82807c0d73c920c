//! What a class declares beside its fields, as Python hands it over.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::interpreter::text;

/// Name, whether it is global, attributes of its partition key and of its sort key by stored name, what it projects.
pub(crate) type DeclaredIndex = (String, bool, Vec<String>, Vec<String>, Option<Vec<String>>);

/// A class without its fields.
#[derive(FromPyObject)]
#[allow(clippy::struct_excessive_bools)] // each is a setting of its own
pub(crate) struct Declared {
    #[pyo3(item, from_py_with = table)]
    pub(crate) table: Option<String>,
    /// The name by which encrypted values know their table; that which is sent where none is declared.
    #[pyo3(item, from_py_with = logical_table)]
    pub(crate) logical_table: Option<String>,
    #[pyo3(item)]
    pub(crate) strict_reads: bool,
    #[pyo3(item)]
    pub(crate) consistent_read: bool,
    #[pyo3(item)]
    pub(crate) hide_expired: bool,
    #[pyo3(item, from_py_with = entity)]
    pub(crate) entity: Option<String>,
    #[pyo3(item, from_py_with = entity_attribute)]
    pub(crate) entity_attribute: String,
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

impl Declared {
    /// The table that encrypted values are bound to.
    pub(crate) fn bound_to(&self) -> Option<&str> {
        self.logical_table.as_deref().or(self.table.as_deref())
    }
}

fn table(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    Ok(text::declared_table(value)?.map(ToOwned::to_owned))
}

fn logical_table(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    Ok(text::logical_table(value)?.map(ToOwned::to_owned))
}

fn entity(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    Ok(text::entity(value)?.map(ToOwned::to_owned))
}

fn entity_attribute(value: &Bound<'_, PyAny>) -> PyResult<String> {
    text::entity_attribute(value).map(ToOwned::to_owned)
}
