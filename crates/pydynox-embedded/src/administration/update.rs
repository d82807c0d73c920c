//! Update: `UpdateTable`.

use dynoxide::DynoxideError;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::update_table::UpdateTableResponse;
use dynoxide::types::AttributeDefinition;
use serde_json::{Value, json};

use super::checks::{check_attributes, check_index, invalid, list, text, unsaved};
use super::describe::described;
use crate::session::Session;
use crate::streams;

/// How many items are looked at together.
const PAGE: usize = 1000;

/// Changes a table, after the checks that the engine leaves out.
pub(crate) fn update_table(
    session: Session<'_>,
    body: &Value,
    run: impl FnOnce(Option<&str>) -> Result<UpdateTableResponse, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let name = text(body, "TableName");
    check_attributes(body)?;
    let updates = list(body, "GlobalSecondaryIndexUpdates");
    for (place, update) in updates.iter().enumerate() {
        let actions = ["Create", "Update", "Delete"];
        let count = actions
            .iter()
            .filter(|action| update.get(**action).is_some_and(|action| !action.is_null()))
            .count();
        if count != 1 {
            return Err(invalid(
                "One or more parameter values were invalid: Exactly one of Create, Update and Delete is required in each GlobalSecondaryIndexUpdate",
            ));
        }
        if let Some(index) = update.get("Create") {
            check_index(
                index,
                &format!("globalSecondaryIndexUpdates.{}.member.create", place + 1),
            )?;
        }
    }
    let online = updates
        .iter()
        .filter(|update| update.get("Update").is_none())
        .count();
    if online > 1 {
        return Err(DynoxideError::LimitExceededException(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table".to_owned(),
        ));
    }
    let created: Vec<&Value> = updates
        .iter()
        .filter_map(|update| update.get("Create"))
        .collect();
    check_new_indexes(session, name, body, &created)?;
    let turns_stream_on = streams::turns_on(session, body)?;
    let stream = streams::with_both_images(body);
    let description = if changes_only_warmth(body) {
        let request = DescribeTableRequest {
            table_name: name.to_owned(),
        };
        session.database.describe_table(request)?.table
    } else {
        run(stream.as_ref().map(|stream| stream.request.as_str()))?.table_description
    };
    session.memory.tables.forget(name);
    if turns_stream_on {
        streams::turned_on(session, name, stream.map(|stream| stream.view))?;
    }
    for index in &created {
        mark_unfit(session, name, text(index, "IndexName"))?;
    }
    let indexes: Vec<Value> = updates
        .iter()
        .filter_map(|update| update.get("Create").or_else(|| update.get("Update")))
        .cloned()
        .collect();
    session
        .memory
        .settings
        .change(|all| all.warm(name, body, &indexes))
        .map_err(unsaved)?;
    Ok(json!({"TableDescription": described(session, description)?}))
}

/// The engine does not know warm throughput, so a request with nothing else would change nothing for it.
fn changes_only_warmth(body: &Value) -> bool {
    body.get("WarmThroughput").is_some()
        && body.as_object().is_some_and(|body| {
            body.keys()
                .all(|name| matches!(name.as_str(), "TableName" | "WarmThroughput"))
        })
}

/// Refuses an index under the name of a local one, and attributes with another type than they have.
fn check_new_indexes(
    session: Session<'_>,
    name: &str,
    body: &Value,
    created: &[&Value],
) -> Result<(), DynoxideError> {
    if created.is_empty() {
        return Ok(());
    }
    // The engine reports a table that does not exist.
    let Ok(Some(metadata)) = session.database.get_table_metadata(name) else {
        return Ok(());
    };
    if let Some(table) = session.memory.tables.get(session.database, name) {
        for index in created {
            let name = text(index, "IndexName");
            if table.index(name).is_some_and(|index| index.is_local) {
                return Err(invalid(format!(
                    "One or more parameter values were invalid: Index already exists: {name}"
                )));
            }
        }
    }
    let defined: Vec<AttributeDefinition> =
        serde_json::from_str(&metadata.attribute_definitions).unwrap_or_default();
    for definition in list(body, "AttributeDefinitions") {
        let (attribute, kind) = (
            text(definition, "AttributeName"),
            text(definition, "AttributeType"),
        );
        let before = defined
            .iter()
            .find(|definition| definition.attribute_name == attribute);
        let Some(before) = before else { continue };
        let before = format!("{:?}", before.attribute_type);
        if before != kind {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{{{attribute}:{before}:HASH}}] New schema: Schema:[SchemaElement: key{{{attribute}:{kind}:HASH}}]"
            )));
        }
    }
    Ok(())
}

/// Remembers an index into which the engine has put items that DynamoDB leaves out, so that reads leave them out.
fn mark_unfit(session: Session<'_>, name: &str, index_name: &str) -> Result<(), DynoxideError> {
    let Some(table) = session.memory.tables.get(session.database, name) else {
        return Ok(());
    };
    let Some(index) = table.index(index_name) else {
        return Ok(());
    };
    let mut start = None;
    loop {
        let page = session.database.scan(ScanRequest {
            table_name: name.to_owned(),
            index_name: Some(index_name.to_owned()),
            exclusive_start_key: start,
            limit: Some(PAGE),
            ..ScanRequest::default()
        })?;
        if page
            .items
            .unwrap_or_default()
            .iter()
            .any(|item| !index.keys.fit(item))
        {
            session.memory.tables.mark_unfit(name, index_name);
            return Ok(());
        }
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(());
        }
    }
}
