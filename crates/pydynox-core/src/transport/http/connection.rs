//! Connections: a request is sent in one write, its answer is read to the end, and the time between bytes is limited.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::framing::{Chunks, Framing, Head, Heads, Malformed};
use super::stream::Stream;
use crate::retry::deadline::poll_until;
use crate::transport::{Failure, FailureKind, Response, TransportError};

/// Capacity for an answer that is not known to be larger.
const BUFFER: usize = 8 * 1024;
/// Capacity for a body is reserved up front to this size; beyond it, as bytes arrive.
const ROOM: usize = 1 << 20;
/// A body up to this size is copied, so that the connection keeps its buffer; a larger body takes the buffer.
const COPIED: usize = 4 * 1024;
/// A body, including its framing, is not read beyond this: the service's largest answer is 16 MB.
const MOST_BODY: u64 = 128 << 20;
/// A request buffer that grew beyond this is not reused.
const KEPT: usize = 64 * 1024;

/// Why an exchange has no answer.
#[derive(Debug)]
pub(super) struct Broken {
    /// No byte of the request was written.
    pub(super) unsent: bool,
    /// No byte of an answer arrived.
    silent: bool,
    failure: Failure,
}

impl Broken {
    /// The connection was already closed.
    pub(super) fn gone() -> Self {
        Self {
            unsent: true,
            silent: true,
            failure: Failure::new(FailureKind::Closed, "the connection was closed before"),
        }
    }

    /// The failure as the transport reports it.
    pub(super) fn judged(self, was_idle: bool) -> TransportError {
        // A timeout does not make an idle connection stale: the service may be working on the request.
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
/// Nothing drives it while it is idle: the task that sends also polls it, so a request and its answer need no second task,
/// and dropping the exchange closes the socket.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// The request in progress.
    request: Vec<u8>,
    written: usize,
    /// Bytes that arrived and are not consumed yet.
    buffer: BytesMut,
    /// Bytes received since the connection was made.
    received: u64,
    patience: Patience,
    reusable: bool,
}

impl Connection {
    pub(super) fn over(stream: Stream) -> Self {
        Self {
            stream,
            request: Vec::with_capacity(1024),
            written: 0,
            buffer: BytesMut::with_capacity(BUFFER),
            received: 0,
            patience: Patience::default(),
            reusable: true,
        }
    }

    /// Whether another request can be sent after an idle period.
    pub(super) fn is_alive(&self) -> bool {
        self.reusable && self.stream.is_quiet()
    }

    /// Whether another request could be sent now.
    pub(super) fn is_reusable(&self) -> bool {
        self.reusable
    }

    /// The buffer for the next request, empty.
    pub(super) fn request(&mut self) -> &mut Vec<u8> {
        self.request.clear();
        &mut self.request
    }

    /// Sends the request in its buffer and reads the answer to the end; `patience` is the longest time between two bytes of the
    /// answer.
    pub(super) async fn exchange(&mut self, patience: Duration) -> Result<Response, Broken> {
        // Until the answer was read to its end: if the exchange is dropped before, the rest of the answer is still to come.
        self.reusable = false;
        self.written = 0;
        let before = self.received;
        self.patience.begin(patience, before);
        let mut heads = Heads::default();
        let head = match poll_fn(|cx| self.poll_head(&mut heads, cx)).await {
            Ok(head) => head,
            Err(failure) => {
                return Err(Broken {
                    // Under TLS a write that fails may have sent part of a record.
                    unsent: self.written == 0 && matches!(self.stream, Stream::Plain(_)),
                    silent: self.received == before,
                    failure,
                });
            }
        };
        let (body, truncated, oversized) = match self.body(head.framing).await {
            Ok(body) => (body, false, false),
            Err(Cut::End(body)) => (body, true, false),
            Err(Cut::Oversized) => (Bytes::new(), false, true),
            Err(Cut::Failure(failure)) => {
                return Err(Broken {
                    unsent: false,
                    silent: false,
                    failure,
                });
            }
        };
        // Bytes after the answer, or a request that was answered early, would mix with the next exchange.
        self.reusable = head.keep_alive
            && !(truncated || oversized)
            && self.written == self.request.len()
            && self.buffer.is_empty();
        if self.request.capacity() > KEPT {
            self.request = Vec::new();
        }
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body,
            truncated,
            oversized,
            ..Response::default()
        })
    }

    /// Writes, and reads to the end of the head. An answer may arrive before the whole request is written.
    fn poll_head(
        &mut self,
        heads: &mut Heads,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, Failure>> {
        let writing = self.poll_write(cx);
        loop {
            if let Some(head) = heads.take(&mut self.buffer).map_err(malformed)? {
                return Poll::Ready(Ok(head));
            }
            match self.poll_read(BUFFER, cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(closed())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(broken(&error))),
                Poll::Pending => break,
            }
        }
        // A service that refuses a request may close before reading it; its answer takes precedence, and nothing follows it.
        if let Poll::Ready(Err(error)) = writing {
            return Poll::Ready(Err(broken(&error)));
        }
        // Writing is limited too: a peer that neither reads nor answers sends no bytes.
        ready!(self.patience.poll(self.received, cx));
        Poll::Ready(Err(self.patience.failure()))
    }

    /// Writes the rest of the request.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.request.len() {
            let rest = &self.request[self.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Reads once, with capacity for this many bytes.
    fn poll_read(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.reserve(room.min(ROOM));
        let count = ready!(pin!(self.stream.read_buf(&mut self.buffer)).poll(cx))?;
        self.received += count as u64;
        Poll::Ready(Ok(count))
    }

    /// Reads more of a body, once.
    async fn more(&mut self, room: usize) -> Result<(), Option<Failure>> {
        poll_fn(|cx| {
            let writing = self.poll_write(cx);
            match self.poll_read(room, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(None)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(_)) = writing {
                return Poll::Ready(Err(None));
            }
            ready!(self.patience.poll(self.received, cx));
            Poll::Ready(Err(Some(self.patience.failure())))
        })
        .await
    }

    async fn body(&mut self, framing: Framing) -> Result<Bytes, Cut> {
        // The head has been consumed, so what is in the buffer is the beginning of the body.
        let most = self.received - self.buffer.len() as u64 + MOST_BODY;
        match framing {
            Framing::Length(length) if length > MOST_BODY => Err(Cut::Oversized),
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                while self.buffer.len() < length {
                    let missing = length - self.buffer.len();
                    if let Err(failure) = self.more(missing).await {
                        return Err(Cut::new(failure, self.buffer.split().freeze()));
                    }
                }
                Ok(self.take(length))
            }
            Framing::Chunked => {
                let mut chunks = Chunks::default();
                loop {
                    if self.received > most {
                        return Err(Cut::Oversized);
                    }
                    let done = chunks.take(&mut self.buffer);
                    if done.map_err(|error| Cut::Failure(malformed(error)))? {
                        return Ok(chunks.into_body());
                    }
                    if let Err(failure) = self.more(BUFFER).await {
                        return Err(Cut::new(failure, chunks.into_body()));
                    }
                }
            }
            Framing::Close => {
                // The end of the connection ends the body; a checksum or the JSON shows whether it is complete.
                loop {
                    match self.more(BUFFER).await {
                        Ok(()) if self.received > most => return Err(Cut::Oversized),
                        Ok(()) => {}
                        Err(None) => return Ok(self.buffer.split().freeze()),
                        Err(Some(failure)) => return Err(Cut::Failure(failure)),
                    }
                }
            }
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        if length > COPIED {
            return self.buffer.split_to(length).freeze();
        }
        let body = Bytes::copy_from_slice(&self.buffer[..length]);
        if length == self.buffer.len() {
            self.buffer.clear();
        } else {
            let _ = self.buffer.split_to(length);
        }
        body
    }
}

/// Why a body is incomplete.
enum Cut {
    /// The connection ended; these bytes arrived before.
    End(Bytes),
    /// The body is longer than the limit.
    Oversized,
    Failure(Failure),
}

impl Cut {
    fn new(failure: Option<Failure>, came: Bytes) -> Self {
        failure.map_or(Self::End(came), Self::Failure)
    }
}

/// The longest time between two bytes of an answer. The connection owns the timer and sets it occasionally, not for every
/// request; see [`Timers`](crate::retry::deadline::Timers).
#[derive(Debug, Default)]
struct Patience {
    length: Duration,
    received: u64,
    end: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Starts waiting.
    fn begin(&mut self, length: Duration, received: u64) {
        self.length = length;
        self.received = received;
        self.end = Instant::now().checked_add(length);
    }

    /// Ready when the time has passed.
    fn poll(&mut self, received: u64, cx: &mut Context<'_>) -> Poll<()> {
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
                "no data arrived for {} s (read_timeout)",
                self.length.as_secs_f64()
            ),
        )
    }
}

fn closed() -> Failure {
    Failure::new(
        FailureKind::Closed,
        "the connection broke: the peer closed it before it responded",
    )
}

fn broken(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Reset, format!("the connection broke: {error}"))
}

fn malformed(Malformed(what): Malformed) -> Failure {
    Failure::new(FailureKind::Closed, format!("the connection broke: {what}"))
}
