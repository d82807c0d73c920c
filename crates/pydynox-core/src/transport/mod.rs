//! The seam between the client and whatever answers its requests: HTTP, the embedded engine, a test's script.

pub mod credentials;
pub mod endpoint;
pub mod fault;
pub mod http;
pub mod latency;
pub mod sigv4;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use bytes::Bytes;

use crate::error::Error;

macro_rules! operations {
    ($($name:ident $access:ident),+ $(,)?) => {
        /// An operation of the `DynamoDB` API.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operation {
            $(
                #[doc = concat!("`", stringify!($name), "`")]
                $name,
            )+
            /// Any other operation, passed through by its name.
            Other(Arc<str>),
        }

        impl Operation {
            /// The name of the operation on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::Other(name) => name,
                }
            }

            /// The operation of this name; every name is accepted.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)+
                    other => Self::Other(Arc::from(other)),
                }
            }

            /// Whether its answer holds items of a kind, as many as there are.
            pub(crate) fn answers_with_several(&self) -> bool {
                matches!(
                    self,
                    Self::Query
                        | Self::Scan
                        | Self::BatchGetItem
                        | Self::TransactGetItems
                        | Self::ExecuteStatement
                        | Self::ExecuteTransaction
                        | Self::BatchExecuteStatement
                )
            }

            /// Whether the operation changes nothing, so that sending it twice is harmless.
            pub fn is_read(&self) -> bool {
                match self {
                    $(Self::$name => operations!(@ $access),)+
                    // Every operation of DynamoDB that starts so is a read.
                    Self::Other(name) => ["Describe", "List", "Get"].iter().any(|verb| name.starts_with(verb)),
                }
            }
        }
    };
    (@ read) => { true };
    (@ write) => { false };
}

operations! {
    GetItem read,
    PutItem write,
    UpdateItem write,
    DeleteItem write,
    Query read,
    Scan read,
    BatchGetItem read,
    BatchWriteItem write,
    TransactGetItems read,
    TransactWriteItems write,
    ExecuteStatement write,
    ExecuteTransaction write,
    BatchExecuteStatement write,
    CreateTable write,
    DescribeTable read,
    UpdateTable write,
    DeleteTable write,
    ListTables read,
    DescribeTimeToLive read,
    UpdateTimeToLive write,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is sent: cheap to clone, because every attempt sends the same bytes.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// The table's name or ARN, where there is one: the account of an ARN may decide where the request goes.
    pub table: Arc<str>,
    /// The JSON body.
    pub body: Bytes,
    /// Where the transport says that it holds the request back.
    pub progress: Progress,
}

/// How far a call is: whether something of its request may have left, and of earlier attempts may have been applied. Shared by who
/// waits for the answer and who sends the request.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    phase: AtomicU8,
    /// An attempt that is over may have been applied.
    doubtful: AtomicBool,
}

/// Nothing of the request leaves before it is released.
const HELD: u8 = 0;
/// What nobody says anything about may have left.
const RELEASED: u8 = 1;
/// Nothing of the request will ever leave.
const CANCELLED: u8 = 2;

impl Progress {
    /// Nothing of the request leaves before [`release`](Self::release).
    pub fn hold(&self) {
        self.step(RELEASED, HELD);
    }

    /// From now on something of the request may leave; false where the call was cancelled and it must not.
    #[must_use]
    pub fn release(&self) -> bool {
        self.step(HELD, RELEASED) != CANCELLED
    }

    /// Whether nothing of the request has left.
    pub fn is_held(&self) -> bool {
        self.0.phase.load(Ordering::Acquire) != RELEASED
    }

    /// Gives the call up; true if nothing of it can have been applied, nor will be.
    pub fn cancel(&self) -> bool {
        self.step(HELD, CANCELLED) != RELEASED && !self.0.doubtful.load(Ordering::Acquire)
    }

    /// An attempt is over, after which the request is held back again.
    pub(crate) fn attempted(&self, ambiguous: bool) {
        if ambiguous {
            self.0.doubtful.store(true, Ordering::Release);
        }
        self.hold();
    }

    /// Goes from one phase to another; the phase before.
    fn step(&self, from: u8, to: u8) -> u8 {
        self.0
            .phase
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|other| other)
    }
}

/// What came back, read to its end but not yet judged.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that the client looks at.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// The body is known to be well-formed JSON; the client does not walk it again.
    pub verified: bool,
    /// The connection broke before the body's end; `body` is what came.
    pub truncated: bool,
    /// The body is longer than is read; nothing of it is kept.
    pub oversized: bool,
    /// Which credentials signed the request, as the transport counts them.
    pub identity: u64,
    /// Seconds by which the signature's time was ahead of this machine's.
    pub clock: i64,
}

/// What a refusal says about the transport's own state, which the transport may be able to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recoverable {
    /// The signature's time is not the service's.
    Clock {
        /// The answer's `Date`.
        date: Box<str>,
        /// The service says that it is the time; otherwise it may be the key as well.
        certain: bool,
        /// How the refused request was signed: [`Response::clock`]. Another call may have set the clock since.
        signed: i64,
    },
    /// The credentials have ended or are not known.
    Credentials {
        /// Which they were: [`Response::identity`].
        identity: u64,
    },
}

/// Whether it is repaired, so that the same request may succeed now.
pub type Repairing<'a> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>>;

/// The headers of an answer that matter to the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// `x-amzn-RequestId`
    pub request_id: Option<Box<str>>,
    /// `Content-Type`
    pub content_type: Option<Box<str>>,
    /// `x-amz-crc32`: checksum of the body.
    pub crc32: Option<u32>,
    /// `x-amz-retry-after`: milliseconds before the next attempt.
    pub retry_after_ms: Option<u64>,
    /// `Date`, as the service wrote it.
    pub date: Option<Box<str>>,
}

/// Why there is no answer, and whether the request may have reached the service.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// Not one byte of the request can have been acted upon.
    NotSent(Failure),
    /// The request was, or may have been, fully sent.
    MaybeSent(Failure),
    /// A pooled connection that had been idle broke before any byte of an answer; the request may have been sent.
    Stale(Failure),
    /// The transport refuses by itself and for good, before anything is sent: no credentials, a wrong setting.
    Refused(Error),
}

impl TransportError {
    /// Whoever waited for the answer gave up before anything was sent.
    pub fn cancelled() -> Self {
        Self::not_sent(FailureKind::Closed, "the call was abandoned")
    }

    /// Nothing of the request was acted upon.
    pub fn not_sent(kind: FailureKind, message: impl Into<Box<str>>) -> Self {
        Self::NotSent(Failure::new(kind, message))
    }

    /// The request may have reached the service.
    pub fn maybe_sent(kind: FailureKind, message: impl Into<Box<str>>) -> Self {
        Self::MaybeSent(Failure::new(kind, message))
    }

    /// A pooled, idle connection was reset before any byte of an answer.
    pub fn stale(message: impl Into<Box<str>>) -> Self {
        Self::Stale(Failure::new(FailureKind::Reset, message))
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(failure) | Self::MaybeSent(failure) | Self::Stale(failure) => {
                failure.fmt(f)
            }
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransportError {}

/// What happened below the seam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of thing happened.
    pub kind: FailureKind,
    /// What happened, in words.
    pub message: Box<str>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The kinds of failure below the seam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection could be made: name, route, connect time-out.
    Connect,
    /// The other side cannot be trusted, or speaks no TLS; it will not be another the next time.
    Tls,
    /// The connection was reset.
    Reset,
    /// Nothing came for too long.
    Timeout,
    /// The other side, or this client, closed the connection.
    Closed,
    /// The embedded engine failed by itself; the same request fails again, so it is not sent again.
    Engine,
}

/// The answer to one request, when it is there. Dropping it aborts the exchange.
pub type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Something that answers requests: `send(operation, body) -> (status, headers, body)`.
pub trait Transport: Send + Sync + 'static {
    /// Sends one request once. Nothing happens before the exchange is polled, and nothing after it is dropped.
    fn send(&self, request: Request) -> Exchange<'_>;

    /// Repairs what a refusal told of, if it can.
    fn repair(&self, recoverable: Recoverable) -> Repairing<'_> {
        let _ = recoverable;
        Box::pin(std::future::ready(Ok(false)))
    }

    /// Whether the first poll may run on the caller's thread, outside of any runtime.
    fn answers_inline(&self, operation: &Operation) -> bool {
        let _ = operation;
        false
    }
}

#[cfg(test)]
mod tests;
