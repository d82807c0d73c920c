//! The core's runtime, as the interpreter uses it: told of forks, prepared for its thread, and waited for with the interpreter released.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

pub(crate) use pydynox_core::process::generation;
pub(crate) use pydynox_core::runtime::{Blocking, Exchange, Guarded, Outcome, spawn, wake};
use pydynox_core::runtime::{ThreadCalls, prepare_thread};
use pyo3::Python;

use crate::interpreter::ffi;

extern "C" fn before_fork() {
    pydynox_embedded::before_fork();
}

extern "C" fn in_parent_after_fork() {
    pydynox_embedded::after_fork_in_parent();
}

extern "C" fn in_forked_child() {
    pydynox_core::process::in_forked_child();
}

/// Abandon what a parent process opened, before this one opens its own.
pub(crate) fn forget_inherited() {
    // 0 is the process that loaded the library, which has inherited nothing.
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    if KNOWN.swap(generation(), Ordering::Relaxed) != generation() {
        pydynox_embedded::forget_after_fork();
    }
}

/// Watch for forks from now on, and have the I/O thread leave signals to Python's.
pub(crate) fn watch_forks() {
    prepare_thread(ThreadCalls {
        begin: ffi::block_signals,
        give_way: ffi::give_way,
    });
    ffi::on_fork(before_fork, in_parent_after_fork, in_forked_child);
}

/// Wait for a message from the I/O thread, with the interpreter released; not forever.
pub(crate) fn wait_for(py: Python<'_>, word: Receiver<()>, longest: Duration) {
    py.detach(move || {
        let _ = word.recv_timeout(longest);
    });
}

/// Does something that may block, with the interpreter released.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}
