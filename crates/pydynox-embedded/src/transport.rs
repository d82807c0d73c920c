//! Transport: which thread a request runs on, and in which order requests reach the engine.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use pydynox_core::transport::latency::Latency;
use pydynox_core::transport::{
    Exchange, FailureKind, Operation, Request, Response, Transport, TransportError,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::generation::Pass;
use crate::slot::{Desk, Slot};

/// A transport over the engine in this slot.
pub(crate) fn wrap(slot: Arc<Slot>, latency: Option<Duration>) -> Arc<dyn Transport> {
    let embedded = Embedded { slot };
    match latency {
        Some(latency) => Arc::new(Latency::new(embedded, latency)),
        None => Arc::new(embedded),
    }
}

struct Embedded {
    slot: Arc<Slot>,
}

impl Transport for Embedded {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(self.exchange(request))
    }

    fn answers_inline(&self, operation: &Operation) -> bool {
        self.slot
            .desk()
            .is_ok_and(|desk| self.is_quick(desk, operation))
    }
}

impl Embedded {
    /// Whether the request takes microseconds, so that it may run on whichever thread polls it.
    fn is_quick(&self, desk: &Desk, operation: &Operation) -> bool {
        self.slot.source().is_memory()
            && touches_one_item_or_table(operation)
            // A sweep reads whole tables, so the request that starts it must not run inline.
            && !desk.sweeper.is_due()
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let desk = self.slot.desk()?;
        loop {
            let runtime = Handle::try_current().ok();
            // Without a runtime no other thread can run it, so a slow request runs here too.
            if runtime.is_none() || self.is_quick(desk, &request.operation) {
                let _turn = desk.turn.lock().await;
                // Never `wait` here: this thread may hold the GIL, which the thread that forks needs.
                if let Some(_pass) = Pass::try_new() {
                    return desk.answer(&request);
                }
            }
            if let Some(runtime) = runtime {
                return self.run_aside(&runtime, desk, request).await;
            }
            // Another thread is forking. Waiting here could block it if this thread holds the GIL.
            step_aside().await;
        }
    }

    /// Runs the request on a thread that may block. It starts only when its turn has come, so at most one thread waits.
    async fn run_aside(
        &self,
        runtime: &Handle,
        desk: &Arc<Desk>,
        request: Request,
    ) -> Result<Response, TransportError> {
        let turn = desk.turn.clone().lock_owned().await;
        // The slot too: while it exists, a file is closed before a fork.
        let (slot, desk) = (self.slot.clone(), desk.clone());
        let job = runtime.spawn_blocking(move || {
            let (_slot, _turn) = (slot, turn);
            let _pass = Pass::wait();
            desk.answer(&request)
        });
        match AbortOnDrop(job).finished().await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::maybe_sent(
                FailureKind::Closed,
                "the runtime was shut down while the embedded engine was running",
            )),
        }
    }
}

/// What runs inline: item operations on one key, and table administration that moves no items.
fn touches_one_item_or_table(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::GetItem
            | Operation::PutItem
            | Operation::UpdateItem
            | Operation::DeleteItem
            | Operation::CreateTable
            | Operation::DescribeTable
            | Operation::DeleteTable
            | Operation::ListTables
            | Operation::DescribeTimeToLive
            | Operation::UpdateTimeToLive
    )
}

/// A job that does not start if its caller no longer waits.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn finished(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        // A job that has started is not interrupted; it keeps its turn and finishes.
        self.0.abort();
    }
}

/// Pending once, so that the caller continues elsewhere or later.
async fn step_aside() {
    let mut stepped = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
