//! What is decided about a write before it is sent: by which guards it holds, whether it may be sent again, and what a failed guard means.
//!
//! The border between Python and this crate hands over plain data (names, JSON text of stored values, flags) and is given a
//! [`plan::Plan`].

pub mod conditions;
pub mod constraint;
pub mod entity;
pub mod managed;
pub mod plan;
pub mod purposes;
pub mod rules;
pub mod unique_change;
