//! Where the engine differs from `DynamoDB` and the seam makes up for it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pydynox_core::transport::{FailureKind, Operation, TransportError};
use pydynox_embedded::{Clock, ManualClock, open_with_clock};
use serde_json::{Value, json};
use support::{at, call, create, has, item_of, key_of, ok, put, table_of, try_call};

const ARN: &str = "arn:aws:dynamodb:eu-west-1:123456789012:table/users";

/// A clock that panics inside the engine once it is told to.
struct Bomb(AtomicBool);

impl Clock for Bomb {
    fn now_unix_secs(&self) -> u64 {
        assert!(!self.0.load(Ordering::Relaxed), "the bomb went off");
        1_000
    }

    fn now_unix_secs_f64(&self) -> f64 {
        1_000.0
    }
}

fn enable_ttl(table: &str) -> Value {
    json!({"TableName": table, "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true}})
}

fn expiring(table: &str, id: &str, expires: u64) -> Value {
    json!({"TableName": table, "Item": {"id": {"S": id}, "expires": {"N": expires.to_string()}}})
}

#[test]
fn a_panic_inside_the_engine_is_caught_and_stops_the_engine_for_good() {
    let bomb = Arc::new(Bomb(AtomicBool::new(false)));
    let engine = open_with_clock(bomb.clone()).unwrap();
    create(&engine, "users");
    ok(&engine, "UpdateTimeToLive", &enable_ttl("users"));
    bomb.0.store(true, Ordering::Relaxed);

    let first = try_call(&engine, "PutItem", &item_of("users", "a")).unwrap_err();
    bomb.0.store(false, Ordering::Relaxed);
    let second = try_call(&engine, "GetItem", &key_of("users", "a")).unwrap_err();

    let TransportError::MaybeSent(failure) = first else {
        panic!("{first}")
    };
    assert_eq!(failure.kind, FailureKind::Engine);
    for part in ["PutItem", "memory://", "the bomb went off", "new client"] {
        assert!(failure.message.contains(part), "{failure}");
    }
    let TransportError::NotSent(failure) = second else {
        panic!("{second}")
    };
    assert_eq!(failure.kind, FailureKind::Engine);
    for part in ["stopped", "the bomb went off", "new client"] {
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[test]
fn a_transactional_read_with_a_projection_returns_what_was_asked_for_and_no_keys() {
    let engine = at("memory://");
    create(&engine, "users");
    let item = json!({"id": {"S": "a"}, "name": {"S": "Ann"}, "address": {"M": {"city": {"S": "Ulm"}, "zip": {"S": "1"}}}});
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "users", "Item": item}),
    );
    put(&engine, "users", "b");
    let get = |id: &str, extra: Value| {
        let mut get = key_of("users", id);
        get.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({"Get": get})
    };

    let answer = ok(
        &engine,
        "TransactGetItems",
        &json!({"TransactItems": [
            get("a", json!({"ProjectionExpression": "#0.city", "ExpressionAttributeNames": {"#0": "address"}})),
            get("b", json!({})),
        ]}),
    );
    let with_key = ok(
        &engine,
        "TransactGetItems",
        &json!({"TransactItems": [
            get("a", json!({"ProjectionExpression": "id, absent"})),
        ]}),
    );

    assert_eq!(
        answer["Responses"][0]["Item"],
        json!({"address": {"M": {"city": {"S": "Ulm"}}}})
    );
    assert_eq!(answer["Responses"][1]["Item"], json!({"id": {"S": "b"}}));
    assert_eq!(with_key["Responses"][0]["Item"], json!({"id": {"S": "a"}}));
}

#[test]
fn a_table_may_be_named_by_its_resource_name_in_every_operation() {
    let engine = at("memory://");
    create(&engine, ARN);
    put(&engine, ARN, "a");

    assert!(has(&engine, ARN, "a"));
    assert!(has(&engine, "users", "a"));
    let described = ok(&engine, "DescribeTable", &json!({"TableName": ARN}));
    assert_eq!(described["Table"]["TableName"], "users");
    let rows = ok(
        &engine,
        "Query",
        &json!({
            "TableName": ARN, "KeyConditionExpression": "id = :0", "ExpressionAttributeValues": {":0": {"S": "a"}},
        }),
    );
    assert_eq!(rows["Count"], 1);
    let scanned = ok(&engine, "Scan", &json!({"TableName": ARN}));
    assert_eq!(scanned["Count"], 1);
    ok(
        &engine,
        "TransactWriteItems",
        &json!({"TransactItems": [{"Put": item_of(ARN, "b")}]}),
    );
    let read = ok(
        &engine,
        "TransactGetItems",
        &json!({"TransactItems": [{"Get": key_of(ARN, "b")}]}),
    );
    assert_eq!(read["Responses"][0]["Item"], json!({"id": {"S": "b"}}));
}

#[test]
fn a_batch_is_answered_under_the_names_that_it_was_asked_with() {
    let engine = at("memory://");
    create(&engine, "users");
    create(&engine, "orders");
    let write = |id: &str| json!([{"PutRequest": {"Item": {"id": {"S": id}}}}]);
    ok(
        &engine,
        "BatchWriteItem",
        &json!({"RequestItems": {ARN: write("a"), "orders": write("o")}}),
    );

    let keys = |id: &str| json!({"Keys": [{"id": {"S": id}}]});
    let answer = ok(
        &engine,
        "BatchGetItem",
        &json!({"RequestItems": {ARN: keys("a"), "orders": keys("o")}}),
    );

    assert_eq!(
        answer["Responses"],
        json!({ARN: [{"id": {"S": "a"}}], "orders": [{"id": {"S": "o"}}]})
    );
}

#[test]
fn resource_names_in_answers_name_a_region_that_exists() {
    let engine = at("memory://");
    let mut table = table_of("users");
    table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    table["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_id", "KeySchema": table["KeySchema"], "Projection": {"ProjectionType": "ALL"},
    }]);

    let created = ok(&engine, "CreateTable", &table);
    let described = ok(&engine, "DescribeTable", &json!({"TableName": "users"}));
    let streams = ok(&engine, "ListStreams", &json!({}));

    for text in [
        created.to_string(),
        described.to_string(),
        streams.to_string(),
    ] {
        assert!(
            text.contains("arn:aws:dynamodb:us-east-1:000000000000:table/users"),
            "{text}"
        );
        assert!(!text.contains("dynoxide"), "{text}");
    }
}

#[test]
fn resource_names_that_were_answered_are_taken_back() {
    let engine = at("memory://");
    let mut table = table_of("users");
    table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
    let created = ok(&engine, "CreateTable", &table);
    let arn = &created["TableDescription"]["TableArn"];
    let stream = &created["TableDescription"]["LatestStreamArn"];
    put(&engine, "users", "dynoxide");

    ok(
        &engine,
        "TagResource",
        &json!({"ResourceArn": arn, "Tags": [{"Key": "k", "Value": "v"}]}),
    );
    let tags = ok(&engine, "ListTagsOfResource", &json!({"ResourceArn": arn}));
    assert_eq!(tags["Tags"], json!([{"Key": "k", "Value": "v"}]));

    let described = ok(&engine, "DescribeStream", &json!({"StreamArn": stream}));
    assert_eq!(&described["StreamDescription"]["StreamArn"], stream);
    let after = ok(
        &engine,
        "ListStreams",
        &json!({"ExclusiveStartStreamArn": stream}),
    );
    assert_eq!(after["Streams"], json!([]));

    let iterator = ok(
        &engine,
        "GetShardIterator",
        &json!({
            "StreamArn": stream, "ShardIteratorType": "TRIM_HORIZON",
            "ShardId": described["StreamDescription"]["Shards"][0]["ShardId"],
        }),
    );
    let records = ok(
        &engine,
        "GetRecords",
        &json!({"ShardIterator": iterator["ShardIterator"]}),
    );
    let record = &records["Records"][0];
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["dynamodb"]["Keys"]["id"]["S"], "dynoxide");
}

#[test]
fn text_that_looks_like_a_resource_name_stays_as_it_is_in_an_item() {
    let engine = at("memory://");
    create(&engine, "users");
    let text = "arn:aws:dynamodb:dynoxide:000000000000:table/users";

    put(&engine, "users", text);

    assert_eq!(
        ok(&engine, "GetItem", &key_of("users", text))["Item"]["id"]["S"],
        text
    );
}

#[test]
fn an_operation_that_the_engine_does_not_know_is_refused_by_name() {
    let engine = at("memory://");
    for operation in [
        "CreateBackup",
        "RestoreTableToPointInTime",
        "ExportTableToPointInTime",
        "ImportTable",
        "DescribeEndpoints",
        "CreateGlobalTable",
    ] {
        let (status, answer) = call(&engine, operation, &json!({}));

        assert_eq!(status, 400);
        assert_eq!(
            answer["__type"],
            "com.amazon.coral.service#UnknownOperationException"
        );
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains(operation) && message.contains("embedded engine"),
            "{message}"
        );
    }
}

#[test]
fn an_expired_item_is_gone_after_a_second_of_the_clock() {
    let clock = ManualClock::new(1_000);
    let engine = open_with_clock(clock.arc()).unwrap();
    create(&engine, "sessions");
    ok(&engine, "UpdateTimeToLive", &enable_ttl("sessions"));
    ok(&engine, "PutItem", &expiring("sessions", "a", 1_100));
    ok(&engine, "PutItem", &expiring("sessions", "b", 9_000));

    clock.set(1_099);
    assert!(has(&engine, "sessions", "a"));
    clock.set(1_101);

    assert!(!has(&engine, "sessions", "a"));
    assert!(has(&engine, "sessions", "b"));
}

#[test]
fn a_request_is_not_inline_when_a_sweep_is_due() {
    let clock = ManualClock::new(1_000);
    let engine = open_with_clock(clock.arc()).unwrap();
    create(&engine, "sessions");
    assert!(engine.answers_inline(&Operation::GetItem));

    ok(&engine, "UpdateTimeToLive", &enable_ttl("sessions"));
    assert!(!engine.answers_inline(&Operation::GetItem));
    has(&engine, "sessions", "a");
    assert!(engine.answers_inline(&Operation::GetItem));
    clock.tick(Duration::from_secs(2));
    assert!(!engine.answers_inline(&Operation::GetItem));
}

#[test]
fn errors_are_worded_as_dynamodb_words_them() {
    let engine = at("memory://");
    create(&engine, "users");
    put(&engine, "users", "a");
    let kind = |operation: &str, body: Value| {
        let (status, answer) = call(&engine, operation, &body);
        assert_eq!(status, 400, "{answer}");
        let kind = answer["__type"].as_str().unwrap();
        kind.rsplit('#').next().unwrap().to_owned()
    };
    let mut guarded = item_of("users", "a");
    guarded["ConditionExpression"] = json!("attribute_not_exists(id)");

    assert_eq!(kind("PutItem", guarded), "ConditionalCheckFailedException");
    assert_eq!(
        kind("GetItem", key_of("nowhere", "a")),
        "ResourceNotFoundException"
    );
    assert_eq!(
        kind("CreateTable", table_of("users")),
        "ResourceInUseException"
    );
    assert_eq!(
        kind("GetItem", json!({"TableName": "users"})),
        "ValidationException"
    );
    assert_eq!(
        kind("GetItem", json!({"TableName": 3})),
        "SerializationException"
    );
    let empty = json!({"TableName": "users", "Item": {"id": {"S": "a"}, "x": {}}});
    assert_eq!(kind("PutItem", empty), "ValidationException");
    let refused = json!({"TableName": "users", "Item": {"id": {"S": "a"}, "x": {"SS": []}}});
    assert_eq!(kind("PutItem", refused), "ValidationException");
}

#[test]
fn a_value_with_too_many_levels_is_a_validation_error_however_deep() {
    let engine = at("memory://");
    create(&engine, "users");
    for levels in [33, 70, 3_000] {
        let value = format!(
            "{}{{\"S\":\"x\"}}{}",
            "{\"L\":[".repeat(levels),
            "]}".repeat(levels)
        );
        let body = format!(r#"{{"TableName":"users","Item":{{"id":{{"S":"a"}},"x":{value}}}}}"#);

        let response =
            support::wait(engine.send(support::raw_request("PutItem", body.into()))).unwrap();

        let (status, answer) = support::read(&response);
        assert_eq!(status, 400);
        assert!(
            answer["__type"]
                .as_str()
                .unwrap()
                .ends_with("#ValidationException"),
            "{answer}"
        );
        assert!(
            answer["message"]
                .as_str()
                .unwrap()
                .contains("Nesting Levels"),
            "{answer}"
        );
    }
}

#[test]
fn an_answer_is_vouched_for() {
    let engine = at("memory://");
    let good = try_call(&engine, "ListTables", &json!({})).unwrap();
    let bad = try_call(&engine, "GetItem", &json!({})).unwrap();
    assert!(good.verified && bad.verified);
}

#[test]
fn behind_the_only_item_of_a_partition_there_is_nothing() {
    let engine = at("memory://");
    create(&engine, "users");
    put(&engine, "users", "a");
    let query = |id: &str, after: &str| {
        json!({
            "TableName": "users", "Limit": 1, "ReturnConsumedCapacity": "TOTAL",
            "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": id}},
            "ExclusiveStartKey": {"id": {"S": after}},
        })
    };

    for id in ["a", "nobody"] {
        let answer = ok(&engine, "Query", &query(id, id));

        assert_eq!(answer["Items"], json!([]));
        assert_eq!(
            (&answer["Count"], &answer["ScannedCount"]),
            (&json!(0), &json!(0))
        );
        assert!(answer.get("LastEvaluatedKey").is_none(), "{answer}");
        assert_eq!(answer["ConsumedCapacity"]["CapacityUnits"], json!(0.5));
    }
    let other = try_call(&engine, "Query", &query("a", "b")).unwrap();
    assert_eq!(other.status, 400);
    let mut counted = query("a", "a");
    counted["Select"] = json!("COUNT");
    assert_eq!(ok(&engine, "Query", &counted)["Count"], json!(0));
}
