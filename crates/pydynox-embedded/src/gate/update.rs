//! Update: what DynamoDB refuses in an update that it can parse.

use super::context::{Context, check_apart, check_path};
use super::syntax::{Action, Call, Operand, Update, Value};

const OF_CONDITIONS: [&str; 6] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
];

pub(crate) fn check(update: &Update<'_>, context: Context<'_>) -> Result<(), String> {
    let actions = || update.0.iter().flat_map(|(_, actions)| actions);
    for operand in actions().flat_map(operands) {
        names(operand)?;
    }
    for operand in actions().flat_map(operands) {
        // Only this function can be an operand of another.
        if let Operand::Call(call) = operand {
            call.arguments.iter().try_for_each(nested)?;
        }
    }
    let paths: Vec<_> = actions().map(|action| &action.path).collect();
    paths.iter().try_for_each(|path| check_path(path))?;
    let is_known = actions()
        .flat_map(operands)
        .all(|operand| context.defines(operand));
    if !is_known {
        return Ok(());
    }
    check_apart(context, &paths)?;
    actions().try_for_each(|action| check_value(action, context))
}

fn operands<'u, 'a>(action: &'u Action<'a>) -> Vec<&'u Operand<'a>> {
    match &action.value {
        None => Vec::new(),
        Some(Value::Plain(operand)) => vec![operand],
        Some(Value::Arithmetic(_, left, right)) => vec![left, right],
    }
}

fn names(operand: &Operand<'_>) -> Result<(), String> {
    let Operand::Call(Call { name, arguments }) = operand else {
        return Ok(());
    };
    arguments.iter().try_for_each(names)?;
    if OF_CONDITIONS.contains(name) {
        return Err(format!(
            "The function is not allowed in an update expression; function: {name}"
        ));
    }
    if matches!(*name, "if_not_exists" | "list_append") {
        return Ok(());
    }
    Err(format!("Invalid function name; function: {name}"))
}

fn nested(operand: &Operand<'_>) -> Result<(), String> {
    match operand {
        Operand::Call(call) if call.name != "if_not_exists" => Err(format!(
            "The function is not allowed to be used this way in an expression; function: {}",
            call.name
        )),
        Operand::Call(call) => call.arguments.iter().try_for_each(nested),
        _ => Ok(()),
    }
}

fn check_value(action: &Action<'_>, context: Context<'_>) -> Result<(), String> {
    operands(action)
        .into_iter()
        .try_for_each(|operand| check_operand(operand, context))?;
    if let Some(Value::Arithmetic(sign, left, right)) = &action.value {
        for operand in [left, right] {
            of_type("N", sign, operand, context)?;
        }
    }
    Ok(())
}

fn check_operand(operand: &Operand<'_>, context: Context<'_>) -> Result<(), String> {
    let call = match operand {
        Operand::Path(path) => return check_path(path),
        Operand::Value(_) => return Ok(()),
        Operand::Call(call) => call,
    };
    call.arguments
        .iter()
        .try_for_each(|argument| check_operand(argument, context))?;
    if call.arguments.len() != 2 {
        return Err(format!(
            "Incorrect number of operands for operator or function; operator or function: {}, number of operands: {}",
            call.name,
            call.arguments.len()
        ));
    }
    if call.name == "list_append" {
        return call
            .arguments
            .iter()
            .try_for_each(|argument| of_type("L", call.name, argument, context));
    }
    match call.arguments.first() {
        Some(Operand::Path(_)) => Ok(()),
        _ => Err(format!(
            "Operator or function requires a document path; operator or function: {}",
            call.name
        )),
    }
}

fn of_type(
    wanted: &str,
    name: &str,
    operand: &Operand<'_>,
    context: Context<'_>,
) -> Result<(), String> {
    match context.type_of(operand) {
        Some(kind) if kind != wanted => Err(format!(
            "Incorrect operand type for operator or function; operator or function: {name}, operand type: {kind}"
        )),
        _ => Ok(()),
    }
}
