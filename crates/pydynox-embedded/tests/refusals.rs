//! What the service refuses and the engine alone would take, on every road. Each case follows a public statement of the service's
//! behaviour: the Developer Guide ("Constraints", "Expressions", "Tagging"), the API Reference, or the tests of Alternator and of dynalite,
//! which both run against AWS.
// Cases in tables are long, and json!() makes values that are read once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::too_many_lines
)]

mod support;

use serde_json::{Value, json};
use support::{Engine, at, call, ok};

/// A table with a global and two local indexes.
fn indexed(engine: &Engine) {
    let key = |partition: &str, sort: Option<&str>| {
        let mut schema = vec![json!({"AttributeName": partition, "KeyType": "HASH"})];
        schema.extend(sort.map(|sort| json!({"AttributeName": sort, "KeyType": "RANGE"})));
        Value::from(schema)
    };
    let index = |name: &str, keys: Value, projection: Value| json!({"IndexName": name, "KeySchema": keys, "Projection": projection});
    let (all, keys_only) = (
        json!({"ProjectionType": "ALL"}),
        json!({"ProjectionType": "KEYS_ONLY"}),
    );
    let defined = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    ok(
        engine,
        "CreateTable",
        &json!({
            "TableName": "items", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("p", Some("c")),
            "AttributeDefinitions": [defined("p", "S"), defined("c", "S"), defined("x", "S"), defined("y", "S"), defined("b", "B")],
            "GlobalSecondaryIndexes": [
                index("by_x", key("x", Some("y")), all), index("only_keys", key("x", None), keys_only.clone()),
                index("by_b", key("b", None), keys_only.clone()),
            ],
            "LocalSecondaryIndexes": [index("local_y", key("p", Some("y")), keys_only)],
        }),
    );
}

fn key() -> Value {
    json!({"p": {"S": "1"}, "c": {"S": "1"}})
}

fn with(base: Value, extra: Value) -> Value {
    let mut base = base;
    base.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    base
}

/// The name of the error, and its message.
fn refusal(engine: &Engine, operation: &str, body: &Value) -> (String, String) {
    let (status, answer) = call(engine, operation, body);
    assert_eq!(status, 400, "{operation} {body}: {answer}");
    let kind = answer["__type"].as_str().unwrap();
    let message = answer.get("message").or_else(|| answer.get("Message"));
    (
        kind.rsplit('#').next().unwrap().to_owned(),
        message
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    )
}

fn assert_invalid(engine: &Engine, operation: &str, body: &Value, words: &str) {
    let (kind, message) = refusal(engine, operation, body);
    assert_eq!(kind, "ValidationException", "{operation}: {message}");
    assert!(message.contains(words), "{operation}: {message}");
}

/// Developer Guide, "Constraints": a partition key has up to 2,048 bytes, a sort key up to 1,024; Alternator's
/// `test_gsi_limit_partition_key_len_2048` and `test_gsi_limit_sort_key_len_1024` show that keys of indexes are refused too.
#[test]
fn a_value_too_large_for_the_key_of_an_index_is_refused_on_every_road() {
    let engine = at("memory://");
    indexed(&engine);
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "items", "Item": with(key(), json!({"long": {"S": "a".repeat(3000)}}))}),
    );
    let large_binary = || json!({"B": "YWFh".repeat(700)});
    for (attribute, value, words) in [
        ("x", json!({"S": "a".repeat(2049)}), "2048 bytes"),
        ("y", json!({"S": "a".repeat(1025)}), "1024 bytes"),
        ("b", large_binary(), "2048 bytes"),
    ] {
        let item = with(key(), json!({attribute: value}));
        let put = json!({"TableName": "items", "Item": item});
        let update = json!({
            "TableName": "items", "Key": key(), "UpdateExpression": format!("SET {attribute} = :v, q = :v"),
            "ExpressionAttributeValues": {":v": value},
        });
        let insert = json!({"Statement": format!("INSERT INTO \"items\" VALUE {{'p': 'n', 'c': 'n', '{attribute}': ?}}"), "Parameters": [value]});
        let set = json!({"Statement": format!("UPDATE items SET {attribute} = ? WHERE p = '1' AND c = '1'"), "Parameters": [value]});
        for (operation, body) in [
            ("PutItem", put.clone()),
            ("UpdateItem", update.clone()),
            (
                "UpdateItem",
                json!({"TableName": "items", "Key": key(), "AttributeUpdates": {attribute: {"Action": "PUT", "Value": value}}}),
            ),
            (
                "BatchWriteItem",
                json!({"RequestItems": {"items": [{"PutRequest": {"Item": item}}]}}),
            ),
            ("ExecuteStatement", insert.clone()),
            ("ExecuteStatement", set.clone()),
        ] {
            assert_invalid(&engine, operation, &body, words);
        }
        let fine = json!({"ConditionCheck": {"TableName": "items", "Key": key(), "ConditionExpression": "attribute_exists(p)"}});
        for (operation, body) in [
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Put": put}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Update": update}]}),
            ),
            (
                "ExecuteTransaction",
                json!({"TransactStatements": [insert]}),
            ),
        ] {
            let (_, answer) = call(&engine, operation, &body);
            let reason = &answer["CancellationReasons"][0];
            assert_eq!(reason["Code"], "ValidationError", "{answer}");
            assert!(
                reason["Message"].as_str().unwrap().contains(words),
                "{answer}"
            );
        }
        let other = json!({"Put": {"TableName": "items", "Item": with(json!({"p": {"S": "2"}, "c": {"S": "1"}}), json!({attribute: value}))}});
        let (_, answer) = call(
            &engine,
            "TransactWriteItems",
            &json!({"TransactItems": [fine, other]}),
        );
        assert_eq!(answer["CancellationReasons"][0]["Code"], "None", "{answer}");
        assert_eq!(
            answer["CancellationReasons"][1]["Code"], "ValidationError",
            "{answer}"
        );
        let batch = json!({"Statements": [{"Statement": "SELECT * FROM items WHERE p = '1' AND c = '1'"}, set]});
        let answers = ok(&engine, "BatchExecuteStatement", &batch);
        assert!(answers["Responses"][0]["Item"].is_object(), "{answers}");
        assert!(
            answers["Responses"][1]["Error"]["Message"]
                .as_str()
                .unwrap()
                .contains(words),
            "{answers}"
        );
    }
    // From another attribute, or from nothing.
    for text in ["SET x = #l", "SET x = if_not_exists(none, #l)"] {
        let copy = json!({"TableName": "items", "Key": key(), "UpdateExpression": text, "ExpressionAttributeNames": {"#l": "long"}});
        assert_invalid(&engine, "UpdateItem", &copy, "2048 bytes");
    }
    let stored = ok(&engine, "Scan", &json!({"TableName": "items"}));
    assert_eq!(stored["Count"], 1);
    assert!(stored["Items"][0].get("x").is_none());
    // What fits is stored.
    let fits = with(
        key(),
        json!({"x": {"S": "a".repeat(2048)}, "y": {"S": "a".repeat(1024)}, "long": {"S": "a".repeat(4000)}}),
    );
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "items", "Item": fits}),
    );
}

/// The API Reference of `PutItem` ("empty string or binary values aren't allowed for key attributes") and Alternator's
/// `test_gsi_wrong_type_attribute_*`.
#[test]
fn an_empty_value_or_another_type_in_the_key_of_an_index_is_refused_on_every_road() {
    let engine = at("memory://");
    indexed(&engine);
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "items", "Item": key()}),
    );
    for (attribute, value) in [
        ("x", json!({"S": ""})),
        ("x", json!({"N": "1"})),
        ("x", json!({"NULL": true})),
        ("y", json!({"BOOL": true})),
        ("b", json!({"B": ""})),
    ] {
        let item = with(key(), json!({attribute: value}));
        let update = json!({
            "TableName": "items", "Key": key(), "UpdateExpression": format!("SET {attribute} = :v"),
            "ExpressionAttributeValues": {":v": value},
        });
        let set = json!({"Statement": format!("UPDATE items SET {attribute} = ? WHERE p = '1' AND c = '1'"), "Parameters": [value]});
        for (operation, body) in [
            ("PutItem", json!({"TableName": "items", "Item": item})),
            ("UpdateItem", update.clone()),
            (
                "BatchWriteItem",
                json!({"RequestItems": {"items": [{"PutRequest": {"Item": item}}]}}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Put": {"TableName": "items", "Item": item}}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Update": update}]}),
            ),
            ("ExecuteStatement", set.clone()),
            ("ExecuteTransaction", json!({"TransactStatements": [set]})),
        ] {
            let (kind, message) = refusal(&engine, operation, &body);
            assert!(
                matches!(
                    kind.as_str(),
                    "ValidationException" | "TransactionCanceledException"
                ),
                "{operation} {value}: {kind} {message}"
            );
        }
    }
}

/// Alternator's `test_limit_attribute_length_nonkey_bad`: names have at most 65,535 bytes.
#[test]
fn the_name_of_an_attribute_is_at_most_65535_bytes_long() {
    let engine = at("memory://");
    indexed(&engine);
    let long = "n".repeat(65_536);
    let named = |extra: Value| {
        with(
            json!({"TableName": "items", "Key": key(), "ExpressionAttributeNames": {"#n": long}}),
            extra,
        )
    };
    for (operation, body) in [
        (
            "PutItem",
            json!({"TableName": "items", "Item": with(key(), json!({&long: {"S": "a"}}))}),
        ),
        (
            "PutItem",
            json!({"TableName": "items", "Item": with(key(), json!({"m": {"M": {&long: {"S": "a"}}}}))}),
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"items": [{"PutRequest": {"Item": with(key(), json!({&long: {"S": "a"}}))}}]}}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"TableName": "items", "Item": with(key(), json!({&long: {"S": "a"}}))}}]}),
        ),
        (
            "UpdateItem",
            named(json!({"UpdateExpression": "REMOVE #n"})),
        ),
        (
            "UpdateItem",
            json!({"TableName": "items", "Key": key(), "AttributeUpdates": {&long: {"Action": "DELETE"}}}),
        ),
        ("GetItem", named(json!({"ProjectionExpression": "#n"}))),
        (
            "GetItem",
            json!({"TableName": "items", "Key": key(), "AttributesToGet": [long]}),
        ),
    ] {
        assert_invalid(&engine, operation, &body, "65535");
    }
    let fits = with(key(), json!({"n".repeat(65_535): {"S": "a"}}));
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "items", "Item": fits}),
    );
}

/// The roads of the expressions that the unit tests of the gate show; the words are those of the tests of dynalite and Alternator.
#[test]
fn an_expression_is_refused_wherever_it_can_be() {
    let engine = at("memory://");
    indexed(&engine);
    let values = |extra: Value| {
        with(
            json!({"TableName": "items"}),
            json!({"ExpressionAttributeValues": extra}),
        )
    };
    for (text, value, words) in [
        ("q < :v", json!({"L": []}), "operand type: L"),
        ("q BETWEEN :v AND :v", json!({"M": {}}), "operand type: M"),
        (
            "Contains(q, :v)",
            json!({"S": "a"}),
            "Invalid function name; function: Contains",
        ),
        ("_q = :v", json!({"S": "a"}), "Syntax error; token: \"_\""),
        (
            "attribute_type(q, :v)",
            json!({"S": "X"}),
            "Invalid attribute type name found; type: X",
        ),
        ("((q = :v))", json!({"S": "a"}), "redundant parentheses"),
    ] {
        let condition = |extra: Value| {
            with(
                values(json!({":v": value})),
                with(extra, json!({"ConditionExpression": text})),
            )
        };
        let filter = |extra: Value| {
            with(
                values(json!({":v": value, ":p": {"S": "1"}})),
                with(extra, json!({"FilterExpression": text})),
            )
        };
        let update = condition(json!({"Key": key(), "UpdateExpression": "SET a = :v"}));
        for (operation, body) in [
            ("PutItem", condition(json!({"Item": key()}))),
            ("UpdateItem", update.clone()),
            ("DeleteItem", condition(json!({"Key": key()}))),
            ("Query", filter(json!({"KeyConditionExpression": "p = :p"}))),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Update": update}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Put": condition(json!({"Item": key()}))}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Delete": condition(json!({"Key": key()}))}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"ConditionCheck": condition(json!({"Key": key()}))}]}),
            ),
        ] {
            assert_invalid(&engine, operation, &body, words);
        }
        let scan = with(
            values(json!({":v": value})),
            json!({"FilterExpression": text}),
        );
        assert_invalid(&engine, "Scan", &scan, words);
    }
    // An operation on one item has an envelope around it, as the service has had since October 2026.
    let (_, message) = refusal(
        &engine,
        "PutItem",
        &with(
            values(json!({":v": {"L": []}})),
            json!({"Item": key(), "ConditionExpression": "q < :v"}),
        ),
    );
    assert!(
        message.starts_with("1 validation error detected: Invalid ConditionExpression: "),
        "{message}"
    );
    let conflict = json!({"Key": key(), "ProjectionExpression": "a.b, a[1]"});
    for (operation, body) in [
        (
            "GetItem",
            with(json!({"TableName": "items"}), conflict.clone()),
        ),
        (
            "Scan",
            json!({"TableName": "items", "ProjectionExpression": "a.b, a[1]"}),
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {"items": {"Keys": [key()], "ProjectionExpression": "a.b, a[1]"}}}),
        ),
        (
            "TransactGetItems",
            json!({"TransactItems": [{"Get": with(json!({"TableName": "items"}), conflict)}]}),
        ),
    ] {
        assert_invalid(
            &engine,
            operation,
            &body,
            "Two document paths conflict with each other",
        );
    }
}

/// "`ExpressionAttributeValues` must not be empty": dynalite's tests of `UpdateItem`, `Query` and `Scan`.
#[test]
fn placeholders_that_are_given_are_not_empty() {
    let engine = at("memory://");
    indexed(&engine);
    let update = json!({"TableName": "items", "Key": key(), "UpdateExpression": "REMOVE a"});
    let exists =
        json!({"TableName": "items", "Key": key(), "ConditionExpression": "attribute_exists(p)"});
    for member in ["ExpressionAttributeValues", "ExpressionAttributeNames"] {
        let empty = json!({member: {}});
        for (operation, body) in [
            ("UpdateItem", with(update.clone(), empty.clone())),
            ("DeleteItem", with(exists.clone(), empty.clone())),
            (
                "Scan",
                with(
                    json!({"TableName": "items", "FilterExpression": "attribute_exists(p)"}),
                    empty.clone(),
                ),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"Update": with(update.clone(), empty.clone())}]}),
            ),
            (
                "TransactWriteItems",
                json!({"TransactItems": [{"ConditionCheck": with(exists.clone(), empty.clone())}]}),
            ),
        ] {
            assert_invalid(
                &engine,
                operation,
                &body,
                &format!("{member} must not be empty"),
            );
        }
    }
}

/// Alternator's tests of `UpdateTable` (`test_gsi_updatetable.py`) and of `CreateTable` (`test_table.py`, `test_limits.py`).
#[test]
fn definitions_of_tables_and_indexes_do_not_contradict_each_other() {
    let engine = at("memory://");
    indexed(&engine);
    let defined = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let index = |name: &str, attribute: &str| json!({"IndexName": name, "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}});
    let change = |definitions: Value, updates: Value| json!({"TableName": "items", "AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": updates});
    let long = "n".repeat(256);
    for (body, words) in [
        (
            change(
                json!([defined("x", "S")]),
                json!([{"Create": index("local_y", "x")}]),
            ),
            "already exists: local_y",
        ),
        (
            change(
                json!([defined("x", "N")]),
                json!([{"Create": index("other", "x")}]),
            ),
            "Attributes cannot be redefined",
        ),
        (
            change(
                json!([defined("p", "B"), defined("z", "S")]),
                json!([{"Create": index("other", "z")}]),
            ),
            "Attributes cannot be redefined",
        ),
        (
            change(
                json!([defined("z", "S"), defined("z", "N")]),
                json!([{"Create": index("other", "z")}]),
            ),
            "Duplicate AttributeName",
        ),
        (
            change(
                json!([defined(&long, "S")]),
                json!([{"Create": index("other", &long)}]),
            ),
            "less than or equal to 255",
        ),
        (
            change(
                json!([defined("z", "S")]),
                json!([{"Create": index("other", "z"), "Delete": {"IndexName": "by_x"}}]),
            ),
            "Exactly one",
        ),
    ] {
        assert_invalid(&engine, "UpdateTable", &body, words);
    }
    let (kind, _) = refusal(
        &engine,
        "UpdateTable",
        &change(
            json!([]),
            json!([{"Delete": {"IndexName": "by_x"}}, {"Delete": {"IndexName": "by_b"}}]),
        ),
    );
    assert_eq!(kind, "LimitExceededException");
    let table = |extra: Value| {
        with(
            json!({
                "TableName": "other", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
                "AttributeDefinitions": [defined("p", "S")],
            }),
            extra,
        )
    };
    let include = |names: Value| {
        let projection = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names});
        json!({"GlobalSecondaryIndexes": [with(index("by_p", "p"), json!({"Projection": projection}))]})
    };
    for (body, words) in [
        (
            table(json!({"AttributeDefinitions": [defined("p", "S"), defined("p", "N")]})),
            "Duplicate AttributeName",
        ),
        (
            table(
                json!({"AttributeDefinitions": [defined(&long, "S")], "KeySchema": [{"AttributeName": long, "KeyType": "HASH"}]}),
            ),
            "less than or equal to 255",
        ),
        (
            table(include(json!(["a", "a"]))),
            "Duplicate entries in NonKeyAttributes",
        ),
        (table(include(json!([long]))), "less than or equal to 255"),
        (
            table(
                json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
            ),
            "BillingMode is PAY_PER_REQUEST",
        ),
    ] {
        assert_invalid(&engine, "CreateTable", &body, words);
    }
    let mut provisioned = table(json!({}));
    provisioned.as_object_mut().unwrap().remove("BillingMode");
    assert_invalid(
        &engine,
        "CreateTable",
        &provisioned,
        "must both be specified when BillingMode is PROVISIONED",
    );
    ok(&engine, "CreateTable", &table(include(json!(["a", "b"]))));
}

/// Developer Guide, "Tagging restrictions in DynamoDB".
#[test]
fn tags_have_limits_from_the_creation_of_a_table_on() {
    let engine = at("memory://");
    indexed(&engine);
    let description = ok(&engine, "DescribeTable", &json!({"TableName": "items"}));
    let resource = &description["Table"]["TableArn"];
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let many: Vec<_> = (0..51).map(|number| tag(&number.to_string(), "")).collect();
    for (tags, words) in [
        (json!(many), "tag limit is 50"),
        (json!([tag(&"k".repeat(129), "v")]), "128 characters"),
        (json!([tag("k", &"v".repeat(257))]), "256 characters"),
        (json!([tag("aws:k", "v")]), "aws:"),
        (json!([tag("k!", "v")]), "invalid character '!'"),
        (json!([tag("k", "v"), tag("k", "w")]), "Duplicate tag key"),
    ] {
        assert_invalid(
            &engine,
            "TagResource",
            &json!({"ResourceArn": resource, "Tags": tags}),
            words,
        );
        let mut table = support::table_of("tagged");
        table["Tags"] = tags;
        assert_invalid(&engine, "CreateTable", &table, words);
    }
    let (kind, _) = refusal(&engine, "DescribeTable", &json!({"TableName": "tagged"}));
    assert_eq!(kind, "ResourceNotFoundException");
    let index = format!("{}/index/by_x", resource.as_str().unwrap());
    for operation in ["TagResource", "ListTagsOfResource"] {
        let body = json!({"ResourceArn": index, "Tags": [tag("k", "v")]});
        assert_invalid(&engine, operation, &body, "Invalid ResourceArn");
    }
}

/// dynalite's tests of `Query` and of `Scan`, and Alternator's `test_query_filter.py` and `test_expected.py`.
#[test]
fn a_read_that_cannot_find_anything_is_refused() {
    let engine = at("memory://");
    indexed(&engine);
    let query = |index: Option<&str>, condition: &str, values: Value| {
        let mut body = json!({"TableName": "items", "KeyConditionExpression": condition, "ExpressionAttributeValues": values});
        if let Some(index) = index {
            body["IndexName"] = json!(index);
        }
        body
    };
    let text = |length: usize| json!({"S": "a".repeat(length)});
    for (body, words) in [
        (
            query(None, "p = :p", json!({":p": text(2049)})),
            "2048 bytes",
        ),
        (
            query(
                None,
                "p = :p AND c > :c",
                json!({":p": text(1), ":c": text(1025)}),
            ),
            "1024 bytes",
        ),
        (
            query(None, "p = :p", json!({":p": text(0)})),
            "cannot contain an empty string value. Key: p",
        ),
        (
            query(Some("by_x"), "x = :p", json!({":p": text(2049)})),
            "2048 bytes",
        ),
        (
            query(Some("by_x"), "x = :p", json!({":p": text(0)})),
            "Key: x",
        ),
        (
            json!({"TableName": "items", "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [text(2049)]}}}),
            "2048 bytes",
        ),
        (
            with(
                query(Some("missing"), "p = :p", json!({":p": text(1)})),
                json!({"ConsistentRead": true}),
            ),
            "does not have the specified index: missing",
        ),
        (
            with(
                query(None, "p = :p", json!({":p": text(1)})),
                json!({"AttributesToGet": []}),
            ),
            "attributesToGet",
        ),
    ] {
        assert_invalid(&engine, "Query", &body, words);
    }
    let backwards = json!({"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [{"N": "2"}, {"N": "1"}]}});
    for (operation, body) in [
        (
            "Scan",
            json!({"TableName": "items", "ScanFilter": backwards}),
        ),
        (
            "PutItem",
            json!({"TableName": "items", "Item": key(), "Expected": backwards}),
        ),
        (
            "DeleteItem",
            json!({"TableName": "items", "Key": key(), "Expected": backwards}),
        ),
    ] {
        assert_invalid(
            &engine,
            operation,
            &body,
            "lower bound is greater than the upper bound",
        );
    }
}

/// dynalite's test of `Scan`: "Please use `ExclusiveStartKey` with correct Segment".
#[test]
fn a_segment_does_not_start_at_an_item_of_another() {
    let engine = at("memory://");
    support::create(&engine, "users");
    let page = |segment: u32, start: Option<&Value>| {
        let mut body =
            json!({"TableName": "users", "Segment": segment, "TotalSegments": 4, "Limit": 1});
        if let Some(start) = start {
            body["ExclusiveStartKey"] = start.clone();
        }
        body
    };
    for number in 0..20 {
        support::put(&engine, "users", &number.to_string());
    }
    let start = ok(&engine, "Scan", &page(2, None))["LastEvaluatedKey"].clone();

    ok(&engine, "Scan", &page(2, Some(&start)));
    for segment in [0, 1, 3] {
        assert_invalid(
            &engine,
            "Scan",
            &page(segment, Some(&start)),
            &format!(
                "Please use ExclusiveStartKey with correct Segment. TotalSegments: 4 Segment: {segment}"
            ),
        );
    }
}
