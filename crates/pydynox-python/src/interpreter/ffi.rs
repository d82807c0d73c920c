//! FFI, the only unsafe file: what `CPython`'s C API and libc offer and pyo3 does not wrap.
#![allow(unsafe_code)]

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{Borrowed, PyClass, PyTypeInfo, ffi};

/// A Python string; ASCII text is copied without being decoded.
#[inline]
pub(crate) fn string<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    // CPython keeps one object for each string of at most one Latin-1 character, which PyString::new finds.
    if text.len() < 2 || !text.is_ascii() {
        return Ok(PyString::new(py, text));
    }
    // SAFETY: PyUnicode_New(n, 127) returns a compact ASCII string with room for exactly n bytes after its header, which no other
    // code can see yet; `text` holds n ASCII bytes. Null is checked before it is used.
    unsafe {
        let string = ffi::PyUnicode_New(text.len().cast_signed(), 127);
        if string.is_null() {
            return Err(PyErr::fetch(py));
        }
        std::ptr::copy_nonoverlapping(
            text.as_ptr(),
            ffi::PyUnicode_DATA(string).cast::<u8>(),
            text.len(),
        );
        Ok(Bound::from_owned_ptr(py, string).cast_into_unchecked())
    }
}

/// Whether this thread holds the interpreter.
pub(crate) fn is_attached() -> bool {
    // A thread that never ran Python has no state. The check alone would say yes on every thread once the interpreter has ended
    // or a subinterpreter was created.
    // SAFETY: both may be called at any time, on any thread, and only look.
    unsafe { !ffi::PyGILState_GetThisThreadState().is_null() && ffi::PyGILState_Check() == 1 }
}

/// The value of an attribute by the ordinary rules, without the type's own `__getattribute__`.
#[inline]
pub(crate) fn get_attribute<'py>(
    instance: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: both pointers are alive for the call; the result is a new reference or null with an exception set.
    unsafe {
        Bound::from_owned_ptr_or_err(
            instance.py(),
            ffi::PyObject_GenericGetAttr(instance.as_ptr(), name.as_ptr()),
        )
    }
}

/// Sets an attribute by the ordinary rules, past the type's own `__setattr__`.
#[inline]
pub(crate) fn set_attribute(
    instance: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: the three pointers are alive for the call, which takes its own references.
    let status =
        unsafe { ffi::PyObject_GenericSetAttr(instance.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if status == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(instance.py()))
    }
}

/// A new instance made by the type's `__new__` alone; `__init__` does not run.
#[inline]
pub(crate) fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let arguments = PyTuple::empty(py);
    // SAFETY: a PyType is a PyTypeObject; tp_new is read before it is called and gets the type itself, an empty tuple and no
    // keywords, as `object.__new__(type)` does. The result is a new reference or null with an exception set.
    unsafe {
        let type_object = class.as_type_ptr();
        let Some(new) = (*type_object).tp_new else {
            return Err(PySystemError::new_err(
                "the model's type cannot be instantiated",
            ));
        };
        Bound::from_owned_ptr_or_err(
            py,
            new(type_object, arguments.as_ptr(), std::ptr::null_mut()),
        )
    }
}

/// An `int` that fits 64 bits; None when it is larger.
#[inline]
pub(crate) fn small_integer(value: &Bound<'_, PyAny>) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the caller has checked that `value` is an int, so no exception can be set.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(number)
}

/// Puts a value into a dictionary.
#[inline]
pub(crate) fn set_dict_item(
    dict: &Bound<'_, PyDict>,
    key: Borrowed<'_, '_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: the three pointers are alive for the call, which takes its own references.
    let status = unsafe { ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()) };
    if status == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(dict.py()))
    }
}

/// What a coroutine did when it was sent None.
pub(crate) enum Sent<'py> {
    Returned(Bound<'py, PyAny>),
    Yielded,
}

/// `coroutine.send(None)`, without an intermediate `StopIteration`.
pub(crate) fn send_none<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Sent<'py>> {
    let py = coroutine.py();
    let mut result = std::ptr::null_mut();
    // SAFETY: the coroutine is alive, Py_None is immortal or borrowed for the call, and `result` receives a new reference
    // unless the status says that an exception is set.
    unsafe {
        match ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &raw mut result) {
            ffi::PySendResult::PYGEN_RETURN => {
                Ok(Sent::Returned(Bound::from_owned_ptr(py, result)))
            }
            ffi::PySendResult::PYGEN_NEXT => {
                drop(Bound::from_owned_ptr(py, result));
                Ok(Sent::Yielded)
            }
            ffi::PySendResult::PYGEN_ERROR => Err(PyErr::fetch(py)),
        }
    }
}

/// What an awaitable did when it was sent None.
pub(crate) enum Step<'py> {
    /// The event loop resumes it once this future is done.
    Waits(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
}

/// An iterator that coroutines await without a `StopIteration` at its end.
pub(crate) trait Steps: PyClass + PyTypeInfo {
    fn step<'py>(slf: &Bound<'py, Self>) -> PyResult<Step<'py>>;
}

/// Gives the class the slot that `SEND` looks for first; pyo3 has no name for it.
pub(crate) fn set_send_slot<T: Steps>(py: Python<'_>) {
    let class = T::type_object(py).as_type_ptr();
    // SAFETY: pyo3 creates heap types, whose async methods lie inside the type object and live as long as it. The interpreter is
    // held, and no instance can exist yet: this runs while the module is being created.
    unsafe {
        (*(*class).tp_as_async).am_send = Some(send::<T>);
    }
}

/// The slot itself. `_value` is None: nothing else is ever sent to what a coroutine awaits.
unsafe extern "C" fn send<T: Steps>(
    slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // `attach` keeps the count that pyo3's own entries keep: a reference dropped in here is released at once, not at the next
    // entry.
    Python::attach(|py| {
        // SAFETY: the interpreter calls the slot with an instance of the type that has it, and keeps it alive for the call.
        let slf = unsafe { Borrowed::from_ptr(py, slf).cast_unchecked::<T>() };
        // A panic must not cross a C frame.
        let step = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| T::step(&slf)))
            .unwrap_or_else(|_| Err(PySystemError::new_err("pydynox panicked; this is a bug")));
        let (value, status) = match step {
            Ok(Step::Returned(value)) => (value.into_ptr(), ffi::PySendResult::PYGEN_RETURN),
            Ok(Step::Waits(future)) => (future.into_ptr(), ffi::PySendResult::PYGEN_NEXT),
            Err(error) => {
                error.restore(py);
                (std::ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR)
            }
        };
        // SAFETY: the caller provides room for one pointer.
        unsafe { result.write(value) };
        status
    })
}

/// Registers functions to call around every fork: in the parent before it, in the parent after it, in the child.
pub(crate) fn on_fork(before: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: all three are plain functions that live as long as the process.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
}

/// Keeps every signal away from the calling thread: signals belong to Python's main thread.
pub(crate) fn block_signals() {
    // SAFETY: the set is initialised by sigfillset before it is read, and a null old set is allowed.
    unsafe {
        let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
}

/// From now on, or no longer, a running thread finishes its turn before the calling one takes its core; the latter still runs at
/// once on a free core. Without system support, nothing changes.
pub(crate) fn give_way(gives: bool) {
    #[cfg(target_os = "linux")]
    // SAFETY: the policy and the priority, which must be 0 for both of these, are read during the call; 0 is the calling thread.
    unsafe {
        let mut priority: libc::sched_param = std::mem::zeroed();
        priority.sched_priority = 0;
        let policy = if gives {
            libc::SCHED_BATCH
        } else {
            libc::SCHED_OTHER
        };
        libc::sched_setscheduler(0, policy, &raw const priority);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = gives;
}
