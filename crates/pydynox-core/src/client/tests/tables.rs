//! Waiting for a table to be active or gone.

use super::*;

#[tokio::test(start_paused = true)]
async fn creating_a_table_waits_with_growing_pauses_until_it_is_active() {
    let script = Script::new(|n| match n {
        0 => served(),
        1 => no_table(),
        2..=9 => table("CREATING"),
        _ => table("ACTIVE"),
    });

    client(&script).create_table(create(), true).await.unwrap();

    assert_eq!(script.operations()[..2], ["CreateTable", "DescribeTable"]);
    assert_eq!(
        script.pauses(),
        [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]
    );
    assert_eq!(
        script.sent.lock().unwrap()[1].1.body,
        r#"{"TableName":"users"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_a_table_waits_until_it_is_gone() {
    let script = Script::new(|n| match n {
        0 => served(),
        1..=3 => table("DELETING"),
        _ => no_table(),
    });

    client(&script).delete_table(delete(), true).await.unwrap();

    assert_eq!(script.times_sent(), 5);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_one_request_is_sent() {
    let script = Script::new(|_| served());

    client(&script).create_table(create(), false).await.unwrap();
    client(&script).delete_table(delete(), false).await.unwrap();

    assert_eq!(script.operations(), ["CreateTable", "DeleteTable"]);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_refused_is_not_waited_for() {
    let script = Script::new(|_| {
        answer(
            400,
            r#"{"__type":"x#ResourceInUseException","message":"Table already exists"}"#,
        )
    });

    let error = client(&script)
        .create_table(create(), true)
        .await
        .unwrap_err();

    assert_eq!(
        (error.code(), script.times_sent()),
        (Some("ResourceInUseException"), 1)
    );
    assert!(!error.applied());
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_become_active_is_not_waited_for_for_ever() {
    let script = Script::new(|n| if n == 0 { served() } else { table("CREATING") });
    let begun = Instant::now();

    let error = client(&script)
        .create_table(create(), true)
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), error.table()),
        (&ErrorKind::Timeout, Some("users"))
    );
    assert!(error.applied());
    // Another pause of 5 s would end after the last moment.
    assert!(begun.elapsed() <= TABLE_WAIT_TIMEOUT);
    assert!(begun.elapsed() + Duration::from_secs(5) >= TABLE_WAIT_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_wait_outlives_bad_moments_of_the_service_but_not_its_refusal() {
    let script = Script::new(|n| match n {
        0 => served(),
        1..=6 => internal_error(),
        _ => table("ACTIVE"),
    });
    assert!(client(&script).create_table(create(), true).await.is_ok());

    let script = Script::new(|n| match n {
        0 => served(),
        _ => answer(
            400,
            r#"{"__type":"x#AccessDeniedException","message":"no"}"#,
        ),
    });
    let error = client(&script)
        .create_table(create(), true)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.operation(), error.applied()),
        (&ErrorKind::AccessDenied, Some("DescribeTable"), true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_description_of_another_shape_is_an_invalid_response() {
    let script = Script::new(|n| {
        if n == 0 {
            served()
        } else {
            answer(200, r#"{"Table":[]}"#)
        }
    });

    let error = client(&script)
        .create_table(create(), true)
        .await
        .unwrap_err();

    assert_eq!(
        (error.kind(), error.request_id()),
        (&ErrorKind::InvalidResponse, Some("REQUEST1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_single_look_at_the_table_never_outlasts_the_wait() {
    let script = Script::new(|n| if n == 0 { served() } else { Step::Silence });
    let begun = Instant::now();

    let call = Call {
        timeout: Some(Duration::MAX),
        ..create()
    };
    let error = client(&script).create_table(call, true).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Timeout);
    assert_eq!(begun.elapsed(), TABLE_WAIT_TIMEOUT);
}
