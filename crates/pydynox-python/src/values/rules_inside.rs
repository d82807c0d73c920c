//! The rules of documents inside a value, and which of them it breaks.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::values::kind::Kind;

/// Whether any rule of a document applies inside a value.
pub(crate) fn has_rules_inside(kind: &Kind) -> bool {
    let mut open = Vec::new();
    kind.any_document(&mut |shape| shape.has_rules(&mut open))
}

/// The rules that documents inside a value break, each as place and problem; if `discreet`, without repeating the value.
pub(crate) fn broken_inside(
    kind: &Kind,
    value: &Bound<'_, PyAny>,
    place: &str,
    discreet: bool,
    problems: &mut Vec<String>,
) -> PyResult<()> {
    if value.is_none() || !has_rules_inside(kind) {
        return Ok(());
    }
    match kind {
        Kind::Optional(inner) => broken_inside(inner, value, place, discreet, problems),
        Kind::List(inner) | Kind::TupleOf(inner) => {
            for (index, element) in value.try_iter()?.enumerate() {
                let place = format!("{place}[{index}]");
                broken_inside(inner, &element?, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Tuple(kinds) => {
            for (index, (inner, element)) in kinds.iter().zip(value.try_iter()?).enumerate() {
                let place = format!("{place}[{index}]");
                broken_inside(inner, &element?, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Dict(inner) => {
            for (name, member) in value.cast::<PyDict>()?.iter() {
                let key = if discreet {
                    String::from("...")
                } else {
                    name.repr()?.to_string()
                };
                let place = format!("{place}[{key}]");
                broken_inside(inner, &member, &place, discreet, problems)?;
            }
            Ok(())
        }
        Kind::Record(shape) => {
            let shape = shape.get();
            for field in shape.members(value.py())?.layout.fields() {
                let Some(member) = shape.member(field, value)? else {
                    continue;
                };
                let place = format!("{place}{}", shape.step(field));
                let broken = field.broken(&member, discreet)?.into_iter();
                problems.extend(broken.map(|what| format!("{place}{what}")));
                broken_inside(&field.kind, &member, &place, discreet, problems)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
