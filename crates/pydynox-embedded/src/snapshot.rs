//! Snapshots: copies of all tables, held in memory until they are dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::Database;
use rusqlite::Connection;

use crate::generation::{self, Pass};
use crate::memory::Memory;

/// All tables of an engine as they were once: items, indexes, settings and streams.
#[derive(Clone)]
pub struct Snapshot(Arc<Copy>);

struct Copy {
    /// The name that any connection of this process finds it under.
    name: String,
    /// Holds it in memory: it exists as long as something has it open. The lock is for its type alone.
    holder: Option<Mutex<Connection>>,
    /// What was remembered of the tables. The lock is for its type alone, too.
    memory: Mutex<Memory>,
    generation: u64,
}

impl Snapshot {
    pub(crate) fn of(database: &Database, memory: &Memory) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // The slash makes the name known to the whole process: <https://sqlite.org/src/file/src/memdb.c>.
        let name = format!("file:/pydynox-snapshot-{number}?vfs=memdb");
        let holder = Connection::open(&name).map_err(|error| error.to_string())?;
        let copy = Copy {
            name,
            holder: Some(Mutex::new(holder)),
            memory: Mutex::new(memory.clone()),
            generation: generation::now(),
        };
        database
            .vacuum_into(&copy.name)
            .map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(copy)))
    }

    /// Writes the tables, and returns what was remembered of them.
    pub(crate) fn write_to(&self, database: &Database) -> Result<Memory, String> {
        if self.0.generation != generation::now() {
            return Err("the snapshot was taken before this process was forked".to_owned());
        }
        database
            .restore_from(&self.0.name)
            .map_err(|error| error.to_string())?;
        let memory = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(memory.clone())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A forked child must not touch what its parent's SQLite holds.
        if self.generation != generation::now() {
            std::mem::forget(self.holder.take());
            return;
        }
        let _pass = Pass::regardless();
        self.holder = None;
    }
}
