//! Bridge: from the I/O thread back to an event loop, with a completion queue and one wake-up per batch. With `coroutine.rs` the
//! only file that knows asyncio.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::transport::credentials::on_behalf_of;
use pydynox_core::wakeups::Consumer;
use pyo3::exceptions::{PyAttributeError, PyNotImplementedError, PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyWeakrefReference};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::interpreter::coalesce::{self, JoinableRead};
use crate::interpreter::coroutine::Caller;
use crate::interpreter::runtime::{self, Exchange, Guarded, Outcome};
use crate::interpreter::wake::{Request, WakeUp};

/// A call that ended: where its operation waits, and its outcome.
struct Completion {
    slot: usize,
    sequence: u64,
    outcome: Outcome,
}

/// What the I/O thread sees of an event loop: a list, and how to wake the loop.
struct Queue {
    completions: Mutex<Vec<Completion>>,
    armed: AtomicBool,
    wake_up: WakeUp,
}

impl Queue {
    fn new(wake_up: WakeUp) -> Self {
        Self {
            completions: Mutex::default(),
            armed: AtomicBool::new(false),
            wake_up,
        }
    }

    /// Called on the thread that drives the runtime. The loop is woken once per batch: when that thread has nothing else to do,
    /// or many completions have arrived.
    fn push(self: &Arc<Self>, completions: impl IntoIterator<Item = Completion>) {
        lock(&self.completions).extend(completions);
        let is_first = !self.armed.swap(true, Ordering::AcqRel);
        runtime::wake(self, is_first);
    }

    fn take(&self) -> Vec<Completion> {
        self.wake_up.clear();
        // Before the list is emptied: a completion that comes in between wakes the loop once more than needed. The other way round,
        // it would wait in the list for a wake-up that no one sends.
        self.armed.store(false, Ordering::SeqCst);
        std::mem::take(&mut *lock(&self.completions))
    }
}

impl Consumer for Queue {
    fn waiting(&self) -> usize {
        lock(&self.completions).len()
    }

    fn wake(&self) {
        self.wake_up.wake();
    }
}

/// Calls of one loop that wait for their answers, by slot; the sequence tells a late answer from one for the slot's next user.
#[derive(Default)]
struct Slots {
    entries: Vec<(u64, Option<Waiting>)>,
    free: Vec<usize>,
}

struct Waiting {
    waiter: Waiter,
    future: Py<PyAny>,
}

/// The object that waits for a call, and how it learns the outcome.
pub(crate) struct Waiter {
    pub(crate) object: Py<PyAny>,
    pub(crate) finish: fn(&Bound<'_, PyAny>, Outcome),
}

impl Slots {
    fn add(&mut self, waiting: Waiting) -> (usize, u64) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push((0, None));
            self.entries.len() - 1
        });
        let entry = &mut self.entries[slot];
        entry.1 = Some(waiting);
        (slot, entry.0)
    }

    fn holds(&self, slot: usize, sequence: u64) -> bool {
        let entry = self.entries.get(slot);
        entry.is_some_and(|entry| entry.0 == sequence && entry.1.is_some())
    }

    fn remove(&mut self, slot: usize, sequence: u64) -> Option<Waiting> {
        let entry = self.entries.get_mut(slot)?;
        if entry.0 != sequence {
            return None;
        }
        let waiting = entry.1.take()?;
        entry.0 += 1;
        self.free.push(slot);
        Some(waiting)
    }
}

/// One event loop's end of the bridge.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct LoopBridge {
    queue: Arc<Queue>,
    /// The loop, in the form in which others hold it.
    caller: Arc<Caller>,
    slots: Mutex<Slots>,
    /// Reads of this turn of the loop that are sent together.
    gathered: Mutex<Vec<Group>>,
}

/// A place in a bridge, kept by the operation that waits there.
pub(crate) struct Ticket {
    bridge: Py<LoopBridge>,
    slot: usize,
    sequence: u64,
    task: Task,
}

impl Ticket {
    /// Stops the exchange and forgets the operation: a late answer finds no waiter.
    pub(crate) fn abort(self, py: Python<'_>) {
        self.task.abort();
        let waiting = lock(&self.bridge.bind(py).get().slots).remove(self.slot, self.sequence);
        drop(waiting);
    }
}

impl LoopBridge {
    fn new(event_loop: &Bound<'_, PyAny>, wake_up: WakeUp) -> PyResult<Py<Self>> {
        let bridge = Self {
            queue: Arc::new(Queue::new(wake_up)),
            caller: Arc::new(Caller::new(event_loop)?),
            slots: Mutex::default(),
            gathered: Mutex::default(),
        };
        Py::new(event_loop.py(), bridge)
    }

    /// A call that knows, if anything may ask, that it is made on behalf of this loop.
    fn on_behalf<T: 'static>(
        &self,
        call: Pin<Box<dyn Future<Output = T> + Send>>,
    ) -> Pin<Box<dyn Future<Output = T> + Send>> {
        if TELLS_CALLERS.load(Ordering::Relaxed) {
            return Box::pin(on_behalf_of(self.caller.clone(), call));
        }
        call
    }
}

#[pymethods]
impl LoopBridge {
    /// Called by the loop when it is woken: resolves the futures of all calls that ended.
    fn drain(&self, py: Python<'_>) {
        for completion in self.queue.take() {
            let Some(waiting) = lock(&self.slots).remove(completion.slot, completion.sequence)
            else {
                continue;
            };
            let Waiter { object, finish } = &waiting.waiter;
            // Before the future is done: the task that waits for it asks for the outcome when it resumes.
            finish(object.bind(py), completion.outcome);
            let future = waiting.future.bind(py);
            if let Err(error) = future.call_method1(intern!(py, "set_result"), (py.None(),)) {
                // A cancelled future refuses its result; any other failure must be reported.
                let done = future
                    .call_method0(intern!(py, "done"))
                    .and_then(|done| done.is_truthy());
                if !done.unwrap_or(false) {
                    error.write_unraisable(py, Some(future));
                }
            }
        }
    }

    /// Called by the loop once it has run what was ready when the first of the reads began: sends them.
    fn send_gathered(&self) -> PyResult<()> {
        let gathered = std::mem::take(&mut *lock(&self.gathered));
        for group in gathered {
            group.send(self).map_err(|error| not_started(&error))?;
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(slots) = self.slots.try_lock() else {
            return Ok(());
        };
        for waiting in slots.entries.iter().filter_map(|entry| entry.1.as_ref()) {
            visit.call(&waiting.waiter.object)?;
            visit.call(&waiting.future)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let entries = std::mem::take(&mut lock(&self.slots).entries);
        drop(entries);
    }
}

/// A loop that has a bridge. The loop owns the bridge (as its reader); this entry only finds it again.
struct BridgeEntry {
    address: usize,
    generation: u32,
    event_loop: Py<PyWeakrefReference>,
    bridge: Py<LoopBridge>,
}

/// Only locked while the interpreter is held, and never across a call into Python.
static KNOWN: Mutex<Vec<BridgeEntry>> = Mutex::new(Vec::new());

/// The event loop running in this thread, if any.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    static GET_RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = if let Some(function) = GET_RUNNING_LOOP.get(py) {
        function
    } else {
        // No loop can run before asyncio is imported; importing it here would cost 50 ms.
        let modules = py
            .import(intern!(py, "sys"))?
            .getattr(intern!(py, "modules"))?;
        if !modules.contains(intern!(py, "asyncio.events"))? {
            return Ok(None);
        }
        let events = modules.get_item(intern!(py, "asyncio.events"))?;
        let function = events.getattr(intern!(py, "_get_running_loop"))?.unbind();
        GET_RUNNING_LOOP.get_or_init(py, || function)
    };
    let event_loop = function.bind(py).call0()?;
    Ok((!event_loop.is_none()).then_some(event_loop))
}

/// The running loop of this thread, hidden from what asks for it until this is dropped.
pub(crate) struct Suspended<'py>(Option<Bound<'py, PyAny>>);

impl<'py> Suspended<'py> {
    pub(crate) fn new(py: Python<'py>) -> PyResult<Self> {
        let running = running_loop(py)?;
        if running.is_some() {
            set_running_loop(&py.None().into_bound(py))?;
        }
        Ok(Self(running))
    }
}

impl Drop for Suspended<'_> {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            // It did the reverse a moment ago.
            let _ = set_running_loop(running);
        }
    }
}

fn set_running_loop(event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = event_loop.py();
    let events = py.import(intern!(py, "asyncio.events"))?;
    events.call_method1(intern!(py, "_set_running_loop"), (event_loop,))?;
    Ok(())
}

/// Whether trio runs in this thread.
pub(crate) fn is_in_trio(py: Python<'_>) -> PyResult<bool> {
    static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let modules = MODULES.get_or_try_init(py, || {
        let modules = py.import(intern!(py, "sys"))?.getattr("modules")?;
        Ok::<_, PyErr>(modules.cast_into::<PyDict>()?.unbind())
    })?;
    // No trio loop can run before trio is imported.
    let Some(lowlevel) = modules.bind(py).get_item(intern!(py, "trio.lowlevel"))? else {
        return Ok(false);
    };
    let Some(asks) = lowlevel.getattr_opt(intern!(py, "current_trio_token"))? else {
        return Ok(false);
    };
    // It raises outside a loop, even in one of trio's threads.
    Ok(asks.call0().is_ok())
}

/// Starts an exchange whose end resolves a future of `event_loop`; returns the future and the ticket to cancel the call.
pub(crate) fn start<'py>(
    event_loop: &Bound<'py, PyAny>,
    waiter: Waiter,
    exchange: Exchange,
) -> PyResult<(Bound<'py, PyAny>, Ticket)> {
    let py = event_loop.py();
    let bridge = bridge_of(event_loop)?;
    let future = event_loop.call_method0(intern!(py, "create_future"))?;
    let inner = bridge.bind(py).get();
    // The loop's own kind of future: uvloop, for one, has another than asyncio.
    let (slot, sequence) = lock(&inner.slots).add(Waiting {
        waiter,
        future: future.clone().unbind(),
    });
    let queue = Arc::clone(&inner.queue);
    let exchange = inner.on_behalf(exchange);
    let started = runtime::spawn(async move {
        let outcome = Guarded(exchange).await;
        queue.push([Completion {
            slot,
            sequence,
            outcome,
        }]);
    });
    match started {
        Ok(task) => Ok((
            future,
            Ticket {
                bridge,
                slot,
                sequence,
                task: Task::Own(task),
            },
        )),
        Err(error) => {
            let waiting = lock(&inner.slots).remove(slot, sequence);
            drop(waiting);
            Err(not_started(&error))
        }
    }
}

/// The same for a read sent with others of this turn of `event_loop`, once the loop has run what is ready.
pub(crate) fn join<'py>(
    event_loop: &Bound<'py, PyAny>,
    waiter: Waiter,
    read: JoinableRead,
) -> PyResult<(Bound<'py, PyAny>, Ticket)> {
    let py = event_loop.py();
    let bridge = bridge_of(event_loop)?;
    let future = event_loop.call_method0(intern!(py, "create_future"))?;
    let inner = bridge.bind(py).get();
    if lock(&inner.gathered).is_empty() {
        let send = bridge.getattr(py, intern!(py, "send_gathered"))?;
        // Only for the first read of a turn: those that follow join it before the loop gets there.
        event_loop.call_method1(intern!(py, "call_soon"), (send,))?;
    }
    let (slot, sequence) = lock(&inner.slots).add(Waiting {
        waiter,
        future: future.clone().unbind(),
    });
    let mut gathered = lock(&inner.gathered);
    let position = gathered
        .iter()
        .position(|group| group.reads[0].goes_with(&read));
    let number = position.unwrap_or_else(|| {
        gathered.push(Group::default());
        gathered.len() - 1
    });
    let group = &mut gathered[number];
    group.reads.push(read);
    group.places.push((slot, sequence));
    group.shared.waiting.fetch_add(1, Ordering::AcqRel);
    let task = Task::Shared(group.shared.clone());
    drop(gathered);
    Ok((
        future,
        Ticket {
            bridge,
            slot,
            sequence,
            task,
        },
    ))
}

/// Reads in the same request, each with its place in the bridge.
#[derive(Default)]
struct Group {
    reads: Vec<JoinableRead>,
    places: Vec<(usize, u64)>,
    shared: Arc<Shared>,
}

/// A task that several operations wait for.
#[derive(Default)]
struct Shared {
    waiting: AtomicUsize,
    task: Mutex<Option<tokio::task::AbortHandle>>,
}

enum Task {
    Own(tokio::task::AbortHandle),
    Shared(Arc<Shared>),
}

impl Task {
    /// Ends the task, unless others wait for it.
    fn abort(&self) {
        match self {
            Self::Own(task) => task.abort(),
            Self::Shared(shared) => {
                if shared.waiting.fetch_sub(1, Ordering::AcqRel) == 1
                    && let Some(task) = lock(&shared.task).take()
                {
                    task.abort();
                }
            }
        }
    }
}

impl Group {
    /// Sends the reads that still have a waiter.
    fn send(self, bridge: &LoopBridge) -> io::Result<()> {
        let slots = lock(&bridge.slots);
        let (reads, places): (Vec<JoinableRead>, Vec<(usize, u64)>) = self
            .reads
            .into_iter()
            .zip(self.places)
            .filter(|(_, (slot, sequence))| slots.holds(*slot, *sequence))
            .unzip();
        drop(slots);
        if reads.is_empty() {
            return Ok(());
        }
        let queue = Arc::clone(&bridge.queue);
        let together = bridge.on_behalf(Box::pin(coalesce::together(reads)));
        let task = runtime::spawn(async move {
            let outcomes = match together.await {
                Ok(outcomes) => outcomes,
                Err(error) => places.iter().map(|_| Err(error.clone())).collect(),
            };
            let ended = places.into_iter().zip(outcomes);
            queue.push(ended.map(|((slot, sequence), outcome)| Completion {
                slot,
                sequence,
                outcome,
            }));
        })?;
        *lock(&self.shared.task) = Some(task);
        Ok(())
    }
}

fn not_started(error: &io::Error) -> PyErr {
    PyOSError::new_err(format!("the I/O thread could not be started: {error}"))
}

/// Whether anything asks on whose behalf a call is made. In most programs nothing does, and they pay nothing for it.
static TELLS_CALLERS: AtomicBool = AtomicBool::new(false);

/// From now on, calls know on whose behalf they are made.
pub(crate) fn tell_callers() {
    TELLS_CALLERS.store(true, Ordering::Relaxed);
}

/// This event loop as a caller, for code that needs it later.
pub(crate) fn caller(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Caller>> {
    let bridge = bridge_of(event_loop)?;
    Ok(bridge.bind(event_loop.py()).get().caller.clone())
}

/// A future on behalf of the event loop running here, if anything may ask.
pub(crate) fn on_behalf_of_running_loop<T: Send + 'static>(
    py: Python<'_>,
    future: impl Future<Output = T> + Send + 'static,
) -> PyResult<Pin<Box<dyn Future<Output = T> + Send>>> {
    if TELLS_CALLERS.load(Ordering::Relaxed)
        && let Some(event_loop) = running_loop(py)?
    {
        return Ok(Box::pin(on_behalf_of(caller(&event_loop)?, future)));
    }
    Ok(Box::pin(future))
}

fn bridge_of(event_loop: &Bound<'_, PyAny>) -> PyResult<Py<LoopBridge>> {
    let py = event_loop.py();
    let address = event_loop.as_ptr().addr();
    {
        let bridges = lock(&KNOWN);
        let entry = bridges.iter().find(|entry| entry.address == address);
        // The address is only a hint: a new loop may lie where one was freed.
        if let Some(entry) = entry
            && entry.event_loop.bind(py).upgrade_is(event_loop)
        {
            if entry.generation == runtime::generation() {
                return Ok(entry.bridge.clone_ref(py));
            }
            return Err(PyRuntimeError::new_err(
                "this event loop was created before fork(): create a new one in the child",
            ));
        }
    }
    connect(event_loop)
}

fn connect(event_loop: &Bound<'_, PyAny>) -> PyResult<Py<LoopBridge>> {
    let py = event_loop.py();
    let watching = LoopBridge::new(event_loop, WakeUp::descriptor()?)?;
    let bridge = if watch(event_loop, &watching)? {
        watching
    } else {
        let request = Request {
            caller: Arc::new(Caller::new(event_loop)?),
            wake: drain_soon,
        };
        LoopBridge::new(event_loop, WakeUp::thread(request)?)?
    };
    let entry = BridgeEntry {
        address: event_loop.as_ptr().addr(),
        generation: runtime::generation(),
        event_loop: PyWeakrefReference::new(event_loop)?.unbind(),
        bridge: bridge.clone_ref(py),
    };
    forget_ended_loops(py, entry.address);
    lock(&KNOWN).push(entry);
    Ok(bridge)
}

/// Has the loop call `drain` when it is woken; false if it cannot watch a descriptor.
fn watch(event_loop: &Bound<'_, PyAny>, bridge: &Py<LoopBridge>) -> PyResult<bool> {
    let py = event_loop.py();
    let descriptor = bridge.get().queue.wake_up.watched();
    let drain = bridge.getattr(py, intern!(py, "drain"))?;
    // asyncio's abstract loop has the method too, and raises; a loop of someone else may lack it.
    match event_loop.call_method1(intern!(py, "add_reader"), (descriptor, drain)) {
        Ok(_) => Ok(true),
        Err(error)
            if error.is_instance_of::<PyNotImplementedError>(py)
                || error.is_instance_of::<PyAttributeError>(py) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Has a loop that watches no descriptor drain its queue, from another thread.
fn drain_soon(py: Python<'_>, caller: &Caller) -> PyResult<()> {
    let Some(event_loop) = caller.event_loop(py) else {
        return Ok(());
    };
    let drain = bridge_of(&event_loop)?.getattr(py, intern!(py, "drain"))?;
    event_loop
        .call_method1(intern!(py, "call_soon_threadsafe"), (drain,))
        .map(drop)
}

/// Drops the bridges of loops that are closed or gone; those inherited through a fork are leaked, since their descriptors are
/// also the parent's.
fn forget_ended_loops(py: Python<'_>, address: usize) {
    // Taken out, because is_closed() below is Python code, which must not find this locked.
    let all = std::mem::take(&mut *lock(&KNOWN));
    let (running, ended): (Vec<BridgeEntry>, Vec<BridgeEntry>) = all
        .into_iter()
        // An entry with this address belongs to a loop that was freed, and would be found before the new one.
        .partition(|entry| entry.address != address && !entry.event_loop.bind(py).is_ended());
    lock(&KNOWN).extend(running);
    let (inherited, ended): (Vec<BridgeEntry>, Vec<BridgeEntry>) = ended
        .into_iter()
        .partition(|entry| entry.generation != runtime::generation());
    std::mem::forget(inherited);
    drop(ended);
}

/// What this file needs from a weak reference to a loop.
trait LoopReference {
    fn upgrade_is(&self, event_loop: &Bound<'_, PyAny>) -> bool;
    fn is_ended(&self) -> bool;
}

impl LoopReference for Bound<'_, PyWeakrefReference> {
    fn upgrade_is(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        use pyo3::types::PyWeakrefMethods;
        self.upgrade().is_some_and(|own| own.is(event_loop))
    }

    fn is_ended(&self) -> bool {
        use pyo3::types::PyWeakrefMethods;
        let py = self.py();
        let Some(event_loop) = self.upgrade() else {
            return true;
        };
        event_loop
            .call_method0(intern!(py, "is_closed"))
            .and_then(|closed| closed.is_truthy())
            .unwrap_or(true)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
