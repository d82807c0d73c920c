//! How deep lists and maps may be nested, by DynamoDB's limit.

use crate::values::problem::{Checked, Problem};

/// Levels that DynamoDB stores: an attribute's value is on the first, the content of a list or a map on the next one.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub(super) const MAX_DEPTH: usize = 32;

/// One level down: the number of lists and maps around a value there.
pub(crate) fn deeper(depth: usize) -> Checked<usize> {
    if depth >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(depth + 1)
}

/// Refuses a value one level too deep, inside this many lists and maps. Called before a container's first element is written.
#[inline]
pub(crate) fn check_level(containers: usize) -> Checked<()> {
    if containers >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(())
}

#[cold]
pub(super) fn too_deep() -> Problem {
    Problem::new(format!(
        "is nested deeper than the {MAX_DEPTH} levels that DynamoDB stores"
    ))
}
