//! Which attribute each placeholder of a `PartiQL` statement belongs to, as far as the statement's text tells: its value is stored,
//! or was, in that attribute's form.

use crate::expression::path::Path;

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// The attribute that it is compared with or set to.
    pub path: Path,
    /// Whether it is an element of that attribute's value: the second argument of `contains`.
    pub is_part: bool,
}

/// The placeholders of a statement in order, each with what it stands for where that is known.
pub fn placeholders(text: &str) -> Vec<Option<Placeholder>> {
    let tokens = tokens(text);
    let marks = (0..tokens.len()).filter(|at| tokens[*at] == Token::Mark);
    marks.map(|at| owner(&tokens, at)).collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    /// `?`
    Mark,
    /// A name, or a path of several. `word` is a single name without quotes, which may be a keyword.
    Path {
        path: Path,
        word: Option<&'a str>,
    },
    /// `'text'`, as written.
    Text(&'a str),
    Symbol(&'a str),
    /// A number, or a character without a meaning here.
    Other,
}

impl Token<'_> {
    fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Self::Path { word: Some(word), .. } if word.eq_ignore_ascii_case(keyword))
    }

    fn is_symbol(&self, wanted: &str) -> bool {
        matches!(self, Self::Symbol(symbol) if *symbol == wanted)
    }

    fn is_comparator(&self) -> bool {
        matches!(
            self,
            Self::Symbol("=" | "<>" | "!=" | "<" | "<=" | ">" | ">=")
        )
    }

    fn whole(&self) -> Option<Placeholder> {
        match self {
            Self::Path { path, .. } => Some(Placeholder {
                path: path.clone(),
                is_part: false,
            }),
            _ => None,
        }
    }
}

/// What the placeholder at a position stands for.
fn owner(tokens: &[Token<'_>], at: usize) -> Option<Placeholder> {
    let before = |steps: usize| tokens.get(at.checked_sub(steps)?);
    let last = before(1)?;
    if last.is_comparator() || last.is_word("BETWEEN") {
        return before(2)?.whole();
    }
    if last.is_word("AND") && before(3).is_some_and(|token| token.is_word("BETWEEN")) {
        return before(4)?.whole();
    }
    if last.is_symbol(":") {
        return member(tokens, at);
    }
    if let Some(compared) = tokens.get(at + 1)
        && compared.is_comparator()
    {
        return tokens.get(at + 2)?.whole();
    }
    in_brackets(tokens, at)
}

/// `VALUE {'name': ?}`
fn member(tokens: &[Token<'_>], at: usize) -> Option<Placeholder> {
    let opener = opener(tokens, at)?;
    let is_item = tokens[opener].is_symbol("{")
        && tokens[..opener]
            .last()
            .is_some_and(|token| token.is_word("VALUE"));
    match tokens.get(at.checked_sub(2)?)? {
        Token::Text(name) if is_item => Some(Placeholder {
            path: Path::new(&name.replace("''", "'")),
            is_part: false,
        }),
        _ => None,
    }
}

/// `path IN [?, ?]`, `begins_with(path, ?)`
fn in_brackets(tokens: &[Token<'_>], at: usize) -> Option<Placeholder> {
    let opener = opener(tokens, at)?;
    let (head, bracketed) = (&tokens[..opener], &tokens[opener..]);
    let last = head.last()?;
    if last.is_word("IN") {
        return head.get(opener.checked_sub(2)?)?.whole();
    }
    let is_function = [
        "begins_with",
        "contains",
        "list_append",
        "set_add",
        "set_delete",
    ]
    .iter()
    .any(|function| last.is_word(function));
    if !is_function || !bracketed[0].is_symbol("(") {
        return None;
    }
    let mut first = bracketed.get(1)?.whole()?;
    first.is_part = last.is_word("contains");
    Some(first)
}

/// The bracket that a position is in.
fn opener(tokens: &[Token<'_>], at: usize) -> Option<usize> {
    let mut closed = 0;
    for position in (0..at).rev() {
        let Token::Symbol(symbol) = tokens[position] else {
            continue;
        };
        match symbol {
            ")" | "]" | "}" | ">>" => closed += 1,
            "(" | "[" | "{" | "<<" if closed == 0 => return Some(position),
            "(" | "[" | "{" | "<<" => closed -= 1,
            _ => {}
        }
    }
    None
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = after_blanks(text);
    while !rest.is_empty() {
        let (token, after) = token(rest);
        tokens.push(token);
        rest = after_blanks(after);
    }
    tokens
}

/// The text after the blanks and comments at its start.
fn after_blanks(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let (end, comment) = match rest.get(..2) {
            Some("--") => ("\n", rest),
            Some("/*") => ("*/", &rest[2..]),
            _ => return rest,
        };
        rest = comment
            .split_once(end)
            .map_or("", |(_, rest)| rest.trim_start());
    }
}

/// The first token of a text, and what follows it.
fn token(text: &str) -> (Token<'_>, &str) {
    if let Some(rest) = text.strip_prefix('?') {
        return (Token::Mark, rest);
    }
    if text.starts_with('\'') {
        let (inner, rest) = quoted(text, '\'');
        return (Token::Text(inner), rest);
    }
    if text.starts_with('`') {
        return (Token::Other, quoted(text, '`').1);
    }
    if let Some((name, is_bare, mut rest)) = name(text) {
        let mut path = Path::new(&name);
        let start = rest;
        while let Some((longer, after)) = further(&path, rest) {
            (path, rest) = (longer, after);
        }
        let bare = &text[..text.len() - start.len()];
        let word = (is_bare && rest.len() == start.len()).then_some(bare);
        return (Token::Path { path, word }, rest);
    }
    for symbol in ["<>", "<=", ">=", "!=", "<<", ">>"] {
        if text.starts_with(symbol) {
            return (Token::Symbol(&text[..2]), &text[2..]);
        }
    }
    let length = text.chars().next().map_or(0, char::len_utf8);
    let (one, rest) = text.split_at(length);
    if "=<>()[]{},:".contains(one) {
        (Token::Symbol(one), rest)
    } else {
        (Token::Other, rest)
    }
}

/// A path with one more step, if the text has one: `.name`, `."name"`, `[0]`.
fn further<'a>(path: &Path, text: &'a str) -> Option<(Path, &'a str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let (name, _, rest) = name(rest)?;
        return Some((path.name(&name).ok()?, rest));
    }
    let (index, rest) = text.strip_prefix('[')?.split_once(']')?;
    Some((path.index(index.trim().parse().ok()?).ok()?, rest))
}

/// A name at the start of a text, whether it is without quotes, and what follows.
fn name(text: &str) -> Option<(String, bool, &str)> {
    if text.starts_with('"') {
        let (inner, rest) = quoted(text, '"');
        return Some((inner.replace("\"\"", "\""), false, rest));
    }
    let is_part = |char: char| char.is_alphanumeric() || char == '_';
    let length = text.find(|char: char| !is_part(char)).unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    let begins_as_name = name
        .chars()
        .next()
        .is_some_and(|char| !char.is_ascii_digit());
    begins_as_name.then(|| (name.to_owned(), true, rest))
}

/// What is between the quotes at the start of a text, and what follows; a doubled quote is a part of it.
fn quoted(text: &str, quote: char) -> (&str, &str) {
    let inner = &text[1..];
    let mut chars = inner.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char != quote {
            continue;
        }
        if chars.next_if(|(_, next)| *next == quote).is_none() {
            return (&inner[..at], &inner[at + 1..]);
        }
    }
    (inner, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> Vec<String> {
        let text_of = |one: Option<Placeholder>| match one {
            None => "?".to_owned(),
            Some(one) if one.is_part => format!("part of {}", one.path),
            Some(one) => one.path.to_string(),
        };
        placeholders(text).into_iter().map(text_of).collect()
    }

    #[test]
    fn a_placeholder_belongs_to_what_it_is_compared_with() {
        for (condition, names) in [
            ("a = ?", vec!["a"]),
            ("\"a\" >= ? AND b<?", vec!["a", "b"]),
            ("? = a", vec!["a"]),
            ("a BETWEEN ? AND ? AND b = ?", vec!["a", "a", "b"]),
            ("a IN [?, 1, ?] or b in (?)", vec!["a", "a", "b"]),
            ("a.\"b c\"[2].d <> ?", vec!["a.b c[2].d"]),
            (
                "begins_with(\"a\", ?) and contains(tags, ?)",
                vec!["a", "part of tags"],
            ),
            ("'?' = a AND \"?\" = ?", vec!["?"]),
            ("size(a) > ?", vec!["?"]),
            (
                "a = '?' -- b = ?\n AND /* ? ' */ c = ? and d = `?`",
                vec!["c"],
            ),
        ] {
            assert_eq!(
                named(&format!("SELECT * FROM t WHERE {condition}")),
                names,
                "{condition}"
            );
        }
    }

    #[test]
    fn a_placeholder_belongs_to_what_it_is_written_to() {
        assert_eq!(
            named("UPDATE \"t\" SET a = ? SET l = list_append(l, ?) SET m.x=? WHERE pk=?"),
            ["a", "l", "m.x", "pk"]
        );
        assert_eq!(
            named("INSERT INTO t VALUE {'pk': ?, 'a''b' : ?, 'm': {'x': ?}, 'l': [?]}"),
            ["pk", "a'b", "?", "?"]
        );
        assert_eq!(named("DELETE FROM t WHERE pk = ?"), ["pk"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}", like in "(a|\"b\"|'c'|\\?|=|<|>|IN|AND|BETWEEN|[ .,:(){}\\[\\]]|1){0,20}") {
            for text in [text, like] {
                let _ = placeholders(&text);
            }
        }
    }
}
