//! Tests of stream records: every envelope, and what is not one.

#![allow(clippy::unwrap_used)]

use super::*;

const CHANGE: &str = r#""dynamodb":{"ApproximateCreationDateTime":1479499740,"Keys":{"id":{"N":"101"}},"NewImage":{"id":{"N":"101"},"m":{"S":"new"}},"OldImage":{"id":{"N":"101"},"m":{"S":"old"}},"SequenceNumber":"222","SizeBytes":59,"StreamViewType":"NEW_AND_OLD_IMAGES"}"#;
const ARN: &str = r#""eventSourceARN":"arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2015-06-27T00:48:05.899""#;

fn record(name: &str) -> String {
    format!(
        r#"{{"eventID":"e2","eventName":"{name}","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"us-east-1",{CHANGE},{ARN}}}"#
    )
}

fn only(text: &str) -> (Record, Records) {
    let all = Records::of(text.as_bytes()).unwrap();
    assert_eq!(all.records.len(), 1, "{text}");
    (all.records[0].clone(), all)
}

fn at<'a>(text: &'a str, place: Option<&Place>) -> &'a str {
    place.map_or("-", |place| &text[place.clone()])
}

#[test]
fn an_event_of_lambda_a_list_of_pipes_and_a_single_record_are_read_alike() {
    let one = record("MODIFY");
    for text in [
        format!(r#"{{"Records":[{one}]}}"#),
        format!(" [ {one} ] "),
        one.clone(),
        format!(r#"{{"version":"0","detail-type":"Event from aws:dynamodb","detail":{one}}}"#),
        format!(r#"{{"NextShardIterator":"x","Records":[{one}]}}"#),
    ] {
        let (record, all) = only(&text);
        let change = record.change.clone().unwrap();

        assert_eq!(record.origin, Origin::Stream, "{text}");
        assert_eq!(at(&text, record.sequence_number.as_ref()), "222");
        assert_eq!(at(&text, record.event_id.as_ref()), "e2");
        assert_eq!(all.tables[record.table.unwrap()].as_ref(), "orders");
        assert_eq!(change.event, Event::Modify);
        assert_eq!(at(&text, change.keys.as_ref()), r#"{"id":{"N":"101"}}"#);
        assert!(at(&text, change.new.as_ref()).contains("new"));
        assert!(at(&text, change.old.as_ref()).contains("old"));
        assert_eq!(change.size, Some(59));
        assert_eq!(change.created, Some(1_479_499_740_000_000));
        assert!(!change.by_time_to_live);
    }
}

#[test]
fn only_a_removal_by_the_service_itself_is_one_by_time_to_live() {
    for (name, identity, expected) in [
        (
            "REMOVE",
            r#"{"type":"Service","principalId":"dynamodb.amazonaws.com"}"#,
            true,
        ),
        (
            "REMOVE",
            r#"{"Type":"Service","PrincipalId":"dynamodb.amazonaws.com"}"#,
            true,
        ),
        (
            "MODIFY",
            r#"{"type":"Service","principalId":"dynamodb.amazonaws.com"}"#,
            false,
        ),
        (
            "REMOVE",
            r#"{"type":"User","principalId":"dynamodb.amazonaws.com"}"#,
            false,
        ),
        (
            "REMOVE",
            r#"{"type":"Service","principalId":"replication.dynamodb.amazonaws.com"}"#,
            false,
        ),
        ("REMOVE", "null", false),
    ] {
        let text = format!(
            r#"{{"eventName":"{name}","eventSource":"aws:dynamodb","userIdentity":{identity},{CHANGE}}}"#
        );
        let (record, _) = only(&text);

        assert_eq!(record.change.unwrap().by_time_to_live, expected, "{text}");
    }
}

#[test]
fn a_record_of_kinesis_carries_the_change_in_its_data() {
    for (created, precision, micros) in [
        ("1640276115000", "", 1_640_276_115_000_000),
        (
            "1640276115000123",
            r#","ApproximateCreationDateTimePrecision":"MICROSECOND""#,
            1_640_276_115_000_123,
        ),
        (
            "1640276115000",
            r#","ApproximateCreationDateTimePrecision":"MILLISECOND""#,
            1_640_276_115_000_000,
        ),
        ("1640276115000123", "", 1_640_276_115_000_123),
    ] {
        let payload = format!(
            r#"{{"awsRegion":"us-east-1","eventID":"inner","eventName":"REMOVE","userIdentity":null,"recordFormat":"application/json","tableName":"orders","dynamodb":{{"ApproximateCreationDateTime":{created},"Keys":{{"id":{{"N":"1"}}}},"OldImage":{{"id":{{"N":"1"}}}},"SizeBytes":9{precision}}},"eventSource":"aws:dynamodb"}}"#
        );
        let data = crate::wire::base64::encode(payload.as_bytes());
        let lambda = format!(
            r#"{{"Records":[{{"kinesis":{{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"4959","data":"{data}","approximateArrivalTimestamp":1.5}},"eventSource":"aws:kinesis","eventID":"shardId-0:4959","eventName":"aws:kinesis:record","eventSourceARN":"arn:aws:kinesis:us-east-1:1:stream/s"}}]}}"#
        );
        let pipe = format!(
            r#"[{{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"4959","data":"{data}","approximateArrivalTimestamp":1.5,"eventSource":"aws:kinesis","eventID":"shardId-0:4959","eventName":"aws:kinesis:record"}}]"#
        );
        for text in [lambda, pipe] {
            let (record, all) = only(&text);
            let change = record.change.clone().unwrap();

            assert_eq!(record.origin, Origin::Kinesis);
            assert_eq!(at(&text, record.sequence_number.as_ref()), "4959");
            assert_eq!(all.tables[record.table.unwrap()].as_ref(), "orders");
            assert_eq!(change.event, Event::Remove);
            assert_eq!(change.created, Some(micros));
            assert_eq!(
                record.part(text.as_bytes(), &change.old.unwrap()),
                br#"{"id":{"N":"1"}}"#
            );
        }
    }
}

#[test]
fn a_record_of_kinesis_with_other_data_is_unusable_and_keeps_its_number() {
    for (data, why) in [
        ("!", "not base64"),
        ("eyJhIjo=", "not JSON"),
        ("WzFd", "not a change"),
        ("eyJhIjoxfQ==", "not a change"),
    ] {
        let text = format!(
            r#"{{"Records":[{{"kinesis":{{"sequenceNumber":"1","data":"{data}"}},"eventSource":"aws:kinesis"}}]}}"#
        );
        let (record, _) = only(&text);

        assert_eq!(at(&text, record.sequence_number.as_ref()), "1");
        assert!(record.change.unwrap_err().contains(why), "{data}");
    }
}

#[test]
fn lines_of_exports_tell_what_happened_by_their_images() {
    let text = "{\"Item\":{\"id\":{\"S\":\"a\"}}}\n{\"Metadata\":{\"WriteTimestampMicros\":{\"N\":\"1680109764000000\"}},\"Keys\":{\"id\":{\"S\":\"b\"}},\"OldImage\":{\"id\":{\"S\":\"b\"}},\"NewImage\":{\"id\":{\"S\":\"b\"}}}\n\n{\"Keys\":{\"id\":{\"S\":\"c\"}},\"NewImage\":{}}\n{\"Keys\":{\"id\":{\"S\":\"d\"}}}\n";

    let all = Records::of(text.as_bytes()).unwrap();

    let lines: Vec<_> = all
        .records
        .iter()
        .map(|record| {
            let change = record.change.clone().unwrap();
            (record.origin, change.event, change.created)
        })
        .collect();
    assert_eq!(
        lines,
        [
            (Origin::Export, Event::Insert, None),
            (
                Origin::IncrementalExport,
                Event::Modify,
                Some(1_680_109_764_000_000)
            ),
            (Origin::IncrementalExport, Event::Insert, None),
            (Origin::IncrementalExport, Event::Remove, None),
        ]
    );
    assert_eq!(
        all.records[1].part(
            text.as_bytes(),
            &all.records[1].change.clone().unwrap().keys.unwrap()
        ),
        br#"{"id":{"S":"b"}}"#
    );
}

#[test]
fn what_is_no_event_of_a_table_is_refused_with_its_source() {
    for (text, what) in [
        (
            r#"{"Records":[{"messageId":"1","body":"x","eventSource":"aws:sqs"}]}"#,
            "batch.handler",
        ),
        (
            r#"{"Records":[{"eventSource":"aws:s3","s3":{}}]}"#,
            "aws:s3",
        ),
        (r#"{"version":"2.0","routeKey":"GET /"}"#, "neither Records"),
        (r#"{"Records":[7]}"#, "neither Records"),
        (r#"{"Records":{}}"#, "neither Records"),
        ("7", "neither Records"),
        ("", "not JSON"),
        (r#"{"Records":["#, "not JSON"),
        ("nonsense", "neither Records"),
    ] {
        let refused = Records::of(text.as_bytes()).unwrap_err();

        assert!(refused.to_string().contains(what), "{text}: {refused}");
    }
    assert_eq!(
        Records::of(br#"{"Records":[]}"#).unwrap(),
        Records::default()
    );
}

#[test]
fn a_record_that_lacks_a_part_is_unusable_by_itself() {
    for (text, why) in [
        (r#"{"eventSource":"aws:dynamodb"}"#, "dynamodb"),
        (r#"{"eventSource":"aws:dynamodb","dynamodb":7}"#, "dynamodb"),
        (r#"{"eventName":"INSERT","dynamodb":{}}"#, "Keys"),
        (r#"{"eventName":"INSERT","dynamodb":{"Keys":7}}"#, "maps"),
        (r#"{"eventName":"X","dynamodb":{"Keys":{}}}"#, "eventName"),
        (r#"{"Item":[]}"#, "map"),
        (r#"{"Keys":{},"NewImage":7}"#, "maps"),
    ] {
        let (record, _) = only(text);
        let error = record.change.unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn attributes_differ_by_value_not_by_text() {
    let old = br#"{"a":{"N":"1"},"b":{"SS":["x","y"]},"c":{"S":"1"},"gone":{"BOOL":true}}"#;
    let new = br#"{"b":{"SS":["y","x"]},"a":{"N":"1.0"},"c":{"S":"2"},"d":{"NULL":true}}"#;

    assert_eq!(
        changed(Some(old), Some(new)).unwrap(),
        ["c", "d", "gone"].map(str::to_owned)
    );
    assert_eq!(changed(None, Some(br#"{"a":{"N":"1"}}"#)).unwrap(), ["a"]);
    assert_eq!(changed(Some(br#"{"a":{"N":"1"}}"#), None).unwrap(), ["a"]);
}

#[test]
fn equal_keys_have_one_text() {
    assert_eq!(
        canonical(br#"{"b":{"N":"5.0"}, "a":{"S":"x"}}"#).unwrap(),
        canonical(br#"{"a":{"S":"x"},"b":{"N":"5"}}"#).unwrap()
    );
}

#[test]
fn the_table_of_an_arn_is_that_of_dynamodb() {
    for (arn, table) in [
        (
            "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2020",
            Some("orders"),
        ),
        (
            "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/orders",
            Some("orders"),
        ),
        ("arn:aws:kinesis:eu-west-1:123456789012:stream/orders", None),
        ("orders", None),
    ] {
        assert_eq!(table_of(arn), table);
    }
}
