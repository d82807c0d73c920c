//! Snapshots: what they hold, and what becomes of the tables when they are put back.

#![allow(clippy::unwrap_used)]

mod support;

use pydynox_embedded::{Location, Store};
use serde_json::json;
use support::{Engine, ok};

fn create(transport: &Engine, table: &str) {
    let body = json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "by", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-kind",
            "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    });
    ok(transport, "CreateTable", &body);
}

fn put(transport: &Engine, key: &str) {
    let item = json!({"pk": {"S": key}, "by": {"S": "all"}});
    ok(
        transport,
        "PutItem",
        &json!({"TableName": "users", "Item": item}),
    );
}

fn keys(transport: &Engine) -> Vec<String> {
    let answer = ok(
        transport,
        "Query",
        &json!({
            "TableName": "users",
            "IndexName": "by-kind",
            "KeyConditionExpression": "#by = :by",
            "ExpressionAttributeNames": {"#by": "by"},
            "ExpressionAttributeValues": {":by": {"S": "all"}},
        }),
    );
    let items = answer["Items"].as_array().unwrap();
    let mut keys: Vec<_> = items
        .iter()
        .map(|item| item["pk"]["S"].as_str().unwrap().to_owned())
        .collect();
    keys.sort();
    keys
}

#[test]
fn tables_items_and_indexes_become_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("file://{}", folder.path().join("shop.db").display());
    for url in ["memory://", &file] {
        let store = Store::open(&Location::parse(url).unwrap().unwrap()).unwrap();
        let transport = store.transport();
        create(&transport, "users");
        put(&transport, "u1");
        let one = store.snapshot().unwrap();
        put(&transport, "u2");
        let two = store.snapshot().unwrap();
        ok(&transport, "DeleteTable", &json!({"TableName": "users"}));
        create(&transport, "orders");

        store.restore(&one).unwrap();
        assert_eq!(keys(&transport), ["u1"], "{url}");
        assert_eq!(
            ok(&transport, "ListTables", &json!({}))["TableNames"],
            json!(["users"])
        );
        put(&transport, "u3");
        store.restore(&two).unwrap();
        assert_eq!(keys(&transport), ["u1", "u2"]);
        store.restore(&one).unwrap();
        assert_eq!(keys(&transport), ["u1"]);
    }
}

#[test]
fn a_snapshot_outlives_its_engine_and_fits_another_one() {
    let open = || Store::open(&Location::parse("memory://").unwrap().unwrap()).unwrap();
    let snapshot = {
        let store = open();
        create(&store.transport(), "users");
        put(&store.transport(), "u1");
        store.snapshot().unwrap()
    };

    let other = open();
    other.restore(&snapshot).unwrap();

    assert_eq!(keys(&other.transport()), ["u1"]);
}

#[test]
fn settings_and_the_keys_of_indexes_become_what_they_were_too() {
    let store = Store::open(&Location::parse("memory://").unwrap().unwrap()).unwrap();
    let transport = store.transport();
    let users = json!({"TableName": "users"});
    let recovery = |enabled: bool| json!({"TableName": "users", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}});
    let item = |large: bool| json!({"pk": {"S": "u1"}, "by": {"S": "a".repeat(if large { 2_049 } else { 1 })}});
    create(&transport, "users");
    ok(&transport, "UpdateContinuousBackups", &recovery(true));
    let snapshot = store.snapshot().unwrap();
    ok(&transport, "UpdateContinuousBackups", &recovery(false));
    ok(&transport, "DeleteTable", &users);
    ok(&transport, "CreateTable", &support::table_of("users"));

    store.restore(&snapshot).unwrap();

    let backups =
        ok(&transport, "DescribeContinuousBackups", &users)["ContinuousBackupsDescription"].clone();
    assert_eq!(
        backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "ENABLED"
    );
    let put = |large: bool| json!({"TableName": "users", "Item": item(large)});
    ok(&transport, "PutItem", &put(false));
    assert_eq!(support::call(&transport, "PutItem", &put(true)).0, 400);
}
