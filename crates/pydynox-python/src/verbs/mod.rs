//! What Python calls.

pub(crate) mod build_data;
pub(crate) mod client;
pub(crate) mod export_lines;
pub(crate) mod faults;
pub(crate) mod isolation;
pub(crate) mod local_server;
pub(crate) mod lock;
pub(crate) mod model_methods;
pub(crate) mod observe;
pub(crate) mod partiql;
pub(crate) mod partiql_answer;
pub(crate) mod pause;
pub(crate) mod streams;
pub(crate) mod table;
pub(crate) mod trail;
