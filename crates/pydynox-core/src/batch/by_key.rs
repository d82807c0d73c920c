//! Key index: the place of each key.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The place of each key, by its canonical form. All keys are in one buffer, end to end.
#[derive(Debug, Default)]
pub(super) struct ByKey {
    hasher: RandomState,
    text: Vec<u8>,
    places: HashTable<(Range<usize>, usize)>,
}

impl ByKey {
    /// With room for this many keys.
    pub(super) fn with_capacity(keys: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            text: Vec::with_capacity(keys * 32),
            places: HashTable::with_capacity(keys),
        }
    }

    /// The place of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<usize> {
        let is_it = |(text, _): &(Range<usize>, usize)| self.text[text.clone()] == *key;
        let entry = self.places.find(self.hasher.hash_one(key), is_it)?;
        Some(entry.1)
    }

    /// Gives a key a place unless it has one; returns the existing one.
    pub(super) fn get_or_insert(&mut self, key: &[u8], place: usize) -> usize {
        self.slot(key, place).map_or(place, |stored| *stored)
    }

    /// Gives a key a place; returns the previous one, if any.
    pub(super) fn insert(&mut self, key: &[u8], place: usize) -> Option<usize> {
        let slot = self.slot(key, place)?;
        Some(std::mem::replace(slot, place))
    }

    /// The place that a key has; if it has none, it gets this one.
    fn slot(&mut self, key: &[u8], place: usize) -> Option<&mut usize> {
        let Self {
            hasher,
            text,
            places,
        } = self;
        let is_it = |(range, _): &(Range<usize>, usize)| text[range.clone()] == *key;
        let hash = |(range, _): &(Range<usize>, usize)| hasher.hash_one(&text[range.clone()]);
        match places.entry(hasher.hash_one(key), is_it, hash) {
            Entry::Occupied(entry) => Some(&mut entry.into_mut().1),
            Entry::Vacant(free) => {
                let start = text.len();
                text.extend_from_slice(key);
                free.insert((start..text.len(), place));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_the_place_that_it_was_given_last() {
        let mut places = ByKey::with_capacity(2);
        let key = |number: usize| "k".repeat(number % 40) + &number.to_string();
        for number in 0..1000 {
            assert_eq!(places.insert(key(number).as_bytes(), number), None);
        }
        for number in 0..500 {
            let again = places.insert(key(number).as_bytes(), number + 1000);
            assert_eq!(again, Some(number));
            let place = places.get_or_insert(key(number).as_bytes(), 7);
            assert_eq!(place, number + 1000);
        }
        for number in 0..1000 {
            let last = if number < 500 { number + 1000 } else { number };
            assert_eq!(places.get(key(number).as_bytes()), Some(last));
        }
        assert_eq!(places.get(b""), None);
        assert_eq!(places.get_or_insert(b"", 3), 3);
        assert_eq!(places.get(b""), Some(3));
    }
}
