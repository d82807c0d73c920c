//! User code, functions and coroutines: with `bridge.rs` the only place where Python is attached for it, and never on the I/O
//! thread.
//!
//! A function is called on a thread that may block. A coroutine that it returns is awaited through pyo3-async-runtimes on the
//! event loop of the call that needs it, or in its own loop where a thread blocks. It is cancelled once no caller waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use pydynox_core::process::{Maker, generation};
use pydynox_core::transport::credentials::Asker;
use pyo3::exceptions::asyncio::CancelledError;
use pyo3::exceptions::{PyConnectionError, PyException, PyRuntimeError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCFunction, PyWeakrefMethods, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit, intern};
use pyo3_async_runtimes::{TaskLocals, into_future_with_locals};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// An event loop on whose behalf calls are made. It is not kept alive.
pub(crate) struct Caller(Py<PyWeakrefReference>);

impl Caller {
    pub(crate) fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(PyWeakrefReference::new(event_loop)?.unbind()))
    }

    /// The loop, if it is still there.
    pub(crate) fn event_loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.0.bind(py).upgrade()
    }
}

/// Where a coroutine is awaited.
pub(crate) enum Place {
    /// In its own loop.
    Own,
    /// On the loop of the call that asks for it.
    Of(Arc<Caller>),
}

impl Place {
    /// That of a caller, if any.
    pub(crate) fn of(caller: Option<Arc<Caller>>) -> Self {
        caller.map_or(Self::Own, Self::Of)
    }

    /// That of an asker.
    pub(crate) fn of_asker(asker: Option<Asker>) -> Self {
        Self::of(asker.and_then(|asker| asker.downcast().ok()))
    }
}

/// The failure of a call, described so that no one needs the interpreter to understand it.
pub(crate) struct Raised {
    pub(crate) error: PyErr,
    /// Class and text.
    pub(crate) text: String,
    pub(crate) kind: RaisedKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RaisedKind {
    /// `KeyboardInterrupt`, `SystemExit`, `CancelledError`: interruptions pass through.
    Interruption,
    /// The loop has been closed, or the interpreter is ending.
    Gone,
    /// A target that could not be reached, but may be later.
    Unreached,
    Other,
}

impl Raised {
    fn new(py: Python<'_>, error: PyErr) -> Self {
        let kind = if !error.is_instance_of::<PyException>(py) {
            RaisedKind::Interruption
        } else if error.is_instance_of::<PyConnectionError>(py)
            || error.is_instance_of::<PyTimeoutError>(py)
        {
            RaisedKind::Unreached
        } else {
            RaisedKind::Other
        };
        Self {
            text: error.to_string(),
            error,
            kind,
        }
    }

    fn gone(text: &'static str) -> Self {
        Self {
            error: PyRuntimeError::new_err(text),
            text: text.to_owned(),
            kind: RaisedKind::Gone,
        }
    }
}

const CLOSED: &str = "the event loop was closed in the meantime";
const ENDING: &str = "the interpreter is shutting down";

/// Calls the user's code, awaits the result if it is a coroutine, and converts it with `read`.
pub(crate) async fn run<T: Send + 'static>(
    place: Place,
    call: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    read: fn(&Bound<'_, PyAny>) -> PyResult<T>,
) -> Result<T, Raised> {
    let errand = Arc::new(Errand::default());
    // If this future is dropped while it waits, the drop of this cancels the coroutine.
    let interest = Interest::new(&errand);
    let mut begun = attached(move |py| begin(py, &place, call, read, &errand)).await;
    while let Ok(Begun::Awaited(awaited)) = begun {
        awaited.bell.0.notified().await;
        begun = attached(move |py| awaited.take(py, read)).await;
    }
    interest.is_over();
    match begun? {
        Begun::Ended(came) => Ok(came),
        _ => Err(Raised::gone(CLOSED)),
    }
}

/// Runs this with the interpreter, on a blocking thread: the wait for it may be long, and other work needs the calling thread.
async fn attached<T: Send + 'static>(
    work: impl FnOnce(Python<'_>) -> PyResult<T> + Send + 'static,
) -> Result<T, Raised> {
    let done = tokio::task::spawn_blocking(move || {
        attached_here(|py| work(py).map_err(|error| Raised::new(py, error)))
    });
    match done.await {
        Ok(Some(done)) => done,
        Ok(None) => Err(Raised::gone(ENDING)),
        Err(_) => {
            let text = "a call into Python panicked";
            Err(Raised {
                error: PyRuntimeError::new_err(text),
                text: text.to_owned(),
                kind: RaisedKind::Other,
            })
        }
    }
}

/// Runs this with the interpreter, on this thread, which has time to wait for it; None if the interpreter is ending.
pub(crate) fn attached_here<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    // Counted before it attaches, so that the exit of the interpreter waits for it.
    let _stay = Stay::begin()?;
    Python::try_attach(|py| {
        wait_at_exit(py);
        work(py)
    })
}

/// Threads running the user's code, in the process of that generation: if the interpreter ends such a thread, the process ends
/// with it.
static STAYS: AtomicUsize = AtomicUsize::new(0);
static GENERATION: AtomicU32 = AtomicU32::new(0);
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// A thread that is about to attach.
struct Stay;

impl Stay {
    /// None if the interpreter is ending.
    fn begin() -> Option<Self> {
        if GENERATION.swap(generation(), Ordering::AcqRel) != generation() {
            // The parent's threads do not exist here.
            STAYS.store(0, Ordering::Release);
        }
        // Sequentially consistent, as in `wait_at_exit`: each side writes its own flag and then reads the other's, and at least one
        // of the two must see what the other wrote.
        STAYS.fetch_add(1, Ordering::SeqCst);
        let stay = Self;
        (!IS_ENDING.load(Ordering::SeqCst)).then_some(stay)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        STAYS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the interpreter's exit wait for functions in progress, as it waits for those of an executor.
fn wait_at_exit(py: Python<'_>) {
    static REGISTERED: PyOnceLock<()> = PyOnceLock::new();
    // Registered by the first call that needs it: most programs give pydynox no code of their own to run.
    let _ = REGISTERED.get_or_try_init(py, || {
        let wait = PyCFunction::new_closure(py, None, None, |arguments, _| {
            IS_ENDING.store(true, Ordering::SeqCst);
            let here = || GENERATION.load(Ordering::Acquire) == generation();
            while here() && STAYS.load(Ordering::SeqCst) > 0 {
                let py = arguments.py();
                // Detached: the threads that this waits for need the interpreter to finish.
                py.detach(|| std::thread::sleep(Duration::from_millis(5)));
                py.check_signals()?;
            }
            Ok::<_, PyErr>(())
        })?;
        py.import(intern!(py, "atexit"))?
            .call_method1(intern!(py, "register"), (wait,))
            .map(drop)
    });
}

/// The progress of a call.
enum Begun<T> {
    Awaited(Awaited),
    Ended(T),
    /// Its loop was closed.
    Gone,
}

fn begin<T>(
    py: Python<'_>,
    place: &Place,
    call: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
    read: fn(&Bound<'_, PyAny>) -> PyResult<T>,
    errand: &Arc<Errand>,
) -> PyResult<Begun<T>> {
    let returned = call(py)?.into_bound(py);
    // Every coroutine has it; asking asyncio would import it, at 50 ms, even for a plain function.
    let awaits = returned.get_type().hasattr(intern!(py, "__await__"))?;
    let asyncio = if awaits {
        Some(py.import(intern!(py, "asyncio"))?)
    } else {
        None
    };
    let Some(asyncio) = asyncio.filter(|asyncio| {
        let is_it = asyncio.call_method1(intern!(py, "iscoroutine"), (&returned,));
        is_it.and_then(|is_it| is_it.is_truthy()).unwrap_or(false)
    }) else {
        return Ok(Begun::Ended(read(&returned)?));
    };
    let coroutine = Bound::new(py, Coroutine::new(&returned))?;
    let event_loop = match place {
        Place::Own => {
            let runner = asyncio.call_method0(intern!(py, "Runner"))?;
            let came = in_own_loop(&runner, &returned, errand);
            // Even if the coroutine failed: an open loop would warn when it is freed.
            runner.call_method0(intern!(py, "close"))?;
            return Ok(Begun::Ended(read(&came?)?));
        }
        Place::Of(caller) => match caller.event_loop(py) {
            Some(event_loop) => event_loop,
            None => return Ok(Begun::Gone),
        },
    };
    let birth = Bound::new(
        py,
        Birth {
            coroutine: coroutine.unbind(),
            errand: errand.clone(),
        },
    )?;
    let future = into_future_with_locals(&TaskLocals::new(event_loop), birth.into_any())?;
    let awaited = Awaited {
        future: Box::pin(future),
        bell: Arc::new(Bell(Notify::new())),
        errand: errand.clone(),
    };
    // It may already have ended, on the thread of its loop.
    awaited.take(py, read)
}

/// Runs a coroutine to its end on this thread.
fn in_own_loop<'py>(
    runner: &Bound<'py, PyAny>,
    coroutine: &Bound<'py, PyAny>,
    errand: &Errand,
) -> PyResult<Bound<'py, PyAny>> {
    let py = runner.py();
    let event_loop = runner.call_method0(intern!(py, "get_loop"))?;
    if !errand.begin(Stage::Alone(event_loop.unbind())) {
        return Err(CancelledError::new_err(()));
    }
    runner.call_method1(intern!(py, "run"), (coroutine,))
}

/// A coroutine whose task was, or will be, created on its loop.
struct Awaited {
    future: Pin<Box<dyn Future<Output = PyResult<Py<PyAny>>> + Send>>,
    bell: Arc<Bell>,
    errand: Arc<Errand>,
}

impl Awaited {
    /// Polled only here: if a loop was closed, the library's future needs the interpreter.
    fn take<T>(
        mut self,
        py: Python<'_>,
        read: fn(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> PyResult<Begun<T>> {
        let waker = Waker::from(self.bell.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Ok(Begun::Awaited(self)),
            // It did not end: its loop was closed and dropped it.
            Poll::Ready(_) if !self.errand.ended.load(Ordering::Acquire) => Ok(Begun::Gone),
            Poll::Ready(Ok(came)) => Ok(Begun::Ended(read(came.bind(py))?)),
            Poll::Ready(Err(error)) => Err(error),
        }
    }
}

/// Rings once there is something to take.
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Leaves a permit if no one waits yet, so that a ring between the poll and the wait is not lost.
        self.0.notify_one();
    }
}

/// The progress of a coroutine, for a caller that may have to cancel it.
#[derive(Default)]
struct Errand {
    stage: Mutex<Stage>,
    /// Its task ended, and was not just forgotten.
    ended: AtomicBool,
}

#[derive(Default)]
enum Stage {
    #[default]
    Before,
    /// As this task, which its loop keeps alive.
    Task(Py<PyWeakrefReference>),
    /// In this loop, which runs nothing else.
    Alone(Py<PyAny>),
    /// No caller waits for it.
    Over,
}

impl Errand {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a caller still waits, so that it may begin.
    fn begin(&self, begun: Stage) -> bool {
        let mut stage = self.stage();
        let is_wanted = !matches!(*stage, Stage::Over);
        if is_wanted {
            *stage = begun;
        }
        is_wanted
    }

    fn is_over(&self) -> bool {
        matches!(*self.stage(), Stage::Over)
    }

    fn end(&self) -> Stage {
        std::mem::replace(&mut *self.stage(), Stage::Over)
    }
}

impl Stage {
    /// Whether there is something to cancel.
    fn is_under_way(&self) -> bool {
        matches!(self, Self::Task(_) | Self::Alone(_))
    }

    /// Cancels it on its loop; a closed loop needs nothing.
    fn cancel(self, py: Python<'_>) {
        let _ = match self {
            Self::Before | Self::Over => Ok(()),
            Self::Task(task) => cancel_task(py, &task),
            Self::Alone(event_loop) => cancel_all(event_loop.bind(py)),
        };
    }
}

fn cancel_task(py: Python<'_>, task: &Py<PyWeakrefReference>) -> PyResult<()> {
    let Some(task) = task.bind(py).upgrade() else {
        return Ok(());
    };
    // A task may only be touched on the thread of its loop, and this is another one.
    let cancel = task.getattr(intern!(py, "cancel"))?;
    task.call_method0(intern!(py, "get_loop"))?
        .call_method1(intern!(py, "call_soon_threadsafe"), (cancel,))
        .map(drop)
}

fn cancel_all(event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = event_loop.py();
    let of = event_loop.clone().unbind();
    let cancel = PyCFunction::new_closure(py, None, None, move |arguments, _| {
        let py = arguments.py();
        let tasks = py
            .import(intern!(py, "asyncio"))?
            .call_method1(intern!(py, "all_tasks"), (&of,))?;
        for task in tasks.try_iter()? {
            task?.call_method0(intern!(py, "cancel"))?;
        }
        Ok::<_, PyErr>(())
    })?;
    event_loop
        .call_method1(intern!(py, "call_soon_threadsafe"), (cancel,))
        .map(drop)
}

/// A caller that waits. If it leaves before the end, the awaited work is cancelled, on a thread that may wait for the
/// interpreter.
struct Interest {
    errand: Arc<Errand>,
    runtime: Handle,
    maker: Maker,
}

impl Interest {
    fn new(errand: &Arc<Errand>) -> Self {
        Self {
            errand: errand.clone(),
            // Taken here: the drop may happen on a thread that belongs to no runtime.
            runtime: Handle::current(),
            maker: Maker::this(),
        }
    }

    fn is_over(&self) {
        drop(self.errand.end());
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        // In a forked child it belongs to the parent, where it continues.
        if !self.maker.is_this() {
            return;
        }
        let stage = self.errand.end();
        if stage.is_under_way() {
            self.runtime.spawn_blocking(move || {
                // As everything else that attaches on such a thread: the interpreter must not end while this waits for it.
                let _ = attached_here(move |py| stage.cancel(py));
            });
        }
    }
}

/// Stands in for the task of a coroutine until it is created on its loop, where asyncio takes it for a future: so the task is
/// known, can be cancelled, and a loop that is closed before it ends reports nothing.
#[pyclass(frozen, module = "pydynox._core")]
struct Birth {
    coroutine: Py<Coroutine>,
    errand: Arc<Errand>,
}

#[pymethods]
impl Birth {
    #[classattr]
    #[pyo3(name = "_asyncio_future_blocking")]
    const BLOCKING: bool = false;

    /// Called once on the loop, in place of the task's own.
    fn add_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(coroutine) = self.coroutine.get().get(py) else {
            return Ok(());
        };
        if self.errand.is_over() {
            return Ok(());
        }
        let task = py
            .import(intern!(py, "asyncio"))?
            .call_method1(intern!(py, "ensure_future"), (coroutine,))?;
        // The result of a task factory may lack this attribute.
        let _ = task.setattr(intern!(py, "_log_destroy_pending"), false);
        let end = Bound::new(
            py,
            End {
                coroutine: self.coroutine.clone_ref(py),
                errand: self.errand.clone(),
            },
        )?;
        let add = intern!(py, "add_done_callback");
        // Added first, so called first: `ended` is set by the time the callback below hands over the result.
        task.call_method1(add, (end,))?;
        task.call_method1(add, (callback,))?;
        let weak_task = PyWeakrefReference::new(&task)?.unbind();
        // The caller left while the task was being created, and found nothing to cancel.
        if !self.errand.begin(Stage::Task(weak_task)) {
            task.call_method0(intern!(py, "cancel"))?;
        }
        Ok(())
    }
}

/// What a task calls when it ends, and drops when it is forgotten.
#[pyclass(frozen, module = "pydynox._core")]
struct End {
    coroutine: Py<Coroutine>,
    errand: Arc<Errand>,
}

#[pymethods]
impl End {
    fn __call__(&self, _task: &Bound<'_, PyAny>) {
        self.errand.ended.store(true, Ordering::Release);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)
    }
}

/// A coroutine that is closed once it will not be awaited: a loop that ends before it has begun gives no warning.
#[pyclass(frozen, module = "pydynox._core")]
struct Coroutine(Mutex<Option<Py<PyAny>>>);

impl Coroutine {
    fn new(coroutine: &Bound<'_, PyAny>) -> Self {
        Self(Mutex::new(Some(coroutine.clone().unbind())))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.lock()
            .as_ref()
            .map(|coroutine| coroutine.clone_ref(py))
    }
}

#[pymethods]
impl Coroutine {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Ok(coroutine) => visit.call(&*coroutine),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let coroutine = self.lock().take();
        drop(coroutine);
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        let Some(coroutine) = self.lock().take() else {
            return;
        };
        // Freed by Python, so on a thread that is attached.
        let _ = Python::try_attach(|py| coroutine.call_method0(py, intern!(py, "close")).map(drop));
    }
}
