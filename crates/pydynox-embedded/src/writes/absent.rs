//! Absent items: updates with only REMOVE and DELETE create no item. The engine would create one from the key.

use std::collections::HashMap;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::transact_write_items::{
    TransactWriteItemsRequest, TransactWriteItemsResponse,
};
use dynoxide::actions::update_item::{UpdateItemRequest, UpdateItemResponse};
use dynoxide::types::AttributeValue;
use dynoxide::{Database, DynoxideError};

use crate::gate;

/// What the engine says of a path that leads through something that is not there.
const NO_PATH: &str = "document path provided in the update expression is invalid for update";

type Key = HashMap<String, AttributeValue>;

/// An item that does not exist and must not be created by an update.
struct Absent {
    table: String,
    key: Key,
}

impl Absent {
    /// None if the item exists or the read is refused: then the update is refused too, with its own message.
    fn look(database: &Database, table: &str, key: &Key) -> Option<Self> {
        let request = GetItemRequest {
            table_name: table.to_owned(),
            key: key.clone(),
            ..GetItemRequest::default()
        };
        let output = database.get_item(request).ok()?;
        output.item.is_none().then(|| Self {
            table: table.to_owned(),
            key: key.clone(),
        })
    }

    /// Removes what the engine created. No one saw it: requests run one after another.
    fn restore(self, database: &Database) -> Result<(), DynoxideError> {
        let request = DeleteItemRequest {
            table_name: self.table,
            key: self.key,
            ..DeleteItemRequest::default()
        };
        database.delete_item(request).map(drop)
    }
}

/// `UpdateItem`.
pub(super) fn update_item(
    database: &Database,
    request: UpdateItemRequest,
) -> Result<UpdateItemResponse, DynoxideError> {
    let absent = makes_nothing(&request)
        .then(|| Absent::look(database, &request.table_name, &request.key))
        .flatten();
    let mut response = match database.update_item(request) {
        // Where there is no item, nothing is removed from its maps and lists, either.
        Err(DynoxideError::ValidationException(why))
            if absent.is_some() && why.contains(NO_PATH) =>
        {
            return Ok(UpdateItemResponse::default());
        }
        other => other?,
    };
    if let Some(absent) = absent {
        absent.restore(database)?;
        // ALL_NEW would return the key of the item that was just removed.
        response.attributes = None;
    }
    Ok(response)
}

/// `TransactWriteItems`.
pub(super) fn transact_write_items(
    database: &Database,
    request: TransactWriteItemsRequest,
) -> Result<TransactWriteItemsResponse, DynoxideError> {
    let updates = request
        .transact_items
        .iter()
        .filter_map(|entry| entry.update.as_ref());
    let absent: Vec<_> = updates
        .filter(|update| gate::makes_nothing(&update.update_expression))
        .filter_map(|update| Absent::look(database, &update.table_name, &update.key))
        .collect();
    let response = database.transact_write_items(request)?;
    for absent in absent {
        absent.restore(database)?;
    }
    Ok(response)
}

fn makes_nothing(request: &UpdateItemRequest) -> bool {
    match (&request.update_expression, &request.attribute_updates) {
        (Some(expression), _) => gate::makes_nothing(expression),
        (None, Some(updates)) => {
            !updates.is_empty() && updates.values().all(|update| update.action == "DELETE")
        }
        // It creates an item from its key.
        (None, None) => false,
    }
}
