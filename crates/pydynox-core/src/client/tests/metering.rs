//! What is measured, what is not, and the pace that a rate limit keeps.

use super::*;
use crate::limiter::{Limiter, RateLimit};
use crate::usage::{Budget, Observers, Usage};

const COST_TWO: &str = r#"{"ConsumedCapacity":{"TableName":"users","CapacityUnits":2.0}}"#;

fn observed(client: Client, usage: &Arc<Usage>) -> Client {
    client.observed(Arc::new(Observers::new(vec![usage.clone()], None)))
}

fn limited(script: &Arc<Script>, read_units: f64) -> Client {
    let rate_limit = RateLimit {
        read_units: Some(read_units),
        write_units: None,
        burst: 1.0,
    };
    let config = ClientConfig {
        rate_limit: Some(rate_limit),
        ..config()
    };
    client_with(script, config)
}

#[tokio::test(start_paused = true)]
async fn what_nobody_measures_is_sent_as_it_is() {
    let script = Script::new(|_| served());
    let call = get();
    let body = call.body.clone();

    client(&script).call(call).await.unwrap();

    assert_eq!(script.bodies()[0].as_ptr(), body.as_ptr());
}

#[tokio::test(start_paused = true)]
async fn every_attempt_asks_and_the_answer_is_counted_once() {
    let script = Script::new(|number| match number {
        0 => throttled(),
        1 => internal_error(),
        _ => answer(200, COST_TWO),
    });
    let usage = Arc::new(Usage::default());

    observed(client(&script), &usage).call(get()).await.unwrap();

    for body in script.bodies() {
        assert_eq!(
            &body[..],
            br#"{"TableName":"users","ReturnConsumedCapacity":"TOTAL"}"#
        );
    }
    let total = usage.total();
    assert_eq!((total.requests, total.retries, total.throttles), (1, 2, 1));
    assert!((total.read_units - 2.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn administration_is_counted_and_asks_nothing() {
    let script = Script::new(|_| served());
    let usage = Arc::new(Usage::default());

    observed(client(&script), &usage)
        .call(call(Operation::CreateTable, Resend::OwnGuard))
        .await
        .unwrap();

    assert_eq!(&script.bodies()[0][..], br#"{"TableName":"users"}"#);
    assert_eq!(usage.total().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_replaced_where_it_stands_although_the_body_has_grown() {
    let script = Script::new(|number| match number {
        0 => answer(
            400,
            r#"{"__type":"x#TransactionCanceledException","message":"m","CancellationReasons":[{"Code":"TransactionConflict"}]}"#,
        ),
        _ => served(),
    });
    let sealed = Transaction::default().seal(None).unwrap();
    let call = Call {
        body: sealed.body,
        own_token: sealed.own_token,
        ..call(Operation::TransactWriteItems, Resend::Token)
    };
    let usage = Arc::new(Usage::default());

    observed(client(&script), &usage).call(call).await.unwrap();

    let bodies = script.bodies();
    assert_ne!(bodies[0], bodies[1]);
    for body in bodies {
        crate::wire::validate(&body).unwrap();
        assert!(body.ends_with(br#","ReturnConsumedCapacity":"TOTAL"}"#));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_budget_refuses_is_not_sent() {
    let script = Script::new(|_| served());
    let usage = Arc::new(Usage::new(Budget {
        requests: Some(1),
        refuses: true,
        ..Budget::default()
    }));
    let client = observed(client(&script), &usage);
    client.call(get()).await.unwrap();

    let error = client.call(get()).await.unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::BudgetExceeded { .. }));
    assert_eq!(
        (error.operation(), error.table()),
        (Some("GetItem"), Some("users"))
    );
    assert_eq!(script.times_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_that_of_what_answers_say() {
    let script = Script::new(|_| answer(200, COST_TWO));
    let client = limited(&script, 10.0);
    let begun = Instant::now();

    for _ in 0..55 {
        client.call(get()).await.unwrap();
    }

    // 110 units: ten were saved up, a hundred come at ten a second.
    let elapsed = begun.elapsed().as_secs_f64();
    assert!((9.7..10.3).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn calls_beside_each_other_keep_the_pace_together() {
    let script = Script::new(|_| {
        let step = answer(200, COST_TWO);
        Step::After(Duration::from_millis(20), Box::new(step))
    });
    let client = limited(&script, 10.0);
    client.call(get()).await.unwrap();
    let begun = Instant::now();

    let tasks: Vec<_> = (0..54)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(get()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }

    let elapsed = begun.elapsed().as_secs_f64();
    assert!((9.5..10.5).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_cost_nothing() {
    let script = Script::new(|number| match number {
        0..20 => no_table(),
        _ => served(),
    });
    let client = limited(&script, 1.0);
    let begun = Instant::now();

    for _ in 0..20 {
        client.call(get()).await.unwrap_err();
    }

    assert!(begun.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn a_turn_beyond_the_deadline_fails_at_once_and_sends_nothing() {
    let script = Script::new(|_| {
        answer(
            200,
            r#"{"ConsumedCapacity":{"TableName":"users","CapacityUnits":500}}"#,
        )
    });
    let client = limited(&script, 1.0);
    client.call(get()).await.unwrap();
    let begun = Instant::now();

    let error = client.call(get()).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Timeout);
    assert!(error.message().contains("rate limit"), "{error}");
    assert!(begun.elapsed().is_zero());
    assert_eq!(script.times_sent(), 1);
}

#[test]
fn a_call_that_must_wait_may_be_polled_outside_of_a_runtime_first() {
    let script = Script::new(|_| answer(200, COST_TWO));
    let client = limited(&script, 4.0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    for _ in 0..3 {
        let mut waiting = Box::pin(client.call(get()));
        if poll_inline(waiting.as_mut()).is_pending() {
            runtime.block_on(waiting).unwrap();
        }
    }

    assert_eq!(script.times_sent(), 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_keeps_to_a_pace_does_not_give_up_for_throttling() {
    let script = Script::new(|attempt| if attempt < 40 { throttled() } else { served() });
    let pace = Arc::new(Limiter::adaptive(None, None).unwrap());
    let paced = client(&script).paced(Some(pace));

    // Longer than the client's time-out.
    let answer = paced.call(get()).await.unwrap();

    assert_eq!(answer.attempts, 41);
    // What else fails is given up as ever.
    let script = Script::new(|_| reset());
    let pace = Arc::new(Limiter::adaptive(None, None).unwrap());
    let error = client(&script).paced(Some(pace)).call(get()).await;
    assert_eq!(error.unwrap_err().attempts(), 4);
}
