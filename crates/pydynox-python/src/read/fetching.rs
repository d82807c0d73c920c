//! Fetching: how a query or scan in progress gets its pages, by calls, by segments, or one page ahead.

use pydynox_core::client::Client as CoreClient;
use pydynox_core::reading::StartedBeforeFork;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::answer::reply::{Answered, Reply};
use crate::interpreter::bridge;
use crate::interpreter::operation::Operation;
use crate::interpreter::runtime;
use crate::item::shield;
use crate::read::running_query::Reading;

impl Reading {
    /// The core's client, which opens protected values in the rows.
    fn client(&self, py: Python<'_>) -> PyResult<CoreClient> {
        let schema = self.search.get().schema.as_ref();
        let schema = schema.map(|schema| schema.bind(py));
        let opening = shield::opening(py, &self.connection.settings, schema)?;
        let core = self.connection.core(py)?.protected(opening);
        // One trace for the whole reading: what is fetched ahead is delivered with the page that it is for.
        let trace = core
            .trace()
            .map(|trace| self.trace.get_or_init(|| trace.clone()).clone());
        let mut core = core.traced(trace);
        if let Some(until) = self.until {
            core = core.within(until);
        }
        Ok(match &self.search.get().pace {
            None => core,
            Some(pace) => core.paced(Some(pace.get().0.clone())),
        })
    }

    pub(super) fn start_segments(&self, py: Python<'_>) -> PyResult<()> {
        for segment in self.core.segments(&self.client(py)?) {
            let reading = bridge::on_behalf_of_running_loop(py, segment)?;
            self.core.adopt(runtime::spawn(reading)?);
        }
        Ok(())
    }

    /// A call that fetches until there are `wanted` rows, or a page of them.
    pub(super) fn operation(
        &self,
        py: Python<'_>,
        wanted: Option<usize>,
        answered: impl Answered,
    ) -> PyResult<Py<Operation>> {
        let client = self.client(py)?;
        let step = self.core.step(wanted).map_err(|StartedBeforeFork| {
            let message =
                "this query or scan was started before fork(): start it again in the child";
            PyRuntimeError::new_err(message)
        })?;
        let expected = Reply::plain(&self.connection.settings, answered);
        let expected = self.connection.delivering(&client, expected);
        let inline = step.is_nothing() || client.captures();
        Operation::new(py, Box::pin(step.run(client)), inline, expected)
    }

    /// Fetches the next page before it is requested.
    pub(super) fn fetch_ahead(&self, py: Python<'_>, wanted: Option<usize>) -> PyResult<()> {
        let client = self.client(py)?;
        if let Some((prefetch, page)) = self.core.prefetch(wanted) {
            let fetching = bridge::on_behalf_of_running_loop(py, prefetch.run(client))?;
            self.core.expect(page, runtime::spawn(fetching)?);
        }
        Ok(())
    }
}
