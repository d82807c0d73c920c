//! Tap: the connection that hyper reads and writes; it remembers the last head and drops a client that does not read.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Method;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// The largest head that the server reads.
pub(super) const LARGEST_HEAD: usize = 64 << 10;

/// The bytes received since the last answer, up to the size of a head.
#[derive(Clone, Default)]
pub(super) struct LastHead(Arc<Mutex<Vec<u8>>>);

impl LastHead {
    /// Whether the head of this method's request contains a `Content-Length`. Also true if it cannot be told: the client did not
    /// wait for the last answer.
    pub(super) fn has_length(&self, method: &Method) -> bool {
        let bytes = self.lock();
        let Some(end) = memmem::find(&bytes, b"\r\n\r\n") else {
            return true;
        };
        let head = &bytes[..end];
        !head.starts_with(method.as_str().as_bytes())
            || head.split(|byte| *byte == b'\n').any(|line| {
                let name = line.split(|byte| *byte == b':').next().unwrap_or(line);
                name.trim_ascii().eq_ignore_ascii_case(b"content-length")
            })
    }

    fn add(&self, bytes: &[u8]) {
        let mut head = self.lock();
        let room = LARGEST_HEAD.saturating_sub(head.len());
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that remembers the last head and waits for its reader no longer than `patience`.
pub(super) struct Tap {
    stream: TcpStream,
    head: LastHead,
    patience: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl Tap {
    pub(super) fn new(stream: TcpStream, head: LastHead, patience: Duration) -> Self {
        Self {
            stream,
            head,
            patience,
            stuck: None,
        }
    }

    /// The result of a write, unless it has been stuck for too long.
    fn within_patience<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.head.add(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // An answer begins: what is read after it belongs to the next request.
        self.head.clear();
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_patience(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.head.clear();
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_patience(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
