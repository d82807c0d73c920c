//! Statements: what PartiQL touches, as far as its words tell.

use std::collections::HashMap;

use pydynox_core::transport::Operation;
use serde_json::{Map, Value, json};

use super::access::{Access, Sets, list};
use super::keys::Keys;
use crate::words::{Word, words};

/// The tables that the statements of a request name; none where it has no statements.
pub(super) fn tables(body: &Value) -> Vec<String> {
    parts(body)
        .filter_map(|part| Some(Statement::read(&words(part["Statement"].as_str()?), part)?.table))
        .collect()
}

/// What each statement of a request touches, in order. One that cannot be read touches nothing that has a name.
pub(super) fn accesses(body: &Value, keys: &Keys) -> Vec<Access> {
    let is_transaction = body["TransactStatements"].is_array();
    parts(body)
        .map(|part| {
            let words = words(part["Statement"].as_str().unwrap_or_default());
            let access =
                Statement::read(&words, part).map(|statement| statement.access(part, keys));
            let access = access.unwrap_or_default();
            Access {
                is_consistent: is_transaction || part["ConsistentRead"] == true,
                ..access
            }
        })
        .collect()
}

fn parts(body: &Value) -> impl Iterator<Item = &Value> {
    let single = body["Statement"].is_string().then_some(body);
    let several = list(&body["Statements"]).chain(list(&body["TransactStatements"]));
    single.into_iter().chain(several)
}

enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    /// A condition of a transaction.
    Exists,
}

struct Statement {
    verb: Verb,
    table: String,
    index: Option<String>,
    /// Of an insertion, the values after a colon in the outermost braces.
    sets: Map<String, Value>,
    /// The values that attributes have to equal.
    equal: HashMap<String, Value>,
}

impl Statement {
    fn read(words: &[Word], part: &Value) -> Option<Self> {
        let is =
            |place: usize, keyword: &str| words.get(place).is_some_and(|word| word.is(keyword));
        let (verb, place) = if is(0, "INSERT") && is(1, "INTO") {
            (Verb::Insert, 2)
        } else if is(0, "UPDATE") {
            (Verb::Update, 1)
        } else {
            let verb = match words.first()? {
                word if word.is("SELECT") => Verb::Select,
                word if word.is("DELETE") => Verb::Delete,
                word if word.is("EXISTS") => Verb::Exists,
                _ => return None,
            };
            (verb, words.iter().position(|word| word.is("FROM"))? + 1)
        };
        let index = match words.get(place + 1..place + 3) {
            Some([Word::Sign('.'), index]) => index.name(),
            _ => None,
        };
        let end = words.iter().position(|word| word.is("WHERE"));
        let (before, after) = words.split_at(end.unwrap_or(words.len()));
        let mut parameters = list(&part["Parameters"]);
        let sets = pairs(before, &mut parameters);
        let mut equal: HashMap<_, _> = pairs(after, &mut parameters).into_iter().collect();
        // Either side of an OR may hold, and a NOT turns an equality round.
        if after.iter().any(|word| word.is("OR") || word.is("NOT")) {
            equal.clear();
        }
        Some(Self {
            verb,
            table: words.get(place)?.name()?.to_owned(),
            index: index.map(str::to_owned),
            sets,
            equal,
        })
    }

    fn access(self, part: &Value, keys: &Keys) -> Access {
        let table = &self.table;
        let key: Value = self.equal.clone().into_iter().collect::<Map<_, _>>().into();
        match self.verb {
            Verb::Select => Access {
                is_write: false,
                ..keys.of_search(table, self.index.as_deref(), |name| self.equal.get(name))
            },
            Verb::Insert => keys.of_put(table, &self.sets.into()),
            Verb::Update => Access {
                sets: Sets::Update(Operation::ExecuteStatement, part.clone()),
                ..keys.of_item(table, &key, true)
            },
            Verb::Delete => keys.of_delete(table, &key),
            Verb::Exists => keys.of_item(table, &key, true),
        }
    }
}

/// Values with the names before them.
fn pairs<'v>(
    words: &[Word],
    parameters: &mut impl Iterator<Item = &'v Value>,
) -> Map<String, Value> {
    let mut values = Map::new();
    let mut depth = 0_usize;
    for (place, word) in words.iter().enumerate() {
        let parameter = match word {
            Word::Sign('{' | '[') => {
                depth += 1;
                continue;
            }
            Word::Sign('}' | ']') => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Word::Sign('?') => parameters.next(),
            _ => None,
        };
        let before = place
            .checked_sub(2)
            .and_then(|start| words.get(start..place));
        let Some([name, Word::Sign(sign)]) = before else {
            continue;
        };
        if !matches!((sign, depth), (':', 1) | ('=', 0)) {
            continue;
        }
        let value = parameter.cloned().or_else(|| literal(&words[place..]));
        if let (Some(name), Some(value)) = (name.name(), value) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

/// A text or a number as an attribute's value.
fn literal(words: &[Word]) -> Option<Value> {
    let (minus, words) = match words {
        [Word::Sign('-'), words @ ..] => ("-", words),
        words => ("", words),
    };
    let number = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    match words {
        [Word::Quoted(text), ..] if minus.is_empty() => Some(json!({"S": text})),
        [Word::Bare(whole), Word::Sign('.'), Word::Bare(part), ..] if number(whole) => {
            Some(json!({"N": format!("{minus}{whole}.{part}")}))
        }
        [Word::Bare(whole), ..] if number(whole) => Some(json!({"N": format!("{minus}{whole}")})),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let mut keys = Keys::default();
        let key = |names: &[&str]| {
            let roles = ["HASH", "RANGE"];
            let parts = names.iter().zip(roles);
            let parts = parts.map(|(name, role)| json!({"AttributeName": name, "KeyType": role}));
            parts.collect::<Vec<_>>()
        };
        let description = json!({"Table": {
            "KeySchema": key(&["p", "s"]),
            "GlobalSecondaryIndexes": [{"IndexName": "g", "KeySchema": key(&["q"])}],
        }});
        keys.learn("t", description.to_string().as_bytes());
        keys
    }

    fn read(
        statement: &str,
        parameters: &[Value],
    ) -> (String, Option<String>, Option<String>, bool) {
        let body = json!({"Statement": statement, "Parameters": parameters});
        assert_eq!(
            tables(&body).first().is_some_and(|table| table == "t"),
            !statement.is_empty()
        );
        let access = accesses(&body, &keys()).remove(0);
        (
            access.place(),
            access.partition,
            access.item,
            access.is_write,
        )
    }

    #[test]
    fn the_words_of_a_statement_tell_what_it_touches() {
        let text = |value: &str| Some(json!({"S": value}).to_string());
        let item = |value: &str| Some(format!("{},{}", json!({"S": value}), json!({"N": "-1.5"})));
        let p1 = json!({"S": "p1"});
        let at = |place: &str| place.to_owned();
        let cases = [
            ("SELECT * FROM t", vec![], (at("t"), None, None, false)),
            (
                "SELECT * FROM \"t\" WHERE p = 'it''s' AND x > 1",
                vec![],
                (at("t"), text("it's"), None, false),
            ),
            (
                "select * from t where ? = 1 or p = ?",
                vec![json!({"N": "1"}), p1.clone()],
                (at("t"), None, None, false),
            ),
            (
                "SELECT * FROM \"t\".\"g\" WHERE q = ?",
                vec![p1.clone()],
                (at("t/index/g"), text("p1"), None, false),
            ),
            (
                "INSERT INTO t VALUE {'p': ?, 's': -1.5, 'm': {'p': 'no'}}",
                vec![p1.clone()],
                (at("t"), text("p1"), item("p1"), true),
            ),
            (
                "UPDATE t SET q = ? WHERE p = ? AND s = -1.5",
                vec![json!({"S": "q"}), p1.clone()],
                (at("t"), text("p1"), item("p1"), true),
            ),
            (
                "DELETE FROM t WHERE s = -1.5 AND p = 'p1'",
                vec![],
                (at("t"), text("p1"), item("p1"), true),
            ),
            (
                "EXISTS(SELECT * FROM t WHERE p = 'p1' AND s = -1.5)",
                vec![],
                (at("t"), text("p1"), item("p1"), true),
            ),
        ];
        for (statement, parameters, expected) in cases {
            assert_eq!(read(statement, &parameters), expected, "{statement}");
        }
        assert_eq!(read("", &[]).0, "");
    }
}
