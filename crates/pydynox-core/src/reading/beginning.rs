//! Where a reading begins: after or before a caller's cursor or key, checked against what is read.

use super::search::{After, Search, not_valid, seconds_now};
use crate::cursor::{CursorKeys, Heading};
use crate::error::{Error, ErrorKind};
use crate::pagination::Position;
use crate::start_key::StartKey;

/// Where a reading begins, and how many rows it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// For each segment.
    pub positions: Vec<Position>,
    /// The maximum number of rows.
    pub limit: Option<usize>,
    /// How many rows are left of the query's limit from there on, in the order of the query.
    pub left: Option<u64>,
    /// Whether it follows from a cursor that anyone could have written.
    pub is_unsealed: bool,
}

impl Search {
    /// Checks that it can go this way; whether a cursor or key for the other way was given before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] for a scan, which only goes forward.
    pub fn turns(&self, heading: Heading) -> Result<bool, Error> {
        if self.key.is_none() && heading == Heading::Backward {
            return Err(not_valid(
                "a scan has no order, and DynamoDB cannot read it backward: keep the cursors of the pages before, or query() a partition",
            ));
        }
        Ok(self.after.is_some() && self.heading != heading)
    }

    /// Drops the cursor or key that was given for this way.
    pub fn rewind(&mut self, heading: Heading) {
        if self.heading == heading || self.after.is_none() {
            self.after = None;
            self.heading = Heading::Forward;
        }
    }

    /// The key after or before which it continues, from JSON text; `verb` is what the caller passed it to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] when it is not a key of what is read.
    pub fn at_key(&self, json: &[u8], verb: &str) -> Result<After, Error> {
        let refuse = |what: &str| not_valid(format!("{verb}({{...}}): {what}"));
        let key = StartKey::parse(json).map_err(|error| refuse(error.what))?;
        if !self.has_key(&key) {
            let names: Vec<_> = self
                .position_attributes()
                .map(|key| format!("{} ({})", key.attribute_name, key.key_type))
                .collect();
            return Err(refuse(&format!(
                "a LastEvaluatedKey of {} has {} and nothing else",
                self.what(),
                names.join(", ")
            )));
        }
        let json = key.to_json();
        if !self.admits(&json) {
            return Err(refuse("the key is outside what the query reads"));
        }
        Ok(After::Key(json))
    }

    /// Refuses a key where each segment is at one of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`].
    pub fn check_one_position(&self, verb: &str) -> Result<(), Error> {
        if self.slots() > 1 {
            return Err(not_valid(format!(
                "{verb}({{...}}): a scan in segments is at a key in each of them: read one with segment=, or continue after a cursor"
            )));
        }
        Ok(())
    }
}

impl Beginning {
    /// Where the reading of a search begins whose table is sent under this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cursor`] says why the caller's cursor does not fit.
    pub fn of(search: &Search, table: &str, keys: &CursorKeys) -> Result<Self, Error> {
        let slots = search.slots();
        let (positions, left, is_unsealed) = match &search.after {
            None => (vec![Position::Start; slots], None, false),
            Some(After::Key(key)) => (vec![Position::After(key.clone())], None, false),
            Some(After::Cursor(cursor)) => opened(search, table, keys, cursor)?,
        };
        let rows = |left: u64| usize::try_from(left).unwrap_or(usize::MAX);
        let limited = search.limit.is_some() || left.is_some();
        let (limit, left) = if search.is_backward() {
            // The limit is a total: rows from the cursor on are part of it already.
            let onward = left.unwrap_or(0);
            let limit = search.limit.map(|limit| limit.saturating_sub(rows(onward)));
            (limit, limited.then_some(onward))
        } else {
            // A cursor cannot extend the limit of the query, nor the query what the cursor has left.
            let limit = search.limit.into_iter().chain(left.map(rows)).min();
            (limit, limit.map(|limit| limit as u64))
        };
        Ok(Self {
            positions,
            limit,
            left,
            is_unsealed,
        })
    }
}

/// What a cursor that a caller gave says: the positions, the rows left of the limit, and whether anyone could have written it.
fn opened(
    search: &Search,
    table: &str,
    keys: &CursorKeys,
    cursor: &str,
) -> Result<(Vec<Position>, Option<u64>, bool), Error> {
    let opened = keys.open(
        search.binding(table),
        search.audience.as_deref(),
        seconds_now(),
        search.heading,
        cursor,
    )?;
    let wrong = |what: &str| Err(Error::new(ErrorKind::Cursor, what));
    if opened.positions.len() != search.slots() {
        return wrong("this cursor does not fit the query");
    }
    // Checked like a key that a caller gives: without cursor_keys, anyone can write a cursor.
    for position in &opened.positions {
        let Position::After(key) = position else {
            continue;
        };
        if !StartKey::parse(key).is_ok_and(|key| search.has_key(&key)) {
            return wrong("this cursor does not fit the query: its key is a different one");
        }
        if !search.admits(key) {
            return wrong(
                "this cursor is outside what the query reads: its sort condition has changed",
            );
        }
    }
    Ok((opened.positions, opened.left, !opened.is_sealed))
}
