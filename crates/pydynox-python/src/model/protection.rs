//! Protection: attributes that are stored encrypted or compressed, as a class declares them and as a call needs them.

use std::sync::Arc;

use pydynox_core::codec::{ProtectedAttribute, ProtectedSchema};
use pydynox_core::schema::KeyAttribute;
use pydynox_core::wire::{Tag, Writer, marks};
use pyo3::prelude::*;

use crate::exceptions::configuration_error;
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::layout::Layout;

/// The protected attributes of a class in the core's form; None if there are none.
pub(crate) fn schema_of_fields(
    py: Python<'_>,
    layout: &Layout,
    logical_table: Option<&str>,
    keys: (KeyAttribute, Option<KeyAttribute>),
) -> PyResult<Option<Arc<ProtectedSchema>>> {
    let attribute = |field: &Field| {
        field
            .protected
            .as_ref()
            .map(|protected| ProtectedAttribute {
                attribute_name: field.attribute_name.clone(),
                types: types_of(&field.kind).into(),
                compression: protected.compression.clone(),
                encryption: protected.encryption,
            })
    };
    let attributes: Vec<_> = layout.fields().filter_map(attribute).collect();
    if attributes.is_empty() {
        return Ok(None);
    }
    let name = &layout.name;
    let Some(table) = logical_table else {
        let message = format!(
            "{name} has protected attributes, which are bound to their table: declare class {name}(Model[...], table=\"...\") or ModelConfig(logical_table=\"...\")"
        );
        return Err(configuration_error(py, &message));
    };
    ProtectedSchema::new(name, table, keys.0, keys.1, attributes)
        .map(|schema| Some(Arc::new(schema)))
        .map_err(|error| configuration_error(py, error.message()))
}

/// The types that values of a kind are stored as, most likely first.
fn types_of(kind: &Kind) -> Vec<Tag> {
    match kind {
        Kind::Str | Kind::Time(_) | Kind::Uuid | Kind::Json(_) => vec![Tag::S],
        Kind::Datetime(form) | Kind::Date(form) if form.is_number() => vec![Tag::N, Tag::S],
        Kind::Datetime(_) | Kind::Date(_) => vec![Tag::S, Tag::N],
        Kind::Int | Kind::Float | Kind::Decimal | Kind::Number | Kind::Timedelta => vec![Tag::N],
        Kind::Bool => vec![Tag::Bool],
        Kind::Bytes => vec![Tag::B],
        Kind::None => vec![Tag::Null],
        Kind::List(_) | Kind::Tuple(_) | Kind::TupleOf(_) => vec![Tag::L],
        Kind::Dict(_) | Kind::Record(_) | Kind::Pydantic(_) => vec![Tag::M],
        Kind::Set(inner) | Kind::FrozenSet(inner) => match types_of(inner).first() {
            Some(Tag::S) => vec![Tag::Ss],
            Some(Tag::N) => vec![Tag::Ns],
            Some(Tag::B) => vec![Tag::Bs],
            _ => vec![Tag::Ss, Tag::Ns, Tag::Bs],
        },
        Kind::Optional(inner) => {
            let mut types = types_of(inner);
            if !types.contains(&Tag::Null) {
                types.push(Tag::Null);
            }
            types
        }
        Kind::Enum(members) | Kind::Literal(members) => types_of(&members.inner),
        Kind::Codec(codec) => types_of(&codec.inner),
        Kind::Any | Kind::Open => vec![
            Tag::S,
            Tag::M,
            Tag::L,
            Tag::N,
            Tag::Bool,
            Tag::Null,
            Tag::B,
            Tag::Ss,
            Tag::Ns,
            Tag::Bs,
        ],
    }
}

/// Marks what was written from `at` as the value of a protected attribute.
pub(crate) fn mark(w: &mut Writer, at: usize, field: &Field) {
    let value = w.as_bytes()[at..].to_vec();
    w.truncate(at);
    marks::mark(w, &field.attribute_name, &value);
}

/// A value of a protected attribute, marked.
pub(crate) fn marked(value: &[u8], field: &Field) -> Vec<u8> {
    let mut w = Writer::with_capacity(value.len() + 64);
    marks::mark(&mut w, &field.attribute_name, value);
    w.into_bytes()
}
