//! What an error of the service becomes with us against what the SDK makes of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials as SdkCredentials, Region};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use pydynox_core::Error;
use pydynox_core::call::{Call, Intent, Resend};
use pydynox_core::client::Client;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::error::ErrorKind;
use pydynox_core::transport::{Exchange, Operation, Request, Response, Transport};

/// Gives the SDK the same answer each time and remembers where it asked.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    status: u16,
    body: String,
    uris: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            uris: Arc::default(),
        }
    }

    pub(crate) fn uris(&self) -> Vec<String> {
        self.uris.lock().unwrap().clone()
    }
}

impl HttpClient for Scripted {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.uris.lock().unwrap().push(request.uri().to_owned());
        let mut response = HttpResponse::new(
            self.status.try_into().unwrap(),
            SdkBody::from(self.body.as_str()),
        );
        response
            .headers_mut()
            .insert("x-amzn-requestid", "REQUEST1");
        response
            .headers_mut()
            .insert("content-type", content_type(&self.body));
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn content_type(body: &str) -> &'static str {
    if body.starts_with('<') {
        "text/html"
    } else {
        "application/x-amz-json-1.0"
    }
}

/// The same for us.
struct Ours(u16, String);

impl Transport for Ours {
    fn send(&self, _: Request) -> Exchange<'_> {
        let mut response = Response {
            status: self.0,
            body: Bytes::copy_from_slice(self.1.as_bytes()),
            ..Response::default()
        };
        response.headers.request_id = Some("REQUEST1".into());
        response.headers.content_type = Some(content_type(&self.1).into());
        Box::pin(std::future::ready(Ok(response)))
    }
}

async fn ours(status: u16, body: &str) -> Error {
    let config = ClientConfig {
        max_attempts: 1,
        ..ClientConfig::default()
    };
    let client = Client::new(Arc::new(Ours(status, body.to_owned())), config).unwrap();
    let call = Call {
        operation: Operation::PutItem,
        table: "users".into(),
        body: Bytes::from_static(b"{}"),
        resend: Resend::Always,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: None,
    };
    client.call(call).await.unwrap_err()
}

/// What the SDK makes of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Theirs {
    code: Option<String>,
    message: Option<String>,
    retried: bool,
    variant: Option<&'static str>,
}

async fn theirs(status: u16, body: &str) -> Theirs {
    static BUCKETS: AtomicUsize = AtomicUsize::new(0);
    let http = Scripted::new(status, body);
    // A bucket of tokens for each, lest one test's retries be another's refusals.
    let bucket = format!("test-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SdkCredentials::new("AKID", "secret", None, None, "test"))
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .retry_partition(RetryPartition::new(bucket))
        .http_client(http.clone())
        .build();
    let request = aws_sdk_dynamodb::Client::from_conf(config)
        .put_item()
        .table_name("users")
        .item("id", AttributeValue::S("a".to_owned()));
    let error = request.send().await.unwrap_err();
    let retried = http.uris().len() == 2;
    let error = error.into_service_error();
    Theirs {
        code: error.code().map(str::to_owned),
        message: error.message().map(str::to_owned),
        retried,
        variant: variant(&error),
    }
}

/// The errors that the SDK knows of `PutItem`, by the code of each.
fn variant(error: &PutItemError) -> Option<&'static str> {
    Some(match error {
        PutItemError::ConditionalCheckFailedException(_) => "ConditionalCheckFailedException",
        PutItemError::InternalServerError(_) => "InternalServerError",
        PutItemError::InvalidEndpointException(_) => "InvalidEndpointException",
        PutItemError::ItemCollectionSizeLimitExceededException(_) => {
            "ItemCollectionSizeLimitExceededException"
        }
        PutItemError::ProvisionedThroughputExceededException(_) => {
            "ProvisionedThroughputExceededException"
        }
        PutItemError::ReplicatedWriteConflictException(_) => "ReplicatedWriteConflictException",
        PutItemError::RequestLimitExceeded(_) => "RequestLimitExceeded",
        PutItemError::ResourceNotFoundException(_) => "ResourceNotFoundException",
        PutItemError::ThrottlingException(_) => "ThrottlingException",
        PutItemError::TransactionConflictException(_) => "TransactionConflictException",
        _ => return None,
    })
}

/// Every code of our table, the status that it comes with, and what kind of error it becomes.
const CODES: &[(&str, u16, &str)] = &[
    ("AccessDeniedException", 400, "AccessDenied"),
    ("BandwidthLimitExceeded", 400, "Throttling"),
    ("ConditionalCheckFailedException", 400, "ConditionFailed"),
    ("DuplicateItemException", 400, "ItemAlreadyExists"),
    ("ExpiredTokenException", 400, "Credentials"),
    (
        "IdempotentParameterMismatchException",
        400,
        "TransactionTokenReused",
    ),
    ("IncompleteSignatureException", 400, "Credentials"),
    ("InternalFailure", 500, "Request"),
    ("InternalServerError", 500, "Request"),
    ("InvalidSignatureException", 400, "Credentials"),
    ("LimitExceededException", 400, "Throttling"),
    ("MissingAuthenticationTokenException", 400, "Credentials"),
    ("ProvisionedThroughputExceededException", 400, "Throttling"),
    (
        "ReplicatedWriteConflictException",
        400,
        "TransactionConflict",
    ),
    ("RequestLimitExceeded", 400, "Throttling"),
    ("RequestThrottled", 400, "Throttling"),
    ("RequestThrottledException", 400, "Throttling"),
    ("RequestTimeTooSkewed", 400, "Credentials"),
    ("RequestTimeout", 400, "Request"),
    ("RequestTimeoutException", 400, "Request"),
    ("ResourceNotFoundException", 400, "TableNotFound"),
    ("SerializationException", 400, "InvalidRequest"),
    ("ServiceUnavailable", 503, "Request"),
    ("SlowDown", 400, "Throttling"),
    ("TableNotFoundException", 400, "TableNotFound"),
    ("Throttling", 400, "Throttling"),
    ("ThrottlingException", 400, "Throttling"),
    ("TooManyRequestsException", 400, "Throttling"),
    ("TransactionCanceledException", 400, "TransactionCanceled"),
    ("TransactionConflictException", 400, "TransactionConflict"),
    ("TransactionInProgressException", 400, "TransactionConflict"),
    ("UnrecognizedClientException", 400, "Credentials"),
    ("ValidationException", 400, "InvalidRequest"),
    // Not in our table: the status decides.
    ("ItemCollectionSizeLimitExceededException", 400, "Request"),
    ("UnheardOfException", 400, "Request"),
    ("UnheardOfException", 500, "Request"),
];

/// Codes that we send again and the SDK does not, with the reason.
const RETRIED_BY_US_ALONE: &[(&str, &str)] = &[(
    "TransactionConflictException",
    "another transaction holds the item for a moment; design/semantics.md section 6",
)];

fn kind_name(kind: &ErrorKind) -> String {
    let text = format!("{kind:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn codes_mean_what_they_mean_to_the_sdk() {
    for (code, status, kind) in CODES {
        let body = format!(
            r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"what happened"}}"#
        );

        let (ours, theirs) = (ours(*status, &body).await, theirs(*status, &body).await);

        assert_eq!(ours.code(), theirs.code.as_deref(), "{code}");
        assert_eq!(Some(ours.message()), theirs.message.as_deref(), "{code}");
        assert_eq!(kind_name(ours.kind()), *kind, "{code}");
        assert_eq!(
            (ours.status(), ours.request_id()),
            (Some(*status), Some("REQUEST1")),
            "{code}"
        );
        if let Some(variant) = theirs.variant {
            assert_eq!(variant, *code);
        }
        let alone = RETRIED_BY_US_ALONE.iter().any(|(other, _)| other == code);
        assert_eq!(
            ours.retryable(),
            theirs.retried || alone,
            "{code} {status}: {theirs:?}"
        );
        assert!(
            !(alone && theirs.retried),
            "{code} is no exception any more"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn codes_and_messages_are_read_however_they_are_written() {
    for body in [
        r#"{"__type":"ValidationException","message":"m"}"#,
        r#"{"__type":"com.amazon.coral.validate#ValidationException","Message":"m"}"#,
        r#"{"message":"m","__type":"x#ValidationException"}"#,
        r#"{"__type":"x#ValidationException:http://internal.amazon.com/coral/","message":"m"}"#,
        r#"{"__type":"x#ValidationException"}"#,
        r#"{"__type":"x#ValidationException","message":null}"#,
        r#"{"__type":"x#ValidationException","message":"\u00fc\n\"\ud83d\ude00"}"#,
    ] {
        let (ours, theirs) = (ours(400, body).await, theirs(400, body).await);

        assert_eq!(ours.code(), theirs.code.as_deref(), "{body}");
        // Where the service says nothing, we say that.
        let message = theirs
            .message
            .as_deref()
            .unwrap_or("the service gave no message");
        assert_eq!(ours.message(), message, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_not_the_services_are_retried_as_the_sdk_does() {
    for (status, body) in [
        (500, ""),
        (503, ""),
        (502, "<html>Bad Gateway</html>"),
        (504, "<html>Gateway Timeout</html>"),
        (403, "<html>Forbidden</html>"),
        (404, ""),
    ] {
        let (ours, theirs) = (ours(status, body).await, theirs(status, body).await);

        assert_eq!(ours.retryable(), theirs.retried, "{status} {body:?}");
        assert_eq!(
            (ours.code(), theirs.code),
            (None, None),
            "{status} {body:?}"
        );
        assert_eq!(kind_name(ours.kind()), "Request", "{status} {body:?}");
        assert_eq!(ours.status(), Some(status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_gives_the_stored_item_as_the_sdk_does() {
    let item = r#"{"id":{"S":"a"},"n":{"N":"1"}}"#;
    let body =
        format!(r#"{{"__type":"x#ConditionalCheckFailedException","message":"m","Item":{item}}}"#);

    let error = ours(400, &body).await;
    let ErrorKind::ConditionFailed {
        item: Some(stored_item),
    } = error.kind()
    else {
        panic!("{error:?}");
    };

    assert_eq!(stored_item, item.as_bytes());
    assert_eq!(
        theirs(400, &body).await.variant,
        Some("ConditionalCheckFailedException")
    );
}
