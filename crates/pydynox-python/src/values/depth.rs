//! How deep lists and maps may be nested, by the limit of DynamoDB.

use crate::values::problem::{Checked, Problem};

/// Levels that DynamoDB stores: an attribute's value is on the first, and what a list or a map holds on the next one.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub(super) const MAX_DEPTH: usize = 32;

/// One level further down: what stands there is inside of so many lists and maps.
pub(crate) fn deeper(depth: usize) -> Checked<usize> {
    if depth >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(depth + 1)
}

/// Refuses a value inside of as many lists and maps: it is one level too deep. Asked by whoever writes the first one of a container.
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
