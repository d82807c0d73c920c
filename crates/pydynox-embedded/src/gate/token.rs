//! Tokens: the words, placeholders and signs of an expression, with their places in its text.

/// What a token is, as far as DynamoDB's grammars distinguish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A keyword, a function or a name.
    Word,
    /// `#name`, with its mark.
    Name,
    /// `:value`, with its mark.
    Value,
    Number,
    /// `=`, `<>`, `<`, `<=`, `>`, `>=`.
    Comparator,
    Sign(u8),
    /// A character that no grammar has.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

impl Token<'_> {
    pub(crate) fn is_sign(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// Whether it is this keyword; keywords have no case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Cuts an expression into its tokens.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut cut = Vec::with_capacity(text.len() / 3 + 1);
    cut.extend(each(text));
    cut
}

/// The same one by one: not every caller needs all of them.
pub(crate) fn each(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = &text[start..];
        let spaces = length_of(rest, |byte| byte.is_ascii_whitespace());
        let rest = &rest[spaces..];
        let token = Token {
            start: start + spaces,
            ..first(rest)?
        };
        start = token.end();
        Some(token)
    })
}

/// The token that a text begins with.
fn first(rest: &str) -> Option<Token<'_>> {
    let first = rest.chars().next()?;
    let (kind, length) = match first {
        // DynamoDB names the mark alone where no name follows.
        '#' | ':' => {
            let length = 1 + length_of(&rest[1..], is_of_word);
            let kind = match (length, first) {
                (1, _) => Kind::Unknown,
                (_, '#') => Kind::Name,
                _ => Kind::Value,
            };
            (kind, length)
        }
        '<' if rest[1..].starts_with(['=', '>']) => (Kind::Comparator, 2),
        '>' if rest[1..].starts_with('=') => (Kind::Comparator, 2),
        '<' | '>' | '=' => (Kind::Comparator, 1),
        // A number that begins with 0 is the 0 alone.
        '0' => (Kind::Number, 1),
        '1'..='9' => (Kind::Number, length_of(rest, |byte| byte.is_ascii_digit())),
        _ if first.is_ascii_alphabetic() => (Kind::Word, length_of(rest, is_of_word)),
        '(' | ')' | '[' | ']' | '.' | ',' | '+' | '-' => (Kind::Sign(rest.as_bytes()[0]), 1),
        // A bare name begins with a letter, so an underscore before one is not a token of the language.
        _ => (Kind::Unknown, first.len_utf8()),
    };
    Some(Token {
        kind,
        text: &rest[..length],
        start: 0,
    })
}

fn length_of(text: &str, counts: impl Fn(u8) -> bool) -> usize {
    text.bytes()
        .position(|byte| !counts(byte))
        .unwrap_or(text.len())
}

fn is_of_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn an_expression_is_cut_at_signs_and_spaces() {
        assert_eq!(
            texts("size(#a.b[10])>= :v\tAND c<>d"),
            [
                "size", "(", "#a", ".", "b", "[", "10", "]", ")", ">=", ":v", "AND", "c", "<>", "d"
            ]
        );
        assert_eq!(texts("SET _abc = :1"), ["SET", "_", "abc", "=", ":1"]);
        assert_eq!(texts("a[00]"), ["a", "[", "0", "0", "]"]);
    }

    #[test]
    fn any_text_is_cut_into_tokens() {
        for text in ["é(", "a\u{a0}b", "::(##)", "<<<=>>", "\u{1F600}", "", "  "] {
            let joined: String = texts(text).concat();
            assert_eq!(joined, text.trim_matches(' '), "{text}");
        }
    }
}
