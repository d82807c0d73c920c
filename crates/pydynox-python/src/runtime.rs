//! The I/O thread: one tokio runtime per process, started at the first call that needs it and again after a fork.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use pydynox_core::client::Answer;
use pydynox_core::error::{Error, ErrorKind};
use tokio::runtime::{Builder, Handle};
use tokio::task::AbortHandle;

use crate::ffi;

/// What a call ends with.
pub(crate) type Outcome = Result<Answer, Error>;

/// A call under way. No Python object is inside it: it runs where the interpreter is not held.
pub(crate) type Exchange = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How many forks lie between this process and the one that loaded the extension.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The runtime of this generation. Only ever locked while the interpreter is held, and never across a call that lets go of
/// it, so a fork cannot inherit it locked.
static RUNTIME: Mutex<Option<(u32, Handle)>> = Mutex::new(None);

pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn before_fork() {
    pydynox_embedded::before_fork();
}

extern "C" fn in_parent_after_fork() {
    pydynox_embedded::after_fork_in_parent();
}

extern "C" fn in_forked_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Let go of what a parent process opened, before this one opens its own.
pub(crate) fn forget_inherited() {
    static KNOWN: AtomicU32 = AtomicU32::new(0);
    if KNOWN.swap(generation(), Ordering::Relaxed) != generation() {
        pydynox_embedded::forget_after_fork();
    }
}

/// Watch for forks from now on.
pub(crate) fn watch_forks() {
    ffi::on_fork(before_fork, in_parent_after_fork, in_forked_child);
}

/// Run a future on the I/O thread.
///
/// # Errors
///
/// When the thread or its runtime cannot be started.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<AbortHandle> {
    Ok(handle()?.spawn(future).abort_handle())
}

fn handle() -> io::Result<Handle> {
    let mut current = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take() {
        Some((started, handle)) if started == generation() => {
            Ok(current.insert((started, handle)).1.clone())
        }
        stale => {
            // An inherited runtime is leaked: its thread does not exist here, and dropping it would touch the parent's epoll.
            std::mem::forget(stale);
            let handle = start()?;
            Ok(current.insert((generation(), handle)).1.clone())
        }
    }
}

fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .thread_name("pydynox-blocking")
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("pydynox-io".into())
        .spawn(move || {
            ffi::block_signals();
            runtime.block_on(std::future::pending::<()>());
        })?;
    Ok(handle)
}

/// A call whose panic is an error of that call alone.
pub(crate) struct Guarded(pub(crate) Exchange);

impl Future for Guarded {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let exchange = &mut self.0;
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            exchange.as_mut().poll(context)
        }))
        .unwrap_or_else(|_| {
            Poll::Ready(Err(Error::new(
                ErrorKind::Internal,
                "pydynox panicked during this call; please report it",
            )))
        })
    }
}
