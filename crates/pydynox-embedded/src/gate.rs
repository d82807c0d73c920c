//! Gate: the checks that DynamoDB makes on an expression before anything else, made before the engine parses it.

use dynoxide::DynoxideError;
use dynoxide::actions::batch_get_item::BatchGetItemRequest;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::search_vectors::SearchVectorsRequest;
use dynoxide::actions::transact_get_items::TransactGetItemsRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::update_item::UpdateItemRequest;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters>
const MOST_OPERATORS: usize = 300;
const MOST_BYTES: usize = 4096;

/// The role of an expression in its request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Condition,
    Filter,
    Key,
    Search,
    Update,
    Projection,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::Key => "KeyConditionExpression",
            Self::Search => "SearchConditionExpression",
            Self::Update => "UpdateExpression",
            Self::Projection => "ProjectionExpression",
        }
    }
}

/// A request that carries expressions.
pub(crate) trait Expressions {
    /// Passes each of them to `see`.
    fn show(&self, see: &mut dyn FnMut(Role, &str));
}

/// Refuses expressions that DynamoDB refuses for their length, parentheses or operators. For the others, returns how many levels
/// the deepest one can have.
pub(crate) fn pass(request: &impl Expressions) -> Result<usize, DynoxideError> {
    let mut deepest = 0;
    let mut refused = None;
    request.show(&mut |role, text| {
        if refused.is_none() {
            match look(role, text) {
                Ok(levels) => deepest = deepest.max(levels),
                Err(why) => refused = Some(format!("Invalid {}: {why}", role.name())),
            }
        }
    });
    refused.map_or(Ok(deepest), |why| {
        Err(DynoxideError::ValidationException(why))
    })
}

/// Whether an update expression only removes and sets nothing.
pub(crate) fn makes_nothing(text: &str) -> bool {
    let has = |names: [&str; 2]| {
        let is = |word: &str| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        Tokens(text).any(|token| matches!(token, Token::Word(word) if is(word)))
    };
    has(["REMOVE", "DELETE"]) && !has(["SET", "ADD"])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// A keyword, function or name; placeholders include their mark.
    Word(&'a str),
    /// `=`, `<>`, `<=` and the like.
    Comparator,
    Other(char),
}

/// An expression, token by token. Characters unknown to DynamoDB are tokens too: the engine refuses them.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = self.0.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let first = text.chars().next()?;
        let length = match first {
            '#' | ':' => 1 + length_of(&text[1..], is_of_word),
            '<' | '>' | '=' => length_of(text, |c| matches!(c, '<' | '>' | '=')).min(2),
            _ => length_of(text, is_of_word).max(first.len_utf8()),
        };
        let (token, rest) = text.split_at(length);
        self.0 = rest;
        Some(match first {
            '<' | '>' | '=' => Token::Comparator,
            _ if matches!(first, '#' | ':') || is_of_word(first) => Token::Word(token),
            _ => Token::Other(first),
        })
    }
}

fn length_of(text: &str, counts: impl Fn(char) -> bool) -> usize {
    text.find(|c| !counts(c)).unwrap_or(text.len())
}

fn is_of_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The number of levels an expression can have, or why DynamoDB refuses it.
fn look(role: Role, text: &str) -> Result<usize, String> {
    if text.len() > MOST_BYTES {
        // The engine checks the length first too, and its message varies from place to place.
        return Ok(0);
    }
    let mut parentheses = Parentheses::default();
    let (mut operators, mut negations) = (0, 0);
    let mut between = false;
    let mut tokens = Tokens(text).enumerate().peekable();
    while let Some((place, token)) = tokens.next() {
        let called = matches!(tokens.peek(), Some((_, Token::Other('('))));
        operators += usize::from(match token {
            // Placeholders include their mark, so none is taken for a keyword.
            Token::Word(word) => match Keyword::of(word) {
                // The AND of a BETWEEN is not a separate operator.
                Some(Keyword::And) => !std::mem::take(&mut between),
                Some(Keyword::Between) => {
                    between = true;
                    true
                }
                Some(Keyword::Not) => {
                    negations += 1;
                    true
                }
                Some(Keyword::Or | Keyword::In) => true,
                // A function. After a placeholder, a parenthesis is a mistake that the engine reports.
                None => called && !word.starts_with(['#', ':']),
            },
            // The `=` of SET is an assignment.
            Token::Comparator => role != Role::Update,
            // Only SET has arithmetic.
            Token::Other('+' | '-') => role == Role::Update,
            Token::Other('(') => {
                parentheses.open(place);
                false
            }
            Token::Other(')') => {
                if parentheses.close(place) {
                    return Err("The expression has redundant parentheses;".to_owned());
                }
                false
            }
            Token::Other(_) => false,
        });
    }
    if operators > MOST_OPERATORS {
        return Err(format!(
            "The expression contains too many operators; operator count: {}",
            MOST_OPERATORS + 1
        ));
    }
    Ok(parentheses.opened + negations)
}

enum Keyword {
    And,
    Or,
    Not,
    Between,
    In,
}

impl Keyword {
    fn of(word: &str) -> Option<Self> {
        let operations = [
            ("and", Self::And),
            ("or", Self::Or),
            ("not", Self::Not),
            ("between", Self::Between),
            ("in", Self::In),
        ];
        operations
            .into_iter()
            .find_map(|(name, keyword)| word.eq_ignore_ascii_case(name).then_some(keyword))
    }
}

/// Pairs of parentheses by the positions of their tokens.
#[derive(Default)]
struct Parentheses {
    open: Vec<usize>,
    /// The pair that was closed most recently.
    last: Option<(usize, usize)>,
    /// Includes those never closed: a parser nests that deep before it finds out.
    opened: usize,
}

impl Parentheses {
    fn open(&mut self, place: usize) {
        self.opened += 1;
        self.open.push(place);
    }

    /// Whether the pair contains nothing but another pair.
    fn close(&mut self, place: usize) -> bool {
        let Some(opened) = self.open.pop() else {
            return false;
        };
        let before = self.last.replace((opened, place));
        before == Some((opened + 1, place.wrapping_sub(1)))
    }
}

macro_rules! expressions {
    ($($request:ty { $($role:ident: $member:ident),+ })+) => {$(
        impl Expressions for $request {
            fn show(&self, see: &mut dyn FnMut(Role, &str)) {
                $(if let Some(text) = self.$member.as_deref() {
                    see(Role::$role, text);
                })+
            }
        }
    )+};
}

expressions! {
    GetItemRequest { Projection: projection_expression }
    PutItemRequest { Condition: condition_expression }
    UpdateItemRequest { Update: update_expression, Condition: condition_expression }
    DeleteItemRequest { Condition: condition_expression }
    QueryRequest { Key: key_condition_expression, Filter: filter_expression, Projection: projection_expression }
    ScanRequest { Filter: filter_expression, Projection: projection_expression }
    SearchVectorsRequest { Search: search_condition_expression, Projection: projection_expression }
}

impl Expressions for BatchGetItemRequest {
    fn show(&self, see: &mut dyn FnMut(Role, &str)) {
        for keys in self.request_items.values() {
            if let Some(text) = &keys.projection_expression {
                see(Role::Projection, text);
            }
        }
    }
}

impl Expressions for TransactGetItemsRequest {
    fn show(&self, see: &mut dyn FnMut(Role, &str)) {
        for entry in &self.transact_items {
            if let Some(text) = &entry.get.projection_expression {
                see(Role::Projection, text);
            }
        }
    }
}

impl Expressions for TransactWriteItemsRequest {
    fn show(&self, see: &mut dyn FnMut(Role, &str)) {
        for entry in &self.transact_items {
            let update = entry.update.as_ref();
            if let Some(update) = update {
                see(Role::Update, &update.update_expression);
            }
            let conditions = [
                entry
                    .put
                    .as_ref()
                    .and_then(|put| put.condition_expression.as_deref()),
                update.and_then(|update| update.condition_expression.as_deref()),
                entry
                    .delete
                    .as_ref()
                    .and_then(|delete| delete.condition_expression.as_deref()),
                entry
                    .condition_check
                    .as_ref()
                    .map(|check| check.condition_expression.as_str()),
            ];
            for text in conditions.into_iter().flatten() {
                see(Role::Condition, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refusal(role: Role, text: &str) -> String {
        look(role, text).unwrap_err()
    }

    #[test]
    fn parentheses_around_nothing_but_parentheses_are_redundant() {
        for text in [
            "((a = :b))",
            "a = :b AND ((c = :d) )",
            "((attribute_exists(a)))",
        ] {
            assert!(
                refusal(Role::Filter, text).contains("redundant parentheses"),
                "{text}"
            );
        }
        for text in [
            "(a = :b) AND (c = :d)",
            "((a = :b) AND (c = :d))",
            "(size(a) > :b)",
            "(a IN (:b))",
            "((a = :b)",
            "a = :b)) (",
        ] {
            assert!(look(Role::Filter, text).is_ok(), "{text}");
        }
    }

    #[test]
    fn operators_are_counted_as_dynamodb_counts_them() {
        let repeated = |part: &str, times: usize| vec![part; times].join(" AND ");
        for (part, each) in [
            ("a = :b", 2),
            ("a <> :b", 2),
            ("NOT a >= :b", 3),
            ("size(a) < :b", 3),
            ("a BETWEEN :b AND :c", 2),
            ("a IN (:b, :c)", 2),
            ("attribute_exists (a)", 2),
            ("#and = :or", 2),
        ] {
            let most = 301 / each;
            assert!(look(Role::Filter, &repeated(part, most)).is_ok(), "{part}");
            let words = refusal(Role::Filter, &repeated(part, most + 1));
            assert_eq!(
                words,
                "The expression contains too many operators; operator count: 301"
            );
        }
    }

    #[test]
    fn an_update_counts_arithmetic_and_functions_and_no_assignment() {
        let set = |part: &str, times: usize| format!("SET {}", vec![part; times].join(","));
        assert!(look(Role::Update, &set("a=:b", 500)).is_ok());
        assert!(look(Role::Update, &set("a=a+:b", 300)).is_ok());
        assert!(refusal(Role::Update, &set("a=a+:b", 301)).contains("too many operators"));
        assert!(refusal(Role::Update, "SET a = ((:b))").contains("redundant"));
    }

    #[test]
    fn levels_are_never_fewer_than_there_are() {
        assert_eq!(look(Role::Filter, &"(".repeat(2000)).unwrap(), 2000);
        assert_eq!(look(Role::Filter, "NOT (NOT a = :b)").unwrap(), 3);
    }

    #[test]
    fn any_text_is_cut_into_tokens() {
        for text in ["é(", "a\u{a0}b", "::(##)", "<<<=>>", "\u{1F600}", "", "  "] {
            let _ = look(Role::Filter, text);
        }
    }
}
