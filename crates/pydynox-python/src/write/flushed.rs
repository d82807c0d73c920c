//! What happens to the writes of a batch once it was sent.

use std::ops::Range;
use std::sync::PoisonError;

use pydynox_core::batch::writes::{Fate, Wrote};
use pydynox_core::call::Answer;
use pydynox_core::error::ErrorKind;
use pydynox_core::process::Maker;
use pydynox_core::transport::{Operation as Name, Progress};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::answer::reply::{Answered, Brought, Context, nothing};
use crate::exceptions::{internal, raise};
use crate::item::shield::Shield;
use crate::write::effect::Effect;

/// What Python does for one put or delete.
pub(super) struct Entry {
    /// What the user passed.
    pub(super) target: Option<Py<PyAny>>,
    pub(super) effect: Effect,
    pub(super) shield: Option<Shield>,
}

impl Entry {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(target) = &self.target {
            visit.call(target)?;
        }
        self.effect.traverse(visit)
    }
}

/// The writes of a batch.
pub(crate) struct Flushed {
    pub(super) wrote: Brought<Wrote>,
    pub(super) entries: Vec<Entry>,
    /// Which of them each request carries, and its progress.
    pub(super) requests: Vec<(Range<usize>, Progress)>,
    /// The process that sends them.
    pub(super) maker: Maker,
}

impl Answered for Flushed {
    /// The positions of the entries that were not written, and the error that prevented it.
    fn answered<'py>(
        self,
        py: Python<'py>,
        _answer: &Answer,
        _about: &Context,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wrote = self
            .wrote
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(wrote) = wrote else {
            return Err(internal(py, "a batch that wrote nothing"));
        };
        if let Some(error) = &wrote.error
            && *error.kind() == ErrorKind::Explained
        {
            return Err(raise(py, error));
        }
        let mut left = Vec::new();
        let answer = nothing(Name::BatchWriteItem);
        let entries = self.entries.into_iter().zip(&wrote.fates);
        for (place, (entry, fate)) in entries.enumerate() {
            match fate {
                Fate::Written => {
                    entry.effect.settled(py, &answer)?;
                    continue;
                }
                Fate::Failed => entry.effect.give_up(py),
                // Certainly not applied, so their instances keep the state that was read.
                Fate::Left | Fate::Refused => {}
            }
            left.push(place);
        }
        let error = wrote.error.map(|error| raise(py, &error).into_value(py));
        Ok((left, error).into_pyobject(py)?.into_any())
    }

    /// Their fate stays unknown; those of requests of which nothing was sent are unchanged.
    fn give_up(self, py: Python<'_>) {
        let mut entries = self.entries.into_iter();
        for (places, progress) in self.requests {
            // What is sent for a parent process is sent there.
            let is_untouched = self.maker.is_this() && progress.cancel();
            for entry in entries.by_ref().take(places.len()) {
                if !is_untouched {
                    entry.effect.give_up(py);
                }
            }
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.entries
            .iter()
            .try_for_each(|entry| entry.traverse(visit))
    }
}
