//! Shields: what a call on a model's items knows about protected attributes, so that values are sealed and opened on the way.

use std::sync::Arc;

use pydynox_core::codec::PlainAttributes;
use pydynox_core::codec::protection::{Protection, Reads, Written};
use pydynox_core::process;
use pydynox_core::wire::{Writer, marks};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::connection::settings::Settings;
use crate::item::write;
use crate::model::entity;
use crate::model::item::Item;
use crate::model::key;
use crate::model::schema::Schema;

/// What a call on a model's items needs for protection; most models have none.
pub(crate) struct Shield {
    reads: Vec<Reads>,
    written: Option<Written>,
}

impl Shield {
    /// For reading items of a model.
    pub(crate) fn reading(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
    ) -> PyResult<Option<Self>> {
        Self::new(settings, schema, |_| Ok(()))
    }

    /// For writing an item.
    pub(crate) fn of_item(settings: &Settings, item: &Item<'_, '_>) -> PyResult<Option<Self>> {
        Self::new(settings, &item.schema, |w| write::write_key(w, item))
    }

    /// For writing the item with this key.
    pub(crate) fn of_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Option<Self>> {
        Self::new(settings, schema, |w| key::write_key(w, schema.get(), key))
    }

    fn new(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        write_key: impl FnOnce(&mut Writer) -> PyResult<()>,
    ) -> PyResult<Option<Self>> {
        let py = schema.py();
        let model = schema.get();
        let entities = model.entities.bind(py);
        let elsewhere = model.encrypted_elsewhere();
        if model.protected.is_none() && entities.is_empty() && elsewhere.is_empty() {
            return Ok(None);
        }
        let table: Option<Arc<str>> = match &model.table(py) {
            Ok(table) => Some(settings.table_named(table).into()),
            Err(_) => None,
        };
        let classes = classes_of(schema)?;
        let mut encrypted = encrypted_by(&classes);
        encrypted.extend(elsewhere);
        let mut reads: Vec<Reads> = classes
            .iter()
            .map(|(entity, of)| Reads {
                table: table.clone(),
                entity: entity.clone(),
                schema: of.get().protected_in(settings),
                plain: plain_attributes(of.get(), &encrypted),
            })
            .collect();
        // A call may read items of several models of one table: each is opened as its own class reads it.
        if let Some(own) = &model.rules.entities.own
            && let Some(last) = reads.last().cloned()
        {
            let entity = (model.rules.entities.attribute.clone(), own.name.clone());
            reads.push(Reads {
                entity: Some(entity),
                ..last
            });
        }
        let opens = |reads: &Reads| reads.schema.is_some() || reads.plain.is_some();
        if !reads.iter().any(opens) {
            return Ok(None);
        }
        let mut w = Writer::with_capacity(64);
        write_key(&mut w)?;
        let written = match model.protected_in(settings) {
            // A read has written no key, and seals nothing.
            Some(schema) if !w.is_empty() => Some(Written {
                schema,
                key: w.into_bytes().into(),
            }),
            _ => None,
        };
        Ok(Some(Self { reads, written }))
    }
}

/// A class that reads items, and the entity that they name: an attribute, and its text.
type Class<'py> = (Option<(Box<str>, Box<str>)>, Bound<'py, Schema>);

/// The classes that read the items of a model: its subclasses by entity, then its own for all others.
fn classes_of<'py>(schema: &Bound<'py, Schema>) -> PyResult<Vec<Class<'py>>> {
    let (py, model) = (schema.py(), schema.get());
    let mut classes = Vec::new();
    for name in model.entities.bind(py).keys().iter() {
        let name = name.cast_into::<PyString>().map_err(PyErr::from)?;
        if let Some(of) = entity::subclass(schema, &name)? {
            let text: String = name.extract()?;
            let entity = (model.rules.entities.attribute.clone(), text.into());
            classes.push((Some(entity), of));
        }
    }
    classes.push((None, schema.clone()));
    Ok(classes)
}

/// By stored name, a class that encrypts the attribute; empty if there is only one class.
fn encrypted_by(classes: &[Class<'_>]) -> Vec<(Box<str>, Box<str>)> {
    if classes.len() < 2 {
        return Vec::new();
    }
    let mut attributes: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (_, of) in classes {
        for field in of.get().fields().filter(|field| field.is_encrypted()) {
            if !attributes
                .iter()
                .any(|(name, _)| *name == field.attribute_name)
            {
                attributes.push((field.attribute_name.clone(), of.get().name.clone()));
            }
        }
    }
    attributes
}

/// The attributes that this class does not encrypt and another class of its table does.
fn plain_attributes(
    of: &Schema,
    encrypted: &[(Box<str>, Box<str>)],
) -> Option<Arc<PlainAttributes>> {
    let is_plain = |name: &str| {
        of.fields()
            .any(|field| *field.attribute_name == *name && !field.is_encrypted())
    };
    let names: Box<[_]> = encrypted
        .iter()
        .filter(|(name, _)| is_plain(name))
        .cloned()
        .collect();
    (!names.is_empty()).then(|| {
        Arc::new(PlainAttributes {
            model: of.name.clone(),
            entity_attribute: of.rules.entities.attribute.clone(),
            names,
        })
    })
}

/// The protection of a call while it is put together.
#[derive(Default)]
pub(crate) struct Shields(Option<Protection>);

impl Shields {
    /// Adds what is known of an item or a model; `body` is its part of the call's body.
    pub(crate) fn add(&mut self, shield: Option<Shield>, body: &mut [u8]) {
        let Some(shield) = shield else {
            return;
        };
        let all = self.0.get_or_insert_default();
        all.reads.extend(shield.reads);
        if let Some(written) = shield.written {
            if !all.writes.is_empty() {
                marks::renumber(body, all.writes.len());
            }
            all.writes.push(written);
        }
    }

    /// What the client passes to the core.
    pub(crate) fn protection(
        self,
        py: Python<'_>,
        settings: &Settings,
    ) -> PyResult<Option<Arc<Protection>>> {
        let Some(mut protection) = self.0 else {
            return Ok(None);
        };
        protection.keys = settings.keys(py)?;
        protection.generation = process::era();
        Ok(Some(Arc::new(protection)))
    }
}

/// The protection for a call that reads items of these models.
pub(crate) fn opening<'a, 'py: 'a>(
    py: Python<'py>,
    settings: &Settings,
    schemas: impl IntoIterator<Item = &'a Bound<'py, Schema>>,
) -> PyResult<Option<Arc<Protection>>> {
    let mut shields = Shields::default();
    for schema in schemas {
        shields.add(Shield::reading(settings, schema)?, &mut []);
    }
    shields.protection(py, settings)
}
