//! Batches in virtual time, over a service that keeps items and leaves some of what it is asked over.

#![allow(clippy::unwrap_used, clippy::pedantic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::writes::{Fate, MAX_WRITE_SIZE, Writes};
use super::*;
use crate::client::config::ClientConfig;
use crate::retry::deadline::Pause;
use crate::retry::policy::Jitter;
use crate::transport::{Exchange, FailureKind, Request, Response, Transport, TransportError};

/// What the service does with one request, by its number.
type Plan = Vec<Deed>;

#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Does all but this many of it.
    Leave(usize),
    /// Does it, and the answer is lost.
    Lose,
    /// Does nothing, and says so.
    Throttle,
    /// Refuses for good.
    Refuse,
    /// Does it, and never answers.
    Hang,
    /// Does it, and answers what nobody can read.
    Mumble,
}

struct Service {
    items: Mutex<BTreeMap<String, String>>,
    plan: Plan,
    requests: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    sizes: Mutex<Vec<usize>>,
    /// How often each item was put.
    puts: Mutex<BTreeMap<String, usize>>,
}

impl Service {
    fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            items: Mutex::default(),
            plan,
            requests: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            sizes: Mutex::default(),
            puts: Mutex::default(),
        })
    }

    fn with_items(plan: Plan, count: usize) -> Arc<Self> {
        let service = Self::new(plan);
        let mut items = service.items.lock().unwrap();
        for number in 0..count {
            items.insert(number.to_string(), format!("v{number}"));
        }
        drop(items);
        service
    }

    fn answer(&self, request: &Request) -> Result<Response, TransportError> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let deed = self.plan.get(number).copied().unwrap_or(Deed::Leave(0));
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let requested = body["RequestItems"]["t"].clone();
        let reads = request.operation == Operation::BatchGetItem;
        let list: Vec<serde_json::Value> = if reads {
            requested["Keys"].as_array().unwrap().clone()
        } else {
            requested.as_array().unwrap().clone()
        };
        self.sizes.lock().unwrap().push(list.len());
        let left = match deed {
            Deed::Throttle => {
                return Ok(refusal("ProvisionedThroughputExceededException"));
            }
            Deed::Refuse => return Ok(refusal("ResourceNotFoundException")),
            Deed::Leave(left) => left.min(list.len()),
            Deed::Lose | Deed::Hang | Deed::Mumble => 0,
        };
        let (done, rest) = list.split_at(list.len() - left);
        let mut answered = Vec::new();
        let mut items = self.items.lock().unwrap();
        for one in done {
            if reads {
                let id = one["id"]["N"].as_str().unwrap();
                if let Some(value) = items.get(id) {
                    answered.push(serde_json::json!({"id": {"N": id}, "v": {"S": value}}));
                }
            } else if let Some(put) = one.get("PutRequest") {
                let id = put["Item"]["id"]["N"].as_str().unwrap().to_owned();
                *self.puts.lock().unwrap().entry(id.clone()).or_default() += 1;
                items.insert(id, put["Item"]["v"]["S"].as_str().unwrap().to_owned());
            } else {
                items.remove(one["DeleteRequest"]["Key"]["id"]["N"].as_str().unwrap());
            }
        }
        if matches!(deed, Deed::Lose) {
            return Err(TransportError::maybe_sent(FailureKind::Reset, "reset"));
        }
        if matches!(deed, Deed::Mumble) {
            return Ok(response(
                200,
                r#"{"UnprocessedItems": 5, "UnprocessedKeys": 5}"#,
            ));
        }
        let answer = if reads {
            let left = if rest.is_empty() {
                serde_json::json!({})
            } else {
                serde_json::json!({"t": {"Keys": rest}})
            };
            answered.reverse();
            serde_json::json!({"Responses": {"t": answered}, "UnprocessedKeys": left})
        } else {
            let left = if rest.is_empty() {
                serde_json::json!({})
            } else {
                serde_json::json!({"t": rest})
            };
            serde_json::json!({"UnprocessedItems": left})
        };
        Ok(response(200, &answer.to_string()))
    }
}

fn refusal(code: &str) -> Response {
    response(400, &format!(r#"{{"__type":"x#{code}","message":"no"}}"#))
}

fn response(status: u16, body: &str) -> Response {
    Response {
        status,
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..Response::default()
    }
}

impl Transport for Service {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            Pause::new(Duration::from_millis(1)).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            let number = self.requests.load(Ordering::SeqCst);
            let answer = self.answer(&request);
            if matches!(self.plan.get(number), Some(Deed::Hang)) {
                std::future::pending::<()>().await;
            }
            answer
        })
    }

    fn answers_inline(&self, _: &Operation) -> bool {
        false
    }
}

fn client(service: &Arc<Service>) -> Client {
    let config = ClientConfig {
        jitter: Jitter::new(|| 1.0),
        max_attempts: 20,
        ..ClientConfig::default()
    };
    Client::new(service.clone(), config).unwrap()
}

fn table() -> KeyNames {
    KeyNames {
        table: "t".into(),
        names: ["id".into()].into(),
    }
}

fn key(number: usize) -> Vec<u8> {
    format!(r#"{{"id":{{"N":"{number}"}}}}"#).into_bytes()
}

fn item(number: usize, value: &str) -> Vec<u8> {
    format!(r#"{{"v":{{"S":"{value}"}},"id":{{"N":"{number}"}}}}"#).into_bytes()
}

fn gets(numbers: impl IntoIterator<Item = usize>) -> (Gets, Vec<usize>) {
    let mut gets = Gets::new();
    let places = numbers
        .into_iter()
        .map(|number| gets.ask(&table(), &key(number), false).unwrap())
        .collect();
    (gets, places)
}

/// By place, the values of the items.
fn values(got: &Got, places: usize) -> Vec<Option<String>> {
    let mut values = vec![None; places];
    for answer in &got.answers {
        let mut items = got.items_of(answer).unwrap();
        while let Some((place, _)) = items.next_item().unwrap() {
            let start = items.reader().position();
            items.reader().pass().unwrap();
            let item: serde_json::Value =
                serde_json::from_slice(items.reader().slice(start)).unwrap();
            values[place] = Some(item["v"]["S"].as_str().unwrap().to_owned());
        }
    }
    values
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_read_in_chunks_several_at_a_time_and_each_finds_its_item() {
    let service = Service::with_items(vec![], 1500);
    let (gets, places) = gets((0..2000).chain([7, 7]));

    let got = gets.read(&client(&service), None).await.unwrap();

    assert_eq!(places[2000], places[7]);
    let values = values(&got, 2000);
    for (number, place) in places.iter().take(2000).enumerate() {
        let expected = (number < 1500).then(|| format!("v{number}"));
        assert_eq!(values[*place], expected);
    }
    assert!(got.left.is_empty());
    assert_eq!(service.requests.load(Ordering::SeqCst), 20);
    assert_eq!(service.most_at_once.load(Ordering::SeqCst), AT_ONCE);
    assert_eq!(*service.sizes.lock().unwrap(), [100; 20]);
}

#[test]
fn a_key_has_one_form_however_its_text_is_written() {
    let two = KeyNames {
        table: "t".into(),
        names: ["id".into(), "at".into()].into(),
    };
    let plain = two.of(br#"{"id":{"S":"a/b"},"at":{"S":"x"}}"#).unwrap();
    for same in [
        r#"{"at":{"S":"x"},"v":{"L":[{"S":"}"}]},"id":{"S":"a/b"}}"#,
        r#"{"at":{"S":"\u0078"},"id":{"S":"a\/b"}}"#,
        r#"{ "at" : { "S" : "x" } , "\u0069d" : {"S" : "a/b"} }"#,
    ] {
        assert_eq!(two.of(same.as_bytes()).unwrap(), plain, "{same}");
    }
    for other in [
        r#"{"at":{"S":"x"},"id":{"S":"a\\b"}}"#,
        r#"{"id":{"S":"x"},"at":{"S":"a/b"}}"#,
        r#"{"id":{"B":"YQ=="},"at":{"S":"x"}}"#,
    ] {
        assert_ne!(two.of(other.as_bytes()).unwrap(), plain, "{other}");
    }
    assert_eq!(two.of(br#"{"id":{"S":"a/b"}}"#).unwrap(), None);
    assert!(two.of(br#"{"id":{"S":"a"b"},"at":{"S":"x"}}"#).is_err());
    assert!(
        two.of(br#"{"id":{"S":"a","N":"1"},"at":{"S":"x"}}"#)
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn keys_are_the_same_however_their_numbers_are_written() {
    let mut gets = Gets::new();
    let one = gets.ask(&table(), br#"{"id":{"N":"5"}}"#, false).unwrap();
    let other = gets.ask(&table(), br#"{"id":{"N":"5.0"}}"#, true).unwrap();

    assert_eq!(one, other);
    assert!(gets.ask(&table(), b"{}", false).is_err());
    let body = String::from_utf8(gets.bodies()[0].to_vec()).unwrap();
    assert!(body.contains(r#""Keys":[{"id":{"N":"5"}}],"ConsistentRead":true"#));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_over_is_asked_for_again_with_growing_pauses() {
    let service = Service::with_items(vec![Deed::Leave(60), Deed::Leave(20)], 100);
    let (gets, _) = gets(0..100);
    let started = tokio::time::Instant::now();

    let got = gets.read(&client(&service), None).await.unwrap();

    assert!(values(&got, 100).iter().all(Option::is_some) && got.left.is_empty());
    assert_eq!(*service.sizes.lock().unwrap(), [100, 60, 20]);
    assert_eq!(started.elapsed().as_millis(), 50 + 100 + 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_over_until_the_deadline_is_told() {
    let service = Service::with_items(vec![Deed::Leave(3); 100], 10);
    let (gets, _) = gets(0..10);

    let got = gets
        .read(&client(&service), Some(Duration::from_secs(5)))
        .await
        .unwrap();

    assert_eq!(got.left, [7, 8, 9]);
    assert_eq!(values(&got, 10).iter().flatten().count(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_at_any_moment_gives_what_came_before_it() {
    for micros in (1_500..8_000).chain(51_000..53_100).step_by(50) {
        let service = Service::with_items(vec![Deed::Leave(3); 100], 10);
        let (gets, _) = gets(0..10);

        let got = gets
            .read(&client(&service), Some(Duration::from_micros(micros)))
            .await
            .unwrap_or_else(|error| panic!("{micros}: {error}"));

        assert_eq!(got.left, [7, 8, 9], "{micros}");
        assert_eq!(values(&got, 10).iter().flatten().count(), 7, "{micros}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_read_has_its_own_end_when_a_later_request_fails() {
    for deed in [Deed::Refuse, Deed::Hang, Deed::Mumble] {
        let service = Service::with_items(vec![Deed::Leave(1), deed], 2);
        let (gets, _) = gets([0, 5, 1]);
        let deadline = Deadline::start(Some(Duration::from_secs(1)));

        let each = gets.read_each(&client(&service), deadline).await;

        assert!(each[0].as_ref().unwrap().body.starts_with(b"{"), "{deed:?}");
        assert!(each[1].as_ref().unwrap().body.is_empty(), "{deed:?}");
        assert!(each[2].is_err(), "{deed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_fails_the_whole_of_a_read() {
    let service = Service::with_items(vec![Deed::Leave(0), Deed::Refuse], 300);
    let (gets, _) = gets(0..300);

    let error = gets.read(&client(&service), None).await.err().unwrap();

    assert_eq!(error.kind(), &ErrorKind::TableNotFound);
}

fn add(writes: &mut Writes, is_put: bool, number: usize, json: &[u8]) {
    let table = writes.table(table());
    writes.add(table, is_put, json, &key(number));
}

fn writes(list: impl IntoIterator<Item = (usize, Option<String>)>) -> Writes {
    let mut writes = Writes::default();
    for (number, value) in list {
        match value {
            Some(value) => add(&mut writes, true, number, &item(number, &value)),
            None => add(&mut writes, false, number, &key(number)),
        }
    }
    writes
}

#[tokio::test(start_paused = true)]
async fn writes_that_are_left_over_until_the_deadline_are_told_apart() {
    let service = Service::new(vec![Deed::Leave(2); 200]);
    let list = (0..4).map(|number| (number, Some("x".to_owned())));

    let wrote = writes(list)
        .write(&client(&service), Some(Duration::from_secs(2)))
        .await;

    assert_eq!(
        wrote.fates,
        [Fate::Written, Fate::Written, Fate::Left, Fate::Left]
    );
    assert!(wrote.error.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_deadline_at_any_moment_tells_the_writes_apart() {
    for micros in (1_500..8_000).chain(51_000..53_100).step_by(50) {
        let service = Service::new(vec![Deed::Leave(2); 200]);
        let list = (0..4).map(|number| (number, Some("x".to_owned())));

        let wrote = writes(list)
            .write(&client(&service), Some(Duration::from_micros(micros)))
            .await;

        assert_eq!(wrote.fates[..2], [Fate::Written; 2], "{micros}");
        let of_the_rest = match &wrote.error {
            None => Fate::Left,
            Some(error) => {
                assert_eq!(error.kind(), &ErrorKind::Timeout, "{micros}");
                Fate::Failed
            }
        };
        assert_eq!(wrote.fates[2..], [of_the_rest; 2], "{micros}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_request_wrote_is_written_when_a_later_one_fails() {
    for (deed, fate) in [
        (Deed::Refuse, Fate::Refused),
        (Deed::Hang, Fate::Failed),
        (Deed::Mumble, Fate::Failed),
    ] {
        let service = Service::new(vec![Deed::Leave(1), deed]);
        let list = (0..3).map(|number| (number, Some("x".to_owned())));

        let wrote = writes(list)
            .write(&client(&service), Some(Duration::from_secs(1)))
            .await;

        assert_eq!(
            wrote.fates,
            [Fate::Written, Fate::Written, fate],
            "{deed:?}"
        );
        assert!(wrote.error.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn one_request_that_fails_leaves_the_others_alone() {
    let service = Service::new(vec![Deed::Refuse]);
    let list = (0..60).map(|number| (number, Some("x".to_owned())));

    let wrote = writes(list).write(&client(&service), None).await;

    let count = |fate| wrote.fates.iter().filter(|one| **one == fate).count();
    assert_eq!((count(Fate::Refused), count(Fate::Written)), (25, 35));
    assert_eq!(wrote.error.unwrap().kind(), &ErrorKind::TableNotFound);
    assert_eq!(service.items.lock().unwrap().len(), 35);
}

#[test]
fn a_request_is_cut_by_its_size_too() {
    let list = (0..50).map(|number| (number, Some("x".repeat(390_000))));
    let writes = writes(list);

    let chunks = writes.chunks();

    assert!(chunks.iter().all(|chunk| chunk.len() <= MAX_WRITES));
    assert!(
        chunks
            .iter()
            .all(|chunk| writes.body(chunk.clone()).len() < MAX_WRITE_SIZE + 4096)
    );
    assert_eq!(chunks.last().unwrap().end, 50);
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0usize..26).prop_map(Deed::Leave),
        1 => Just(Deed::Lose),
        1 => Just(Deed::Throttle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_left_over_or_lost_each_item_is_written_as_asked(
        plan in prop::collection::vec(deed(), 0..12),
        requested in prop::collection::btree_map(0usize..200, prop::option::of("[a-z]{1,4}"), 0..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let has_loss = plan.iter().any(|deed| matches!(deed, Deed::Lose));
        let service = Service::with_items(plan, 50);
        let mut expected = service.items.lock().unwrap().clone();
        for (number, value) in &requested {
            match value {
                Some(value) => { expected.insert(number.to_string(), value.clone()); }
                None => { expected.remove(&number.to_string()); }
            }
        }

        // Longer than all pauses of a plan that leaves the same item over each time.
        let timeout = Some(Duration::from_secs(3600));
        let wrote = runtime.block_on(writes(requested.clone()).write(&client(&service), timeout));

        prop_assert!(wrote.error.is_none());
        prop_assert!(wrote.fates.iter().all(|fate| *fate == Fate::Written));
        prop_assert_eq!(&*service.items.lock().unwrap(), &expected);
        if !has_loss {
            prop_assert!(service.puts.lock().unwrap().values().all(|times| *times == 1));
        }
    }
}

/// A table of so many write units a second, of which it saves up a second's: what is too much is refused or left over.
struct Metered {
    rate: f64,
    level: Mutex<(f64, tokio::time::Instant)>,
    written: AtomicUsize,
    requests: AtomicUsize,
    throttled: AtomicUsize,
}

impl Metered {
    fn new(rate: f64) -> Arc<Self> {
        Arc::new(Self {
            rate,
            level: Mutex::new((rate, tokio::time::Instant::now())),
            written: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            throttled: AtomicUsize::new(0),
        })
    }
}

impl Transport for Metered {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            Pause::new(Duration::from_millis(10)).await;
            self.requests.fetch_add(1, Ordering::SeqCst);
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let puts = body["RequestItems"]["t"].as_array().unwrap().clone();
            let mut level = self.level.lock().unwrap();
            let now = tokio::time::Instant::now();
            level.0 = (level.0 + (now - level.1).as_secs_f64() * self.rate).min(self.rate);
            level.1 = now;
            let done = puts.len().min(level.0 as usize);
            level.0 -= done as f64;
            self.written.fetch_add(done, Ordering::SeqCst);
            if done < puts.len() {
                self.throttled.fetch_add(1, Ordering::SeqCst);
            }
            if done == 0 {
                return Ok(refusal("ProvisionedThroughputExceededException"));
            }
            let left = if done == puts.len() {
                serde_json::json!({})
            } else {
                serde_json::json!({"t": puts[done..]})
            };
            let units = [serde_json::json!({"TableName": "t", "CapacityUnits": done as f64})];
            let answer = serde_json::json!({"UnprocessedItems": left, "ConsumedCapacity": units});
            Ok(response(200, &answer.to_string()))
        })
    }

    fn answers_inline(&self, _: &Operation) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_writes_for_one_item_the_last_counts() {
    let mut writes = writes([
        (1, Some("a".to_owned())),
        (2, None),
        (3, Some("c".to_owned())),
    ]);
    let table = writes.table(table());
    assert_eq!(writes.add(table, true, &item(2, "b"), &key(2)), Some(1));
    assert_eq!(writes.add(table, false, &key(1), &key(1)), Some(0));
    assert_eq!(writes.add(table, true, &item(2, "d"), &key(2)), Some(3));
    assert_eq!(writes.len(), 6);
    assert_eq!(writes.are_puts().collect::<Vec<_>>(), [true, false, true]);
    let mut texts = Vec::new();
    writes.for_each_json(|json| texts.push(json.to_vec()));
    assert_eq!(texts, [item(3, "c"), key(1), item(2, "d")]);

    let service = Service::new(vec![]);
    let wrote = writes.write(&client(&service), None).await;

    assert_eq!(wrote.fates, [Fate::Written; 3]);
    assert_eq!(*service.sizes.lock().unwrap(), [3]);

    let mut writes = Writes::default();
    for name in ["t", "u", "t"] {
        let table = writes.table(KeyNames {
            table: name.into(),
            ..self::table()
        });
        let before = writes.add(table, true, &item(3, name), &key(3));
        assert_eq!(before, (writes.len() == 3).then_some(0), "{name}");
    }
}

/// Writes so many items at a pace; how long it took, and which share of the requests was refused or done in part.
async fn paced(service: &Arc<Metered>, ceiling: Option<f64>, items: usize) -> (f64, f64) {
    let config = ClientConfig {
        jitter: Jitter::new(|| 0.5),
        timeout: None,
        ..ClientConfig::default()
    };
    let pace = Arc::new(crate::limiter::Limiter::adaptive(None, ceiling).unwrap());
    let client = Client::new(service.clone(), config)
        .unwrap()
        .paced(Some(pace));
    let start = tokio::time::Instant::now();
    for first in (0..items).step_by(400) {
        let mut writes = Writes::default();
        for number in first..first + 400 {
            add(&mut writes, true, number, &item(number, "x"));
        }
        let wrote = writes.write(&client, Some(Duration::MAX)).await;
        assert!(wrote.error.is_none(), "{:?}", wrote.error);
        assert!(wrote.fates.iter().all(|fate| *fate == Fate::Written));
    }
    let requests = service.requests.load(Ordering::SeqCst) as f64;
    let throttled = service.throttled.load(Ordering::SeqCst) as f64;
    assert_eq!(service.written.load(Ordering::SeqCst), items);
    (start.elapsed().as_secs_f64(), throttled / requests)
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_pace_finds_what_a_table_has_and_keeps_to_it() {
    let service = Metered::new(1000.0);

    let (seconds, throttled) = paced(&service, None, 60_000).await;

    let share = 60_000.0 / (seconds * 1000.0);
    assert!(
        share >= 0.95,
        "{share} of the capacity, {throttled} throttled"
    );
    assert!(
        throttled <= 0.1,
        "{throttled} of the requests were throttled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pace_keeps_to_its_ceiling() {
    let service = Metered::new(1000.0);

    let (seconds, throttled) = paced(&service, Some(400.0), 20_000).await;

    assert!((48.0..52.0).contains(&seconds), "{seconds}");
    assert!(throttled < 1e-9, "{throttled}");
}

#[tokio::test(start_paused = true)]
async fn a_pace_follows_a_table_that_is_smaller_than_its_ceiling() {
    let service = Metered::new(1000.0);

    let (seconds, throttled) = paced(&service, Some(5000.0), 60_000).await;

    let share = 60_000.0 / (seconds * 1000.0);
    assert!(
        share >= 0.95,
        "{share} of the capacity, {throttled} throttled"
    );
    assert!(
        throttled <= 0.1,
        "{throttled} of the requests were throttled"
    );
}
