//! Attributes that are stored encrypted or compressed: what a class says of them, and what a call is told.

use std::sync::Arc;

use pydynox_core::codec::compression::{Compression, is_compressed};
use pydynox_core::codec::envelope::is_envelope;
use pydynox_core::codec::protection::{Protection, Reads, Written};
use pydynox_core::codec::{OnPlaintext, PlainAttributes, ProtectedAttribute, ProtectedSchema};
use pydynox_core::schema::KeyAttribute;
use pydynox_core::wire::{Reader, Tag, WireError, Writer, marks};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::{configuration_error, malformed, validation_error};
use crate::instance::{Instance, schema_of};
use crate::item;
use crate::kind::{Clock, Kind};
use crate::layout::Layout;
use crate::runtime;
use crate::schema::{Field, Schema};
use crate::settings::Settings;

/// How an attribute is protected.
#[derive(Debug)]
pub(crate) struct Protected {
    pub(crate) compression: Option<Compression>,
    pub(crate) encryption: Option<OnPlaintext>,
    /// Whether dumps show it.
    pub(crate) dumps: bool,
}

/// As Python hands it over: None or what becomes of plaintext, `"error"` or `"migrate"`; None or level, threshold and
/// largest size; whether dumps show it.
pub(crate) type Declared = (Option<String>, Option<(i32, usize, usize)>, bool);

impl Protected {
    pub(crate) fn new((encryption, compression, dumps): Declared) -> Self {
        Self {
            compression: compression.map(|(level, threshold, max_size)| Compression {
                level,
                threshold,
                max_size,
            }),
            encryption: encryption.map(|said| match &*said {
                "migrate" => OnPlaintext::Migrate,
                _ => OnPlaintext::Error,
            }),
            dumps,
        }
    }
}

/// The protected attributes of a class as the core knows them; None where there are none.
pub(crate) fn schema_of_fields(
    py: Python<'_>,
    layout: &Layout,
    logical_table: Option<&str>,
    keys: (KeyAttribute, Option<KeyAttribute>),
) -> PyResult<Option<Arc<ProtectedSchema>>> {
    let attribute = |field: &Field| {
        field
            .protected
            .as_ref()
            .map(|protected| ProtectedAttribute {
                attribute_name: field.attribute_name.clone(),
                types: types_of(&field.kind).into(),
                compression: protected.compression.clone(),
                encryption: protected.encryption,
            })
    };
    let attributes: Vec<_> = layout.fields().filter_map(attribute).collect();
    if attributes.is_empty() {
        return Ok(None);
    }
    let name = &layout.name;
    let Some(table) = logical_table else {
        let message = format!(
            "{name} has protected attributes, which are bound to their table: say class {name}(Model[...], table=\"...\") or ModelConfig(logical_table=\"...\")"
        );
        return Err(configuration_error(py, &message));
    };
    ProtectedSchema::new(name, table, keys.0, keys.1, attributes)
        .map(|schema| Some(Arc::new(schema)))
        .map_err(|error| configuration_error(py, error.message()))
}

/// Refuses an item with values that only a client can open.
pub(crate) fn refuse_sealed(schema: &Bound<'_, Schema>, item: &[u8]) -> PyResult<()> {
    let (py, model) = (schema.py(), schema.get());
    let Some(protected) = &model.protected else {
        return Ok(());
    };
    let find = || -> Result<Option<(String, &str)>, WireError> {
        let mut r = Reader::new(item)?;
        r.begin_object()?;
        while let Some(name) = r.next_key()? {
            let name = name.decode()?;
            if protected.find(&name).is_none() {
                r.skip()?;
                continue;
            }
            r.peek()?;
            let start = r.position();
            r.skip()?;
            let mut value = Reader::new(&item[start..r.position()])?;
            if value.begin_value()? != Tag::B {
                continue;
            }
            let bytes = value.binary()?;
            if is_envelope(&bytes) {
                return Ok(Some((name.into_owned(), "encrypted")));
            }
            if is_compressed(&bytes) {
                return Ok(Some((name.into_owned(), "compressed")));
            }
        }
        Ok(None)
    };
    match find().map_err(|error| malformed(py, &error))? {
        None => Ok(()),
        Some((attribute, how)) => {
            let name = &model.name;
            let message = format!(
                "{name}.{attribute} is {how} in this item, which only a client opens: await client.model_from_item({name}, item)"
            );
            Err(validation_error(py, &message))
        }
    }
}

/// The types that values of a kind are stored as, the likeliest first.
fn types_of(kind: &Kind) -> Vec<Tag> {
    match kind {
        Kind::Str
        | Kind::Date
        | Kind::Time
        | Kind::Uuid
        | Kind::Json(_)
        | Kind::Datetime(Clock::Iso) => vec![Tag::S],
        Kind::Int
        | Kind::Float
        | Kind::Decimal
        | Kind::Number
        | Kind::Timedelta
        | Kind::Datetime(_) => vec![Tag::N],
        Kind::Bool => vec![Tag::Bool],
        Kind::Bytes => vec![Tag::B],
        Kind::None => vec![Tag::Null],
        Kind::List(_) | Kind::Tuple(_) | Kind::TupleOf(_) => vec![Tag::L],
        Kind::Dict(_) | Kind::Record(_) | Kind::Pydantic(_) => vec![Tag::M],
        Kind::Set(inner) | Kind::FrozenSet(inner) => match types_of(inner).first() {
            Some(Tag::S) => vec![Tag::Ss],
            Some(Tag::N) => vec![Tag::Ns],
            Some(Tag::B) => vec![Tag::Bs],
            _ => vec![Tag::Ss, Tag::Ns, Tag::Bs],
        },
        Kind::Optional(inner) => {
            let mut types = types_of(inner);
            if !types.contains(&Tag::Null) {
                types.push(Tag::Null);
            }
            types
        }
        Kind::Enum(members) | Kind::Literal(members) => types_of(&members.inner),
        Kind::Codec(codec) => types_of(&codec.inner),
        Kind::Any | Kind::Open => vec![
            Tag::S,
            Tag::M,
            Tag::L,
            Tag::N,
            Tag::Bool,
            Tag::Null,
            Tag::B,
            Tag::Ss,
            Tag::Ns,
            Tag::Bs,
        ],
    }
}

/// Marks what was written from `at` on as the value of a protected attribute.
pub(crate) fn mark(w: &mut Writer, at: usize, field: &Field) {
    let value = w.as_bytes()[at..].to_vec();
    w.truncate(at);
    marks::mark(w, &field.attribute_name, &value);
}

/// A value of a protected attribute, marked.
pub(crate) fn marked(value: &[u8], field: &Field) -> Vec<u8> {
    let mut w = Writer::with_capacity(value.len() + 64);
    marks::mark(&mut w, &field.attribute_name, value);
    w.into_bytes()
}

/// What a call on items of a model is told; most models have nothing to tell.
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

    /// For writing the item of an instance.
    pub(crate) fn of_instance(
        settings: &Settings,
        instance: &Bound<'_, Instance>,
    ) -> PyResult<Option<Self>> {
        let schema = schema_of(instance)?;
        Self::new(settings, &schema, |w| item::write_key(w, instance))
    }

    /// For writing the item with this key.
    pub(crate) fn of_key(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        key: &Bound<'_, PyTuple>,
    ) -> PyResult<Option<Self>> {
        Self::new(settings, schema, |w| {
            crate::write::write_key(w, schema.get(), key)
        })
    }

    fn new(
        settings: &Settings,
        schema: &Bound<'_, Schema>,
        write_key: impl FnOnce(&mut Writer) -> PyResult<()>,
    ) -> PyResult<Option<Self>> {
        let py = schema.py();
        let model = schema.get();
        let entities = model.entities.bind(py);
        if model.protected.is_none() && entities.is_empty() {
            return Ok(None);
        }
        let table: Option<Arc<str>> = match &model.table(py) {
            Ok(table) => Some(settings.table_named(table).into()),
            Err(_) => None,
        };
        let mut classes = Vec::new();
        for (name, of) in entities.iter() {
            // A class whose annotations named what was yet to come may be known by now, as it is where items are decoded.
            let of = match of.cast_into::<Schema>() {
                Ok(of) => of,
                Err(_) => match model
                    .model(py)
                    .call_method1(intern!(py, "_find_entity"), (&name,))?
                    .cast_into()
                {
                    Ok(of) => of,
                    Err(_) => continue,
                },
            };
            let text: String = name.extract()?;
            let entity = (model.entity_attribute.clone(), text.into());
            classes.push((Some(entity), of));
        }
        classes.push((None, schema.clone()));
        let encrypted = encrypted_by(&classes);
        let reads: Vec<Reads> = classes
            .iter()
            .map(|(entity, of)| Reads {
                table: table.clone(),
                entity: entity.clone(),
                schema: of.get().protected_in(settings),
                plain: plain_attributes(of.get(), &encrypted),
            })
            .collect();
        if reads.iter().all(|reads| reads.schema.is_none()) {
            return Ok(None);
        }
        let mut w = Writer::with_capacity(64);
        write_key(&mut w)?;
        let written = match model.protected_in(settings) {
            Some(schema) if !w.is_empty() => Some(Written {
                schema,
                key: w.into_bytes().into(),
            }),
            _ => None,
        };
        Ok(Some(Self { reads, written }))
    }
}

/// By stored name, a class that encrypts the attribute; nothing where there is one class alone.
fn encrypted_by<E>(classes: &[(E, Bound<'_, Schema>)]) -> Vec<(Box<str>, Box<str>)> {
    if classes.len() < 2 {
        return Vec::new();
    }
    let mut found: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (_, of) in classes {
        for field in of.get().fields().filter(|field| field.is_encrypted()) {
            if !found.iter().any(|(name, _)| *name == field.attribute_name) {
                found.push((field.attribute_name.clone(), of.get().name.clone()));
            }
        }
    }
    found
}

/// The attributes that a class does not encrypt, and another one of its table does.
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
            entity_attribute: of.entity_attribute.clone(),
            names,
        })
    })
}

/// What a call is told, as it is put together.
#[derive(Default)]
pub(crate) struct Shields(Option<Protection>);

impl Shields {
    /// Adds what is known of an item or a model; `body` is the piece of the call's body that is about it.
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

    /// What the client tells the core.
    pub(crate) fn protection(
        self,
        py: Python<'_>,
        settings: &Settings,
    ) -> PyResult<Option<Arc<Protection>>> {
        let Some(mut protection) = self.0 else {
            return Ok(None);
        };
        protection.keys = settings.keys(py)?;
        protection.generation = runtime::generation().into();
        Ok(Some(Arc::new(protection)))
    }
}

/// The attributes that were plaintext where they should have been encrypted: the next save encrypts them.
pub(crate) fn unsettle(
    instance: &Bound<'_, Instance>,
    migrated: &[(usize, usize)],
    number: usize,
) -> PyResult<()> {
    if !migrated.iter().any(|(item, _)| *item == number) {
        return Ok(());
    }
    let schema = schema_of(instance)?;
    let mut state = instance.borrow_mut();
    let protected = schema.get().fields().enumerate();
    let protected: Vec<usize> = protected
        .filter(|(_, field)| field.protected.is_some())
        .map(|(index, _)| index)
        .collect();
    let ours = migrated.iter().filter(|(item, _)| *item == number);
    state.unsettle(ours.filter_map(|(_, attribute)| protected.get(*attribute).copied()));
    Ok(())
}
