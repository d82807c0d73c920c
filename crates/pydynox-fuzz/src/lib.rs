//! The fuzz targets: each takes any bytes, puts them through one parser of the core, and panics where a promise is broken.

#![forbid(unsafe_code)]

mod targets;

pub use targets::{TARGETS, Target};
