//! Administration: tables, their tags and their settings, as DynamoDB checks and describes them.

mod answers;
mod backups;
mod checks;
mod create;
mod describe;
mod insights;
mod policies;
mod requests;
mod tags;
mod time_to_live;
mod update;

pub(crate) use answers::answer;
pub(crate) use create::create_table;
pub(crate) use describe::{delete_table, describe_table};
pub(crate) use tags::tag;
pub(crate) use time_to_live::update_time_to_live;
pub(crate) use update::update_table;
