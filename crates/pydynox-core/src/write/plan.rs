//! Write plans: one constructor per verb decides what must hold, whether the write may be sent again, and what a failed guard
//! means.

use std::borrow::Cow;

use super::conditions::joined;
use super::managed::ManagedValues;
use super::rules::Rules;
use crate::call::{Intent, Resend, Terms};
use crate::error::Error;
use crate::expression::actions::Actions;
use crate::expression::condition::Condition;
use crate::operation::Guard;
use crate::retry::proof::Proof;

/// What has been decided about one write.
#[derive(Debug)]
pub struct Plan<'a> {
    /// How it is sent, and what its failure means.
    pub terms: Terms,
    /// Whether the item must exist, or must not.
    pub guard: Guard<'a>,
    /// What else must hold.
    pub condition: Option<Cow<'a, Condition>>,
    /// Whether it depends on more than the version of the item that was read: if that has changed, the write fails.
    pub builds_on: bool,
    /// Whether it is only a condition.
    pub is_check: bool,
}

/// What an instance's update changes.
#[derive(Debug, Clone, Copy)]
pub struct Changes {
    /// Whether nothing changed.
    pub is_empty: bool,
    /// Whether it sets something inside a value that must exist.
    pub has_parents: bool,
}

/// A caller's condition never tells whether an earlier attempt was applied, so its write is not sent again.
fn unless(condition: Option<&Condition>) -> Resend {
    if condition.is_some() {
        Resend::Never
    } else {
        Resend::Always
    }
}

/// Whether a caller's actions may be sent again.
fn repeated(actions: &Actions, condition: Option<&Condition>) -> Resend {
    if actions.is_idempotent() {
        unless(condition)
    } else {
        Resend::Never
    }
}

/// A guard that the write itself invalidates keeps it from being applied twice, whatever else it asks for.
fn guarded_or(managed: &ManagedValues, otherwise: Resend) -> Resend {
    if managed.is_guarded() {
        Resend::OwnGuard
    } else {
        otherwise
    }
}

fn terms(resend: Resend, intent: Intent, proof: Option<Box<Proof>>) -> Terms {
    Terms {
        resend,
        intent,
        proof,
    }
}

impl<'a> Plan<'a> {
    fn new(terms: Terms, guard: Guard<'a>, condition: Option<Cow<'a, Condition>>) -> Self {
        Self {
            terms,
            guard,
            condition,
            builds_on: false,
            is_check: false,
        }
    }

    /// A write of an instance: compares its version, or else what the write depends on in the stored item.
    fn of_instance(
        terms: Terms,
        guard: Guard<'a>,
        managed: &ManagedValues,
        depends_on: Option<Condition>,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let builds_on = depends_on.is_some() && !managed.is_guarded();
        // A version that is still stored implies that everything else that was read is stored too.
        let own = if builds_on {
            depends_on
        } else {
            managed.guard()
        };
        Ok(Self {
            builds_on,
            ..Self::new(terms, guard, joined(own, condition)?)
        })
    }

    /// A new item; fails when its key is taken. An expired item counts as absent: it may be replaced.
    ///
    /// # Errors
    ///
    /// The condition would have more operators than `DynamoDB` accepts; the same holds for all that follow.
    pub fn create(
        rules: &'a Rules,
        managed: &ManagedValues,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let intent = if condition.is_some() {
            Intent::CreateIf
        } else {
            Intent::Create
        };
        let terms = terms(Resend::OwnGuard, intent, managed.proof());
        Ok(match rules.expired() {
            None => Self::new(
                terms,
                Guard::NotExists(&rules.partition_key),
                condition.map(Cow::Borrowed),
            ),
            // Not a guard on absence: DynamoDB may delete an expired item only days later.
            Some(expired) => {
                let free = rules.absent().or(&expired)?;
                Self::new(terms, Guard::None, joined(Some(free), condition)?)
            }
        })
    }

    /// The whole item, replacing any item with its key. `depends_on` is what its unique values need.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn put(
        managed: &ManagedValues,
        depends_on: Option<Condition>,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let intent = if managed.is_guarded() || depends_on.is_some() {
            Intent::Save
        } else {
            Intent::Plain
        };
        let resend = guarded_or(managed, unless(condition));
        let terms = terms(resend, intent, managed.proof());
        Self::of_instance(terms, Guard::None, managed, depends_on, condition)
    }

    /// Changes to a stored item, or only a condition. `depends_on` is what the rest of its templates and its unique values need.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn save(
        rules: &'a Rules,
        managed: &ManagedValues,
        changes: Changes,
        depends_on: Option<Condition>,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        // A check changes nothing, no matter how many times it is sent.
        let resend = if changes.is_empty {
            Resend::Always
        } else {
            guarded_or(managed, unless(condition))
        };
        let terms = terms(resend, Intent::Save, managed.proof());
        let exists = Guard::Exists(&rules.partition_key);
        let mut plan = Self::of_instance(terms, exists, managed, depends_on, condition)?;
        plan.builds_on |= changes.has_parents;
        plan.is_check = changes.is_empty;
        Ok(plan)
    }

    /// Actions on a stored item. `depends_on` is what the rest of its templates needs.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn update(
        rules: &'a Rules,
        managed: &ManagedValues,
        actions: &Actions,
        depends_on: Option<Condition>,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let resend = guarded_or(managed, repeated(actions, condition));
        let terms = terms(resend, Intent::Save, managed.proof());
        let exists = Guard::Exists(&rules.partition_key);
        let mut plan = Self::of_instance(terms, exists, managed, depends_on, condition)?;
        plan.builds_on |= actions.have_parents();
        Ok(plan)
    }

    /// Actions on any item of the model with this key; without `upsert` it must exist.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn update_key(
        rules: &'a Rules,
        actions: &Actions,
        upsert: bool,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let resend = repeated(actions, condition);
        let mut plan = if upsert {
            // No proof: it would report another model's item as missing, and an upsert does not need an item.
            let terms = terms(resend, Intent::Plain, None);
            let own = rules.absent_or_own()?;
            Self::new(terms, Guard::None, joined(own, condition)?)
        } else {
            let terms = terms(resend, Intent::Existing, rules.entities.proof());
            let exists = Guard::Exists(&rules.partition_key);
            let own = rules.entities.condition();
            Self::new(terms, exists, joined(own, condition)?)
        };
        plan.builds_on = actions.have_parents();
        Ok(plan)
    }

    /// Only a condition, on a stored item: that it has the version that was read, or that it exists.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn check(
        rules: &'a Rules,
        managed: &ManagedValues,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let terms = terms(Resend::Always, Intent::Save, managed.proof());
        let exists = Guard::Exists(&rules.partition_key);
        let mut plan = Self::of_instance(terms, exists, managed, None, condition)?;
        plan.is_check = true;
        Ok(plan)
    }

    /// Only a condition, on any item of the model with this key; by default, that such an item exists. A condition may be about
    /// an absent item.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn check_key(rules: &'a Rules, condition: Option<&'a Condition>) -> Result<Self, Error> {
        let (intent, guard, own) = if condition.is_some() {
            (Intent::Plain, Guard::None, rules.absent_or_own()?)
        } else {
            let exists = Guard::Exists(&rules.partition_key);
            (Intent::Existing, exists, rules.entities.condition())
        };
        let terms = terms(Resend::Always, intent, rules.entities.proof());
        Ok(Self {
            is_check: true,
            ..Self::new(terms, guard, joined(own, condition)?)
        })
    }

    /// The deletion of an instance's item. `depends_on` is what its unique values need.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn delete(
        managed: &ManagedValues,
        depends_on: Option<Condition>,
        condition: Option<&'a Condition>,
    ) -> Result<Self, Error> {
        let intent = if managed.is_guarded() {
            Intent::Save
        } else {
            Intent::Plain
        };
        // Without a version nothing requires the item to exist: deleting one that is already gone succeeds.
        let resend = guarded_or(managed, unless(condition));
        let terms = terms(resend, intent, managed.proof());
        Self::of_instance(terms, Guard::None, managed, depends_on, condition)
    }

    /// The deletion of any item of the model with this key, if there is one.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn delete_key(rules: &'a Rules, condition: Option<&'a Condition>) -> Result<Self, Error> {
        let terms = terms(unless(condition), Intent::Plain, rules.entities.proof());
        let own = rules.absent_or_own()?;
        Ok(Self::new(terms, Guard::None, joined(own, condition)?))
    }

    /// The same, returning the item. Never sent again: a second attempt could not return it.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn pop_key(rules: &'a Rules) -> Result<Self, Error> {
        let terms = terms(Resend::Never, Intent::Plain, rules.entities.proof());
        let own = rules.absent_or_own()?;
        Ok(Self::new(terms, Guard::None, joined(own, None)?))
    }

    /// The put or deletion of an item without a model.
    pub fn undeclared(condition: Option<&'a Condition>) -> Self {
        let terms = terms(unless(condition), Intent::Plain, None);
        Self::new(terms, Guard::None, condition.map(Cow::Borrowed))
    }

    /// Actions on an item without a model, or on a new one.
    pub fn undeclared_update(actions: &Actions, condition: Option<&'a Condition>) -> Self {
        let terms = terms(repeated(actions, condition), Intent::Plain, None);
        Self {
            builds_on: actions.have_parents(),
            ..Self::new(terms, Guard::None, condition.map(Cow::Borrowed))
        }
    }

    /// The stored name of an attribute that an item must have to be updated.
    pub fn exists(&self) -> Option<&'a str> {
        match self.guard {
            Guard::Exists(name) => Some(name),
            Guard::None | Guard::NotExists(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
