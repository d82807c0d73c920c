//! Unique values: which guard items a write takes and releases, and what must still be stored.

use super::conditions::{both, holds};
use super::rules::Rules;
use crate::error::{Error, ErrorKind};
use crate::expression::condition::Condition;
use crate::expression::path::Path;
use crate::unique::Claim;

/// Attributes whose combined values only one item may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Among which items.
    pub of: Box<str>,
    /// The stored names, in their order.
    pub attributes: Box<[Box<str>]>,
    /// Of each, whether one value may have several stored forms.
    pub varied: Box<[bool]>,
}

/// An item's values for the attributes of a constraint, in their order: JSON text, None where nothing is stored.
pub type Values = [Option<Vec<u8>>];

/// What is known of an item's values for the attributes of a constraint.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// As this program writes them, which is how their guard is found.
    pub values: &'a Values,
    /// As they are stored: another program may have written them in another form.
    pub stored: &'a Values,
}

/// A guard item that a write takes or releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Zero-based position of the model's constraint.
    pub constraint: usize,
    /// The value.
    pub claim: Claim,
    /// Whether the write takes it.
    pub is_taken: bool,
    /// The value, by attribute.
    pub values: Vec<Vec<u8>>,
    /// The condition for an item that does not have these values.
    pub is_free: Condition,
}

/// What one write means for the constraints of its model.
#[derive(Debug, Default)]
pub struct UniqueChange {
    /// The guards, in the order in which they were found.
    pub holds: Vec<Hold>,
    /// That the stored item has the values that were read, or those that are written.
    pub condition: Option<Condition>,
}

impl Constraint {
    /// The value that an item has; None where one of its attributes has none. NULL is not a value either.
    ///
    /// # Errors
    ///
    /// A value cannot be read.
    pub fn claim(&self, values: &Values) -> Result<Option<Claim>, Error> {
        let Some(values) = complete(values) else {
            return Ok(None);
        };
        let names = self.attributes.iter().map(|name| &**name);
        let named: Vec<(&str, &[u8])> = names.zip(values).collect();
        Ok(Some(Claim::new(&self.of, &named)?))
    }

    /// That the stored item has these values, or may have them in a form that no condition can compare.
    fn may_be_stored(&self, values: &Values) -> Result<Condition, Error> {
        let mut all = None;
        for ((name, json), varied) in self.attributes.iter().zip(values).zip(&self.varied) {
            let one = if *varied {
                Condition::exists(Path::new(name))
            } else {
                holds(name, json.as_deref())
            };
            all = both(all, Some(one))?;
        }
        all.ok_or_else(|| Error::new(ErrorKind::Internal, "a constraint of no attributes"))
    }

    /// That the stored item has these values.
    fn is_stored(&self, values: &Values) -> Result<Condition, Error> {
        let mut all = None;
        for (name, json) in self.attributes.iter().zip(values) {
            all = both(all, Some(holds(name, json.as_deref())))?;
        }
        all.ok_or_else(|| Error::new(ErrorKind::Internal, "a constraint of no attributes"))
    }
}

/// The values of all attributes, where each has one.
fn complete(values: &Values) -> Option<Vec<&[u8]>> {
    let values = values.iter().map(|value| value.as_deref());
    let values: Vec<&[u8]> = values.collect::<Option<_>>()?;
    let has_null = values.iter().any(|json| *json == br#"{"NULL":true}"#);
    (!has_null).then_some(values)
}

impl UniqueChange {
    /// An item is first written: it takes its values.
    ///
    /// # Errors
    ///
    /// A value cannot be read, or the conditions have more operators than `DynamoDB` accepts; the same holds for all that follow.
    pub fn create(
        &mut self,
        rules: &Rules,
        number: usize,
        constraint: &Constraint,
        values: &Values,
    ) -> Result<(), Error> {
        self.hold(rules, number, constraint, values, true)
    }

    /// A stored item now has other values, or the same; `whole` means that all of it is written, unchanged attributes too.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn change(
        &mut self,
        rules: &Rules,
        number: usize,
        constraint: &Constraint,
        (before, after): (Known<'_>, Known<'_>),
        whole: bool,
    ) -> Result<(), Error> {
        let is_moved = constraint.claim(before.values)? != constraint.claim(after.values)?;
        let mut values_stored = constraint.is_stored(before.stored)?;
        if is_moved {
            // The new values are accepted too: a save whose outcome is unknown can then be repeated.
            values_stored = values_stored.or(&constraint.is_stored(after.stored)?)?;
            self.hold(rules, number, constraint, before.values, false)?;
            self.hold(rules, number, constraint, after.values, true)?;
        } else if whole {
            // A value that has no guard yet gets one.
            self.hold(rules, number, constraint, after.values, true)?;
        }
        self.condition = both(self.condition.take(), Some(values_stored))?;
        Ok(())
    }

    /// A stored item is deleted: it releases its values.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn delete(
        &mut self,
        rules: &Rules,
        number: usize,
        constraint: &Constraint,
        before: Known<'_>,
    ) -> Result<(), Error> {
        self.hold(rules, number, constraint, before.values, false)?;
        let values_stored = constraint.is_stored(before.stored)?;
        self.condition = both(self.condition.take(), Some(values_stored))?;
        Ok(())
    }

    /// The same for an item that may already be gone.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn or_absent(mut self, rules: &Rules) -> Result<Self, Error> {
        let condition = self.condition.take();
        self.condition = condition
            .map(|condition| rules.absent().or(&condition))
            .transpose()?;
        Ok(self)
    }

    fn hold(
        &mut self,
        rules: &Rules,
        number: usize,
        constraint: &Constraint,
        values: &Values,
        is_taken: bool,
    ) -> Result<(), Error> {
        let Some(claim) = constraint.claim(values)? else {
            return Ok(());
        };
        let lacks = constraint.may_be_stored(values)?.not()?;
        let is_free = rules.absent().or(&lacks)?;
        // An expired item may be replaced, so it no longer has a right to its values.
        let is_free = match rules.expired() {
            Some(expired) => is_free.or(&expired)?,
            None => is_free,
        };
        self.holds.push(Hold {
            constraint: number,
            claim,
            is_taken,
            values: values.iter().flatten().cloned().collect(),
            is_free,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::rules::tests::{mortal, plain};
    use super::*;

    const ANN: &str = r#"{"S":"ann"}"#;
    const BOB: &str = r#"{"S":"bob"}"#;
    const NULL: &str = r#"{"NULL":true}"#;

    fn email() -> Constraint {
        Constraint {
            of: "users".into(),
            attributes: ["email".into()].into(),
            varied: [false].into(),
        }
    }

    fn pair() -> Constraint {
        Constraint {
            of: "users".into(),
            attributes: ["email".into(), "tenant".into()].into(),
            varied: [false, false].into(),
        }
    }

    fn one(json: &str) -> Vec<Option<Vec<u8>>> {
        vec![Some(json.into())]
    }

    fn none() -> Vec<Option<Vec<u8>>> {
        vec![None]
    }

    /// Values that are stored as this program writes them.
    fn usual(values: &Values) -> Known<'_> {
        Known {
            values,
            stored: values,
        }
    }

    fn changed(before: &Values, after: &Values, whole: bool) -> UniqueChange {
        let mut change = UniqueChange::default();
        change
            .change(&plain(), 0, &email(), (usual(before), usual(after)), whole)
            .unwrap();
        change
    }

    fn taken(change: &UniqueChange) -> Vec<bool> {
        change.holds.iter().map(|hold| hold.is_taken).collect()
    }

    fn text(change: &UniqueChange) -> String {
        change
            .condition
            .as_ref()
            .map_or_else(String::new, Condition::explain)
    }

    #[test]
    fn a_created_item_takes_the_guard_of_its_value() {
        let mut change = UniqueChange::default();
        change.create(&plain(), 2, &email(), &one(ANN)).unwrap();

        let hold = &change.holds[0];
        assert_eq!((hold.constraint, hold.is_taken), (2, true));
        assert_eq!(hold.values, [ANN.as_bytes()]);
        assert_eq!(text(&change), "");
    }

    #[test]
    fn a_created_item_without_a_value_takes_nothing() {
        for values in [none(), one(NULL)] {
            let mut change = UniqueChange::default();
            change.create(&plain(), 0, &email(), &values).unwrap();
            assert!(change.holds.is_empty());
        }
    }

    #[test]
    fn several_attributes_are_one_value_and_only_if_each_has_one() {
        let both: Vec<Option<Vec<u8>>> = vec![Some(ANN.into()), Some(BOB.into())];
        let half: Vec<Option<Vec<u8>>> = vec![Some(ANN.into()), None];
        assert!(pair().claim(&both).unwrap().is_some());
        assert_eq!(pair().claim(&half).unwrap(), None);
    }

    #[test]
    fn equal_numbers_are_one_value_however_they_are_written() {
        let of = |json: &str| email().claim(&one(json)).unwrap();
        assert_eq!(of(r#"{"N":"1"}"#), of(r#"{"N":"1.0"}"#));
        assert_ne!(of(r#"{"N":"1"}"#), of(r#"{"S":"1"}"#));
    }

    #[test]
    fn a_changed_value_lets_go_of_the_old_guard_and_takes_the_new_one() {
        let change = changed(&one(ANN), &one(BOB), false);
        assert_eq!(taken(&change), [false, true]);
    }

    #[test]
    fn a_changed_value_relies_on_the_one_that_was_read_or_was_written_before() {
        let change = changed(&one(ANN), &one(BOB), false);
        assert_eq!(text(&change), r#"email = "ann" OR email = "bob""#);
    }

    #[test]
    fn a_first_value_takes_a_guard_and_a_last_one_lets_it_go() {
        assert_eq!(taken(&changed(&none(), &one(ANN), false)), [true]);
        assert_eq!(taken(&changed(&one(ANN), &none(), false)), [false]);
        assert_eq!(
            text(&changed(&none(), &one(ANN), false)),
            r#"attribute_not_exists(email) OR email = "ann""#
        );
    }

    #[test]
    fn a_value_that_stays_needs_no_guard_but_must_be_stored_still() {
        let change = changed(&one(ANN), &one(ANN), false);
        assert!(change.holds.is_empty());
        assert_eq!(text(&change), r#"email = "ann""#);
    }

    #[test]
    fn a_whole_item_takes_the_guard_of_a_value_that_stays() {
        let change = changed(&one(ANN), &one(ANN), true);
        assert_eq!(taken(&change), [true]);
        assert_eq!(text(&change), r#"email = "ann""#);
    }

    #[test]
    fn null_is_no_value_and_is_stored_all_the_same() {
        let change = changed(&one(NULL), &one(ANN), false);
        assert_eq!(taken(&change), [true]);
        assert_eq!(text(&change), r#"email = NULL OR email = "ann""#);
    }

    #[test]
    fn what_several_constraints_need_must_hold_together() {
        let mut change = UniqueChange::default();
        let tenant = Constraint {
            attributes: ["tenant".into()].into(),
            ..email()
        };
        change
            .delete(&plain(), 0, &email(), usual(&one(ANN)))
            .unwrap();
        change
            .delete(&plain(), 1, &tenant, usual(&one(BOB)))
            .unwrap();

        assert_eq!(text(&change), r#"email = "ann" AND tenant = "bob""#);
        assert_eq!(taken(&change), [false, false]);
    }

    #[test]
    fn a_deleted_item_may_be_gone_already() {
        let mut change = UniqueChange::default();
        change
            .delete(&plain(), 0, &email(), usual(&one(ANN)))
            .unwrap();
        let change = change.or_absent(&plain()).unwrap();
        assert_eq!(
            text(&change),
            r#"attribute_not_exists(id) OR email = "ann""#
        );

        let nothing = UniqueChange::default().or_absent(&plain()).unwrap();
        assert_eq!(text(&nothing), "");
    }

    #[test]
    fn a_value_is_free_where_its_item_is_gone_or_has_another() {
        let change = changed(&none(), &one(ANN), false);
        assert_eq!(
            change.holds[0].is_free.explain(),
            r#"attribute_not_exists(id) OR NOT (email = "ann")"#
        );
    }

    #[test]
    fn a_value_is_free_where_the_time_of_its_item_is_over() {
        let mut change = UniqueChange::default();
        change.create(&mortal(), 0, &email(), &one(ANN)).unwrap();
        assert!(change.holds[0].is_free.explain().contains(" OR gone <= "));
    }

    #[test]
    fn a_value_that_cannot_be_read_has_no_guard() {
        assert!(email().claim(&one("{")).is_err());
    }

    #[test]
    fn a_value_that_may_have_another_form_is_free_only_where_there_is_none() {
        let mut change = UniqueChange::default();
        let varied = Constraint {
            varied: [true, false].into(),
            ..pair()
        };
        let values: Vec<Option<Vec<u8>>> = vec![Some(ANN.into()), Some(BOB.into())];
        change.create(&plain(), 0, &varied, &values).unwrap();

        let is_free = change.holds[0].is_free.explain();
        assert!(
            is_free.ends_with(r#"NOT (attribute_exists(email) AND tenant = "bob")"#),
            "{is_free}"
        );
    }

    #[test]
    fn a_value_in_another_form_is_guarded_as_usual_and_compared_as_stored() {
        let (ann, stored) = (one(ANN), one(r#"{"S":"ANN"}"#));
        let before = Known {
            values: &ann,
            stored: &stored,
        };

        let mut change = UniqueChange::default();
        change
            .change(&plain(), 0, &email(), (before, usual(&one(BOB))), false)
            .unwrap();
        assert_eq!(text(&change), r#"email = "ANN" OR email = "bob""#);
        assert_eq!(change.holds[0].claim, email().claim(&ann).unwrap().unwrap());

        let mut change = UniqueChange::default();
        change.delete(&plain(), 0, &email(), before).unwrap();
        assert_eq!(text(&change), r#"email = "ANN""#);
        assert_eq!(change.holds[0].claim, email().claim(&ann).unwrap().unwrap());
    }
}
