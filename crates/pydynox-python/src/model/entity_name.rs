//! What the items of a model are called where several models share a table.

use pydynox_core::wire::Writer;

/// The entity of a model, as it is stored.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) name: Box<str>,
    /// JSON text of the attribute's value.
    pub(crate) json: Box<[u8]>,
}

/// A name as the value of an attribute.
pub(crate) fn json(name: &str) -> Box<[u8]> {
    let mut w = Writer::with_capacity(name.len() + 8);
    w.raw(br#"{"S":"#);
    w.string(name);
    w.byte(b'}');
    w.into_bytes().into()
}
