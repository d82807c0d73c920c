//! How deep lists and maps may be nested, by DynamoDB's limit.

use super::{Checked, Problem};

/// Levels that `DynamoDB` stores: an attribute's value is on the first, the content of a list or a map on the next one.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const MAX_DEPTH: usize = 32;

/// One level down: the number of lists and maps around a value there.
///
/// # Errors
///
/// It is a level too deep.
#[inline]
pub fn deeper(depth: usize) -> Checked<usize> {
    if depth >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(depth + 1)
}

/// Refuses a value one level too deep, inside this many lists and maps. Called before a container's first element is written.
///
/// # Errors
///
/// It is a level too deep.
#[inline]
pub fn check_level(containers: usize) -> Checked<()> {
    if containers >= MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(())
}

#[cold]
fn too_deep() -> Problem {
    Problem::new(format!(
        "is nested deeper than the {MAX_DEPTH} levels that DynamoDB stores"
    ))
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, check_level, deeper};

    #[test]
    fn the_last_level_that_dynamodb_stores_is_the_last_that_is_allowed() {
        assert!(deeper(MAX_DEPTH - 1).is_ok_and(|depth| depth == MAX_DEPTH));
        assert!(deeper(MAX_DEPTH).is_err());
        assert!(check_level(MAX_DEPTH - 1).is_ok() && check_level(MAX_DEPTH).is_err());
    }
}
