//! Set forms: members of sets that another program stored in another form. `DynamoDB` removes a member only by its stored form.

use std::collections::BTreeSet;

use pydynox_core::expression::path::Step;
use pydynox_core::wire::{Reader, Value, Writer};
use pyo3::prelude::*;

use crate::values::decode::Decoder;
use crate::values::encode;
use crate::values::kind::Kind;

/// A value before and after a change, with the members of its sets as they are stored; None if that is how they are.
///
/// `before` is what this program would have written for what is stored, `after` what it would write now.
#[cold]
pub(super) fn as_stored(
    py: Python<'_>,
    kind: &Kind,
    stored: &[u8],
    (before, after): (&[u8], &[u8]),
) -> Option<(Vec<u8>, Vec<u8>)> {
    let stored = Value::parse(stored).ok()?;
    let (mut before, mut after) = (Value::parse(before).ok()?, Value::parse(after).ok()?);
    if !take_forms(py, kind, &stored, (&mut before, &mut after)) {
        return None;
    }
    Some((written(&before), written(&after)))
}

/// Whether any set was stored in another form.
fn take_forms(
    py: Python<'_>,
    kind: &Kind,
    stored: &Value,
    (before, after): (&mut Value, &mut Value),
) -> bool {
    match (stored, before, after) {
        (Value::M(stored), Value::M(before), Value::M(after)) => {
            let mut any = false;
            for (name, stored) in stored {
                let values = before.get_mut(name).zip(after.get_mut(name));
                let inner = kind.inside(&Step::Name(name.as_str().into()));
                if let (Some(values), Some(inner)) = (values, inner) {
                    any |= take_forms(py, inner, stored, values);
                }
            }
            any
        }
        (Value::Ss(stored), Value::Ss(before), Value::Ss(after)) if stored != before => {
            let mut now = after.clone();
            for member in stored {
                let Some(usual) = usual_form(py, kind, member) else {
                    return false;
                };
                if now.remove(&usual) {
                    now.insert(member.clone());
                }
            }
            before.clone_from(stored);
            *after = now;
            true
        }
        _ => false,
    }
}

/// A member of a set as this program writes it.
fn usual_form(py: Python<'_>, kind: &Kind, member: &str) -> Option<String> {
    let one = written(&Value::Ss(BTreeSet::from([member.to_owned()])));
    let value = Decoder::new(py)
        .value(&mut Reader::new(&one).ok()?, kind)
        .ok()?;
    let mut w = Writer::with_capacity(one.len());
    encode::write_value(&mut w, kind, &value, 0).ok()?;
    match Value::parse(w.as_bytes()) {
        Ok(Value::Ss(members)) => members.into_iter().next(),
        _ => None,
    }
}

fn written(value: &Value) -> Vec<u8> {
    let mut w = Writer::default();
    value.write(&mut w);
    w.into_bytes()
}
