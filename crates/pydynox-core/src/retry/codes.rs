//! Codes: the service's error codes, and the class and kind that each stands for.

use super::policy::Class;

/// The kinds of error that a code can stand for; their details are read from the body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
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

/// Every code that is more specific than "some other answer of the service".
///
/// Errors are classified by code and never by message, because AWS rewords its messages.
pub(super) const CODES: &[(&str, Class, Meaning)] = &[
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

pub(super) fn look_up(code: &str) -> Option<(Class, Meaning)> {
    CODES
        .iter()
        .find(|(name, ..)| *name == code)
        .map(|(_, class, meaning)| (*class, *meaning))
}
