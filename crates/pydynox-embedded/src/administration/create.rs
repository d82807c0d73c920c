//! Create: `CreateTable`.

use dynoxide::DynoxideError;
use dynoxide::actions::create_table::CreateTableResponse;
use serde_json::{Value, json};

use super::checks::{check_attributes, check_index, invalid, list, text, unsaved};
use super::describe::described;
use super::tags::check_tags;
use crate::session::Session;
use crate::streams;

/// Creates a table, after the checks that the engine leaves out.
pub(crate) fn create_table(
    session: Session<'_>,
    body: &Value,
    run: impl FnOnce(Option<&str>) -> Result<CreateTableResponse, DynoxideError>,
) -> Result<Value, DynoxideError> {
    check_attributes(body)?;
    for (member, path) in [
        ("GlobalSecondaryIndexes", "globalSecondaryIndexes"),
        ("LocalSecondaryIndexes", "localSecondaryIndexes"),
    ] {
        for (place, index) in list(body, member).iter().enumerate() {
            check_index(index, &format!("{path}.{}.member", place + 1))?;
        }
    }
    let has_throughput = body
        .get("ProvisionedThroughput")
        .is_some_and(|given| !given.is_null());
    match text(body, "BillingMode") {
        "PAY_PER_REQUEST" if has_throughput => {
            return Err(invalid(
                "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
            ));
        }
        "" | "PROVISIONED" if !has_throughput => {
            return Err(invalid(
                "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
            ));
        }
        _ => {}
    }
    check_tags(list(body, "Tags"))?;
    streams::check_specification(body)?;
    let stream = streams::with_both_images(body);
    let description = run(stream.as_ref().map(|stream| stream.request.as_str()))?.table_description;
    let name = &description.table_name;
    session.memory.tables.forget(name);
    session.memory.tables.forget_indexes(name);
    session
        .memory
        .settings
        .change(|all| {
            all.forget(name);
            if let Some(stream) = stream {
                all.setting_mut(name).stream_view = Some(stream.view);
            }
            all.warm(name, body, list(body, "GlobalSecondaryIndexes"));
        })
        .map_err(unsaved)?;
    Ok(json!({"TableDescription": described(session, description)?}))
}
