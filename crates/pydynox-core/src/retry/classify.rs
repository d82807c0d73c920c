//! What an attempt's outcome means: the one table from the service's error codes to classes and kinds.

use std::time::Duration;

use super::body::ErrorBody;
use super::policy::Class;
use crate::call::Intent;
use crate::error::{CancellationReason, Error, ErrorKind};
use crate::transport::{Failure, FailureKind, Headers, Recoverable, Response, TransportError};
use crate::wire;

/// An attempt that was not served.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) class: Class,
    /// The request may have been applied all the same.
    pub(crate) ambiguous: bool,
    /// An idle connection broke: trying again at once on another one is likely to help.
    pub(crate) stale: bool,
    /// Nothing was put on the way at all, so that this was no attempt.
    pub(crate) refused: bool,
    /// How long the service asks us to wait.
    pub(crate) wish: Option<Duration>,
    /// What the transport may be able to repair, after which the same request may succeed.
    pub(crate) recoverable: Option<Recoverable>,
    pub(crate) error: Error,
}

impl Failed {
    fn new(class: Class, ambiguous: bool, error: Error) -> Self {
        let error = error.with_retryable(class.is_retryable());
        Self {
            class,
            ambiguous,
            stale: false,
            refused: false,
            wish: None,
            recoverable: None,
            error,
        }
    }

    /// The deadline came while the request was on its way, or held back.
    pub(crate) fn at_deadline(error: Error, ambiguous: bool) -> Self {
        let mut failed = Self::new(Class::Final, ambiguous, error);
        // No time is left for this call, but the next one may be luckier.
        failed.error = failed.error.with_retryable(true);
        failed
    }
}

/// The kinds of error that a code can stand for; what they carry is read from the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    AccessDenied,
    AlreadyExists,
    ConditionFailed,
    Conflict,
    Credentials,
    InvalidRequest,
    Request,
    TableNotFound,
    Throttling,
    TokenReused,
    TransactionCanceled,
}

/// Every code that means more than "some other answer of the service".
///
/// Decided by code and never by message: AWS rewords its messages.
const CODES: &[(&str, Class, Meaning)] = &[
    ("AccessDeniedException", Class::Final, Meaning::AccessDenied),
    (
        "BandwidthLimitExceeded",
        Class::Throttling,
        Meaning::Throttling,
    ),
    (
        "ConditionalCheckFailedException",
        Class::Final,
        Meaning::ConditionFailed,
    ),
    (
        "DuplicateItemException",
        Class::Final,
        Meaning::AlreadyExists,
    ),
    ("ExpiredTokenException", Class::Final, Meaning::Credentials),
    (
        "IdempotentParameterMismatchException",
        Class::Final,
        Meaning::TokenReused,
    ),
    (
        "IncompleteSignatureException",
        Class::Final,
        Meaning::Credentials,
    ),
    ("InternalFailure", Class::Transient, Meaning::Request),
    ("InternalServerError", Class::Transient, Meaning::Request),
    (
        "InvalidSignatureException",
        Class::Final,
        Meaning::Credentials,
    ),
    (
        "LimitExceededException",
        Class::Throttling,
        Meaning::Throttling,
    ),
    (
        "MissingAuthenticationTokenException",
        Class::Final,
        Meaning::Credentials,
    ),
    (
        "ProvisionedThroughputExceededException",
        Class::Throttling,
        Meaning::Throttling,
    ),
    (
        "ReplicatedWriteConflictException",
        Class::Transient,
        Meaning::Conflict,
    ),
    ("RequestExpired", Class::Final, Meaning::Credentials),
    (
        "RequestLimitExceeded",
        Class::Throttling,
        Meaning::Throttling,
    ),
    ("RequestThrottled", Class::Throttling, Meaning::Throttling),
    (
        "RequestThrottledException",
        Class::Throttling,
        Meaning::Throttling,
    ),
    ("RequestTimeTooSkewed", Class::Final, Meaning::Credentials),
    ("RequestTimeout", Class::Transient, Meaning::Request),
    (
        "RequestTimeoutException",
        Class::Transient,
        Meaning::Request,
    ),
    (
        "ResourceNotFoundException",
        Class::Final,
        Meaning::TableNotFound,
    ),
    (
        "SerializationException",
        Class::Final,
        Meaning::InvalidRequest,
    ),
    ("ServiceUnavailable", Class::Transient, Meaning::Request),
    ("SlowDown", Class::Throttling, Meaning::Throttling),
    (
        "TableNotFoundException",
        Class::Final,
        Meaning::TableNotFound,
    ),
    ("Throttling", Class::Throttling, Meaning::Throttling),
    (
        "ThrottlingException",
        Class::Throttling,
        Meaning::Throttling,
    ),
    (
        "TooManyRequestsException",
        Class::Throttling,
        Meaning::Throttling,
    ),
    (
        "TransactionCanceledException",
        Class::Final,
        Meaning::TransactionCanceled,
    ),
    (
        "TransactionConflictException",
        Class::Transient,
        Meaning::Conflict,
    ),
    (
        "TransactionInProgressException",
        Class::Throttling,
        Meaning::Conflict,
    ),
    (
        "UnrecognizedClientException",
        Class::Final,
        Meaning::Credentials,
    ),
    ("ValidationException", Class::Final, Meaning::InvalidRequest),
];

fn look_up(code: &str) -> Option<(Class, Meaning)> {
    CODES
        .iter()
        .find(|(name, ..)| *name == code)
        .map(|(_, class, meaning)| (*class, *meaning))
}

/// The class of an answer without a code that we know.
fn class_of_status(status: u16) -> Class {
    match status {
        429 => Class::Throttling,
        408 | 500 | 502 | 503 | 504 => Class::Transient,
        _ => Class::Final,
    }
}

/// Judges an answer: a well-formed success, or why it is none.
pub(crate) fn judge(response: Response, intent: Intent) -> Result<Response, Failed> {
    let body = Body::check(&response);
    if response.status == 200 && body == Body::Sound {
        return Ok(response);
    }
    let mut failed = match body {
        Body::Oversized => oversized(&response),
        Body::Corrupt(what) => corrupt(&response, what),
        _ if response.status == 200 => corrupt(&response, "the body is not a JSON object"),
        _ => refusal(&response, intent),
    };
    if let Some(request_id) = response.headers.request_id {
        failed.error = failed.error.with_request_id(request_id);
    }
    failed.recoverable = failed.error.code().and_then(|code| {
        recoverable(
            code,
            (response.identity, response.clock),
            response.headers.date,
        )
    });
    failed.wish = response.headers.retry_after_ms.map(Duration::from_millis);
    failed.error = failed.error.with_status(response.status);
    Err(failed)
}

/// What a refusal of the signature may come from. Wrong keys have the code of a wrong time, unless it is named.
fn recoverable(
    code: &str,
    (identity, signed): (u64, i64),
    date: Option<Box<str>>,
) -> Option<Recoverable> {
    match code {
        "ExpiredTokenException" | "UnrecognizedClientException" => {
            Some(Recoverable::Credentials { identity })
        }
        "InvalidSignatureException" | "RequestExpired" | "RequestTimeTooSkewed" => {
            Some(Recoverable::Clock {
                date: date?,
                certain: code != "InvalidSignatureException",
                signed,
            })
        }
        _ => None,
    }
}

/// Whether the body arrived as it was sent.
#[derive(PartialEq, Eq)]
enum Body {
    /// A JSON object, as far as the cheapest sufficient check says.
    Sound,
    /// Not what the service sends.
    Foreign,
    /// More of it than is read.
    Oversized,
    /// Something of the service that was damaged on its way.
    Corrupt(&'static str),
}

impl Body {
    /// A checksum decides if there is one, else one structural walk; neither if the transport vouches for the body.
    fn check(response: &Response) -> Self {
        if response.oversized {
            return Self::Oversized;
        }
        if response.truncated {
            return Self::Corrupt("the body is truncated");
        }
        if let Some(expected) = response.headers.crc32 {
            if crc32fast::hash(&response.body) != expected {
                return Self::Corrupt("the body does not match its checksum");
            }
        } else if !response.verified && wire::validate(&response.body).is_err() {
            return Self::of_broken_json(response);
        }
        let starts = response
            .body
            .iter()
            .find(|byte| !byte.is_ascii_whitespace());
        if starts == Some(&b'{') {
            Self::Sound
        } else {
            Self::Foreign
        }
    }

    /// What is no JSON and does not say that it is comes from something between us and the service.
    fn of_broken_json(response: &Response) -> Self {
        let claims_json = response
            .headers
            .content_type
            .as_deref()
            .is_none_or(|kind| kind.contains("json"));
        if response.status == 200 || claims_json && !response.body.is_empty() {
            Self::Corrupt("the body is truncated or not JSON")
        } else {
            Self::Foreign
        }
    }
}

fn corrupt(response: &Response, what: &str) -> Failed {
    let message = format!(
        "the response cannot be read: {what}{}",
        content_type(&response.headers)
    );
    Failed::new(
        Class::Transient,
        true,
        Error::new(ErrorKind::InvalidResponse, message),
    )
}

/// Whoever sends so much sends it again the next time.
fn oversized(response: &Response) -> Failed {
    let message = format!(
        "the response is longer than 128 MiB, the most that is read{}; check what is between this client and the service",
        content_type(&response.headers)
    );
    Failed::new(
        Class::Final,
        true,
        Error::new(ErrorKind::InvalidResponse, message),
    )
}

fn refusal(response: &Response, intent: Intent) -> Failed {
    let Ok(mut body) = ErrorBody::read(&response.body) else {
        return unnamed_refusal(response);
    };
    match body.code.take() {
        Some(code) => named_refusal(response, &code, body, intent),
        None => unnamed_refusal(response),
    }
}

fn unnamed_refusal(response: &Response) -> Failed {
    let status = response.status;
    let class = class_of_status(status);
    let kind = if class == Class::Throttling {
        ErrorKind::Throttling {
            reasons: Vec::new(),
        }
    } else {
        ErrorKind::Request
    };
    let message = format!(
        "the response is not from DynamoDB{}; check what is between this client and the service",
        content_type(&response.headers)
    );
    // Who redirects or refuses a request does not pass it on; who answers with a failure may have.
    let definitive = (300..500).contains(&status) && status != 408;
    Failed::new(class, !definitive, Error::new(kind, message))
}

fn content_type(headers: &Headers) -> String {
    match &headers.content_type {
        Some(content_type) => format!(", content type {content_type}"),
        None => String::new(),
    }
}

fn named_refusal(response: &Response, code: &str, mut body: ErrorBody, intent: Intent) -> Failed {
    let (class, meaning) =
        look_up(code).unwrap_or((class_of_status(response.status), Meaning::Request));
    let class = if meaning == Meaning::TransactionCanceled {
        class_of_reasons(&body.cancellation_reasons)
    } else {
        class
    };
    let message = body
        .message
        .take()
        .filter(|message| says_more(message, code))
        .unwrap_or_else(|| unsaid(meaning).to_owned());
    let kind = kind_of(meaning, body, intent);
    // Only a refusal of the client's request is definitive; the service's own failure may come after the write.
    let definitive = (400..500).contains(&response.status) && !is_internal(code);
    Failed::new(
        class,
        !definitive,
        Error::new(kind, message).with_code(code),
    )
}

/// Whether a message says anything that its code does not.
fn says_more(message: &str, code: &str) -> bool {
    let rest = message.replace("An error occurred", "").replace(code, "");
    rest.chars().any(char::is_alphanumeric)
}

/// What an error means that comes without a text.
fn unsaid(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::TokenReused => {
            "this token was used with another request in the last ten minutes: use a new one"
        }
        Meaning::Throttling => "the rate of the table or the account was exceeded",
        Meaning::ConditionFailed => "the condition was false",
        _ => "the service gave no message",
    }
}

fn is_internal(code: &str) -> bool {
    matches!(
        code,
        "InternalServerError" | "InternalFailure" | "ServiceUnavailable"
    )
}

fn kind_of(meaning: Meaning, body: ErrorBody, intent: Intent) -> ErrorKind {
    match meaning {
        Meaning::AccessDenied => ErrorKind::AccessDenied,
        Meaning::AlreadyExists => ErrorKind::ItemAlreadyExists { item: body.item },
        Meaning::ConditionFailed => intent.failed_guard(body.item),
        Meaning::Conflict => ErrorKind::TransactionConflict,
        Meaning::Credentials => ErrorKind::Credentials,
        Meaning::InvalidRequest => ErrorKind::InvalidRequest,
        Meaning::Request => ErrorKind::Request,
        Meaning::TableNotFound => ErrorKind::TableNotFound,
        Meaning::Throttling => ErrorKind::Throttling {
            reasons: body.throttling_reasons,
        },
        Meaning::TokenReused => ErrorKind::TransactionTokenReused,
        Meaning::TransactionCanceled => ErrorKind::TransactionCanceled {
            reasons: body.cancellation_reasons,
        },
    }
}

/// A transaction is worth another attempt if nothing but conflicts and throttling stood in its way.
fn class_of_reasons(reasons: &[CancellationReason]) -> Class {
    let mut class = Class::Final;
    for reason in reasons
        .iter()
        .filter(|reason| !matches!(reason.code.as_str(), "" | "None"))
    {
        match reason.code.as_str() {
            "TransactionConflict" if class == Class::Final => class = Class::Transient,
            "TransactionConflict" => {}
            "ThrottlingError" | "ProvisionedThroughputExceeded" => class = Class::Throttling,
            _ => return Class::Final,
        }
    }
    class
}

/// Judges what came instead of an answer.
pub(crate) fn judge_transport(error: TransportError) -> Failed {
    match error {
        TransportError::NotSent(failure) => without_answer(failure, false),
        TransportError::MaybeSent(failure) => without_answer(failure, true),
        TransportError::Stale(failure) => Failed {
            stale: true,
            ..without_answer(failure, true)
        },
        TransportError::Refused(error) => {
            // Whether it helps to come back later is the transport's to say; trying again at once does not.
            let retryable = error.retryable();
            let mut failed = Failed::new(Class::Final, false, error);
            failed.refused = true;
            failed.error = failed.error.with_retryable(retryable);
            failed
        }
    }
}

fn without_answer(failure: Failure, sent: bool) -> Failed {
    let (class, kind) = match failure.kind {
        FailureKind::Engine => (Class::Final, ErrorKind::Internal),
        FailureKind::Tls => (Class::Final, ErrorKind::ConnectionFailed),
        FailureKind::Timeout if sent => (Class::Transient, ErrorKind::Timeout),
        _ => (Class::Transient, ErrorKind::ConnectionFailed),
    };
    Failed::new(class, sent, Error::new(kind, failure.message))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;

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
}
