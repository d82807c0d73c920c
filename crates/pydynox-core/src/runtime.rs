//! Runtime: one tokio runtime per process, created at the first call that needs it and again after a fork, and who drives it.
//!
//! A blocking call drives the runtime itself, on the thread that waits for it anyway: nothing is handed over and no extra thread
//! exists. As soon as a call is awaited, or two block at the same time, the I/O thread is started; from then on it drives, and a
//! blocking call only polls its own exchange. Connections and limits are the same for all.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::call::Answer;
use crate::error::{Error, ErrorKind};
use crate::process::{Maker, generation};
use crate::retry::deadline::{Deadline, Timers};
use crate::wakeups::{Consumer, Wakeups};

/// What a call ends with.
pub type Outcome = Result<Answer, Error>;

/// A call in progress. It runs on any thread.
pub type Exchange = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The runtime of this generation. Callers lock it where no fork can happen meanwhile, so a child cannot inherit it locked.
static RUNTIME: Mutex<Option<(u32, Arc<Io>)>> = Mutex::new(None);

/// How long a blocking call waits before it checks for signals.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(50);

/// What the I/O thread needs of the system, which this crate does not call itself.
#[derive(Debug, Clone, Copy)]
pub struct ThreadCalls {
    /// Called first, on the thread: it leaves signals to others.
    pub begin: fn(),
    /// Makes the thread start or stop giving way; see [`Wakeups`].
    pub give_way: fn(bool),
}

/// Set when the library is loaded; without it the thread wakes every consumer at once.
static THREAD: OnceLock<ThreadCalls> = OnceLock::new();

/// From now on, the I/O thread begins and gives way so.
pub fn prepare_thread(calls: ThreadCalls) {
    // The first ones hold for the process.
    let _ = THREAD.set(calls);
}

struct Io {
    runtime: Runtime,
    has_thread: AtomicBool,
    /// How many threads wait in a blocking call.
    blocked: AtomicUsize,
    ticks: Timers,
}

/// Run a future on the I/O thread.
///
/// # Errors
///
/// When the thread or its runtime cannot be started.
pub fn spawn(future: impl Future<Output = ()> + Send + 'static) -> io::Result<AbortHandle> {
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
pub fn wake(consumer: &Arc<impl Consumer + 'static>, is_first: bool) {
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

/// A call that its thread waits for.
pub struct Blocking {
    io: Arc<Io>,
    exchange: Guarded,
    maker: Maker,
}

impl Blocking {
    /// Counts the call as one that blocks.
    ///
    /// # Errors
    ///
    /// When the runtime, or the thread that several blocking calls need, cannot be started.
    pub fn new(exchange: Exchange) -> io::Result<Self> {
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

    /// Waits for the end of the call, or until it is time to check for signals.
    pub fn wait(&mut self) -> Option<Outcome> {
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
                if let Some(thread) = THREAD.get() {
                    (thread.begin)();
                    WAKEUPS.set(Some(Wakeups::new(thread.give_way)));
                }
                io.runtime.block_on(std::future::pending::<()>());
            });
        if started.is_err() {
            this.has_thread.store(false, Ordering::Release);
        }
        started.map(drop)
    }
}

/// A call, or several sent together, whose panic becomes an error of these calls alone.
pub struct Guarded<T = Answer>(
    /// What is guarded.
    pub Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::channel;

    use super::{Blocking, Guarded, spawn};
    use crate::error::{Error, ErrorKind};
    use crate::transport::Operation;

    fn failed() -> Error {
        Error::new(ErrorKind::Request, "refused")
    }

    #[test]
    fn a_blocking_call_is_driven_by_the_thread_that_waits_for_it() {
        let thread = std::thread::current().id();
        let mut call = Blocking::new(Box::pin(async move {
            assert_eq!(std::thread::current().id(), thread);
            Err(failed().with_operation(Operation::GetItem.name()))
        }));
        let outcome = call.as_mut().unwrap().wait().unwrap();

        assert_eq!(outcome.unwrap_err().operation(), Some("GetItem"));
    }

    #[test]
    fn what_is_spawned_runs_on_the_io_thread() {
        let (sender, receiver) = channel();
        spawn(async move {
            let name = std::thread::current().name().map(str::to_owned);
            sender.send(name).unwrap();
        })
        .unwrap();

        assert_eq!(receiver.recv().unwrap().as_deref(), Some("pydynox-io"));
    }

    #[test]
    fn a_panic_is_the_error_of_its_call_alone() {
        let mut call = Blocking::new(Box::pin(Guarded(Box::pin(async { panic!("planted") }))));
        let error = call.as_mut().unwrap().wait().unwrap().unwrap_err();

        assert_eq!(*error.kind(), ErrorKind::Internal);
    }
}
