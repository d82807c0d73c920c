//! Fold: functions of a value that the engine takes for paths alone, as what they are worth.

use std::collections::{BTreeMap, BTreeSet};

use dynoxide::types::AttributeValue;

use super::Rewritten;
use super::context::{Context, type_name};
use super::syntax::{Condition, Operand};
use super::token::{self, Kind, Token};

/// Whether a function that the engine takes for paths alone is called with a value.
pub(super) fn measures_values(tokens: &[Token<'_>]) -> bool {
    (0..tokens.len()).any(|place| call_at(tokens, place).is_some())
}

/// The condition with these calls replaced. It also compares each value with a copy of itself: the engine refuses a value that is not
/// used.
pub(super) fn folded(condition: &Condition<'_>, context: Context<'_>) -> Rewritten {
    let whole = condition.grouped();
    let tokens = token::tokens(&whole);
    let mut added = BTreeMap::new();
    let mut uses = BTreeSet::new();
    let mut text = String::new();
    let mut copied = 0;
    for place in 0..tokens.len() {
        let Some(call) = call_at(&tokens, place) else {
            continue;
        };
        text.push_str(&whole[copied..call.start]);
        copied = call.end;
        let given = context.value(&Operand::Value(call.value));
        let name = call.value.trim_start_matches(':');
        // The engine reports a value that is not defined.
        let operand = given.map_or_else(
            || call.value.to_owned(),
            |given| {
                let (mark, worth) = match call.wanted {
                    None => ("size", AttributeValue::N(size_of(given).to_string())),
                    Some(_) => ("type", AttributeValue::S(type_name(given).to_owned())),
                };
                let (operand, same) = (
                    format!(":pydynox_{mark}_{name}"),
                    format!(":pydynox_{name}"),
                );
                uses.insert(format!("{} = {same} AND ", call.value));
                added.insert(same, given.clone());
                added.insert(operand.clone(), worth);
                operand
            },
        );
        text.push_str(&operand);
        if let Some(wanted) = call.wanted {
            text.push_str(" = ");
            text.push_str(wanted);
        }
    }
    text.push_str(&whole[copied..]);
    Rewritten {
        text: uses.into_iter().collect::<String>() + &text,
        added: added.into_iter().collect(),
    }
}

/// A call with a value, and its place in the text.
struct Call<'a> {
    value: &'a str,
    /// The type that `attribute_type` compares with; none for `size`.
    wanted: Option<&'a str>,
    start: usize,
    end: usize,
}

fn call_at<'a>(tokens: &[Token<'a>], place: usize) -> Option<Call<'a>> {
    let [function, open, value, rest @ ..] = tokens.get(place..)? else {
        return None;
    };
    if !open.is_sign(b'(') || value.kind != Kind::Value {
        return None;
    }
    let (wanted, close) = match (function.text, rest) {
        ("size", [close, ..]) => (None, close),
        ("attribute_type", [comma, wanted, close, ..]) if comma.is_sign(b',') => {
            (Some(wanted.text), close)
        }
        _ => return None,
    };
    close.is_sign(b')').then(|| Call {
        value: value.text,
        wanted,
        start: function.start,
        end: close.end(),
    })
}

/// As the engine measures what a path leads to; numbers, booleans and null were refused before.
fn size_of(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.encode_utf16().count(),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::SS(members) | AttributeValue::NS(members) => members.len(),
        AttributeValue::BS(members) => members.len(),
        AttributeValue::L(elements) => elements.len(),
        AttributeValue::M(members) => members.len(),
        AttributeValue::N(_) | AttributeValue::BOOL(_) | AttributeValue::NULL(_) => 0,
    }
}
