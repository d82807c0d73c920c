//! The source of a reading's pages: a pager at rest, a page on its way, or segments that are read in parallel.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::call::Answer;
use crate::client::Client;
use crate::codec::{Opened, Sealed};
use crate::error::{Error, ErrorKind};
use crate::pagination::{Closed, Fetched, Opener, Pager, Plan};

/// Where a page that is on its way arrives, with the pager that fetched it.
pub(super) type Ahead = oneshot::Receiver<(Pager, Result<Fetched, Error>)>;

/// Where the next page comes from.
pub(super) enum Source {
    /// No call reads.
    Idle(Pager),
    /// A call reads.
    Busy,
    /// The next page is on its way.
    Ahead(Ahead, AbortHandle),
    /// Segments are read in parallel.
    Segments(mpsc::Receiver<Result<Fetched, Error>>),
    /// Everything was read, or the reading was ended.
    Over,
}

/// What a call returned, and the source to continue with.
pub(super) struct Brought {
    /// None if nothing was requested.
    pub(super) source: Option<Source>,
    pub(super) fetched: Vec<Fetched>,
    /// Rows of pages that had arrived before.
    pub(super) opened: Vec<(Arc<Sealed>, Opened)>,
}

/// Opens rows that had arrived before, and then those that came.
async fn open_rows(
    opener: &mut Opener<'_>,
    closed: &[Closed],
    opened: &mut Vec<(Arc<Sealed>, Opened)>,
    fetched: &mut [Fetched],
) -> Result<(), Error> {
    for rows in closed {
        match opener.open(rows).await? {
            Some(part) => opened.push((rows.sealed.clone(), part)),
            None => return Ok(()),
        }
    }
    for fetched in fetched {
        opener.open_fetched(fetched).await?;
    }
    Ok(())
}

/// Reads on until there are `missing` rows, or no more.
pub(super) async fn bring(
    source: Source,
    client: &Client,
    missing: usize,
    most: Option<usize>,
) -> (Source, Result<Vec<Fetched>, Error>) {
    match source {
        Source::Idle(mut pager) => {
            let fetched = pager.fetch(client, missing, most).await;
            (Source::Idle(pager), fetched.map(|fetched| vec![fetched]))
        }
        Source::Ahead(receiver, task) => match receiver.await {
            // Only a panic drops the sender: a task is aborted only when its reading ends.
            Err(_) => (Source::Over, Err(broken())),
            // A pager that failed has not moved: the next call requests the same page again.
            Ok((pager, Err(error))) => (Source::Idle(pager), Err(error)),
            Ok((mut pager, Ok(first))) => {
                let missing = missing.saturating_sub(first.count as usize);
                let most = most.map(|most| most.saturating_sub(first.count as usize));
                match pager.fetch(client, missing, most).await {
                    Ok(rest) => (Source::Idle(pager), Ok(vec![first, rest])),
                    Err(error) => {
                        // The pager has moved past the first page, so that page waits for the next call.
                        let (sender, receiver) = oneshot::channel();
                        let _ = sender.send((pager, Ok(first)));
                        (Source::Ahead(receiver, task), Err(error))
                    }
                }
            }
        },
        Source::Segments(mut receiver) => {
            let (mut brought, mut count) = (Vec::new(), 0);
            while count < missing as u64 {
                match receiver.recv().await {
                    Some(Ok(fetched)) => {
                        count += fetched.count;
                        brought.push(fetched);
                    }
                    Some(Err(error)) => return (Source::Over, Err(error)),
                    None => return (Source::Over, Ok(brought)),
                }
            }
            (Source::Segments(receiver), Ok(brought))
        }
        Source::Busy => (Source::Over, Err(given_up())),
        Source::Over => (Source::Over, Ok(Vec::new())),
    }
}

fn broken() -> Error {
    Error::new(
        ErrorKind::Internal,
        "pydynox panicked while it fetched a page ahead; please report it",
    )
}

fn given_up() -> Error {
    Error::new(
        ErrorKind::Request,
        "this reading was cancelled, or two tasks iterate it at the same time: start a new one",
    )
}

/// The answer of a call that did not send a request.
pub(super) fn nothing_sent(plan: &Plan) -> Answer {
    Answer {
        body: Bytes::new(),
        request_id: None,
        attempts: 0,
        operation: plan.operation.clone(),
        table: plan.table.clone(),
        migrated: Vec::new(),
        sealed: None,
        opened: None,
    }
}

/// The pages of a call with their protected rows opened, and the outcome of the call. Without an opener nothing is opened: rows
/// that are already open are given first.
pub(super) async fn opened(
    plan: &Plan,
    source: Option<Source>,
    fetched: Result<Vec<Fetched>, Error>,
    opener: Option<Opener<'_>>,
    closed: &[Closed],
) -> (Brought, Result<Answer, Error>) {
    let (mut fetched, mut outcome) = match fetched {
        Ok(fetched) => {
            let answer = fetched.last().and_then(|fetched| fetched.answer.clone());
            (fetched, Ok(answer.unwrap_or_else(|| nothing_sent(plan))))
        }
        Err(error) => (Vec::new(), Err(error)),
    };
    let mut opened = Vec::new();
    if let Some(mut opener) = opener
        && outcome.is_ok()
    {
        let opening = open_rows(&mut opener, closed, &mut opened, &mut fetched);
        if let Err(error) = Box::pin(opening).await {
            outcome = Err(error
                .with_operation(plan.operation.name())
                .with_table(&*plan.table));
        }
    }
    let brought = Brought {
        source,
        fetched,
        opened,
    };
    (brought, outcome)
}
