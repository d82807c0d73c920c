//! Conditions on parts: conditions of a query on attributes that its sort key is built from, as conditions on the key.

use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::part_condition::{Part, PartTest};
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::validation_error;
use crate::model::schema::Schema;
use crate::model::template::Template;
use crate::model::template_part::TemplatePart;
use crate::read::key_parts::Parts;
use crate::values::decode::Decoder;
use crate::values::field::Field;

/// An attribute that a key is built from.
struct Source<'a> {
    /// Its position among the fields.
    position: usize,
    field: &'a Field,
    part: TemplatePart<'a>,
    /// The field that is built from it, and how.
    key: &'a Field,
    template: &'a Template,
}

/// What is asked of a part, with the texts of the values.
type OnPart<'a> = (Source<'a>, Vec<(PartTest, Vec<String>)>);

/// The conditions of a query of one model, those on parts of its sort key replaced. `fields` are those of the sort key; the parts
/// by name are in `named`, and what they say in `parts`.
pub(super) fn on_key(
    py: Python<'_>,
    model: &Schema,
    fields: &[&Field],
    named: &Bound<'_, PyDict>,
    parts: &Parts,
    conditions: &[Tree],
) -> PyResult<Vec<Tree>> {
    let mut on_key: Vec<Tree> = Vec::with_capacity(conditions.len());
    let mut on_parts: Vec<OnPart<'_>> = Vec::new();
    for one in conditions.iter().flat_map(Tree::conjuncts) {
        let Some((part_test, source)) = part_asked(model, fields, one) else {
            on_key.push(one.clone());
            continue;
        };
        check_place(py, model, &source, named)?;
        let texts = texts_of(py, model, &source, &part_test)?;
        let is_same = |(other, _): &&mut OnPart<'_>| other.position == source.position;
        match on_parts.iter_mut().find(is_same) {
            Some((_, all)) => all.push((part_test, texts)),
            None => on_parts.push((source, vec![(part_test, texts)])),
        }
    }
    for (source, part_tests) in on_parts {
        let known_part = parts
            .of_key
            .iter()
            .find(|part| part.attribute_name == source.key.attribute_name);
        let part = Part {
            key: &source.key.attribute_name,
            known_text: known_part.map_or("", |part| &part.text),
            after: source.part.after,
            sorting: source.part.sorting(),
        };
        let condition = part.condition(&part_tests).map_err(|why| {
            let name = &source.field.text;
            let why = format!("{name} {why}; otherwise use filter() by {name}");
            unusable(py, model, &source, &why)
        })?;
        on_key.push(condition);
    }
    Ok(on_key)
}

/// What a condition asks of an attribute that a sort key is built from; None for any other condition.
fn part_asked<'a>(
    model: &'a Schema,
    fields: &[&'a Field],
    condition: &Tree,
) -> Option<(PartTest, Source<'a>)> {
    let part_test = PartTest::of(condition)?;
    if fields
        .iter()
        .any(|field| field.attribute_name == part_test.attribute_name)
    {
        return None;
    }
    let position = model.by_attribute(&part_test.attribute_name, usize::MAX)?;
    let source = fields.iter().find_map(|key| {
        let template = model.template_of(&key.text)?;
        Some(Source {
            position,
            field: model.field(position),
            part: template.part_at(model, position)?,
            key,
            template,
        })
    })?;
    Some((part_test, source))
}

/// Refuses a condition on a part that does not follow what is known.
fn check_place(
    py: Python<'_>,
    model: &Schema,
    source: &Source<'_>,
    named: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let (_, missing) = model.prefix(py, &source.key.text, named)?;
    let name = &source.field.text;
    let why = match missing {
        Some(missing) if missing == **name => return Ok(()),
        _ if named.contains(&source.field.name)? => {
            format!("{name} is given as {name}= and in a condition: leave one of them out")
        }
        Some(missing) => format!(
            "{name} comes after {missing}, which is missing: pass {missing}= too, or filter() by {name}"
        ),
        None => format!("all of it is given already: filter() by {name}"),
    };
    Err(unusable(py, model, source, &why))
}

/// The texts that the values of a condition have in the key.
fn texts_of(
    py: Python<'_>,
    model: &Schema,
    source: &Source<'_>,
    part_test: &PartTest,
) -> PyResult<Vec<String>> {
    let field = source.field;
    let mut texts = Vec::with_capacity(2);
    for json in part_test.values() {
        let value = Reader::new(json)
            .map_err(Into::into)
            .and_then(|mut reader| Decoder::new(py).value(&mut reader, field.kind.present()));
        // What is compared was encoded by the same field, unless raw() was used.
        let value = value.map_err(|_| {
            let what = format!(
                "{}.{} is compared with a value of another type",
                model.name, field.text
            );
            validation_error(py, &what)
        })?;
        let text = source.part.text(&value);
        texts.push(text.map_err(|problem| field.refuse(py, &model.name, &problem))?);
    }
    Ok(texts)
}

fn unusable(py: Python<'_>, model: &Schema, source: &Source<'_>, why: &str) -> PyErr {
    let built = source.template.describe(model);
    validation_error(
        py,
        &format!(
            "{}.{} is built from {built:?}: {why}",
            model.name, source.key.text
        ),
    )
}
