//! The exact text of conditions, and that it means what the tree says, by an interpreter of condition expressions.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::pedantic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::condition_text::write_members;
use super::*;
use crate::expression::names::{Names, Values};
use crate::expression::path::Step;
use crate::wire::{Value, Writer};

type Item = BTreeMap<String, Value>;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn at(text: &str) -> Operand {
    Operand::Path(path(text))
}

fn number(value: i64) -> Operand {
    Operand::Value(format!(r#"{{"N":"{value}"}}"#).into_bytes().into())
}

fn text(value: &str) -> Operand {
    Operand::Value(format!(r#"{{"S":"{value}"}}"#).into_bytes().into())
}

fn equal(left: &str, right: i64) -> Condition {
    Condition::compare(Comparator::Equal, at(left), number(right))
}

/// The members that a condition adds to a request.
fn members(condition: &Condition) -> String {
    let mut writer = Writer::with_capacity(256);
    write_members(&mut writer, condition, |_, _| false).unwrap();
    String::from_utf8(writer.into_bytes()).unwrap()
}

/// The text alone.
fn expression(condition: &Condition) -> String {
    let mut writer = Writer::with_capacity(256);
    condition.write(&mut writer, &mut Names::new(), &mut Values::new(), false);
    String::from_utf8(writer.into_bytes()).unwrap()
}

mod written {
    use super::*;

    #[test]
    fn every_operator_has_its_text() {
        let cases = [
            (
                Condition::compare(Comparator::NotEqual, at("a"), at("b")),
                "a <> b",
            ),
            (
                Condition::compare(Comparator::Less, at("a"), number(1)),
                "a < :0",
            ),
            (
                Condition::compare(Comparator::LessOrEqual, at("a"), number(1)),
                "a <= :0",
            ),
            (
                Condition::compare(
                    Comparator::Greater,
                    Operand::Size(path("a.b[0]")),
                    number(1),
                ),
                "size(a.b[0]) > :0",
            ),
            (
                Condition::compare(Comparator::GreaterOrEqual, at("a"), number(1)),
                "a >= :0",
            ),
            (
                Condition::between(at("a"), number(1), at("b")),
                "a BETWEEN :0 AND b",
            ),
            (
                Condition::is_in(at("a"), vec![number(1), number(2)]).unwrap(),
                "a IN (:0,:1)",
            ),
            (Condition::exists(path("a")), "attribute_exists(a)"),
            (
                Condition::not_exists(path("a.b")),
                "attribute_not_exists(a.b)",
            ),
            (
                Condition::function(Function::BeginsWith, path("a"), text("x")),
                "begins_with(a,:0)",
            ),
            (
                Condition::function(Function::Contains, path("a"), text("x")),
                "contains(a,:0)",
            ),
            (
                Condition::function(Function::AttributeType, path("a"), text("SS")),
                "attribute_type(a,:0)",
            ),
        ];

        for (condition, expected) in cases {
            assert_eq!(expression(&condition), expected);
        }
    }

    #[test]
    fn parentheses_stand_where_they_are_needed_and_nowhere_else() {
        let [a, b, c] = ["a", "b", "c"].map(|name| equal(name, 1));
        let exists = Condition::exists(path("a"));
        let cases = [
            (
                a.and(&b).unwrap().and(&c).unwrap(),
                "a = :0 AND b = :1 AND c = :2",
            ),
            (
                a.and(&b.and(&c).unwrap()).unwrap(),
                "a = :0 AND b = :1 AND c = :2",
            ),
            (
                a.or(&b).unwrap().and(&c).unwrap(),
                "(a = :0 OR b = :1) AND c = :2",
            ),
            (
                a.or(&b.and(&c).unwrap()).unwrap(),
                "a = :0 OR b = :1 AND c = :2",
            ),
            (a.not().unwrap(), "NOT (a = :0)"),
            (
                exists.not().unwrap().and(&b).unwrap(),
                "NOT attribute_exists(a) AND b = :0",
            ),
            (a.and(&b).unwrap().not().unwrap(), "NOT (a = :0 AND b = :1)"),
            (a.not().unwrap().not().unwrap(), "a = :0"),
        ];

        for (condition, expected) in cases {
            assert_eq!(expression(&condition), expected);
        }
    }

    #[test]
    fn names_and_values_are_declared_once_and_only_where_needed() {
        let condition = Condition::compare(Comparator::Equal, at("status"), text("x"))
            .and(&Condition::exists(path("email")))
            .unwrap()
            .and(&Condition::compare(
                Comparator::Less,
                at("data.status"),
                number(1),
            ))
            .unwrap();

        assert_eq!(
            members(&condition),
            concat!(
                r#","ConditionExpression":"#,
                r##""#0 = :0 AND attribute_exists(email) AND #1.#0 < :1","##,
                r##""ExpressionAttributeNames":{"#0":"status","#1":"data"},"##,
                r#""ExpressionAttributeValues":{":0":{"S":"x"},":1":{"N":"1"}}"#
            )
        );
    }

    #[test]
    fn people_see_values_only_where_they_ask() {
        let condition = Condition::compare(Comparator::Equal, at("status"), text("secret"))
            .and(&Condition::between(at("a[0]"), number(1), number(2)))
            .unwrap()
            .or(&Condition::is_in(
                at("b"),
                vec![Operand::Value(br#"{"BOOL":true}"#.as_slice().into())],
            )
            .unwrap())
            .unwrap()
            .not()
            .unwrap();
        let typed = Condition::function(Function::AttributeType, path("a"), text("SS"));

        assert_eq!(
            condition.to_string(),
            "NOT (status = … AND a[0] BETWEEN … AND … OR b IN (…))"
        );
        assert_eq!(
            condition.explain(),
            r#"NOT (status = "secret" AND a[0] BETWEEN 1 AND 2 OR b IN (true))"#
        );
        assert_eq!(typed.to_string(), r#"attribute_type(a, "SS")"#);
    }
}

mod limits {
    use super::*;

    #[test]
    fn in_takes_one_to_a_hundred_values() {
        let values = |count| (0..count).map(number).collect::<Vec<_>>();

        assert!(Condition::is_in(at("a"), values(100)).is_ok());
        let many = Condition::is_in(at("a"), values(101))
            .unwrap_err()
            .to_string();
        assert!(
            many.contains("at most 100 values") && many.contains("101 were given"),
            "{many}"
        );
        let none = Condition::is_in(at("a"), Vec::new())
            .unwrap_err()
            .to_string();
        assert!(none.contains("at least one value"), "{none}");
    }

    #[test]
    fn a_condition_has_three_hundred_operators_at_most() {
        let join =
            |count: usize| (1..count).try_fold(equal("a", 1), |all, _| all.or(&equal("a", 1)));

        assert!(join(150).is_ok());
        let error = join(151).unwrap_err().to_string();
        assert!(error.contains("300") && error.contains("301"), "{error}");
        assert!(
            join(150)
                .unwrap()
                .not()
                .and_then(|it| it.and(&equal("b", 1)))
                .is_err()
        );
    }

    #[test]
    fn long_names_get_placeholders_before_a_condition_is_refused() {
        let joined =
            |name: &str| (1..20).fold(equal(name, 1), |all, _| all.and(&equal(name, 1)).unwrap());

        assert!(members(&joined(&"a".repeat(250))).contains("#0 = :0 AND #0 = :1"));

        let deep = format!("{}.x", ["a_long_name"; 30].join("."));
        let condition = (1..100).fold(equal(&deep, 1), |all, _| all.and(&equal(&deep, 1)).unwrap());
        let mut writer = Writer::with_capacity(0);
        let error = write_members(&mut writer, &condition, |_, _| false).unwrap_err();
        assert!(
            error.to_string().contains("longer than the 4096 bytes"),
            "{error}"
        );
    }
}

/// What a tree says about an item, without any text.
fn holds(condition: &Condition, item: &Item) -> bool {
    match &*condition.node {
        Node::Compare(comparator, left, right) => compare(
            *comparator,
            operand(left, item).as_ref(),
            operand(right, item).as_ref(),
        ),
        Node::Between([value, low, high]) => {
            let [value, low, high] = [value, low, high].map(|it| operand(it, item));
            compare(Comparator::LessOrEqual, low.as_ref(), value.as_ref())
                && compare(Comparator::LessOrEqual, value.as_ref(), high.as_ref())
        }
        Node::In(value, choices) => choices.iter().any(|choice| {
            compare(
                Comparator::Equal,
                operand(value, item).as_ref(),
                operand(choice, item).as_ref(),
            )
        }),
        Node::Exists(path) => stored(path, item).is_some(),
        Node::NotExists(path) => stored(path, item).is_none(),
        Node::Function(function, path, argument) => {
            call(*function, stored(path, item), operand(argument, item))
        }
        Node::And(left, right) => holds(left, item) && holds(right, item),
        Node::Or(left, right) => holds(left, item) || holds(right, item),
        Node::Not(inner) => !holds(inner, item),
    }
}

fn operand(operand: &Operand, item: &Item) -> Option<Value> {
    match operand {
        Operand::Path(path) => stored(path, item),
        Operand::Size(path) => size(stored(path, item)?),
        Operand::Value(json) => Some(Value::parse(json).unwrap()),
    }
}

fn stored(path: &Path, item: &Item) -> Option<Value> {
    let mut value = item.get(path.attribute())?;
    for step in &path.steps()[1..] {
        value = match (step, value) {
            (Step::Name(name), Value::M(map)) => map.get(&**name)?,
            (Step::Index(index), Value::L(list)) => list.get(*index as usize)?,
            _ => return None,
        };
    }
    Some(value.clone())
}

fn size(value: Value) -> Option<Value> {
    let length = match value {
        Value::S(text) => text.len(),
        Value::L(list) => list.len(),
        Value::M(map) => map.len(),
        _ => return None,
    };
    Some(Value::parse(format!(r#"{{"N":"{length}"}}"#).as_bytes()).unwrap())
}

fn compare(comparator: Comparator, left: Option<&Value>, right: Option<&Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == Comparator::NotEqual;
    };
    let ordered = matches!(
        (left, right),
        (Value::S(_), Value::S(_)) | (Value::N(_), Value::N(_))
    );
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => ordered && left < right,
        Comparator::LessOrEqual => ordered && left <= right,
        Comparator::Greater => ordered && left > right,
        Comparator::GreaterOrEqual => ordered && left >= right,
    }
}

fn call(function: Function, value: Option<Value>, argument: Option<Value>) -> bool {
    let (Some(value), Some(argument)) = (value, argument) else {
        return false;
    };
    match (function, value, argument) {
        (Function::BeginsWith, Value::S(text), Value::S(prefix)) => text.starts_with(&prefix),
        (Function::Contains, Value::S(text), Value::S(part)) => text.contains(&part),
        (Function::Contains, Value::L(list), element) => list.contains(&element),
        (Function::AttributeType, Value::S(_), Value::S(name)) => name == "S",
        (Function::AttributeType, Value::N(_), Value::S(name)) => name == "N",
        _ => false,
    }
}

/// A reader of condition expressions after DynamoDB's grammar, which evaluates as it goes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>
struct Interpreter<'a> {
    words: Vec<String>,
    next: usize,
    names: serde_json::Map<String, serde_json::Value>,
    values: serde_json::Map<String, serde_json::Value>,
    used: BTreeSet<String>,
    item: &'a Item,
}

impl<'a> Interpreter<'a> {
    fn evaluate(members: &str, item: &'a Item) -> bool {
        let body: serde_json::Value =
            serde_json::from_str(&format!("{{{}}}", members.strip_prefix(',').unwrap())).unwrap();
        let table = |name: &str| {
            body.get(name)
                .map(|it| it.as_object().unwrap().clone())
                .unwrap_or_default()
        };
        let mut this = Self {
            words: Self::words(body["ConditionExpression"].as_str().unwrap()),
            next: 0,
            names: table("ExpressionAttributeNames"),
            values: table("ExpressionAttributeValues"),
            used: BTreeSet::new(),
            item,
        };
        let holds = this.or();
        assert_eq!(
            this.next,
            this.words.len(),
            "text is left over: {:?}",
            this.words
        );
        let declared = this
            .names
            .keys()
            .chain(this.values.keys())
            .cloned()
            .collect();
        assert_eq!(
            this.used, declared,
            "DynamoDB refuses what is declared and not used"
        );
        holds
    }

    fn words(text: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for character in text.chars() {
            match character {
                ' ' => words.push(String::new()),
                '(' | ')' | ',' => words.extend([character.to_string(), String::new()]),
                _ if words
                    .last()
                    .is_none_or(|last| "(),".contains(last.as_str()) && !last.is_empty()) =>
                {
                    words.push(character.to_string());
                }
                _ => words.last_mut().unwrap().push(character),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn peek(&self) -> &str {
        self.words.get(self.next).map_or("", String::as_str)
    }

    fn take(&mut self) -> String {
        self.next += 1;
        self.words[self.next - 1].clone()
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == word;
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, word: &str) {
        assert!(
            self.takes(word),
            "{word} is missing: {:?} at {}",
            self.words,
            self.next
        );
    }

    fn or(&mut self) -> bool {
        let mut holds = self.and();
        while self.takes("OR") {
            holds |= self.and();
        }
        holds
    }

    fn and(&mut self) -> bool {
        let mut holds = self.not();
        while self.takes("AND") {
            holds &= self.not();
        }
        holds
    }

    fn not(&mut self) -> bool {
        if self.takes("NOT") {
            return !self.not();
        }
        if self.takes("(") {
            let inner = (self.peek() == "(").then(|| self.end_of_group(self.next));
            let holds = self.or();
            assert_ne!(
                inner,
                Some(self.next),
                "DynamoDB refuses redundant parentheses"
            );
            self.expect(")");
            return holds;
        }
        self.test()
    }

    /// Where the group that starts here is over.
    fn end_of_group(&self, start: usize) -> usize {
        let mut depth = 0;
        for (position, word) in self.words.iter().enumerate().skip(start) {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return position + 1;
            }
        }
        panic!("a parenthesis is never closed: {:?}", self.words)
    }

    fn test(&mut self) -> bool {
        let function = match self.peek() {
            "attribute_exists" | "attribute_not_exists" => {
                let exists = self.take() == "attribute_exists";
                return self.argument().is_some() == exists;
            }
            "begins_with" => Function::BeginsWith,
            "contains" => Function::Contains,
            "attribute_type" => Function::AttributeType,
            _ => return self.comparison(),
        };
        self.next += 1;
        self.expect("(");
        let value = self.operand();
        self.expect(",");
        let argument = self.operand();
        self.expect(")");
        call(function, value, argument)
    }

    fn comparison(&mut self) -> bool {
        let left = self.operand();
        let comparator = match self.take().as_str() {
            "BETWEEN" => {
                let low = self.operand();
                self.expect("AND");
                let high = self.operand();
                return compare(Comparator::LessOrEqual, low.as_ref(), left.as_ref())
                    && compare(Comparator::LessOrEqual, left.as_ref(), high.as_ref());
            }
            "IN" => {
                self.expect("(");
                let mut holds = false;
                loop {
                    let choice = self.operand();
                    holds |= compare(Comparator::Equal, left.as_ref(), choice.as_ref());
                    if !self.takes(",") {
                        break;
                    }
                }
                self.expect(")");
                return holds;
            }
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            ">=" => Comparator::GreaterOrEqual,
            other => panic!("{other} is no comparator"),
        };
        let right = self.operand();
        compare(comparator, left.as_ref(), right.as_ref())
    }

    fn argument(&mut self) -> Option<Value> {
        self.expect("(");
        let operand = self.operand();
        self.expect(")");
        operand
    }

    fn operand(&mut self) -> Option<Value> {
        if self.takes("size") {
            return self.argument().and_then(size);
        }
        let word = self.take();
        if word.starts_with(':') {
            let json = serde_json::to_vec(&self.values[&word]).unwrap();
            self.used.insert(word);
            return Some(Value::parse(&json).unwrap());
        }
        let mut resolved = Vec::new();
        for step in word.split('.') {
            let (name, indexes) = step.split_at(step.find('[').unwrap_or(step.len()));
            let name = if name.starts_with('#') {
                self.used.insert(name.to_owned());
                self.names[name].as_str().unwrap().to_owned()
            } else {
                name.to_owned()
            };
            resolved.push(Step::Name(name.into()));
            for index in indexes.split(']').filter(|it| !it.is_empty()) {
                resolved.push(Step::Index(index[1..].parse().unwrap()));
            }
        }
        let Step::Name(attribute) = &resolved[0] else {
            panic!("a path starts with a name")
        };
        let path = resolved[1..]
            .iter()
            .fold(Path::new(attribute), |path, step| match step {
                Step::Name(name) => path.name(name).unwrap(),
                Step::Index(index) => path.index(*index).unwrap(),
            });
        stored(&path, self.item)
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..4).prop_map(|it| Value::parse(format!(r#"{{"N":"{it}"}}"#).as_bytes()).unwrap()),
        "[ab]{0,3}".prop_map(Value::S),
        Just(Value::Null),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    let value = scalar().prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::L),
            prop::collection::btree_map(any_name(), inner, 0..3).prop_map(Value::M),
        ]
    });
    prop::collection::btree_map(any_name(), value, 0..6)
}

/// Names that stay bare, reserved words, and what no expression can hold.
fn any_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "status", "size", "x.y", "AND", "c[0]"])
        .prop_map(str::to_owned)
}

fn any_path() -> impl Strategy<Value = Path> {
    let steps = prop::collection::vec(
        prop_oneof![any_name().prop_map(Ok), (0_u32..3).prop_map(Err)],
        0..3,
    );
    (any_name(), steps).prop_map(|(attribute, steps)| {
        steps
            .into_iter()
            .fold(Path::new(&attribute), |path, step| match step {
                Ok(name) => path.name(&name).unwrap(),
                Err(index) => path.index(index).unwrap(),
            })
    })
}

fn any_operand() -> impl Strategy<Value = Operand> {
    let value = scalar().prop_map(|value| {
        let mut writer = Writer::with_capacity(16);
        value.write(&mut writer);
        Operand::Value(writer.into_bytes().into())
    });
    prop_oneof![
        3 => any_path().prop_map(Operand::Path),
        1 => any_path().prop_map(Operand::Size),
        3 => value,
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let comparator = prop::sample::select(vec![
        Comparator::Equal,
        Comparator::NotEqual,
        Comparator::Less,
        Comparator::LessOrEqual,
        Comparator::Greater,
        Comparator::GreaterOrEqual,
    ]);
    let function = prop::sample::select(vec![
        Function::BeginsWith,
        Function::Contains,
        Function::AttributeType,
    ]);
    let leaf = prop_oneof![
        (comparator, any_operand(), any_operand())
            .prop_map(|(it, left, right)| Condition::compare(it, left, right)),
        (any_operand(), any_operand(), any_operand())
            .prop_map(|(value, low, high)| Condition::between(value, low, high)),
        (any_operand(), prop::collection::vec(any_operand(), 1..4))
            .prop_map(|(value, choices)| Condition::is_in(value, choices).unwrap()),
        any_path().prop_map(Condition::exists),
        any_path().prop_map(Condition::not_exists),
        (function, any_path(), any_operand())
            .prop_map(|(it, path, operand)| Condition::function(it, path, operand)),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| left.and(&right).unwrap()),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| left.or(&right).unwrap()),
            inner.prop_map(|it| it.not().unwrap()),
        ]
    })
}

proptest! {
    #[test]
    fn the_text_means_what_the_tree_says(condition in condition(), items in prop::collection::vec(item(), 1..6)) {
        let members = members(&condition);
        for item in items {
            prop_assert_eq!(Interpreter::evaluate(&members, &item), holds(&condition, &item), "{}", members);
        }
    }

    #[test]
    fn a_condition_keeps_its_meaning_behind_a_guard(condition in condition(), item in item()) {
        let mut writer = Writer::with_capacity(256);
        write_members(&mut writer, &condition, |writer, names| {
            writer.raw(b"attribute_exists(");
            names.write(writer, "status");
            writer.byte(b')');
            true
        })
        .unwrap();
        let members = String::from_utf8(writer.into_bytes()).unwrap();

        let expected = item.contains_key("status") && holds(&condition, &item);
        prop_assert_eq!(Interpreter::evaluate(&members, &item), expected, "{}", members);
    }
}
