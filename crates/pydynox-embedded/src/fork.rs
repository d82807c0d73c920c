//! What this crate does around `fork()`: threads are kept out of `SQLite`, files are closed, and the child begins anew.

use crate::generation;
use crate::registry;

/// Waits until no thread of this process is inside an engine, keeps them out until the fork is done, and closes files.
///
/// The `prepare` handler of `pthread_atfork`; [`after_fork_in_parent`] is the one for the parent, which also runs when the
/// fork failed. The child calls [`forget_after_fork`], at the latest before its first use. The GIL may be held: those
/// inside never wait for it.
pub fn before_fork() {
    generation::shut_out();
    registry::close_files();
}

/// Lets the threads of the parent into the engines again.
pub fn after_fork_in_parent() {
    generation::let_in();
}

/// Leaves behind, in a forked child and before its first use, every engine that was inherited.
///
/// Transports that the child inherited go on working: those in memory are empty, and share again what shares a name; files
/// are opened again by their next request. Must be called with the GIL held (see [`crate::open`]).
pub fn forget_after_fork() {
    let generation = generation::begin();
    registry::renew(generation);
}
