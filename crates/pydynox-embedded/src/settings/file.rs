//! File: settings in the file of the database, under a name that no DynamoDB table can have.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};

use super::{Done, Known};

const TABLE: &str = "\"pydynox:settings\"";
/// Another process writes for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection of its own, closed after each use: none is open at a fork.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

pub(super) fn read(path: &Path) -> Done<Known> {
    open(path)
        .and_then(|connection| stored(&connection))
        .map_err(|error| error.to_string())
}

pub(super) fn change<T>(path: &Path, change: impl FnOnce(&mut Known) -> T) -> Done<T> {
    let write = || -> rusqlite::Result<T> {
        let mut connection = open(path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = stored(&transaction)?;
        let mut all = before.clone();
        let done = change(&mut all);
        if all != before {
            transaction.execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {TABLE} (one INTEGER PRIMARY KEY, value TEXT NOT NULL)"
            ))?;
            let text = serde_json::to_string(&all).unwrap_or_default();
            transaction.execute(
                &format!("INSERT OR REPLACE INTO {TABLE} VALUES (1, ?1)"),
                [text],
            )?;
        }
        transaction.commit()?;
        Ok(done)
    };
    write().map_err(|error| error.to_string())
}

fn stored(connection: &Connection) -> rusqlite::Result<Known> {
    let exists: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'pydynox:settings')",
        [],
        |row| row.get(0),
    )?;
    if !exists {
        return Ok(Known::default());
    }
    let text: Option<String> = connection
        .query_row(&format!("SELECT value FROM {TABLE}"), [], |row| row.get(0))
        .optional()?;
    // Of a later version, perhaps: nothing here has an effect on requests.
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}
