//! The events of calls, and what is counted.

use super::*;
use crate::events::{Event, Kind, Kinds, Stream, Trace, Wanted};

fn traced(client: &Client, kinds: Kinds) -> (Client, Arc<Trace>) {
    let wanted = Arc::new(Wanted::nothing());
    wanted.set(kinds);
    let trace = Trace::begin(&Stream::new(wanted)).unwrap();
    (client.clone().traced(Some(trace.clone())), trace)
}

fn everything() -> Kinds {
    let all = Kind::ALL.into_iter().fold(Kinds::NONE, Kinds::with);
    all.and(Kinds::CAPACITY)
}

/// Kind and number of the attempt.
fn steps_of(events: &[Event]) -> Vec<(&'static str, Option<u32>)> {
    let of = |event: &Event| (event.kind.name(), event.details.attempt);
    events.iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_followed_through_its_attempts() {
    let script = Script::new(|number| match number {
        0 => throttled(),
        1 => internal_error(),
        _ => answer(
            200,
            r#"{"ConsumedCapacity":{"TableName":"users","CapacityUnits":2.0}}"#,
        ),
    });
    let (client, trace) = traced(&client(&script), everything());

    client.call(get()).await.unwrap();

    let events = trace.take();
    assert_eq!(
        steps_of(&events),
        [
            ("call_started", None),
            ("attempt_ended", Some(1)),
            ("throttled", Some(1)),
            ("retry_planned", Some(2)),
            ("attempt_ended", Some(2)),
            ("retry_planned", Some(3)),
            ("attempt_ended", Some(3)),
            ("call_ended", Some(3)),
        ]
    );
    let throttled = &events[2].details;
    assert_eq!(throttled.status, Some(400));
    assert_eq!(throttled.request_id.as_deref(), Some("REQUEST1"));
    let reasons = throttled.error.as_ref().unwrap().throttling_reasons();
    assert_eq!(reasons[0].0, "TableWriteMaxOnDemandThroughputExceeded");
    assert_eq!(events[3].details.pause, Some(Duration::from_secs(1)));
    assert_eq!(events[7].details.status, Some(200));
    assert_eq!(events[7].details.read_units, Some(2.0));
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event.about.as_ref())
        .map(|about| about.number)
        .collect();
    assert_eq!(numbers, [numbers[0]; 8]);
    let counts = client.counts();
    assert_eq!(
        (
            counts.calls,
            counts.in_flight,
            counts.retries,
            counts.throttles
        ),
        (1, 0, 2, 1)
    );
    assert!(counts.bytes_sent > counts.bytes_received && counts.bytes_received > 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_ends_with_its_error() {
    let script = Script::new(|_| answer(400, GUARD_FAILED));
    let (client, trace) = traced(&client(&script), everything());

    client.call(put(Resend::Never)).await.unwrap_err();

    let events = trace.take();
    let last = &events.last().unwrap().details;
    assert_eq!((last.status, last.attempt), (Some(400), Some(1)));
    let code = last.error.as_ref().unwrap().code();
    assert_eq!(code, Some("ConditionalCheckFailedException"));
    assert!(last.response.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_was_cancelled() {
    let script = Script::new(|_| Step::Silence);
    let (client, trace) = traced(&client(&script), everything());
    let mut call = Box::pin(client.call(get()));
    assert!(poll_inline(call.as_mut()).is_pending());
    assert_eq!(client.counts().in_flight, 1);

    drop(call);

    assert_eq!(
        steps_of(&trace.take()),
        [("call_started", None), ("call_cancelled", None)]
    );
    assert_eq!(client.counts().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_before_it_is_sent_has_not_failed() {
    let script = Script::new(|_| served());
    let (client, trace) = traced(&client(&script), everything());
    let progress = Progress::default();
    progress.hold();
    assert!(progress.cancel());

    client.call_tracked(get(), progress).await.unwrap_err();

    assert_eq!(
        steps_of(&trace.take()),
        [("call_started", None), ("call_cancelled", None)]
    );
    assert_eq!((client.counts().retries, script.times_sent()), (0, 0));
    assert_eq!(client.shared.quota.left(), 500);
}

#[tokio::test(start_paused = true)]
async fn what_begins_after_its_caller_has_gone_has_no_events() {
    let script = Script::new(|_| served());
    let (client, trace) = traced(&client(&script), everything());
    trace.cancel();

    client.call(get()).await.unwrap();

    assert!(trace.take().is_empty());
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_counted_and_what_was_never_sent_has_no_attempt() {
    let script = Script::new(|_| Step::Silence);
    let (client, trace) = traced(&client(&script), everything());
    let late = |timeout| Call {
        timeout: Some(timeout),
        ..get()
    };

    client.call(late(Duration::ZERO)).await.unwrap_err();
    client.call(late(Duration::from_secs(1))).await.unwrap_err();

    assert_eq!(client.counts().timeouts, 2);
    assert_eq!(
        steps_of(&trace.take()),
        [
            ("call_started", None),
            ("call_ended", Some(0)),
            ("call_started", None),
            ("attempt_ended", Some(1)),
            ("call_ended", Some(1)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn bodies_are_kept_and_costs_are_requested_only_where_they_are_wanted() {
    let script = Script::new(|_| answer(200, r#"{"Item":{"id":{"S":"a"}}}"#));
    for (kinds, asks) in [
        (Kinds::NONE.with(Kind::CallEnded), false),
        (Kinds::NONE.with(Kind::CallEnded).and(Kinds::CAPACITY), true),
        (Kinds::NONE.with(Kind::CallEnded).and(Kinds::BODIES), false),
    ] {
        let (client, trace) = traced(&client(&script), kinds);

        client.call(get()).await.unwrap();

        let event = trace.take().pop().unwrap();
        assert_eq!(event.has_bodies(), kinds.covers(Kinds::BODIES));
        let sent = script.bodies().pop().unwrap();
        assert_eq!(sent.ends_with(br#""TOTAL"}"#), asks);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_says_how_many_rows_it_has_and_of_which_index() {
    let script = Script::new(|_| answer(200, r#"{"Items":[{},{}],"Count":2,"ScannedCount":5}"#));
    let (client, trace) = traced(&client(&script), everything());
    let query = Call {
        body: Bytes::from_static(br#"{"TableName":"users","IndexName":"by_email"}"#),
        ..call(Operation::Query, Resend::Always)
    };

    client.call(query).await.unwrap();

    let events = trace.take();
    let page = events.iter().find(|event| event.kind == Kind::PageRead);
    let page = page.unwrap();
    assert_eq!(
        (page.details.items, page.details.scanned),
        (Some(2), Some(5))
    );
    let about = page.about.as_ref().unwrap();
    assert_eq!(about.index.as_deref(), Some("by_email"));
    assert_eq!(*about.tables[0], *"users");
}
