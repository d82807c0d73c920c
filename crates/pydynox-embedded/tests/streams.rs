//! Streams and time to live as the service has them. Each case follows a public statement of its behaviour: the API Reference of DynamoDB
//! Streams, or Alternator's `test_streams.py` and `test_ttl.py`, which also run against AWS.
// Cases in tables are long, and json!() makes values that are read once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::too_many_lines
)]

mod support;

use std::time::Duration;

use pydynox_embedded::{ManualClock, open_with_clock};
use serde_json::{Value, json};
use support::{Engine, at, call, create, ok, put, table_of};

/// Creates a table with a stream, and returns the name of the stream.
fn with_stream(engine: &Engine, table: &str) -> String {
    let mut body = table_of(table);
    body["StreamSpecification"] = stream("NEW_AND_OLD_IMAGES");
    ok(engine, "CreateTable", &body)["TableDescription"]["LatestStreamArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn stream(view: &str) -> Value {
    json!({"StreamEnabled": true, "StreamViewType": view})
}

fn update_stream(engine: &Engine, specification: Value) -> (u16, Value) {
    let body = json!({"TableName": "users", "StreamSpecification": specification});
    call(engine, "UpdateTable", &body)
}

fn shards(engine: &Engine, more: Value) -> Vec<Value> {
    let described = ok(engine, "DescribeStream", &more);
    let shards = &described["StreamDescription"]["Shards"];
    shards.as_array().unwrap().clone()
}

/// The identifiers of the items in a stream, from where an iterator starts.
fn read(engine: &Engine, arn: &str, more: Value) -> Vec<String> {
    let mut body = json!({"StreamArn": arn, "ShardId": shards(engine, json!({"StreamArn": arn}))[0]["ShardId"]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let iterator = ok(engine, "GetShardIterator", &body)["ShardIterator"].clone();
    let page = ok(engine, "GetRecords", &json!({"ShardIterator": iterator}));
    let records = page["Records"].as_array().unwrap();
    let id_of = |record: &Value| {
        let id = record["dynamodb"]["Keys"]["id"]["S"].as_str().unwrap();
        id.to_owned()
    };
    records.iter().map(id_of).collect()
}

/// A refusal with these words.
fn assert_refused(engine: &Engine, operation: &str, body: Value, kind: &str, words: &str) {
    let (status, answer) = call(engine, operation, &body);
    assert_eq!(status, 400, "{operation} {body}: {answer}");
    let text = answer.to_string();
    assert!(
        text.contains(kind) && text.contains(words),
        "{operation} {body}: {text}"
    );
}

/// API Reference, `DescribeStream`: a shard with a start but no end is open; `ExclusiveStartShardId` is the last shard of the page before;
/// Alternator's `test_describe_stream`, and `list_shards` of most of its tests.
#[test]
fn the_shard_of_a_stream_is_open_and_listed_once() {
    let engine = at("memory://");
    let arn = with_stream(&engine, "abc");
    let before = shards(&engine, json!({"StreamArn": arn}));
    put(&engine, "abc", "a");
    put(&engine, "abc", "b");

    let [shard] = &shards(&engine, json!({"StreamArn": arn, "Limit": 1}))[..] else {
        panic!("not one shard");
    };

    assert_eq!(&before[0], shard);
    let range = shard["SequenceNumberRange"].as_object().unwrap();
    let start = range["StartingSequenceNumber"].as_str().unwrap();
    assert!(
        start.len() >= 21 && start.bytes().all(|byte| byte.is_ascii_digit()),
        "{start}"
    );
    assert!(!range.contains_key("EndingSequenceNumber"));
    let id = shard["ShardId"].as_str().unwrap();
    // What boto3 accepts.
    assert!((28..=65).contains(&id.len()), "{id}");
    assert_eq!(
        shards(
            &engine,
            json!({"StreamArn": arn, "ExclusiveStartShardId": id})
        ),
        [json!(null); 0]
    );
    let children =
        json!({"StreamArn": arn, "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": id}});
    assert_eq!(shards(&engine, children), [json!(null); 0]);
    for (how, count) in [("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 2)] {
        let from = json!({"ShardIteratorType": how, "SequenceNumber": start});
        assert_eq!(read(&engine, &arn, from).len(), count, "{how}");
    }
    let described = ok(&engine, "DescribeStream", &json!({"StreamArn": arn}));
    assert_eq!(
        described["StreamDescription"]["KeySchema"],
        json!([{"AttributeName": "id", "KeyType": "HASH"}])
    );
}

/// API Reference, limits of the members; Alternator's tests of `Limit`, `ShardFilter`, and of streams and shards that are not there.
#[test]
fn what_names_no_stream_or_shard_and_limits_out_of_range_are_refused() {
    let engine = at("memory://");
    let arn = with_stream(&engine, "users");
    create(&engine, "others");
    let shard = shards(&engine, json!({"StreamArn": arn}))[0]["ShardId"].clone();
    let latest = |arn: &str, shard: &Value| json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST"});
    let iterator = ok(&engine, "GetShardIterator", &latest(&arn, &shard))["ShardIterator"].clone();
    let odd = "x".repeat(50);
    let (missing, stale) = (arn.replace("users", "others"), format!("{arn}1"));
    let filter = |filter: Value| json!({"StreamArn": arn, "ShardFilter": filter});
    let records = |limit: i64| json!({"ShardIterator": iterator, "Limit": limit});

    for (operation, body, kind, words) in [
        (
            "ListStreams",
            json!({"Limit": 0}),
            "ValidationException",
            "'limit'",
        ),
        (
            "ListStreams",
            json!({"Limit": 101}),
            "ValidationException",
            "less than or equal to 100",
        ),
        (
            "ListStreams",
            json!({"ExclusiveStartStreamArn": odd}),
            "ValidationException",
            "StreamArn",
        ),
        (
            "DescribeStream",
            json!({}),
            "ValidationException",
            "'streamArn'",
        ),
        (
            "DescribeStream",
            json!({"StreamArn": "arn"}),
            "ValidationException",
            "equal to 37",
        ),
        (
            "DescribeStream",
            json!({"StreamArn": odd}),
            "ValidationException",
            "StreamArn",
        ),
        (
            "DescribeStream",
            json!({"StreamArn": missing}),
            "ResourceNotFoundException",
            "not found",
        ),
        (
            "DescribeStream",
            json!({"StreamArn": stale}),
            "ResourceNotFoundException",
            "not found",
        ),
        (
            "DescribeStream",
            json!({"StreamArn": arn, "Limit": 101}),
            "ValidationException",
            "'limit'",
        ),
        (
            "DescribeStream",
            filter(json!({"ShardId": shard})),
            "ValidationException",
            "shardFilter.type",
        ),
        (
            "DescribeStream",
            filter(json!({"ShardId": shard, "Type": "foo"})),
            "ValidationException",
            "CHILD_SHARDS",
        ),
        (
            "DescribeStream",
            filter(json!({"Type": "CHILD_SHARDS"})),
            "ValidationException",
            "shardFilter.shardId",
        ),
        (
            "DescribeStream",
            filter(json!({"ShardId": "a", "Type": "CHILD_SHARDS"})),
            "ValidationException",
            "equal to 28",
        ),
        (
            "GetShardIterator",
            latest(&odd, &shard),
            "ValidationException",
            "StreamArn",
        ),
        (
            "GetShardIterator",
            latest(&stale, &shard),
            "ResourceNotFoundException",
            "not found",
        ),
        (
            "GetShardIterator",
            latest(&arn, &json!(odd)),
            "ResourceNotFoundException",
            "not found",
        ),
        ("GetRecords", records(0), "ValidationException", "'limit'"),
        ("GetRecords", records(-1), "ValidationException", "'limit'"),
        (
            "GetRecords",
            records(1001),
            "ValidationException",
            "equal to 1000",
        ),
    ] {
        assert_refused(&engine, operation, body, kind, words);
    }
    ok(&engine, "GetRecords", &records(1000));
    assert_eq!(
        ok(&engine, "ListStreams", &json!({"Limit": 100}))["Streams"][0]["StreamArn"],
        arn
    );
}

/// Alternator's `test_streams_change_type`, `test_streams_enable_on_enabled`, `test_streams_disable_on_disabled` and
/// `test_create_streams_wrong_type`; the words are those of AWS in public reports.
#[test]
fn a_stream_is_turned_on_and_off_once() {
    let engine = at("memory://");
    create(&engine, "users");
    let off = json!({"StreamEnabled": false});
    let update =
        |specification: &Value| json!({"TableName": "users", "StreamSpecification": specification});
    let refused = |specification: &Value, words: &str| {
        assert_refused(
            &engine,
            "UpdateTable",
            update(specification),
            "ValidationException",
            words,
        );
    };

    refused(&off, "Table has no stream to disable: TableName: users");
    refused(
        &stream("Fisk"),
        "'Fisk' at 'streamSpecification.streamViewType'",
    );
    let mut created = table_of("created");
    created["StreamSpecification"] = stream("Fisk");
    assert_refused(
        &engine,
        "CreateTable",
        created,
        "ValidationException",
        "'Fisk'",
    );

    ok(&engine, "UpdateTable", &update(&stream("KEYS_ONLY")));
    for view in ["KEYS_ONLY", "OLD_IMAGE"] {
        refused(
            &stream(view),
            "Table already has an enabled stream: TableName: users",
        );
    }
    ok(&engine, "UpdateTable", &update(&off));
    refused(&off, "Table has no stream to disable");
}

/// Alternator's `test_streams_reenable`: a stream that is turned on again has another name, and none of the records from before.
#[test]
fn a_new_stream_of_a_table_starts_empty() {
    let engine = at("memory://");
    let before = with_stream(&engine, "users");
    put(&engine, "users", "a");
    assert_eq!(
        update_stream(&engine, json!({"StreamEnabled": false})).0,
        200
    );
    put(&engine, "users", "unseen");

    let (_, updated) = update_stream(&engine, stream("KEYS_ONLY"));
    let after = updated["TableDescription"]["LatestStreamArn"]
        .as_str()
        .unwrap();
    let all = || read(&engine, after, json!({"ShardIteratorType": "TRIM_HORIZON"}));

    assert_ne!(before, after);
    assert_refused(
        &engine,
        "DescribeStream",
        json!({"StreamArn": before}),
        "ResourceNotFoundException",
        "",
    );
    assert_eq!(all(), [""; 0]);
    put(&engine, "users", "b");
    assert_eq!(all(), ["b"]);
    let start = &shards(&engine, json!({"StreamArn": after}))[0]["SequenceNumberRange"];
    let from = json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": start["StartingSequenceNumber"]});
    assert_eq!(read(&engine, after, from), ["b"]);
}

/// Developer Guide, "Change data capture for DynamoDB Streams": a write that changes no data has no record; Alternator's
/// `test_streams_updateitem_identical` and `test_streams_batch_overwrite_identical`.
#[test]
fn a_write_that_changes_nothing_has_no_record() {
    let engine = at("memory://");
    let arn = with_stream(&engine, "users");
    let item = |id: &str, set: Value| json!({"TableName": "users", "Item": {"id": {"S": id}, "m": {"M": {"s": {"SS": set}, "l": {"L": [{"N": "1"}]}}}}});
    ok(&engine, "PutItem", &item("a", json!(["x", "y"])));
    for _ in 0..3 {
        ok(&engine, "PutItem", &item("a", json!(["y", "x"])));
    }
    let remove = json!({"TableName": "users", "Key": {"id": {"S": "a"}}, "UpdateExpression": "REMOVE absent"});
    ok(&engine, "UpdateItem", &remove);
    ok(&engine, "PutItem", &item("b", json!(["x"])));
    ok(&engine, "PutItem", &item("b", json!(["x", "z"])));

    assert_eq!(
        read(&engine, &arn, json!({"ShardIteratorType": "TRIM_HORIZON"})),
        ["a", "b", "b"]
    );
    // No page is empty before the end, though the second to the fourth record count for nothing.
    let shard = shards(&engine, json!({"StreamArn": arn}))[0]["ShardId"].clone();
    let body = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = ok(&engine, "GetShardIterator", &body)["ShardIterator"].clone();
    for count in [1, 1, 1, 0] {
        let page = ok(
            &engine,
            "GetRecords",
            &json!({"ShardIterator": iterator, "Limit": 1}),
        );
        assert_eq!(page["Records"].as_array().unwrap().len(), count);
        iterator = page["NextShardIterator"].clone();
    }
}

/// The same for every view, whose images are those of the API Reference, `StreamSpecification`; Alternator's `test_streams_1_keys_only` and
/// those of the other views.
#[test]
fn a_stream_has_the_images_of_its_view() {
    for (view, members) in [
        ("KEYS_ONLY", &[][..]),
        ("NEW_IMAGE", &["NewImage"]),
        ("OLD_IMAGE", &["OldImage"]),
        ("NEW_AND_OLD_IMAGES", &["NewImage", "OldImage"]),
    ] {
        let engine = at("memory://");
        create(&engine, "users");
        let (_, updated) = update_stream(&engine, stream(view));
        let mut created = table_of("created");
        created["StreamSpecification"] = stream(view);
        let created = ok(&engine, "CreateTable", &created);
        for (table, answer) in [("users", &updated), ("created", &created)] {
            let described = ok(&engine, "DescribeTable", &json!({"TableName": table}));
            for specification in [&answer["TableDescription"], &described["Table"]] {
                assert_eq!(specification["StreamSpecification"], stream(view));
            }
            let item = |text: &str| json!({"TableName": table, "Item": {"id": {"S": "a"}, "text": {"S": text}}});
            for text in ["one", "one", "two", "two"] {
                ok(&engine, "PutItem", &item(text));
            }
            ok(&engine, "DeleteItem", &support::key_of(table, "a"));

            let arn = &answer["TableDescription"]["LatestStreamArn"];
            let stream =
                &ok(&engine, "DescribeStream", &json!({"StreamArn": arn}))["StreamDescription"];
            let body = json!({"StreamArn": arn, "ShardId": stream["Shards"][0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
            let iterator = &ok(&engine, "GetShardIterator", &body)["ShardIterator"];
            let page = ok(&engine, "GetRecords", &json!({"ShardIterator": iterator}));

            assert_eq!(stream["StreamViewType"], view);
            let [inserted, modified, removed] = &page["Records"].as_array().unwrap()[..] else {
                panic!("{view}: {page}");
            };
            for (record, name, images) in [
                (inserted, "INSERT", &["NewImage"][..]),
                (modified, "MODIFY", &["NewImage", "OldImage"]),
                (removed, "REMOVE", &["OldImage"]),
            ] {
                assert_eq!(record["eventName"], name);
                let change = record["dynamodb"].as_object().unwrap();
                assert_eq!(change["StreamViewType"], view);
                assert!(change["SizeBytes"].as_i64().unwrap() > 0);
                for image in ["NewImage", "OldImage"] {
                    let is_there = images.contains(&image) && members.contains(&image);
                    assert_eq!(
                        change.contains_key(image),
                        is_there,
                        "{view} {name} {image}"
                    );
                }
            }
        }
    }
}

/// API Reference, `Identity`: `PrincipalId` and `Type`, which boto3 reads by these names; Alternator's `test_ttl_expiration_streams`.
#[test]
fn a_record_of_an_expired_item_names_the_service() {
    let clock = ManualClock::new(1_000_000);
    let engine = open_with_clock(clock.arc()).unwrap();
    let arn = with_stream(&engine, "users");
    let on = json!({"TableName": "users", "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": true}});
    ok(&engine, "UpdateTimeToLive", &on);
    let item = json!({"TableName": "users", "Item": {"id": {"S": "a"}, "until": {"N": "1000001"}}});
    ok(&engine, "PutItem", &item);
    clock.tick(Duration::from_secs(10));

    let shard = shards(&engine, json!({"StreamArn": arn}))[0]["ShardId"].clone();
    let body = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = ok(&engine, "GetShardIterator", &body)["ShardIterator"].clone();
    let page = ok(&engine, "GetRecords", &json!({"ShardIterator": iterator}));

    assert_eq!(page["Records"].as_array().unwrap().len(), 2);
    assert_eq!(page["Records"][0].get("userIdentity"), None);
    assert_eq!(page["Records"][1]["eventName"], "REMOVE");
    assert_eq!(
        page["Records"][1]["userIdentity"],
        json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"})
    );
}

/// Alternator's `test_ttl_enable`, `test_ttl_disable_errors` and `test_update_ttl_errors`.
#[test]
fn time_to_live_is_turned_on_and_off_once() {
    let engine = at("memory://");
    create(&engine, "users");
    let update = |name: &str, enabled: bool| json!({"TableName": "users", "TimeToLiveSpecification": {"AttributeName": name, "Enabled": enabled}});
    let refused = |name: &str, enabled: bool, words: &str| {
        assert_refused(
            &engine,
            "UpdateTimeToLive",
            update(name, enabled),
            "ValidationException",
            words,
        );
    };

    refused("until", false, "TimeToLive is already disabled");
    refused(&"x".repeat(256), true, "length less than or equal to 255");
    ok(&engine, "UpdateTimeToLive", &update("until", true));
    refused("until", true, "TimeToLive is already enabled");
    refused("other", true, "active on a different AttributeName");
    refused("other", false, "current AttributeName is until");
    ok(&engine, "UpdateTimeToLive", &update("until", false));
    refused("until", false, "TimeToLive is already disabled");
}
