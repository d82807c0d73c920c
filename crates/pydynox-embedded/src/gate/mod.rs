//! Gate: every expression of a request is parsed before the engine sees it, and refused where DynamoDB refuses it.

mod condition;
mod context;
mod fold;
mod parse;
mod print;
mod project;
mod requests;
mod syntax;
mod token;
mod update;

use std::collections::HashMap;

use dynoxide::DynoxideError;
use dynoxide::types::AttributeValue;
use pydynox_core::expression::reserved::is_reserved;
use pydynox_core::expression::{MAX_EXPRESSION_SIZE, MAX_OPERATORS};

pub(crate) use condition::is_greater;
pub(crate) use context::{Context, type_name};
pub(crate) use project::{at, project};
pub(crate) use syntax::{Operand, Path, Step, Update, Value};

use parse::{Fault, Parser};
use syntax::Condition;
use token::{Kind, Token};

use crate::stack;

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

/// An expression of a request, and what its placeholders stand for.
pub(crate) struct Expression<'r> {
    pub(crate) role: Role,
    pub(crate) text: &'r mut String,
    pub(crate) names: Option<&'r HashMap<String, String>>,
    pub(crate) values: Option<&'r mut HashMap<String, AttributeValue>>,
}

/// A request that carries expressions.
pub(crate) trait Expressions {
    /// Passes each of them to `see`.
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>));
}

/// Refuses expressions that DynamoDB refuses, and rewrites those that only the engine would refuse. Returns how many levels the
/// deepest one can have.
pub(crate) fn pass(request: &mut impl Expressions) -> Result<usize, DynoxideError> {
    let mut deepest = 0;
    let mut refused = None;
    request.each(&mut |expression| {
        if refused.is_none() {
            let role = expression.role;
            match look(expression) {
                Ok(levels) => deepest = deepest.max(levels),
                Err(why) => refused = Some(format!("Invalid {}: {why}", role.name())),
            }
        }
    });
    match refused {
        // The operations on one item put an envelope around it.
        Some(why) => Err(DynoxideError::EnvelopedValidation(why)),
        None => Ok(deepest),
    }
}

/// Shows an update that passed the gate, parsed again; none if the engine alone can read it.
pub(crate) fn with_update<T>(text: &str, see: impl FnOnce(&Update<'_>) -> T) -> Option<T> {
    read(Role::Update, text, |mut parser| {
        let update = parser.update().ok()?;
        Some(see(&update))
    })
}

/// Shows the paths of a projection that passed the gate, parsed again.
pub(crate) fn with_projection<T>(text: &str, see: impl FnOnce(&[Path<'_>]) -> T) -> Option<T> {
    read(Role::Projection, text, |mut parser| {
        let paths = parser.projection().ok()?;
        Some(see(&paths))
    })
}

/// Shows every comparison of an attribute with a value that a key condition makes.
pub(crate) fn each_comparison(
    text: &str,
    context: Context<'_>,
    see: &mut dyn FnMut(&str, &AttributeValue),
) {
    read(Role::Key, text, |mut parser| {
        let parsed = parser.condition().ok()?;
        condition::each_comparison(&parsed, context, see);
        Some(())
    });
}

/// Shows the attribute of every path of a condition.
pub(crate) fn each_attribute(text: &str, context: Context<'_>, see: &mut dyn FnMut(&str)) {
    read(Role::Condition, text, |mut parser| {
        let parsed = parser.condition().ok()?;
        condition::each_attribute(&parsed, context, see);
        Some(())
    });
}

/// Parses where there is room for all levels; nothing that is refused for its length or its operators.
fn read<T>(role: Role, text: &str, parse: impl FnOnce(Parser<'_, '_>) -> Option<T>) -> Option<T> {
    if text.len() > MAX_EXPRESSION_SIZE {
        return None;
    }
    let tokens = token::tokens(text);
    let (operators, levels) = measure(role, &tokens);
    if operators > MAX_OPERATORS {
        return None;
    }
    stack::with_room_for(levels, || parse(Parser::new(&tokens)))
}

/// Whether an expression has this placeholder.
pub(crate) fn mentions(text: &str, name: &str) -> bool {
    token::each(text).any(|token| token.text == name)
}

/// Whether an update expression only removes and sets nothing.
pub(crate) fn makes_nothing(text: &str) -> bool {
    let mut removes = false;
    for token in token::each(text) {
        if token.is_word("SET") || token.is_word("ADD") {
            return false;
        }
        removes |= token.is_word("REMOVE") || token.is_word("DELETE");
    }
    removes
}

/// Whether an update sets an attribute to what is in the item, so that its size is not that of a value. Sums are numbers.
pub(crate) fn copies(text: &str) -> bool {
    let (mut is_after_equals, mut copies, mut depth) = (false, false, 0_usize);
    for token in token::each(text) {
        match token.kind {
            Kind::Comparator => {
                if copies {
                    return true;
                }
                is_after_equals = true;
                continue;
            }
            Kind::Sign(b'(') => depth += 1,
            Kind::Sign(b')') => depth = depth.saturating_sub(1),
            Kind::Sign(b'+' | b'-') => copies = false,
            Kind::Sign(b',') if depth == 0 && copies => return true,
            _ if is_after_equals && token.kind != Kind::Value => copies = true,
            _ => {}
        }
        is_after_equals = false;
    }
    copies
}

/// The number of levels an expression can have, or why DynamoDB refuses it.
fn look(expression: Expression<'_>) -> Result<usize, String> {
    let Expression {
        role,
        text,
        names,
        values,
    } = expression;
    if text.is_empty() || text.len() > MAX_EXPRESSION_SIZE {
        // The engine checks the length first too, and its message varies from place to place.
        return Ok(0);
    }
    let tokens = token::tokens(text);
    let (operators, levels) = measure(role, &tokens);
    if operators > MAX_OPERATORS {
        return Err(format!(
            "The expression contains too many operators; operator count: {}",
            MAX_OPERATORS + 1
        ));
    }
    let context = Context {
        names,
        values: values.as_deref(),
    };
    let rewritten = stack::with_room_for(levels, || check(role, text, &tokens, context))?;
    if let Some(Rewritten { text: new, added }) = rewritten {
        *text = new;
        if let Some(values) = values {
            values.extend(added);
        }
    }
    Ok(levels)
}

/// An expression that only the engine would refuse, as it can read it.
#[derive(Default)]
struct Rewritten {
    text: String,
    /// Values that it needs besides those of the request.
    added: Vec<(String, AttributeValue)>,
}

impl Rewritten {
    fn plainly(parsed: &impl ToString) -> Self {
        Self {
            text: parsed.to_string(),
            added: Vec::new(),
        }
    }
}

/// Its text as the engine can read it, if that is not as it was sent.
fn check(
    role: Role,
    text: &str,
    tokens: &[Token<'_>],
    context: Context<'_>,
) -> Result<Option<Rewritten>, String> {
    let mut parser = Parser::new(tokens);
    let checked = match role {
        Role::Condition | Role::Filter => parser.condition().map(|parsed| {
            condition::check(&parsed, context)?;
            let plain = parser.groups_operands.then(|| Rewritten::plainly(&parsed));
            let measures = match &plain {
                Some(plain) => fold::measures_values(&token::tokens(&plain.text)),
                None => fold::measures_values(tokens),
            };
            Ok(if measures {
                Some(fold::folded(&parsed, context))
            } else {
                plain
            })
        }),
        Role::Key | Role::Search => parser.condition().map(|parsed| {
            check_key(&parsed)?;
            Ok(parser.groups_operands.then(|| Rewritten::plainly(&parsed)))
        }),
        Role::Update => parser.update().map(|parsed| {
            update::check(&parsed, context)?;
            Ok(parser.groups_operands.then(|| Rewritten::plainly(&parsed)))
        }),
        Role::Projection => parser.projection().map(|paths| {
            let paths: Vec<_> = paths.iter().collect();
            paths
                .iter()
                .try_for_each(|path| context::check_path(path))?;
            context::check_apart(context, &paths).map(|()| None)
        }),
    };
    match checked {
        Ok(checked) => checked,
        Err(Fault::Redundant) => Err("The expression has redundant parentheses;".to_owned()),
        Err(Fault::Syntax(place)) => match tokens.get(place) {
            // Here the grammar takes the word for a keyword, and it is reserved as well.
            Some(token) if role == Role::Projection && is_reserved(token.text) => Err(format!(
                "Attribute name is a reserved keyword; reserved keyword: {}",
                token.text
            )),
            // The engine takes a bare name for one although it begins with an underscore, and has words of its own for projections.
            token if role == Role::Projection || token.is_some_and(|token| token.text == "_") => {
                Err(syntax_error(text, tokens, place))
            }
            // It words the other errors itself.
            _ => Ok(None),
        },
    }
}

impl Condition<'_> {
    fn has_negation(&self) -> bool {
        match self {
            Self::Not(_) => true,
            Self::Both(_, left, right) => left.has_negation() || right.has_negation(),
            _ => false,
        }
    }
}

/// The engine checks key conditions itself, but not everything that they have in common with others.
fn check_key(condition: &Condition<'_>) -> Result<(), String> {
    if condition.has_negation() {
        return Err("Invalid operator used in KeyConditionExpression: NOT".to_owned());
    }
    condition::check_functions(condition)
}

/// DynamoDB shows the token, and with the one before and the one after it what is around.
fn syntax_error(text: &str, tokens: &[Token<'_>], place: usize) -> String {
    let at = |place: usize| tokens.get(place);
    let start = at(place.saturating_sub(1)).map_or(0, |token| token.start);
    let end = at(place + 1)
        .or_else(|| at(place))
        .map_or(text.len(), Token::end);
    let token = at(place).map_or("<EOF>", |token| token.text);
    let end = end.max(start);
    format!(
        "Syntax error; token: \"{token}\", near: \"{}\"",
        &text[start..end]
    )
}

/// How many operators and functions an expression has, and how many levels it can have.
fn measure(role: Role, tokens: &[Token<'_>]) -> (usize, usize) {
    let (mut operators, mut levels) = (0, 0);
    let mut between = false;
    for (place, token) in tokens.iter().enumerate() {
        let is_called = tokens.get(place + 1).is_some_and(|next| next.is_sign(b'('));
        operators += usize::from(match token.kind {
            Kind::Word if token.is_word("AND") => !std::mem::take(&mut between), // of BETWEEN: not one of its own
            Kind::Word if token.is_word("BETWEEN") => {
                between = true;
                true
            }
            Kind::Word if token.is_word("NOT") => {
                levels += 1;
                true
            }
            Kind::Word => token.is_word("OR") || token.is_word("IN") || is_called,
            // The `=` of SET is an assignment.
            Kind::Comparator => role != Role::Update,
            // Only SET has arithmetic.
            Kind::Sign(b'+' | b'-') => role == Role::Update,
            Kind::Sign(b'(') => {
                levels += 1;
                false
            }
            _ => false,
        });
    }
    (operators, levels)
}

#[cfg(test)]
mod tests;
