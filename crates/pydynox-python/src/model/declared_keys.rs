//! Declared keys: the keys, indexes and unique constraints that a class declares, in the core's form.

use pydynox_core::index_key::IndexKey;
use pydynox_core::schema::{Index, ItemSchema, KeyAttribute, KeyType, Projected};
use pyo3::prelude::*;

use crate::exceptions::{configuration_error, internal};
use crate::model::declared::DeclaredIndex;
use crate::values::layout::Layout;
use pydynox_core::write::constraint::Constraint;

/// A field of the key by its stored name and the type of its values.
pub(super) fn key_of<'a>(
    py: Python<'_>,
    layout: &'a Layout,
    index: usize,
) -> PyResult<(&'a str, KeyType)> {
    let field = layout.field(index);
    let key_type = field.kind.key_type();
    key_type
        .map(|key_type| (&*field.attribute_name, key_type))
        .ok_or_else(|| {
            let message = format!(
                "{}.{} cannot be a key: keys are strings, numbers or bytes",
                layout.name, field.text
            );
            configuration_error(py, &message)
        })
}

/// The fields that are keys of indexes, by position; empty where there are no indexes.
pub(super) fn index_keys_of(layout: &Layout, item: &ItemSchema) -> Box<[Option<IndexKey>]> {
    let mut index_keys: Vec<Option<IndexKey>> = Vec::new();
    for key in IndexKey::all(item) {
        if let Some(at) = layout.by_attribute(&key.attribute_name, usize::MAX) {
            index_keys.resize(layout.len(), None);
            index_keys[at] = Some(key);
        }
    }
    index_keys.into()
}

pub(super) fn constraints_of(
    py: Python<'_>,
    layout: &Layout,
    declared: Vec<(String, Vec<String>)>,
) -> PyResult<Vec<Constraint>> {
    let constraints = declared.into_iter().map(|(of, names)| {
        let stored = |index: usize| layout.field(index).attribute_name.clone();
        let public_name = |name: String| {
            let field = layout.position(&name).map(|index| layout.field(index));
            field.map_or(name, |field| field.text.to_string())
        };
        let names = names.into_iter().map(public_name).collect();
        let is_varied = |index: usize| layout.field(index).loose;
        let position = |name: &str| layout.position(name);
        let constraint = Constraint::new(&of, names, position, stored, is_varied);
        constraint.ok_or_else(|| internal(py, "a constraint on an attribute that is not there"))
    });
    constraints.collect()
}

/// What a class declares, for the core to check.
pub(super) fn indexes_of(layout: &Layout, declared: Vec<DeclaredIndex>) -> Vec<Index> {
    let keys = |names: Vec<String>| -> Box<[KeyAttribute]> {
        let key = |name: String| {
            let field = layout
                .by_attribute(&name, usize::MAX)
                .map(|at| layout.field(at));
            let key_type = field.and_then(|field| field.kind.present().key_type());
            KeyAttribute {
                attribute_name: name.into(),
                // If the attribute does not exist, the core reports that.
                key_type: key_type.unwrap_or(KeyType::S),
            }
        };
        names.into_iter().map(key).collect()
    };
    let index = |(name, global, partition, sort, included): DeclaredIndex| Index {
        name: name.into(),
        global,
        partition: keys(partition),
        sort: keys(sort),
        projected: match included {
            None => Projected::All,
            Some(names) if names.is_empty() => Projected::KeysOnly,
            Some(names) => Projected::Include(names.into_iter().map(Into::into).collect()),
        },
    };
    declared.into_iter().map(index).collect()
}
