//! Time: pauses, deadlines, and the guard that ends an exchange at its deadline. No timer exists outside a runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::process::Maker;

/// A timeout in seconds, as users write it.
///
/// # Errors
/// [`ErrorKind::Configuration`] when it is zero, negative, infinite or not a number.
pub fn timeout_from_seconds(name: &str, seconds: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        // A positive number rounds to zero below half a nanosecond.
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| refuse_timeout(name, &seconds.to_string()))
}

/// Rejects a timeout that no call can meet.
pub(crate) fn check_timeout(timeout: Option<Duration>) -> Result<(), Error> {
    match timeout {
        Some(Duration::ZERO) => Err(refuse_timeout("timeout", "0")),
        _ => Ok(()),
    }
}

fn refuse_timeout(name: &str, given: &str) -> Error {
    let none = if name == "timeout" {
        ", or None to wait forever"
    } else {
        ""
    };
    let message = format!("{name} must be a positive number of seconds{none}; got {given}");
    Error::new(ErrorKind::Configuration, message)
}

/// A timer that is created on the first poll inside a runtime.
///
/// Futures of the client may be polled once on a thread without a runtime, where a tokio timer would panic. There
/// the timer stays pending; the caller that polled moves the future into a runtime and polls it again.
#[derive(Debug)]
struct Timer {
    /// `None` never fires.
    until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether it goes by real time even if a test moves the clock.
    is_real: bool,
}

impl Timer {
    fn new(until: Option<Instant>, is_real: bool) -> Self {
        Self {
            until,
            sleep: None,
            is_real,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else {
            return Poll::Pending;
        };
        if clock::is_on() && !self.is_real {
            return self.poll_moved(until, cx);
        }
        if self.sleep.is_none() && Handle::try_current().is_err() {
            return Poll::Pending;
        }
        self.sleep
            .get_or_insert_with(|| Box::pin(sleep_until(until)))
            .as_mut()
            .poll(cx)
    }

    /// The same on a clock that a test may move: while it is stopped, waiting is what moves it.
    #[cold]
    fn poll_moved(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if clock::is_still() {
            clock::reach(until);
            return Poll::Ready(());
        }
        poll_ticking(&mut self.sleep, until, cx)
    }
}

/// Polls a clock that a test may move at any time, which wakes no one: it is looked at again and again.
fn poll_ticking(
    sleep: &mut Option<Pin<Box<Sleep>>>,
    until: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let now = clock::instant();
        if now >= until {
            return Poll::Ready(());
        }
        if Handle::try_current().is_err() {
            return Poll::Pending;
        }
        let next = clock::TICK.min(until - now);
        let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + next)));
        ready!(Pin::new(&mut unconstrained(sleep.as_mut())).poll(cx));
        sleep.as_mut().reset(Instant::now() + next);
    }
}

/// A pause, measured from its creation; safe to poll outside a runtime.
#[derive(Debug)]
pub struct Pause {
    timer: Option<Timer>,
}

impl Pause {
    /// A pause of this length; ready immediately when it is zero.
    pub fn new(length: Duration) -> Self {
        let until = || clock::instant().checked_add(length);
        let timer = (!length.is_zero()).then(|| Timer::new(until(), false));
        Self { timer }
    }

    /// A pause in real time: it neither follows nor moves the clock of a test. For waiting until someone else has done something.
    pub fn real(length: Duration) -> Self {
        let until = || Instant::now().checked_add(length);
        let timer = (!length.is_zero()).then(|| Timer::new(until(), true));
        Self { timer }
    }

    /// The same, from half of this length to all of it, so that callers that wait for the same thing spread out.
    pub fn jittered(length: Duration) -> Self {
        Self::real(length.mul_f64(0.5 + fastrand::f64() / 2.0))
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.timer {
            Some(timer) => timer.poll(cx),
            None => Poll::Ready(()),
        }
    }
}

/// Timers that were set but not needed, kept for reuse.
///
/// Almost every deadline is far away and never reached. Setting a timer makes the runtime wake itself up, which costs a system
/// call and an event; so a used timer stays set, and its next owner checks the clock when it fires too early. All users must
/// share one runtime.
#[derive(Debug, Default)]
pub struct Timers {
    list: Mutex<Vec<Pin<Box<Sleep>>>>,
    maker: Maker,
}

impl Drop for Timers {
    fn drop(&mut self) {
        // A forked child leaks them: dropping a timer takes locks of the parent's runtime, which the fork may have left held.
        let list = self.list.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.maker.let_go(std::mem::take(list));
    }
}

impl Timers {
    /// Most timers kept.
    const MOST: usize = 256;

    fn take(&self, until: Instant) -> Pin<Box<Sleep>> {
        match self.list().pop() {
            None => Box::pin(sleep_until(until)),
            Some(mut sleep) => {
                // Only an earlier time is set here; `poll_until` sets a later one when the timer fires, which is rare.
                if until < sleep.deadline() {
                    sleep.as_mut().reset(until);
                }
                sleep
            }
        }
    }

    fn give_back(&self, sleep: Pin<Box<Sleep>>) {
        let mut list = self.list();
        if list.len() < Self::MOST {
            list.push(sleep);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Pin<Box<Sleep>>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls a timer that may have been set for an earlier time than this one.
///
/// It is polled after the future that it bounds, which may have used up the task's budget. tokio would then report the timer as
/// pending without checking the clock, so a socket that always has bytes would never reach its deadline.
pub(crate) fn poll_until(
    sleep: &mut Pin<Box<Sleep>>,
    until: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        ready!(Pin::new(&mut unconstrained(sleep.as_mut())).poll(cx));
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(until);
    }
}

/// When a call started and when it must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    started: Instant,
    at: Option<Instant>,
    /// Whether the deadline covers more than this one call.
    is_shared: bool,
    /// Whether it goes by real time even if a test moves the clock.
    is_real: bool,
}

impl Deadline {
    /// Starts the clock. A timeout beyond the end of time sets no deadline.
    pub fn start(timeout: Option<Duration>) -> Self {
        let started = clock::instant();
        Self {
            started,
            at: timeout.and_then(|timeout| started.checked_add(timeout)),
            is_shared: false,
            is_real: false,
        }
    }

    /// One that no test's clock reaches, for a thread that has to look after something else in between.
    pub fn of_thread(length: Duration) -> Self {
        let started = Instant::now();
        Self {
            started,
            at: started.checked_add(length),
            is_shared: false,
            is_real: true,
        }
    }

    /// The same deadline, but no later than `other`, which covers more than this call.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        match (self.at, other.at) {
            (_, None) => self,
            (Some(own), Some(at)) if own < at => self,
            (_, at) => Self {
                at,
                is_shared: true,
                ..self
            },
        }
    }

    /// Whether it is not the call's own deadline.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        clock::instant().saturating_duration_since(self.started)
    }

    /// Whether there is time to start something after a pause of this length.
    pub(crate) fn allows(&self, pause: Duration) -> bool {
        let Some(at) = self.at else {
            return true;
        };
        clock::instant()
            .checked_add(pause)
            .is_some_and(|then| then < at)
    }

    /// Time remaining; `None` when there is no deadline.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.at
            .map(|at| at.saturating_duration_since(clock::instant()))
    }

    /// Waits for this, but not beyond the deadline; `None` means that the deadline came first.
    pub fn bound<'a, F: Future + Unpin>(&self, timers: &'a Timers, awaited: F) -> Bounded<'a, F> {
        Bounded {
            awaited,
            until: self.at,
            is_real: self.is_real,
            timers,
            sleep: None,
        }
    }
}

/// A future that ends at a deadline. It costs no timer when its first poll is ready.
pub struct Bounded<'a, F> {
    awaited: F,
    until: Option<Instant>,
    is_real: bool,
    timers: &'a Timers,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<F: Future + Unpin> Future for Bounded<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is polled before the clock is checked: an answer that arrived together with the deadline counts.
        if let Poll::Ready(answer) = Pin::new(&mut self.awaited).poll(cx) {
            return Poll::Ready(Some(answer));
        }
        let Some(until) = self.until else {
            return Poll::Pending;
        };
        if clock::is_on() && !self.is_real {
            return poll_ticking(&mut self.sleep, until, cx).map(|()| None);
        }
        if self.sleep.is_none() {
            // The first poll may be outside a runtime, where a timer cannot exist; see `Timer`.
            if Handle::try_current().is_err() {
                return Poll::Pending;
            }
            self.sleep = Some(self.timers.take(until));
        }
        match &mut self.sleep {
            Some(sleep) => poll_until(sleep, until, cx).map(|()| None),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Bounded<'_, F> {
    fn drop(&mut self) {
        if let Some(sleep) = self.sleep.take() {
            self.timers.give_back(sleep);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::task::coop;

    use super::*;

    #[test]
    fn timeouts_that_are_no_positive_number_of_seconds_are_refused() {
        for seconds in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-12] {
            let error = timeout_from_seconds("timeout", seconds).unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration, "{seconds}");
            assert!(
                error
                    .to_string()
                    .starts_with("timeout must be a positive number")
            );
        }
        assert_eq!(
            timeout_from_seconds("read_timeout", 1.5).unwrap(),
            Duration::from_millis(1500)
        );
    }

    #[test]
    fn a_pause_polled_outside_of_a_runtime_is_pending_and_makes_no_timer() {
        let mut pause = Pause::new(Duration::from_millis(1));
        let mut cx = Context::from_waker(std::task::Waker::noop());

        assert!(Pin::new(&mut pause).poll(&mut cx).is_pending());

        assert!(pause.timer.unwrap().sleep.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_lasts_as_long_as_it_says() {
        let begun = Instant::now();

        Pause::new(Duration::from_secs(3)).await;
        Pause::new(Duration::ZERO).await;

        assert_eq!(begun.elapsed().as_secs(), 3);
    }

    #[tokio::test]
    async fn a_deadline_comes_although_what_it_bounds_uses_up_the_budget_of_its_task() {
        let timers = Timers::default();
        let begun = Instant::now();
        // As a socket from which there is always more to read.
        let busy = std::future::poll_fn(|cx| {
            while let Poll::Ready(budget) = coop::poll_proceed(cx) {
                budget.made_progress();
            }
            if begun.elapsed() < Duration::from_secs(5) {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        });

        let ended = Deadline::start(Some(Duration::from_millis(50)))
            .bound(&timers, busy)
            .await;

        assert_eq!(ended, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_beyond_the_end_of_time_does_not_end() {
        let waited =
            tokio::time::timeout(Duration::from_secs(1 << 30), Pause::new(Duration::MAX)).await;
        assert!(waited.is_err());
        assert!(Deadline::start(Some(Duration::MAX)).allows(Duration::from_secs(1)));
    }
}
