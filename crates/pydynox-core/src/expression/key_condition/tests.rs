//! Tests of `key_condition`.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::schema::KeyType;

fn value(json: &str) -> Operand {
    Operand::Value(json.as_bytes().into())
}

fn compare(comparator: Comparator, name: &str, json: &str) -> Condition {
    Condition::compare(comparator, Operand::Path(Path::new(name)), value(json))
}

fn equal(name: &str, json: &str) -> Condition {
    compare(Comparator::Equal, name, json)
}

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute {
        attribute_name: name.into(),
        key_type,
    }
}

fn order_key(conditions: &[Condition]) -> Result<KeyCondition, Error> {
    let partition = [
        attribute("status", KeyType::S),
        attribute("area", KeyType::S),
    ];
    let sort = [attribute("day", KeyType::S), attribute("n", KeyType::N)];
    let key = QueriedKey {
        what: "Order",
        partition: &partition,
        sort: &sort,
    };
    KeyCondition::new(key, conditions, &[])
}

fn written(condition: &KeyCondition) -> String {
    let (mut names, mut values) = (Names::new(), Values::new());
    let mut writer = Writer::with_capacity(64);
    condition.write(&mut writer, &mut names, &mut values);
    names.finish(&mut writer);
    values.finish(&mut writer);
    String::from_utf8(writer.into_bytes()).unwrap()
}

#[test]
fn the_attributes_are_written_in_the_order_of_the_key() {
    let range = compare(Comparator::GreaterOrEqual, "n", r#"{"N":"3"}"#);
    let day = equal("day", r#"{"S":"d"}"#);
    let both = equal("area", r#"{"S":"x"}"#)
        .and(&equal("status", r#"{"S":"open"}"#))
        .unwrap();

    let condition = order_key(&[range, day, both]).unwrap();

    assert_eq!(
        written(&condition),
        r##"#0 = :0 AND area = :1 AND #1 = :2 AND n >= :3,"ExpressionAttributeNames":{"#0":"status","#1":"day"},"ExpressionAttributeValues":{":0":{"S":"open"},":1":{"S":"x"},":2":{"S":"d"},":3":{"N":"3"}}"##
    );
    assert_eq!(
        condition.explain(),
        r#"status = "open" AND area = "x" AND day = "d" AND n >= 3"#
    );
}

#[test]
fn what_no_query_can_be_asked_is_refused_by_name() {
    let status = equal("status", r#"{"S":"open"}"#);
    let area = equal("area", r#"{"S":"x"}"#);
    let more = |condition: Condition| vec![status.clone(), area.clone(), condition];
    for (conditions, expected) in [
        (vec![], "\"status\" is missing"),
        (vec![status.clone()], "\"area\" is missing"),
        (
            vec![
                compare(Comparator::Less, "status", r#"{"S":"open"}"#),
                area.clone(),
            ],
            "takes only =",
        ),
        (
            more(equal("n", r#"{"N":"1"}"#)),
            "\"day\" is missing before",
        ),
        (more(equal("total", r#"{"N":"1"}"#)), "not part of it"),
        (more(equal("area", r#"{"S":"y"}"#)), "two conditions"),
        (more(equal("day", r#"{"N":"1"}"#)), "stored as S"),
        (more(equal("day", r#"{"S":""}"#)), "never empty"),
        (
            more(equal("day", &format!(r#"{{"S":"{}"}}"#, "d".repeat(1025)))),
            "can have at most 1024 bytes, and the value in its condition has 1025",
        ),
        (
            vec![
                equal("status", &format!(r#"{{"S":"{}"}}"#, "s".repeat(2049))),
                area.clone(),
            ],
            "can have at most 2048 bytes",
        ),
        (
            more(compare(Comparator::NotEqual, "day", r#"{"S":"1"}"#)),
            "cannot select",
        ),
        (
            more(Condition::exists(Path::new("day"))),
            "attribute_exists(day) cannot select",
        ),
        (
            more(Condition::between(
                Operand::Path(Path::new("day")),
                value(r#"{"S":"b"}"#),
                value(r#"{"S":"a"}"#),
            )),
            "low is greater",
        ),
        (
            more(
                compare(Comparator::Less, "day", r#"{"S":"d"}"#)
                    .and(&equal("n", r#"{"N":"1"}"#))
                    .unwrap(),
            ),
            "a range comes last",
        ),
    ] {
        let message = order_key(&conditions).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_key_that_nobody_declared_has_equalities_first() {
    let range = compare(Comparator::Less, "b", r#"{"N":"3"}"#);

    let condition =
        KeyCondition::undeclared(&[range.clone(), equal("a", r#"{"S":"x"}"#)], 1).unwrap();

    assert_eq!(condition.explain(), r#"a = "x" AND b < 3"#);
    assert_eq!(condition.partition(), b"a\0{\"S\":\"x\"}");
    assert!(KeyCondition::undeclared(std::slice::from_ref(&range), 0).is_err());
    let other = compare(Comparator::Less, "c", r#"{"N":"3"}"#);
    let error = KeyCondition::undeclared(&[equal("a", r#"{"S":"x"}"#), range, other], 1);
    assert!(error.unwrap_err().to_string().contains("one range"));
}

#[test]
fn a_position_is_compared_with_the_range() {
    let condition = order_key(&[
        equal("status", r#"{"S":"open"}"#),
        equal("area", r#"{"S":"x"}"#),
        Condition::function(
            Function::BeginsWith,
            Path::new("day"),
            value(r#"{"S":"2026-"}"#),
        ),
    ])
    .unwrap();
    let position = |status: &str, day: &str| {
        let text = format!(
            r#"{{"id":{{"S":"i"}},"status":{{"S":"{status}"}},"area":{{"S":"x"}},"day":{{"S":"{day}"}}}}"#
        );
        condition.admits(text.as_bytes()).unwrap()
    };

    assert!(position("open", "2026-11"));
    assert!(!position("open", "2025-11"));
    assert!(!position("shut", "2026-11"));
    assert!(!condition.admits(b"{}").unwrap());
    assert!(condition.admits(b"[]").is_err());
}
