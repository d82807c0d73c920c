//! What a call's answer, or its failure, becomes in Python.

pub(crate) mod decoded;
pub(crate) mod failure;
pub(crate) mod reply;
