//! Wire: the engine's operations by name; JSON in, JSON out, errors as `DynamoDB` words them.

use dynoxide::actions::transact_get_items::{TransactGetItemsRequest, TransactGetItemsResponse};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::administration;
use crate::gate::{self, Expressions};
use crate::names;
use crate::projection;
use crate::reads;
use crate::session::Session;
use crate::shapes;
use crate::stable;
use crate::stack;
use crate::streams;
use crate::writes;

type Answer = Result<Vec<u8>, DynoxideError>;

/// What `DynamoDB` reports for an attribute value with too many levels.
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";

/// More than four times the levels that the engine accepts in a statement.
const LEVELS_OF_STATEMENTS: usize = 300;

macro_rules! dispatch {
    ($runner:ident, $operation:ident, $body:ident; $($name:literal => $method:expr),+ $(,)?) => {
        match $operation {
            $($name => Some($runner($operation, $body, $method)),)+
            _ => None,
        }
    };
}

/// Runs an operation; `None` when the engine does not know it.
pub(crate) fn execute(session: Session<'_>, operation: &str, body: &str) -> Option<Answer> {
    let database = session.database;
    let gated = dispatch!(run_gated, operation, body;
        "GetItem" => |request| database.get_item(request),
        "PutItem" => |request| writes::put_item(session, request),
        "UpdateItem" => |request| writes::update_item(session, request),
        "DeleteItem" => |request| writes::delete_item(session, request),
        "Query" => |request| reads::query(session, request),
        "Scan" => |request| reads::scan(session, request),
        "BatchGetItem" => |request| database.batch_get_item(request),
        "TransactGetItems" => |request| transact_get_items(database, request),
        "TransactWriteItems" => |request| writes::transact_write_items(session, request),
        "SearchVectors" => |request| database.search_vectors(request),
    );
    if gated.is_some() {
        return gated;
    }
    let statements = dispatch!(run_statements, operation, body;
        "ExecuteStatement" => |request| writes::execute_statement(session, request),
        "ExecuteTransaction" => |request| writes::execute_transaction(session, request),
        "BatchExecuteStatement" => |request| writes::batch_execute_statement(session, request),
    );
    if statements.is_some() {
        return statements;
    }
    dispatch!(run, operation, body;
        "BatchWriteItem" => |request| writes::batch_write_item(session, request),
        "CreateTable" => |given: Value| administration::create_table(session, &given, |given| database.create_table(typed(given.unwrap_or(body))?)),
        "UpdateTable" => |given: Value| administration::update_table(session, &given, |given| database.update_table(typed(given.unwrap_or(body))?)),
        "TagResource" => |given: Value| administration::tag(&given, || database.tag_resource(typed(body)?)),
        "UntagResource" => |given: Value| administration::tag(&given, || database.untag_resource(typed(body)?)),
        "ListTagsOfResource" => |given: Value| administration::tag(&given, || database.list_tags_of_resource(typed(body)?)),
        "DescribeTable" => |request| administration::describe_table(session, request),
        "DeleteTable" => |request| administration::delete_table(session, request),
        "ListTables" => |request| database.list_tables(request),
        "DescribeTimeToLive" => |request| database.describe_time_to_live(request),
        "UpdateTimeToLive" => |request| administration::update_time_to_live(session, request),
        "ListStreams" => |given: Value| streams::list(session, &given, &|| typed(body)),
        "DescribeStream" => |given: Value| streams::describe(session, &given, &|| typed(body)),
        "GetShardIterator" => |given: Value| streams::iterator(session, &given, &|| typed(body)),
        "GetRecords" => |given: Value| streams::records(session, &given, &|| typed(body)),
    )
}

/// The refusal of an operation that the engine does not know.
pub(crate) fn unknown_operation(operation: &str) -> Vec<u8> {
    json!({
        "__type": "com.amazon.coral.service#UnknownOperationException",
        "message": format!("the embedded engine has no operation {operation}; point endpoint_url at DynamoDB for it"),
    })
    .to_string()
    .into_bytes()
}

/// The refusal of a body that is not valid JSON.
pub(crate) fn malformed(message: &str) -> DynoxideError {
    DynoxideError::SerializationException(message.to_owned())
}

fn run<Q: DeserializeOwned, A: Serialize>(
    operation: &str,
    body: &str,
    method: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    // The decoders would accept a list for an object, with its elements as the members.
    if !body.trim_ascii_start().starts_with('{') {
        return Err(malformed("the body is not a JSON object"));
    }
    shapes::check(operation, body).map_err(|why| malformed(&why))?;
    names::check(body).map_err(DynoxideError::ValidationException)?;
    let answer = typed(body)
        .and_then(method)
        .map_err(|error| as_worded_for(operation, error))?;
    stable::to_vec(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// A request as the engine takes it.
fn typed<Q: DeserializeOwned>(body: &str) -> Result<Q, DynoxideError> {
    serde_json::from_str(body).map_err(|error| classify(&error))
}

/// Runs an operation whose requests carry expressions.
fn run_gated<Q: DeserializeOwned + Expressions, A: Serialize>(
    operation: &str,
    body: &str,
    method: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    run(operation, body, |mut request: Q| {
        let levels = gate::pass(&mut request)?;
        stack::with_room_for(levels, || method(request))
    })
}

/// Runs an operation whose requests carry statements: the engine limits their levels itself, and needs the room.
fn run_statements<Q: DeserializeOwned, A: Serialize>(
    operation: &str,
    body: &str,
    method: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Answer {
    stack::with_room_for(LEVELS_OF_STATEMENTS, || run(operation, body, method))
}

/// The engine would also return the keys of a projected item.
fn transact_get_items(
    database: &Database,
    request: TransactGetItemsRequest,
) -> Result<TransactGetItemsResponse, DynoxideError> {
    let projections: Vec<_> = request
        .transact_items
        .iter()
        .map(|entry| {
            let expression = entry.get.projection_expression.clone()?;
            Some((expression, entry.get.expression_attribute_names.clone()))
        })
        .collect();
    let mut response = database.transact_get_items(request)?;
    for (response, projection) in response.responses.iter_mut().zip(&projections) {
        if let (Some(item), Some((expression, names))) = (&mut response.item, projection) {
            let wanted = projection::attributes(expression, names.as_ref());
            item.retain(|name, _| wanted.contains(name.as_str()));
        }
    }
    Ok(response)
}

/// How the engine's own front end reports a request that it cannot read: its decoders mark their messages.
fn classify(error: &serde_json::Error) -> DynoxideError {
    let text = error.to_string();
    let message = without_position(&text);
    if let Some(rest) = message.strip_prefix("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(rest.to_owned());
    }
    for mark in ["VALIDATION:", "VALIDATION_AS_READ:"] {
        if let Some(rest) = message.strip_prefix(mark) {
            return DynoxideError::ValidationException(rest.to_owned());
        }
    }
    for mark in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(rest) = message.strip_prefix(mark) {
            return malformed(rest);
        }
    }
    if message.starts_with("recursion limit exceeded") {
        return DynoxideError::ValidationException(TOO_DEEP.to_owned());
    }
    if message.contains("empty AttributeValue") {
        let words =
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
        return DynoxideError::ValidationException(words.to_owned());
    }
    let is_validation = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "Supplied AttributeValue",
    ]
    .iter()
    .any(|part| message.contains(part));
    if is_validation {
        DynoxideError::ValidationException(message.to_owned())
    } else {
        malformed(message)
    }
}

fn without_position(message: &str) -> &str {
    message
        .rfind(" at line ")
        .map_or(message, |at| &message[..at])
}

/// How the wording of an error differs between operations.
fn as_worded_for(operation: &str, error: DynoxideError) -> DynoxideError {
    match (operation, error) {
        ("PutItem" | "UpdateItem" | "DeleteItem", DynoxideError::EnvelopedValidation(message)) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        (_, DynoxideError::EnvelopedValidation(message)) => {
            DynoxideError::ValidationException(message)
        }
        (
            "ExecuteStatement",
            DynoxideError::ConditionalCheckFailedException(message, Some(item)),
        ) => DynoxideError::StatementConditionalCheckFailed(message, item),
        (_, error) => error,
    }
}
