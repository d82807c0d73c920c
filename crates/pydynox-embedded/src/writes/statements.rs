//! Statements: which attributes a PartiQL statement writes, as far as they may be keys of an index.

use std::collections::HashMap;

use dynoxide::types::AttributeValue;

use crate::session::Session;
use crate::tables::Table;

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

/// A part of a statement: a name or keyword, a text in quotes without them, or a sign.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Bare(String),
    Quoted(String),
    Sign(char),
}

fn words(statement: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = statement.chars().peekable();
    while let Some(first) = rest.next() {
        if first == '\'' || first == '"' {
            let mut text = String::new();
            while let Some(next) = rest.next() {
                // A quote inside is written twice.
                if next == first && rest.next_if_eq(&first).is_none() {
                    break;
                }
                text.push(next);
            }
            words.push(Word::Quoted(text));
        } else if first.is_alphanumeric() || first == '_' {
            let mut text = String::from(first);
            while let Some(next) =
                rest.next_if(|next| next.is_alphanumeric() || matches!(next, '_' | '-'))
            {
                text.push(next);
            }
            words.push(Word::Bare(text));
        } else if !first.is_whitespace() {
            words.push(Word::Sign(first));
        }
    }
    words
}

/// The table that an INSERT or UPDATE names.
fn table_of(session: Session<'_>, words: &[Word]) -> Option<std::sync::Arc<Table>> {
    let is = |word: &Word, name: &str| matches!(word, Word::Bare(text) if text.eq_ignore_ascii_case(name));
    let name = match words {
        [insert, into, name, ..] if is(insert, "INSERT") && is(into, "INTO") => name,
        [update, name, ..] if is(update, "UPDATE") => name,
        _ => return None,
    };
    let (Word::Bare(name) | Word::Quoted(name)) = name else {
        return None;
    };
    session.memory.tables.get(session.database, name)
}

/// What is written to attributes: after a colon in the outermost braces, or after an equals sign before WHERE.
fn written(words: &[Word], parameters: &[AttributeValue]) -> HashMap<String, AttributeValue> {
    let mut written = HashMap::new();
    let mut parameters = parameters.iter();
    let mut depth = 0_usize;
    for (place, word) in words.iter().enumerate() {
        let value = match word {
            Word::Bare(text) if text.eq_ignore_ascii_case("WHERE") && depth == 0 => break,
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
