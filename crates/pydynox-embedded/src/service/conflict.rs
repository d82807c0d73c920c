//! Conflicts: a transaction holds its items for a while, in which other writes to them are refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pydynox_core::retry::deadline::Pause;
use pydynox_core::transport::{Operation, Request, Response, TransportError};

use super::access::Access;
use super::refusal;

/// The items that transactions hold, with how many of their members name each.
pub(super) type Held = HashMap<(String, String), usize>;

/// The items of one transaction, until this is dropped.
pub(super) struct Hold<'a> {
    held: &'a Mutex<Held>,
    items: Vec<(String, String)>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for item in &self.items {
            if let Some(count) = held.get_mut(item) {
                *count -= 1;
                if *count == 0 {
                    held.remove(item);
                }
            }
        }
    }
}

/// Waits while a transaction is in progress and holds its items; Err is the refusal where another one holds one of them.
pub(super) async fn hold<'a>(
    held: &'a Mutex<Held>,
    request: &Request,
    accesses: &[Access],
    length: Duration,
) -> Result<Result<Option<Hold<'a>>, Response>, TransportError> {
    let operation = &request.operation;
    let is_transaction = matches!(
        operation,
        Operation::TransactWriteItems | Operation::TransactGetItems | Operation::ExecuteTransaction
    );
    let is_batch = matches!(
        operation,
        Operation::BatchWriteItem | Operation::BatchExecuteStatement
    );
    let is_write = accesses.iter().any(|access| access.is_write);
    // Single reads see the items as they are: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>
    if !is_transaction && !is_write {
        return Ok(Ok(None));
    }
    let names: Vec<_> = accesses
        .iter()
        .map(|access| {
            (
                access.table.clone(),
                access.item.clone().unwrap_or_default(),
            )
        })
        .collect();
    let hold = {
        let mut list = held.lock().unwrap_or_else(PoisonError::into_inner);
        let conflicts: Vec<_> = names
            .iter()
            .map(|name| list.contains_key(name).then_some("TransactionConflict"))
            .collect();
        if conflicts.iter().any(Option::is_some) && !is_batch {
            return Ok(Err(if is_transaction {
                refusal::cancelled(&conflicts)
            } else {
                let message = "Transaction is ongoing for the item";
                refusal::error("TransactionConflictException", message)
            }));
        }
        if is_transaction && is_write {
            for name in &names {
                *list.entry(name.clone()).or_default() += 1;
            }
            names
        } else {
            vec![]
        }
    };
    if hold.is_empty() {
        return Ok(Ok(None));
    }
    let hold = Hold { held, items: hold };
    request.progress.hold();
    Pause::new(length).await;
    if !request.progress.release() {
        return Err(TransportError::cancelled());
    }
    Ok(Ok(Some(hold)))
}
