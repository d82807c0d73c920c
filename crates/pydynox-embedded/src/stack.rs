//! A stack that fits the engine's work, whichever thread it is done on: threads may have as little as 128 KB.

/// What a request needs whose expressions are flat: SQLite, and values as deep as DynamoDB takes them.
const PLAIN: usize = 512 << 10;
/// What one level of an expression needs, several times over.
const LEVEL: usize = 8 << 10;

/// Does the work where there is room for it.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(PLAIN, 2 * PLAIN, work)
}

/// Does the work where there is room for so many levels.
pub(crate) fn with_room_for<T>(levels: usize, work: impl FnOnce() -> T) -> T {
    let room = PLAIN / 2 + levels * LEVEL;
    stacker::maybe_grow(room, room + PLAIN, work)
}
