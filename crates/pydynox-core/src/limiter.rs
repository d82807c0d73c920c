//! Rate limits: token buckets that calls wait for, corrected by the consumed capacity that the answers report.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Mutex as Turn, Notify};
use tokio::time::Instant;

use crate::capacity::{Access, Estimate};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::retry::deadline::{Deadline, Pause, Timers};
use crate::transport::Operation;

/// Longest pause that is computed; a longer one is checked again when it ends.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Differences of units up to this count as rounding errors.
const NOTHING: f64 = 1e-9;

/// How fast calls may use capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Read units per second; None for no limit.
    pub read_units: Option<f64>,
    /// Write units per second; None for no limit.
    pub write_units: Option<f64>,
    /// How many seconds' worth of unused capacity may be used at once.
    pub burst: f64,
}

impl RateLimit {
    /// Refuses a rate that is not valid.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] names what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::new(ErrorKind::Configuration, what));
        for (name, rate) in [("rcu", self.read_units), ("wcu", self.write_units)] {
            if let Some(rate) = rate.filter(|rate| !is_positive(*rate)) {
                return refuse(format!(
                    "RateLimit({name}=...) must be a positive number of units per second, or None for no limit; got {rate}"
                ));
            }
        }
        if !is_positive(self.burst) {
            return refuse(format!(
                "RateLimit(burst=...) must be a positive number of seconds; got {}",
                self.burst
            ));
        }
        if self.read_units.is_none() && self.write_units.is_none() {
            return refuse("RateLimit() limits nothing: pass rcu=, wcu=, or both".to_owned());
        }
        Ok(())
    }
}

fn is_positive(number: f64) -> bool {
    number.is_finite() && number > 0.0
}

/// The lowest rate of an adaptive limit, in units per second.
const LEAST_RATE: f64 = 1.0;
/// The initial rate of an adaptive limit without a ceiling.
const FIRST_RATE: f64 = 400.0;
/// How long a change of the rate is given to take effect.
const SETTLING: Duration = Duration::from_millis(250);
/// The factor by which the rate falls when it was just too high, and when it still is.
const EASED: f64 = 0.97;
const CUT: f64 = 0.8;
/// How many seconds nothing is sent after that, so that the table has capacity left for requests in flight.
const REST: f64 = 0.15;
/// How much the rate grows in a second, as a share of itself: while no bound is known, and near the rate that was too high.
const GROWTH: f64 = 1.0;
const PROBING: f64 = 0.02;

/// The buckets of a client, or of a bulk job.
#[derive(Debug)]
pub struct Limiter {
    read: Option<Bucket>,
    write: Option<Bucket>,
    /// The last known cost of one part of a request, by operation and table.
    learned: Mutex<HashMap<(Operation, Arc<str>), f64>>,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let bucket = |rate: Option<f64>| rate.map(|rate| Bucket::new(rate, limit.burst));
        Self {
            read: bucket(limit.read_units),
            write: bucket(limit.write_units),
            learned: Mutex::default(),
        }
    }

    /// A limit that discovers the available capacity: it grows while nothing is refused, and falls back when something is. Never
    /// exceeds a ceiling, in units per second.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`]: a ceiling is not a positive number.
    pub fn adaptive(read: Option<f64>, write: Option<f64>) -> Result<Self, Error> {
        for (name, rate) in [("target_rcu", read), ("target_wcu", write)] {
            if let Some(rate) = rate.filter(|rate| !is_positive(*rate)) {
                let message = format!(
                    "{name} must be a positive number of units per second, or None; got {rate}"
                );
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        Ok(Self {
            read: Some(Bucket::adaptive(read)),
            write: Some(Bucket::adaptive(write)),
            learned: Mutex::default(),
        })
    }

    /// The current rates of reading and writing, in units per second; None for no limit.
    pub fn rates(&self) -> (Option<f64>, Option<f64>) {
        let rate = |bucket: &Bucket| lock(&bucket.level).rate;
        (self.read.as_ref().map(rate), self.write.as_ref().map(rate))
    }

    /// The service refused something of this kind because of its rate.
    pub(crate) fn throttled(&self, access: Access) {
        if let Some(bucket) = self.bucket(access) {
            bucket.slow_down();
        }
    }

    /// Whether requests of this kind wait at all.
    pub(crate) fn limits(&self, access: Access) -> bool {
        self.bucket(access).is_some()
    }

    fn bucket(&self, access: Access) -> Option<&Bucket> {
        match access {
            Access::Read => self.read.as_ref(),
            Access::Write => self.write.as_ref(),
        }
    }

    /// The units that a request takes before its real cost is known.
    pub(crate) fn expect(
        &self,
        operation: &Operation,
        table: &Arc<str>,
        estimate: Estimate,
    ) -> f64 {
        if estimate.is_exact {
            return estimate.units;
        }
        let learned = lock(&self.learned);
        let last = learned.get(&(operation.clone(), table.clone()));
        last.map_or(estimate.units, |last| {
            // The estimate is the least that the request can cost.
            estimate.units.max(last * estimate.parts)
        })
    }

    /// Waits until it is this request's turn and takes its units; false if that cannot happen before the deadline.
    pub(crate) async fn take(
        &self,
        access: Access,
        units: f64,
        deadline: &Deadline,
        timers: &Timers,
    ) -> bool {
        let Some(bucket) = self.bucket(access) else {
            return true;
        };
        let taken = Box::pin(bucket.take(units, deadline));
        deadline.bound(timers, taken).await.unwrap_or(false)
    }

    /// Corrects the units that a request took, once its real cost is known.
    pub(crate) fn settle(
        &self,
        operation: &Operation,
        table: &Arc<str>,
        access: Access,
        taken: f64,
        cost: f64,
        estimate: Estimate,
    ) {
        if !estimate.is_exact {
            // By part, because the next request may have another number of them.
            let each = cost / estimate.parts;
            lock(&self.learned).insert((operation.clone(), table.clone()), each);
        }
        self.give_back(access, taken - cost);
    }

    /// Gives units back, or takes more if they are negative.
    pub(crate) fn give_back(&self, access: Access, units: f64) {
        if let Some(bucket) = self.bucket(access) {
            bucket.give_back(units);
        }
    }
}

/// Units that arrive at a rate and are saved up to a maximum. A request that needs more is sent when the bucket is full, leaving
/// a debt that later ones wait for: the rate is kept, whatever the size of a request.
#[derive(Debug)]
struct Bucket {
    /// Seconds' worth of units that may be saved up.
    burst: f64,
    /// The ceiling of a rate that changes; None if it is fixed.
    adapts: Option<f64>,
    level: Mutex<Level>,
    /// Held by the request that is first in line; the others wait in order of arrival. Waiting uses no units, so a cancelled
    /// request has nothing to return.
    turn: Turn<()>,
    /// Units came back: the request that is first in line checks again.
    changed: Notify,
}

#[derive(Debug)]
struct Level {
    units: f64,
    at: Instant,
    rate: f64,
    /// When the rate last fell, and how many times in a row before that.
    fell: Option<(Instant, u32)>,
    /// The rate at which something was last refused.
    too_much: Option<f64>,
}

impl Bucket {
    fn new(rate: f64, burst: f64) -> Self {
        Self {
            burst,
            adapts: None,
            level: Mutex::new(Level {
                units: rate * burst,
                at: clock::instant(),
                rate,
                fell: None,
                too_much: None,
            }),
            turn: Turn::new(()),
            changed: Notify::new(),
        }
    }

    fn adaptive(ceiling: Option<f64>) -> Self {
        let first = ceiling.unwrap_or(FIRST_RATE);
        Self {
            adapts: Some(ceiling.unwrap_or(f64::INFINITY)),
            // Little is saved up: capacity that was unused a while ago does not show what is available now.
            ..Self::new(first, 0.1)
        }
    }

    fn slow_down(&self) {
        if self.adapts.is_none() {
            return;
        }
        let mut level = lock(&self.level);
        self.fill(&mut level);
        let now = clock::instant();
        // Refusals right after a fall concern requests that were sent at the old rate; those of the next interval show that it
        // was not enough.
        let times = match level.fell {
            Some((at, _)) if now.saturating_duration_since(at) < SETTLING => return,
            Some((at, times)) if now.saturating_duration_since(at) < SETTLING * 2 => times + 1,
            _ => 0,
        };
        level.too_much = Some(level.rate);
        level.rate = (level.rate * if times == 0 { EASED } else { CUT }).max(LEAST_RATE);
        // Never raised: a debt that is deeper than the rest must still be paid.
        level.units = level.units.min(-REST * level.rate);
        level.fell = Some((now, times));
    }

    async fn take(&self, units: f64, deadline: &Deadline) -> bool {
        // One at a time: if later requests checked the level too, small ones would overtake a large one forever.
        let _turn = self.turn.lock().await;
        loop {
            // Created before the check, so that units that come back in between are not missed.
            let changed = self.changed.notified();
            let Some(wait) = self.try_take(units) else {
                return true;
            };
            if !deadline.allows(wait) {
                return false;
            }
            either(Pause::new(wait), changed).await;
        }
    }

    /// Takes the units, or returns how long it will be until they can be taken.
    fn try_take(&self, units: f64) -> Option<Duration> {
        let mut level = lock(&self.level);
        self.fill(&mut level);
        let missing = units.min(level.rate * self.burst) - level.units;
        if missing > NOTHING {
            let wait = Duration::try_from_secs_f64(missing / level.rate).unwrap_or(LONGEST_PAUSE);
            // A timer counts in whole milliseconds, so that a shorter wait would be zero.
            return Some(wait.clamp(Duration::from_millis(1), LONGEST_PAUSE));
        }
        level.units -= units;
        None
    }

    fn give_back(&self, units: f64) {
        let mut level = lock(&self.level);
        self.fill(&mut level);
        level.units = (level.units + units).min(level.rate * self.burst);
        // The waiter that is woken takes this lock first.
        drop(level);
        if units > 0.0 {
            // It stores no permit, unlike `notify_one`: the waiter has created its future before it checks.
            self.changed.notify_waiters();
        }
    }

    fn fill(&self, level: &mut Level) {
        let now = clock::instant();
        let elapsed = now.saturating_duration_since(level.at).as_secs_f64();
        if let Some(ceiling) = self.adapts {
            let near = level.too_much.is_some_and(|rate| level.rate > rate * 0.9);
            let growth = if near { PROBING } else { GROWTH };
            let settling = level
                .fell
                .is_some_and(|(at, _)| now.saturating_duration_since(at) < SETTLING);
            if !settling {
                // At most one second counts: after an idle period the rate must not jump.
                level.rate = (level.rate * (1.0 + growth * elapsed.min(1.0))).min(ceiling);
            }
        }
        level.units = (level.units + elapsed * level.rate).min(level.rate * self.burst);
        level.at = now;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for whichever completes first.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        if one.as_mut().poll(cx).is_ready() || other.as_mut().poll(cx).is_ready() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests;
