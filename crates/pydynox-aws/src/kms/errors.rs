//! Errors of KMS: what each of its answers means to a caller.

use std::error::Error as StdError;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use pydynox_core::codec::keyring::cannot_open;
use pydynox_core::error::{Error, ErrorKind};

use crate::failure::{is_of_the_network, one_line};

pub(super) fn odd(operation: &str) -> Error {
    Error::new(
        ErrorKind::InvalidResponse,
        "the response from KMS holds no data key of 32 bytes",
    )
    .with_operation(operation)
}

/// Why KMS failed. If it refuses a wrapped key, the value cannot be opened, and the error gives no further detail.
pub(super) fn failed<E>(operation: &str, key_id: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    // The SDK wraps our error about credentials, which says more than its own text.
    if let Some(own) = own_error(error) {
        return own.clone().with_operation(operation);
    }
    let code = error.code().unwrap_or_default();
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    // A fault of the service, or of a proxy in front of it, under any name: it may pass.
    let is_of_the_service = status.is_some_and(|status| status >= 500);
    let is_of_decrypt = operation == "kms:Decrypt";
    if is_of_decrypt && matches!(code, "InvalidCiphertextException" | "IncorrectKeyException") {
        return cannot_open();
    }
    let (kind, advice, retryable) = match code {
        "AccessDeniedException" => (
            ErrorKind::AccessDenied,
            "check the key's policy and the caller's",
            false,
        ),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => (
            ErrorKind::Credentials,
            "KMS does not accept the credentials",
            false,
        ),
        "NotFoundException" => (
            ErrorKind::Configuration,
            "there is no such key in this account and region",
            false,
        ),
        "DisabledException" | "KMSInvalidStateException" | "InvalidKeyUsageException" => (
            ErrorKind::Configuration,
            "the key must be enabled, symmetric and for encryption",
            false,
        ),
        "ThrottlingException" | "LimitExceededException" => (
            ErrorKind::Throttling {
                reasons: Vec::new(),
            },
            "KMS throttled the calls",
            true,
        ),
        "" if is_of_the_service => (ErrorKind::Request, "KMS failed", true),
        "" => match error {
            SdkError::TimeoutError(_) => (ErrorKind::Timeout, "KMS did not respond in time", true),
            _ => (
                ErrorKind::ConnectionFailed,
                "KMS could not be reached",
                is_of_the_network(error),
            ),
        },
        _ => (
            ErrorKind::Request,
            "KMS refused",
            matches!(
                code,
                "KMSInternalException" | "DependencyTimeoutException" | "KeyUnavailableException"
            ),
        ),
    };
    let cause = match error.message() {
        Some(message) => message.to_owned(),
        None => one_line(error),
    };
    let mut failed = Error::new(kind, format!("the key {key_id}: {advice}: {cause}"))
        .with_operation(operation)
        .with_retryable(retryable || is_of_the_service);
    if !code.is_empty() {
        failed = failed.with_code(code);
    }
    if let Some(status) = status {
        failed = failed.with_status(status);
    }
    if let Some(id) = error.request_id() {
        failed = failed.with_request_id(id);
    }
    failed
}

/// Our own error about the credentials, if that is the cause.
fn own_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(own) = error.downcast_ref::<Error>() {
            return Some(own);
        }
        next = error.source();
    }
    None
}
