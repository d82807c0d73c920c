//! Answers of the engine that are made those of the service. Each case follows a public statement of the service's behaviour: the
//! Developer Guide, the API Reference, or the tests of Alternator and of dynalite, which both run against AWS.
// Cases in tables are long, and json!() makes values that are read once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    clippy::too_many_lines
)]

mod support;

use serde_json::{Value, json};
use support::{Engine, at, call, create, ok, request, table_of, wait};

fn update(engine: &Engine, expression: &str, values: Value, returned: &str) -> Value {
    let mut body = json!({
        "TableName": "users", "Key": {"id": {"S": "a"}}, "UpdateExpression": expression, "ReturnValues": returned,
    });
    if values != json!({}) {
        body["ExpressionAttributeValues"] = values;
    }
    ok(engine, "UpdateItem", &body)["Attributes"].clone()
}

/// Alternator's `test_update_item_returnvalues_nested`.
#[test]
fn an_update_returns_only_the_parts_that_it_updated() {
    let engine = at("memory://");
    create(&engine, "users");
    let numbers = json!({"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]});
    let item =
        json!({"id": {"S": "a"}, "m": {"M": {"b": {"S": "dog"}, "c": numbers}}, "d": {"S": "cat"}});
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "users", "Item": item}),
    );
    let value = |text: &str| json!({":v": {"N": text}});
    let element = |text: &str| json!({"m": {"M": {"c": {"L": [{"N": text}]}}}});

    assert_eq!(
        update(&engine, "SET m.c[1] = :v", value("7"), "UPDATED_OLD"),
        element("2")
    );
    assert_eq!(
        update(&engine, "SET m.c[1] = :v", value("4"), "UPDATED_NEW"),
        element("4")
    );
    assert_eq!(
        update(
            &engine,
            "SET m.c[2] = :v, m.c[0] = :v, m.b = :v, e = :v",
            value("8"),
            "UPDATED_NEW"
        ),
        json!({"m": {"M": {"b": {"N": "8"}, "c": {"L": [{"N": "8"}, {"N": "8"}]}}}, "e": {"N": "8"}})
    );
    // What there was not is not in it; a removed element is replaced by the next.
    assert_eq!(
        update(&engine, "SET m.n = :v", value("8"), "UPDATED_OLD"),
        Value::Null
    );
    assert_eq!(
        update(&engine, "SET m.c[100] = :v", value("70"), "UPDATED_NEW"),
        Value::Null
    );
    assert_eq!(
        update(&engine, "REMOVE m.c[2], m.c[9]", json!({}), "UPDATED_OLD"),
        element("8")
    );
    assert_eq!(
        update(&engine, "REMOVE m.c[1]", json!({}), "UPDATED_NEW"),
        element("70")
    );
    // Whole attributes as before.
    assert_eq!(
        update(&engine, "SET d = :v", value("1"), "UPDATED_OLD"),
        json!({"d": {"S": "cat"}})
    );
}

/// Alternator's `test_update_item_returnvalues_all_old`.
#[test]
fn an_item_that_was_not_there_has_no_old_values() {
    let engine = at("memory://");
    create(&engine, "users");

    assert_eq!(
        update(&engine, "SET d = :v", json!({":v": {"N": "1"}}), "ALL_OLD"),
        Value::Null
    );
    assert_eq!(
        update(&engine, "SET d = :v", json!({":v": {"N": "2"}}), "ALL_OLD"),
        json!({"id": {"S": "a"}, "d": {"N": "1"}})
    );
}

/// Developer Guide, "Data types": leading and trailing zeroes are trimmed; Alternator's `test_number_set_normalization`.
#[test]
fn members_of_number_sets_are_compared_by_value() {
    let engine = at("memory://");
    create(&engine, "users");
    let item = json!({"id": {"S": "a"}, "n": {"NS": ["1"]}, "m": {"M": {"n": {"NS": ["5"]}}}});
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "users", "Item": item}),
    );
    let set = |members: Value| json!({":v": {"NS": members}});

    update(
        &engine,
        "ADD n :v, m.n :v",
        set(json!(["1.0", "02", "5E0"])),
        "NONE",
    );
    let added = ok(&engine, "GetItem", &support::key_of("users", "a"))["Item"].clone();
    assert_eq!(added["n"], json!({"NS": ["1", "2", "5"]}));
    assert_eq!(added["m"]["M"]["n"], json!({"NS": ["1", "2", "5"]}));
    assert_eq!(
        update(
            &engine,
            "DELETE n :v",
            set(json!(["1.00", "5"])),
            "UPDATED_NEW"
        ),
        json!({"n": {"NS": ["2"]}})
    );
    let legacy = json!({"TableName": "users", "Key": {"id": {"S": "a"}}, "AttributeUpdates": {"n": {"Action": "ADD", "Value": {"NS": ["2.0", "3"]}}}});
    ok(&engine, "UpdateItem", &legacy);
    let transaction = json!({"TransactItems": [{"Update": {
        "TableName": "users", "Key": {"id": {"S": "a"}}, "UpdateExpression": "DELETE n :v", "ExpressionAttributeValues": set(json!(["3.0"])),
    }}]});
    ok(&engine, "TransactWriteItems", &transaction);
    assert_eq!(
        ok(&engine, "GetItem", &support::key_of("users", "a"))["Item"]["n"],
        json!({"NS": ["2"]})
    );
}

fn indexed(engine: &Engine) {
    let defined = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let key = |partition: &str, sort: &str| json!([{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]);
    let index = |name: &str, key: Value| json!({"IndexName": name, "KeySchema": key, "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]}});
    let table = json!({
        "TableName": "items", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("p", "c"),
        "AttributeDefinitions": [defined("p"), defined("c"), defined("y")],
        "LocalSecondaryIndexes": [index("local", key("p", "y"))], "GlobalSecondaryIndexes": [index("global", key("y", "p"))],
    });
    ok(engine, "CreateTable", &table);
    for number in 0..3 {
        let item = json!({
            "p": {"S": "1"}, "c": {"S": number.to_string()}, "y": {"S": "y"}, "a": {"S": "a"},
            "m": {"M": {"x": {"N": number.to_string()}, "z": {"N": "0"}}},
        });
        ok(
            engine,
            "PutItem",
            &json!({"TableName": "items", "Item": item}),
        );
    }
}

fn query(index: &str, extra: Value) -> Value {
    let (condition, values) = if index == "local" {
        ("p = :p", json!({":p": {"S": "1"}}))
    } else {
        ("y = :y", json!({":y": {"S": "y"}}))
    };
    let mut body = json!({"TableName": "items", "IndexName": index, "KeyConditionExpression": condition, "ExpressionAttributeValues": values});
    for (name, value) in extra.as_object().unwrap() {
        match body.get_mut(name).and_then(Value::as_object_mut) {
            Some(members) => members.extend(value.as_object().unwrap().clone()),
            None => body[name] = value.clone(),
        }
    }
    body
}

/// Developer Guide, "Local secondary indexes": attributes that are not projected are fetched from the table; Alternator's
/// `test_lsi_get_not_projected_attribute` and `test_lsi_query_select`.
#[test]
fn a_local_index_fetches_what_it_does_not_have() {
    let engine = at("memory://");
    indexed(&engine);
    let names = json!({"#m": "m", "#x": "x"});

    let projected = query(
        "local",
        json!({"ProjectionExpression": "#m.#x, c", "ExpressionAttributeNames": names}),
    );
    let answer = ok(&engine, "Query", &projected);
    assert_eq!(
        answer["Items"][1],
        json!({"c": {"S": "1"}, "m": {"M": {"x": {"N": "1"}}}})
    );
    let attributes = json!({
        "TableName": "items", "IndexName": "local", "AttributesToGet": ["m"],
        "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "1"}]}},
    });
    assert_eq!(
        ok(&engine, "Query", &attributes)["Items"][2],
        json!({"m": {"M": {"x": {"N": "2"}, "z": {"N": "0"}}}})
    );
    let scanned = json!({"TableName": "items", "IndexName": "local", "ProjectionExpression": "m"});
    assert_eq!(
        ok(&engine, "Scan", &scanned)["Items"][0],
        json!({"m": {"M": {"x": {"N": "0"}, "z": {"N": "0"}}}})
    );
    let whole = json!({"TableName": "items", "IndexName": "local", "Select": "ALL_ATTRIBUTES"});
    assert!(ok(&engine, "Scan", &whole)["Items"][0]["m"].is_object());
    // Pages go on after one that fetched.
    let mut paged = projected;
    paged["Limit"] = json!(2);
    let page = ok(&engine, "Query", &paged);
    paged["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
    assert_eq!(
        ok(&engine, "Query", &paged)["Items"][0]["c"],
        json!({"S": "2"})
    );
}

/// "accepts the same filter unkeyed, matching nothing" and "rejects the LSI mirror, so the rule is not about index kind": the conformance
/// suite `nubo-db/dynamodb-conformance`, which runs against AWS (`partiql/indexQualifier`); the words for `Query` are those of AWS in
/// `sensedeep/dynamodb-onetable`, issue 377.
#[test]
fn a_filter_on_what_an_index_does_not_have_is_refused_for_a_query_and_finds_nothing_in_a_scan() {
    let engine = at("memory://");
    indexed(&engine);
    let values = json!({":x": {"N": "0"}});
    let names = json!({"#m": "m"});
    let filter = json!({"FilterExpression": "#m.x >= :x AND a <> :x OR size(b) > :x", "ExpressionAttributeNames": names, "ExpressionAttributeValues": values});
    for index in ["local", "global"] {
        let older = if index == "local" {
            ("p", "1")
        } else {
            ("y", "y")
        };
        let condition =
            |value: &str| json!({"ComparisonOperator": "EQ", "AttributeValueList": [{"S": value}]});
        for body in [
            query(index, filter.clone()),
            json!({
                "TableName": "items", "IndexName": index, "KeyConditions": {older.0: condition(older.1)},
                "QueryFilter": {"m": condition("1"), "b": condition("1"), "a": condition("1")}, "ConditionalOperator": "OR",
            }),
        ] {
            let (status, answer) = call(&engine, "Query", &body);
            assert_eq!(status, 400, "{answer}");
            let words = format!(
                "One or more parameter values were invalid: Secondary index {index} does not project one or more filter attributes: [b, m]"
            );
            assert_eq!(answer["message"], words, "{body}");
        }
        let projected = query(
            index,
            json!({"FilterExpression": "a = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}),
        );
        assert_eq!(ok(&engine, "Query", &projected)["Count"], 3);
        for (text, count) in [
            ("attribute_exists(#m)", 0),
            ("#m.x >= :x", 0),
            ("NOT #m.x = :x", 3),
        ] {
            let mut scan = json!({"TableName": "items", "IndexName": index, "FilterExpression": text, "ExpressionAttributeNames": names});
            if text.contains(":x") {
                scan["ExpressionAttributeValues"] = values.clone();
            }
            let answer = ok(&engine, "Scan", &scan);
            assert_eq!(
                (&answer["Count"], &answer["ScannedCount"]),
                (&json!(count), &json!(3)),
                "{index} {text}"
            );
        }
        let older = json!({"TableName": "items", "IndexName": index, "ScanFilter": {"m": {"ComparisonOperator": "NOT_NULL"}}});
        assert_eq!(ok(&engine, "Scan", &older)["Count"], 0);
    }
    // What it projects of the table is not what it filters.
    let fetched = json!({
        "TableName": "items", "IndexName": "local", "ProjectionExpression": "#m", "FilterExpression": "attribute_exists(#m)",
        "ExpressionAttributeNames": names,
    });
    assert_eq!(ok(&engine, "Scan", &fetched)["Count"], 0);
}

/// Developer Guide, "Global secondary indexes": only projected attributes can be requested.
#[test]
fn a_global_index_refuses_what_it_does_not_have() {
    let engine = at("memory://");
    indexed(&engine);
    for (operation, body) in [
        (
            "Query",
            query("global", json!({"ProjectionExpression": "a, m.x"})),
        ),
        (
            "Scan",
            json!({"TableName": "items", "IndexName": "global", "ProjectionExpression": "m"}),
        ),
        (
            "Scan",
            json!({"TableName": "items", "IndexName": "global", "AttributesToGet": ["m"]}),
        ),
    ] {
        let (status, answer) = call(&engine, operation, &body);
        assert_eq!(status, 400, "{answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            message.contains("Global secondary index global does not project [m]"),
            "{message}"
        );
    }
    let answer = ok(
        &engine,
        "Query",
        &query("global", json!({"ProjectionExpression": "a, c"})),
    );
    assert_eq!(
        answer["Items"][0],
        json!({"a": {"S": "a"}, "c": {"S": "0"}})
    );
}

/// Developer Guide, "Managing global secondary indexes": items that violate the key are left out; Alternator's `test_gsi_backfill*`.
#[test]
fn a_new_index_leaves_out_the_items_that_do_not_fit() {
    for url in [
        "memory://".to_owned(),
        format!(
            "file://{}/items.db",
            tempfile::tempdir().unwrap().keep().display()
        ),
    ] {
        let engine = at(&url);
        create(&engine, "users");
        for (id, value) in [
            ("fits", json!({"S": "x"})),
            ("other type", json!({"N": "1"})),
            ("empty", json!({"S": ""})),
            ("large", json!({"S": "x".repeat(2049)})),
        ] {
            ok(
                &engine,
                "PutItem",
                &json!({"TableName": "users", "Item": {"id": {"S": id}, "x": value}}),
            );
        }
        let index = json!({"IndexName": "by_x", "KeySchema": [{"AttributeName": "x", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}});
        ok(
            &engine,
            "UpdateTable",
            &json!({
                "TableName": "users", "AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}],
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }),
        );

        let scan = |extra: Value| {
            let mut body = json!({"TableName": "users", "IndexName": "by_x"});
            body.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            ok(&engine, "Scan", &body)
        };
        assert_eq!(
            scan(json!({}))["Items"],
            json!([{"id": {"S": "fits"}, "x": {"S": "x"}}])
        );
        assert_eq!(
            scan(json!({"ProjectionExpression": "id"}))["Items"],
            json!([{"id": {"S": "fits"}}])
        );
        let counted = scan(json!({"Select": "COUNT"}));
        assert_eq!((&counted["Count"], counted.get("Items")), (&json!(1), None));
        // What is written from now on must fit.
        let (status, _) = call(
            &engine,
            "PutItem",
            &json!({"TableName": "users", "Item": {"id": {"S": "b"}, "x": {"N": "1"}}}),
        );
        assert_eq!(status, 400);
    }
}

/// dynalite's validation of `Query` and Alternator's `test_query_filter_expression`: `KeyConditions` go with the newer parameters.
#[test]
fn older_key_conditions_go_with_a_filter_or_a_projection() {
    let engine = at("memory://");
    indexed(&engine);
    let conditions = |operator: &str, values: Value| {
        json!({
            "p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "1"}]},
            "c": {"ComparisonOperator": operator, "AttributeValueList": values},
        })
    };
    for (operator, values, count) in [
        ("EQ", json!([{"S": "1"}]), 1),
        ("GT", json!([{"S": "0"}]), 2),
        ("LE", json!([{"S": "1"}]), 2),
        ("BETWEEN", json!([{"S": "0"}, {"S": "1"}]), 2),
        ("BEGINS_WITH", json!([{"S": "2"}]), 1),
    ] {
        let body = json!({
            "TableName": "items", "KeyConditions": conditions(operator, values), "ProjectionExpression": "a",
            "FilterExpression": "#a = :a", "ExpressionAttributeNames": {"#a": "a"}, "ExpressionAttributeValues": {":a": {"S": "a"}},
        });
        let answer = ok(&engine, "Query", &body);
        assert_eq!(answer["Count"], count, "{operator}: {answer}");
        assert_eq!(answer["Items"][0], json!({"a": {"S": "a"}}));
    }
}

/// dynalite's grammar of conditions: parentheses may stand around an operand.
#[test]
fn operands_may_have_parentheses() {
    let engine = at("memory://");
    indexed(&engine);
    let body = json!({
        "TableName": "items", "KeyConditionExpression": "(p) = (:p) AND (c BETWEEN (:low) AND :high)",
        "FilterExpression": "(a) = :a AND (size((y)) = (:one))",
        "ExpressionAttributeValues": {":p": {"S": "1"}, ":low": {"S": "0"}, ":high": {"S": "1"}, ":a": {"S": "a"}, ":one": {"N": "1"}},
    });
    assert_eq!(ok(&engine, "Query", &body)["Count"], 2);
}

/// Alternator's `test_update_condition_size_parameter` and `test_update_condition_attribute_type`.
#[test]
fn size_and_attribute_type_take_values() {
    let engine = at("memory://");
    create(&engine, "users");
    let values = json!({
        ":s": {"S": "abc"}, ":l": {"L": [{"N": "1"}]}, ":m": {"M": {}}, ":ss": {"SS": ["a", "b"]}, ":b": {"B": "YWFhYQ=="}, ":n": {"N": "3"},
        ":four": {"N": "4"}, ":N": {"S": "N"}, ":S": {"S": "S"},
    });
    let given = |text: &str, body: Value| {
        let mut body = body;
        let used: Value = values
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| {
                text.split(|other: char| !other.is_alphanumeric() && other != ':')
                    .any(|word| word == *name)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        body["TableName"] = json!("users");
        body["ExpressionAttributeValues"] = used;
        body
    };
    let key = json!({"id": {"S": "a"}});
    for (text, holds) in [
        ("size(:s) = :n", true),
        ("size(:s) > :n", false),
        ("NOT size((:s)) > :n", true),
        ("size(:l) < size(:ss) AND size(:m) < size(:l)", true),
        (":n BETWEEN size(:ss) AND size(:b)", true),
        (":n IN (size(:s), :four)", true),
        ("size(:b) = :four OR size(:s) = :four", true),
        ("size(:s) = :four OR size(:ss) = :four", false),
        ("attribute_type(:n, :N)", true),
        ("attribute_type(:s, :N)", false),
        (
            "NOT attribute_type(:s, :N) AND attribute_type(:S, :S)",
            true,
        ),
        (
            "(attribute_type(:n, :N)) AND attribute_not_exists(id)",
            true,
        ),
    ] {
        let condition = |body: Value| {
            let mut body = given(text, body);
            body["ConditionExpression"] = json!(text);
            body
        };
        let wanted = if holds { 200 } else { 400 };
        let check = condition(json!({"Key": key}));
        let transaction = json!({"TransactItems": [{"ConditionCheck": check}]});
        for (operation, body) in [
            ("DeleteItem", check.clone()),
            ("TransactWriteItems", transaction),
            ("PutItem", condition(json!({"Item": key}))),
        ] {
            let (status, answer) = call(&engine, operation, &body);
            assert_eq!(status, wanted, "{operation} {text}: {answer}");
            if !holds {
                let kind = answer["__type"].as_str().unwrap();
                assert!(
                    kind.ends_with("ConditionalCheckFailedException")
                        || kind.ends_with("TransactionCanceledException"),
                    "{text}: {answer}"
                );
            }
        }
        ok(&engine, "DeleteItem", &support::key_of("users", "a"));
        ok(&engine, "PutItem", &support::item_of("users", "b"));
        let mut scan = given(text, json!({}));
        scan["FilterExpression"] =
            json!(text.replace("attribute_not_exists(id)", "attribute_exists(id)"));
        assert_eq!(
            ok(&engine, "Scan", &scan)["Count"],
            i32::from(holds),
            "{text}"
        );
        ok(&engine, "DeleteItem", &support::key_of("users", "b"));
    }
    // The values are those of the update, too.
    let both = json!({
        "TableName": "users", "Key": key, "UpdateExpression": "SET x = :x, y = :type", "ConditionExpression": "attribute_type(:x, :type)",
        "ExpressionAttributeValues": {":x": {"N": "1"}, ":type": {"S": "N"}},
    });
    ok(&engine, "UpdateItem", &both);
    for (text, words) in [
        (
            "size(:n) > :n",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "size(:none) > :n",
            "An expression attribute value used in expression is not defined; attribute value: :none",
        ),
        (
            "attribute_type(:none, :N)",
            "An expression attribute value used in expression is not defined; attribute value: :none",
        ),
    ] {
        let mut body = given(text, json!({"Key": key}));
        body["ConditionExpression"] = json!(text);
        let (status, answer) = call(&engine, "DeleteItem", &body);
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(words),
            "{text}: {answer}"
        );
    }
}

#[test]
fn attributes_come_back_in_one_order() {
    let engine = at("memory://");
    create(&engine, "users");
    let item: Value = (0..30)
        .map(|number| {
            (
                format!("a{number}"),
                json!({"M": {"z": {"N": "1"}, "a": {"N": "2"}}}),
            )
        })
        .collect();
    let mut item = item;
    item["id"] = json!({"S": "a"});
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "users", "Item": item}),
    );
    let text = |operation: &str, body: &Value| {
        let answer = wait(engine.send(request(operation, body))).unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    };

    for (operation, body) in [
        ("GetItem", support::key_of("users", "a")),
        ("Scan", json!({"TableName": "users"})),
    ] {
        let first = text(operation, &body);
        assert!((0..5).all(|_| text(operation, &body) == first));
        let names: Vec<_> = first
            .match_indices("\"a1")
            .map(|(place, _)| &first[place..place + 5])
            .collect();
        assert!(names.is_sorted(), "{names:?}");
    }
}

/// The API Reference of `DescribeContinuousBackups`, `PutResourcePolicy`, `UpdateContributorInsights` and `UpdateTable`.
#[test]
fn settings_without_an_effect_are_remembered_and_described() {
    let engine = at("memory://");
    let mut table = table_of("users");
    table["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_id", "KeySchema": table["KeySchema"], "Projection": {"ProjectionType": "ALL"}, "WarmThroughput": {"ReadUnitsPerSecond": 13_000},
    }]);
    let resource = ok(&engine, "CreateTable", &table)["TableDescription"]["TableArn"].clone();
    let users = json!({"TableName": "users"});
    let backups = |operation: &str, extra: Value| {
        let mut body = users.clone();
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        ok(&engine, operation, &body)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
    };
    let kind = |operation: &str, body: Value| {
        let (status, answer) = call(&engine, operation, &body);
        assert_eq!(status, 400, "{answer}");
        answer["__type"]
            .as_str()
            .unwrap()
            .rsplit('#')
            .next()
            .unwrap()
            .to_owned()
    };

    assert_eq!(
        backups("DescribeContinuousBackups", json!({}))["PointInTimeRecoveryStatus"],
        "DISABLED"
    );
    let wanted = json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7}});
    backups("UpdateContinuousBackups", wanted);
    let described = backups("DescribeContinuousBackups", json!({}));
    assert_eq!(
        (
            &described["PointInTimeRecoveryStatus"],
            &described["RecoveryPeriodInDays"]
        ),
        (&json!("ENABLED"), &json!(7))
    );
    assert_eq!(
        kind("DescribeContinuousBackups", json!({"TableName": "nowhere"})),
        "TableNotFoundException"
    );

    let policy = json!({"ResourceArn": resource, "Policy": "{\"Version\": \"2012-10-17\"}"});
    assert_eq!(
        kind("GetResourcePolicy", json!({"ResourceArn": resource})),
        "PolicyNotFoundException"
    );
    let revision = ok(&engine, "PutResourcePolicy", &policy)["RevisionId"].clone();
    let stored = ok(
        &engine,
        "GetResourcePolicy",
        &json!({"ResourceArn": resource}),
    );
    assert_eq!(
        stored,
        json!({"Policy": policy["Policy"], "RevisionId": revision})
    );
    let other = json!({"ResourceArn": resource, "ExpectedRevisionId": "another"});
    assert_eq!(
        kind("DeleteResourcePolicy", other),
        "PolicyNotFoundException"
    );
    ok(
        &engine,
        "DeleteResourcePolicy",
        &json!({"ResourceArn": resource, "ExpectedRevisionId": revision}),
    );
    assert_eq!(
        kind("GetResourcePolicy", json!({"ResourceArn": resource})),
        "PolicyNotFoundException"
    );

    let of_index = json!({"TableName": "users", "IndexName": "by_id"});
    let mut enable = of_index.clone();
    enable["ContributorInsightsAction"] = json!("ENABLE");
    ok(&engine, "UpdateContributorInsights", &enable);
    assert_eq!(
        ok(&engine, "DescribeContributorInsights", &of_index)["ContributorInsightsStatus"],
        "ENABLED"
    );
    assert_eq!(
        ok(&engine, "DescribeContributorInsights", &users)["ContributorInsightsStatus"],
        "DISABLED"
    );
    let summaries =
        ok(&engine, "ListContributorInsights", &json!({}))["ContributorInsightsSummaries"].clone();
    assert_eq!(summaries.as_array().unwrap().len(), 1);

    let warm = json!({"TableName": "users", "WarmThroughput": {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 5_000}});
    ok(&engine, "UpdateTable", &warm);
    let described = ok(&engine, "DescribeTable", &users)["Table"].clone();
    assert_eq!(
        described["WarmThroughput"],
        json!({"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 5_000, "Status": "ACTIVE"})
    );
    assert_eq!(
        described["GlobalSecondaryIndexes"][0]["WarmThroughput"]["ReadUnitsPerSecond"],
        13_000
    );
    let protect = |wanted: bool| json!({"TableName": "users", "DeletionProtectionEnabled": wanted});
    ok(&engine, "UpdateTable", &protect(true));
    assert_eq!(
        ok(&engine, "DescribeTable", &users)["Table"]["DeletionProtectionEnabled"],
        true
    );
    assert_eq!(kind("DeleteTable", users.clone()), "ValidationException");
    ok(&engine, "UpdateTable", &protect(false));

    let deleted = ok(&engine, "DeleteTable", &users)["TableDescription"].clone();
    // Alternator's `test_delete_table_description`.
    assert_eq!(
        (deleted.get("KeySchema"), deleted.get("CreationDateTime")),
        (None, None)
    );
    ok(&engine, "CreateTable", &table_of("users"));
    assert_eq!(
        backups("DescribeContinuousBackups", json!({}))["PointInTimeRecoveryStatus"],
        "DISABLED"
    );
    assert!(
        ok(&engine, "DescribeTable", &users)["Table"]
            .get("WarmThroughput")
            .is_none()
    );
    assert!(ok(&engine, "DescribeLimits", &json!({}))["TableMaxReadCapacityUnits"].is_number());
}

/// Alternator's `test_nested_attribute_remove_from_missing_item`.
#[test]
fn nothing_is_removed_from_an_item_that_does_not_exist() {
    let engine = at("memory://");
    create(&engine, "users");

    for expression in ["REMOVE x.y", "REMOVE x[0], y"] {
        assert_eq!(
            update(&engine, expression, json!({}), "ALL_NEW"),
            Value::Null
        );
    }

    assert!(!support::has(&engine, "users", "a"));
    support::put(&engine, "users", "a");
    let body =
        json!({"TableName": "users", "Key": {"id": {"S": "a"}}, "UpdateExpression": "REMOVE x.y"});
    assert_eq!(call(&engine, "UpdateItem", &body).0, 400);
}

/// Alternator's `test_transact_write_cancellation_reasons_validationerror`.
#[test]
fn a_transaction_has_one_reason_for_what_is_not_valid() {
    let engine = at("memory://");
    create(&engine, "users");
    let put = |id: Value| json!({"Put": {"TableName": "users", "Item": {"id": id}, "ConditionExpression": "attribute_exists(id)"}});
    let wrong = |number: &str| put(json!({"N": number}));

    let body = json!({"TransactItems": [put(json!({"S": "a"})), wrong("7"), wrong("8")]});
    let (_, answer) = call(&engine, "TransactWriteItems", &body);

    let codes: Vec<_> = answer["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| &reason["Code"])
        .collect();
    assert_eq!(codes, ["None", "ValidationError", "None"], "{answer}");
    assert!(
        answer["Message"]
            .as_str()
            .or(answer["message"].as_str())
            .unwrap()
            .ends_with("[None, ValidationError, None]")
    );
}
