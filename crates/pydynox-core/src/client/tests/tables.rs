//! Waiting for a table to be active or gone.

use super::*;

fn waiter(script: &Arc<Script>) -> Waiter {
    Waiter::new(client(script), "users", Some(TABLE_WAIT_TIMEOUT))
}

fn with_index(status: &str) -> Step {
    with(answer(200, ""), |response| {
        response.body = format!(
            r#"{{"Table":{{"TableStatus":"ACTIVE","GlobalSecondaryIndexes":[{{"IndexName":"a","IndexStatus":"{status}"}}]}}}}"#
        )
        .into();
    })
}

#[tokio::test(start_paused = true)]
async fn a_new_table_is_looked_at_with_growing_pauses_until_it_is_active() {
    let script = Script::new(|n| match n {
        0 => no_table(),
        1..=8 => table("CREATING"),
        _ => table("ACTIVE"),
    });

    let answer = waiter(&script).wait(Goal::Active).await.unwrap();

    assert!(Goal::Active.is_reached(&answer.body).unwrap());
    assert_eq!(script.operations()[..1], ["DescribeTable"]);
    assert_eq!(
        script.pauses(),
        [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]
    );
    assert_eq!(
        script.sent.lock().unwrap()[0].1.body,
        r#"{"TableName":"users"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn a_table_is_ready_when_its_indexes_are() {
    let script = Script::new(|n| with_index(if n < 3 { "CREATING" } else { "ACTIVE" }));

    waiter(&script).wait(Goal::Active).await.unwrap();

    assert_eq!(script.times_sent(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_deleted_is_looked_at_until_it_is_gone() {
    let script = Script::new(|n| match n {
        0..=2 => table("DELETING"),
        _ => no_table(),
    });

    let answer = waiter(&script).wait(Goal::Gone).await.unwrap();

    assert_eq!((script.times_sent(), &answer.body[..]), (4, &b"{}"[..]));
}

#[tokio::test(start_paused = true)]
async fn one_look_is_one_look_and_pauses_begin_anew_after_a_restart() {
    let script = Script::new(|_| table("UPDATING"));
    let waiter = waiter(&script);

    for _ in 0..3 {
        let answer = waiter.look(Goal::Active).await.unwrap();
        assert!(!Goal::Active.is_reached(&answer.body).unwrap());
    }
    waiter.restart();
    for _ in 0..2 {
        waiter.look(Goal::Active).await.unwrap();
    }

    assert_eq!(script.pauses(), [100, 200, 0, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_going_away_does_not_become_active() {
    for status in [
        "DELETING",
        "ARCHIVED",
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
    ] {
        let script = Script::new(move |_| table(status));

        let error = waiter(&script).wait(Goal::Active).await.unwrap_err();

        assert!(error.to_string().contains(status), "{error}");
        assert_eq!((error.table(), script.times_sent()), (Some("users"), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_become_active_is_not_waited_for_for_ever() {
    let script = Script::new(|_| table("CREATING"));
    let begun = Instant::now();

    let error = waiter(&script).wait(Goal::Active).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.table()),
        (&ErrorKind::Timeout, Some("users"))
    );
    // Another pause of 5 s would end after the last moment.
    assert!(begun.elapsed() <= TABLE_WAIT_TIMEOUT);
    assert!(begun.elapsed() + Duration::from_secs(5) >= TABLE_WAIT_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_wait_outlives_bad_moments_of_the_service_but_not_its_refusal() {
    let script = Script::new(|n| match n {
        0..=5 => internal_error(),
        _ => table("ACTIVE"),
    });
    assert!(waiter(&script).wait(Goal::Active).await.is_ok());

    let script = Script::new(|_| {
        answer(
            400,
            r#"{"__type":"x#AccessDeniedException","message":"no"}"#,
        )
    });
    let error = waiter(&script).wait(Goal::Active).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (&ErrorKind::AccessDenied, Some("DescribeTable"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_description_of_another_shape_is_an_invalid_response() {
    let script = Script::new(|_| answer(200, r#"{"Table":[]}"#));

    let error = waiter(&script).wait(Goal::Active).await.unwrap_err();

    assert_eq!(
        (error.kind(), error.request_id()),
        (&ErrorKind::InvalidResponse, Some("REQUEST1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_single_look_at_the_table_never_outlasts_the_wait() {
    let script = Script::new(|_| Step::Silence);
    let client = client_with(
        &script,
        ClientConfig {
            timeout: None,
            ..config()
        },
    );
    let begun = Instant::now();

    let waiter = Waiter::new(client, "users", Some(TABLE_WAIT_TIMEOUT));
    let error = waiter.wait(Goal::Active).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Timeout);
    assert_eq!(begun.elapsed(), TABLE_WAIT_TIMEOUT);
}
