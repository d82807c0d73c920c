//! Requests: which expressions each request carries.

use std::collections::HashMap;

use dynoxide::actions::batch_get_item::BatchGetItemRequest;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::query::QueryRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::search_vectors::SearchVectorsRequest;
use dynoxide::actions::transact_get_items::TransactGetItemsRequest;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use dynoxide::actions::update_item::UpdateItemRequest;

use dynoxide::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;
use serde_json::map::Entry;

use super::{Expression, Expressions, Role};

/// Passes expressions of one request on: those that are given, and those that always are.
macro_rules! show {
    ($see:ident, $request:expr, $values:expr; $($role:ident: $member:ident),+) => {
        $(if let Some(text) = $request.$member.as_mut() {
            $see(Expression {
                role: Role::$role,
                text,
                names: $request.expression_attribute_names.as_ref(),
                values: $values,
            });
        })+
    };
}

macro_rules! expressions {
    ($($request:ty { $($role:ident: $member:ident),+ })+) => {$(
        impl Expressions for $request {
            fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
                show!(see, self, self.expression_attribute_values.as_mut(); $($role: $member),+);
            }
        }
    )+};
}

expressions! {
    PutItemRequest { Condition: condition_expression }
    UpdateItemRequest { Update: update_expression, Condition: condition_expression }
    QueryRequest { Key: key_condition_expression, Filter: filter_expression, Projection: projection_expression }
    ScanRequest { Filter: filter_expression, Projection: projection_expression }
    SearchVectorsRequest { Search: search_condition_expression, Projection: projection_expression }
}

impl Expressions for DeleteItemRequest {
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
        // The engine reads these values later than those of the other requests.
        let raw = self.expression_attribute_values_raw.as_ref();
        let mut read = raw.and_then(|raw| HashMap::<String, AttributeValue>::deserialize(raw).ok());
        show!(see, self, read.as_mut(); Condition: condition_expression);
        let raw = self.expression_attribute_values_raw.as_mut();
        let (Some(read), Some(raw)) = (read, raw.and_then(Value::as_object_mut)) else {
            return;
        };
        if read.len() == raw.len() {
            return;
        }
        for (name, value) in read {
            if let (Entry::Vacant(place), Ok(value)) =
                (raw.entry(name), serde_json::to_value(value))
            {
                place.insert(value);
            }
        }
    }
}

impl Expressions for GetItemRequest {
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
        show!(see, self, None; Projection: projection_expression);
    }
}

impl Expressions for BatchGetItemRequest {
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
        for keys in self.request_items.values_mut() {
            show!(see, keys, None; Projection: projection_expression);
        }
    }
}

impl Expressions for TransactGetItemsRequest {
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
        for entry in &mut self.transact_items {
            show!(see, entry.get, None; Projection: projection_expression);
        }
    }
}

impl Expressions for TransactWriteItemsRequest {
    fn each(&mut self, see: &mut dyn FnMut(Expression<'_>)) {
        for entry in &mut self.transact_items {
            if let Some(update) = &mut entry.update {
                see(Expression {
                    role: Role::Update,
                    text: &mut update.update_expression,
                    names: update.expression_attribute_names.as_ref(),
                    values: update.expression_attribute_values.as_mut(),
                });
                show!(see, update, update.expression_attribute_values.as_mut(); Condition: condition_expression);
            }
            if let Some(put) = &mut entry.put {
                show!(see, put, put.expression_attribute_values.as_mut(); Condition: condition_expression);
            }
            if let Some(delete) = &mut entry.delete {
                show!(see, delete, delete.expression_attribute_values.as_mut(); Condition: condition_expression);
            }
            if let Some(check) = &mut entry.condition_check {
                see(Expression {
                    role: Role::Condition,
                    text: &mut check.condition_expression,
                    names: check.expression_attribute_names.as_ref(),
                    values: check.expression_attribute_values.as_mut(),
                });
            }
        }
    }
}
