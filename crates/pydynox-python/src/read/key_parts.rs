//! Key parts: the parts of a key that a query is given by name or in order, as conditions on the key.

use pydynox_core::expression::condition::{Comparator, Condition as Tree, Operand};
use pydynox_core::expression::known_part::KnownPart;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::schema::KeyAttribute;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::validation_error;
use crate::model::schema::Schema;
use crate::values::admit::admit;
use crate::values::field::{Field, Role};
use crate::values::{encode, problem};

/// The fields of the key that a query of a model or of an index selects by, and how many of them are the partition key.
pub(crate) fn queried<'a>(
    py: Python<'_>,
    schema: &'a Schema,
    index: Option<&str>,
) -> PyResult<(Vec<KeyAttribute>, Vec<KeyAttribute>, Vec<&'a Field>)> {
    let field = |key: &KeyAttribute| {
        schema
            .by_attribute(&key.attribute_name, usize::MAX)
            .map(|at| schema.field(at))
    };
    let (partition, sort) = match index {
        None => (
            vec![schema.item.partition_key.clone()],
            schema.item.sort_key.iter().cloned().collect(),
        ),
        Some(name) => {
            let index = schema.item.index(name).ok_or_else(|| {
                validation_error(py, &format!("{} has no index {name:?}", schema.name))
            })?;
            (index.partition.to_vec(), index.sort.to_vec())
        }
    };
    let fields = partition.iter().chain(&sort).filter_map(field).collect();
    Ok((partition, sort, fields))
}

pub(crate) fn equality(place: Place, json: Vec<u8>) -> Tree {
    Tree::compare(
        Comparator::Equal,
        Operand::Path(place),
        Operand::Value(json.into()),
    )
}

/// What a query's named parts say about the attributes of its key, and which parts do.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) of_key: Vec<KnownPart>,
    pub(crate) used: Vec<String>,
    /// Parts that follow one that is missing: which, of which attribute, and what is missing there.
    pub(crate) behind: Vec<(String, String)>,
}

impl Parts {
    /// Add what is known of one attribute of the key; nothing if it is not built from others.
    pub(crate) fn of(
        &mut self,
        py: Python<'_>,
        schema: &Schema,
        field: &Field,
        is_partition: bool,
        named: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let Some(template) = schema.template_of(&field.text) else {
            return Ok(());
        };
        let (text, missing) = schema.prefix(py, &field.text, named)?;
        let mut is_behind = false;
        let mut given = false;
        for index in template.sources() {
            let source = schema.field(index);
            is_behind |= missing.as_deref() == Some(&*source.text);
            let Some(value) = named.get_item(&source.public_name)? else {
                continue;
            };
            let name = source.text.to_string();
            // None is the same as no value.
            if !is_behind || value.is_none() {
                given |= !value.is_none();
                if !self.used.contains(&name) {
                    self.used.push(name);
                }
            } else if let Some(missing) = &missing {
                given = true;
                let why = format!(
                    "{}.{} is built from {:?}, and {name} comes after {missing}, which is missing: pass {missing}= too, or filter() by {name}",
                    schema.name,
                    field.text,
                    template.describe(schema)
                );
                self.behind.push((name, why));
            }
        }
        match missing {
            Some(missing) if is_partition && given => {
                return Err(validation_error(
                    py,
                    &format!(
                        "{}.{} is built from {:?}, and a query needs all of it: {missing} is missing",
                        schema.name,
                        field.text,
                        template.describe(schema)
                    ),
                ));
            }
            // Part of a partition key selects no partition, and an empty beginning selects everything.
            Some(_) if is_partition || text.is_empty() => {}
            missing => self.of_key.push(KnownPart {
                attribute_name: field.attribute_name.clone(),
                text: text.into(),
                whole: missing.is_none(),
            }),
        }
        Ok(())
    }

    /// Refuses a part that no attribute of the key uses.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        let lost = |(name, _): &&(String, String)| !self.used.contains(name);
        match self.behind.iter().find(lost) {
            Some((_, why)) => Err(validation_error(py, why)),
            None => Ok(()),
        }
    }
}

/// What the parts say about a table's key, by the models of a collection, which must agree; a part counts as used only if
/// every model uses it.
pub(crate) fn parts_of_all(
    py: Python<'_>,
    models: &[Bound<'_, Schema>],
    fields: &[&Field],
    named: &Bound<'_, PyDict>,
) -> PyResult<Parts> {
    let mut all: Vec<(&Schema, Parts)> = Vec::with_capacity(models.len());
    for model in models {
        all.push((model.get(), parts_of_model(py, model.get(), fields, named)?));
    }
    let Some(((first, mut parts), others)) = all
        .split_first_mut()
        .map(|(first, others)| ((first.0, std::mem::take(&mut first.1)), others))
    else {
        return Ok(Parts::default());
    };
    for (model, other) in others {
        for field in fields {
            let of = |parts: &Parts| {
                let name = &field.attribute_name;
                parts
                    .of_key
                    .iter()
                    .find(|part| part.attribute_name == *name)
                    .cloned()
            };
            let (one, two) = (of(&parts), of(other));
            if one == two {
                continue;
            }
            // Models may differ in parts that the query does not name: then the whole partition is read.
            let is_asked = |schema| names_a_source(schema, field, named);
            if field.role == Role::PartitionKey || is_asked(first) || is_asked(model) {
                return Err(disagreement(py, field, (first, &one), (model, &two)));
            }
            parts
                .of_key
                .retain(|part| part.attribute_name != field.attribute_name);
        }
        parts.used.retain(|name| other.used.contains(name));
    }
    Ok(parts)
}

/// What the parts say about a table's key, by one model of a collection.
fn parts_of_model(
    py: Python<'_>,
    model: &Schema,
    fields: &[&Field],
    named: &Bound<'_, PyDict>,
) -> PyResult<Parts> {
    let mut parts = Parts::default();
    for (position, field) in fields.iter().enumerate() {
        let own = model
            .by_attribute(&field.attribute_name, usize::MAX)
            .map(|at| model.field(at));
        if let Some(own) = own
            && !named.contains(&field.name)?
        {
            parts.of(py, model, own, position == 0, named)?;
        }
    }
    parts.check(py)?;
    Ok(parts)
}

/// Whether a query names an attribute that a key of this model is built from.
fn names_a_source(schema: &Schema, field: &Field, named: &Bound<'_, PyDict>) -> bool {
    let own = schema.by_attribute(&field.attribute_name, usize::MAX);
    let template = own.and_then(|at| schema.template_of(&schema.field(at).text));
    template.is_some_and(|template| {
        template
            .sources()
            .any(|index| named.contains(&schema.field(index).name).unwrap_or(false))
    })
}

/// The error for models that build different keys from the same parts.
fn disagreement(
    py: Python<'_>,
    field: &Field,
    (first, one): (&Schema, &Option<KnownPart>),
    (second, two): (&Schema, &Option<KnownPart>),
) -> PyErr {
    let describe = |part: &Option<KnownPart>| match part {
        None => "no text".to_owned(),
        Some(part) if part.whole => format!("{:?}", part.text),
        Some(part) => format!("{:?} and more", part.text),
    };
    validation_error(
        py,
        &format!(
            "by these parts {} has {} for {}, and {} has {}: query them one by one",
            first.name,
            describe(one),
            field.text,
            second.name,
            describe(two)
        ),
    )
}

/// Requires this value of a key's attribute.
pub(crate) fn equals(
    py: Python<'_>,
    schema: &Schema,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<Tree> {
    let failed = |problem: problem::Problem| field.refuse(py, &schema.name, &problem);
    if value.is_none() {
        return Err(failed(problem::Problem::new(
            "is a key, and a key cannot be None",
        )));
    }
    let value = admit(field.kind.present(), value).map_err(failed)?;
    let mut w = Writer::with_capacity(48);
    encode::write_value(&mut w, field.kind.present(), &value, 0).map_err(failed)?;
    Ok(equality(Place::new(&field.attribute_name), w.into_bytes()))
}
