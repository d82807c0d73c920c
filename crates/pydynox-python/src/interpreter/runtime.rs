//! Runtime: one tokio runtime per process, created at the first call that needs it and again after a fork, and who drives it.
//!
//! A blocking call drives the runtime itself, on the thread that waits for it anyway: nothing is handed over and no extra thread
//! exists. As soon as a call is awaited, or two block at the same time, the I/O thread is started; from then on it drives, and a
//! blocking call only polls its own exchange. Connections and limits are the same for all.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use pydynox_core::call::Answer;
use pydynox_core::error::{Error, ErrorKind};

pub(crate) use pydynox_core::process::generation;
use pydynox_core::process::{self, Maker};
use pydynox_core::retry::deadline::{Deadline, Timers};
use pydynox_core::wakeups::{Consumer, Wakeups};
use pyo3::Python;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::interpreter::ffi;

/// What a call ends with.
pub(crate) type Outcome = Result<Answer, Error>;

/// A call in progress. It holds no Python object: it runs where the interpreter is not held.
pub(crate) type Exchange = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The runtime of this generation. Only ever locked while the interpreter is held, and never across a call that releases it, so
/// a fork cannot inherit it locked.
static RUNTIME: Mutex<Option<(u32, Arc<Io>)>> = Mutex::new(None);

/// How long a blocking call waits before it checks for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

struct Io {
    runtime: Runtime,
    has_thread: AtomicBool,
    /// How many threads wait in a blocking call.
    blocked: AtomicUsize,
    ticks: Timers,
}

extern "C" fn before_fork() {
    pydynox_embedded::before_fork();
}

extern "C" fn in_parent_after_fork() {
    pydynox_embedded::after_fork_in_parent();
}

extern "C" fn in_forked_child() {
    process::in_forked_child();
}

/// Abandon what a parent process opened, before this one opens its own.
pub(crate) fn forget_inherited() {
    // 0 is the process that loaded the library, which has inherited nothing.
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
    let io = current()?;
    Io::ensure_thread(&io)?;
    Ok(io.runtime.spawn(future).abort_handle())
}

thread_local! {
    /// Used by the I/O thread alone.
    static WAKEUPS: RefCell<Option<Wakeups>> = const { RefCell::new(None) };
}

/// An answer waits: wakes its consumer when it is time, which is immediately on any other thread. `is_first`: it has not been
/// woken since it last took answers.
pub(crate) fn wake(consumer: &Arc<impl Consumer + 'static>, is_first: bool) {
    WAKEUPS.with_borrow_mut(|wakeups| match wakeups {
        Some(wakeups) => wakeups.answer(consumer, is_first),
        None if is_first => consumer.wake(),
        None => {}
    });
}

/// Called before a thread that drives the runtime becomes idle.
fn at_rest() {
    WAKEUPS.with_borrow_mut(|wakeups| {
        if let Some(wakeups) = wakeups {
            wakeups.rest();
        }
    });
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

/// A call that its thread waits for.
pub(crate) struct Blocking {
    io: Arc<Io>,
    exchange: Guarded,
    maker: Maker,
}

impl Blocking {
    /// # Errors
    ///
    /// When the runtime, or the thread that several blocking calls need, cannot be started.
    pub(crate) fn new(exchange: Exchange) -> io::Result<Self> {
        let io = current()?;
        // Counted before the thread is considered, so that of two calls at least the second sees the other.
        let others = io.blocked.fetch_add(1, Ordering::AcqRel);
        let blocking = Self {
            io,
            exchange: Guarded(exchange),
            maker: Maker::this(),
        };
        if others > 0 {
            Io::ensure_thread(&blocking.io)?;
        }
        Ok(blocking)
    }

    /// Waits for the end of the call, or until it is time to check for signals. Call it without the interpreter.
    pub(crate) fn wait(&mut self) -> Option<Outcome> {
        let Self { io, exchange, .. } = self;
        let mut tick = Deadline::of_thread(SIGNAL_INTERVAL).bound(&io.ticks, exchange);
        io.runtime.block_on(&mut tick)
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        self.io.blocked.fetch_sub(1, Ordering::AcqRel);
        // A signal handler may have forked, and what ends the child's copy of this call is an exception.
        let exchange = std::mem::replace(&mut self.exchange.0, Box::pin(std::future::pending()));
        self.maker.let_go(exchange);
    }
}

fn current() -> io::Result<Arc<Io>> {
    let mut current = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take() {
        Some((owner, io)) if owner == generation() => Ok(current.insert((owner, io)).1.clone()),
        stale => {
            // An inherited runtime is leaked: its thread does not exist here, and dropping it would touch the parent's epoll.
            std::mem::forget(stale);
            let io = Arc::new(Io::new()?);
            Ok(current.insert((generation(), io)).1.clone())
        }
    }
}

impl Io {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .on_thread_park(at_rest)
            // For what blocks: resolving names, and the functions of users' keyrings and credentials providers.
            .max_blocking_threads(4)
            .thread_name("pydynox-blocking")
            .build()?;
        Ok(Self {
            runtime,
            has_thread: AtomicBool::new(false),
            blocked: AtomicUsize::new(0),
            ticks: Timers::default(),
        })
    }

    fn ensure_thread(this: &Arc<Self>) -> io::Result<()> {
        if this.has_thread.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let io = Arc::clone(this);
        let started = std::thread::Builder::new()
            .name("pydynox-io".into())
            .spawn(move || {
                ffi::block_signals();
                WAKEUPS.set(Some(Wakeups::new(ffi::give_way)));
                io.runtime.block_on(std::future::pending::<()>());
            });
        if started.is_err() {
            this.has_thread.store(false, Ordering::Release);
        }
        started.map(drop)
    }
}

/// A call, or several sent together, whose panic becomes an error of these calls alone.
pub(crate) struct Guarded<T = Answer>(
    pub(crate) Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>,
);

impl<T> Future for Guarded<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
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
