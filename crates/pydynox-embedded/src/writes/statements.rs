//! Statements: which attributes a PartiQL statement writes, as far as they may be keys of an index.

use std::collections::HashMap;

use dynoxide::types::AttributeValue;

use crate::session::Session;
use crate::tables::Table;
use crate::words::{Word, words};

/// A shorter value fits into every key.
const FITS: usize = 1024;

/// Refuses a value that is too large for the key of an index. The engine parses the statement; here only the pairs of a name and a
/// value are read, and only if some value may be too large.
pub(super) fn check(
    session: Session<'_>,
    statement: &str,
    parameters: Option<&[AttributeValue]>,
) -> Result<(), &'static str> {
    let parameters = parameters.unwrap_or_default();
    let is_large = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len() > FITS,
        AttributeValue::B(bytes) => bytes.len() > FITS,
        _ => false,
    };
    if statement.len() <= FITS && !parameters.iter().any(is_large) {
        return Ok(());
    }
    let words = words(statement);
    let Some(table) = table_of(session, &words) else {
        return Ok(());
    };
    let written = written(&words, parameters);
    table.check_index_keys(|name| written.get(name))
}

/// The table that an INSERT or UPDATE names.
fn table_of(session: Session<'_>, words: &[Word]) -> Option<std::sync::Arc<Table>> {
    let name = match words {
        [insert, into, name, ..] if insert.is("INSERT") && into.is("INTO") => name,
        [update, name, ..] if update.is("UPDATE") => name,
        _ => return None,
    };
    session.memory.tables.get(session.database, name.name()?)
}

/// What is written to attributes: after a colon in the outermost braces, or after an equals sign before WHERE.
fn written(words: &[Word], parameters: &[AttributeValue]) -> HashMap<String, AttributeValue> {
    let mut written = HashMap::new();
    let mut parameters = parameters.iter();
    let mut depth = 0_usize;
    for (place, word) in words.iter().enumerate() {
        let value = match word {
            word if word.is("WHERE") && depth == 0 => break,
            Word::Sign('{' | '[' | '(') => {
                depth += 1;
                continue;
            }
            Word::Sign('}' | ']' | ')') => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Word::Sign('?') => parameters.next().cloned(),
            Word::Quoted(text) => Some(AttributeValue::S(text.clone())),
            _ => None,
        };
        let before = place
            .checked_sub(2)
            .and_then(|start| words.get(start..place));
        if let (Some(value), Some([Word::Bare(name) | Word::Quoted(name), Word::Sign(sign)])) =
            (value, before)
            && matches!((sign, depth), (':', 1) | ('=', 0))
        {
            written.insert(name.clone(), value);
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(statement: &str) -> Vec<(String, String)> {
        let parameters = [
            AttributeValue::S("p1".to_owned()),
            AttributeValue::S("p2".to_owned()),
        ];
        let mut pairs: Vec<_> = written(&words(statement), &parameters)
            .into_iter()
            .map(|(name, value)| match value {
                AttributeValue::S(text) => (name, text),
                other => (name, format!("{other:?}")),
            })
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn the_attributes_that_a_statement_writes_have_their_values() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("INSERT INTO \"t\" VALUE {'a': ?, 'm': {'x': 'no'}, 'b': 'it''s', 'c': ?}"),
            [pair("a", "p1"), pair("b", "it's"), pair("c", "p2")]
        );
        assert_eq!(
            pairs("UPDATE t SET x = ? SET \"y\"='why' REMOVE z WHERE p = ? AND q = 'no'"),
            [pair("x", "p1"), pair("y", "why")]
        );
    }
}
