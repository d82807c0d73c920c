//! Tests of `limiter`.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn forever() -> Deadline {
    Deadline::start(None)
}

fn limit(read_units: Option<f64>, write_units: Option<f64>, burst: f64) -> RateLimit {
    RateLimit {
        read_units,
        write_units,
        burst,
    }
}

#[test]
fn what_is_no_rate_is_refused() {
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for (limit, name) in [
            (limit(Some(wrong), None, 1.0), "rcu"),
            (limit(Some(1.0), Some(wrong), 1.0), "wcu"),
            (limit(Some(1.0), None, wrong), "burst"),
        ] {
            let error = limit.check().unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration);
            assert!(
                error
                    .message()
                    .starts_with(&format!("RateLimit({name}=...) must be a positive number")),
                "{error}"
            );
        }
    }
    assert!(
        limit(None, None, 1.0)
            .check()
            .unwrap_err()
            .message()
            .contains("limits nothing")
    );
    limit(None, Some(0.5), 2.0).check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_rate_holds_after_the_burst() {
    let bucket = Bucket::new(10.0, 1.0);
    let begun = Instant::now();

    for _ in 0..110 {
        assert!(bucket.take(1.0, &forever()).await);
    }

    // Ten from the burst, a hundred at ten a second.
    let elapsed = begun.elapsed().as_secs_f64();
    assert!((10.0..10.2).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_burst_goes_and_leaves_a_debt() {
    let bucket = Bucket::new(10.0, 1.0);
    let begun = Instant::now();

    bucket.take(50.0, &forever()).await;
    let large = begun.elapsed();
    bucket.take(1.0, &forever()).await;

    assert!(large.is_zero());
    let elapsed = begun.elapsed().as_secs_f64();
    assert!((4.1..4.12).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn who_came_first_goes_first_and_nothing_small_overtakes() {
    let bucket = Arc::new(Bucket::new(1.0, 1.0));
    bucket.take(1.0, &forever()).await;
    let order = Arc::new(Mutex::new(Vec::new()));

    let tasks: Vec<_> = [1.0, 0.1, 1.0, 0.1]
        .into_iter()
        .enumerate()
        .map(|(number, units)| {
            let (bucket, order) = (bucket.clone(), order.clone());
            tokio::spawn(async move {
                bucket.take(units, &forever()).await;
                lock(&order).push(number);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    assert_eq!(*lock(&order), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_while_waiting_has_taken_nothing() {
    let bucket = Arc::new(Bucket::new(1.0, 1.0));
    bucket.take(1.0, &forever()).await;
    let begun = Instant::now();
    let waiting = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (bucket, waiting) = (bucket.clone(), waiting.clone());
            tokio::spawn(async move {
                waiting.fetch_add(1, Ordering::Relaxed);
                bucket.take(1.0, &forever()).await;
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(waiting.load(Ordering::Relaxed), 20);
    for task in &tasks {
        task.abort();
    }

    bucket.take(1.0, &forever()).await;

    let elapsed = begun.elapsed().as_secs_f64();
    assert!((1.0..1.02).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn units_that_come_back_wake_who_waits() {
    let bucket = Arc::new(Bucket::new(1.0, 10.0));
    bucket.take(10.0, &forever()).await;
    let begun = Instant::now();
    let waiting = {
        let bucket = bucket.clone();
        tokio::spawn(async move { bucket.take(5.0, &forever()).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;

    bucket.give_back(4.0);
    assert!(waiting.await.unwrap());

    let elapsed = begun.elapsed().as_secs_f64();
    assert!((1.0..1.02).contains(&elapsed), "{elapsed}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_comes_too_late_is_not_waited_for() {
    let limiter = Limiter::new(limit(Some(1.0), None, 1.0));
    let timers = Timers::default();
    let deadline = Deadline::start(Some(Duration::from_secs(5)));
    assert!(limiter.take(Access::Read, 30.0, &deadline, &timers).await);
    let begun = Instant::now();

    assert!(!limiter.take(Access::Read, 1.0, &deadline, &timers).await);

    assert!(begun.elapsed().is_zero());
    assert!(limiter.take(Access::Write, 1e9, &deadline, &timers).await);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_expected_to_cost_what_the_last_one_did() {
    let limiter = Limiter::new(limit(Some(100.0), Some(100.0), 1.0));
    let table: Arc<str> = "users".into();
    let estimate = Estimate {
        units: 2.0,
        parts: 2.0,
        is_exact: false,
    };
    let operation = Operation::BatchGetItem;

    limiter.settle(&operation, &table, Access::Read, 2.0, 20.0, estimate);

    let three = Estimate {
        units: 3.0,
        parts: 3.0,
        is_exact: false,
    };
    assert!((limiter.expect(&operation, &table, three) - 30.0).abs() < 1e-9);
    assert!((limiter.expect(&operation, &"others".into(), three) - 3.0).abs() < 1e-9);
    let exact = Estimate {
        is_exact: true,
        ..three
    };
    assert!((limiter.expect(&operation, &table, exact) - 3.0).abs() < 1e-9);
}
