//! Giving: how a query or scan in progress hands out its rows, and its position after each of them.

use pydynox_core::pagination::{Page, Position};
use pydynox_core::reading::Rows as Taken;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::exceptions::{is_misfit, raise};
use crate::model::instance::{Instance, unsettle};
use crate::read::rows::{describe, row};
use crate::read::running_query::Reading;
use crate::values::decode::Decoder;

impl Reading {
    /// The rows of an answer; see `fetch`.
    pub(crate) fn rows<'py>(
        slf: &Bound<'py, Self>,
        wanted: Option<usize>,
        ahead: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        this.core.settle();
        // Taken out of the reading: decoding and on_invalid run the user's code, which may ask it for its cursor.
        let Some(mut taken) = this.core.take_rows(wanted, this.keeps) else {
            return Ok(py.None().into_bound(py));
        };
        let rows = PyList::empty(py);
        let mut positions = Vec::new();
        let read = this.decode(&rows, &mut taken, &mut positions);
        let is_stuck = matches!(read, Ok(true));
        this.core.put_back(taken, rows.len(), positions, is_stuck);
        if let Err(error) = read {
            // After a row that does not fit the model, so that a caller can continue there.
            let cursor = this.cursor(py)?;
            error.value(py).setattr(intern!(py, "cursor"), cursor)?;
            return Err(error);
        }
        if ahead {
            this.fetch_ahead(py, wanted)?;
        }
        Ok(rows.into_any())
    }

    /// The result of a count.
    pub(crate) fn counted<'py>(
        slf: &Bound<'py, Self>,
        exists: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let count = this.core.settle();
        if exists {
            return Ok((count > 0).into_pyobject(py)?.to_owned().into_any());
        }
        let limit = this.core.limit().unwrap_or(usize::MAX);
        Ok(count.min(limit as u64).into_pyobject(py)?.into_any())
    }

    /// Decodes up to `most` open rows. A row that cannot be read ends what is given before it (then this returns true), and is an
    /// error if it comes first.
    fn decode(
        &self,
        rows: &Bound<'_, PyList>,
        taken: &mut Taken,
        positions: &mut Vec<(usize, Position)>,
    ) -> PyResult<bool> {
        let py = rows.py();
        let search = self.search.get();
        let Taken {
            pages: pending,
            given_of_first: given,
            most,
        } = taken;
        let most = *most;
        let mut decoder = Decoder::new(py);
        while let Some(page) = pending.front() {
            let end = page
                .open_until()
                .min(given.saturating_add(most - rows.len()));
            while *given < end {
                let opened = page.row(*given);
                let read = match &opened {
                    Ok(bytes) => row(&mut decoder, search, bytes),
                    Err(error) => Err(raise(py, error)),
                };
                match read {
                    Ok(row) => {
                        if let (Some(opened), Ok(instance)) = (&page.opened, row.cast::<Instance>())
                        {
                            unsettle(instance, opened.migrated(), *given)?;
                        }
                        rows.append(row)?;
                    }
                    Err(error) if !is_misfit(py, &error)? => return Err(error),
                    Err(error) => {
                        // What could not be opened is shown as it is stored.
                        let bytes = opened.unwrap_or_else(|_| page.stored(*given));
                        describe(py, &error, search, &bytes)?;
                        if let Some(call) = &search.on_invalid {
                            call.bind(py).call1((error.value(py),))?;
                        } else if rows.is_empty() {
                            *given += 1;
                            positions.push((page.segment, self.position_of(py, page, *given)?));
                            if *given == page.items.len() {
                                pending.pop_front();
                                *given = 0;
                            }
                            return Err(error);
                        } else {
                            self.stand(py, page, *given, positions)?;
                            return Ok(true);
                        }
                    }
                }
                *given += 1;
            }
            self.stand(py, page, *given, positions)?;
            if *given < page.items.len() {
                return Ok(false);
            }
            pending.pop_front();
            *given = 0;
            if rows.len() >= most {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Records a page's position after its first `given` rows; before all of them it is where the pages before it ended.
    fn stand(
        &self,
        py: Python<'_>,
        page: &Page,
        given: usize,
        positions: &mut Vec<(usize, Position)>,
    ) -> PyResult<()> {
        if given > 0 || page.items.is_empty() {
            positions.push((page.segment, self.position_of(py, page, given)?));
        }
        Ok(())
    }
}
