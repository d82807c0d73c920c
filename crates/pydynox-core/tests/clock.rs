//! The clock, in a process of its own: it is one for all threads.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use pydynox_core::clock;
use pydynox_core::retry::deadline::{Deadline, Pause, Timers};
use tokio::time::Instant;

const HOUR: Duration = Duration::from_hours(1);

#[allow(clippy::unnecessary_wraps)] // as a source is declared
fn of_host() -> Option<i64> {
    Some(1_000_000)
}

#[tokio::test]
async fn time_is_followed_moved_passed_by_waiting_and_released() {
    let (date, begun) = (clock::microseconds(), Instant::now());

    clock::follow(of_host);
    assert_eq!(clock::microseconds(), 1_000_000);
    assert!((clock::latest() - 1_000_000).abs() < 5_000_000);

    clock::advance(HOUR);
    let moved = clock::microseconds();
    assert_eq!(moved, 1_000_000 + 3_600_000_000);
    assert_eq!((clock::latest(), clock::microseconds()), (moved, moved));
    assert!(clock::instant().duration_since(begun) >= HOUR);

    let deadline = Deadline::start(Some(HOUR));
    Pause::new(HOUR / 2).await;
    assert_eq!(clock::microseconds(), moved + 1_800_000_000);

    let timers = Timers::default();
    let wait =
        tokio::spawn(async move { deadline.bound(&timers, std::future::pending::<()>()).await });
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(!wait.is_finished());
    clock::advance(HOUR);
    assert_eq!(wait.await.unwrap(), None);

    let (reached, before) = (clock::instant(), clock::microseconds());
    clock::move_to(5);
    assert_eq!((clock::microseconds(), clock::instant()), (5, reached));
    clock::move_to(before + 7);
    assert_eq!(clock::microseconds(), before + 7);

    clock::release();
    assert!((0..30_000_000).contains(&(clock::microseconds() - date)));
    assert!(begun.elapsed() < Duration::from_secs(30));
}
