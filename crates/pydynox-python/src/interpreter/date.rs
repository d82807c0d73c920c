//! Python's date, which tests may have replaced.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::interpreter::ffi;

/// What `time.time()` returns now, in microseconds since 1970; None on threads that do not run Python code, which must not wait
/// for the interpreter.
pub(crate) fn python_date() -> Option<i64> {
    static TIME: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    if !ffi::is_attached() {
        return None;
    }
    Python::attach(|py| {
        let module = TIME.get_or_try_init(py, || PyModule::import(py, "time").map(Bound::unbind));
        // Looked up each time: libraries that freeze or move time replace the function, or what it calls.
        let seconds: f64 = module
            .and_then(|module| module.bind(py).getattr("time")?.call0()?.extract())
            .ok()?;
        #[allow(clippy::cast_possible_truncation)]
        // saturates; rounded, because a float holds a quarter of a microsecond
        Some((seconds * 1e6).round() as i64)
    })
}
