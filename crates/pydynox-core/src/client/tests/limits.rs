//! What ends a call early: its deadline, the quota of the client, its cancellation; and limits out of range.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_pause_that_cannot_end_before_the_deadline_is_not_begun() {
    let script = Script::new(|_| throttled());
    let begun = Instant::now();

    let error = client(&script)
        .call(Call {
            timeout: Some(Duration::from_secs(3)),
            ..get()
        })
        .await
        .unwrap_err();

    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Timeout, 2));
    assert_eq!(error.elapsed(), Some(Duration::from_secs(1)));
    assert!(error.retryable() && !error.ambiguous());
    let cause = error.cause().unwrap();
    assert_eq!(
        (cause.code(), cause.table()),
        (Some("ThrottlingException"), Some("users"))
    );
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_deadline_of_the_client_and_aborts_the_exchange() {
    let script = Script::new(|_| Step::Silence);
    let begun = Instant::now();

    let error = client(&script).call(get()).await.unwrap_err();

    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Timeout, 1));
    assert!(error.cause().is_none());
    assert_eq!(script.open.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_share_one_deadline() {
    let script = Script::new(|_| Step::After(Duration::from_secs(9), Box::new(reset())));
    let begun = Instant::now();

    let error = client(&script)
        .call(Call {
            timeout: Some(Duration::from_secs(20)),
            ..get()
        })
        .await
        .unwrap_err();

    assert_eq!(begun.elapsed(), Duration::from_secs(20));
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Timeout, 3));
    assert_eq!(error.cause().unwrap().kind(), &ErrorKind::ConnectionFailed);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_wait_for_ever_if_it_says_so() {
    let a_week = Duration::from_hours(7 * 24);
    let script = Script::new(move |_| Step::After(a_week, Box::new(served())));

    assert!(
        client(&script)
            .call(Call {
                timeout: Some(Duration::MAX),
                ..get()
            })
            .await
            .is_ok()
    );
    assert!(
        client_with(
            &script,
            ClientConfig {
                timeout: None,
                ..config()
            }
        )
        .call(get())
        .await
        .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_quota_ends_retries_for_all_calls_of_the_client() {
    let script = Script::new(|_| internal_error());
    let client = client(&script);

    for _ in 0..20 {
        client.clone().call(get()).await.unwrap_err();
    }
    let error = client.call(get()).await.unwrap_err();

    // 500 tokens pay for 35 retries of 14.
    assert_eq!(script.times_sent(), 21 + 35);
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Request, 1));
    assert!(error.retryable());
    assert!(
        client_with(&script, config())
            .call(get())
            .await
            .unwrap_err()
            .attempts()
            == 4,
        "another client has its own"
    );
}

#[tokio::test(start_paused = true)]
async fn success_gives_the_last_retry_back() {
    let script = Script::new(|n| if n < 2 { internal_error() } else { served() });
    let client = client(&script);

    client.call(get()).await.unwrap();
    assert_eq!(client.shared.quota.left(), 500 - 14);

    client.call(get()).await.unwrap();
    assert_eq!(client.shared.quota.left(), 500 - 14 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_the_deadline_forbids_costs_nothing() {
    let script = Script::new(|_| throttled());
    let client = client(&script);

    client
        .call(Call {
            timeout: Some(Duration::from_millis(500)),
            ..get()
        })
        .await
        .unwrap_err();

    assert_eq!(client.shared.quota.left(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_aborts_its_exchange_and_makes_no_further_attempt() {
    let script = Script::new(|_| Step::After(Duration::from_secs(5), Box::new(throttled())));
    let client = client(&script);

    for moment in [1, 5_500] {
        let before = script.times_sent();
        let cut = tokio::time::timeout(Duration::from_millis(moment), client.call(get())).await;

        assert!(cut.is_err());
        assert_eq!(script.open.load(Ordering::Relaxed), 0);
        Pause::new(Duration::from_mins(1)).await;
        assert_eq!(script.times_sent(), before + 1);
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refuse = |config| {
        let error = Client::new(Script::new(|_| served()), config)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
        error.to_string()
    };

    assert!(
        refuse(ClientConfig {
            max_attempts: 0,
            ..config()
        })
        .contains("max_attempts")
    );
    assert!(
        refuse(ClientConfig {
            timeout: Some(Duration::ZERO),
            ..config()
        })
        .contains("timeout")
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_ends_before_anything_is_sent() {
    let script = Script::new(|_| served());

    let error = client(&script)
        .call(Call {
            timeout: Some(Duration::ZERO),
            ..get()
        })
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), script.times_sent()),
        (&ErrorKind::Timeout, 0)
    );
    assert_eq!((error.ambiguous(), error.attempts()), (false, 0));
}

#[tokio::test(start_paused = true)]
async fn calls_within_a_deadline_end_there_whatever_each_may_take() {
    let script = Script::new(|_| Step::Silence);
    let outer = Deadline::start(Some(Duration::from_secs(5)));
    let begun = Instant::now();
    let client = client(&script)
        .within(outer)
        .within(Deadline::start(Some(Duration::from_mins(1))));

    for timeout in [None, Some(Duration::MAX), Some(Duration::from_secs(9))] {
        let error = client.call(Call { timeout, ..get() }).await.unwrap_err();

        assert_eq!(begun.elapsed(), Duration::from_secs(5));
        assert_eq!(error.kind(), &ErrorKind::Timeout);
        assert!(
            error.to_string().contains("options(deadline=...)"),
            "{error}"
        );
    }
    // The first one alone was sent.
    assert_eq!(script.times_sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_timeout_ends_first_and_says_so() {
    let script = Script::new(|_| Step::Silence);
    let client = client(&script).within(Deadline::start(Some(Duration::from_secs(5))));

    let error = client
        .call(Call {
            timeout: Some(Duration::from_secs(1)),
            ..get()
        })
        .await
        .unwrap_err();

    assert!(error.to_string().contains("its timeout"), "{error}");
}
