//! The border between Python and the core: the extension module `pydynox._core`. Registration only.

/// Requests and answers are made on one thread and freed on another: a page costs 8 % less than with the allocator of glibc, a batch 10 %.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod answer;
mod connection;
mod exceptions;
mod interpreter;
mod item;
mod model;
mod read;
mod values;
mod verbs;
mod write;

use pyo3::prelude::*;

/// The extension module.
// Free threading is not proven: several locks rely on the interpreter being held.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::connection::capture::{Capture, stored_size};
    #[pymodule_export]
    use crate::connection::connection::{BlockDeadline, Connected};
    #[pymodule_export]
    use crate::connection::delivery::{deliver_events_to, observing_variable, report_unraisable};
    #[pymodule_export]
    use crate::connection::event::{Event, event_bits, event_kinds};
    #[pymodule_export]
    use crate::connection::keyring::{Keyring, check_key_limits};
    #[pymodule_export]
    use crate::connection::meter::{Meter, Pace, check_rate_limit, meters_variable};
    #[pymodule_export]
    use crate::connection::restored::reopen_all;
    #[pymodule_export]
    use crate::exceptions::Explained;
    #[pymodule_export]
    use crate::interpreter::coalesce::batching_variable;
    #[pymodule_export]
    use crate::interpreter::operation::{Operation, drive_hook, is_blocking, run, run_aside};
    #[pymodule_export]
    use crate::item::dump::{dump, dump_document, dump_json};
    #[pymodule_export]
    use crate::item::managed::is_expired;
    #[pymodule_export]
    use crate::item::rollback::{changes_of, rollback};
    #[pymodule_export]
    use crate::model::action::Action;
    #[pymodule_export]
    use crate::model::concealed::{Concealed, concealed_values, set_concealed};
    #[pymodule_export]
    use crate::model::condition::Condition;
    #[pymodule_export]
    use crate::model::input::{from_plain, parse_json};
    #[pymodule_export]
    use crate::model::instance::{Instance, is_stored};
    #[pymodule_export]
    use crate::model::path::{Path, Size, Term};
    #[pymodule_export]
    use crate::model::schema::Schema;
    #[pymodule_export]
    use crate::read::rows::key_of_item;
    #[pymodule_export]
    use crate::read::running_query::Reading;
    #[pymodule_export]
    use crate::read::search::Search;
    #[pymodule_export]
    use crate::read::stream_record::StreamRecord;
    #[pymodule_export]
    use crate::values::document::{Document, document_to_item};
    #[pymodule_export]
    use crate::values::field::Field;
    #[pymodule_export]
    use crate::values::plain::{value_from_plain, value_to_plain};
    #[pymodule_export]
    use crate::values::record::Shape;
    #[pymodule_export]
    use crate::values::rules::echoes;
    #[pymodule_export]
    use crate::values::scalar::{ksuid, ulid, uuid4, uuid7};
    #[pymodule_export]
    use crate::values::time_format::time_format;
    #[pymodule_export]
    use crate::verbs::build_data::build_data;
    #[pymodule_export]
    use crate::verbs::client::Client;
    #[pymodule_export]
    use crate::verbs::export_lines::check_line;
    #[pymodule_export]
    use crate::verbs::faults::Faults;
    #[pymodule_export]
    use crate::verbs::isolation::{Isolation, Taken, advance_clock, date_by_clock, move_clock};
    #[pymodule_export]
    use crate::verbs::local_server::LocalServer;
    #[pymodule_export]
    use crate::verbs::lock::Lease;
    #[pymodule_export]
    use crate::verbs::model_methods::{fits, from_item, pickled, restored, size, to_item};
    #[pymodule_export]
    use crate::verbs::observe::{
        client_stats, connection_pools, deliver_waiting, want_events, warm_up,
    };
    #[pymodule_export]
    use crate::verbs::partiql::{Statement, execute_batch, execute_transaction};
    #[pymodule_export]
    use crate::verbs::pause::pause;
    #[pymodule_export]
    use crate::verbs::streams::{open_image, stream_records};
    #[pymodule_export]
    use crate::verbs::table::{
        TableWatch, administer, describe_table, table_declaration, table_exists, table_named,
    };
    #[pymodule_export]
    use crate::verbs::trail::Trail;
    #[pymodule_export]
    use crate::write::batch::{Pending, needs_guard};
    #[pymodule_export]
    use crate::write::transaction::check_token;
    #[pymodule_export]
    use crate::write::unique::claims;

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // First, so that no fork is missed by what remembers the process that made it.
        crate::interpreter::runtime::watch_forks();
        crate::interpreter::ffi::set_send_slot::<Operation>(module.py());
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
