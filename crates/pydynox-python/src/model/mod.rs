//! Model: what a class declares, and the conditions, actions and paths on its attributes.

pub(crate) mod action;
pub(crate) mod checks;
pub(crate) mod combination;
pub(crate) mod concealed;
pub(crate) mod condition;
pub(crate) mod declared;
pub(crate) mod declared_keys;
pub(crate) mod entity;
pub(crate) mod expression;
pub(crate) mod given_key;
pub(crate) mod input;
pub(crate) mod instance;
pub(crate) mod item;
pub(crate) mod key;
pub(crate) mod operand;
pub(crate) mod path;
pub(crate) mod place;
pub(crate) mod problems;
pub(crate) mod protection;
pub(crate) mod purposes;
pub(crate) mod schema;
pub(crate) mod snapshot;
pub(crate) mod stored_forms;
pub(crate) mod template;
pub(crate) mod template_part;
