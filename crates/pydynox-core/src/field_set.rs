//! A set of fields by their place in the class: which values a default filled in.

/// Places of fields; the first 64 need no allocation.
#[derive(Debug, Default, Clone)]
pub struct FieldSet {
    first: u64,
    #[allow(clippy::box_collection)] // one word in every instance, where few classes need any
    more: Option<Box<Vec<u64>>>,
}

impl FieldSet {
    /// Whether a field is in it.
    #[inline]
    pub fn contains(&self, index: usize) -> bool {
        let word = match index.checked_sub(64) {
            None => self.first,
            Some(rest) => self
                .more
                .as_ref()
                .and_then(|more| more.get(rest / 64).copied())
                .unwrap_or(0),
        };
        (word >> (index % 64)) & 1 == 1
    }

    /// Puts a field in.
    #[inline]
    pub fn insert(&mut self, index: usize) {
        *self.word(index) |= 1 << (index % 64);
    }

    /// Takes a field out, if it is in.
    #[inline]
    pub fn remove(&mut self, index: usize) {
        if self.contains(index) {
            *self.word(index) &= !(1 << (index % 64));
        }
    }

    #[inline]
    fn word(&mut self, index: usize) -> &mut u64 {
        let Some(rest) = index.checked_sub(64) else {
            return &mut self.first;
        };
        let more = self.more.get_or_insert_default();
        if more.len() <= rest / 64 {
            more.resize(rest / 64 + 1, 0);
        }
        &mut more[rest / 64]
    }
}

#[cfg(test)]
mod tests {
    use super::FieldSet;

    #[test]
    fn a_set_holds_what_was_put_in_wherever_it_stands() {
        let mut set = FieldSet::default();
        for index in [0, 63, 64, 127, 128, 300] {
            assert!(!set.contains(index));
            set.insert(index);
            assert!(set.contains(index));
        }
        set.remove(64);
        set.remove(999);
        assert!(!set.contains(64) && set.contains(127) && !set.contains(129));
    }
}
