//! Writes: what DynamoDB refuses in them, and answers otherwise, than the engine does.

mod absent;
mod index_keys;
mod returned;
mod statements;

use std::collections::HashMap;

use dynoxide::DynoxideError;
use dynoxide::actions::batch_execute_statement::{
    BatchExecuteStatementRequest, BatchExecuteStatementResponse, BatchStatementError,
};
use dynoxide::actions::batch_write_item::{BatchWriteItemRequest, BatchWriteItemResponse};
use dynoxide::actions::delete_item::{DeleteItemRequest, DeleteItemResponse};
use dynoxide::actions::execute_statement::{ExecuteStatementRequest, ExecuteStatementResponse};
use dynoxide::actions::execute_transaction::{
    ExecuteTransactionRequest, ExecuteTransactionResponse,
};
use dynoxide::actions::put_item::{PutItemRequest, PutItemResponse};
use dynoxide::actions::transact_write_items::{
    TransactWriteItem, TransactWriteItemsRequest, TransactWriteItemsResponse,
};
use dynoxide::actions::update_item::{UpdateItemRequest, UpdateItemResponse};
use dynoxide::errors::CancellationReason;
use dynoxide::types::{AttributeValue, normalize_dynamo_number};

use serde_json::Value;

use crate::conditions;
use crate::session::Session;

type Done<T> = Result<T, DynoxideError>;

pub(crate) fn put_item(session: Session<'_>, request: PutItemRequest) -> Done<PutItemResponse> {
    expected(request.expected.as_ref())?;
    index_keys::of_item(session, &request.table_name, &request.item).map_err(invalid)?;
    session.database.put_item(request)
}

pub(crate) fn update_item(
    session: Session<'_>,
    mut request: UpdateItemRequest,
) -> Done<UpdateItemResponse> {
    expected(request.expected.as_ref())?;
    normalize(&mut request.expression_attribute_values);
    if let Some(updates) = &mut request.attribute_updates {
        for value in updates
            .values_mut()
            .filter_map(|update| update.value.as_mut())
        {
            if let Some(kind) = empty_set(value) {
                return Err(DynoxideError::EnvelopedValidation(format!(
                    "One or more parameter values were invalid: An {kind} set  may not be empty"
                )));
            }
            normalize_value(value);
        }
    }
    index_keys::of_update(session, &request).map_err(invalid)?;
    returned::update_item(session.database, request)
}

pub(crate) fn delete_item(
    session: Session<'_>,
    request: DeleteItemRequest,
) -> Done<DeleteItemResponse> {
    expected(request.expected.as_ref())?;
    session.database.delete_item(request)
}

pub(crate) fn batch_write_item(
    session: Session<'_>,
    request: BatchWriteItemRequest,
) -> Done<BatchWriteItemResponse> {
    for (table, writes) in &request.request_items {
        for put in writes.iter().filter_map(|write| write.put_request.as_ref()) {
            index_keys::of_item(session, table, &put.item).map_err(invalid)?;
        }
    }
    session.database.batch_write_item(request)
}

pub(crate) fn transact_write_items(
    session: Session<'_>,
    mut request: TransactWriteItemsRequest,
) -> Done<TransactWriteItemsResponse> {
    for update in request
        .transact_items
        .iter_mut()
        .filter_map(|entry| entry.update.as_mut())
    {
        normalize(&mut update.expression_attribute_values);
    }
    request
        .transact_items
        .iter()
        .try_for_each(check_placeholders)?;
    let verdicts = request
        .transact_items
        .iter()
        .map(|entry| index_keys::of_entry(session, entry));
    cancelled(verdicts)?;
    absent::transact_write_items(session.database, request).map_err(with_one_fault)
}

pub(crate) fn execute_statement(
    session: Session<'_>,
    request: ExecuteStatementRequest,
) -> Done<ExecuteStatementResponse> {
    statements::check(session, &request.statement, request.parameters.as_deref())
        .map_err(invalid)?;
    session.database.execute_statement(request)
}

pub(crate) fn execute_transaction(
    session: Session<'_>,
    request: ExecuteTransactionRequest,
) -> Done<ExecuteTransactionResponse> {
    let verdicts = request
        .transact_statements
        .iter()
        .map(|part| statements::check(session, &part.statement, part.parameters.as_deref()));
    cancelled(verdicts)?;
    session
        .database
        .execute_transaction(request)
        .map_err(with_one_fault)
}

/// Statements that are refused here are not shown to the engine, and answered at their places.
pub(crate) fn batch_execute_statement(
    session: Session<'_>,
    mut request: BatchExecuteStatementRequest,
) -> Done<BatchExecuteStatementResponse> {
    let verdicts: Vec<_> = request
        .statements
        .iter()
        .map(|part| statements::check(session, &part.statement, part.parameters.as_deref()))
        .collect();
    if verdicts.iter().all(Result::is_ok) {
        return session.database.batch_execute_statement(request);
    }
    let mut verdict = verdicts.iter();
    request
        .statements
        .retain(|_| verdict.next().is_some_and(Result::is_ok));
    let mut response = if request.statements.is_empty() {
        BatchExecuteStatementResponse::default()
    } else {
        session.database.batch_execute_statement(request)?
    };
    for (place, verdict) in verdicts.iter().enumerate() {
        if let Err(why) = verdict {
            let mut error = BatchStatementError::default();
            "ValidationError".clone_into(&mut error.code);
            (*why).clone_into(&mut error.message);
            let mut answer =
                dynoxide::actions::batch_execute_statement::BatchStatementResponse::default();
            answer.error = Some(error);
            response
                .responses
                .insert(place.min(response.responses.len()), answer);
        }
    }
    Ok(response)
}

/// Refuses placeholders that are given and empty, in updates as in conditions.
fn check_placeholders(entry: &TransactWriteItem) -> Done<()> {
    let (names, values) = if let Some(update) = &entry.update {
        (
            &update.expression_attribute_names,
            &update.expression_attribute_values,
        )
    } else if let Some(put) = &entry.put {
        (
            &put.expression_attribute_names,
            &put.expression_attribute_values,
        )
    } else if let Some(delete) = &entry.delete {
        (
            &delete.expression_attribute_names,
            &delete.expression_attribute_values,
        )
    } else if let Some(check) = &entry.condition_check {
        (
            &check.expression_attribute_names,
            &check.expression_attribute_values,
        )
    } else {
        return Ok(());
    };
    if names.as_ref().is_some_and(HashMap::is_empty) {
        return Err(invalid("ExpressionAttributeNames must not be empty"));
    }
    if values.as_ref().is_some_and(HashMap::is_empty) {
        return Err(invalid("ExpressionAttributeValues must not be empty"));
    }
    Ok(())
}

/// DynamoDB stops at the first operation of a transaction that is not valid, and does not look at the others.
fn with_one_fault(error: DynoxideError) -> DynoxideError {
    let DynoxideError::TransactionCanceledException(words, mut reasons) = error else {
        return error;
    };
    let Some(first) = reasons.iter().position(|reason| reason.code == INVALID) else {
        return DynoxideError::TransactionCanceledException(words, reasons);
    };
    for (place, reason) in reasons.iter_mut().enumerate() {
        if place != first {
            *reason = untouched();
        }
    }
    cancellation(reasons)
}

/// Cancels a transaction of which some part has a fault.
fn cancelled(verdicts: impl Iterator<Item = Result<(), &'static str>>) -> Done<()> {
    let mut is_refused = false;
    let reasons = verdicts.map(|verdict| match verdict {
        Err(why) if !std::mem::replace(&mut is_refused, true) => CancellationReason {
            code: INVALID.to_owned(),
            message: Some(why.to_owned()),
            item: None,
        },
        _ => untouched(),
    });
    let reasons: Vec<_> = reasons.collect();
    if is_refused {
        Err(cancellation(reasons))
    } else {
        Ok(())
    }
}

/// The reason of a part that is not valid.
const INVALID: &str = "ValidationError";

fn untouched() -> CancellationReason {
    CancellationReason {
        code: "None".to_owned(),
        ..CancellationReason::default()
    }
}

fn cancellation(reasons: Vec<CancellationReason>) -> DynoxideError {
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code.as_str()).collect();
    let words = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    DynoxideError::TransactionCanceledException(words, reasons)
}

fn expected(conditions: Option<&Value>) -> Done<()> {
    conditions::check(conditions).map_err(DynoxideError::EnvelopedValidation)
}

fn invalid(why: &str) -> DynoxideError {
    DynoxideError::ValidationException(why.to_owned())
}

/// DynamoDB stores numbers in one form. The engine compares the members of sets by their text.
fn normalize(values: &mut Option<HashMap<String, AttributeValue>>) {
    values
        .iter_mut()
        .flat_map(HashMap::values_mut)
        .for_each(normalize_value);
}

fn normalize_value(value: &mut AttributeValue) {
    if let AttributeValue::NS(members) = value {
        for member in members {
            // The engine refuses anything else as it was sent.
            if pydynox_core::number::Number::parse(member).is_ok() {
                *member = normalize_dynamo_number(member);
            }
        }
    }
}

/// The kind of a set without members.
fn empty_set(value: &AttributeValue) -> Option<&'static str> {
    match value {
        AttributeValue::SS(members) if members.is_empty() => Some("string"),
        AttributeValue::NS(members) if members.is_empty() => Some("number"),
        AttributeValue::BS(members) if members.is_empty() => Some("binary"),
        _ => None,
    }
}
