//! Which events are kept, and in which order they are taken.

#![allow(clippy::unwrap_used)]

use super::*;

fn stream_of(kinds: Kinds) -> Arc<Stream> {
    let wanted = Arc::new(Wanted::nothing());
    wanted.set(kinds);
    Stream::new(wanted)
}

fn about(number: u64) -> Arc<About> {
    Arc::new(About {
        number,
        operation: Operation::GetItem,
        tables: vec!["users".into()],
        index: None,
        size: None,
        batch: None,
        request_size: 2,
        request: Some(Bytes::from_static(b"{}")),
    })
}

fn kinds_of(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.name()).collect()
}

fn everything() -> Kinds {
    Kind::ALL.into_iter().fold(Kinds::NONE, Kinds::with)
}

#[test]
fn every_kind_has_a_name_and_a_bit_of_its_own() {
    let mut bits = Vec::new();
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        bits.push(Kinds::NONE.with(kind).bits());
    }
    bits.push(Kinds::BODIES.bits());
    bits.push(Kinds::CAPACITY.bits());
    bits.push(Kinds::REPEATED_ATTEMPTS.bits());
    bits.sort_unstable();
    bits.dedup();
    assert_eq!(bits.len(), Kind::ALL.len() + 3);
    assert_eq!(
        bits.iter().sum::<u32>(),
        bits.iter().fold(0, |all, bit| all | bit)
    );
}

#[test]
fn without_an_observer_there_is_no_trace_and_no_event_is_built() {
    let stream = stream_of(Kinds::NONE);

    assert!(Trace::begin(&stream).is_none());
    stream.note(Kind::ConnectionOpened, || unreachable!("no one wants it"));
}

#[test]
fn a_trace_keeps_what_was_wanted_when_it_began() {
    let stream = stream_of(Kinds::NONE.with(Kind::CallEnded));
    let trace = Trace::begin(&stream).unwrap();
    let call = about(1);

    trace.started(&call, Details::default());
    trace.note(Kind::AttemptEnded, &call, || {
        unreachable!("no one wants it")
    });
    trace.ended(Kind::CallEnded, &call, Details::default);

    assert_eq!(kinds_of(&trace.take()), ["call_ended"]);
    assert!(trace.take().is_empty());
}

#[test]
fn a_cancelled_call_ends_once_and_what_comes_late_is_ignored() {
    let trace = Trace::begin(&stream_of(everything())).unwrap();
    let (call, other) = (about(1), about(2));
    trace.started(&call, Details::default());
    trace.started(&other, Details::default());
    trace.ended(Kind::CallEnded, &other, Details::default);

    trace.cancel();
    trace.note(Kind::AttemptEnded, &call, Details::default);
    trace.ended(Kind::CallCancelled, &call, Details::default);

    let events = trace.take();
    assert_eq!(
        kinds_of(&events),
        [
            "call_started",
            "call_started",
            "call_ended",
            "call_cancelled"
        ]
    );
    assert_eq!(events[3].about.as_ref().unwrap().number, 1);
    assert!(events[3].details.elapsed.is_some());
}

#[test]
fn only_attempts_of_calls_that_needed_several_are_kept_where_only_they_are_wanted() {
    let trace = Trace::begin(&stream_of(Kinds::REPEATED_ATTEMPTS)).unwrap();
    let call = about(1);
    trace.started(&call, Details::default());
    let attempt = |number| Details {
        attempt: Some(number),
        ..Details::default()
    };

    trace.attempted(&call, false, || unreachable!("no one wants it"));
    trace.attempted(&call, true, || attempt(2));

    let events = trace.take();
    assert_eq!(kinds_of(&events), ["attempt_ended"]);
    assert!(events[0].kinds().covers(Kinds::REPEATED_ATTEMPTS));
    let first = Event::now(Kind::AttemptEnded, attempt(1));
    assert!(!first.kinds().covers(Kinds::REPEATED_ATTEMPTS));
}

#[test]
fn a_cancelled_batch_ends_after_its_calls() {
    let trace = Trace::begin(&stream_of(everything())).unwrap();
    let (batch, call) = (about(1), about(2));
    trace.batch_started(&batch);
    trace.started(&call, Details::default());

    trace.cancel();
    trace.ended(Kind::BatchFlushed, &batch, || unreachable!("it has ended"));

    assert_eq!(
        kinds_of(&trace.take()),
        ["call_started", "call_cancelled", "batch_flushed"]
    );
}

#[test]
fn what_no_caller_took_waits_for_the_next_one() {
    let stream = stream_of(everything());
    let ahead = Trace::begin(&stream).unwrap();
    let call = about(1);
    ahead.started(&call, Details::default());
    drop(ahead);
    stream.note(Kind::ConnectionDropped, Details::default);

    let next = Trace::begin(&stream).unwrap();
    next.started(&about(2), Details::default());

    assert_eq!(
        kinds_of(&next.take()),
        ["call_started", "connection_dropped", "call_started"]
    );
    assert!(stream.take().is_empty());
}

#[test]
fn events_that_no_one_takes_are_bounded() {
    let stream = stream_of(everything());
    for number in 0..1_500 {
        stream.note(Kind::ConnectionOpened, || Details {
            items: Some(number),
            ..Details::default()
        });
    }

    let waiting = stream.take();
    assert_eq!(waiting.len(), 1_000);
    assert_eq!(waiting[0].details.items, Some(500));
}

#[test]
fn bodies_can_be_left_out_again() {
    let event = Event {
        about: Some(about(1)),
        ..Event::now(Kind::CallEnded, Details::default())
    };

    assert!(event.has_bodies());
    let without = event.without_bodies();
    assert!(!without.has_bodies());
    assert_eq!(without.about.unwrap().number, 1);
}
