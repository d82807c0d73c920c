//! Faults in virtual time, under the client that they are meant for.

#![allow(clippy::unwrap_used)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::call::{Answer, Call, Intent, Resend};
use crate::client::Client;
use crate::client::config::ClientConfig;
use crate::error::{Error, ErrorKind};
use crate::retry::policy::Jitter;

/// A service that applies everything, and of batches what it is asked for.
#[derive(Default)]
struct Service {
    applied: AtomicUsize,
    bodies: Mutex<Vec<Value>>,
}

impl Transport for Service {
    fn send(&self, request: Request) -> Exchange<'_> {
        Box::pin(async move {
            self.applied.fetch_add(1, Ordering::Relaxed);
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            self.bodies.lock().unwrap().push(body);
            Ok(Response {
                status: 200,
                body: Bytes::from_static(b"{}"),
                ..Response::default()
            })
        })
    }
}

struct Setting {
    client: Client,
    service: Arc<Service>,
    plan: Arc<Plan>,
}

fn setting(rules: Vec<Rule>) -> Setting {
    let service = Arc::new(Service::default());
    let plan = Arc::new(Plan::new(rules));
    let config = ClientConfig {
        jitter: Jitter::new(|| 1.0),
        ..ClientConfig::default()
    };
    let client = Client::new(service.clone(), config).unwrap();
    let client = client.through(|inner| Arc::new(Faulty::new(inner, plan.clone())));
    Setting {
        client,
        service,
        plan,
    }
}

impl Setting {
    fn applied(&self) -> usize {
        self.service.applied.load(Ordering::Relaxed)
    }

    async fn call(&self, operation: Operation, resend: Resend) -> Result<Answer, Error> {
        self.send(operation, resend, json!({"TableName": "users"}))
            .await
    }

    async fn send(
        &self,
        operation: Operation,
        resend: Resend,
        body: Value,
    ) -> Result<Answer, Error> {
        let call = Call {
            operation,
            table: body["TableName"].as_str().unwrap_or("").into(),
            body: body.to_string().into(),
            resend,
            intent: Intent::Plain,
            proof: None,
            own_token: None,
            timeout: None,
        };
        self.client.call(call).await
    }
}

fn rule(operation: Operation, fault: Fault) -> Rule {
    Rule {
        operation: Some(operation),
        table: None,
        skip: 0,
        times: Some(1),
        fault,
    }
}

fn put(fault: Fault) -> Rule {
    rule(Operation::PutItem, fault)
}

fn refusal(status: u16, code: &str) -> Refusal {
    Refusal::new(status, code, "so it is", b"{}").unwrap()
}

fn throttled() -> Fault {
    let reasons = br#"{"throttlingReasons":[{"reason":"TableWriteProvisionedThroughputExceeded","resource":"users"}]}"#;
    Fault::Refuse(
        Refusal::new(
            400,
            "ProvisionedThroughputExceededException",
            "slow",
            reasons,
        )
        .unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_twice_is_served_the_third_time() {
    let setting = setting(vec![Rule {
        times: Some(2),
        ..put(throttled())
    }]);
    let begun = Instant::now();

    let answer = setting
        .call(Operation::PutItem, Resend::Never)
        .await
        .unwrap();

    assert_eq!((answer.attempts, setting.applied()), (3, 1));
    assert_eq!(begun.elapsed(), Duration::from_secs(1 + 2));
    let repeats: Vec<_> = setting
        .plan
        .injected()
        .into_iter()
        .map(|one| (one.request, one.applied))
        .collect();
    assert_eq!(repeats, [(0, Some(false)), (1, Some(false))]);
    assert_eq!(setting.plan.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_for_ever_says_why() {
    let setting = setting(vec![Rule {
        times: None,
        ..put(throttled())
    }]);

    let error = setting
        .call(Operation::PutItem, Resend::Always)
        .await
        .unwrap_err();

    assert!(
        matches!(error.kind(), ErrorKind::Throttling { .. }),
        "{error}"
    );
    assert_eq!(
        error.throttling_reasons(),
        [(
            "TableWriteProvisionedThroughputExceeded".into(),
            "users".into()
        )]
    );
    assert_eq!((error.attempts(), setting.applied()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_request_ends_at_the_deadline_and_is_never_applied() {
    let setting = setting(vec![put(Fault::Stall)]);
    let begun = Instant::now();

    let error = setting
        .call(Operation::PutItem, Resend::Always)
        .await
        .unwrap_err();

    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert!(error.ambiguous(), "the client cannot know it");
    assert_eq!(setting.applied(), 0);
}

#[tokio::test(start_paused = true)]
async fn latency_passes_the_request_on_to_the_next_rule() {
    let delay = Duration::from_secs(2);
    let setting = setting(vec![
        put(Fault::Latency(delay)),
        put(Fault::Refuse(refusal(400, "ValidationException"))),
    ]);
    let begun = Instant::now();

    let error = setting
        .call(Operation::PutItem, Resend::Always)
        .await
        .unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::InvalidRequest), "{error}");
    assert_eq!((begun.elapsed(), setting.applied()), (delay, 0));
    assert_eq!(setting.plan.injected().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rules_look_at_operation_and_table_skip_and_come_one_after_another() {
    let setting = setting(vec![
        Rule {
            skip: 1,
            ..put(Fault::Refuse(refusal(400, "ValidationException")))
        },
        Rule {
            table: Some("orders".into()),
            ..put(Fault::Refuse(refusal(400, "AccessDeniedException")))
        },
        Rule {
            operation: None,
            skip: 2,
            ..put(Fault::Refuse(refusal(400, "ItIsSo")))
        },
    ]);
    let mut codes = Vec::new();

    for _ in 0..5 {
        let outcome = setting.call(Operation::PutItem, Resend::Always).await;
        codes.push(
            outcome
                .err()
                .and_then(|error| error.code().map(str::to_owned)),
        );
    }

    let code_of = |code: &str| Some(code.to_owned());
    // The request that the first rule took is none that the third one counts.
    assert_eq!(
        codes,
        [
            None,
            code_of("ValidationException"),
            None,
            code_of("ItIsSo"),
            None
        ]
    );
    let request = json!({"RequestItems": {"orders": []}});
    assert_eq!(
        unprocessed::tables(request.to_string().as_bytes()).unwrap(),
        ["orders"]
    );
    let request = json!({"TransactItems": [{"Put": {"Item": {}, "TableName": "a"}}, {"Get": {"TableName": "b"}}]});
    assert_eq!(
        unprocessed::tables(request.to_string().as_bytes()).unwrap(),
        ["a", "b"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_or_damaged_was_applied() {
    for fault in [
        Fault::LoseAnswer,
        Fault::TimeOut,
        Fault::Truncate,
        Fault::Corrupt,
        Fault::Replace(refusal(500, "InternalServerError")),
    ] {
        let doubtful = setting(vec![put(fault.clone())]);
        let error = doubtful
            .call(Operation::PutItem, Resend::Never)
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::WriteOutcomeUnknown),
            "{error}"
        );
        assert_eq!(doubtful.applied(), 1);
        assert_eq!(doubtful.plan.injected()[0].applied, Some(true));

        let repeated = setting(vec![put(fault)]);
        let answer = repeated.call(Operation::PutItem, Resend::Always).await;
        assert_eq!((answer.unwrap().attempts, repeated.applied()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_left_over_as_a_whole_or_by_half() {
    let body = json!({"RequestItems": {
        "a": [{"PutRequest": {"Item": {"id": {"S": "1"}}}}, {"DeleteRequest": {"Key": {"id": {"S": "2"}}}}],
        "b\"": [{"PutRequest": {"Item": {"id": {"S": "3"}}}}],
    }, "ReturnConsumedCapacity": "TOTAL"});
    let setting = setting(vec![
        rule(Operation::BatchWriteItem, Fault::AllUnprocessed),
        rule(Operation::BatchWriteItem, Fault::SomeUnprocessed),
    ]);
    let send = || setting.send(Operation::BatchWriteItem, Resend::Always, body.clone());

    let all: Value = serde_json::from_slice(&send().await.unwrap().body).unwrap();
    let half: Value = serde_json::from_slice(&send().await.unwrap().body).unwrap();

    assert_eq!(all, json!({"UnprocessedItems": body["RequestItems"]}));
    assert_eq!(
        half,
        json!({"UnprocessedItems": {"a": [body["RequestItems"]["a"][1]], "b\"": body["RequestItems"]["b\""]}})
    );
    let seen = setting.service.bodies.lock().unwrap();
    assert_eq!(
        *seen,
        [
            json!({"RequestItems": {"a": [body["RequestItems"]["a"][0]]}, "ReturnConsumedCapacity": "TOTAL"})
        ]
    );
}

#[test]
fn what_stands_beside_the_keys_of_a_read_stays() {
    let body = br#"{"RequestItems":{ "a" : {"ConsistentRead":true , "Keys":[{"id":{"N":"1"}}, {"id":{"N":"2"}}], "ProjectionExpression" : "id" }}}"#;

    let split = unprocessed::split(body).unwrap();
    let first: Value = serde_json::from_slice(&split.first()).unwrap();
    let answer = br#"{"Responses":{"a":[]},"UnprocessedKeys":{"a":{"Keys":[{"id":{"N":"1"}}],"ConsistentRead":true}}}"#;
    let body: Value =
        serde_json::from_slice(&split.with_rest(answer, "UnprocessedKeys").unwrap()).unwrap();

    assert_eq!(
        first,
        json!({"RequestItems": {"a": {"ConsistentRead": true, "ProjectionExpression": "id", "Keys": [{"id": {"N": "1"}}]}}})
    );
    assert_eq!(
        body,
        json!({"Responses": {"a": []}, "UnprocessedKeys": {"a": {"ConsistentRead": true, "Keys": [{"id": {"N": "1"}}, {"id": {"N": "2"}}]}}})
    );
}

#[test]
fn an_error_has_the_members_that_it_is_given() {
    let bare = refusal(400, "X");
    let more = Refusal::new(400, "X", "m", br#" {"Item":{"id":{"S":"a"}}}"#).unwrap();

    let bare: Value = serde_json::from_slice(&bare.body).unwrap();
    let more: Value = serde_json::from_slice(&more.body).unwrap();

    assert_eq!(
        bare,
        json!({"__type": "com.amazonaws.dynamodb.v20120810#X", "message": "so it is"})
    );
    assert_eq!(more["Item"], json!({"id": {"S": "a"}}));
    assert!(Refusal::new(400, "X", "m", b"[]").is_err());
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(throttled()),
        Just(Fault::Refuse(refusal(500, "InternalServerError"))),
        Just(Fault::Refuse(refusal(503, "ServiceUnavailable"))),
        Just(Fault::Refuse(refusal(400, "ValidationException"))),
        Just(Fault::Unreachable),
        Just(Fault::Reset),
        Just(Fault::Stall),
        Just(Fault::Latency(Duration::from_secs(3))),
        Just(Fault::LoseAnswer),
        Just(Fault::TimeOut),
        Just(Fault::Truncate),
        Just(Fault::Corrupt),
        Just(Fault::Replace(refusal(500, "InternalServerError"))),
    ]
}

proptest! {
    #[test]
    fn success_means_applied_a_definite_error_not_and_doubt_is_told(
        faults in proptest::collection::vec(any_fault(), 0..6),
        repeats in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let resend = if repeats { Resend::Always } else { Resend::Never };
        let setting = setting(faults.into_iter().map(put).collect());

        let outcome = runtime.block_on(setting.call(Operation::PutItem, resend));

        let applied = setting.applied();
        match outcome {
            Ok(_) => prop_assert!(applied >= 1),
            Err(error) if error.ambiguous() => {}
            Err(error) => prop_assert_eq!(applied, 0, "{}", error),
        }
        if !repeats {
            prop_assert!(applied <= 1, "a write that may not be sent again was applied {} times", applied);
        }
    }
}
