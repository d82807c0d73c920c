//! Which process this is: a fork raises a number, and what a parent made is leaked in its children, never dropped.
//!
//! A socket of the parent's is registered with an epoll that both processes share. Dropping it in the child takes it out of there,
//! and the parent never hears of it again; timers and tasks have locks that the fork may have left held.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The number of this process among its ancestors.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// To be called in a child before anything else happens there; from a fork handler, so it does nothing but count.
pub fn in_forked_child() {
    // Relaxed: a forked child has one thread, and all others start after this.
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// How many times this process, or an ancestor, continued from a snapshot.
static RESTORES: AtomicU32 = AtomicU32::new(0);

/// To be called after the process continued from a snapshot, of which there may be many copies.
pub fn restored() {
    RESTORES.fetch_add(1, Ordering::Relaxed);
}

/// How many snapshots this process continued from.
pub fn restores() -> u32 {
    RESTORES.load(Ordering::Relaxed)
}

/// The number of what may be kept in memory only, such as the keys of a cipher: a fork raises it, and so does a restore.
pub fn era() -> u64 {
    u64::from(generation()) + u64::from(restores())
}

/// The process that made something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker(u32);

impl Maker {
    /// This process.
    pub fn this() -> Self {
        Self(generation())
    }

    /// Whether it is this process, and not one of its ancestors.
    pub fn is_this(self) -> bool {
        self == Self::this()
    }

    /// Drops what was made, unless it is an ancestor's.
    pub fn let_go<T>(self, value: T) {
        if !self.is_this() {
            std::mem::forget(value);
        }
    }
}

impl Default for Maker {
    fn default() -> Self {
        Self::this()
    }
}
