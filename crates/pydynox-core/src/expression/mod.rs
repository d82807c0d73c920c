//! DynamoDB's expressions: names and values that no attribute can break, conditions, and updates.

pub mod action;
pub mod actions;
pub mod condition;
pub(crate) mod condition_text;
mod difference;
pub mod key_condition;
mod key_test;
pub mod known_part;
pub mod names;
mod operand;
pub(crate) mod order;
pub mod part_condition;
pub mod path;
pub mod projection;
pub mod reserved;
pub mod update;

/// Longest text of one expression that `DynamoDB` accepts, in bytes.
pub const MAX_EXPRESSION_SIZE: usize = 4096;

/// Most operators and functions that `DynamoDB` accepts in one expression.
pub const MAX_OPERATORS: usize = 300;
