//! Generations: the count of forks that led to this process, and the gate that every use of `SQLite` passes.
//!
//! Everything here is an atomic, because a lock that another thread held at the fork stays locked in the child forever.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Number of forks between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Threads that are inside `SQLite`.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Threads that are about to fork.
static FORKING: AtomicUsize = AtomicUsize::new(0);

/// Longest wait for threads inside; a late fork is better than none.
const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_micros(50);

/// The generation of this process in its line of forks.
pub(crate) fn now() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Keeps threads out from now on, and waits until none is inside.
pub(crate) fn shut_out() {
    // Announced before the count is read; a thread counts itself before it reads FORKING. So one of the two sees the other.
    FORKING.fetch_add(1, Ordering::SeqCst);
    let begun = Instant::now();
    // Polled, because waiting for a signal would need a lock.
    while INSIDE.load(Ordering::SeqCst) != 0 && begun.elapsed() < PATIENCE {
        sleep(NAP);
    }
}

/// Lets threads in again.
pub(crate) fn let_in() {
    let _ = FORKING.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
        count.checked_sub(1)
    });
}

/// Begins the next generation, in a forked child; no other thread survived the fork.
pub(crate) fn begin() -> u64 {
    // The counts are those of the parent's threads, which would never lower them here.
    FORKING.store(0, Ordering::SeqCst);
    INSIDE.store(0, Ordering::SeqCst);
    GENERATION.fetch_add(1, Ordering::AcqRel) + 1
}

/// Proof that a thread may be inside `SQLite`; the fork waits until it is dropped.
pub(crate) struct Pass {
    generation: u64,
}

impl Pass {
    /// A pass, unless a fork is about to happen.
    pub(crate) fn try_new() -> Option<Self> {
        // Counted before the check, see `shut_out`; a pass that is not given is dropped, which counts it out again.
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

    /// An immediate pass, for closing and for threads that hold the GIL, which keeps forks away.
    pub(crate) fn regardless() -> Self {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        Self { generation: now() }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // The count restarted in the child.
        if self.generation == now() {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
