//! Managed values: what one write adds to the user's own, such as the next version and the timestamps, and which guards follow
//! from that.

use super::conditions::holds;
use super::purposes::{Managed, Purposes, new_write_id};
use super::rules::Rules;
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::expression::action::{Source, Term};
use crate::expression::actions::Actions;
use crate::expression::condition::Condition;
use crate::expression::path::Path;
use crate::retry::proof::Proof;
use crate::time::Instant;

/// JSON text of an attribute value.
type Json = Box<[u8]>;

/// The version of the item that a write of an instance concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Version {
    /// That of an item that was read or written; None if it has no version.
    Stored(Option<Json>),
    /// Given to a new instance, as in the body of a request.
    Given(Json),
    /// The stored item was not read.
    #[default]
    Unknown,
}

impl Version {
    /// The attribute whose stored value a guard on this version also compares: an item that was deleted and created again
    /// restarts its versions at one, and only its creation time tells the two apart.
    #[inline]
    pub fn compared_with<'a>(&self, purposes: &'a Purposes) -> Option<&'a Managed> {
        purposes
            .created_at
            .as_ref()
            .filter(|_| purposes.version.is_some() && *self != Self::Unknown)
    }

    fn json(&self) -> Option<&Json> {
        match self {
            Self::Stored(version) => version.as_ref(),
            Self::Given(version) => Some(version),
            Self::Unknown => None,
        }
    }

    /// The version after the next write.
    fn next(&self) -> Result<i128, Error> {
        // An item that was stored before its class had a version counts as version 0.
        let Some(json) = self.json() else {
            return Ok(1);
        };
        let number = json
            .strip_prefix(br#"{"N":""#)
            .and_then(|rest| rest.strip_suffix(br#""}"#));
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        number
            .map(|number: i128| number.saturating_add(1))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Validation,
                    "the version of this item is not a whole number, so it cannot be incremented",
                )
            })
    }
}

/// What an instance knows about its stored item.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Whether it was read or written.
    pub is_stored: bool,
    /// Its version.
    pub version: Version,
    /// The creation time that was read, exactly as stored: another writer may have written the same moment in another form.
    pub created_at: Option<Json>,
}

/// One attribute as a write sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedValue {
    /// Zero-based position of the model's field.
    pub field: usize,
    /// JSON text.
    pub json: Vec<u8>,
}

/// What one write adds to the user's own changes.
#[derive(Debug, Default)]
pub struct ManagedValues {
    values: Vec<ManagedValue>,
    /// The version that the write relies on.
    guard: Option<Condition>,
    proof: Proof,
}

impl ManagedValues {
    /// For an item that must not exist yet: its version is 1.
    ///
    /// # Errors
    ///
    /// The system provides no random numbers.
    #[inline]
    pub fn of_create(purposes: &Purposes) -> Result<Self, Error> {
        if !purposes.add_anything() {
            return Ok(Self::default());
        }
        Self::of_create_at(purposes, Instant::now())
    }

    fn of_create_at(purposes: &Purposes, now: Instant) -> Result<Self, Error> {
        let mut managed = Self::default();
        if let Some(version) = &purposes.version {
            managed.number(version, 1);
        }
        managed.stamp(purposes, true, now)?;
        Ok(managed)
    }

    /// For a whole item that replaces another.
    ///
    /// # Errors
    ///
    /// As [`of_create`](Self::of_create).
    #[inline]
    pub fn of_put(rules: &Rules, stored: &Stored) -> Result<Self, Error> {
        if !rules.purposes.add_anything() {
            return Ok(Self::default());
        }
        Self::of_put_at(rules, stored, Instant::now())
    }

    fn of_put_at(rules: &Rules, stored: &Stored, now: Instant) -> Result<Self, Error> {
        let mut managed = Self::default();
        if let Some(version) = &rules.purposes.version {
            if stored.version == Version::Unknown {
                // The version that is replaced is unknown, and its readers must not take this item for the one they read: no
                // count of writes comes near the microseconds since 1970.
                managed.number(version, now.microseconds().into());
            } else {
                managed.number(version, stored.version.next()?);
            }
            managed.rely(rules, version, stored)?;
        }
        managed.stamp(&rules.purposes, !stored.is_stored, now)?;
        Ok(managed)
    }

    /// For a change to an item that was read or written.
    ///
    /// # Errors
    ///
    /// As [`of_create`](Self::of_create).
    #[inline]
    pub fn of_change(rules: &Rules, stored: &Stored) -> Result<Self, Error> {
        if !rules.purposes.add_anything() {
            return Ok(Self::default());
        }
        Self::of_change_at(rules, stored, Instant::now())
    }

    fn of_change_at(rules: &Rules, stored: &Stored, now: Instant) -> Result<Self, Error> {
        let mut managed = Self::default();
        if let Some(version) = &rules.purposes.version {
            managed.number(version, stored.version.next()?);
            managed.rely(rules, version, stored)?;
        }
        managed.stamp(&rules.purposes, false, now)?;
        Ok(managed)
    }

    /// For a deletion or a check: only what must hold.
    ///
    /// # Errors
    ///
    /// None that a version causes.
    #[inline]
    pub fn of_check(rules: &Rules, stored: &Stored) -> Result<Self, Error> {
        let mut managed = Self::default();
        if let Some(version) = &rules.purposes.version {
            managed.rely(rules, version, stored)?;
        }
        Ok(managed)
    }

    /// What it adds.
    #[inline]
    pub fn values(&self) -> &[ManagedValue] {
        &self.values
    }

    /// Adds the values to a caller's actions; `name` returns the stored name of a field.
    pub fn write_into<'n>(&self, actions: &mut Actions, name: impl Fn(usize) -> &'n str) {
        for value in &self.values {
            let term = Term::Source(Source::Value(value.json.as_slice().into()));
            actions.set_managed(name(value.field), term);
        }
    }

    /// Whether the write invalidates its own guard, so that it cannot be applied twice. Then nothing else of the stored item
    /// needs to be compared.
    #[inline]
    pub fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// The version that the write relies on.
    pub(super) fn guard(&self) -> Option<Condition> {
        self.guard.clone()
    }

    /// What tells the write's own item from that of another write.
    pub(super) fn proof(&self) -> Option<Box<Proof>> {
        let is_empty = self.proof.version.is_none() && self.proof.mark.is_none();
        (!is_empty).then(|| Box::new(self.proof.clone()))
    }

    fn number(&mut self, version: &Managed, number: i128) {
        let json = format!(r#"{{"N":"{number}"}}"#).into_bytes();
        self.push(version, json);
    }

    fn push(&mut self, one: &Managed, json: Vec<u8>) {
        let field = one.field;
        self.values.push(ManagedValue { field, json });
    }

    /// Sets the time of this write, and with it what proves that the item is its own.
    fn stamp(&mut self, purposes: &Purposes, is_new: bool, now: Instant) -> Result<(), Error> {
        let created_at = purposes.created_at.as_ref().filter(|_| is_new);
        for one in created_at.into_iter().chain(&purposes.updated_at) {
            let json = one.form.json(now);
            if one.form.is_exact() && !clock::may_repeat() {
                self.mark(one, json);
            } else {
                // Another write of the same second may have written the same, or of the same moment of a test's clock.
                self.push(one, json);
            }
        }
        // The last mark wins: unlike a write id, timestamps of two writers can be equal.
        if let Some(write_id) = &purposes.write_id {
            self.mark(write_id, new_write_id()?);
        }
        Ok(())
    }

    /// Writes a value that no other write writes there.
    fn mark(&mut self, one: &Managed, json: Vec<u8>) {
        self.proof.mark = Some((one.name.clone(), json.as_slice().into()));
        self.push(one, json);
    }

    /// Makes the write depend on the version that was read, and on the creation time of the item that had it.
    fn rely(&mut self, rules: &Rules, version: &Managed, stored: &Stored) -> Result<(), Error> {
        let expected = stored.version.json();
        let mut guard = match (&stored.version, expected) {
            (Version::Unknown, _) => return Ok(()),
            (_, Some(expected)) => holds(&version.name, Some(expected)),
            // attribute_not_exists alone also holds for an item that was deleted, and the write would create it again.
            (_, None) => {
                let exists = Condition::exists(Path::new(&rules.partition_key));
                exists.and(&holds(&version.name, None))?
            }
        };
        self.proof.version = Some((version.name.clone(), expected.cloned()));
        if let (Some(created_at), Some(read)) = (&rules.purposes.created_at, &stored.created_at) {
            guard = guard.and(&holds(&created_at.name, Some(read)))?;
            self.proof.created_at = Some((created_at.name.clone(), read.clone()));
        }
        self.guard = Some(guard);
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
