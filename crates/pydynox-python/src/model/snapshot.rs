//! Snapshots: an item as it was last read or written, attribute by attribute.

use std::ops::Range;

use pyo3::prelude::*;

/// What an attribute was when the item was last read or written.
pub(crate) enum Slot {
    /// The item has no such attribute.
    Absent,
    /// A value that cannot be edited in place.
    Scalar(Py<PyAny>),
    /// A value that can: where its bytes are in `Stored::raw`.
    Bytes(Range<u32>),
    /// Absent in the item and filled in by the default; not written until it is changed.
    FilledScalar(Py<PyAny>),
    /// The same for a value that can be edited in place.
    FilledBytes(Range<u32>),
    /// A stored value of another type than declared, read as it is, and where its bytes are.
    Raw(Py<PyAny>, Range<u32>),
}

impl Slot {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Absent => Self::Absent,
            Self::Scalar(value) => Self::Scalar(value.clone_ref(py)),
            Self::Bytes(range) => Self::Bytes(range.clone()),
            Self::FilledScalar(value) => Self::FilledScalar(value.clone_ref(py)),
            Self::FilledBytes(range) => Self::FilledBytes(range.clone()),
            Self::Raw(value, range) => Self::Raw(value.clone_ref(py), range.clone()),
        }
    }
}

/// An item as it was last read or written; its bytes are copied so that it keeps no response alive.
pub(crate) struct Stored {
    pub(crate) slots: Box<[Slot]>,
    pub(crate) raw: Box<[u8]>,
    /// Attributes that the model does not declare, as members of a JSON object, in `raw`.
    pub(crate) unknown: Range<u32>,
    /// At least the length of the item's JSON text: decides whether its size needs counting.
    pub(crate) length: usize,
}

impl Stored {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            slots: self.slots.iter().map(|slot| slot.clone_ref(py)).collect(),
            raw: self.raw.clone(),
            unknown: self.unknown.clone(),
            length: self.length,
        }
    }

    pub(crate) fn bytes(&self, range: &Range<u32>) -> &[u8] {
        &self.raw[range.start as usize..range.end as usize]
    }
}
