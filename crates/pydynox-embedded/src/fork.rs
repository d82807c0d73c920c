//! Forks: around `fork()`, threads are kept out of `SQLite`, files are closed, and the child starts afresh.

use crate::generation;
use crate::registry;

/// Waits until no thread of this process is inside an engine, keeps threads out until the fork is done, and closes files.
///
/// The `prepare` handler of `pthread_atfork`; [`after_fork_in_parent`] is the one for the parent, which also runs if the fork
/// failed. The child calls [`forget_after_fork`] before its first use at the latest. The GIL may be held: threads inside never
/// wait for it.
pub fn before_fork() {
    generation::shut_out();
    // After the threads: a file that is in use cannot be closed.
    registry::close_files();
}

/// Lets the threads of the parent into the engines again.
pub fn after_fork_in_parent() {
    generation::let_in();
}

/// Abandons every inherited engine, in a forked child and before its first use.
///
/// Transports that the child inherited continue to work: those in memory are empty, and those with the same name share again;
/// files are reopened by their next request. Must be called with the GIL held (see [`crate::open`]).
pub fn forget_after_fork() {
    let generation = generation::begin();
    registry::renew(generation);
}
