//! Which of a model's fields pydynox writes itself, as the core knows them.

use pydynox_core::time::Form;
use pydynox_core::write::purposes::Purposes;

use crate::values::field::Field;
use crate::values::kind::Kind;

/// Those of a model's fields.
pub(crate) fn purposes_of<'a>(fields: impl Iterator<Item = &'a Field>) -> Purposes {
    Purposes::new(fields.enumerate().filter_map(|(index, field)| {
        let name = &*field.attribute_name;
        Some((index, field.purpose?, name, form_of(&field.kind)))
    }))
}

/// How values of this kind store a point in time.
fn form_of(kind: &Kind) -> Form {
    match kind.present() {
        Kind::Datetime(form) => form.clone(),
        _ => Form::ISO_Z,
    }
}
