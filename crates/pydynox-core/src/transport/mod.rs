//! The transport seam, between the client and what answers its requests: HTTP, the embedded engine or a test's script.

pub mod capture;
mod connection_time;
pub mod credentials;
pub mod endpoint;
pub mod fault;
pub mod http;
pub mod latency;
mod place;
mod progress;
pub mod sigv4;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;

pub use connection_time::{ConnectionTime, ConnectionTimes};
pub use place::{Address, Connections};
pub use progress::Progress;

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
            /// Any other operation, by name.
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

            /// The operation with this name; every name is accepted.
            pub fn from_name(name: &str) -> Self {
                match name {
                    $(stringify!($name) => Self::$name,)+
                    other => Self::Other(Arc::from(other)),
                }
            }

            /// Whether it belongs to `DynamoDB` Streams, a service with hosts and targets of its own.
            pub(crate) fn is_of_streams(&self) -> bool {
                let Self::Other(name) = self else {
                    return false;
                };
                matches!(&**name, "ListStreams" | "DescribeStream" | "GetShardIterator" | "GetRecords")
            }

            /// Whether its answer can hold several items.
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
                    // Every operation of DynamoDB with such a prefix is a read.
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
    // PartiQL can do either; `Intent::Read` is set where a statement only reads.
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

/// A request; cheap to clone, because every attempt sends the same bytes.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// The table's name or ARN, where there is one: an ARN's account may determine where the request goes.
    pub table: Arc<str>,
    /// The JSON body.
    pub body: Bytes,
    /// Where the transport reports that it holds the request back.
    pub progress: Progress,
}

/// An answer, read to its end but not yet interpreted.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that the client reads.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// Whether the body is known to be well-formed JSON; if so, the client does not check it again.
    pub verified: bool,
    /// Whether the connection broke before the body's end; `body` is what arrived.
    pub truncated: bool,
    /// Whether the body exceeds the limit; none of it is kept.
    pub oversized: bool,
    /// Which credentials signed the request, by the transport's numbering.
    pub identity: u64,
    /// Seconds by which the signature's time was ahead of this machine's.
    pub clock: i64,
}

/// A refusal that the transport may be able to repair, because it concerns the transport's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recoverable {
    /// The signature's time does not match the service's.
    Clock {
        /// The answer's `Date`.
        date: Box<str>,
        /// Whether the service names the time as the cause; otherwise it may also be the key.
        certain: bool,
        /// The clock offset of the refused signature: [`Response::clock`]. Another call may have set the clock since.
        signed: i64,
    },
    /// The credentials have expired or are unknown.
    Credentials {
        /// The refused ones: [`Response::identity`].
        identity: u64,
    },
}

/// Whether the state is repaired, so that the same request may now succeed.
pub type Repairing<'a> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>>;

/// How many connections are ready, once they are.
pub type WarmingUp<'a> = Pin<Box<dyn Future<Output = Result<usize, TransportError>> + Send + 'a>>;

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
    /// The service cannot have acted on any of the request.
    NotSent(Failure),
    /// The request was, or may have been, fully sent.
    MaybeSent(Failure),
    /// A pooled connection that had been idle broke before any byte of an answer; the request may have been sent.
    Stale(Failure),
    /// The transport itself refuses permanently, before anything is sent: no credentials, an invalid setting.
    Refused(Error),
}

impl TransportError {
    /// The caller that waited for the answer cancelled before anything was sent.
    pub fn cancelled() -> Self {
        Self::not_sent(FailureKind::Closed, "the call was abandoned")
    }

    /// The service did not act on the request.
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
    /// The kind of failure.
    pub kind: FailureKind,
    /// What happened, as text.
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
    /// No connection could be made: name, route, connect timeout.
    Connect,
    /// The other side cannot be trusted or does not support TLS; a retry would not change that.
    Tls,
    /// The connection was reset.
    Reset,
    /// Nothing arrived for too long.
    Timeout,
    /// The other side, or this client, closed the connection.
    Closed,
    /// The embedded engine itself failed; the same request would fail again, so it is not retried.
    Engine,
}

/// The answer to one request, once available. Dropping it aborts the exchange.
pub type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Something that answers requests: `send(operation, body) -> (status, headers, body)`.
pub trait Transport: Send + Sync + 'static {
    /// Sends one request once. Nothing happens before the exchange is polled or after it is dropped.
    fn send(&self, request: Request) -> Exchange<'_>;

    /// Repairs the state that a refusal reported, if possible.
    fn repair(&self, recoverable: Recoverable) -> Repairing<'_> {
        let _ = recoverable;
        Box::pin(std::future::ready(Ok(false)))
    }

    /// Makes it ready for this many requests at a time: credentials, endpoint and connections. The number that is ready then;
    /// nothing to do for a transport without connections.
    fn warm_up(&self, connections: usize) -> WarmingUp<'_> {
        let _ = connections;
        Box::pin(std::future::ready(Ok(0)))
    }

    /// The connections at this moment; None for a transport without any.
    fn connections(&self) -> Option<Connections> {
        None
    }

    /// Where such a request goes; None if that is not known yet, or nowhere outside this process.
    fn address(&self, operation: &Operation, table: &str) -> Option<Arc<Address>> {
        let _ = (operation, table);
        None
    }

    /// Whether the first poll may run on the caller's thread, outside any runtime.
    fn answers_inline(&self, operation: &Operation) -> bool {
        let _ = operation;
        false
    }

    /// Where requests are noted, if this transport sends none of them: then no keyring may be asked either.
    fn capture(&self) -> Option<&capture::Capture> {
        None
    }
}

#[cfg(test)]
mod tests;
