//! Query: read the items of one partition, in the order of their sort keys.

use super::read_request::{self, Selection};
use crate::error::Error;
use crate::wire::Writer;

/// Begins the body, which every page shares; [`read_request::finish`] ends it.
///
/// # Errors
///
/// An expression is longer than `DynamoDB` accepts.
pub fn begin(writer: &mut Writer, table: &str, selection: &Selection<'_>) -> Result<(), Error> {
    read_request::begin(writer, table, selection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::read_request::PageRequest;
    use super::super::tests::written;
    use super::*;
    use crate::expression::condition::{Comparator, Condition, Operand};
    use crate::expression::key_condition::KeyCondition;
    use crate::expression::path::Path;
    use crate::expression::projection::Projection;

    fn compare(comparator: Comparator, name: &str, json: &str) -> Condition {
        let value = Operand::Value(json.as_bytes().into());
        Condition::compare(comparator, Operand::Path(Path::new(name)), value)
    }

    #[test]
    fn one_allocator_names_what_all_expressions_share() {
        let key = compare(Comparator::Equal, "status", r#"{"S":"open"}"#);
        let key = KeyCondition::undeclared(&[key], 1).unwrap();
        let filter = compare(Comparator::Greater, "total", r#"{"N":"5"}"#);
        let projection = Projection::new(&[Path::new("name")], &["status", "id"]);
        let selection = Selection {
            index: Some("by_status"),
            key_condition: Some(&key),
            filter: Some(&filter),
            projection: Some(&projection),
            descending: true,
            consistent_read: true,
            capacity: true,
            count: false,
        };

        let body = written(|writer| {
            begin(writer, "orders", &selection).unwrap();
            let page = PageRequest {
                limit: Some(20),
                after: Some(br#"{"id":{"S":"x"}}"#),
                segment: None,
            };
            read_request::finish(writer, page);
        });

        assert_eq!(
            body,
            r##"{"TableName":"orders","IndexName":"by_status","KeyConditionExpression":"#0 = :0","FilterExpression":"#1 > :1","ProjectionExpression":"#2,#0,id","ExpressionAttributeNames":{"#0":"status","#1":"total","#2":"name"},"ExpressionAttributeValues":{":0":{"S":"open"},":1":{"N":"5"}},"ScanIndexForward":false,"ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL","Limit":20,"ExclusiveStartKey":{"id":{"S":"x"}}}"##
        );
    }

    #[test]
    fn what_is_counted_has_no_projection() {
        let key = compare(Comparator::Equal, "id", r#"{"S":"a"}"#);
        let key = KeyCondition::undeclared(&[key], 1).unwrap();
        let projection = Projection::new(&[Path::new("x")], &[]);
        let selection = Selection {
            key_condition: Some(&key),
            projection: Some(&projection),
            count: true,
            ..Selection::default()
        };

        let body = written(|writer| {
            begin(writer, "t", &selection).unwrap();
            read_request::finish(writer, PageRequest::default());
        });

        assert_eq!(
            body,
            r#"{"TableName":"t","KeyConditionExpression":"id = :0","ExpressionAttributeValues":{":0":{"S":"a"}},"Select":"COUNT"}"#
        );
    }

    #[test]
    fn a_filter_that_no_names_make_short_enough_is_refused() {
        let long = "x".repeat(200);
        let key = compare(Comparator::Equal, "id", r#"{"S":"a"}"#);
        let key = KeyCondition::undeclared(&[key], 1).unwrap();
        let mut filter = Condition::not_exists(Path::new(&long));
        for position in 0..139 {
            let other = Condition::not_exists(Path::new(&format!("{long}{position}")));
            filter = filter.and(&other).unwrap();
        }
        let selection = Selection {
            key_condition: Some(&key),
            filter: Some(&filter),
            ..Selection::default()
        };

        let error = begin(&mut Writer::with_capacity(64), "t", &selection).unwrap_err();

        assert!(
            error.to_string().contains("the filter is longer"),
            "{error}"
        );
    }
}
