//! Differences: the narrowest actions that turn one value into another.

use std::collections::{BTreeMap, BTreeSet};

use super::MAX_OPERATORS;
use crate::wire::{Value, Writer};

/// Keys of nested maps, outermost first; empty for the value itself.
pub(super) type Path = Box<[Box<str>]>;

/// What an action does to the value at its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Set,
    Remove,
    /// Adds members to a set.
    Add,
    /// Removes members from a set.
    Delete,
}

/// One action of an update expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) path: Path,
    pub(super) verb: Verb,
    /// JSON text of an attribute value; empty for a removal.
    pub(super) value: Box<[u8]>,
}

/// What is needed to turn one value into another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Nothing: they are equal.
    None,
    /// The new value must be set as a whole.
    Whole,
    /// Members must be added to a set, or removed from it.
    Members(Verb, Box<[u8]>),
    /// Changes inside a map; no path leads through the end of another.
    Nested {
        actions: Vec<Action>,
        /// The maps that must exist, without those that contain another one.
        parents: Vec<Path>,
    },
}

/// Compares two values as `DynamoDB` holds them: numbers by value, maps and sets in any order.
pub(super) fn difference(old: &Value, new: &Value) -> Difference {
    let mut changes = Changes::default();
    changes.value(old, new);
    // They do not fit in one expression, and setting the whole attribute is one action.
    if changes.actions.len() > MAX_OPERATORS {
        return Difference::Whole;
    }
    if changes
        .actions
        .first()
        .is_some_and(|action| !action.path.is_empty())
    {
        return Difference::Nested {
            actions: changes.actions,
            parents: changes.parents,
        };
    }
    match changes.actions.pop() {
        None => Difference::None,
        Some(Action {
            verb: verb @ (Verb::Add | Verb::Delete),
            value,
            ..
        }) => Difference::Members(verb, value),
        Some(_) => Difference::Whole,
    }
}

/// The walk over two values side by side. The reader that parsed them limits its depth.
#[derive(Default)]
struct Changes<'a> {
    /// Where the walk is.
    path: Vec<&'a str>,
    actions: Vec<Action>,
    parents: Vec<Path>,
}

impl<'a> Changes<'a> {
    fn value(&mut self, old: &'a Value, new: &'a Value) {
        match (old, new) {
            (Value::M(old), Value::M(new)) => self.map(old, new),
            (Value::Ss(old), Value::Ss(new)) => self.set(old, new, Value::Ss),
            (Value::Ns(old), Value::Ns(new)) => self.set(old, new, Value::Ns),
            (Value::Bs(old), Value::Bs(new)) => self.set(old, new, Value::Bs),
            _ if old == new => {}
            _ => self.push(Verb::Set, Some(new)),
        }
    }

    fn map(&mut self, old: &'a BTreeMap<String, Value>, new: &'a BTreeMap<String, Value>) {
        let (actions, parents) = (self.actions.len(), self.parents.len());
        for (key, value) in new {
            self.path.push(key);
            match old.get(key) {
                Some(old) => self.value(old, value),
                None => self.push(Verb::Set, Some(value)),
            }
            self.path.pop();
            if self.actions.len() > MAX_OPERATORS {
                return;
            }
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            self.path.push(key);
            self.push(Verb::Remove, None);
            self.path.pop();
        }
        // A guard on a map inside this one implies that this one exists.
        if self.actions.len() > actions && self.parents.len() == parents {
            self.parents.push(self.place());
        }
    }

    fn set<T: Clone + Ord>(
        &mut self,
        old: &BTreeSet<T>,
        new: &BTreeSet<T>,
        value: fn(BTreeSet<T>) -> Value,
    ) {
        // The developer guide restricts ADD and DELETE to top-level attributes; the service accepts them on nested paths too.
        let added: BTreeSet<T> = new.difference(old).cloned().collect();
        let removed: BTreeSet<T> = old.difference(new).cloned().collect();
        match (added.is_empty(), removed.is_empty()) {
            (true, true) => {}
            (false, true) => self.push(Verb::Add, Some(&value(added))),
            (true, false) => self.push(Verb::Delete, Some(&value(removed))),
            // ADD and DELETE on one path would overlap, which the service refuses.
            (false, false) => self.push(Verb::Set, Some(&value(new.clone()))),
        }
    }

    fn push(&mut self, verb: Verb, value: Option<&Value>) {
        let mut writer = Writer::default();
        if let Some(value) = value {
            value.write(&mut writer);
        }
        self.actions.push(Action {
            path: self.place(),
            verb,
            value: writer.into_bytes().into(),
        });
    }

    fn place(&self) -> Path {
        self.path.iter().map(|key| Box::from(*key)).collect()
    }
}

/// Whether paths into one stored value lead through what exists in the other: the first has all members of each map of the second,
/// and its sets. False where one of them cannot be read.
pub fn covers(stored: &[u8], other: &[u8]) -> bool {
    match (Value::parse(stored), Value::parse(other)) {
        (Ok(stored), Ok(other)) => is_covered(&stored, &other),
        _ => false,
    }
}

/// Whether every map in one value has all members of the map in the other, and every set is one in both.
fn is_covered(stored: &Value, other: &Value) -> bool {
    match (stored, other) {
        (Value::M(stored), Value::M(other)) => other.iter().all(|(name, member)| {
            stored
                .get(name)
                .is_some_and(|stored| is_covered(stored, member))
        }),
        // Sets change by their members, which only a stored set has: a codec may read a list and write a set.
        (_, Value::M(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) => {
            std::mem::discriminant(stored) == std::mem::discriminant(other)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn between(old: &str, new: &str) -> Difference {
        difference(
            &Value::parse(old.as_bytes()).unwrap(),
            &Value::parse(new.as_bytes()).unwrap(),
        )
    }

    /// Actions as `a.b=value`, `-a.b`, `a.b+value`, `a.b~value`; the paths of the guarded maps.
    fn nested(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let Difference::Nested { actions, parents } = between(old, new) else {
            panic!("no nested changes")
        };
        let actions = actions.iter().map(|action| {
            let path = action.path.join(".");
            let value = std::str::from_utf8(&action.value).unwrap();
            match action.verb {
                Verb::Set => format!("{path}={value}"),
                Verb::Remove => format!("-{path}"),
                Verb::Add => format!("{path}+{value}"),
                Verb::Delete => format!("{path}~{value}"),
            }
        });
        (
            actions.collect(),
            parents.iter().map(|parent| parent.join(".")).collect(),
        )
    }

    #[test]
    fn what_dynamodb_holds_for_the_same_is_no_difference() {
        for (old, new) in [
            (r#"{"N":"5"}"#, r#"{"N":"5.00"}"#),
            (r#"{"N":"100"}"#, r#"{"N":"1E2"}"#),
            (r#"{"SS":["a","b"]}"#, r#"{"SS":["b","a"]}"#),
            (r#"{"NS":["1","2"]}"#, r#"{"NS":["2.0","1"]}"#),
            (
                r#"{"M":{"a":{"S":"x"},"b":{"L":[{"N":"1"}]}}}"#,
                r#"{"M":{"b":{"L":[{"N":"1.0"}]},"a":{"S":"x"}}}"#,
            ),
        ] {
            assert_eq!(between(old, new), Difference::None, "{old} {new}");
        }
    }

    #[test]
    fn scalars_lists_and_changed_types_are_replaced() {
        for (old, new) in [
            (r#"{"S":"5"}"#, r#"{"N":"5"}"#),
            (r#"{"BOOL":true}"#, r#"{"N":"1"}"#),
            (r#"{"L":[{"N":"1"}]}"#, r#"{"L":[{"N":"1"},{"N":"2"}]}"#),
            (r#"{"SS":["1"]}"#, r#"{"NS":["1"]}"#),
            (r#"{"M":{}}"#, r#"{"L":[]}"#),
            (r#"{"SS":["a"]}"#, r#"{"SS":["b"]}"#),
        ] {
            assert_eq!(between(old, new), Difference::Whole, "{old} {new}");
        }
    }

    #[test]
    fn a_set_that_only_grew_or_shrank_changes_by_members() {
        assert_eq!(
            between(r#"{"SS":["a"]}"#, r#"{"SS":["c","a","b"]}"#),
            Difference::Members(Verb::Add, (*br#"{"SS":["b","c"]}"#).into())
        );
        assert_eq!(
            between(r#"{"NS":["1","2","3"]}"#, r#"{"NS":["2"]}"#),
            Difference::Members(Verb::Delete, (*br#"{"NS":["1","3"]}"#).into())
        );
    }

    #[test]
    fn a_map_changes_by_keys() {
        let (actions, parents) = nested(
            r#"{"M":{"same":{"S":"x"},"gone":{"S":"x"},"new":{"N":"1"}}}"#,
            r#"{"M":{"same":{"S":"x"},"new":{"N":"2"},"added":{"M":{"a":{"NULL":true}}}}}"#,
        );

        assert_eq!(
            actions,
            [
                r#"added={"M":{"a":{"NULL":true}}}"#,
                r#"new={"N":"2"}"#,
                "-gone"
            ]
        );
        assert_eq!(parents, [""]);
    }

    #[test]
    fn sets_inside_a_map_change_by_members_as_those_at_the_top_do() {
        let (actions, parents) = nested(
            r#"{"M":{"s":{"SS":["a"]},"t":{"SS":["a","b"]},"u":{"SS":["a"]},"v":{"SS":["a"]},"m":{"M":{"k":{"N":"1"}}}}}"#,
            r#"{"M":{"s":{"SS":["a","b"]},"t":{"SS":["a"]},"u":{"SS":["b"]},"m":{"M":{}}}}"#,
        );

        assert_eq!(
            actions,
            [
                "-m.k",
                r#"s+{"SS":["b"]}"#,
                r#"t~{"SS":["b"]}"#,
                r#"u={"SS":["b"]}"#,
                "-v"
            ]
        );
        assert_eq!(parents, ["m"]);
    }

    #[test]
    fn maps_around_a_guarded_map_need_no_guard_of_their_own() {
        let (_, parents) = nested(
            r#"{"M":{"a":{"M":{"b":{"M":{"k":{"N":"1"}}},"c":{"M":{"k":{"N":"1"}}}}},"d":{"N":"1"}}}"#,
            r#"{"M":{"a":{"M":{"b":{"M":{"k":{"N":"2"}}},"c":{"M":{"k":{"N":"2"}}},"x":{"N":"2"}}},"d":{"N":"2"}}}"#,
        );

        assert_eq!(parents, ["a.b", "a.c"]);
    }

    #[test]
    fn too_many_changes_are_one_change() {
        let map = |value: usize, keys: usize| {
            let members: Vec<String> = (0..keys)
                .map(|key| format!(r#""k{key}":{{"N":"{value}"}}"#))
                .collect();
            format!(r#"{{"M":{{{}}}}}"#, members.join(","))
        };

        assert!(matches!(
            between(&map(1, 300), &map(2, 300)),
            Difference::Nested { .. }
        ));
        assert_eq!(between(&map(1, 301), &map(2, 301)), Difference::Whole);
        assert_eq!(between(&map(1, 301), &map(1, 0)), Difference::Whole);
        assert_eq!(between(&map(1, 0), &map(1, 301)), Difference::Whole);
    }

    #[test]
    fn a_value_covers_another_whose_maps_have_no_further_members() {
        let covers = |stored: &str, other: &str| covers(stored.as_bytes(), other.as_bytes());
        let one = r#"{"M":{"a":{"S":"x"},"b":{"N":"1"}}}"#;

        assert!(covers(one, r#"{"M":{"a":{"S":"y"}}}"#));
        assert!(!covers(one, r#"{"M":{"c":{"S":"y"}}}"#));
        assert!(
            !covers(r#"{"L":[{"S":"x"}]}"#, r#"{"SS":["x"]}"#),
            "a set has members, a list has none"
        );
        assert!(covers(r#"{"SS":["x"]}"#, r#"{"SS":["y"]}"#));
        assert!(!covers("{", one));
    }
}
