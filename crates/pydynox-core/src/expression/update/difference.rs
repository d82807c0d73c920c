//! What differs between two stored forms of an attribute.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Path, Verb};
use crate::wire::{Value, Writer};

/// How to make one value of another.
pub(super) enum Difference {
    /// They are the same.
    None,
    /// By setting the whole.
    Whole,
    /// By adding or taking away members of a set; the value holds these.
    Members(Verb, Box<[u8]>),
    /// By actions inside a map. `parents` are the maps that must be there for them.
    Nested { actions: Vec<Action>, parents: Vec<Path> },
}

/// Compares two values; maps by their keys, sets by their members.
pub(super) fn difference(old: &Value, new: &Value) -> Difference {
    if old == new {
        return Difference::None;
    }
    match (old, new) {
        (Value::M(old), Value::M(new)) => nested(old, new),
        _ => members(old, new).map_or(Difference::Whole, |(verb, value)| Difference::Members(verb, value)),
    }
}

fn nested(old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Difference {
    let mut walk = Walk::default();
    match walk.map(&mut Vec::new(), old, new) {
        Some(()) => Difference::Nested { actions: walk.actions, parents: walk.parents },
        None => Difference::Whole,
    }
}

/// The members to add to a set, or to take from it; None unless only one of both is needed.
fn members(old: &Value, new: &Value) -> Option<(Verb, Box<[u8]>)> {
    let (verb, value) = match (old, new) {
        (Value::Ss(old), Value::Ss(new)) => one_way(old, new).map(|(verb, members)| (verb, Value::Ss(members)))?,
        (Value::Ns(old), Value::Ns(new)) => one_way(old, new).map(|(verb, members)| (verb, Value::Ns(members)))?,
        (Value::Bs(old), Value::Bs(new)) => one_way(old, new).map(|(verb, members)| (verb, Value::Bs(members)))?,
        _ => return None,
    };
    Some((verb, text(&value)))
}

fn one_way<T: Ord + Clone>(old: &BTreeSet<T>, new: &BTreeSet<T>) -> Option<(Verb, BTreeSet<T>)> {
    if old.is_subset(new) {
        return Some((Verb::Add, new.difference(old).cloned().collect()));
    }
    if new.is_subset(old) {
        return Some((Verb::Delete, old.difference(new).cloned().collect()));
    }
    None
}

fn text(value: &Value) -> Box<[u8]> {
    let mut writer = Writer::with_capacity(64);
    value.write(&mut writer);
    writer.into_bytes().into()
}

/// A walk through two maps at once.
#[derive(Default)]
struct Walk {
    actions: Vec<Action>,
    parents: Vec<Path>,
}

impl Walk {
    /// Collects the actions below `path`; None where a key cannot stand in a path.
    fn map(&mut self, path: &mut Vec<Box<str>>, old: &BTreeMap<String, Value>, new: &BTreeMap<String, Value>) -> Option<()> {
        let parents_before = self.parents.len();
        let mut direct = false;
        for (key, new_value) in new {
            let old_value = old.get(key);
            if old_value == Some(new_value) {
                continue;
            }
            // DynamoDB accepts an empty key in a map and no empty name in an expression.
            if key.is_empty() {
                return None;
            }
            path.push(key.as_str().into());
            match (old_value, new_value) {
                (Some(Value::M(old)), Value::M(new)) => self.map(path, old, new)?,
                (Some(old), new) => {
                    direct = true;
                    let (verb, value) = members(old, new).unwrap_or_else(|| (Verb::Set, text(new)));
                    self.push(path, verb, value);
                }
                (None, new) => {
                    direct = true;
                    self.push(path, Verb::Set, text(new));
                }
            }
            path.pop();
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            if key.is_empty() {
                return None;
            }
            direct = true;
            path.push(key.as_str().into());
            self.push(path, Verb::Remove, Box::default());
            path.pop();
        }
        // A map inside this one that must be there says that this one is, too.
        if direct && self.parents.len() == parents_before {
            self.parents.push(path.clone().into());
        }
        Some(())
    }

    fn push(&mut self, path: &[Box<str>], verb: Verb, value: Box<[u8]>) {
        self.actions.push(Action { path: path.into(), verb, value });
    }
}
