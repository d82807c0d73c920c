//! The exact text of updates, and that it does what was asked for, by an interpreter of update expressions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::pedantic,
    clippy::format_push_string,
    clippy::redundant_closure
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::number::Number;

type Item = BTreeMap<String, Value>;

/// The members that an update adds to a request.
fn members(update: &Update) -> String {
    let mut writer = Writer::with_capacity(256);
    update.write(&mut writer, "id", None);
    String::from_utf8(writer.into_bytes()).unwrap()
}

/// The members after one change of an attribute.
fn changed(attribute: &str, old: &str, new: &str) -> String {
    let mut update = Update::new();
    assert!(
        update
            .change(attribute, old.as_bytes(), new.as_bytes())
            .unwrap()
    );
    members(&update)
}

/// A map of `count` numbers whose keys start with `prefix`.
fn map(prefix: &str, count: usize, value: usize) -> String {
    let members: Vec<String> = (0..count)
        .map(|key| format!(r#""{prefix}{key}":{{"N":"{value}"}}"#))
        .collect();
    format!(r#"{{"M":{{{}}}}}"#, members.join(","))
}

mod text {
    use super::*;

    #[test]
    fn a_set_without_members_is_filled_by_members() {
        let mut update = Update::new();
        update.fill_set("tags", br#"{"SS":["a"]}"#);
        assert!(members(&update).contains("ADD"));
        update.empty_set("tags", br#"{"SS":["a"]}"#);
        assert!(members(&update).contains("DELETE"));
    }

    #[test]
    fn every_clause_is_written_once_and_in_order() {
        let mut update = Update::new();
        update.remove("gone");
        update.set("age", br#"{"N":"42"}"#);
        update
            .change("fewer", br#"{"SS":["a","b"]}"#, br#"{"SS":["a"]}"#)
            .unwrap();
        update
            .change("more", br#"{"SS":["a"]}"#, br#"{"SS":["a","b"]}"#)
            .unwrap();
        update.set("email", br#"{"S":"x"}"#);
        update.remove("past");

        assert_eq!(
            members(&update),
            concat!(
                r#","UpdateExpression":"SET age=:0,email=:1 REMOVE gone,past ADD more :2 DELETE fewer :3","#,
                r#""ConditionExpression":"attribute_exists(id)","#,
                r#""ExpressionAttributeValues":{":0":{"N":"42"},":1":{"S":"x"},":2":{"SS":["b"]},":3":{"SS":["b"]}}"#
            )
        );
    }

    #[test]
    fn an_update_that_only_removes_has_no_values() {
        let mut update = Update::new();
        update.remove("name");

        assert_eq!(
            members(&update),
            concat!(
                r##","UpdateExpression":"REMOVE #0","ConditionExpression":"attribute_exists(id)","##,
                r##""ExpressionAttributeNames":{"#0":"name"}"##
            )
        );
    }

    #[test]
    fn an_update_of_nothing_only_checks_that_the_item_is_there() {
        let update = Update::new();

        assert!(update.is_empty());
        assert_eq!(
            members(&update),
            r#","ConditionExpression":"attribute_exists(id)""#
        );
    }

    #[test]
    fn a_map_changes_by_paths_and_must_still_be_there() {
        assert_eq!(
            changed(
                "address",
                r#"{"M":{"city":{"S":"Oslo"},"zip":{"S":"1"},"geo":{"M":{"lat":{"N":"1"}}}}}"#,
                r#"{"M":{"city":{"S":"Bergen"},"geo":{"M":{"lat":{"N":"2"},"lon":{"N":"3"}}}}}"#,
            ),
            concat!(
                r#","UpdateExpression":"SET address.city=:0,address.geo.lat=:1,address.geo.lon=:2 REMOVE address.zip","#,
                r#""ConditionExpression":"attribute_exists(id) AND attribute_exists(address.geo)","#,
                r#""ExpressionAttributeValues":{":0":{"S":"Bergen"},":1":{"N":"2"},":2":{"N":"3"}}"#
            )
        );
    }

    #[test]
    fn a_new_key_is_written_with_all_that_is_below_it() {
        assert_eq!(
            changed(
                "a",
                r#"{"M":{}}"#,
                r#"{"M":{"b":{"M":{"c":{"L":[{"N":"1"}]}}}}}"#
            ),
            concat!(
                r#","UpdateExpression":"SET a.b=:0","ConditionExpression":"attribute_exists(id) AND attribute_exists(a)","#,
                r#""ExpressionAttributeValues":{":0":{"M":{"c":{"L":[{"N":"1"}]}}}}"#
            )
        );
    }

    #[test]
    fn sets_inside_maps_change_by_members() {
        assert_eq!(
            changed(
                "m",
                r#"{"M":{"a":{"NS":["1"]},"b":{"BS":["AA==","AQ=="]},"c":{"SS":["x"]},"d":{"SS":["x"]}}}"#,
                r#"{"M":{"a":{"NS":["1","2"]},"b":{"BS":["AQ=="]},"c":{"SS":["y"]}}}"#,
            ),
            concat!(
                r#","UpdateExpression":"SET m.c=:0 REMOVE m.d ADD m.a :1 DELETE m.b :2","#,
                r#""ConditionExpression":"attribute_exists(id) AND attribute_exists(m)","#,
                r#""ExpressionAttributeValues":{":0":{"SS":["y"]},":1":{"NS":["2"]},":2":{"BS":["AA=="]}}"#
            )
        );
    }

    #[test]
    fn a_list_is_set_as_a_whole_as_it_was_given() {
        assert_eq!(
            changed(
                "l",
                r#"{"L":[{"N":"1"}]}"#,
                r#"{"L":[{"N":"1"},{"N":"2.0"}]}"#
            ),
            concat!(
                r#","UpdateExpression":"SET l=:0","ConditionExpression":"attribute_exists(id)","#,
                r#""ExpressionAttributeValues":{":0":{"L":[{"N":"1"},{"N":"2.0"}]}}"#
            )
        );
    }

    #[test]
    fn no_key_can_break_a_path() {
        assert_eq!(
            changed(
                "data",
                r#"{"M":{}}"#,
                r##"{"M":{"a.b":{"N":"1"},"#0":{"N":"2"},":0":{"N":"3"},"q\"\\":{"N":"4"},"größe":{"N":"5"},"data":{"N":"6"},"a[0]":{"N":"7"},"ok":{"N":"8"}}}"##,
            ),
            concat!(
                r##","UpdateExpression":"SET #0.#1=:0,#0.#2=:1,#0.#3=:2,#0.#4=:3,#0.#0=:4,#0.#5=:5,#0.ok=:6,#0.#6=:7","##,
                r##""ConditionExpression":"attribute_exists(id) AND attribute_exists(#0)","##,
                r##""ExpressionAttributeNames":{"#0":"data","#1":"#0","#2":":0","#3":"a.b","#4":"a[0]","#5":"größe","#6":"q\"\\"},"##,
                r#""ExpressionAttributeValues":{":0":{"N":"2"},":1":{"N":"3"},":2":{"N":"1"},":3":{"N":"7"},":4":{"N":"6"},":5":{"N":"5"},":6":{"N":"8"},":7":{"N":"4"}}"#
            )
        );
    }

    #[test]
    fn equal_values_in_another_form_are_no_change() {
        let mut update = Update::new();

        let changed = update
            .change(
                "a",
                br#"{"M":{"x":{"N":"1"},"y":{"N":"2"}}}"#,
                br#"{"M":{"y":{"N":"2.0"},"x":{"N":"1"}}}"#,
            )
            .unwrap();

        assert!(!changed);
        assert!(update.is_empty());
    }

    #[test]
    fn the_last_call_for_an_attribute_counts() {
        let mut update = Update::new();
        update
            .change("a", br#"{"M":{}}"#, br#"{"M":{"b":{"N":"1"}}}"#)
            .unwrap();
        update.remove("b");
        update.set("a", br#"{"N":"2"}"#);
        update
            .change("b", br#"{"N":"1"}"#, br#"{"N":"1"}"#)
            .unwrap();

        assert_eq!(
            members(&update),
            r#","UpdateExpression":"SET a=:0","ConditionExpression":"attribute_exists(id)","ExpressionAttributeValues":{":0":{"N":"2"}}"#
        );
    }

    #[test]
    fn what_is_no_attribute_value_is_refused() {
        let mut update = Update::new();

        for (old, new) in [
            ("", r#"{"S":"x"}"#),
            (r#"{"S":"x"}"#, "{}"),
            (r#"{"S":"x"}"#, r#"{"N":"x"}"#),
            (r#"{"S":"x"} {}"#, r#"{"S":"x"}"#),
        ] {
            assert!(
                update.change("a", old.as_bytes(), new.as_bytes()).is_err(),
                "{old} {new}"
            );
        }
        assert!(update.is_empty());
    }
}

mod limits {
    use super::*;

    /// The update expression after these changes of attributes.
    fn expression(changes: &[(&str, String, String)]) -> String {
        let mut update = Update::new();
        for (attribute, old, new) in changes {
            assert!(
                update
                    .change(attribute, old.as_bytes(), new.as_bytes())
                    .unwrap()
            );
        }
        Sent::parse(&members(&update)).update
    }

    /// A map inside a map.
    fn inside(map: &str) -> String {
        format!(r#"{{"M":{{"nest":{map}}}}}"#)
    }

    #[test]
    fn three_hundred_changes_are_written_one_by_one() {
        let text = expression(&[("m", map("k", 300, 1), map("k", 300, 2))]);

        assert!(text.starts_with("SET m.k0=:0,m.k1=:1,m.k10=:2"), "{text}");
        assert_eq!(text.matches('=').count(), 300);
    }

    #[test]
    fn one_more_is_a_change_of_the_whole() {
        assert_eq!(
            expression(&[("m", map("k", 301, 1), map("k", 301, 2))]),
            "SET m=:0"
        );
    }

    #[test]
    fn long_keys_get_placeholders_before_any_detail_is_lost() {
        let prefix = "a_key_that_takes_its_time_".repeat(2);
        let text = expression(&[("m", map(&prefix, 100, 1), map(&prefix, 100, 2))]);

        assert!(text.starts_with("SET m.#0=:0,m.#1=:1"), "{text}");
        assert_eq!(text.matches('=').count(), 100);
    }

    #[test]
    fn text_over_the_limit_is_a_change_of_the_whole() {
        // 300 paths of three placeholders each.
        let (old, new) = (
            inside(&inside(&map("some_key_", 300, 1))),
            inside(&inside(&map("some_key_", 300, 2))),
        );

        assert_eq!(expression(&[("thing", old, new)]), "SET thing=:0");
    }

    #[test]
    fn the_deepest_changes_are_given_up_first() {
        let text = expression(&[
            ("flat", map("k", 220, 1), map("k", 220, 2)),
            ("deep", inside(&map("k", 30, 1)), inside(&map("k", 30, 2))),
            (
                "deeper",
                inside(&inside(&map("k", 60, 1))),
                inside(&inside(&map("k", 60, 2))),
            ),
        ]);

        assert!(
            text.contains("flat.k0=")
                && text.contains("deep.nest.k0=")
                && text.contains("deeper=:"),
            "{text}"
        );
    }

    #[test]
    fn of_equally_deep_changes_the_most_are_given_up_first() {
        let text = expression(&[
            ("few", map("k", 10, 1), map("k", 10, 2)),
            ("many", map("k", 200, 1), map("k", 200, 2)),
            ("several", map("k", 100, 1), map("k", 100, 2)),
        ]);

        assert!(
            text.contains("few.k0=") && text.contains("several.k0=") && text.contains("many=:"),
            "{text}"
        );
    }

    #[test]
    fn guards_count_too() {
        // 150 guards beside the one on the item are 151 functions and 150 ANDs.
        let maps = |count: usize, value: usize| {
            let members: Vec<String> = (0..count)
                .map(|key| format!(r#""{key}":{}"#, map("k", 1, value)))
                .collect();
            format!(r#"{{"M":{{{}}}}}"#, members.join(","))
        };

        assert_eq!(
            expression(&[("m", maps(140, 1), maps(140, 2))])
                .matches('=')
                .count(),
            140
        );
        assert_eq!(expression(&[("m", maps(150, 1), maps(150, 2))]), "SET m=:0");
    }

    #[test]
    fn many_whole_attributes_fit_by_short_names() {
        let mut update = Update::new();
        for number in 0..300 {
            update.set(
                &format!("an_attribute_with_a_long_name_{number}"),
                br#"{"N":"1"}"#,
            );
        }

        let sent = Sent::parse(&members(&update));

        assert!(sent.update.len() <= MAX_EXPRESSION_SIZE);
        assert_eq!(sent.actions.len(), 300);
    }

    #[test]
    fn what_no_form_can_fit_keeps_its_guard() {
        let mut update = Update::new();
        for number in 0..1000 {
            update.set(&format!("attribute_{number}"), br#"{"N":"1"}"#);
        }

        let sent = Sent::parse(&members(&update));

        assert_eq!(sent.actions.len(), 1000);
        assert_eq!(sent.guards, [vec!["id".to_owned()]]);
    }
}

/// What a request says, placeholders resolved.
struct Sent {
    update: String,
    condition: String,
    actions: Vec<(Verb, Vec<String>, Option<Value>)>,
    guards: Vec<Vec<String>>,
}

impl Sent {
    fn parse(members: &str) -> Self {
        let body: HashMap<String, serde_json::Value> =
            serde_json::from_str(&format!("{{{}}}", members.strip_prefix(',').unwrap())).unwrap();
        let text = |name: &str| {
            body.get(name)
                .map_or("", |text| text.as_str().unwrap())
                .to_owned()
        };
        let table = |name: &str| {
            body.get(name)
                .map(|map| map.as_object().unwrap().clone())
                .unwrap_or_default()
        };
        let mut words = Words {
            names: table("ExpressionAttributeNames"),
            values: table("ExpressionAttributeValues"),
            used: BTreeSet::new(),
        };
        let (update, condition) = (text("UpdateExpression"), text("ConditionExpression"));
        let actions = words.actions(&update);
        let guards = words.guards(&condition);
        let declared: BTreeSet<String> = words
            .names
            .keys()
            .chain(words.values.keys())
            .cloned()
            .collect();
        assert_eq!(
            words.used, declared,
            "DynamoDB refuses what is declared and not used"
        );
        Self {
            update,
            condition,
            actions,
            guards,
        }
    }

    fn paths_overlap(&self) -> bool {
        let paths: Vec<_> = self.actions.iter().map(|(_, path, _)| path).collect();
        paths.iter().enumerate().any(|(at, one)| {
            paths[at + 1..]
                .iter()
                .any(|other| one.starts_with(other) || other.starts_with(one))
        })
    }

    fn guards_hold(&self, item: &Item) -> bool {
        self.guards.iter().all(|path| lookup(item, path).is_some())
    }

    /// Does what DynamoDB does with these actions.
    fn apply(&self, item: &mut Item) {
        for (verb, path, value) in &self.actions {
            let (key, around) = path.split_last().unwrap();
            let map = around
                .iter()
                .fold(&mut *item, |map, key| match map.get_mut(key) {
                    Some(Value::M(inner)) => inner,
                    other => panic!("{path:?} leads through {other:?}"),
                });
            match (verb, value) {
                (Verb::Remove, None) => drop(map.remove(key)),
                (Verb::Set, Some(value)) => drop(map.insert(key.clone(), value.clone())),
                (Verb::Add, Some(value)) => {
                    merge(map, key, value, |stored, member| stored.insert(member))
                }
                (Verb::Delete, Some(value)) => {
                    merge(map, key, value, |stored, member| stored.remove(&member))
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Changes a set by members; one that loses its last member is removed.
fn merge(
    map: &mut Item,
    key: &str,
    value: &Value,
    change: fn(&mut BTreeSet<Value>, Value) -> bool,
) {
    let (kind, given) = set_members(value);
    let (stored_kind, mut stored) = set_members(&map[key]);
    assert_eq!(kind, stored_kind);
    for member in given {
        change(&mut stored, member);
    }
    let left = match kind {
        "SS" => Value::Ss(
            stored
                .into_iter()
                .map(|member| {
                    if let Value::S(text) = member {
                        text
                    } else {
                        panic!()
                    }
                })
                .collect(),
        ),
        "NS" => Value::Ns(
            stored
                .into_iter()
                .map(|member| {
                    if let Value::N(number) = member {
                        number
                    } else {
                        panic!()
                    }
                })
                .collect(),
        ),
        _ => Value::Bs(
            stored
                .into_iter()
                .map(|member| {
                    if let Value::B(bytes) = member {
                        bytes
                    } else {
                        panic!()
                    }
                })
                .collect(),
        ),
    };
    if set_members(&left).1.is_empty() {
        map.remove(key);
    } else {
        map.insert(key.to_owned(), left);
    }
}

fn set_members(value: &Value) -> (&'static str, BTreeSet<Value>) {
    match value {
        Value::Ss(members) => ("SS", members.iter().cloned().map(Value::S).collect()),
        Value::Ns(members) => ("NS", members.iter().cloned().map(Value::N).collect()),
        Value::Bs(members) => ("BS", members.iter().cloned().map(Value::B).collect()),
        other => panic!("{other:?} is no set"),
    }
}

fn lookup<'a>(item: &'a Item, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(item.get(first)?, |value, key| match value {
            Value::M(map) => map.get(key),
            _ => None,
        })
}

/// Resolves placeholders and remembers which were used.
struct Words {
    names: serde_json::Map<String, serde_json::Value>,
    values: serde_json::Map<String, serde_json::Value>,
    used: BTreeSet<String>,
}

impl Words {
    fn actions(&mut self, text: &str) -> Vec<(Verb, Vec<String>, Option<Value>)> {
        let mut actions = Vec::new();
        let mut clauses = Vec::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let keyword = CLAUSES
                .iter()
                .find(|(_, keyword)| keyword.trim_ascii() == word.as_bytes());
            match keyword {
                Some((verb, _)) => clauses.push((*verb, String::new())),
                None => clauses.last_mut().unwrap().1 += &format!("{word} "),
            }
        }
        let verbs: Vec<Verb> = clauses.iter().map(|(verb, _)| *verb).collect();
        assert!(
            verbs
                .iter()
                .enumerate()
                .all(|(at, verb)| !verbs[..at].contains(verb)),
            "each clause once: {text}"
        );
        for (verb, clause) in clauses {
            for action in clause.trim_end().split(',') {
                let (path, value) = match verb {
                    Verb::Set => action
                        .split_once('=')
                        .map(|(path, value)| (path, Some(value)))
                        .unwrap(),
                    Verb::Remove => (action, None),
                    Verb::Add | Verb::Delete => action
                        .split_once(' ')
                        .map(|(path, value)| (path, Some(value)))
                        .unwrap(),
                };
                let value = value.map(|value| self.value(value));
                actions.push((verb, self.path(path), value));
            }
        }
        actions
    }

    fn guards(&mut self, text: &str) -> Vec<Vec<String>> {
        text.split(" AND ")
            .map(|guard| {
                self.path(
                    guard
                        .strip_prefix("attribute_exists(")
                        .and_then(|rest| rest.strip_suffix(')'))
                        .unwrap(),
                )
            })
            .collect()
    }

    fn path(&mut self, text: &str) -> Vec<String> {
        text.split('.').map(|word| self.name(word)).collect()
    }

    fn name(&mut self, word: &str) -> String {
        if word.starts_with('#') {
            self.used.insert(word.to_owned());
            return self.names[word].as_str().unwrap().to_owned();
        }
        assert!(
            word.starts_with(|first: char| first.is_ascii_alphabetic()),
            "{word}"
        );
        assert!(
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
            "{word}"
        );
        assert!(!crate::expression::reserved::is_reserved(word), "{word}");
        word.to_owned()
    }

    fn value(&mut self, word: &str) -> Value {
        self.used.insert(word.to_owned());
        Value::parse(self.values[word].to_string().as_bytes()).unwrap()
    }
}

/// Names that an expression might misread, few enough to meet each other.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "a", "b", "city", "name", "status", "SET", "remove", "a.b", "#0", "#1", ":0", "a[0]", "x y", "q\"", "\\", "größe", "日本", "\u{0}", "1", "_",
            ".", "[0]", ",", "=", "and", "attribute_exists",
        ])
        .prop_map(str::to_owned),
        1 => ".{1,8}",
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (0_i64..3).prop_map(|number| Value::N(Number::from_i64(number))),
        "[ab\"]{0,2}".prop_map(Value::S),
        prop::collection::vec(0_u8..2, 0..2).prop_map(Value::B),
        prop::collection::btree_set("[abc]", 1..4).prop_map(Value::Ss),
        prop::collection::btree_set((0_i64..4).prop_map(Number::from_i64), 1..4)
            .prop_map(Value::Ns),
        prop::collection::btree_set(prop::collection::vec(0_u8..2, 1..2), 1..3).prop_map(Value::Bs),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            3 => prop::collection::btree_map(name(), inner.clone(), 0..6).prop_map(Value::M),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::L),
        ]
    })
}

fn item() -> impl Strategy<Value = Item> {
    prop::collection::btree_map(name(), value(), 0..6)
}

/// An item and what was made of it: some values anew, the others as they are.
fn edited() -> impl Strategy<Value = (Item, Item)> {
    (item(), item(), any::<u64>()).prop_map(|(old, other, seed)| {
        let mut new = old.clone();
        edit(&mut new, &other, &mut fastrand::Rng::with_seed(seed));
        (old, new)
    })
}

fn edit(map: &mut Item, other: &Item, random: &mut fastrand::Rng) {
    let keys: Vec<String> = map.keys().cloned().collect();
    for key in keys {
        match random.u8(0..6) {
            0 => drop(map.remove(&key)),
            1 if !other.is_empty() => drop(
                map.insert(
                    key,
                    other
                        .values()
                        .nth(random.usize(..other.len()))
                        .unwrap()
                        .clone(),
                ),
            ),
            _ => {
                if let Some(Value::M(inner)) = map.get_mut(&key) {
                    edit(inner, other, random);
                }
            }
        }
    }
    if random.bool() {
        map.extend(other.clone());
    }
}

/// Wide and deep maps of numbers, which come to the limits.
fn wide() -> impl Strategy<Value = (Item, Item)> {
    let attribute = (1_usize..4, 1_usize..340, 0_usize..40, 1_usize..12);
    prop::collection::vec(attribute, 1..4).prop_map(|attributes| {
        let mut items = (Item::new(), Item::new());
        for (position, (depth, width, padding, maps)) in attributes.into_iter().enumerate() {
            let tree = |value: usize| {
                let leaves =
                    Value::parse(map(&"k".repeat(padding + 1), width / maps + 1, value).as_bytes())
                        .unwrap();
                let wide = Value::M(
                    (0..maps)
                        .map(|number| (format!("m{number}"), leaves.clone()))
                        .collect(),
                );
                (0..depth).fold(wide, |inner, level| {
                    Value::M([(format!("level{level}"), inner)].into())
                })
            };
            items.0.insert(format!("attribute{position}"), tree(1));
            items.1.insert(format!("attribute{position}"), tree(2));
        }
        items
    })
}

fn text(value: &Value) -> Vec<u8> {
    let mut writer = Writer::with_capacity(64);
    value.write(&mut writer);
    writer.into_bytes()
}

/// Makes `new` of `old` through the text of an update, and checks everything that DynamoDB would refuse.
fn check(mut old: Item, mut new: Item) -> Result<(), TestCaseError> {
    old.insert("id".to_owned(), Value::S("1".to_owned()));
    new.insert("id".to_owned(), Value::S("1".to_owned()));
    let mut update = Update::new();
    for (name, value) in &new {
        match old.get(name) {
            Some(before) => {
                let changed = update.change(name, &text(before), &text(value)).unwrap();
                prop_assert_eq!(changed, before != value);
            }
            None => update.set(name, &text(value)),
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        update.remove(name);
    }
    prop_assert_eq!(update.is_empty(), old == new);

    let sent = Sent::parse(&members(&update));
    prop_assert!(!sent.paths_overlap(), "{}", sent.update);
    prop_assert!(sent.guards_hold(&old), "{}", sent.condition);
    for (_, path, _) in &sent.actions {
        // Each map around must be guarded, by itself or by one inside it.
        prop_assert!(
            path.len() == 1
                || sent
                    .guards
                    .iter()
                    .any(|guard| guard.starts_with(&path[..path.len() - 1])),
            "{}",
            sent.condition
        );
    }
    let as_wholes = sent.actions.iter().all(|(_, path, _)| path.len() == 1);
    let fits = sent.update.len() <= MAX_EXPRESSION_SIZE
        && sent.condition.len() <= MAX_EXPRESSION_SIZE
        && sent.actions.len() <= MAX_OPERATORS
        && 2 * sent.guards.len() - 1 <= MAX_OPERATORS;
    prop_assert!(fits || as_wholes, "{} {}", sent.update, sent.condition);

    let mut once = old;
    sent.apply(&mut once);
    prop_assert_eq!(&once, &new);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn an_update_makes_the_new_item_of_the_old_one((old, new) in edited()) {
        check(old, new)?;
    }

    #[test]
    fn an_update_between_unrelated_items_does_too((old, new) in (item(), item())) {
        check(old, new)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn an_update_stays_within_the_limits((old, new) in wide()) {
        check(old, new)?;
    }
}
