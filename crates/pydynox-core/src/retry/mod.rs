//! What the client's retry loop asks: what an answer means, whether and when to send again, until when.

pub(crate) mod ambiguity;
pub(crate) mod body;
pub(crate) mod classify;
mod codes;
pub mod deadline;
pub mod policy;
pub mod proof;
