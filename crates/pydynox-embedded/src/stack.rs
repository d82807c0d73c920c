//! Stack: enough of it for the engine's work on any thread; threads may have as little as 128 KB.

/// For a request with flat expressions: SQLite, and values as deep as DynamoDB accepts them.
const PLAIN: usize = 512 << 10;
/// For one level of an expression, with a wide margin. Frames of code that is not optimised are several times as large; memory that
/// no frame reaches is only reserved.
const LEVEL: usize = if cfg!(debug_assertions) {
    64 << 10
} else {
    8 << 10
};

/// Does the work where there is room for it.
pub(crate) fn with_room<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(PLAIN, 2 * PLAIN, work)
}

/// Does the work where there is room for this many levels.
pub(crate) fn with_room_for<T>(levels: usize, work: impl FnOnce() -> T) -> T {
    let room = PLAIN / 2 + levels * LEVEL;
    stacker::maybe_grow(room, room + PLAIN, work)
}
