//! Pauses, seen from Python: what a coroutine awaits between two polls, whether it runs in an event loop or blocks.

use pydynox_core::call::Answer;
use pydynox_core::retry::deadline::Pause;
use pydynox_core::transport::Operation as Name;
use pyo3::prelude::*;

use crate::answer::reply::{Answered, Context, Reply, nothing};
use crate::connection::connection::time_of;
use crate::interpreter::operation::Operation;

/// The end of a pause.
struct Paused;

impl Answered for Paused {
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(py.None().into_bound(py))
    }
}

/// Wait for half of this time to all of it; sends nothing.
#[pyfunction]
#[pyo3(signature = (seconds, /))]
pub(crate) fn pause(py: Python<'_>, seconds: f64) -> PyResult<Py<Operation>> {
    let length = time_of(seconds);
    let exchange = Box::pin(async move {
        Pause::jittered(length).await;
        Ok(nothing(Name::GetItem))
    });
    Operation::new(py, exchange, false, Reply::with(Context::default(), Paused))
}
