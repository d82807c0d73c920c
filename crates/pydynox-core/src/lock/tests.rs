//! Locks in virtual time, over a transport that is one item with the conditions of the requests.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::*;
use crate::client::config::ClientConfig;
use crate::retry::policy::Jitter;
use crate::transport::{
    Exchange, FailureKind, Operation, Request, Response, Transport, TransportError,
};

/// How one request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Not applied, no response.
    Dropped,
    /// Applied, no response.
    Lost,
    /// Answered after so many seconds.
    Late(u64),
}

/// The item of one lock.
#[derive(Default)]
struct Stored {
    owner: Option<String>,
    beat: String,
    lease: String,
    token: u64,
}

/// A table with one item.
#[derive(Default)]
struct Table {
    stored: Mutex<Stored>,
    sent: Mutex<Vec<(Instant, String)>>,
    /// By the number of the request.
    faults: Mutex<Vec<(usize, Fault)>>,
    /// From then on nothing is answered.
    is_cut: Mutex<bool>,
}

fn value<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!(r#"":{name}":{{""#))?;
    after.get(4..)?.split('"').next()
}

impl Table {
    fn apply(&self, request: &Request) -> Response {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        let mut stored = self.stored.lock().unwrap();
        let owner = value(&body, "o").map(ToOwned::to_owned);
        let is_mine = stored.owner.is_some() && stored.owner == owner;
        if request.operation == Operation::GetItem {
            return answer(200, &format!(r#"{{"Item":{}}}"#, stored.json()));
        }
        let allowed = if body.contains("ADD") {
            stored.owner.is_none() || value(&body, "stale").is_some_and(|beat| beat == stored.beat)
        } else {
            is_mine
        };
        if !allowed {
            let item = stored.json();
            return answer(
                400,
                &format!(
                    r#"{{"__type":"x#ConditionalCheckFailedException","message":"no","Item":{item}}}"#
                ),
            );
        }
        if body.contains("REMOVE") {
            stored.owner = None;
            return answer(200, "{}");
        }
        stored.beat = value(&body, "b").unwrap().to_owned();
        stored.lease = value(&body, "l").unwrap().to_owned();
        if body.contains("ADD") {
            stored.owner = owner;
            stored.token += 1;
        }
        answer(200, &format!(r#"{{"Attributes":{}}}"#, stored.json()))
    }
}

impl Stored {
    fn json(&self) -> String {
        let token = self.token;
        match &self.owner {
            None => format!(r#"{{"token":{{"N":"{token}"}}}}"#),
            Some(owner) => format!(
                r#"{{"owner":{{"S":"{owner}"}},"beat":{{"S":"{}"}},"lease":{{"N":"{}"}},"token":{{"N":"{token}"}}}}"#,
                self.beat, self.lease
            ),
        }
    }
}

fn answer(status: u16, body: &str) -> Response {
    let mut response = Response {
        status,
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..Response::default()
    };
    response.headers.content_type = Some("application/x-amz-json-1.0".into());
    response
}

impl Transport for Table {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            let number = {
                let mut sent = self.sent.lock().unwrap();
                let body = String::from_utf8(request.body.to_vec()).unwrap();
                sent.push((Instant::now(), body));
                sent.len() - 1
            };
            if *self.is_cut.lock().unwrap() {
                std::future::pending::<()>().await;
            }
            let faults = self.faults.lock().unwrap().clone();
            let fault = faults.iter().find(|(place, _)| *place == number);
            let lost = Err(TransportError::maybe_sent(FailureKind::Reset, "reset"));
            match fault {
                Some((_, Fault::Dropped)) => lost,
                Some((_, Fault::Lost)) => {
                    self.apply(&request);
                    lost
                }
                Some((_, Fault::Late(seconds))) => {
                    Pause::new(Duration::from_secs(*seconds)).await;
                    Ok(self.apply(&request))
                }
                None => Ok(self.apply(&request)),
            }
        })
    }

    fn answers_inline(&self, _: &Operation) -> bool {
        false
    }
}

const LENGTH: Duration = Duration::from_secs(9);

fn lease(table: &Arc<Table>) -> Arc<Lease> {
    let config = ClientConfig {
        jitter: Jitter::new(|| 1.0),
        ..ClientConfig::default()
    };
    let client = Client::new(table.clone(), config).unwrap();
    Arc::new(Lease::new(client, "locks", br#"{"pk":{"S":"LOCK#a"}}"#, "a", LENGTH).unwrap())
}

fn table(faults: &[(usize, Fault)]) -> Arc<Table> {
    let table = Table::default();
    *table.faults.lock().unwrap() = faults.to_vec();
    Arc::new(table)
}

async fn seconds(number: u64) {
    tokio::time::sleep(Duration::from_secs(number)).await;
}

#[tokio::test(start_paused = true)]
async fn a_free_lock_is_taken_at_once_and_each_holder_has_a_greater_token() {
    let table = table(&[]);
    for token in 1..=3 {
        let lease = lease(&table);
        assert!(!lease.is_held() && !lease.is_lost());
        assert_eq!(
            lease.acquire(Some(Duration::ZERO), None).await.unwrap(),
            token
        );
        assert_eq!((lease.token(), lease.is_held()), (token, true));
        assert!(lease.release().await.unwrap());
        assert!(!lease.is_held() && !lease.is_lost());
    }
    assert_eq!(table.sent.lock().unwrap().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_beats_keeps_its_lock_for_as_long_as_it_wants() {
    let table = table(&[]);
    let (first, second) = (lease(&table), lease(&table));
    first.acquire(None, None).await.unwrap();
    let beats = tokio::spawn(first.clone().keep());

    let error = second
        .acquire(Some(Duration::from_mins(10)), None)
        .await
        .unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::LockNotAcquired);
    assert!(error.retryable());
    assert!(first.is_held());
    assert!(first.release().await.unwrap());
    assert_eq!(second.acquire(Some(Duration::ZERO), None).await.unwrap(), 2);
    beats.await.unwrap();
    assert!(second.is_held());
}

#[tokio::test(start_paused = true)]
async fn a_lock_whose_holder_stopped_is_taken_over_after_a_whole_lease_without_a_beat_and_not_before()
 {
    let table = table(&[]);
    let (first, second) = (lease(&table), lease(&table));
    first.acquire(None, None).await.unwrap();
    // Whatever time has passed: what counts is how long the other one has watched.
    seconds(1000).await;
    assert!(first.is_lost());
    let begun = Instant::now();

    assert_eq!(second.acquire(None, None).await.unwrap(), 2);

    let waited = begun.elapsed();
    assert!(waited >= LENGTH + LENGTH / DRIFT, "{waited:?}");
    assert!(waited < LENGTH + Duration::from_secs(1), "{waited:?}");
    assert!(!first.release().await.unwrap());
    assert!(second.is_held());
}

#[tokio::test(start_paused = true)]
async fn of_several_that_wait_for_a_dead_holder_one_takes_over() {
    let table = table(&[]);
    lease(&table).acquire(None, None).await.unwrap();
    let waiting: Vec<_> = (0..5).map(|_| lease(&table)).collect();
    let acquiring = waiting
        .iter()
        .map(|lease| {
            tokio::spawn({
                let lease = lease.clone();
                async move {
                    lease
                        .acquire(Some(Duration::from_secs(12)), None)
                        .await
                        .is_ok()
                }
            })
        })
        .collect::<Vec<_>>();

    let mut winners = 0;
    for one in acquiring {
        winners += u32::from(one.await.unwrap());
    }

    assert_eq!(winners, 1);
    assert_eq!(table.stored.lock().unwrap().token, 2);
}

#[tokio::test(start_paused = true)]
async fn no_two_leases_are_held_at_the_same_time_whatever_request_is_lost() {
    for fault in [
        Fault::Dropped,
        Fault::Lost,
        Fault::Late(8),
        Fault::Late(11),
        Fault::Late(40),
    ] {
        for number in 0..8 {
            // Four in a row outlast the retries of a call.
            let faults: Vec<_> = (number..number + 4).map(|place| (place, fault)).collect();
            let table = table(&faults);
            let leases: Vec<_> = (0..3).map(|_| lease(&table)).collect();
            let tasks: Vec<_> = leases
                .iter()
                .cloned()
                .map(|lease| {
                    tokio::spawn(async move {
                        while lease
                            .acquire(Some(Duration::from_mins(1)), None)
                            .await
                            .is_err()
                        {}
                        assert!(lease.is_held());
                        let keeping = tokio::spawn(lease.clone().keep());
                        seconds(20).await;
                        let _ = lease.release().await;
                        keeping.abort();
                    })
                })
                .collect();
            let mut tokens = Vec::new();
            while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
                let held: Vec<_> = leases.iter().filter(|lease| lease.is_held()).collect();
                assert!(held.len() <= 1, "{fault:?} at {number}");
                tokens.extend(held.first().map(|lease| lease.token()));
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert!(tokens.is_sorted(), "{fault:?} at {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_to_the_request_that_takes_a_lock_does_not_lose_the_lock() {
    let table = table(&[(0, Fault::Lost)]);
    let lease = lease(&table);

    assert_eq!(lease.acquire(Some(Duration::ZERO), None).await.unwrap(), 1);

    assert_eq!(table.stored.lock().unwrap().token, 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_beats_do_not_arrive_notices_it_before_another_takes_over() {
    let table = table(&[]);
    let first = lease(&table);
    first.acquire(None, None).await.unwrap();
    let beats = tokio::spawn(first.clone().keep());
    seconds(4).await;
    *table.is_cut.lock().unwrap() = true;

    seconds(7).await;
    assert!(first.is_held());
    seconds(2).await;

    assert!(first.is_lost() && !first.is_held());
    beats.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_beat_that_fails_is_made_up_for() {
    let table = table(&[
        (1, Fault::Dropped),
        (2, Fault::Dropped),
        (3, Fault::Dropped),
        (4, Fault::Dropped),
    ]);
    let lease = lease(&table);
    lease.acquire(None, None).await.unwrap();
    let beats = tokio::spawn(lease.clone().keep());

    seconds(60).await;

    assert!(lease.is_held());
    assert!(lease.release().await.unwrap());
    beats.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_taken_over_loses_the_lock_with_its_next_beat() {
    let table = table(&[]);
    let first = lease(&table);
    first.acquire(None, None).await.unwrap();
    table.stored.lock().unwrap().owner = Some("another".into());

    first.clone().keep().await;

    assert!(first.is_lost());
    assert!(!first.release().await.unwrap());
    assert_eq!(
        table.stored.lock().unwrap().owner.as_deref(),
        Some("another")
    );
}

#[tokio::test(start_paused = true)]
async fn a_release_whose_response_is_lost_is_a_release() {
    let table = table(&[(1, Fault::Lost)]);
    let lease = lease(&table);
    lease.acquire(None, None).await.unwrap();

    assert!(lease.release().await.unwrap());

    assert!(!lease.is_lost());
    assert_eq!(table.stored.lock().unwrap().owner, None);
}

#[tokio::test(start_paused = true)]
async fn an_acquisition_that_fails_leaves_no_lock_behind() {
    // Taken by the first of four attempts, none of which is answered.
    let faults = [
        (0, Fault::Lost),
        (1, Fault::Lost),
        (2, Fault::Lost),
        (3, Fault::Lost),
    ];
    let table = table(&faults);

    let acquired = lease(&table).acquire(Some(Duration::ZERO), None).await;

    assert!(acquired.is_err());
    assert_eq!(table.stored.lock().unwrap().owner, None);
}
