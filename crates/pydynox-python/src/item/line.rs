//! The line of an export as an item with its key.

use pydynox_core::batch::KeyNames;
use pydynox_core::export_lines as lines;
use pydynox_core::wire::WireError;
use pyo3::prelude::*;

use crate::exceptions::validation_error;

/// The item of a line, and its key, both canonical.
pub(crate) fn line_item(
    py: Python<'_>,
    table: &KeyNames,
    line: &[u8],
) -> PyResult<(Vec<u8>, Vec<u8>)> {
    let wrong = |error: WireError| validation_error(py, &error.to_string());
    let item = lines::item(line).map_err(wrong)?;
    let Some(key) = table.of(&item).map_err(wrong)? else {
        let names = table.names.join("' and '");
        let text = format!("the item lacks its key: '{names}'");
        return Err(validation_error(py, &text));
    };
    Ok((item, key))
}
