//! Wire: the engine's operations by name; JSON in, JSON out, errors as `DynamoDB` words them.

use dynoxide::actions::query::{QueryRequest, QueryResponse};
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::transact_get_items::{TransactGetItemsRequest, TransactGetItemsResponse};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::absent;
use crate::gate::{self, Expressions};
use crate::projection;
use crate::shapes;
use crate::stack;
use crate::ttl::Sweeper;

type Answer = Result<Vec<u8>, DynoxideError>;

/// Maximum number of items on a page. Without a limit, the engine loads all remaining items to return 1 MB of them.
const PAGE: usize = 1000;

/// What `DynamoDB` reports for an attribute value with too many levels.
const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";

/// More than four times the levels that the engine accepts in a statement.
const LEVELS_OF_STATEMENTS: usize = 300;

macro_rules! dispatch {
    ($runner:ident, $database:ident, $operation:ident, $body:ident; $($name:literal => $method:ident),+ $(,)?) => {
        match $operation {
            $($name => Some($runner($operation, $body, |request| $database.$method(request))),)+
            _ => None,
        }
    };
}

/// Runs an operation; `None` when the engine does not know it.
pub(crate) fn execute(
    database: &Database,
    operation: &str,
    body: &str,
    sweeper: &Sweeper,
) -> Option<Answer> {
    match operation {
        "TransactGetItems" => {
            return Some(run_gated(operation, body, |request| {
                transact_get_items(database, request)
            }));
        }
        "UpdateItem" => {
            return Some(run_gated(operation, body, |request| {
                absent::update_item(database, request)
            }));
        }
        "TransactWriteItems" => {
            return Some(run_gated(operation, body, |request| {
                absent::transact_write_items(database, request)
            }));
        }
        "Query" => {
            return Some(run_gated(operation, body, |request| {
                query(database, request)
            }));
        }
        "Scan" => {
            return Some(run_gated(operation, body, |mut request: ScanRequest| {
                request.limit.get_or_insert(PAGE);
                database.scan(request)
            }));
        }
        "UpdateTimeToLive" => {
            return Some(run(operation, body, |request| {
                let response = database.update_time_to_live(request)?;
                if response.time_to_live_specification.enabled {
                    sweeper.need();
                }
                Ok(response)
            }));
        }
        _ => {}
    }
    let gated = dispatch!(run_gated, database, operation, body;
        "GetItem" => get_item,
        "PutItem" => put_item,
        "DeleteItem" => delete_item,
        "BatchGetItem" => batch_get_item,
        "SearchVectors" => search_vectors,
    );
    if gated.is_some() {
        return gated;
    }
    let statements = dispatch!(run_statements, database, operation, body;
        "ExecuteStatement" => execute_statement,
        "ExecuteTransaction" => execute_transaction,
        "BatchExecuteStatement" => batch_execute_statement,
    );
    if statements.is_some() {
        return statements;
    }
    dispatch!(run, database, operation, body;
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DescribeTable" => describe_table,
        "UpdateTable" => update_table,
        "DeleteTable" => delete_table,
        "ListTables" => list_tables,
        "DescribeTimeToLive" => describe_time_to_live,
        "TagResource" => tag_resource,
        "UntagResource" => untag_resource,
        "ListTagsOfResource" => list_tags_of_resource,
        "ListStreams" => list_streams,
        "DescribeStream" => describe_stream,
        "GetShardIterator" => get_shard_iterator,
        "GetRecords" => get_records,
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
    let request = serde_json::from_str(body).map_err(|error| classify(&error));
    let answer = request
        .and_then(method)
        .map_err(|error| as_worded_for(operation, error))?;
    serde_json::to_vec(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// For a table without a sort key, the engine restarts a query at every starting key, so it would never end.
fn query(database: &Database, mut request: QueryRequest) -> Result<QueryResponse, DynoxideError> {
    request.limit.get_or_insert(PAGE);
    let keys = request
        .exclusive_start_key_raw
        .as_ref()
        .and_then(Value::as_object);
    // The engine refuses a starting key that is not the whole key of the table.
    let is_behind_the_only_item =
        request.index_name.is_none() && keys.is_some_and(|keys| keys.len() == 1);
    // The service charges its minimum for an empty page too.
    let least = if request.consistent_read == Some(true) {
        1.0
    } else {
        0.5
    };
    let mut response = database.query(request)?;
    if !is_behind_the_only_item {
        return Ok(response);
    }
    if let Some(items) = &mut response.items {
        items.clear();
    }
    (response.count, response.scanned_count) = (0, 0);
    response.last_evaluated_key = None;
    if let Some(consumed) = &mut response.consumed_capacity {
        consumed.capacity_units = least;
        if let Some(table) = &mut consumed.table {
            table.capacity_units = least;
        }
    }
    Ok(response)
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
