//! The exact text of actions, what is refused together, and that what counts as idempotent is.

#![allow(clippy::unwrap_used, clippy::pedantic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::actions::Actions;
use super::*;
use crate::expression::condition::{Comparator, Condition, Operand};
use crate::number::Number;
use crate::wire::Value;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn value(json: &str) -> Source {
    Source::Value(json.as_bytes().into())
}

fn one() -> Source {
    value(r#"{"N":"1"}"#)
}

fn at(text: &str) -> Source {
    Source::Path(path(text))
}

fn set(target: &str, term: Term) -> Action {
    Action::set(path(target), term)
}

fn actions(actions: Vec<Action>) -> Actions {
    Actions::new(actions).unwrap()
}

fn members(actions: &Actions, exists: Option<&str>, condition: Option<&Condition>) -> String {
    let mut writer = Writer::with_capacity(256);
    actions.write(&mut writer, exists, condition).unwrap();
    String::from_utf8(writer.into_bytes()).unwrap()
}

fn expression(action: Action) -> String {
    let written = members(&actions(vec![action]), None, None);
    let text = written.strip_prefix(r#","UpdateExpression":""#).unwrap();
    text[..text.find('"').unwrap()].to_owned()
}

#[test]
fn every_action_has_its_text() {
    let missing = |other| Source::IfNotExists(path("a"), Box::new(other));
    let cases = [
        (set("a", Term::Source(one())), "SET a = :0"),
        (set("a", Term::Source(at("b.c[0]"))), "SET a = b.c[0]"),
        (set("a", Term::Plus(at("a"), one())), "SET a = a + :0"),
        (set("a", Term::Minus(at("a"), at("b"))), "SET a = a - b"),
        (
            set("a", Term::Source(missing(one()))),
            "SET a = if_not_exists(a,:0)",
        ),
        (
            set("a", Term::Plus(missing(at("b")), one())),
            "SET a = if_not_exists(a,b) + :0",
        ),
        (
            Action::extend(path("a"), br#"{"L":[]}"#, false),
            "SET a = list_append(if_not_exists(a,:0),:1)",
        ),
        (
            Action::extend(path("a"), br#"{"L":[]}"#, true),
            "SET a = list_append(:0,if_not_exists(a,:1))",
        ),
        (Action::remove(path("a[0]")), "REMOVE a[0]"),
        (Action::add(path("a"), br#"{"N":"1"}"#), "ADD a :0"),
        (
            Action::add(path("a.b"), br#"{"N":"1"}"#),
            "SET a.b = if_not_exists(a.b,:0) + :1",
        ),
        (Action::add(path("a.b"), br#"{"SS":["x"]}"#), "ADD a.b :0"),
        (Action::delete(path("a"), br#"{"SS":["x"]}"#), "DELETE a :0"),
    ];

    for (action, expected) in cases {
        assert_eq!(expression(action), expected);
    }
}

#[test]
fn every_clause_is_written_once_and_parents_are_guarded_by_the_innermost() {
    let actions = actions(vec![
        Action::remove(path("gone")),
        set("age", Term::Source(one())),
        Action::add(path("hits"), br#"{"N":"1"}"#),
        set("map.status", Term::Source(one())),
        Action::remove(path("map.deep.er.x")),
        Action::delete(path("tags"), br#"{"SS":["x"]}"#),
        Action::remove(path("list[3]")),
    ]);
    let condition = Condition::compare(
        Comparator::Equal,
        Operand::Path(path("status")),
        Operand::Path(path("a")),
    )
    .or(&Condition::exists(path("b")))
    .unwrap();

    assert_eq!(
        members(&actions, Some("id"), Some(&condition)),
        concat!(
            r##","UpdateExpression":"SET age = :0,#0.#1 = :1 REMOVE gone,#0.deep.er.x,#2[3] ADD hits :2 DELETE tags :3","##,
            r##""ConditionExpression":"attribute_exists(id) AND attribute_exists(#2) AND attribute_exists(#0.deep.er) AND (#1 = a OR attribute_exists(b))","##,
            r##""ExpressionAttributeNames":{"#0":"map","#1":"status","#2":"list"},"##,
            r#""ExpressionAttributeValues":{":0":{"N":"1"},":1":{"N":"1"},":2":{"N":"1"},":3":{"SS":["x"]}}"#
        )
    );
    assert_eq!(
        members(
            &Actions::new(vec![Action::remove(path("a"))]).unwrap(),
            None,
            None
        ),
        r#","UpdateExpression":"REMOVE a""#
    );
}

#[test]
fn what_cannot_stand_in_one_update_is_refused() {
    let refused = |paths: &[&str]| {
        Actions::new(
            paths
                .iter()
                .map(|text| Action::remove(path(text)))
                .collect(),
        )
        .unwrap_err()
        .to_string()
    };

    assert!(refused(&[]).contains("at least one action"));
    assert!(refused(&["a.b", "x", "a"]).contains("the same path, a and a.b"));
    assert!(refused(&["a", "b", "a"]).contains("the same path, a and a"));
    assert!(refused(&["a[0].b", "a[0]"]).contains("a[0] and a[0].b"));
    assert!(refused(&["a[0]", "a.b"]).contains("as a map and as a list: a.b and a[0]"));
    assert!(refused(&["a"; 301]).contains("at most 300 actions"));
    assert!(
        Actions::new(vec![
            Action::remove(path("a.b")),
            Action::remove(path("a.c")),
            Action::remove(path("ab"))
        ])
        .is_ok()
    );
}

#[test]
fn an_update_that_no_names_make_short_enough_is_refused() {
    let wide = |count| {
        let names = (0..count).map(|number| {
            set(
                &format!("a_rather_long_attribute_name_{number}"),
                Term::Source(one()),
            )
        });
        actions(names.collect())
    };
    let mut writer = Writer::with_capacity(0);

    assert!(members(&wide(200), None, None).contains("SET #0 = :0,#1 = :1"));
    let error = wide(300).write(&mut writer, Some("id"), None);
    assert!(error.is_ok(), "{error:?}");
    let deep = (0..200)
        .map(|number| {
            set(
                &format!("{}.b{number}", ["abc"; 20].join(".")),
                Term::Source(one()),
            )
        })
        .collect();
    let error = actions(deep)
        .write(&mut writer, None, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the update is longer than the 4096 bytes"),
        "{error}"
    );
}

#[test]
fn people_see_values_only_where_they_ask() {
    let action = set(
        "a.b",
        Term::Plus(Source::IfNotExists(path("c"), Box::new(one())), at("d")),
    );

    assert_eq!(action.to_string(), "SET a.b = if_not_exists(c, …) + d");
    assert_eq!(action.explain(), "SET a.b = if_not_exists(c, 1) + d");
    assert_eq!(
        Action::extend(path("a"), br#"{"L":[{"S":"x"}]}"#, false).explain(),
        r#"SET a = list_append(if_not_exists(a, {"L":[]}), {"L":[{"S":"x"}]})"#
    );
    assert_eq!(
        Action::delete(path("a"), br#"{"SS":["x"]}"#).to_string(),
        "DELETE a …"
    );
    assert_eq!(Action::remove(path("a")).explain(), "REMOVE a");
}

#[test]
fn only_what_does_the_same_twice_is_idempotent() {
    let missing = |target: &str, other| Source::IfNotExists(path(target), Box::new(other));
    let yes = [
        vec![set("a", Term::Source(one()))],
        vec![set("a", Term::Source(at("b")))],
        vec![set("a", Term::Plus(at("b"), one()))],
        vec![set("a", Term::Source(missing("a", one())))],
        vec![set("a", Term::Source(missing("b", one())))],
        vec![Action::remove(path("a.b"))],
        vec![
            Action::add(path("a"), br#"{"SS":["x"]}"#),
            Action::delete(path("b"), br#"{"NS":["1"]}"#),
        ],
        vec![set("a[0].b", Term::Source(one()))],
    ];
    let no = [
        vec![Action::add(path("a"), br#"{"N":"1"}"#)],
        vec![Action::add(path("a.b"), br#"{"N":"1"}"#)],
        vec![set("a", Term::Plus(at("a"), one()))],
        vec![set("a", Term::Minus(missing("a", one()), one()))],
        vec![
            set("a", Term::Source(at("b"))),
            set("b", Term::Source(one())),
        ],
        vec![
            set("a", Term::Source(at("b"))),
            set("b.c", Term::Source(one())),
        ],
        vec![
            set("a", Term::Source(missing("b", one()))),
            set("b", Term::Source(one())),
        ],
        vec![
            set("a", Term::Source(missing("a", at("b")))),
            Action::remove(path("b")),
        ],
        vec![set("a", Term::Source(at("a.b")))],
        vec![set("a", Term::Source(missing("a.b", one())))],
        vec![Action::extend(path("a"), br#"{"L":[]}"#, false)],
        vec![Action::extend(path("a"), br#"{"L":[]}"#, true)],
        vec![Action::remove(path("a[0]"))],
        vec![set("a[0]", Term::Source(one()))],
        vec![
            set("a", Term::Source(one())),
            Action::add(path("b"), br#"{"N":"1"}"#),
        ],
    ];

    for all in yes {
        assert!(actions(all.clone()).is_idempotent(), "{all:?}");
    }
    for all in no {
        assert!(!actions(all.clone()).is_idempotent(), "{all:?}");
    }
}

#[test]
fn attributes_that_no_action_fills_are_filled_where_they_are_missing() {
    let mut all = actions(vec![
        Action::remove(path("a")),
        set("b.c", Term::Source(one())),
        set("d", Term::Source(one())),
    ]);

    assert!(!all.fills("a") && !all.fills("b") && all.fills("d") && !all.fills("e"));
    assert!(all.touches("a") && all.touches("b") && !all.touches("e"));
    all.fill("e", br#"{"N":"0"}"#);
    assert!(members(&all, None, None).contains("e = if_not_exists(e,:"));
    assert!(all.is_idempotent());
}

type Item = BTreeMap<String, Value>;

/// What the service does with actions on whole attributes; None where it refuses.
fn applied(actions: &Actions, item: &Item) -> Option<Item> {
    let source = |source: &Source| resolved(source, item);
    let mut after = item.clone();
    for action in &actions.requested {
        let name = action.path.attribute().to_owned();
        let stored = item.get(&name).cloned();
        let value = match &action.verb {
            Verb::Set(Term::Source(one)) => Some(source(one)?),
            Verb::Set(Term::Plus(one, two)) => Some(sum(&source(one)?, &source(two)?, 1)?),
            Verb::Set(Term::Minus(one, two)) => Some(sum(&source(one)?, &source(two)?, -1)?),
            Verb::Set(Term::Append(one, two)) => match (source(one)?, source(two)?) {
                (Value::L(one), Value::L(two)) => Some(Value::L([one, two].concat())),
                _ => return None,
            },
            Verb::Remove => None,
            Verb::Add(json) => match (stored, Value::parse(json).unwrap()) {
                (None, added) => Some(added),
                (Some(Value::Ss(old)), Value::Ss(added)) => {
                    Some(Value::Ss(old.union(&added).cloned().collect()))
                }
                (Some(old), added) => Some(sum(&old, &added, 1)?),
            },
            Verb::Delete(json) => match (stored, Value::parse(json).unwrap()) {
                (None, _) => None,
                (Some(Value::Ss(old)), Value::Ss(taken)) => {
                    let left: BTreeSet<String> = old.difference(&taken).cloned().collect();
                    (!left.is_empty()).then_some(Value::Ss(left))
                }
                _ => return None,
            },
        };
        match value {
            Some(value) => after.insert(name, value),
            None => after.remove(&name),
        };
    }
    Some(after)
}

fn resolved(source: &Source, item: &Item) -> Option<Value> {
    match source {
        Source::Value(json) => Some(Value::parse(json).unwrap()),
        Source::Path(path) => item.get(path.attribute()).cloned(),
        Source::IfNotExists(path, other) => item
            .get(path.attribute())
            .cloned()
            .or_else(|| resolved(other, item)),
    }
}

fn sum(one: &Value, two: &Value, sign: i64) -> Option<Value> {
    let (Value::N(one), Value::N(two)) = (one, two) else {
        return None;
    };
    let whole = |number: &Number| number.as_str().parse::<i64>().unwrap();
    Some(Value::N(
        Number::parse(&(whole(one) + sign * whole(two)).to_string()).unwrap(),
    ))
}

fn any_name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn any_source() -> impl Strategy<Value = Source> {
    let constant = prop_oneof![
        Just(one()),
        Just(value(r#"{"L":[{"N":"1"}]}"#)),
        Just(value(r#"{"SS":["x"]}"#))
    ];
    let leaf = prop_oneof![constant, any_name().prop_map(at)];
    prop_oneof![
        leaf.clone(),
        (any_name(), leaf)
            .prop_map(|(name, other)| Source::IfNotExists(path(name), Box::new(other))),
    ]
}

fn any_action() -> impl Strategy<Value = Action> {
    let target = || any_name().prop_map(path);
    let pair = || (target(), any_source(), any_source());
    prop_oneof![
        (target(), any_source()).prop_map(|(path, one)| Action::set(path, Term::Source(one))),
        pair().prop_map(|(path, one, two)| Action::set(path, Term::Plus(one, two))),
        pair().prop_map(|(path, one, two)| Action::set(path, Term::Minus(one, two))),
        pair().prop_map(|(path, one, two)| Action::set(path, Term::Append(one, two))),
        target().prop_map(Action::remove),
        target().prop_map(|path| Action::add(path, br#"{"N":"1"}"#)),
        target().prop_map(|path| Action::add(path, br#"{"SS":["x","y"]}"#)),
        target().prop_map(|path| Action::delete(path, br#"{"SS":["x"]}"#)),
    ]
}

fn any_item() -> impl Strategy<Value = Item> {
    let stored = prop::sample::select(vec![
        r#"{"N":"5"}"#,
        r#"{"N":"0"}"#,
        r#"{"SS":["x","z"]}"#,
        r#"{"L":[]}"#,
    ]);
    let value = stored.prop_map(|json| Value::parse(json.as_bytes()).unwrap());
    prop::collection::btree_map(any_name().prop_map(str::to_owned), value, 0..4)
}

proptest! {
    #[test]
    fn what_counts_as_idempotent_does_the_same_twice(all in prop::collection::vec(any_action(), 1..4), item in any_item()) {
        let Ok(actions) = Actions::new(all) else {
            return Ok(());
        };
        if let Some(once) = applied(&actions, &item).filter(|_| actions.is_idempotent()) {
            // Where the service refuses the second attempt, the item is as the first one left it.
            let twice = applied(&actions, &once).unwrap_or_else(|| once.clone());
            prop_assert_eq!(once, twice, "{:?}", actions);
        }
    }
}

#[test]
fn what_is_kept_is_written_beside_the_rest_and_harms_no_repetition() {
    let mut all = actions(vec![set("a", Term::Source(one()))]);
    let old = Source::IfNotExists(path("version"), Box::new(value(r#"{"N":"0"}"#)));
    all.set_managed("version", Term::Plus(old, one()));

    assert!(all.is_idempotent() && !all.touches("version"));
    let text = members(&all, Some("id"), None);
    assert!(
        text.contains("SET a = :0,version = if_not_exists(version,:"),
        "{text}"
    );
}

#[test]
fn an_update_that_reads_what_is_kept_is_not_repeated() {
    let mut all = actions(vec![set("a", Term::Source(at("version")))]);
    assert!(all.is_idempotent());

    all.set_managed("version", Term::Source(one()));

    assert!(!all.is_idempotent());
}
