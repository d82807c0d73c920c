//! Writes that may have been applied: which are sent again, and what is said about the others.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_ambiguous_write_without_protection_is_not_sent_again() {
    let ambiguous: [fn() -> Step; 5] = [
        reset,
        internal_error,
        || html(502),
        || answer(200, "{"),
        || {
            Step::Fail(TransportError::maybe_sent(
                FailureKind::Timeout,
                "nothing came for 10 s",
            ))
        },
    ];
    for step in ambiguous {
        let script = Script::new(move |_| step());

        let error = client(&script).call(put(Resend::Never)).await.unwrap_err();

        assert_eq!(
            (error.kind(), script.times_sent()),
            (&ErrorKind::WriteOutcomeUnknown, 1)
        );
        assert!(error.ambiguous() && !error.retryable());
        assert!(error.cause().is_some());
        assert_eq!((error.operation(), error.attempts()), (Some("PutItem"), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_write_with_protection_is_sent_again() {
    for resend in [Resend::Always, Resend::OwnGuard, Resend::Token] {
        let script = Script::new(|n| if n == 0 { reset() } else { served() });
        assert_eq!(client(&script).call(put(resend)).await.unwrap().attempts, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_surely_not_applied_is_sent_again_whatever_it_is() {
    let script = Script::new(|n| match n {
        0 => Step::Fail(TransportError::not_sent(FailureKind::Connect, "refused")),
        1 => throttled(),
        _ => served(),
    });

    assert_eq!(
        client(&script)
            .call(put(Resend::Never))
            .await
            .unwrap()
            .attempts,
        3
    );
}

#[tokio::test(start_paused = true)]
async fn the_user_may_have_every_write_sent_again() {
    let script = Script::new(|n| if n == 0 { reset() } else { served() });
    let config = ClientConfig {
        retry_unsafe_writes: true,
        ..config()
    };

    assert_eq!(
        client_with(&script, config)
            .call(put(Resend::Never))
            .await
            .unwrap()
            .attempts,
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_after_an_ambiguous_attempt_is_no_success_but_says_that_it_may_be_ours()
{
    let script = Script::new(|n| {
        if n == 0 {
            reset()
        } else {
            answer(400, GUARD_FAILED)
        }
    });

    let create = Call {
        intent: Intent::Create,
        ..put(Resend::OwnGuard)
    };
    let error = client(&script).call(create).await.unwrap_err();

    let item = Some(Bytes::from_static(br#"{"id":{"S":"a"}}"#));
    assert_eq!(error.kind(), &ErrorKind::ItemAlreadyExists { item });
    assert!(error.ambiguous() && !error.applied());
    assert_eq!(error.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_at_once_is_not_ambiguous() {
    let script = Script::new(|_| answer(400, GUARD_FAILED));

    let error = client(&script)
        .call(put(Resend::OwnGuard))
        .await
        .unwrap_err();

    assert!(matches!(
        error.kind(),
        ErrorKind::ConditionFailed { item: Some(_) }
    ));
    assert!(!error.ambiguous());
}

#[tokio::test(start_paused = true)]
async fn a_guarded_write_that_finds_no_definitive_answer_has_an_unknown_outcome() {
    let script = Script::new(|n| if n == 0 { reset() } else { throttled() });

    let error = client(&script)
        .call(put(Resend::OwnGuard))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::WriteOutcomeUnknown, 4)
    );
    assert!(matches!(
        error.cause().unwrap().kind(),
        ErrorKind::Throttling { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_write_that_is_given_up_keeps_its_error_and_says_that_it_may_be_applied() {
    let script = Script::new(|_| reset());

    let error = client(&script).call(put(Resend::Always)).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::ConnectionFailed, 4)
    );
    assert!(error.ambiguous() && error.retryable());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_the_deadline_cuts_off_is_ambiguous() {
    let cut = async |resend| {
        let script = Script::new(|_| Step::Silence);
        client(&script).call(put(resend)).await.unwrap_err()
    };

    let idempotent = cut(Resend::Always).await;
    assert_eq!(
        (idempotent.kind(), idempotent.ambiguous()),
        (&ErrorKind::Timeout, true)
    );

    let other = cut(Resend::Never).await;
    assert_eq!(
        (other.kind(), other.ambiguous()),
        (&ErrorKind::WriteOutcomeUnknown, true)
    );
    assert_eq!(other.cause().unwrap().kind(), &ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_retried_and_never_ambiguous() {
    let script = Script::new(|_| reset());

    let error = client(&script)
        .call(call(Operation::Query, Resend::Never))
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::ConnectionFailed, 4)
    );
    assert!(!error.ambiguous());
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_is_replaced_at_once_and_counts_no_attempt() {
    for call in [get(), put(Resend::Always), put(Resend::Token)] {
        let script = Script::new(|n| if n == 0 { stale() } else { served() });
        let client = client_with(
            &script,
            ClientConfig {
                max_attempts: 1,
                ..config()
            },
        );

        let answer = client.call(call).await.unwrap();

        assert_eq!((answer.attempts, script.pauses()), (1, vec![0]));
        assert_eq!(client.shared.quota.left(), 500);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_stale_connection_is_a_failure_like_any_other() {
    let script = Script::new(|_| stale());

    let error = client(&script).call(get()).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::ConnectionFailed, 4)
    );
    assert_eq!(script.pauses(), [0, 25, 50, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_under_a_write_that_must_not_be_repeated_leaves_the_outcome_unknown() {
    let script = Script::new(|_| stale());

    let error = client(&script).call(put(Resend::Never)).await.unwrap_err();

    assert_eq!(
        (error.kind(), script.times_sent()),
        (&ErrorKind::WriteOutcomeUnknown, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_connection_under_a_guarded_write_counts_as_an_attempt() {
    let script = Script::new(|n| if n == 0 { stale() } else { served() });

    let answer = client(&script).call(put(Resend::OwnGuard)).await.unwrap();

    assert_eq!((answer.attempts, script.pauses()), (2, vec![25]));
}

const OWN_CREATE: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{"id":{"S":"a"},"version":{"N":"1"},"at":{"S":"us"}}}"#;

fn marked(mark: &str) -> Call {
    let proof = Proof {
        version: Some(("version".into(), Some(br#"{"N":"0"}"#.as_slice().into()))),
        mark: Some(("at".into(), mark.as_bytes().into())),
        ..Proof::default()
    };
    Call {
        intent: Intent::Save,
        proof: Some(Box::new(proof)),
        ..put(Resend::OwnGuard)
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_this_very_write_made_false_is_success_if_the_stored_item_proves_it() {
    let after_a_reset = async |mark| {
        let script = Script::new(|n| {
            if n == 0 {
                reset()
            } else {
                answer(400, OWN_CREATE)
            }
        });
        client(&script).call(marked(mark)).await
    };

    let answer = after_a_reset(r#"{"S":"us"}"#).await.unwrap();
    let item = r#"{"id":{"S":"a"},"version":{"N":"1"},"at":{"S":"us"}}"#;
    assert_eq!(answer.body, format!(r#"{{"Attributes":{item}}}"#));
    assert_eq!(answer.attempts, 2);

    let error = after_a_reset(r#"{"S":"them"}"#).await.unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::VersionConflict { item: Some(_) }
    ));
    assert!(error.ambiguous());
}

#[tokio::test(start_paused = true)]
async fn what_looks_like_our_own_item_at_the_first_attempt_is_not() {
    let script = Script::new(|_| answer(400, OWN_CREATE));

    let error = client(&script)
        .call(marked(r#"{"S":"us"}"#))
        .await
        .unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::VersionConflict { .. }));
    assert!(!error.ambiguous());
}

const CONFLICT: &str = r#"{"__type":"x#TransactionCanceledException","message":"no","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}"#;

fn transaction(token: Option<&str>) -> Call {
    let sealed = Transaction::default().seal(token).unwrap();
    Call {
        body: sealed.body,
        own_token: sealed.own_token,
        ..call(Operation::TransactWriteItems, Resend::Token)
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_met_a_conflict_is_another_one_the_next_time() {
    let script = Script::new(|n| {
        if n == 0 {
            answer(400, CONFLICT)
        } else {
            served()
        }
    });

    client(&script).call(transaction(None)).await.unwrap();

    let bodies = script.bodies();
    assert_eq!(bodies.len(), 2);
    assert_ne!(bodies[0], bodies[1]);
    assert_eq!(bodies[0].len(), bodies[1].len());
}

#[tokio::test(start_paused = true)]
async fn a_token_stays_where_an_attempt_may_have_been_applied_and_where_it_is_the_callers() {
    let bodies_of = async |call, steps: [fn() -> Step; 3]| {
        let script = Script::new(move |n| steps[n]());
        client(&script).call(call).await.unwrap();
        script.bodies()
    };
    let conflict = || answer(400, CONFLICT);

    let doubtful = bodies_of(transaction(None), [reset, conflict, served]).await;
    assert!(doubtful.iter().all(|body| *body == doubtful[0]));

    let given = bodies_of(transaction(Some("mine")), [conflict, conflict, served]).await;
    assert!(given.iter().all(|body| *body == given[0]));
}
