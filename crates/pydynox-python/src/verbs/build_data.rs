//! How the extension was built, for bug reports.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Target triple, Cargo profile, commit and compiler; None for what was unknown during the build. The commit is taken from
/// `PYDYNOX_COMMIT`, which only builds for publication set: reading it from git would rebuild the border after every commit.
#[pyfunction]
pub(crate) fn build_data(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let data = PyDict::new(py);
    for (name, value) in [
        ("target", Some(env!("PYDYNOX_TARGET"))),
        ("profile", Some(env!("PYDYNOX_PROFILE"))),
        ("commit", option_env!("PYDYNOX_COMMIT")),
        ("rustc", Some(env!("PYDYNOX_RUSTC"))),
    ] {
        data.set_item(name, value.filter(|text| !text.is_empty()))?;
    }
    Ok(data)
}
