//! Values of Python as attribute values of DynamoDB, and back.

pub(crate) mod admit;
pub(crate) mod assignment;
pub(crate) mod decode;
pub(crate) mod document;
pub(crate) mod encode;
pub(crate) mod encode_number;
pub(crate) mod encode_set;
pub(crate) mod field;
pub(crate) mod field_set;
pub(crate) mod input;
pub(crate) mod json_attribute;
pub(crate) mod kind;
pub(crate) mod layout;
pub(crate) mod missing;
pub(crate) mod problem;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod scalar;
pub(crate) mod service_json;
pub(crate) mod unreadable;
