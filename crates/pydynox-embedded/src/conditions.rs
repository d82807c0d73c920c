//! Conditions: the older form, by attribute and comparison operator, refused where DynamoDB refuses its values.

use dynoxide::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

use crate::gate::{is_greater, type_name};

/// Refuses `Expected`, `QueryFilter` or `ScanFilter` for the types or the order of the values in it.
pub(crate) fn check(conditions: Option<&Value>) -> Result<(), String> {
    let Some(Value::Object(conditions)) = conditions else {
        return Ok(());
    };
    for condition in conditions.values() {
        let (Some(operator), Some(Value::Array(list))) = (
            condition.get("ComparisonOperator").and_then(Value::as_str),
            condition.get("AttributeValueList"),
        ) else {
            continue;
        };
        // The engine refuses anything else.
        let values: Option<Vec<AttributeValue>> = list
            .iter()
            .map(|value| AttributeValue::deserialize(value).ok())
            .collect();
        if let Some(values) = values {
            check_values(operator, &values)?;
        }
    }
    Ok(())
}

fn check_values(operator: &str, values: &[AttributeValue]) -> Result<(), String> {
    let invalid = |why: &str| Err(format!("One or more parameter values were invalid: {why}"));
    let scalars: &[&str] = match operator {
        "LE" | "LT" | "GE" | "GT" | "BETWEEN" | "CONTAINS" | "NOT_CONTAINS" | "IN" => {
            &["S", "N", "B"]
        }
        "BEGINS_WITH" => &["S", "B"],
        _ => return Ok(()),
    };
    let kinds: Vec<_> = values.iter().map(type_name).collect();
    if let Some(kind) = kinds.iter().find(|kind| !scalars.contains(kind)) {
        return invalid(&format!(
            "ComparisonOperator {operator} is not valid for {kind} AttributeValue type"
        ));
    }
    if kinds.windows(2).any(|two| two[0] != two[1]) {
        return invalid("AttributeValues inside AttributeValueList must be of same type");
    }
    match values {
        [low, high] if operator == "BETWEEN" && is_greater(low, high) => {
            Err("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound".to_owned())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    /// Alternator's tests of `Expected` and of `QueryFilter`, which run against AWS.
    #[test]
    fn values_that_an_operator_does_not_take_are_refused() {
        let verdict = |operator: &str, values: Value| {
            check(Some(
                &json!({"a": {"ComparisonOperator": operator, "AttributeValueList": values}}),
            ))
        };
        for (operator, values, words) in [
            (
                "LE",
                json!([{"L": []}]),
                "ComparisonOperator LE is not valid for L",
            ),
            (
                "GT",
                json!([{"BOOL": true}]),
                "ComparisonOperator GT is not valid for BOOL",
            ),
            (
                "BEGINS_WITH",
                json!([{"N": "3"}]),
                "BEGINS_WITH is not valid for N",
            ),
            (
                "CONTAINS",
                json!([{"L": [{"N": "1"}]}]),
                "CONTAINS is not valid for L",
            ),
            (
                "NOT_CONTAINS",
                json!([{"M": {}}]),
                "NOT_CONTAINS is not valid for M",
            ),
            (
                "BETWEEN",
                json!([{"NS": ["1"]}, {"NS": ["2"]}]),
                "BETWEEN is not valid for NS",
            ),
            (
                "BETWEEN",
                json!([{"S": "a"}, {"N": "3"}]),
                "must be of same type",
            ),
            (
                "IN",
                json!([{"S": "a"}, {"N": "3"}]),
                "must be of same type",
            ),
            (
                "BETWEEN",
                json!([{"N": "10"}, {"N": "9"}]),
                "lower bound is greater",
            ),
            (
                "BETWEEN",
                json!([{"S": "dog"}, {"S": "aardvark"}]),
                "lower bound is greater",
            ),
        ] {
            let refusal = verdict(operator, values).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
        for (operator, values) in [
            ("EQ", json!([{"L": []}])),
            ("BETWEEN", json!([{"N": "9"}, {"N": "10"}])),
            ("CONTAINS", json!([{"N": "1"}])),
            ("IN", json!([{"S": "a"}, {"S": "b"}])),
            ("NULL", json!([])),
        ] {
            assert!(verdict(operator, values).is_ok(), "{operator}");
        }
        assert!(check(None).is_ok());
    }
}
