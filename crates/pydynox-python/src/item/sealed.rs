//! Items with values that only a client can open.

use pydynox_core::codec::compression::is_compressed;
use pydynox_core::codec::envelope::is_envelope;
use pydynox_core::wire::{Reader, Tag, WireError};
use pyo3::prelude::*;

use crate::exceptions::{malformed, validation_error};
use crate::model::schema::Schema;

/// Refuses an item with values that only a client can open; `remedy` says how one does, for a model of this name.
pub(crate) fn refuse_sealed(
    schema: &Bound<'_, Schema>,
    item: &[u8],
    remedy: impl FnOnce(&str) -> String,
) -> PyResult<()> {
    let (py, model) = (schema.py(), schema.get());
    let Some(protected) = &model.protected else {
        return Ok(());
    };
    let find = || -> Result<Option<(String, &str)>, WireError> {
        let mut r = Reader::new(item)?;
        r.begin_object()?;
        while let Some(name) = r.next_key()? {
            let name = name.decode()?;
            if protected.find(&name).is_none() {
                r.skip()?;
                continue;
            }
            r.peek()?;
            let start = r.position();
            r.skip()?;
            let mut value = Reader::new(&item[start..r.position()])?;
            // Envelopes and compressed values are stored as binary; anything else is plaintext.
            if value.begin_value()? != Tag::B {
                continue;
            }
            let bytes = value.binary()?;
            if is_envelope(&bytes) {
                return Ok(Some((name.into_owned(), "encrypted")));
            }
            if is_compressed(&bytes) {
                return Ok(Some((name.into_owned(), "compressed")));
            }
        }
        Ok(None)
    };
    match find().map_err(|error| malformed(py, &error))? {
        None => Ok(()),
        Some((attribute, how)) => {
            let name = &model.name;
            let message = format!(
                "{name}.{attribute} is {how} in this item, which only a client can open: {}",
                remedy(name)
            );
            Err(validation_error(py, &message))
        }
    }
}
