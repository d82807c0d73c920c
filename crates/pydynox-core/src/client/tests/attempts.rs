//! What is retried, how often and after which pause, and what the last error says.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_is_served_at_once_takes_one_attempt_and_no_time() {
    let script = Script::new(|_| answer(200, r#"{"Item":{}}"#));
    let begun = Instant::now();

    let answer = client(&script).call(get()).await.unwrap();

    assert_eq!(answer.body, r#"{"Item":{}}"#);
    assert_eq!(
        (answer.attempts, answer.request_id.as_deref()),
        (1, Some("REQUEST1"))
    );
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn throttled_twice_then_served_takes_three_attempts_with_growing_pauses() {
    let script = Script::new(|n| if n < 2 { throttled() } else { served() });

    let answer = client(&script).call(put(Resend::Never)).await.unwrap();

    assert_eq!(answer.attempts, 3);
    assert_eq!(script.pauses(), [1_000, 2_000]);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_sends_the_same_bytes() {
    let script = Script::new(|n| if n < 3 { internal_error() } else { served() });

    client(&script).call(get()).await.unwrap();

    let sent = script.sent.lock().unwrap();
    assert_eq!(sent.len(), 4);
    assert!(
        sent.iter()
            .all(|(_, request)| request.body == sent[0].1.body)
    );
    assert!(
        sent.iter()
            .all(|(_, request)| request.body.as_ptr() == sent[0].1.body.as_ptr())
    );
}

#[tokio::test(start_paused = true)]
async fn throttled_for_ever_is_a_throttling_error_with_its_reasons() {
    let script = Script::new(|_| throttled());

    let error = client(&script).call(get()).await.unwrap_err();

    let reason = (
        "TableWriteMaxOnDemandThroughputExceeded".to_owned(),
        "arn:aws:dynamodb:eu-west-1:1:table/users".to_owned(),
    );
    assert_eq!(error.throttling_reasons(), [reason]);
    assert_eq!(script.pauses(), [1_000, 2_000, 4_000]);
    assert_eq!(
        (error.operation(), error.table(), error.code()),
        (Some("GetItem"), Some("users"), Some("ThrottlingException"))
    );
    assert_eq!(
        (error.request_id(), error.status(), error.attempts()),
        (Some("REQUEST1"), Some(400), 4)
    );
    assert_eq!(error.elapsed(), Some(Duration::from_secs(7)));
    assert!(error.retryable() && !error.ambiguous() && !error.applied());
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_service_are_retried_as_transient_and_then_named() {
    for status in [500, 502, 503, 504] {
        let script = Script::new(move |_| html(status));

        let error = client(&script).call(get()).await.unwrap_err();

        assert_eq!(script.pauses(), [25, 50, 100], "{status}");
        assert_eq!(
            (error.kind(), error.status(), error.attempts()),
            (&ErrorKind::Request, Some(status), 4)
        );
        assert!(error.to_string().contains("text/html"), "{error}");
        assert!(
            error.to_string().contains(&format!("status {status}")),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_request_is_not_retried() {
    let script =
        Script::new(|_| answer(400, r#"{"__type":"x#ValidationException","message":"no"}"#));

    let error = client(&script).call(get()).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::InvalidRequest, 1)
    );
    assert!(!error.retryable());
    assert_eq!(
        error.to_string(),
        "GetItem on table 'users': no (ValidationException, status 400, request id REQUEST1)"
    );
}

#[tokio::test(start_paused = true)]
async fn no_connection_is_transient() {
    let script = Script::new(|_| {
        Step::Fail(TransportError::not_sent(
            FailureKind::Connect,
            "no route to host",
        ))
    });

    let error = client(&script).call(put(Resend::Never)).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::ConnectionFailed, 4)
    );
    assert!(error.retryable() && !error.ambiguous());
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_refuses_by_itself_is_believed_at_once_and_counts_no_attempt() {
    let script = Script::new(|_| {
        Step::Fail(TransportError::Refused(Error::new(
            ErrorKind::Credentials,
            "no credentials found",
        )))
    });

    let error = client(&script).call(put(Resend::Never)).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts(), script.times_sent()),
        (&ErrorKind::Credentials, 0, 1)
    );
    assert_eq!(
        error.to_string(),
        "PutItem on table 'users': no credentials found"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_embedded_engine_is_ours_and_not_retried() {
    let script =
        Script::new(|_| Step::Fail(TransportError::not_sent(FailureKind::Engine, "disk full")));

    let error = client(&script).call(put(Resend::Always)).await.unwrap_err();

    assert_eq!(
        (error.kind(), script.times_sent()),
        (&ErrorKind::Internal, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn one_allowed_attempt_means_no_retry() {
    let script = Script::new(|_| throttled());

    let error = client_with(
        &script,
        ClientConfig {
            max_attempts: 1,
            ..config()
        },
    )
    .call(get())
    .await
    .unwrap_err();

    assert_eq!((error.attempts(), script.times_sent()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn damaged_answers_are_transient_and_never_handed_out() {
    let damaged: [fn() -> Step; 4] = [
        || {
            with(answer(200, r#"{"Item":{}}"#), |response| {
                response.headers.crc32 = Some(7);
            })
        },
        || answer(200, r#"{"Item":{"id":{"S":"a"#),
        || answer(200, "[1]"),
        || answer(200, ""),
    ];
    for damage in damaged {
        let once = Script::new(move |n| if n == 0 { damage() } else { served() });
        assert_eq!(client(&once).call(get()).await.unwrap().attempts, 2);

        let always = Script::new(move |_| damage());
        let error = client(&always).call(get()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.attempts()),
            (&ErrorKind::InvalidResponse, 4)
        );
        assert_eq!(
            (error.request_id(), error.status()),
            (Some("REQUEST1"), Some(200))
        );
        assert_eq!(always.pauses(), [25, 50, 100]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_wish_of_the_service_is_heard_within_bounds() {
    for (wish, pause) in [(10, 1_000), (2_500, 2_500), (60_000, 6_000)] {
        let script = Script::new(move |n| match n {
            0 => with(throttled(), |response| {
                response.headers.retry_after_ms = Some(wish);
            }),
            _ => served(),
        });

        client(&script).call(get()).await.unwrap();

        assert_eq!(script.pauses(), [pause], "{wish}");
    }
}
