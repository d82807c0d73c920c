//! What lets this crate survive `fork()`: the generation of this process, and the gate that every use of `SQLite` passes.
//!
//! Everything here is an atomic, because a lock that another thread held at the fork stays locked in the child for ever.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::registry;

/// How many forks lie between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Threads that are inside `SQLite`.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Threads that are about to fork.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// Longest wait for those inside; a fork that is late is better than one that never comes.
const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_micros(50);

/// Which process of a line of forks this is.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Waits until no thread of this process is inside an engine, keeps them out until the fork is done, and closes files.
///
/// The `prepare` handler of `pthread_atfork`; [`after_fork_in_parent`] is the one for the parent, which also runs when the
/// fork failed. The child calls [`forget_after_fork`], at the latest before its first use. The GIL may be held: those
/// inside never wait for it.
pub fn before_fork() {
    FORKING.fetch_add(1, Ordering::SeqCst);
    let begun = Instant::now();
    while INSIDE.load(Ordering::SeqCst) != 0 && begun.elapsed() < PATIENCE {
        sleep(NAP);
    }
    registry::close_files();
}

/// Lets the threads of the parent into the engines again.
pub fn after_fork_in_parent() {
    let _ = FORKING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
        count.checked_sub(1)
    });
}

/// Leaves behind, in a forked child and before its first use, every engine that was inherited.
///
/// Transports that the child inherited go on working: those in memory are empty, and share again what shares a name; files
/// are opened again by their next request. Must be called with the GIL held (see [`crate::open`]).
pub fn forget_after_fork() {
    // No thread but this one came along.
    FORKING.store(0, Ordering::SeqCst);
    INSIDE.store(0, Ordering::SeqCst);
    let generation = GENERATION.fetch_add(1, Ordering::AcqRel) + 1;
    registry::renew(generation);
}

/// Proof that a thread may be inside `SQLite`; the fork waits until it is dropped.
pub(crate) struct Pass {
    generation: u64,
}

impl Pass {
    /// A pass, unless a fork is about to happen.
    pub(crate) fn try_new() -> Option<Self> {
        let pass = Self::regardless();
        (FORKING.load(Ordering::SeqCst) == 0).then_some(pass)
    }

    /// A pass, after any fork that is about to happen. Never on a thread that may hold the GIL: the fork needs it.
    pub(crate) fn wait() -> Self {
        loop {
            if let Some(pass) = Self::try_new() {
                return pass;
            }
            sleep(NAP);
        }
    }

    /// A pass at once, for a thread that holds the GIL and thereby keeps forks away, and for closing.
    pub(crate) fn regardless() -> Self {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        Self {
            generation: generation(),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // The count began anew in the child.
        if self.generation == generation() {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
