//! Opened items: those of an answer with their protected values in place, and how many of them may be opened at a time.

use std::ops::Range;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// The items of an answer to open, and how many bytes may be decompressed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The number of the first.
    pub from: usize,
    /// How many.
    pub wanted: usize,
    /// Bytes of opened items after which the rest stay closed.
    pub room: usize,
    /// Bytes that no item may exceed.
    pub most: usize,
    /// Whether the first item is opened even if it exceeds the room.
    pub at_least_one: bool,
}

impl Share {
    /// All items, up to this many bytes in total.
    pub fn all(most: usize) -> Self {
        Self {
            from: 0,
            wanted: usize::MAX,
            room: most,
            most,
            at_least_one: true,
        }
    }
}

/// Items of an answer, with their protected values in place.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    pub(super) text: Bytes,
    pub(super) items: Vec<OpenedItem>,
    pub(super) until: usize,
    pub(super) migrated: Vec<(usize, usize)>,
}

#[derive(Debug, Clone)]
pub(super) struct OpenedItem {
    pub(super) number: usize,
    pub(super) stood: Range<usize>,
    pub(super) outcome: Result<Range<usize>, Error>,
}

impl Opened {
    /// The number of the first item that is not open, or was not requested.
    pub fn until(&self) -> usize {
        self.until
    }

    /// The total size of the opened items in bytes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// An item by its number, or why it cannot be opened; None if it has no protected values and can be read as stored.
    pub fn item(&self, number: usize) -> Option<Result<Bytes, &Error>> {
        let index = self
            .items
            .binary_search_by_key(&number, |item| item.number)
            .ok()?;
        let item = self.items.get(index)?;
        Some(match &item.outcome {
            Ok(range) => Ok(self.text.slice(range.clone())),
            Err(error) => Err(error),
        })
    }

    /// Plaintext accepted in place of ciphertext: the item's number in the answer, and the attribute's index in the schema. It
    /// counts as a change, so that the next save encrypts it.
    pub fn migrated(&self) -> &[(usize, usize)] {
        &self.migrated
    }

    /// The answer with the opened items in their places; every byte outside protected values is unchanged.
    ///
    /// # Errors
    ///
    /// That of the first item that cannot be opened.
    pub fn in_place(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::with_capacity(body.len() + self.text.len());
        let mut from = 0;
        for item in &self.items {
            let range = item.outcome.as_ref().map_err(Error::clone)?;
            whole.extend_from_slice(body.get(from..item.stood.start).ok_or_else(another)?);
            whole.extend_from_slice(self.text.get(range.clone()).ok_or_else(another)?);
            from = item.stood.end;
        }
        whole.extend_from_slice(body.get(from..).ok_or_else(another)?);
        Ok(whole)
    }
}

pub(super) fn another() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the response is not the one whose protected values were located",
    )
}
