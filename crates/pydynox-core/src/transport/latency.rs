//! A transport that waits before it passes requests on, for tests of cancellation and concurrency.

use std::time::Duration;

use super::{Exchange, Request, Transport, TransportError};
use crate::retry::deadline::Pause;

/// Wraps a transport and waits this long before a request is passed on.
///
/// A request that is cancelled while it waits is never applied.
#[derive(Debug)]
pub struct Latency<T> {
    inner: T,
    delay: Duration,
}

impl<T: Transport> Latency<T> {
    /// A transport that answers as `inner` does, `delay` later.
    pub fn new(inner: T, delay: Duration) -> Self {
        Self { inner, delay }
    }
}

impl<T: Transport> Transport for Latency<T> {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            request.progress.hold();
            Pause::new(self.delay).await;
            if !request.progress.release() {
                return Err(TransportError::cancelled());
            }
            self.inner.send(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use bytes::Bytes;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::transport::{Operation, Progress, Response};

    struct Counter(Arc<AtomicU32>);

    impl Transport for Counter {
        fn send(&self, _request: Request) -> Exchange<'_> {
            Box::pin(async {
                self.0.fetch_add(1, Ordering::Relaxed);
                Ok(Response::default())
            })
        }

        fn answers_inline(&self, _operation: &Operation) -> bool {
            true
        }
    }

    fn slow() -> (Latency<Counter>, Arc<AtomicU32>) {
        let applied = Arc::new(AtomicU32::new(0));
        (
            Latency::new(Counter(applied.clone()), Duration::from_secs(2)),
            applied,
        )
    }

    fn request() -> Request {
        Request {
            operation: Operation::PutItem,
            table: "".into(),
            progress: Progress::default(),
            body: Bytes::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_passed_on_after_the_delay_and_never_inline() {
        let (transport, applied) = slow();
        let begun = Instant::now();

        transport.send(request()).await.unwrap();

        assert_eq!(
            (begun.elapsed(), applied.load(Ordering::Relaxed)),
            (Duration::from_secs(2), 1)
        );
        assert!(!transport.answers_inline(&Operation::GetItem));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_cancelled_while_it_waits_is_never_applied() {
        let (transport, applied) = slow();

        let cut = timeout(Duration::from_secs(1), transport.send(request())).await;

        assert!(cut.is_err());
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(applied.load(Ordering::Relaxed), 0);
    }
}
