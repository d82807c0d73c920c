//! Classification: what the outcome of an attempt means.

use std::time::Duration;

use super::body::ErrorBody;
use super::codes::{Meaning, look_up};
use super::policy::Class;
use crate::call::Intent;
use crate::error::{CancellationReason, Error, ErrorKind};
use crate::transport::{Failure, FailureKind, Headers, Recoverable, Response, TransportError};
use crate::wire;

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) class: Class,
    /// The request may have been applied despite the failure.
    pub(crate) ambiguous: bool,
    /// An idle connection broke: an immediate retry on another one is likely to succeed.
    pub(crate) stale: bool,
    /// Nothing was sent at all, so this does not count as an attempt.
    pub(crate) refused: bool,
    /// How long the service asks the client to wait.
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

    /// The deadline passed while the request was in flight, or held back.
    pub(crate) fn at_deadline(error: Error, ambiguous: bool) -> Self {
        let mut failed = Self::new(Class::Final, ambiguous, error);
        // This call has no time left, but the next one may succeed.
        failed.error = failed.error.with_retryable(true);
        failed
    }
}

/// The class of an answer without a known code.
fn class_of_status(status: u16) -> Class {
    match status {
        429 => Class::Throttling,
        408 | 500 | 502 | 503 | 504 => Class::Transient,
        _ => Class::Final,
    }
}

/// Judges an answer: a well-formed success, or the reason why it is not one.
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

/// The possible cause of a refused signature. Wrong keys and a wrong time share a code, unless it names the time.
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
    /// A JSON object, by the cheapest check that is sufficient.
    Sound,
    /// Not what the service sends.
    Foreign,
    /// Larger than the client reads.
    Oversized,
    /// From the service, but damaged in transit.
    Corrupt(&'static str),
}

impl Body {
    /// A checksum decides if there is one, otherwise one structural walk; neither if the transport vouches for the body.
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

    /// A body that neither is JSON nor claims to be comes from an intermediary, not from the service.
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

/// Not retryable: a sender of a body this large would send it again.
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
    // A sender of a redirect or refusal has not forwarded the request; the sender of a failure may have.
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

/// Whether a message adds anything to its code.
fn says_more(message: &str, code: &str) -> bool {
    let rest = message.replace("An error occurred", "").replace(code, "");
    rest.chars().any(char::is_alphanumeric)
}

/// What an error without a message means.
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

/// A transaction is worth another attempt if only conflicts and throttling prevented it.
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

/// Judges a failure that came instead of an answer.
pub(crate) fn judge_transport(error: TransportError) -> Failed {
    match error {
        TransportError::NotSent(failure) => without_answer(failure, false),
        TransportError::MaybeSent(failure) => without_answer(failure, true),
        TransportError::Stale(failure) => Failed {
            stale: true,
            ..without_answer(failure, true)
        },
        TransportError::Refused(error) => {
            // The transport decides whether a later retry helps; an immediate one does not.
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
mod tests;
