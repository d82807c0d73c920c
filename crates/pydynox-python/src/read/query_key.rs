//! Query keys: the key condition of a query of a model, from values by position, conditions, and values by name.

use pydynox_core::expression::condition::Condition as Tree;
use pydynox_core::expression::key_condition::{KeyCondition, QueriedKey};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::exceptions::{raise, suggestion, validation_error};
use crate::model::checks::check_owners;
use crate::model::condition::Condition;
use crate::model::schema::Schema;
use crate::read::key_parts::{Parts, equals, parts_of_all, queried};
use crate::read::part_conditions::on_key;
use crate::values::field::Field;

/// The attributes of a key: how many of them are the partition key, and all of them in order.
type KeyFields<'a> = (usize, &'a [&'a Field]);

/// The key condition of a query of a model or of one of its indexes. `values` are values of the partition key, then conditions;
/// `named` are values by name. `models` are those of a collection, which know what its keys are built from.
pub(super) fn key_condition(
    schema: &Bound<'_, Schema>,
    index: Option<&str>,
    what: &str,
    (values, named): (&Bound<'_, PyTuple>, &Bound<'_, PyDict>),
    models: Option<Vec<Bound<'_, Schema>>>,
) -> PyResult<KeyCondition> {
    let py = schema.py();
    let model = schema.get();
    let (partition, sort, fields) = queried(py, model, index)?;
    // None stands for a condition that was left out.
    let by_position = values
        .iter()
        .take_while(|value| !value.is_instance_of::<Condition>() && !value.is_none())
        .count();
    let is_of_one = models.is_none();
    let parts = match models {
        Some(models) if by_position == 0 => parts_of_all(py, &models, &fields, named)?,
        // A partition key that is passed by value is complete: no model has to build it.
        Some(_) => Parts::default(),
        None => parts_of_one(model, (partition.len(), &fields), by_position, named)?,
    };
    let mut conditions = Vec::with_capacity(2);
    add_values(
        &mut conditions,
        model,
        (partition.len(), &fields),
        what,
        values,
    )?;
    add_named(&mut conditions, model, &fields, what, (named, &parts.used))?;
    // An attribute of the key that the model does not declare is not among the fields.
    let is_of_sort = |field: &&Field| {
        sort.iter()
            .any(|key| key.attribute_name == field.attribute_name)
    };
    let of_sort = fields
        .iter()
        .position(is_of_sort)
        .map_or(&[][..], |at| &fields[at..]);
    let is_built = |field: &&Field| model.template_of(&field.text).is_some();
    if is_of_one && of_sort.iter().any(is_built) {
        conditions = on_key(py, model, of_sort, named, &parts, &conditions)?;
    }
    let key = QueriedKey {
        what,
        partition: &partition,
        sort: &sort,
    };
    KeyCondition::new(key, &conditions, &parts.of_key).map_err(|error| raise(py, &error))
}

/// What named parts say about the key of one model, if its attributes are not given themselves.
fn parts_of_one(
    model: &Schema,
    (partition, fields): KeyFields<'_>,
    by_position: usize,
    named: &Bound<'_, PyDict>,
) -> PyResult<Parts> {
    let py = named.py();
    let mut parts = Parts::default();
    for (position, field) in fields.iter().enumerate() {
        let is_partition = position < partition;
        let is_given = is_partition && by_position > position;
        if !is_given && !named.contains(&field.name)? {
            parts.of(py, model, field, is_partition, named)?;
        }
    }
    parts.check(py)?;
    Ok(parts)
}

/// Values of the partition key, then conditions.
fn add_values(
    conditions: &mut Vec<Tree>,
    model: &Schema,
    (partition, fields): KeyFields<'_>,
    what: &str,
    values: &Bound<'_, PyTuple>,
) -> PyResult<()> {
    let py = values.py();
    let mut given = 0;
    for value in values.iter() {
        if let Ok(condition) = value.cast::<Condition>() {
            check_owners(condition, model)?;
            conditions.push(condition.get().tree.clone());
        } else if given < partition {
            conditions.push(equals(py, model, fields[given], &value)?);
            given += 1;
        } else if !value.is_none() {
            return Err(validation_error(
                py,
                &format!(
                    "a query of {what} takes its partition key by value and conditions after that, such as {}.{} == ...; not {}",
                    model.name,
                    fields.get(given).map_or("age", |field| &field.text),
                    value.repr()?
                ),
            ));
        }
    }
    Ok(())
}

/// What says the same as an argument of another library's query.
fn method_of(argument: &str) -> Option<&'static str> {
    Some(match argument {
        "limit" | "Limit" => ".limit(n)",
        "page_size" => ".page_size(n)",
        "scan_index_forward" | "ScanIndexForward" | "descending" | "reverse" => ".descending()",
        "filter_condition" | "filter" | "FilterExpression" => ".filter(...)",
        "last_evaluated_key" | "exclusive_start_key" | "ExclusiveStartKey" => ".after(cursor)",
        "timeout" => ".timeout(seconds)",
        "attributes_to_get" | "ProjectionExpression" => ".select(...)",
        "consistent_read" | "ConsistentRead" => ".consistent_read()",
        _ => return None,
    })
}

/// Values by name; `sources` are names that the key is built from, which were used already.
fn add_named(
    conditions: &mut Vec<Tree>,
    model: &Schema,
    fields: &[&Field],
    what: &str,
    (named, sources): (&Bound<'_, PyDict>, &[String]),
) -> PyResult<()> {
    let py = named.py();
    for (name, value) in named.iter() {
        let text = name.to_string();
        if sources.contains(&text) {
            continue;
        }
        let Some(field) = fields.iter().find(|field| *field.text == *text) else {
            let attributes: Vec<&str> = fields.iter().map(|field| &*field.text).collect();
            if let Some(method) = method_of(&text) {
                return Err(validation_error(
                    py,
                    &format!(
                        "a query of {what} takes its key; {text}= is a method of the query: write {method} after query(...)"
                    ),
                ));
            }
            return Err(validation_error(
                py,
                &format!(
                    "a query of {what} takes {} by name, and {text:?} is not one of them: use filter() for other attributes{}",
                    attributes.join(", "),
                    suggestion(&name, &attributes)?
                ),
            ));
        };
        if let Ok(condition) = value.cast::<Condition>() {
            return Err(validation_error(
                py,
                &format!(
                    "{text}= takes a value; pass the condition {} without a name",
                    condition.get().tree
                ),
            ));
        }
        conditions.push(equals(py, model, field, &value)?);
    }
    Ok(())
}
