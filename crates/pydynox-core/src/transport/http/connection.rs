//! One connection: a request goes out in one write, its answer is read to the end, and the time between bytes is bounded.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http_body::Body;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection as Driver, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep_until};

use super::sigv4;
use super::stream::{Socket, Stream};
use crate::retry::deadline::poll_until;
use crate::transport::{Failure, FailureKind, Headers, Response, TransportError};

/// A body is given room at once up to this size; beyond, as it comes.
const ROOM: usize = 1 << 20;

/// A body up to this size is copied: kept as it came, it would keep hyper from using its buffer again.
const COPIED: usize = 4096;

/// How long a connection is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Between two bytes of an answer.
    pub(super) read: Duration,
}

/// Why an exchange has no answer.
#[derive(Debug)]
pub(super) struct Broken {
    /// Not one byte of the request was written.
    pub(super) unsent: bool,
    /// Not one byte of an answer came.
    silent: bool,
    failure: Failure,
}

impl Broken {
    /// The connection was used up before.
    pub(super) fn gone() -> Self {
        Self {
            unsent: true,
            silent: true,
            failure: Failure::new(FailureKind::Closed, "the connection was closed before"),
        }
    }

    /// As the seam says it.
    pub(super) fn judged(self, was_idle: bool) -> TransportError {
        if self.unsent {
            TransportError::NotSent(self.failure)
        } else if was_idle && self.silent && self.failure.kind != FailureKind::Timeout {
            TransportError::Stale(self.failure)
        } else {
            TransportError::MaybeSent(self.failure)
        }
    }
}

/// A connection over which one request at a time is sent.
///
/// Nothing drives it while it is idle: hyper's half of it is polled by whoever sends, so that a request and its answer
/// cost no second task, and dropping the exchange closes the socket.
pub(super) struct Connection {
    socket: Socket,
    sender: SendRequest<Full<Bytes>>,
    driver: Driver<TokioIo<Stream>, Full<Bytes>>,
    patience: Patience,
    ended: bool,
}

impl Connection {
    pub(super) async fn over(socket: Socket, stream: Stream) -> hyper::Result<Self> {
        let (sender, driver) = Builder::new()
            // One buffer, one write: the bodies are small beside what a second slice costs.
            .writev(false)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            socket,
            sender,
            driver,
            patience: Patience::default(),
            ended: false,
        })
    }

    /// Whether another request can be sent after some time of rest.
    pub(super) fn is_alive(&self) -> bool {
        !self.ended && self.sender.is_ready() && self.socket.is_quiet()
    }

    /// Whether another request could be sent now.
    pub(super) fn is_reusable(&self) -> bool {
        !self.ended && self.sender.is_ready()
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn exchange(
        &mut self,
        request: http::Request<Full<Bytes>>,
        limits: Limits,
    ) -> Result<Response, Broken> {
        let before = self.socket.received();
        self.patience.begin(limits.read, before);
        let answered = self.head(request).await;
        let silent = self.socket.received() == before;
        let (head, mut body) = match answered {
            Ok(answer) => answer.into_parts(),
            Err((unsent, failure)) => {
                return Err(Broken {
                    unsent,
                    silent,
                    failure,
                });
            }
        };
        let length = length_of(&head.headers);
        let (bytes, truncated) = match self.body(&mut body, length).await {
            Ok(bytes) => (bytes, false),
            Err((bytes, None)) => (bytes, true),
            Err((_, Some(failure))) => {
                return Err(Broken {
                    unsent: false,
                    silent: false,
                    failure,
                });
            }
        };
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers_of(&head.headers, head.status.is_success()),
            body: bytes,
            truncated,
            ..Response::default()
        })
    }

    /// Polls hyper's half; what ends it is told by the answer, or by its absence.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut self.driver).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    async fn head(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<http::Response<Incoming>, (bool, Failure)> {
        let mut answer = pin!(self.sender.try_send_request(request));
        std::future::poll_fn(|cx| {
            self.drive(cx);
            match answer.as_mut().poll(cx) {
                Poll::Ready(Ok(answer)) => Poll::Ready(Ok(answer)),
                Poll::Ready(Err(mut error)) => {
                    let unsent = error.take_message().is_some();
                    Poll::Ready(Err((unsent, failure_of(error.error()))))
                }
                Poll::Pending => {
                    ready!(self.patience.poll(&self.socket, cx));
                    Poll::Ready(Err((false, self.patience.failure())))
                }
            }
        })
        .await
    }

    /// The whole body; what came of it, if the connection broke before its end.
    async fn body(
        &mut self,
        body: &mut Incoming,
        length: Option<usize>,
    ) -> Result<Bytes, (Bytes, Option<Failure>)> {
        let mut gathered = Gathered::new(length);
        let ended = std::future::poll_fn(|cx| {
            loop {
                let mut polled = Pin::new(&mut *body).poll_frame(cx);
                if polled.is_pending() {
                    // Asking for a frame is what makes the driver read on.
                    self.drive(cx);
                    polled = Pin::new(&mut *body).poll_frame(cx);
                }
                match polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Ok(data) = frame.into_data() {
                            gathered.add(data);
                        }
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(None)),
                    Poll::Ready(None) => {
                        self.drive(cx);
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => {
                        ready!(self.patience.poll(&self.socket, cx));
                        return Poll::Ready(Err(Some(self.patience.failure())));
                    }
                }
            }
        })
        .await;
        match ended {
            Ok(()) => Ok(gathered.take()),
            Err(failure) => Err((gathered.take(), failure)),
        }
    }
}

/// A body as it comes: the first piece is kept as it is, since most bodies come in one.
struct Gathered {
    length: usize,
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    fn new(length: Option<usize>) -> Self {
        Self {
            length: length.unwrap_or_default().min(ROOM),
            first: Bytes::new(),
            rest: BytesMut::new(),
        }
    }

    fn add(&mut self, data: Bytes) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest
                .reserve(self.length.max(self.first.len() + data.len()));
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
    }

    fn take(&mut self) -> Bytes {
        if self.rest.is_empty() && self.first.len() <= COPIED {
            Bytes::copy_from_slice(&self.first)
        } else if self.rest.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.rest).freeze()
        }
    }
}

/// The time that may pass between two bytes of an answer. The timer is the connection's and is set once in a while, not for
/// every request; see [`Timers`](crate::retry::deadline::Timers).
#[derive(Default)]
struct Patience {
    length: Duration,
    received: u64,
    end: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Starts to wait.
    fn begin(&mut self, length: Duration, received: u64) {
        self.length = length;
        self.received = received;
        self.end = Instant::now().checked_add(length);
    }

    /// Ready when it has run out.
    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) -> Poll<()> {
        let received = socket.received();
        if received != self.received {
            self.begin(self.length, received);
        }
        let Some(end) = self.end else {
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
        poll_until(sleep, end, cx)
    }

    fn failure(&self) -> Failure {
        Failure::new(
            FailureKind::Timeout,
            format!(
                "not a byte came for {} s (read_timeout)",
                self.length.as_secs_f64()
            ),
        )
    }
}

fn failure_of(error: &hyper::Error) -> Failure {
    let message = match std::error::Error::source(error) {
        Some(source) => format!("the connection broke: {error}: {source}"),
        None => format!("the connection broke: {error}"),
    };
    let kind = if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        FailureKind::Closed
    } else {
        FailureKind::Reset
    };
    Failure::new(kind, message)
}

fn length_of(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What the client looks at. Of a good answer that is little.
fn headers_of(headers: &HeaderMap, good: bool) -> Headers {
    let text = |name| {
        let value = headers.get(name)?;
        value.to_str().ok().map(Box::from)
    };
    let content_type = headers
        .get(CONTENT_TYPE)
        .filter(|value| value.as_bytes() != sigv4::CONTENT_TYPE.as_bytes())
        .and_then(|value| value.to_str().ok())
        .map(Box::from);
    Headers {
        request_id: headers
            .get("x-amzn-requestid")
            .and_then(|value| value.to_str().ok())
            .map(Box::from),
        content_type,
        crc32: number(headers, "x-amz-crc32"),
        retry_after_ms: if good {
            None
        } else {
            number(headers, "x-amz-retry-after")
        },
        date: if good { None } else { text(DATE) },
    }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
