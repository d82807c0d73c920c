//! Conditions on parts: conditions of a query on attributes that its sort key is built from, as conditions on the key.

use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::part_condition::{Part, PartTest};
use pydynox_core::wire::Reader;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::exceptions::validation_error;
use crate::model::schema::Schema;
use crate::model::template::Template;
use crate::read::key_parts::Parts;
use crate::values::decode::Decoder;
use crate::values::field::Field;

/// The field that is a part, the one that is built from it, and what is asked of the part, with the texts of the values.
type OnPart<'a> = (usize, &'a Field, Vec<(PartTest, Vec<String>)>);

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
        let Some((part_test, source, field, template)) = part_asked(model, fields, one) else {
            on_key.push(one.clone());
            continue;
        };
        check_place(py, model, (field, template, source), named)?;
        let texts = texts_of(py, model, template, source, &part_test)?;
        match on_parts.iter_mut().find(|(other, ..)| *other == source) {
            Some((_, _, all)) => all.push((part_test, texts)),
            None => on_parts.push((source, field, vec![(part_test, texts)])),
        }
    }
    for (source, field, part_tests) in on_parts {
        let known_part = parts
            .of_key
            .iter()
            .find(|part| part.attribute_name == field.attribute_name);
        let Some(template) = model.template_of(&field.text) else {
            continue;
        };
        let Some(at) = template.part_at(model, source) else {
            continue;
        };
        let part = Part {
            key: &field.attribute_name,
            known_text: known_part.map_or("", |part| &part.text),
            after: at.after,
            sorting: at.sorting(),
        };
        let condition = part.condition(&part_tests).map_err(|why| {
            let name = &model.field(source).text;
            unusable(
                py,
                model,
                field,
                template,
                &format!("{name} {why}; otherwise use filter() by {name}"),
            )
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
) -> Option<(PartTest, usize, &'a Field, &'a Template)> {
    let part_test = PartTest::of(condition)?;
    if fields
        .iter()
        .any(|field| field.attribute_name == part_test.attribute_name)
    {
        return None;
    }
    let source = model.by_attribute(&part_test.attribute_name, usize::MAX)?;
    fields
        .iter()
        .find_map(|field| {
            let template = model.template_of(&field.text)?;
            template.uses(source).then_some((template, *field))
        })
        .map(|(template, field)| (part_test, source, field, template))
}

/// Refuses a condition on a part that does not follow what is known.
fn check_place(
    py: Python<'_>,
    model: &Schema,
    (field, template, source): (&Field, &Template, usize),
    named: &Bound<'_, PyDict>,
) -> PyResult<()> {
    let (_, missing) = model.prefix(py, &field.text, named)?;
    let name = &model.field(source).text;
    let why = match missing {
        Some(missing) if missing == **name => return Ok(()),
        _ if named.contains(&model.field(source).name)? => {
            format!("{name} is given as {name}= and in a condition: leave one of them out")
        }
        Some(missing) => format!(
            "{name} comes after {missing}, which is missing: pass {missing}= too, or filter() by {name}"
        ),
        None => format!("all of it is given already: filter() by {name}"),
    };
    Err(unusable(py, model, field, template, &why))
}

/// The texts that the values of a condition have in the key.
fn texts_of(
    py: Python<'_>,
    model: &Schema,
    template: &Template,
    source: usize,
    part_test: &PartTest,
) -> PyResult<Vec<String>> {
    let field = model.field(source);
    let Some(part) = template.part_at(model, source) else {
        return Ok(Vec::new());
    };
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
        let text = part.text(&value);
        texts.push(text.map_err(|problem| field.refuse(py, &model.name, &problem))?);
    }
    Ok(texts)
}

fn unusable(
    py: Python<'_>,
    model: &Schema,
    field: &Field,
    template: &Template,
    why: &str,
) -> PyErr {
    let built = template.describe(model);
    validation_error(
        py,
        &format!(
            "{}.{} is built from {built:?}: {why}",
            model.name, field.text
        ),
    )
}
