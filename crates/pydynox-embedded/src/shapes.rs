//! Shapes: where a request has objects, lists and maps, checked before the engine, which would take a list for an object.

use pydynox_core::wire::{Reader, WireError};

use Shape::{List, Map, Scalar, Structure};

/// The type of a value in a request, as the service declares it.
enum Shape {
    /// Neither object nor list. Its exact type is checked by the engine.
    Scalar,
    /// An object with members, by the name of its class; members not listed here are scalars.
    Structure(&'static str, Members),
    List(&'static Shape),
    /// An object whose names are chosen by the caller.
    Map(&'static Shape),
}

type Members = &'static [(&'static str, Shape)];

// The engine checks the contents of a value itself.
const VALUE: Shape = Structure("AttributeValue", &[]);
const VALUES: Shape = List(&VALUE);
const ITEM: Shape = Map(&VALUE);
const NAMES: Shape = Map(&Scalar);
const TEXTS: Shape = List(&Scalar);
const CONDITIONS: Shape = Map(&Structure("Condition", &[("AttributeValueList", VALUES)]));
const EXPECTED: Shape = Map(&Structure(
    "ExpectedAttributeValue",
    &[("Value", VALUE), ("AttributeValueList", VALUES)],
));
const KEY_SCHEMA: Shape = List(&Structure("KeySchemaElement", &[]));
const DEFINITIONS: Shape = List(&Structure("AttributeDefinition", &[]));
const PROJECTION: Shape = Structure("Projection", &[("NonKeyAttributes", TEXTS)]);
const THROUGHPUT: Shape = Structure("ProvisionedThroughput", &[]);
const ON_DEMAND: Shape = Structure("OnDemandThroughput", &[]);
const WARM: Shape = Structure("WarmThroughput", &[]);
const STREAM: Shape = Structure("StreamSpecification", &[]);
const SSE: Shape = Structure("SSESpecification", &[]);
const TAGS: Shape = List(&Structure("Tag", &[]));
const STATEMENT: Members = &[("Parameters", VALUES)];
const INDEX: Members = &[
    ("KeySchema", KEY_SCHEMA),
    ("Projection", PROJECTION),
    ("ProvisionedThroughput", THROUGHPUT),
    ("OnDemandThroughput", ON_DEMAND),
    ("WarmThroughput", WARM),
];
const VECTOR_INDEX: Members = &[
    (
        "VectorAttribute",
        Structure("VectorAttributeDefinition", &[]),
    ),
    ("SearchSchema", List(&Structure("SearchSchemaElement", &[]))),
    ("Projection", PROJECTION),
];
/// An operation of a transaction, or a separate one, that names an item by its key.
const OF_KEY: Members = &[
    ("Key", ITEM),
    ("ExpressionAttributeNames", NAMES),
    ("ExpressionAttributeValues", ITEM),
    ("Expected", EXPECTED),
    ("AttributesToGet", TEXTS),
    (
        "AttributeUpdates",
        Map(&Structure("AttributeValueUpdate", &[("Value", VALUE)])),
    ),
];
const OF_ITEM: Members = &[
    ("Item", ITEM),
    ("ExpressionAttributeNames", NAMES),
    ("ExpressionAttributeValues", ITEM),
    ("Expected", EXPECTED),
];
const OF_SEARCH: Members = &[
    ("ExclusiveStartKey", ITEM),
    ("ExpressionAttributeNames", NAMES),
    ("ExpressionAttributeValues", ITEM),
    ("KeyConditions", CONDITIONS),
    ("QueryFilter", CONDITIONS),
    ("ScanFilter", CONDITIONS),
    ("AttributesToGet", TEXTS),
    ("SearchVector", VALUES),
];

const OF_NEW_TABLE: Members = &[
    ("KeySchema", KEY_SCHEMA),
    ("AttributeDefinitions", DEFINITIONS),
    (
        "GlobalSecondaryIndexes",
        List(&Structure("GlobalSecondaryIndex", INDEX)),
    ),
    (
        "LocalSecondaryIndexes",
        List(&Structure("LocalSecondaryIndex", INDEX)),
    ),
    (
        "VectorIndexes",
        List(&Structure("VectorIndex", VECTOR_INDEX)),
    ),
    ("ProvisionedThroughput", THROUGHPUT),
    ("OnDemandThroughput", ON_DEMAND),
    ("WarmThroughput", WARM),
    ("StreamSpecification", STREAM),
    ("SSESpecification", SSE),
    ("Tags", TAGS),
];
const OF_TABLE: Members = &[
    ("AttributeDefinitions", DEFINITIONS),
    (
        "GlobalSecondaryIndexUpdates",
        List(&Structure(
            "GlobalSecondaryIndexUpdate",
            &[
                (
                    "Create",
                    Structure("CreateGlobalSecondaryIndexAction", INDEX),
                ),
                (
                    "Update",
                    Structure("UpdateGlobalSecondaryIndexAction", INDEX),
                ),
                ("Delete", Structure("DeleteGlobalSecondaryIndexAction", &[])),
            ],
        )),
    ),
    (
        "VectorIndexUpdates",
        List(&Structure(
            "VectorIndexUpdate",
            &[
                ("Create", Structure("CreateVectorIndexAction", VECTOR_INDEX)),
                ("Delete", Structure("DeleteVectorIndexAction", &[])),
            ],
        )),
    ),
    ("ProvisionedThroughput", THROUGHPUT),
    ("OnDemandThroughput", ON_DEMAND),
    ("WarmThroughput", WARM),
    ("StreamSpecification", STREAM),
    ("SSESpecification", SSE),
];

/// What an operation accepts in addition to scalars.
fn members_of(operation: &str) -> Members {
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => OF_KEY,
        "PutItem" => OF_ITEM,
        "Query" | "Scan" | "SearchVectors" => OF_SEARCH,
        "BatchGetItem" => &[(
            "RequestItems",
            Map(&Structure(
                "KeysAndAttributes",
                &[
                    ("Keys", List(&ITEM)),
                    ("ExpressionAttributeNames", NAMES),
                    ("AttributesToGet", TEXTS),
                ],
            )),
        )],
        "BatchWriteItem" => &[(
            "RequestItems",
            Map(&List(&Structure(
                "WriteRequest",
                &[
                    ("PutRequest", Structure("PutRequest", &[("Item", ITEM)])),
                    (
                        "DeleteRequest",
                        Structure("DeleteRequest", &[("Key", ITEM)]),
                    ),
                ],
            ))),
        )],
        "TransactGetItems" => &[(
            "TransactItems",
            List(&Structure(
                "TransactGetItem",
                &[("Get", Structure("Get", OF_KEY))],
            )),
        )],
        "TransactWriteItems" => &[(
            "TransactItems",
            List(&Structure(
                "TransactWriteItem",
                &[
                    ("Put", Structure("Put", OF_ITEM)),
                    ("Update", Structure("Update", OF_KEY)),
                    ("Delete", Structure("Delete", OF_KEY)),
                    ("ConditionCheck", Structure("ConditionCheck", OF_KEY)),
                ],
            )),
        )],
        "ExecuteStatement" => STATEMENT,
        "ExecuteTransaction" => &[(
            "TransactStatements",
            List(&Structure("ParameterizedStatement", STATEMENT)),
        )],
        "BatchExecuteStatement" => &[(
            "Statements",
            List(&Structure("BatchStatementRequest", STATEMENT)),
        )],
        "CreateTable" => OF_NEW_TABLE,
        "UpdateTable" => OF_TABLE,
        "UpdateTimeToLive" => &[(
            "TimeToLiveSpecification",
            Structure("TimeToLiveSpecification", &[]),
        )],
        "TagResource" => &[("Tags", TAGS)],
        "UntagResource" => &[("TagKeys", TEXTS)],
        _ => &[],
    }
}

/// Refuses a body with another value where an object, a list or a map belongs, in the service's words. Invalid JSON is left to
/// the engine, and so is null, which mostly means that the member is absent.
pub(crate) fn check(operation: &str, body: &str) -> Result<(), String> {
    let members = members_of(operation);
    if members.is_empty() {
        return Ok(());
    }
    let walk = || -> Result<(), Stop> {
        let mut reader = Reader::new(body.as_bytes())?;
        structure(&mut reader, members)
    };
    match walk() {
        Err(Stop::Refused(why)) if is_json(body) => Err(why),
        _ => Ok(()),
    }
}

fn is_json(body: &str) -> bool {
    let read = || {
        let mut reader = Reader::new(body.as_bytes())?;
        reader.pass()?;
        reader.end()
    };
    read().is_ok()
}

enum Stop {
    Refused(String),
    Malformed,
}

impl From<WireError> for Stop {
    fn from(_: WireError) -> Self {
        Self::Malformed
    }
}

fn structure(reader: &mut Reader<'_>, members: Members) -> Result<(), Stop> {
    reader.begin_object()?;
    while let Some(name) = reader.next_key()? {
        match members.iter().find(|(other, _)| name.equals(other)) {
            Some((_, shape)) => look(reader, shape, false)?,
            None => reader.pass()?,
        }
    }
    Ok(())
}

fn look(reader: &mut Reader<'_>, shape: &Shape, is_inside: bool) -> Result<(), Stop> {
    let refused = |why: &str| Err(Stop::Refused(why.to_owned()));
    match (shape, reader.peek()?) {
        (Scalar, _) | (_, b'n') | (Structure(_, []), b'{') => Ok(reader.pass()?),
        (Structure(_, members), b'{') => structure(reader, members),
        (Map(of), b'{') => {
            reader.begin_object()?;
            while reader.next_key()?.is_some() {
                look(reader, of, true)?;
            }
            Ok(())
        }
        (List(of), b'[') => {
            reader.begin_array()?;
            while reader.next_element()? {
                look(reader, of, true)?;
            }
            Ok(())
        }
        (List(_), b'{') => refused("Start of structure or map found where not expected"),
        (Structure(..), b'[') => refused(&format!(
            "Unrecognized collection type class {}",
            class_of(shape)
        )),
        (_, b'[') => refused(&format!("Unrecognized collection type {}", class_of(shape))),
        _ if is_inside => refused("Unexpected value type in payload"),
        _ => refused("Unexpected field type"),
    }
}

/// What the service's refusals call a shape.
fn class_of(shape: &Shape) -> String {
    match shape {
        Scalar => "java.lang.String".to_owned(),
        Structure(name, _) => format!("com.amazonaws.dynamodb.v20120810.{name}"),
        List(of) => format!("java.util.List<{}>", class_of(of)),
        Map(of) => format!("java.util.Map<java.lang.String, {}>", class_of(of)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_stands_in_place_of_an_object_is_refused_in_the_words_of_the_service() {
        let of_value = "com.amazonaws.dynamodb.v20120810.AttributeValue";
        for (operation, body, words) in [
            (
                "GetItem",
                r#"{"Key":["a"]}"#,
                format!("Unrecognized collection type java.util.Map<java.lang.String, {of_value}>"),
            ),
            (
                "GetItem",
                r#"{"Key":{"a":["S","b"]}}"#,
                format!("Unrecognized collection type class {of_value}"),
            ),
            (
                "GetItem",
                r#"{"Key":{"a":"b"}}"#,
                "Unexpected value type in payload".to_owned(),
            ),
            (
                "PutItem",
                r#"{"TableName":"t","Item":1}"#,
                "Unexpected field type".to_owned(),
            ),
            (
                "CreateTable",
                r#"{"KeySchema":{}}"#,
                "Start of structure or map found where not expected".to_owned(),
            ),
            (
                "CreateTable",
                r#"{"KeySchema":[["id","HASH"]]}"#,
                "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.KeySchemaElement"
                    .to_owned(),
            ),
            (
                "TransactWriteItems",
                r#"{"TransactItems":[{"Put":["t",{"id":{"S":"a"}}]}]}"#,
                "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.Put".to_owned(),
            ),
        ] {
            assert_eq!(check(operation, body).unwrap_err(), words, "{body}");
        }
    }

    #[test]
    fn null_unknown_members_and_what_is_no_json_are_left_to_the_engine() {
        for (operation, body) in [
            ("GetItem", r#"{"Key":null,"Other":["a"]}"#),
            ("GetItem", r#"{"Key":{"a":null}}"#),
            ("GetItem", r#"{"Key":["#),
            ("GetItem", "[]"),
            ("ListTables", r#"{"Limit":[]}"#),
            ("PutItem", r#"{"Item":{"a":{"L":[["S","b"]]}}}"#),
        ] {
            assert!(check(operation, body).is_ok(), "{body}");
        }
    }
}
