//! The words of a PartiQL statement: names, texts and signs.

/// A part of a statement: a name or keyword, a text in quotes without them, or a sign.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Bare(String),
    Quoted(String),
    Sign(char),
}

impl Word {
    /// Whether it is this keyword.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Bare(text) if text.eq_ignore_ascii_case(keyword))
    }

    /// What it names, where a name is expected.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Bare(name) | Self::Quoted(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// The words, from first to last.
pub(crate) fn words(statement: &str) -> Vec<Word> {
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
