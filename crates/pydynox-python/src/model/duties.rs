//! Where a model's fields of each duty stand.

use crate::values::field::{Duty, Field};

/// Where a model's fields of each duty stand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Duties {
    pub(crate) version: Option<usize>,
    pub(crate) created_at: Option<usize>,
    pub(crate) updated_at: Option<usize>,
    pub(crate) write_id: Option<usize>,
    pub(crate) expires_at: Option<usize>,
}

impl Duties {
    pub(crate) fn find<'a>(fields: impl Iterator<Item = &'a Field>) -> Self {
        let mut found = Self::default();
        for (index, field) in fields.enumerate() {
            match field.duty {
                Some(Duty::Version) => found.version = Some(index),
                Some(Duty::CreatedAt) => found.created_at = Some(index),
                Some(Duty::UpdatedAt) => found.updated_at = Some(index),
                Some(Duty::WriteId) => found.write_id = Some(index),
                Some(Duty::ExpiresAt) => found.expires_at = Some(index),
                Some(Duty::Entity) | None => {}
            }
        }
        found
    }

    /// Whether a write has anything to add.
    pub(crate) fn keep_anything(&self) -> bool {
        self.version.is_some()
            || self.created_at.is_some()
            || self.updated_at.is_some()
            || self.write_id.is_some()
    }
}
