//! Returned: the attributes that `UpdateItem` answers with.

use std::collections::HashMap;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::update_item::{UpdateItemRequest, UpdateItemResponse};
use dynoxide::{Database, DynoxideError};

use super::absent;
use crate::gate::{self, Context, Path};

/// Runs an update and answers as `ReturnValues` says. The engine returns whole attributes where DynamoDB returns the updated parts,
/// and the key of an item that did not exist as what it was.
pub(super) fn update_item(
    database: &Database,
    mut request: UpdateItemRequest,
) -> Result<UpdateItemResponse, DynoxideError> {
    match request.return_values.as_deref() {
        Some("ALL_OLD") if is_absent(database, &request) => {
            request.return_values = None;
            absent::update_item(database, request)
        }
        Some(wanted @ ("UPDATED_OLD" | "UPDATED_NEW")) if updates_parts(&request) => {
            let whole = if wanted == "UPDATED_OLD" {
                "ALL_OLD"
            } else {
                "ALL_NEW"
            };
            let names = request.expression_attribute_names.clone();
            let text = request.update_expression.clone().unwrap_or_default();
            let is_absent = whole == "ALL_OLD" && is_absent(database, &request);
            request.return_values = Some(whole.to_owned());
            let mut response = absent::update_item(database, request)?;
            let item = response.attributes.take().filter(|_| !is_absent);
            response.attributes = item.and_then(|item| {
                let parts = gate::with_update(&text, |update| {
                    let context = Context {
                        names: names.as_ref(),
                        values: None,
                    };
                    let actions = update.0.iter().flat_map(|(_, actions)| actions);
                    let paths: Vec<Path<'_>> = actions
                        .filter_map(|action| context.resolve(&action.path))
                        .collect();
                    gate::project(&item, &paths)
                });
                parts.filter(|parts: &HashMap<_, _>| !parts.is_empty())
            });
            Ok(response)
        }
        _ => absent::update_item(database, request),
    }
}

fn is_absent(database: &Database, request: &UpdateItemRequest) -> bool {
    let request = GetItemRequest {
        table_name: request.table_name.clone(),
        key: request.key.clone(),
        ..GetItemRequest::default()
    };
    database
        .get_item(request)
        .is_ok_and(|output| output.item.is_none())
}

/// Whether the update has a path that leads into an attribute.
fn updates_parts(request: &UpdateItemRequest) -> bool {
    request
        .update_expression
        .as_ref()
        .is_some_and(|text| text.contains(['.', '[']))
}
