//! Context: what the placeholders of an expression stand for.

use std::collections::HashMap;

use dynoxide::types::AttributeValue;

use super::syntax::{Operand, Path, Step};

/// DynamoDB follows a document path for this many steps, the attribute included.
const MOST_STEPS: usize = 32;
/// The largest index that it reads.
const LAST_INDEX: u32 = i32::MAX.cast_unsigned();

/// The placeholders of a request.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) names: Option<&'a HashMap<String, String>>,
    pub(crate) values: Option<&'a HashMap<String, AttributeValue>>,
}

impl<'a> Context<'a> {
    /// The value that an operand stands for, if it is one.
    pub(crate) fn value(&self, operand: &Operand<'_>) -> Option<&'a AttributeValue> {
        match operand {
            Operand::Value(name) => self.values?.get(*name),
            _ => None,
        }
    }

    /// The type of an operand, where it does not depend on an item.
    pub(crate) fn type_of(&self, operand: &Operand<'_>) -> Option<&'static str> {
        match operand {
            Operand::Path(_) => None,
            Operand::Value(_) => self.value(operand).map(type_name),
            Operand::Call(call) => match call.name {
                "size" => Some("N"),
                "list_append" => Some("L"),
                "if_not_exists" => self.type_of(call.arguments.get(1)?),
                _ => Some("BOOL"),
            },
        }
    }

    /// Whether every placeholder in it stands for something. What does not is reported by the engine.
    pub(crate) fn defines(&self, operand: &Operand<'_>) -> bool {
        match operand {
            Operand::Path(path) => path.0.iter().all(|step| match step {
                Step::Name(name) if name.starts_with('#') => {
                    self.names.is_some_and(|names| names.contains_key(*name))
                }
                _ => true,
            }),
            Operand::Value(_) => self.value(operand).is_some(),
            Operand::Call(call) => call.arguments.iter().all(|argument| self.defines(argument)),
        }
    }

    /// The path with its placeholders replaced.
    pub(crate) fn resolve<'p>(&self, path: &Path<'p>) -> Option<Path<'p>>
    where
        'a: 'p,
    {
        let step = |step: &Step<'p>| match step {
            Step::Name(name) if name.starts_with('#') => {
                self.names?.get(*name).map(|name| Step::Name(name.as_str()))
            }
            other => Some(*other),
        };
        path.0.iter().map(step).collect::<Option<_>>().map(Path)
    }
}

pub(crate) fn type_name(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "S",
        AttributeValue::N(_) => "N",
        AttributeValue::B(_) => "B",
        AttributeValue::BOOL(_) => "BOOL",
        AttributeValue::NULL(_) => "NULL",
        AttributeValue::SS(_) => "SS",
        AttributeValue::NS(_) => "NS",
        AttributeValue::BS(_) => "BS",
        AttributeValue::L(_) => "L",
        AttributeValue::M(_) => "M",
    }
}

/// Refuses a path that DynamoDB does not follow to its end.
pub(crate) fn check_path(path: &Path<'_>) -> Result<(), String> {
    for step in &path.0 {
        if let Step::Index(index) = step
            && !index.parse().is_ok_and(|index: u32| index <= LAST_INDEX)
        {
            return Err(format!(
                "List index is not within the allowable range; index: [{index}]"
            ));
        }
    }
    let steps = path.0.len();
    if steps > MOST_STEPS {
        return Err(format!(
            "The document path has too many nesting levels; nesting levels: {steps}"
        ));
    }
    Ok(())
}

/// Refuses paths of one expression of which one leads to or into the other, or takes a map for a list.
pub(crate) fn check_apart(context: Context<'_>, paths: &[&Path<'_>]) -> Result<(), String> {
    let Some(paths) = paths
        .iter()
        .map(|path| context.resolve(path))
        .collect::<Option<Vec<_>>>()
    else {
        return Ok(());
    };
    for (place, second) in paths.iter().enumerate() {
        for first in &paths[..place] {
            let parting = first
                .0
                .iter()
                .zip(&second.0)
                .find(|(one, other)| one != other);
            let clash = match parting {
                None => "overlap",
                Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))) => {
                    "conflict"
                }
                Some(_) => continue,
            };
            return Err(format!(
                "Two document paths {clash} with each other; must remove or rewrite one of these paths; path one: {}, path two: {}",
                listed(first),
                listed(second)
            ));
        }
    }
    Ok(())
}

/// A path as DynamoDB shows it: `[a, [0], b]`.
pub(crate) fn listed(path: &Path<'_>) -> String {
    let steps: Vec<String> = path
        .0
        .iter()
        .map(|step| match step {
            Step::Name(name) => (*name).to_owned(),
            Step::Index(index) => format!("[{index}]"),
        })
        .collect();
    format!("[{}]", steps.join(", "))
}
