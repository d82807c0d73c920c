//! What our writers write against what the SDK writes for the same input, over a real socket.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials as SdkCredentials, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType as SdkKeyType,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType,
};
use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use pydynox_core::call::{Call, Intent, Resend};
use pydynox_core::client::Client;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::expression::path::Path;
use pydynox_core::expression::update::Update;
use pydynox_core::number::Number;
use pydynox_core::operation::{
    Guard, create_table, delete_item, delete_table, describe_table, get_item, list_tables,
    put_item, update_item,
};
use pydynox_core::schema::{ItemSchema, KeyType};
use pydynox_core::transport::Operation;
use pydynox_core::transport::credentials::Credentials;
use pydynox_core::transport::endpoint::Endpoint;
use pydynox_core::transport::http::{Http, HttpConfig};
use pydynox_core::wire::{Value, Writer};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::server::{Request, Server};

/// A server, and one client of each kind that talks to it.
struct Pair {
    runtime: Runtime,
    server: Server,
    ours: Client,
    theirs: aws_sdk_dynamodb::Client,
}

impl Pair {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let server = Server::start(|_| (200, "{}".to_owned()));
        let endpoint = Endpoint::parse(&server.url(), "eu-central-1").unwrap();
        let credentials = Arc::new(Credentials::new("AKID", "secret"));
        let http = Http::new(HttpConfig::default(), credentials, Arc::new(endpoint)).unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SdkCredentials::new("AKID", "secret", None, None, "test"))
            .endpoint_url(server.url())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self {
            ours: Client::new(Arc::new(http), ClientConfig::default()).unwrap(),
            theirs: aws_sdk_dynamodb::Client::from_conf(config),
            runtime,
            server,
        }
    }

    /// Sends our body, builds the SDK's request out of its members, sends that, and compares what arrived.
    fn compare(&self, operation: Operation, write: impl FnOnce(&mut Writer)) {
        let mut writer = Writer::with_capacity(256);
        write(&mut writer);
        let body = writer.into_bytes();
        let members = Members::of(&body);
        let name = operation.name().to_owned();
        let call = Call {
            operation,
            table: "users".into(),
            body: Bytes::from(body),
            resend: Resend::Never,
            proof: None,
            own_token: None,
            intent: Intent::Plain,
            timeout: None,
        };
        self.runtime.block_on(self.ours.call(call)).unwrap();
        self.runtime.block_on(send(&self.theirs, &name, members));

        let [ours, theirs] = <[Request; 2]>::try_from(self.server.take()).unwrap();

        assert_eq!(json(&ours.body), json(&theirs.body), "{name}");
        assert_eq!(
            (&ours.method, &ours.target),
            (&theirs.method, &theirs.target),
            "{name}"
        );
        for header in ["x-amz-target", "content-type", "host"] {
            assert_eq!(ours.header(header), theirs.header(header), "{name}");
        }
        assert_eq!(
            ours.header("x-amz-target"),
            format!("DynamoDB_20120810.{name}")
        );
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

/// The members of a body, each of which must be taken by somebody.
struct Members(serde_json::Map<String, Json>);

impl Members {
    fn of(body: &[u8]) -> Self {
        match serde_json::from_slice(body).unwrap() {
            Json::Object(members) => Self(members),
            other => panic!("{other}"),
        }
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        self.0.remove(name)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)
            .map(|value| value.as_str().unwrap().to_owned())
    }

    fn values(&mut self, name: &str) -> Option<HashMap<String, AttributeValue>> {
        self.take(name).map(|map| values(&map))
    }

    fn names(&mut self, name: &str) -> Option<HashMap<String, String>> {
        let map = self.take(name)?;
        let pair =
            |(key, value): (&String, &Json)| (key.clone(), value.as_str().unwrap().to_owned());
        Some(map.as_object().unwrap().iter().map(pair).collect())
    }

    fn old_on_failure(&mut self) -> Option<ReturnValuesOnConditionCheckFailure> {
        let text = self.text("ReturnValuesOnConditionCheckFailure")?;
        Some(text.as_str().into())
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        assert!(
            std::thread::panicking() || self.0.is_empty(),
            "left: {:?}",
            self.0
        );
    }
}

fn values(map: &Json) -> HashMap<String, AttributeValue> {
    let pair = |(name, value): (&String, &Json)| (name.clone(), attribute(value));
    map.as_object().unwrap().iter().map(pair).collect()
}

fn attribute(value: &Json) -> AttributeValue {
    let object = value.as_object().unwrap();
    assert_eq!(object.len(), 1);
    let (tag, value) = object.iter().next().unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let blob = |value: &Json| {
        Blob::new(aws_smithy_types::base64::decode(value.as_str().unwrap()).unwrap())
    };
    let all = |value: &Json| value.as_array().unwrap().clone();
    match tag.as_str() {
        "S" => AttributeValue::S(text(value)),
        "N" => AttributeValue::N(text(value)),
        "B" => AttributeValue::B(blob(value)),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(value.as_bool().unwrap()),
        "M" => AttributeValue::M(values(value)),
        "L" => AttributeValue::L(all(value).iter().map(attribute).collect()),
        "SS" => AttributeValue::Ss(all(value).iter().map(text).collect()),
        "NS" => AttributeValue::Ns(all(value).iter().map(text).collect()),
        "BS" => AttributeValue::Bs(all(value).iter().map(blob).collect()),
        other => panic!("{other}"),
    }
}

async fn send(client: &aws_sdk_dynamodb::Client, operation: &str, mut members: Members) {
    if operation.ends_with("Item") {
        send_for_item(client, operation, &mut members).await;
    } else {
        send_for_table(client, operation, &mut members).await;
    }
}

async fn send_for_item(client: &aws_sdk_dynamodb::Client, operation: &str, m: &mut Members) {
    let table = m.text("TableName");
    match operation {
        "GetItem" => {
            let request = client
                .get_item()
                .set_table_name(table)
                .set_key(m.values("Key"))
                .set_consistent_read(
                    m.take("ConsistentRead")
                        .map(|value| value.as_bool().unwrap()),
                )
                .set_projection_expression(m.text("ProjectionExpression"))
                .set_expression_attribute_names(m.names("ExpressionAttributeNames"));
            request.send().await.unwrap();
        }
        "PutItem" => {
            let request = client
                .put_item()
                .set_table_name(table)
                .set_item(m.values("Item"))
                .set_condition_expression(m.text("ConditionExpression"))
                .set_expression_attribute_names(m.names("ExpressionAttributeNames"))
                .set_return_values_on_condition_check_failure(m.old_on_failure());
            request.send().await.unwrap();
        }
        "UpdateItem" => {
            let request = client
                .update_item()
                .set_table_name(table)
                .set_key(m.values("Key"))
                .set_update_expression(m.text("UpdateExpression"))
                .set_condition_expression(m.text("ConditionExpression"))
                .set_expression_attribute_names(m.names("ExpressionAttributeNames"))
                .set_expression_attribute_values(m.values("ExpressionAttributeValues"))
                .set_return_values_on_condition_check_failure(m.old_on_failure());
            request.send().await.unwrap();
        }
        "DeleteItem" => {
            let request = client
                .delete_item()
                .set_table_name(table)
                .set_key(m.values("Key"))
                .set_condition_expression(m.text("ConditionExpression"))
                .set_expression_attribute_names(m.names("ExpressionAttributeNames"))
                .set_return_values_on_condition_check_failure(m.old_on_failure());
            request.send().await.unwrap();
        }
        other => panic!("{other}"),
    }
}

async fn send_for_table(client: &aws_sdk_dynamodb::Client, operation: &str, m: &mut Members) {
    let table = m.text("TableName");
    match operation {
        "CreateTable" => {
            let definitions = m.take("AttributeDefinitions").unwrap();
            let schema = m.take("KeySchema").unwrap();
            let request = client
                .create_table()
                .set_table_name(table)
                .set_attribute_definitions(Some(
                    definitions
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(definition)
                        .collect(),
                ))
                .set_key_schema(Some(
                    schema.as_array().unwrap().iter().map(element).collect(),
                ))
                .set_billing_mode(
                    m.text("BillingMode")
                        .map(|mode| BillingMode::from(mode.as_str())),
                );
            request.send().await.unwrap();
        }
        "DescribeTable" => {
            client
                .describe_table()
                .set_table_name(table)
                .send()
                .await
                .unwrap();
        }
        "DeleteTable" => {
            client
                .delete_table()
                .set_table_name(table)
                .send()
                .await
                .unwrap();
        }
        "ListTables" => {
            let limit = m
                .take("Limit")
                .map(|limit| i32::try_from(limit.as_i64().unwrap()).unwrap());
            let request = client
                .list_tables()
                .set_exclusive_start_table_name(m.text("ExclusiveStartTableName"))
                .set_limit(limit);
            request.send().await.unwrap();
        }
        other => panic!("{other}"),
    }
}

fn definition(json: &Json) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(json["AttributeName"].as_str().unwrap())
        .attribute_type(ScalarAttributeType::from(
            json["AttributeType"].as_str().unwrap(),
        ))
        .build()
        .unwrap()
}

fn element(json: &Json) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(json["AttributeName"].as_str().unwrap())
        .key_type(SdkKeyType::from(json["KeyType"].as_str().unwrap()))
        .build()
        .unwrap()
}

fn number() -> impl Strategy<Value = Number> {
    "-?[1-9][0-9]{0,37}(\\.[0-9]{0,3}[1-9])?"
        .prop_filter_map("38 digits at most", |text| Number::parse(&text).ok())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Value::S),
        number().prop_map(Value::N),
        vec(any::<u8>(), 0..40).prop_map(Value::B),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        btree_set(any::<String>(), 1..4).prop_map(Value::Ss),
        btree_set(number(), 1..4).prop_map(Value::Ns),
        btree_set(vec(any::<u8>(), 0..9), 1..4).prop_map(Value::Bs),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::L),
            btree_map(any::<String>(), inner, 0..4).prop_map(Value::M),
        ]
    })
}

fn item() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map(any::<String>(), value(), 1..6)
}

fn for_all<S: Strategy>(strategy: &S, test: impl Fn(S::Value)) {
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(100)
    };
    let checked = |value| {
        test(value);
        Ok(())
    };
    TestRunner::new(config).run(strategy, checked).unwrap();
}

fn guard() -> impl Strategy<Value = u8> {
    0_u8..5
}

fn guarded(number: u8) -> Guard<'static> {
    match number {
        0 => Guard::None,
        1 => Guard::Exists("id"),
        2 => Guard::NotExists("id"),
        // A reserved word and a name that is no word go by placeholders.
        3 => Guard::Exists("name"),
        _ => Guard::NotExists("my-id"),
    }
}

#[test]
fn get_item_is_the_sdks() {
    let pair = Pair::new();
    let projections: [&[&str]; 4] = [&[], &["age"], &["name", "a.b[3].c"], &["my-id", "size[0]"]];
    for_all(
        &(item(), any::<bool>(), 0_usize..4),
        |(key, consistent_read, projection)| {
            pair.compare(Operation::GetItem, |writer| {
                get_item::begin(writer, "users");
                Value::write_map(&key, writer);
                let paths = projections[projection].iter();
                let paths: Vec<Path> = paths.map(|text| Path::parse(text).unwrap()).collect();
                get_item::finish(writer, consistent_read, &paths);
            });
        },
    );
}

#[test]
fn put_item_is_the_sdks() {
    let pair = Pair::new();
    for_all(&(item(), guard()), |(item, guard)| {
        pair.compare(Operation::PutItem, |writer| {
            put_item::begin(
                writer,
                "arn:aws:dynamodb:eu-central-1:123456789012:table/users",
            );
            Value::write_map(&item, writer);
            put_item::finish(writer, guarded(guard));
        });
    });
}

#[test]
fn delete_item_is_the_sdks() {
    let pair = Pair::new();
    for_all(&(item(), guard()), |(key, guard)| {
        pair.compare(Operation::DeleteItem, |writer| {
            delete_item::begin(writer, "users");
            Value::write_map(&key, writer);
            delete_item::finish(writer, guarded(guard));
        });
    });
}

#[test]
fn update_item_is_the_sdks() {
    let pair = Pair::new();
    let json = |value: &Value| {
        let mut writer = Writer::with_capacity(64);
        value.write(&mut writer);
        writer.into_bytes()
    };
    for_all(
        &(item(), value(), value(), any::<bool>()),
        |(key, before, after, remove)| {
            let mut update = Update::new();
            update.set("age", &json(&after));
            update
                .change("name", &json(&before), &json(&after))
                .unwrap();
            if remove {
                update.remove("my-map");
            }
            pair.compare(Operation::UpdateItem, |writer| {
                update_item::begin(writer, "users");
                Value::write_map(&key, writer);
                update_item::finish(writer, &update, "id", None);
            });
        },
    );
}

#[test]
fn operations_on_tables_are_the_sdks() {
    let pair = Pair::new();
    for (partition, sort) in [
        (("id", KeyType::S), None),
        (("c", KeyType::B), Some(("n", KeyType::N))),
    ] {
        let attributes = ["id", "c", "n", "other"];
        let schema = ItemSchema::new("Order", attributes, partition, sort).unwrap();
        pair.compare(Operation::CreateTable, |writer| {
            create_table::write(writer, "users", &schema).unwrap();
        });
    }
    pair.compare(Operation::DescribeTable, |writer| {
        describe_table::write(writer, "users");
    });
    pair.compare(Operation::DeleteTable, |writer| {
        delete_table::write(writer, "users");
    });
    for (start, limit) in [
        (None, None),
        (Some("a"), None),
        (None, Some(100)),
        (Some("b"), Some(1)),
    ] {
        pair.compare(Operation::ListTables, |writer| {
            list_tables::write(writer, start, limit);
        });
    }
}
