//! Tests of `classify`.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::super::codes::CODES;
use super::*;

fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..Response::default()
    }
}

fn failed(response: Response) -> Failed {
    judge(response, Intent::Plain).unwrap_err()
}

fn coded(status: u16, code: &str) -> Failed {
    failed(response(
        status,
        &format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"m"}}"#),
    ))
}

#[test]
fn what_a_message_says_makes_no_class() {
    let about = "The table's provisioned throughput exceeded; ThrottlingException: slow down, rate exceeded, throttled";
    for (status, code, class) in [
        (400, "ValidationException", Class::Final),
        (400, "AccessDeniedException", Class::Final),
        (400, "ConditionalCheckFailedException", Class::Final),
        (400, "SomethingNewException", Class::Final),
        (500, "InternalServerError", Class::Transient),
    ] {
        let body = format!(r#"{{"__type":"x#{code}","message":"{about}"}}"#);
        let failed = failed(response(status, &body));
        assert_eq!(failed.class, class, "{code}");
        assert!(
            !matches!(failed.error.kind(), ErrorKind::Throttling { .. }),
            "{code}"
        );
    }
    let unnamed = failed(response(400, &format!(r#"{{"message":"{about}"}}"#)));
    assert_eq!(unnamed.class, Class::Final);
    let reasons = format!(
        r#"{{"__type":"x#TransactionCanceledException","message":"{about}","CancellationReasons":[{{"Code":"ValidationError","Message":"{about}"}}]}}"#
    );
    assert_eq!(failed(response(400, &reasons)).class, Class::Final);
}

#[test]
fn the_table_of_codes_is_sorted_and_names_each_once() {
    assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn codes_that_are_throttling_are_classed_so() {
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TransactionInProgressException",
    ] {
        let failed = coded(400, code);
        assert_eq!(failed.class, Class::Throttling, "{code}");
        assert!(!failed.ambiguous && failed.error.retryable(), "{code}");
    }
}

#[test]
fn codes_that_are_transient_are_classed_so() {
    for code in [
        "InternalServerError",
        "InternalFailure",
        "ServiceUnavailable",
        "RequestTimeout",
        "RequestTimeoutException",
        "ReplicatedWriteConflictException",
        "TransactionConflictException",
    ] {
        assert_eq!(coded(400, code).class, Class::Transient, "{code}");
    }
}

#[test]
fn the_service_own_failures_are_ambiguous_whatever_their_status() {
    for (status, code) in [
        (500, "InternalServerError"),
        (400, "InternalFailure"),
        (503, "ServiceUnavailable"),
        (500, "ValidationException"),
    ] {
        assert!(coded(status, code).ambiguous, "{status} {code}");
    }
    assert!(!coded(400, "ValidationException").ambiguous);
    assert!(!coded(400, "TransactionConflictException").ambiguous);
}

#[test]
fn codes_become_kinds_by_one_table() {
    for (code, kind) in [
        ("AccessDeniedException", ErrorKind::AccessDenied),
        (
            "ConditionalCheckFailedException",
            ErrorKind::ConditionFailed { item: None },
        ),
        (
            "DuplicateItemException",
            ErrorKind::ItemAlreadyExists { item: None },
        ),
        ("ExpiredTokenException", ErrorKind::Credentials),
        (
            "IdempotentParameterMismatchException",
            ErrorKind::TransactionTokenReused,
        ),
        ("ResourceInUseException", ErrorKind::Request),
        ("ResourceNotFoundException", ErrorKind::TableNotFound),
        (
            "TransactionConflictException",
            ErrorKind::TransactionConflict,
        ),
        (
            "TransactionCanceledException",
            ErrorKind::TransactionCanceled {
                reasons: Vec::new(),
            },
        ),
        ("ValidationException", ErrorKind::InvalidRequest),
        ("SomethingNewException", ErrorKind::Request),
    ] {
        let error = coded(400, code).error;
        assert_eq!(error.kind(), &kind, "{code}");
        assert_eq!(error.code(), Some(code));
        assert_eq!((error.message(), error.status()), ("m", Some(400)));
    }
}

#[test]
fn an_unknown_code_is_classed_by_its_status() {
    assert_eq!(coded(400, "SomethingNewException").class, Class::Final);
    assert_eq!(coded(503, "SomethingNewException").class, Class::Transient);
    assert_eq!(coded(429, "SomethingNewException").class, Class::Throttling);
}

#[test]
fn a_misleading_message_changes_nothing() {
    let failed = failed(response(
        400,
        r#"{"__type":"x#ValidationException","message":"ThrottlingException: slow down"}"#,
    ));
    assert_eq!(failed.class, Class::Final);
}

#[test]
fn a_failed_guard_means_what_the_caller_intended() {
    let judged = |intent, item: &str| {
        let body = format!(r#"{{"__type":"x#ConditionalCheckFailedException"{item}}}"#);
        judge(response(400, &body), intent)
            .unwrap_err()
            .error
            .kind()
            .clone()
    };
    let stored = r#","Item":{"id":{"S":"a"}}"#;
    let item = Some(Bytes::from_static(br#"{"id":{"S":"a"}}"#));

    assert_eq!(
        judged(Intent::Plain, stored),
        ErrorKind::ConditionFailed { item: item.clone() }
    );
    assert_eq!(
        judged(Intent::Create, stored),
        ErrorKind::ItemAlreadyExists { item: item.clone() }
    );
    assert_eq!(
        judged(Intent::Create, ""),
        ErrorKind::ItemAlreadyExists { item: None }
    );
    assert_eq!(
        judged(Intent::Save, stored),
        ErrorKind::ConditionFailed { item: item.clone() }
    );
    assert_eq!(
        judged(Intent::CreateIf, stored),
        judged(Intent::Create, stored)
    );
    assert_eq!(
        judged(Intent::CreateIf, ""),
        ErrorKind::ConditionFailed { item: None }
    );
    assert_eq!(judged(Intent::Save, ""), ErrorKind::ItemVanished);
    assert_eq!(
        judged(Intent::Existing, stored),
        ErrorKind::ConditionFailed { item }
    );
    assert_eq!(judged(Intent::Existing, ""), ErrorKind::ItemNotFound);
}

#[test]
fn a_transaction_is_retried_only_if_nothing_but_conflicts_and_throttling_stood_in_its_way() {
    let class = |codes: &[&str]| {
        let reasons: Vec<_> = codes
            .iter()
            .map(|code| format!(r#"{{"Code":"{code}"}}"#))
            .collect();
        let body = format!(
            r#"{{"__type":"x#TransactionCanceledException","CancellationReasons":[{}]}}"#,
            reasons.join(",")
        );
        failed(response(400, &body)).class
    };

    assert_eq!(class(&["None", "TransactionConflict"]), Class::Transient);
    assert_eq!(
        class(&["ThrottlingError", "TransactionConflict"]),
        Class::Throttling
    );
    assert_eq!(
        class(&["TransactionConflict", "ProvisionedThroughputExceeded"]),
        Class::Throttling
    );
    assert_eq!(
        class(&["TransactionConflict", "ConditionalCheckFailed"]),
        Class::Final
    );
    assert_eq!(class(&["None"]), Class::Final);
    assert_eq!(class(&[]), Class::Final);
}

#[test]
fn a_success_needs_a_body_that_is_a_json_object() {
    assert!(judge(response(200, r#" {"Item":{}}"#), Intent::Plain).is_ok());
    for body in ["", "[]", "\"x\"", r#"{"Item":{"#, "{}{}", "<html>"] {
        let failed = failed(response(200, body));
        assert_eq!(failed.error.kind(), &ErrorKind::InvalidResponse, "{body}");
        assert_eq!(
            (failed.class, failed.ambiguous),
            (Class::Transient, true),
            "{body}"
        );
    }
}

#[test]
fn a_matching_checksum_spares_the_walk_and_a_wrong_one_condemns_the_body() {
    let with_crc = |crc32| {
        let mut response = response(200, r#"{"Item":{"#);
        response.headers.crc32 = Some(crc32);
        judge(response, Intent::Plain)
    };

    assert!(with_crc(crc32fast::hash(br#"{"Item":{"#)).is_ok());
    assert!(
        with_crc(1)
            .unwrap_err()
            .error
            .message()
            .contains("checksum")
    );
}

#[test]
fn a_checksum_is_checked_on_errors_too() {
    let mut response = response(400, r#"{"__type":"x#ValidationException"}"#);
    response.headers.crc32 = Some(1);

    let failed = failed(response);

    assert_eq!(failed.error.kind(), &ErrorKind::InvalidResponse);
    assert_eq!((failed.class, failed.ambiguous), (Class::Transient, true));
}

#[test]
fn whether_what_was_refused_may_succeed_later_is_the_transports_to_say() {
    for retryable in [false, true] {
        let error = Error::new(ErrorKind::Credentials, "no").with_retryable(retryable);
        let failed = judge_transport(TransportError::Refused(error));
        assert_eq!(failed.error.retryable(), retryable);
        assert!(!failed.class.is_retryable() && !failed.ambiguous);
    }
}

#[test]
fn a_transport_that_vouches_for_its_body_spares_the_walk() {
    let broken = Response {
        verified: true,
        ..response(200, r#"{"Item":{"#)
    };
    assert!(judge(broken, Intent::Plain).is_ok());
}

#[test]
fn an_answer_of_something_in_between_is_classed_by_status_and_named_by_content_type() {
    let html = |status| {
        let mut response = response(status, "<html>Bad gateway</html>");
        response.headers.content_type = Some("text/html".into());
        failed(response)
    };

    for (status, class, ambiguous) in [
        (502, Class::Transient, true),
        (504, Class::Transient, true),
        (408, Class::Transient, true),
        (429, Class::Throttling, false),
        (403, Class::Final, false),
        (404, Class::Final, false),
        (301, Class::Final, false),
    ] {
        let failed = html(status);
        assert_eq!(failed.class, class, "{status}");
        assert_eq!(failed.ambiguous, ambiguous, "{status}");
        assert!(failed.error.to_string().contains("text/html"));
        assert!(
            failed
                .error
                .to_string()
                .contains(&format!("status {status}"))
        );
    }
}

#[test]
fn a_truncated_error_is_transient_and_ambiguous() {
    let failed = failed(response(400, r#"{"__type":"x#Validation"#));
    assert_eq!(failed.error.kind(), &ErrorKind::InvalidResponse);
    assert_eq!((failed.class, failed.ambiguous), (Class::Transient, true));
}

#[test]
fn failures_below_the_seam_become_kinds_by_what_happened_and_whether_it_was_sent() {
    let not_sent = judge_transport(TransportError::not_sent(FailureKind::Connect, "refused"));
    assert_eq!(not_sent.error.kind(), &ErrorKind::ConnectionFailed);
    assert_eq!(
        (not_sent.class, not_sent.ambiguous),
        (Class::Transient, false)
    );

    let late = judge_transport(TransportError::maybe_sent(
        FailureKind::Timeout,
        "nothing for 10 s",
    ));
    assert_eq!(late.error.kind(), &ErrorKind::Timeout);
    assert_eq!((late.class, late.ambiguous), (Class::Transient, true));

    let engine = judge_transport(TransportError::not_sent(FailureKind::Engine, "disk full"));
    assert_eq!(engine.error.kind(), &ErrorKind::Internal);
    assert_eq!((engine.class, engine.ambiguous), (Class::Final, false));

    let stale = judge_transport(TransportError::stale("reset"));
    assert!(stale.stale && stale.ambiguous);
}
