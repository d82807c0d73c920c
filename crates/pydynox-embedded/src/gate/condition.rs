//! Condition: what DynamoDB refuses in a condition or filter that it can parse, in the order in which it looks.

use dynoxide::types::AttributeValue;
use pydynox_core::number::Number;

use super::context::{Context, check_path, listed, type_name};
use super::syntax::{Call, Condition, Operand, Path, Step};

/// The functions of conditions, and their numbers of operands.
const FUNCTIONS: [(&str, usize); 6] = [
    ("attribute_exists", 1),
    ("attribute_not_exists", 1),
    ("attribute_type", 2),
    ("begins_with", 2),
    ("contains", 2),
    ("size", 1),
];
const OF_UPDATES: [&str; 2] = ["if_not_exists", "list_append"];
const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

pub(crate) fn check(condition: &Condition<'_>, context: Context<'_>) -> Result<(), String> {
    check_functions(condition)?;
    let mut is_defined = true;
    walk(condition, &mut |part| {
        is_defined &= operands(part).all(|operand| context.defines(operand));
        Ok(())
    })?;
    if !is_defined {
        return Ok(());
    }
    walk(condition, &mut |part| check_operands(part, context))
}

/// Refuses functions that do not exist, or cannot be used there.
pub(crate) fn check_functions(condition: &Condition<'_>) -> Result<(), String> {
    walk(condition, &mut |part| {
        operands(part).try_for_each(names)?;
        if let Condition::Call(call) = part {
            name(call)?;
        }
        Ok(())
    })?;
    walk(condition, &mut |part| {
        if let Condition::Call(call) = part
            && call.name == "size"
        {
            return misused(call);
        }
        operands(part).try_for_each(nested)
    })
}

/// Calls `see` with every condition that has operands of its own, from left to right.
fn walk<'c, 'a>(
    condition: &'c Condition<'a>,
    see: &mut dyn FnMut(&'c Condition<'a>) -> Result<(), String>,
) -> Result<(), String> {
    match condition {
        Condition::Both(_, left, right) => {
            walk(left, see)?;
            walk(right, see)
        }
        Condition::Not(inner) => walk(inner, see),
        other => see(other),
    }
}

fn operands<'c, 'a>(condition: &'c Condition<'a>) -> impl Iterator<Item = &'c Operand<'a>> {
    let (first, second, rest): (Option<&Operand<'a>>, Option<&Operand<'a>>, &[Operand<'a>]) =
        match condition {
            Condition::Compare(_, left, right) => (Some(left), Some(right), &[]),
            Condition::Between(operands) => (None, None, &operands[..]),
            Condition::In(value, list) => (Some(value), None, list),
            Condition::Call(call) => (None, None, &call.arguments),
            Condition::Both(..) | Condition::Not(_) => (None, None, &[]),
        };
    first.into_iter().chain(second).chain(rest)
}

/// Shows the attributes that the condition compares with a value, and these values.
pub(super) fn each_comparison(
    condition: &Condition<'_>,
    context: Context<'_>,
    see: &mut dyn FnMut(&str, &AttributeValue),
) {
    let _ = walk(condition, &mut |part| {
        let path = operands(part).find_map(|operand| match operand {
            Operand::Path(path) => context.resolve(path),
            _ => None,
        });
        if let Some([Step::Name(name)]) = path.as_ref().map(|path| &path.0[..]) {
            for value in operands(part).filter_map(|operand| context.value(operand)) {
                see(name, value);
            }
        }
        Ok(())
    });
}

/// Shows the attribute of every path.
pub(super) fn each_attribute(
    condition: &Condition<'_>,
    context: Context<'_>,
    see: &mut dyn FnMut(&str),
) {
    fn of(operand: &Operand<'_>, context: Context<'_>, see: &mut dyn FnMut(&str)) {
        match operand {
            Operand::Path(path) => {
                if let Some(Path(steps)) = context.resolve(path)
                    && let Some(Step::Name(name)) = steps.first()
                {
                    see(name);
                }
            }
            Operand::Call(call) => call
                .arguments
                .iter()
                .for_each(|argument| of(argument, context, see)),
            Operand::Value(_) => {}
        }
    }
    let _ = walk(condition, &mut |part| {
        for operand in operands(part) {
            of(operand, context, see);
        }
        Ok(())
    });
}

fn names(operand: &Operand<'_>) -> Result<(), String> {
    let Operand::Call(call) = operand else {
        return Ok(());
    };
    call.arguments.iter().try_for_each(names)?;
    name(call)
}

fn name(call: &Call<'_>) -> Result<(), String> {
    let name = call.name;
    if OF_UPDATES.contains(&name) {
        return Err(format!(
            "The function is not allowed in a condition expression; function: {name}"
        ));
    }
    if FUNCTIONS.iter().any(|(function, _)| *function == name) {
        return Ok(());
    }
    Err(format!("Invalid function name; function: {name}"))
}

fn nested(operand: &Operand<'_>) -> Result<(), String> {
    let Operand::Call(call) = operand else {
        return Ok(());
    };
    call.arguments.iter().try_for_each(nested)?;
    if call.name == "size" {
        Ok(())
    } else {
        misused(call)
    }
}

fn misused(call: &Call<'_>) -> Result<(), String> {
    Err(format!(
        "The function is not allowed to be used this way in an expression; function: {}",
        call.name
    ))
}

fn check_operands(condition: &Condition<'_>, context: Context<'_>) -> Result<(), String> {
    for operand in operands(condition) {
        calls(operand, context)?;
        if let Operand::Path(path) = operand {
            check_path(path)?;
        }
    }
    match condition {
        Condition::Compare(comparator, left, right) => {
            distinct(comparator, left, right, context)?;
            if matches!(*comparator, "=" | "<>") {
                return Ok(());
            }
            [left, right]
                .into_iter()
                .try_for_each(|operand| ordered(comparator, operand, context))
        }
        Condition::Between(operands) => {
            operands
                .iter()
                .try_for_each(|operand| ordered("BETWEEN", operand, context))?;
            let [_, low, high] = &**operands;
            match (context.value(low), context.value(high)) {
                (Some(low), Some(high)) => check_bounds(low, high),
                _ => Ok(()),
            }
        }
        Condition::Call(call) => check_call(call, context),
        _ => Ok(()),
    }
}

fn calls(operand: &Operand<'_>, context: Context<'_>) -> Result<(), String> {
    let Operand::Call(call) = operand else {
        return Ok(());
    };
    call.arguments
        .iter()
        .try_for_each(|argument| calls(argument, context))?;
    check_call(call, context)
}

fn check_call(call: &Call<'_>, context: Context<'_>) -> Result<(), String> {
    let (name, arguments) = (call.name, &call.arguments);
    let wanted = FUNCTIONS.iter().find(|(function, _)| *function == name);
    if wanted.is_some_and(|(_, count)| *count != arguments.len()) {
        return Err(format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {}",
            arguments.len()
        ));
    }
    if let [first, second] = &arguments[..] {
        distinct(name, first, second, context)?;
    }
    for argument in arguments {
        if let Operand::Path(path) = argument {
            check_path(path)?;
        }
    }
    match (name, &arguments[..]) {
        ("attribute_exists" | "attribute_not_exists", [operand])
            if !matches!(operand, Operand::Path(_)) =>
        {
            Err(format!(
                "Operator or function requires a document path; operator or function: {name}"
            ))
        }
        ("begins_with", operands) => operands
            .iter()
            .filter_map(|operand| context.type_of(operand))
            .find(|kind| !matches!(*kind, "S" | "B"))
            .map_or(Ok(()), |kind| wrong_type(name, kind)),
        ("attribute_type", [_, named]) => match context.value(named) {
            Some(AttributeValue::S(kind)) if TYPES.contains(&kind.as_str()) => Ok(()),
            Some(AttributeValue::S(kind)) => Err(format!(
                "Invalid attribute type name found; type: {kind}, valid types: {{{}}}",
                TYPES.join(",")
            )),
            // The type is given with the request, never by an item.
            _ => wrong_type(
                name,
                context
                    .type_of(named)
                    .unwrap_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"),
            ),
        },
        ("size", [operand]) => match context.type_of(operand) {
            Some(kind @ ("N" | "BOOL" | "NULL")) => wrong_type(name, kind),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn distinct(
    name: &str,
    first: &Operand<'_>,
    second: &Operand<'_>,
    context: Context<'_>,
) -> Result<(), String> {
    let (Operand::Path(first), Operand::Path(second)) = (first, second) else {
        return Ok(());
    };
    let first = context.resolve(first);
    match first {
        Some(first) if context.resolve(second).as_ref() == Some(&first) => Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {name}, first operand: {}",
            listed(&first)
        )),
        _ => Ok(()),
    }
}

fn ordered(name: &str, operand: &Operand<'_>, context: Context<'_>) -> Result<(), String> {
    match context.type_of(operand) {
        None | Some("S" | "N" | "B") => Ok(()),
        Some(kind) => wrong_type(name, kind),
    }
}

fn wrong_type(name: &str, kind: &str) -> Result<(), String> {
    Err(format!(
        "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
    ))
}

fn check_bounds(low: &AttributeValue, high: &AttributeValue) -> Result<(), String> {
    let wanted = if type_name(low) != type_name(high) {
        "same data type for lower and upper bounds"
    } else if is_greater(low, high) {
        "upper bound to be greater than or equal to lower bound"
    } else {
        return Ok(());
    };
    Err(format!(
        "The BETWEEN operator requires {wanted}; lower bound operand: AttributeValue: {{{}}}, upper bound operand: AttributeValue: {{{}}}",
        text_of(low),
        text_of(high)
    ))
}

/// Whether one value comes after another of its type.
pub(crate) fn is_greater(one: &AttributeValue, other: &AttributeValue) -> bool {
    match (one, other) {
        (AttributeValue::S(one), AttributeValue::S(other)) => one > other,
        (AttributeValue::B(one), AttributeValue::B(other)) => one > other,
        (AttributeValue::N(one), AttributeValue::N(other)) => {
            match (Number::parse(one), Number::parse(other)) {
                (Ok(one), Ok(other)) => one > other,
                _ => false,
            }
        }
        _ => false,
    }
}

fn text_of(value: &AttributeValue) -> String {
    let text = match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        other => serde_json::to_value(other)
            .ok()
            .and_then(|json| json.get(type_name(other))?.as_str().map(str::to_owned))
            .unwrap_or_default(),
    };
    format!("{}:{text}", type_name(value))
}
