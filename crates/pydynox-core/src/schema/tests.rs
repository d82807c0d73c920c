//! Tests of `schema`.

#![allow(clippy::unwrap_used)]

use super::*;

fn refused(names: &[&str], partition_key: &str, sort_key: Option<&str>) -> String {
    let error = ItemSchema::new(
        "User",
        names.iter().copied(),
        (partition_key, KeyType::S),
        sort_key.map(|name| (name, KeyType::N)),
    )
    .unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Configuration);
    error.to_string()
}

#[test]
fn a_schema_keeps_the_order_of_its_attributes() {
    let schema = ItemSchema::new(
        "User",
        ["id", "born", "email"],
        ("id", KeyType::S),
        Some(("born", KeyType::N)),
    )
    .unwrap();

    assert_eq!(
        schema
            .attribute_names
            .iter()
            .map(|name| &**name)
            .collect::<Vec<_>>(),
        ["id", "born", "email"]
    );
    assert_eq!(
        schema
            .key_attributes()
            .map(|key| key.key_type.name())
            .collect::<Vec<_>>(),
        ["S", "N"]
    );
}

fn key(name: &str, key_type: KeyType) -> KeyAttribute {
    key_attribute((name, key_type))
}

fn order() -> ItemSchema {
    ItemSchema::new(
        "Order",
        ["id", "at", "mail", "total", "note"],
        ("id", KeyType::S),
        Some(("at", KeyType::N)),
    )
    .unwrap()
}

fn global(name: &str, partition: &[&str], sort: &[&str], projected: Projected) -> Index {
    let keys = |names: &[&str]| names.iter().map(|name| key(name, KeyType::S)).collect();
    Index {
        name: name.into(),
        global: true,
        partition: keys(partition),
        sort: keys(sort),
        projected,
    }
}

#[test]
fn an_index_holds_the_keys_and_what_it_projects() {
    let included = Projected::Include(Box::new(["note".into()]));
    let schema = order()
        .with_indexes(vec![
            global("by_mail", &["mail"], &[], Projected::KeysOnly),
            global("by_note", &["mail"], &["total"], included),
            global("by_total", &["total"], &[], Projected::All),
        ])
        .unwrap();
    let held = |name: &str| {
        let index = schema.index(name).unwrap();
        let names = schema.attribute_names.iter();
        names
            .filter(|attribute| schema.holds(index, attribute))
            .map(|name| &**name)
            .collect::<Vec<_>>()
    };

    assert_eq!(held("by_mail"), ["id", "at", "mail"]);
    assert_eq!(held("by_note"), ["id", "at", "mail", "total", "note"]);
    assert_eq!(held("by_total").len(), 5);
    let position = schema.position_attributes(schema.index("by_mail"));
    let position: Vec<&str> = position.map(|key| &*key.attribute_name).collect();
    assert_eq!(position, ["id", "at", "mail"]);
}

#[test]
fn an_index_that_dynamodb_would_not_make_is_refused() {
    let include =
        |names: &[&str]| Projected::Include(names.iter().map(|name| Box::from(*name)).collect());
    let keys_only = || Projected::KeysOnly;
    let local = |partition: &str, sort: &[&str]| Index {
        global: false,
        ..global("local", &[partition], sort, Projected::All)
    };
    for (index, expected) in [
        (global("ab", &["mail"], &[], keys_only()), "3 to 255"),
        (global("by mail", &["mail"], &[], keys_only()), "letters"),
        (global("none", &[], &[], keys_only()), "0 and 0"),
        (
            global(
                "many",
                &["id", "at", "mail", "total", "note"],
                &[],
                keys_only(),
            ),
            "up to 4",
        ),
        (
            global("nope", &["nope"], &[], keys_only()),
            "no attribute 'nope'",
        ),
        (global("twice", &["mail"], &["mail"], keys_only()), "twice"),
        (global("empty", &["mail"], &[], include(&[])), "KEYS_ONLY"),
        (
            global("what", &["mail"], &[], include(&["x"])),
            "not an attribute",
        ),
        (
            global("keys", &["mail"], &[], include(&["id"])),
            "always includes",
        ),
        (local("mail", &["total"]), "partition key of the table"),
        (local("id", &[]), "sorts by one"),
    ] {
        let message = order().with_indexes(vec![index]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let one = || global("by_mail", &["mail"], &[], keys_only());
    let message = order().with_indexes(vec![one(), one()]).unwrap_err();
    assert!(message.to_string().contains("two indexes"), "{message}");
}

#[test]
fn an_empty_name_is_refused() {
    assert!(refused(&["id", ""], "id", None).contains("must not be empty"));
}

#[test]
fn two_attributes_of_one_name_are_refused() {
    let message = refused(&["id", "mail", "mail"], "id", None);

    assert!(
        message.contains("User: attribute 'mail': two fields"),
        "{message}"
    );
}

#[test]
fn a_key_that_is_no_attribute_is_refused() {
    assert!(refused(&["id"], "key", None).contains("'key'"));
    assert!(refused(&["id"], "id", Some("at")).contains("'at'"));
}

#[test]
fn one_attribute_cannot_be_both_keys() {
    assert!(refused(&["id"], "id", Some("id")).contains("both"));
}

#[test]
fn the_name_of_a_key_is_shorter_than_that_of_other_attributes() {
    let long = "x".repeat(256);

    let message = refused(&[&long], &long, None);

    assert!(
        message.contains("256 bytes") && message.len() < 200,
        "{message}"
    );
    assert!(ItemSchema::new("User", ["id", &long], ("id", KeyType::S), None).is_ok());
}
