//! Protected attributes and their stored form: compressed, encrypted, or both; written at a body's marks, read from an answer.
//!
//! An attribute is protected when its class declares it ([`ProtectedAttribute`]). On the way out its value is left out of the
//! body (a *mark*) and [`Marks::fill`] puts the stored form there; on the way in [`SealedValues::open`] puts the values back,
//! item by item, so that a decoder sees what an attribute without protection would look like.

pub mod compression;
pub mod data_keys;
pub mod encryption;
pub mod envelope;
pub mod keyring;
mod local;
mod open;
mod opened;
mod plaintext;
mod protected;
pub mod protection;
mod seal;
mod sealed_values;
mod stored;

pub use data_keys::{DataKeys, KeyLimits};
pub use keyring::{DataKey, Keyring};
pub use local::LocalKeyring;
pub use opened::{Opened, Share};
pub use protected::{ItemKey, OnPlaintext, ProtectedAttribute, ProtectedSchema};
pub use protection::{Protection, Sealed};
pub use seal::Marks;
pub use sealed_values::{Place, PlainAttributes, SealedValues, Target};

#[cfg(test)]
mod tests;
