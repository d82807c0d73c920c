//! Plain JSON as `json.loads` reads it, for values without a declared type.

use pydynox_core::wire::{Reader, base64};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::values::unreadable::Read;

/// Any JSON, as `json.loads` reads it: the answers of operations without a model.
pub(crate) fn json<'py>(py: Python<'py>, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
    Ok(match r.peek()? {
        b'{' => {
            let dict = PyDict::new(py);
            r.begin_object()?;
            while let Some(key) = r.next_key()? {
                let key = PyString::new(py, &key.decode()?);
                dict.set_item(key, json(py, r)?)?;
            }
            dict.into_any()
        }
        b'[' => {
            let list = PyList::empty(py);
            r.begin_array()?;
            while r.next_element()? {
                list.append(json(py, r)?)?;
            }
            list.into_any()
        }
        b'"' => PyString::new(py, &r.string()?.decode()?).into_any(),
        b't' | b'f' => PyBool::new(py, r.boolean()?).to_owned().into_any(),
        b'n' => {
            r.null()?;
            py.None().into_bound(py)
        }
        _ => {
            let text = r.json_number()?;
            if text.contains(['.', 'E', 'e']) {
                py.get_type::<PyFloat>().call1((text,))?
            } else {
                py.get_type::<PyInt>().call1((text,))?
            }
        }
    })
}

/// A byte string's text as it is on the wire.
pub(crate) fn base64_text(bytes: &[u8]) -> String {
    base64::encode(bytes)
}
