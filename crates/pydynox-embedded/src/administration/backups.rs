//! Backups: whether a table could be restored to a point in time.

use serde_json::{Value, json};

use super::requests::{Refusal, invalid, table_of, unsaved};
use crate::session::Session;

fn backups(session: Session<'_>, table: &str) -> Result<Value, Refusal> {
    let settings = &session.memory.settings;
    let recovery = settings.read(|all| all.setting(table).recovery);
    let recovery = match recovery.map_err(unsaved)? {
        None => json!({"PointInTimeRecoveryStatus": "DISABLED"}),
        Some(days) => {
            let now = session.sweeper.now() / 1000;
            json!({
                "PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": days,
                "EarliestRestorableDateTime": now, "LatestRestorableDateTime": now,
            })
        }
    };
    Ok(json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
    }}))
}

pub(super) fn describe_backups(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let table = table_of(session, request, "TableNotFoundException")?;
    backups(session, table)
}

pub(super) fn update_backups(session: Session<'_>, request: &Value) -> Result<Value, Refusal> {
    let wanted = request.get("PointInTimeRecoverySpecification");
    let Some(enabled) = wanted
        .and_then(|wanted| wanted.get("PointInTimeRecoveryEnabled"))
        .and_then(Value::as_bool)
    else {
        return Err(invalid(
            "1 validation error detected: Value null at 'pointInTimeRecoverySpecification' failed to satisfy constraint: Member must not be null",
        ));
    };
    let table = table_of(session, request, "TableNotFoundException")?;
    let days = wanted
        .and_then(|wanted| wanted.get("RecoveryPeriodInDays"))
        .and_then(Value::as_u64)
        .unwrap_or(35);
    if !(1..=35).contains(&days) {
        return Err(invalid(
            "One or more parameter values were invalid: RecoveryPeriodInDays must be between 1 and 35",
        ));
    }
    session
        .memory
        .settings
        .change(|all| all.setting_mut(table).recovery = enabled.then_some(days))
        .map_err(unsaved)?;
    backups(session, table)
}
