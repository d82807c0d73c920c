//! The border between Python and the core: the extension module `pydynox._core`. Registration only.

/// Requests and answers are made on one thread and freed on another: a page costs 8 % less than with the allocator of glibc, a batch 10 %.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod answer;
mod batch;
mod beginning;
mod bridge;
mod client;
mod coalesce;
mod concealed;
mod connection;
mod decode;
mod derive;
mod dump;
mod encode;
mod entity;
mod error;
mod expression;
mod fault;
mod ffi;
mod field_set;
mod input;
mod instance;
mod isolation;
mod item;
mod json;
mod json_text;
mod jsonl;
mod kept;
mod keyring;
mod kind;
mod layout;
mod members;
mod meter;
mod missing;
mod operation;
mod partiql;
mod pending;
mod protected;
mod query;
mod reading;
mod rules;
mod runtime;
mod scalar;
mod schema;
mod server;
mod settings;
mod shape;
mod sizes;
mod table;
mod template;
mod trail;
mod transaction;
mod unique;
mod write;

use pyo3::prelude::*;

/// The extension module.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::answer::{decode_item, decode_items, encode_item};
    #[pymodule_export]
    use crate::client::{BlockDeadline, Client};
    #[pymodule_export]
    use crate::coalesce::batching_variable;
    #[pymodule_export]
    use crate::concealed::{Concealed, concealed_values, set_concealed};
    #[pymodule_export]
    use crate::dump::{dump, dump_document, dump_json};
    #[pymodule_export]
    use crate::expression::{Action, Condition, Path, Size, Term};
    #[pymodule_export]
    use crate::fault::Faults;
    #[pymodule_export]
    use crate::input::{from_plain, parse_json, value_from_plain, value_to_plain};
    #[pymodule_export]
    use crate::instance::Instance;
    #[pymodule_export]
    use crate::isolation::{begin_isolation, end_isolation};
    #[pymodule_export]
    use crate::item::{changes_of, fits, is_stored, rollback};
    #[pymodule_export]
    use crate::jsonl::check_line;
    #[pymodule_export]
    use crate::kept::is_expired;
    #[pymodule_export]
    use crate::keyring::{Keyring, check_key_limits};
    #[pymodule_export]
    use crate::members::{from_item, pickled, restored, size, to_item};
    #[pymodule_export]
    use crate::meter::{Meter, Pace, check_rate_limit, meters_variable};
    #[pymodule_export]
    use crate::operation::{Operation, drive_hook, is_blocking, run};
    #[pymodule_export]
    use crate::partiql::{Statement, execute_batch, execute_transaction};
    #[pymodule_export]
    use crate::pending::{Pending, needs_guard};
    #[pymodule_export]
    use crate::query::Search;
    #[pymodule_export]
    use crate::reading::{Reading, key_of_item};
    #[pymodule_export]
    use crate::rules::echoes;
    #[pymodule_export]
    use crate::scalar::{ksuid, ulid, uuid4, uuid7};
    #[pymodule_export]
    use crate::schema::{Field, Schema};
    #[pymodule_export]
    use crate::server::LocalServer;
    #[pymodule_export]
    use crate::shape::{Document, Shape, document_to_item};
    #[pymodule_export]
    use crate::table::{
        TableWatch, administer, describe_table, table_declaration, table_exists, table_named,
    };
    #[pymodule_export]
    use crate::trail::Trail;
    #[pymodule_export]
    use crate::transaction::check_token;
    #[pymodule_export]
    use crate::unique::claims;
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::runtime::watch_forks();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
