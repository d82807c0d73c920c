//! The conditions that writes are guarded by, and how several become one.

use std::borrow::Cow;

use crate::error::Error;
use crate::expression::condition::{Comparator, Condition, Operand};
use crate::expression::path::Path;

/// That an attribute is stored with this value, JSON text, or that it is not stored.
pub fn holds(attribute: &str, json: Option<&[u8]>) -> Condition {
    let path = Path::new(attribute);
    match json {
        Some(json) => Condition::compare(
            Comparator::Equal,
            Operand::Path(path),
            Operand::Value(json.into()),
        ),
        None => Condition::not_exists(path),
    }
}

/// Both of what there is.
///
/// # Errors
///
/// That would be more operators than `DynamoDB` accepts.
pub fn both(one: Option<Condition>, other: Option<Condition>) -> Result<Option<Condition>, Error> {
    match (one, other) {
        (Some(one), Some(other)) => one.and(&other).map(Some),
        (one, other) => Ok(one.or(other)),
    }
}

/// What the write itself needs, and what the caller asks.
///
/// # Errors
///
/// As [`both`].
pub fn joined(
    own: Option<Condition>,
    callers: Option<&Condition>,
) -> Result<Option<Cow<'_, Condition>>, Error> {
    Ok(match (own, callers) {
        (Some(own), Some(callers)) => Some(Cow::Owned(own.and(callers)?)),
        (Some(own), None) => Some(Cow::Owned(own)),
        (None, callers) => callers.map(Cow::Borrowed),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn one() -> Condition {
        holds("a", Some(br#"{"N":"1"}"#))
    }

    fn other() -> Condition {
        holds("b", None)
    }

    #[test]
    fn a_stored_value_is_compared_and_a_missing_one_must_be_missing() {
        assert_eq!(one().explain(), "a = 1");
        assert_eq!(other().explain(), "attribute_not_exists(b)");
    }

    #[test]
    fn a_name_with_a_dot_is_one_attribute() {
        assert_eq!(holds("a.b", None).paths()[0].steps().len(), 1);
    }

    #[test]
    fn both_conditions_hold_where_there_are_two() {
        let all = both(Some(one()), Some(other())).unwrap().unwrap();
        assert_eq!(all.explain(), "a = 1 AND attribute_not_exists(b)");
    }

    #[test]
    fn one_condition_alone_stays_as_it_is() {
        assert_eq!(both(Some(one()), None).unwrap(), Some(one()));
        assert_eq!(both(None, Some(other())).unwrap(), Some(other()));
        assert_eq!(both(None, None).unwrap(), None);
    }

    #[test]
    fn a_callers_condition_alone_is_borrowed() {
        let callers = one();
        assert!(matches!(
            joined(None, Some(&callers)).unwrap(),
            Some(Cow::Borrowed(_))
        ));
        assert!(joined(None, None).unwrap().is_none());
    }

    #[test]
    fn what_the_write_needs_comes_before_what_the_caller_asks() {
        let callers = other();
        let all = joined(Some(one()), Some(&callers)).unwrap().unwrap();
        assert_eq!(all.explain(), "a = 1 AND attribute_not_exists(b)");
    }

    #[test]
    fn more_operators_than_dynamodb_accepts_are_refused() {
        let mut many = one();
        while let Ok(more) = many.and(&one()) {
            many = more;
        }
        assert!(both(Some(many.clone()), Some(many.clone())).is_err());
        assert!(joined(Some(many.clone()), Some(&many)).is_err());
    }
}
