//! Session: an open database, and what this crate remembers about its tables.

use dynoxide::Database;

use crate::memory::Memory;
use crate::ttl::Sweeper;

/// What a request is answered with.
#[derive(Clone, Copy)]
pub(crate) struct Session<'s> {
    pub(crate) database: &'s Database,
    pub(crate) sweeper: &'s Sweeper,
    pub(crate) memory: &'s Memory,
}
