//! Waking an event loop: through a descriptor that it watches or, where a loop cannot watch one, through a thread of its own.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::interpreter::coroutine::{Caller, attached_here};
use crate::interpreter::{ffi, runtime};

/// A loop to wake, and what does it once the interpreter is held.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) caller: Arc<Caller>,
    pub(crate) wake: fn(Python<'_>, &Caller) -> PyResult<()>,
}

/// How the I/O thread wakes one event loop. It never needs the interpreter for it.
pub(crate) enum WakeUp {
    /// A descriptor that becomes readable; asyncio's selector loops and uvloop watch it.
    Descriptor(Descriptor),
    /// A message to the thread that calls `call_soon_threadsafe`: asyncio's proactor loop, the only one of Windows that also runs
    /// child processes, has no `add_reader`.
    Thread(Sender<Request>, Request),
}

impl WakeUp {
    /// For a loop that watches descriptors.
    pub(crate) fn descriptor() -> io::Result<Self> {
        Descriptor::new().map(Self::Descriptor)
    }

    /// For a loop that does not. Call it with the interpreter held.
    pub(crate) fn thread(request: Request) -> io::Result<Self> {
        Ok(Self::Thread(thread()?, request))
    }

    /// What the loop is to watch, if anything.
    pub(crate) fn watched(&self) -> Option<RawFd> {
        match self {
            Self::Descriptor(descriptor) => Some(descriptor.read.as_raw_fd()),
            Self::Thread(..) => None,
        }
    }

    pub(crate) fn wake(&self) {
        match self {
            Self::Descriptor(descriptor) => descriptor.write(),
            // The thread is gone only where the interpreter is, and no loop runs then.
            Self::Thread(sender, request) => drop(sender.send(request.clone())),
        }
    }

    /// The loop is awake.
    pub(crate) fn clear(&self) {
        if let Self::Descriptor(descriptor) = self {
            descriptor.clear();
        }
    }
}

pub(crate) struct Descriptor {
    read: OwnedFd,
    #[cfg(not(target_os = "linux"))]
    write: OwnedFd,
}

impl Descriptor {
    #[cfg(target_os = "linux")]
    fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        // Non-blocking: the I/O thread must never wait for a loop that has stopped reading.
        let read = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { read })
    }

    #[cfg(not(target_os = "linux"))]
    fn new() -> io::Result<Self> {
        use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
        let (read, write) = rustix::pipe::pipe()?;
        for end in [&read, &write] {
            fcntl_setfd(end, FdFlags::CLOEXEC)?;
            ioctl_fionbio(end, true)?;
        }
        Ok(Self { read, write })
    }

    fn write(&self) {
        #[cfg(target_os = "linux")]
        let end = &self.read;
        #[cfg(not(target_os = "linux"))]
        let end = &self.write;
        // A full pipe or counter means that a wake-up of the loop is already pending.
        let _ = rustix::io::write(end, &1u64.to_ne_bytes());
    }

    fn clear(&self) {
        let mut wake_up = [0; 8];
        let _ = rustix::io::read(&self.read, &mut wake_up);
    }
}

/// The thread that wakes loops of this generation. Only ever locked while the interpreter is held, so a fork cannot inherit it
/// locked.
static THREAD: Mutex<Option<(u32, Sender<Request>)>> = Mutex::new(None);

fn thread() -> io::Result<Sender<Request>> {
    let mut current = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take() {
        Some((owner, sender)) if owner == runtime::generation() => {
            Ok(current.insert((owner, sender)).1.clone())
        }
        stale => {
            // Its thread is the parent's.
            std::mem::forget(stale);
            let (sender, requests) = channel();
            std::thread::Builder::new()
                .name("pydynox-wake".into())
                .spawn(move || serve(&requests))?;
            Ok(current.insert((runtime::generation(), sender)).1.clone())
        }
    }
}

/// A thread of its own, since the interpreter may be held for long: the I/O thread must not wait for it, and the threads for the
/// user's functions may all be busy.
fn serve(requests: &Receiver<Request>) {
    ffi::block_signals();
    while let Ok(Request { caller, wake }) = requests.recv() {
        // A loop that is closed or gone needs no wake-up.
        let _: Option<PyResult<()>> = attached_here(|py| wake(py, &caller));
    }
}
