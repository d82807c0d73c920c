//! DynamoDB's JSON: written as text into one buffer, read by a cursor over one buffer, no tree in between.

mod attribute;
pub mod base64;
pub mod copying;
mod error;
pub mod marks;
mod passing;
mod reader;
mod scan;
mod tag;
mod text;
mod value;
mod writer;

pub use attribute::text_of;
pub use error::WireError;
pub use passing::validate;
pub use reader::{MAX_DEPTH, Reader};
pub use tag::{Tag, is_set};
pub use text::Text;
pub use value::Value;
pub use writer::Writer;

#[cfg(test)]
pub(crate) use value::tests::{item as test_item, item_json as test_item_json};
