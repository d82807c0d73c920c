//! Insights: for which tables and indexes contributor insights are on.

use serde_json::{Map, Value, json};

use super::checks::text;
use super::requests::{Refusal, invalid, table_of, unsaved};
use crate::session::Session;

/// The index that insights are about; empty for the table itself.
fn index_of<'r>(session: Session<'_>, table: &str, request: &'r Value) -> Result<&'r str, Refusal> {
    let name = text(request, "IndexName");
    let exists = session
        .memory
        .tables
        .get(session.database, table)
        .is_some_and(|table| table.index(name).is_some_and(|index| !index.is_local));
    if name.is_empty() || exists {
        return Ok(name);
    }
    Err((
        "ResourceNotFoundException",
        format!("Requested resource not found: Index: {name} not found"),
    ))
}

fn insights(table: &str, index: &str, status: &str, mode: &str) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("TableName".to_owned(), table.into());
    if !index.is_empty() {
        members.insert("IndexName".to_owned(), index.into());
    }
    members.insert("ContributorInsightsStatus".to_owned(), status.into());
    members.insert("ContributorInsightsMode".to_owned(), mode.into());
    members
}

const EVERY_KEY: &str = "ACCESSED_AND_THROTTLED_KEYS";

pub(super) fn describe_insights(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let table = table_of(session, request, "ResourceNotFoundException")?;
    let index = index_of(session, table, request)?;
    let setting = session
        .memory
        .settings
        .read(|all| all.setting(table))
        .map_err(unsaved)?;
    let mode = setting.insights.get(index);
    let status = if mode.is_some() {
        "ENABLED"
    } else {
        "DISABLED"
    };
    let mut members = insights(table, index, status, mode.map_or(EVERY_KEY, String::as_str));
    members.insert("ContributorInsightsRuleList".to_owned(), json!([]));
    Ok(members.into())
}

pub(super) fn update_insights(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let action = text(request, "ContributorInsightsAction");
    if !matches!(action, "ENABLE" | "DISABLE") {
        return Err(invalid(format!(
            "1 validation error detected: Value '{action}' at 'contributorInsightsAction' failed to satisfy constraint: Member must satisfy enum value set: [ENABLE, DISABLE]"
        )));
    }
    let table = table_of(session, request, "ResourceNotFoundException")?;
    let index = index_of(session, table, request)?;
    let mode = match text(request, "ContributorInsightsMode") {
        "" => EVERY_KEY,
        mode => mode,
    };
    session
        .memory
        .settings
        .change(|all| {
            let insights = &mut all.setting_mut(table).insights;
            if action == "ENABLE" {
                insights.insert(index.to_owned(), mode.to_owned());
            } else {
                insights.remove(index);
            }
        })
        .map_err(unsaved)?;
    let status = if action == "ENABLE" {
        "ENABLING"
    } else {
        "DISABLING"
    };
    Ok(insights(table, index, status, mode).into())
}

pub(super) fn list_insights(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let wanted = match request.get("TableName") {
        None | Some(Value::Null) => None,
        Some(_) => Some(table_of(session, request, "ResourceNotFoundException")?),
    };
    let all = session
        .memory
        .settings
        .read(Clone::clone)
        .map_err(unsaved)?;
    let summaries: Vec<Value> = all
        .tables
        .iter()
        .filter(|(table, _)| wanted.is_none_or(|wanted| wanted == table.as_str()))
        .flat_map(|(table, setting)| {
            let summary =
                |(index, mode): (&String, &String)| insights(table, index, "ENABLED", mode).into();
            setting.insights.iter().map(summary).collect::<Vec<Value>>()
        })
        .collect();
    Ok(json!({"ContributorInsightsSummaries": summaries}))
}
