//! Legacy: `KeyConditions` in addition to expressions, which DynamoDB allows and the engine does not, as a key condition.

use dynoxide::actions::query::QueryRequest;
use dynoxide::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "AttributeValueList", default)]
    values: Vec<AttributeValue>,
    #[serde(rename = "ComparisonOperator")]
    operator: String,
}

/// Rewrites the key conditions of a request that has a filter or projection too. What is wrong with them is reported by the engine.
pub(super) fn merge(request: &mut QueryRequest) {
    let has_expression =
        request.filter_expression.is_some() || request.projection_expression.is_some();
    if !has_expression || request.key_condition_expression.is_some() {
        return;
    }
    let Some(Value::Object(conditions)) = &request.key_conditions else {
        return;
    };
    let mut parts = Vec::new();
    let mut names = Vec::new();
    let mut values = Vec::new();
    for (place, (attribute, condition)) in conditions.iter().enumerate() {
        let Ok(condition) = Condition::deserialize(condition) else {
            return;
        };
        let (name, first, second) = (
            format!("#pydynox_{place}"),
            format!(":pydynox_{place}"),
            format!(":pydynox_{place}_"),
        );
        let wanted = if condition.operator == "BETWEEN" {
            2
        } else {
            1
        };
        if condition.values.len() != wanted {
            return;
        }
        parts.push(match condition.operator.as_str() {
            "EQ" => format!("{name} = {first}"),
            "LT" => format!("{name} < {first}"),
            "LE" => format!("{name} <= {first}"),
            "GT" => format!("{name} > {first}"),
            "GE" => format!("{name} >= {first}"),
            "BEGINS_WITH" => format!("begins_with({name}, {first})"),
            "BETWEEN" => format!("{name} BETWEEN {first} AND {second}"),
            _ => return,
        });
        names.push((name, attribute.clone()));
        values.extend([first, second].into_iter().zip(condition.values));
    }
    if parts.is_empty() {
        return;
    }
    request.key_conditions = None;
    request.key_condition_expression = Some(parts.join(" AND "));
    request
        .expression_attribute_names
        .get_or_insert_default()
        .extend(names);
    request
        .expression_attribute_values
        .get_or_insert_default()
        .extend(values);
}
