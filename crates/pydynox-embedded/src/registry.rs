//! Registry: the slots of this process by name and canonical path, so that equal locations share one engine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dynoxide::storage_backend::Clock;
use pydynox_core::error::{Error, ErrorKind};

use crate::location::{Location, Place};
use crate::slot::Slot;
use crate::source::Source;

/// Every slot in use. Weak, so that the last user closes the engine, on any thread, without this lock.
///
/// Only threads that hold the GIL take the lock, and Python forks with the GIL held, so a child finds it free. After a fork that
/// bypasses Python, the child waits for [`PATIENCE`] and gets an error, never a hang.
static SLOTS: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

const PATIENCE: Duration = Duration::from_secs(10);
const NAP: Duration = Duration::from_micros(100);

/// The slot of this location, opened if it is not open yet.
pub(crate) fn open(location: &Location) -> Result<Arc<Slot>, Error> {
    let place = canonical(location.place())?;
    add(Source::new(place))
}

/// A private slot that runs on this clock.
pub(crate) fn open_with_clock(clock: Arc<dyn Clock>) -> Result<Arc<Slot>, Error> {
    let place = Location::private().place().clone();
    add(Source::new(place).with_clock(clock))
}

/// Closes every file, right before a fork.
pub(crate) fn close_files() {
    let Ok(slots) = lock() else { return };
    for slot in slots.iter().filter_map(Weak::upgrade) {
        slot.close_file();
    }
}

/// Gives every slot in use a new engine.
pub(crate) fn renew(generation: u64) {
    let Ok(slots) = lock() else { return };
    for slot in slots.iter().filter_map(Weak::upgrade) {
        slot.renew(generation);
    }
}

fn add(source: Source) -> Result<Arc<Slot>, Error> {
    let mut slots = lock()?;
    slots.retain(|slot| slot.strong_count() > 0);
    let sharing = slots
        .iter()
        .filter_map(Weak::upgrade)
        // A dead engine is not shared: the next client under the same name gets a new one.
        .find(|slot| is_same(&slot.source().place, &source.place) && !slot.is_dead());
    if let Some(slot) = sharing {
        agree(&slot.source().place, &source.place)?;
        return Ok(slot);
    }
    let slot = Arc::new(Slot::open(source)?);
    slots.push(Arc::downgrade(&slot));
    Ok(slot)
}

fn lock() -> Result<MutexGuard<'static, Vec<Weak<Slot>>>, Error> {
    let begun = Instant::now();
    loop {
        match SLOTS.try_lock() {
            Ok(slots) => return Ok(slots),
            // A thread that panicked left a valid list, at most short of one slot.
            Err(TryLockError::Poisoned(poisoned)) => return Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => sleep(NAP),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "the list of embedded engines stays locked: this process was forked while another thread opened one; \
                     fork with os.fork() or multiprocessing",
                ));
            }
        }
    }
}

fn is_same(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::Named(one), Place::Named(other)) => one == other,
        (Place::File { path: one, .. }, Place::File { path: other, .. }) => one == other,
        _ => false,
    }
}

/// One engine cannot store a file in two ways.
fn agree(open: &Place, wanted: &Place) -> Result<(), Error> {
    if open == wanted {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "'{wanted}' is open in this process with a different sync=; use the same one everywhere"
        ),
    ))
}

fn canonical(place: &Place) -> Result<Place, Error> {
    let Place::File { path, durability } = place else {
        return Ok(place.clone());
    };
    let canonical = canonical_path(path).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("'{place}' cannot be opened: {error}; its directory must exist"),
        )
        .with_source(error)
    })?;
    Ok(Place::File {
        path: canonical,
        durability: *durability,
    })
}

/// Links are followed; the file itself need not exist yet.
fn canonical_path(path: &Path) -> io::Result<PathBuf> {
    // Through a link or a relative path, one file would otherwise get two engines.
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(directory.canonicalize()?.join(name))
}
