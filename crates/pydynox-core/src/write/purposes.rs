//! Purposes: the attributes that pydynox writes itself, what each is for, and how it stores a point in time.

use crate::error::Error;
use crate::expression::action::{Source, Term};
use crate::expression::actions::Actions;
use crate::expression::path::Path;
use crate::id::uuid4;
use crate::time::{Form, Instant};

/// What an attribute means to pydynox in addition to its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Counts the writes of an item.
    Version,
    /// When the item was first written.
    CreatedAt,
    /// When it was last written.
    UpdatedAt,
    /// Names the last write, so that a call can recognize its own item.
    WriteId,
    /// Names the model of the item.
    Entity,
    /// When DynamoDB may delete it; set by the user.
    ExpiresAt,
}

impl Purpose {
    /// The purpose with this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "version" => Some(Self::Version),
            "created_at" => Some(Self::CreatedAt),
            "updated_at" => Some(Self::UpdatedAt),
            "write_id" => Some(Self::WriteId),
            "entity" => Some(Self::Entity),
            "expires_at" => Some(Self::ExpiresAt),
            _ => None,
        }
    }
}

/// An attribute that has a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Zero-based position of the model's field.
    pub field: usize,
    /// The name it is stored under.
    pub name: Box<str>,
    /// How it stores a point in time.
    pub form: Form,
}

/// The attributes of a model that have a purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purposes {
    /// Counts the writes.
    pub version: Option<Managed>,
    /// When an item was first written.
    pub created_at: Option<Managed>,
    /// When it was last written.
    pub updated_at: Option<Managed>,
    /// Names the last write.
    pub write_id: Option<Managed>,
    /// When DynamoDB may delete it.
    pub expires_at: Option<Managed>,
}

impl Purposes {
    /// Those of a model: field, purpose, stored name, and form of a point in time.
    pub fn new<'n>(all: impl IntoIterator<Item = (usize, Purpose, &'n str, Form)>) -> Self {
        let mut purposes = Self::default();
        for (field, purpose, name, form) in all {
            let place = match purpose {
                Purpose::Version => &mut purposes.version,
                Purpose::CreatedAt => &mut purposes.created_at,
                Purpose::UpdatedAt => &mut purposes.updated_at,
                Purpose::WriteId => &mut purposes.write_id,
                Purpose::ExpiresAt => &mut purposes.expires_at,
                // `Entities` handles it, because readers need it too.
                Purpose::Entity => continue,
            };
            let name = name.into();
            *place = Some(Managed { field, name, form });
        }
        purposes
    }

    /// Whether a write has anything to add.
    #[inline]
    pub fn add_anything(&self) -> bool {
        self.version.is_some()
            || self.created_at.is_some()
            || self.updated_at.is_some()
            || self.write_id.is_some()
    }

    /// Makes an update by key write what a write of an instance would; `upsert` means that it may create the item.
    ///
    /// # Errors
    ///
    /// The system provides no random numbers.
    pub fn write_by_key(&self, actions: &mut Actions, upsert: bool) -> Result<(), Error> {
        if !self.add_anything() {
            return Ok(());
        }
        self.write_by_key_at(actions, upsert, Instant::now())
    }

    pub(super) fn write_by_key_at(
        &self,
        actions: &mut Actions,
        upsert: bool,
        now: Instant,
    ) -> Result<(), Error> {
        let value = |json: &[u8]| Source::Value(json.into());
        let or = |one: &Managed, json: &[u8]| {
            Source::IfNotExists(Path::new(&one.name), Box::new(value(json)))
        };
        if let Some(version) = &self.version {
            // if_not_exists: an item that was stored before its class had a version counts as version 0.
            let one = value(br#"{"N":"1"}"#);
            let next = Term::Plus(or(version, br#"{"N":"0"}"#), one);
            actions.set_managed(&version.name, next);
        }
        if let Some(updated_at) = &self.updated_at {
            let now = value(&updated_at.form.json(now));
            actions.set_managed(&updated_at.name, Term::Source(now));
        }
        // Only an upsert can create the item; the time at which an existing one was created is not known here.
        if let Some(created_at) = self.created_at.as_ref().filter(|_| upsert) {
            let first = or(created_at, &created_at.form.json(now));
            actions.set_managed(&created_at.name, Term::Source(first));
        }
        if let Some(write_id) = &self.write_id {
            let id = value(&new_write_id()?);
            actions.set_managed(&write_id.name, Term::Source(id));
        }
        Ok(())
    }
}

/// A name that no other write has.
pub(super) fn new_write_id() -> Result<Vec<u8>, Error> {
    Ok(format!(r#"{{"S":"{:032x}"}}"#, uuid4()?).into_bytes())
}
