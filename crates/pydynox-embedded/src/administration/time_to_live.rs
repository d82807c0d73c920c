//! Time to live: `UpdateTimeToLive`.

use dynoxide::DynoxideError;
use dynoxide::actions::update_time_to_live::{UpdateTimeToLiveRequest, UpdateTimeToLiveResponse};

use super::checks::invalid;
use crate::session::Session;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TimeToLiveSpecification.html>
const LONGEST_NAME: usize = 255;

/// Turns time to live on or off, after the checks that the engine leaves out.
pub(crate) fn update_time_to_live(
    session: Session<'_>,
    request: UpdateTimeToLiveRequest,
) -> Result<UpdateTimeToLiveResponse, DynoxideError> {
    let wanted = &request.time_to_live_specification;
    let name = &wanted.attribute_name;
    if name.len() > LONGEST_NAME {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must have length less than or equal to {LONGEST_NAME}"
        )));
    }
    // The engine reports what else is wrong, also a table that does not exist.
    if !name.is_empty()
        && let Ok(Some(metadata)) = session.database.get_table_metadata(&request.table_name)
    {
        let current = metadata
            .ttl_attribute
            .as_ref()
            .filter(|_| metadata.ttl_enabled);
        match (wanted.enabled, current) {
            (_, Some(current)) if current != name => {
                return Err(invalid(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
                )));
            }
            (true, Some(_)) => return Err(invalid("TimeToLive is already enabled")),
            (false, None) => return Err(invalid("TimeToLive is already disabled")),
            _ => {}
        }
    }
    let response = session.database.update_time_to_live(request)?;
    if response.time_to_live_specification.enabled {
        session.sweeper.need();
    }
    Ok(response)
}
