//! Stream models: which of several models a record of a stream belongs to, by its table, its entity, then the templates of its key.

use pydynox_core::stream_record::table_of;
use pydynox_core::unique;
use pydynox_core::wire::{Reader, WireError, text_of};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::connection::settings::Settings;
use crate::exceptions::{malformed, validation_error};
use crate::model::entity::{self, Owner};
use crate::model::key::member;
use crate::model::schema::Schema;

/// A model, and its table as the client names it; None for a model that has no table.
struct Candidate<'py> {
    schema: Bound<'py, Schema>,
    table: Option<String>,
}

/// The models that read the records of an event.
pub(crate) struct StreamModels<'py>(Vec<Candidate<'py>>);

/// What is known about a record before its images are read.
#[derive(Clone, Copy)]
pub(crate) struct Clues<'a> {
    pub(crate) table: Option<&'a str>,
    pub(crate) keys: &'a [u8],
    /// The new image, else the old one.
    pub(crate) image: Option<&'a [u8]>,
}

/// The model of a record.
pub(crate) enum Chosen<'py> {
    Model(Bound<'py, Schema>),
    /// The record has no image, and its key may be that of several models.
    Unclear,
    /// No given model reads this item.
    Foreign,
}

impl<'py> StreamModels<'py> {
    pub(crate) fn new(
        py: Python<'py>,
        schemas: Vec<Bound<'py, Schema>>,
        settings: &Settings,
    ) -> PyResult<Self> {
        let mut candidates = Vec::with_capacity(schemas.len());
        for schema in schemas {
            let table = match schema.get().table(py) {
                Ok(_) => {
                    let table = schema.get().table_in(py, settings)?;
                    Some(table_of(&table).map_or(table.clone(), ToOwned::to_owned))
                }
                Err(_) => None,
            };
            candidates.push(Candidate { schema, table });
        }
        Ok(Self(candidates))
    }

    /// Refuses a table that none of the models has: its stream is connected to the wrong function.
    pub(crate) fn check_table(&self, py: Python<'py>, table: &str) -> PyResult<()> {
        if self.0.iter().any(|candidate| candidate.reads(Some(table))) {
            return Ok(());
        }
        let models: Vec<_> = self.0.iter().map(Candidate::describe).collect();
        let message = format!(
            "the event comes from the table {table:?}, which none of these models has: {}",
            models.join(", ")
        );
        Err(validation_error(py, &message))
    }

    pub(crate) fn choose(&self, py: Python<'py>, clues: Clues<'_>) -> PyResult<Chosen<'py>> {
        let broken = |error: WireError| malformed(py, &error);
        if let [only] = self.0.as_slice()
            && only.has_simple_items(py)
        {
            return Ok(Chosen::Model(only.schema.clone()));
        }
        for candidate in self
            .0
            .iter()
            .filter(|candidate| candidate.reads(clues.table))
        {
            let schema = &candidate.schema;
            let model = schema.get();
            if !has_key(model, clues.keys).map_err(broken)? {
                continue;
            }
            let is_guard = || unique::is_guard(Reader::new(clues.keys)?, &model.item);
            if is_guard().map_err(broken)? {
                return Ok(Chosen::Foreign);
            }
            let Some(image) = clues.image else {
                match by_key(schema, clues.keys)? {
                    Chosen::Foreign => continue,
                    chosen => return Ok(chosen),
                }
            };
            let image = Reader::new(image).map_err(broken)?;
            match entity::owner(schema, &image)? {
                Owner::Other(other) => return Ok(Chosen::Model(other)),
                Owner::Own if model.rules.entities.own.is_some() => {}
                // Without an entity, only the shape of its key distinguishes a model.
                Owner::Own if fits(model, clues.keys).map_err(broken)? => {}
                Owner::Own | Owner::Foreign => continue,
            }
            return Ok(Chosen::Model(schema.clone()));
        }
        Ok(Chosen::Foreign)
    }
}

impl Candidate<'_> {
    /// Whether every item of its table belongs to it.
    fn has_simple_items(&self, py: Python<'_>) -> bool {
        let model = self.schema.get();
        model.templates.is_empty()
            && model.unique.is_empty()
            && model.rules.entities.own.is_none()
            && model.entities.bind(py).is_empty()
    }

    fn reads(&self, table: Option<&str>) -> bool {
        match (table, &self.table) {
            (Some(table), Some(own)) => table == own,
            _ => true,
        }
    }

    fn describe(&self) -> String {
        let name = &self.schema.get().name;
        match &self.table {
            Some(table) => format!("{name} ({table:?})"),
            None => name.to_string(),
        }
    }
}

/// The model of a record without images: of its class and its entities, the only one whose templates fit the key.
fn by_key<'py>(schema: &Bound<'py, Schema>, keys: &[u8]) -> PyResult<Chosen<'py>> {
    let py = schema.py();
    let broken = |error: WireError| malformed(py, &error);
    let mut fitting = Vec::new();
    let is_base =
        schema.get().rules.entities.own.is_none() && !schema.get().entities.bind(py).is_empty();
    if !is_base && fits(schema.get(), keys).map_err(broken)? {
        fitting.push(schema.clone());
    }
    for name in schema.get().entities.bind(py).keys() {
        let name = name.cast_into::<PyString>().map_err(PyErr::from)?;
        if let Some(subclass) = entity::subclass(schema, &name)?
            && !subclass.is(schema)
            && fits(subclass.get(), keys).map_err(broken)?
        {
            fitting.push(subclass);
        }
    }
    Ok(match fitting.len() {
        0 if is_base => Chosen::Unclear,
        0 => Chosen::Foreign,
        1 => fitting.pop().map_or(Chosen::Foreign, Chosen::Model),
        _ => Chosen::Unclear,
    })
}

/// Whether these are the key attributes of a model's table.
fn has_key(model: &Schema, keys: &[u8]) -> Result<bool, WireError> {
    for name in &*model.key_names {
        if member(keys, name)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the texts of a key may have been built by a model's templates.
fn fits(model: &Schema, keys: &[u8]) -> Result<bool, WireError> {
    for field in model.key_fields() {
        let Some(template) = model.template_of(&field.text) else {
            continue;
        };
        let text = text_of(Reader::new(keys)?, &field.attribute_name)?;
        if !text.is_some_and(|text| template.may_have_built(&text)) {
            return Ok(false);
        }
    }
    Ok(true)
}
