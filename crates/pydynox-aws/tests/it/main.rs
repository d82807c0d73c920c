//! pydynox against the SDK, and against surroundings made of a home directory, variables and servers on 127.0.0.1.

#![allow(clippy::unwrap_used)]

mod configuration;
mod credentials;
mod errors;
mod kms;
mod operations;
mod server;
mod signatures;
mod surroundings;
