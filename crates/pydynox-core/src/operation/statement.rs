//! Statements: what is known about PartiQL before it is sent: whether it only reads, and which parameters it needs.

use crate::error::{Error, ErrorKind};
use crate::wire::{Reader, WireError, Writer};

/// Maximum number of characters in a statement.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html>
const MAX_LENGTH: usize = 8192;
/// Maximum number of statements in a batch.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>
pub const MAX_BATCH: usize = 25;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `SELECT`
    Select,
    /// `EXISTS(...)`, the condition of a transaction.
    Exists,
    /// Anything else: it may write.
    Write,
}

/// A statement and its parameters, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    verb: Verb,
    /// The values, without the surrounding brackets.
    parameters: Vec<u8>,
}

impl Statement {
    /// Scans a statement. `parameters` are the values, as JSON text separated by commas; `count` is how many there are.
    ///
    /// # Errors
    ///
    /// It is empty or too long, a quote or comment does not end, or its number of placeholders is not `count`.
    pub fn new(text: &str, parameters: Vec<u8>, count: usize) -> Result<Self, Error> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            return Err(refused(format!(
                "a statement can have at most {MAX_LENGTH} characters, and this one has {length}"
            )));
        }
        let scan = scan(text).map_err(|what| refused(format!("{what}: {text}")))?;
        let Some(verb) = scan.verb else {
            return Err(refused("the statement is empty".to_owned()));
        };
        if scan.placeholders != count {
            let number = |count: usize, what: &str| match count {
                1 => format!("1 {what}"),
                count => format!("{count} {what}s"),
            };
            return Err(refused(format!(
                "the statement has {} and was given {}; a ? inside quotes is not a placeholder: {text}",
                number(scan.placeholders, "placeholder ?"),
                number(count, "parameter"),
            )));
        }
        Ok(Self {
            text: text.to_owned(),
            verb,
            parameters,
        })
    }

    /// What the statement does.
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values, as JSON text separated by commas.
    pub fn parameters(&self) -> &[u8] {
        &self.parameters
    }

    /// Writes the members that specify what to execute, into an object that was begun.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.raw(br#""Statement":"#);
        writer.string(&self.text);
        // The service refuses an empty list.
        if !self.parameters.is_empty() {
            writer.raw(br#","Parameters":["#);
            writer.raw(&self.parameters);
            writer.byte(b']');
        }
    }
}

/// Whether statements that are executed together only read.
///
/// # Errors
///
/// There are none, there are too many, or some read and others write.
pub fn check_together(statements: &[Statement], most: usize, what: &str) -> Result<bool, Error> {
    if statements.is_empty() {
        return Err(refused(format!("{what} needs at least one statement")));
    }
    if statements.len() > most {
        return Err(refused(format!(
            "{what} takes at most {most} statements, and got {}",
            statements.len()
        )));
    }
    let selects = statements
        .iter()
        .filter(|statement| statement.verb == Verb::Select)
        .count();
    if selects != 0 && selects != statements.len() {
        return Err(refused(format!(
            "{what} either reads or writes: DynamoDB refuses SELECT together with statements that write; in a transaction, EXISTS(SELECT ...) checks"
        )));
    }
    Ok(selects != 0)
}

/// Whether the statements in the body of a request only read.
pub(crate) fn only_reads(body: &[u8]) -> Result<bool, WireError> {
    let mut reader = Reader::new(body)?;
    first_statement(&mut reader)
}

/// Judged by the first statement: all of a request read or all write, except for EXISTS, which accompanies only writes.
fn first_statement(reader: &mut Reader<'_>) -> Result<bool, WireError> {
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals("Statement") {
            let text = reader.string()?.decode()?;
            return Ok(scan(&text).is_ok_and(|scan| scan.verb == Some(Verb::Select)));
        }
        if key.equals("Statements") || key.equals("TransactStatements") {
            reader.begin_array()?;
            return if reader.next_element()? {
                first_statement(reader)
            } else {
                Ok(false)
            };
        }
        reader.skip()?;
    }
    Ok(false)
}

/// What a statement contains.
struct Scan {
    /// None if there are only blanks and comments.
    verb: Option<Verb>,
    placeholders: usize,
}

fn scan(text: &str) -> Result<Scan, String> {
    let mut scan = Scan {
        verb: None,
        placeholders: 0,
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => quoted(rest, first)?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => match rest[2..].find("*/") {
                Some(end) => end + 4,
                None => return Err("a comment /* does not end".to_owned()),
            },
            '?' => {
                scan.placeholders += 1;
                1
            }
            first if first.is_alphanumeric() || first == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let word = &rest[..length.unwrap_or(rest.len())];
                scan.verb.get_or_insert(verb_of(word));
                word.len()
            }
            other => other.len_utf8(),
        };
        let is_blank = first.is_whitespace()
            || rest.starts_with("--")
            || rest.starts_with("/*")
            || first == ';';
        // What does not begin with a word, such as a bracket, is left to the service to judge.
        if !is_blank && first != '(' {
            scan.verb.get_or_insert(Verb::Write);
        }
        rest = &rest[length..];
    }
    Ok(scan)
}

fn verb_of(word: &str) -> Verb {
    if word.eq_ignore_ascii_case("SELECT") {
        Verb::Select
    } else if word.eq_ignore_ascii_case("EXISTS") {
        Verb::Exists
    } else {
        Verb::Write
    }
}

/// The length of a quoted text, in which a doubled quote stands for the quote itself.
fn quoted(text: &str, quote: char) -> Result<usize, String> {
    let mut from = 1;
    while let Some(end) = text[from..].find(quote) {
        from += end + 1;
        if !text[from..].starts_with(quote) {
            return Ok(from);
        }
        from += 1;
    }
    Err(format!("a quote {quote} does not end"))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn verb(text: &str) -> Verb {
        Statement::new(text, Vec::new(), 0).unwrap().verb()
    }

    fn refusal(text: &str, count: usize) -> String {
        Statement::new(text, Vec::new(), count)
            .unwrap_err()
            .message()
            .to_owned()
    }

    #[test]
    fn statements_that_read_are_told_from_those_that_may_write() {
        assert_eq!(verb("SELECT * FROM t"), Verb::Select);
        assert_eq!(
            verb("\n -- DELETE\n/* UPDATE */ select a from t"),
            Verb::Select
        );
        assert_eq!(verb("EXISTS(SELECT * FROM t WHERE a = 1)"), Verb::Exists);
        for writes in [
            "INSERT INTO t VALUE {}",
            "Update t SET a = 1",
            "DELETE FROM t",
            "SELECTED",
            "-1 SELECT",
            "'SELECT'",
        ] {
            assert_eq!(verb(writes), Verb::Write, "{writes}");
        }
    }

    #[test]
    fn placeholders_are_counted_outside_of_quotes_and_comments() {
        for (text, count) in [
            ("SELECT * FROM t WHERE a = ? AND b IN (?,?)", 3),
            ("SELECT * FROM \"t?\" WHERE a = 'what?' AND b = ?", 1),
            (
                "SELECT * FROM t WHERE a = 'it''s ?' -- ?\n AND b = ? /* ? ' */",
                1,
            ),
            ("SELECT * FROM t WHERE a = `?` AND \"q\"\"?\" = ?", 1),
            ("SELECT * FROM t WHERE ä = 'ß?' AND b - ? > 0", 1),
        ] {
            Statement::new(text, b"{}".to_vec(), count).unwrap();
            assert!(refusal(text, count + 1).contains("placeholder"), "{text}");
        }
        assert_eq!(
            refusal("SELECT * FROM t WHERE a = ?", 0),
            "the statement has 1 placeholder ? and was given 0 parameters; a ? inside quotes is not a placeholder: SELECT * FROM t WHERE a = ?"
        );
    }

    #[test]
    fn what_is_empty_too_long_or_does_not_end_is_refused() {
        for empty in ["", "  \n", "-- SELECT", "/* SELECT */ ;"] {
            assert_eq!(refusal(empty, 0), "the statement is empty");
        }
        assert!(refusal(&"x".repeat(8193), 0).contains("at most 8192 characters"));
        assert!(refusal("SELECT 'a''", 0).contains("a quote ' does not end"));
        assert!(refusal("SELECT /* a", 0).contains("a comment /* does not end"));
    }

    #[test]
    fn statements_together_read_or_write() {
        let of = |texts: &[&str]| -> Vec<_> {
            let parse = |text: &&str| Statement::new(text, Vec::new(), 0).unwrap();
            texts.iter().map(parse).collect()
        };

        assert!(check_together(&of(&["SELECT 1", "SELECT 2"]), 2, "it").unwrap());
        assert!(!check_together(&of(&["DELETE", "EXISTS(SELECT 1)"]), 2, "it").unwrap());
        assert!(check_together(&of(&["SELECT 1", "DELETE"]), 2, "it").is_err());
        assert!(
            check_together(&of(&["DELETE"; 3]), 2, "it")
                .unwrap_err()
                .message()
                .contains("at most 2 statements")
        );
        assert!(check_together(&[], 2, "it").is_err());
    }

    #[test]
    fn every_text_is_scanned_without_a_panic() {
        for text in [
            "'", "\"\"", "-", "--", "/", "/*", "/*/", "ä", "'ä'", "?", "``?",
        ] {
            let _ = scan(text);
        }
    }
}
