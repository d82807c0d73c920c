//! Wakeups: when the consumers of answers are woken, at rest or after many answers, and which thread gives way meanwhile.

use std::sync::Arc;

/// A consumer of answers, on a thread that is woken for them.
pub trait Consumer: Send + Sync {
    /// Number of answers waiting.
    fn waiting(&self) -> usize;
    /// Wakes the thread to take them.
    fn wake(&self);
}

/// After this many answers consumers are woken, even if the thread that receives the answers is busy.
const MANY: usize = 32;
/// With this many answers waiting at a time a consumer is busy.
const BUSY: usize = 8;
/// After this many wakeups in a row for a single answer a consumer is no longer busy.
const IDLE: u32 = 16;

/// Wakes the consumers of answers, for the thread that gets the answers.
///
/// A consumer is woken once for answers that arrive together: when the thread rests, or after many answers in total.
///
/// Where both share a core, each call that a busy consumer starts would take the core from it to send one request and switch
/// back. So while answers pile up the thread gives way: it lets a consumer finish its turn, and sends and receives in bulk.
pub struct Wakeups {
    asleep: Vec<Arc<dyn Consumer>>,
    answers: usize,
    gives_way: bool,
    /// Number of times in a row that a consumer was woken for one answer.
    alone: u32,
    give_way: Box<dyn FnMut(bool) + Send>,
}

impl Wakeups {
    /// `give_way` makes the thread start or stop giving way.
    pub fn new(give_way: impl FnMut(bool) + Send + 'static) -> Self {
        Self {
            asleep: Vec::new(),
            answers: 0,
            gives_way: false,
            alone: 0,
            give_way: Box::new(give_way),
        }
    }

    /// An answer waits. `is_first`: its consumer was not woken since it last took answers.
    pub fn answer(&mut self, consumer: &Arc<impl Consumer + 'static>, is_first: bool) {
        if is_first {
            self.asleep.push(consumer.clone());
        }
        self.answers += 1;
        if self.answers >= MANY {
            self.rest();
        }
    }

    /// The thread has nothing else to do.
    pub fn rest(&mut self) {
        self.answers = 0;
        while let Some(consumer) = self.asleep.pop() {
            self.observe(consumer.waiting());
            consumer.wake();
        }
    }

    fn observe(&mut self, waiting: usize) {
        self.alone = if waiting > 1 {
            0
        } else {
            self.alone.saturating_add(1)
        };
        let gives_way = if self.gives_way {
            self.alone < IDLE
        } else {
            waiting >= BUSY
        };
        if gives_way != self.gives_way {
            self.gives_way = gives_way;
            (self.give_way)(gives_way);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Loop {
        waiting: AtomicUsize,
        woken: AtomicUsize,
    }

    impl Consumer for Loop {
        fn waiting(&self) -> usize {
            self.waiting.load(Ordering::Relaxed)
        }

        fn wake(&self) {
            self.woken.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Loop {
        fn woken(&self) -> usize {
            self.woken.load(Ordering::Relaxed)
        }

        fn answers(self: &Arc<Self>, wakeups: &mut Wakeups, count: usize) {
            for _ in 0..count {
                let before = self.waiting.fetch_add(1, Ordering::Relaxed);
                wakeups.answer(self, before == 0);
            }
        }

        fn take(&self) {
            self.waiting.store(0, Ordering::Relaxed);
        }
    }

    fn quiet() -> Wakeups {
        Wakeups::new(|_| ())
    }

    #[test]
    fn what_came_together_wakes_once_at_rest() {
        let (mut wakeups, one, other) = (quiet(), Arc::<Loop>::default(), Arc::<Loop>::default());
        one.answers(&mut wakeups, 5);
        other.answers(&mut wakeups, 1);
        assert_eq!((one.woken(), other.woken()), (0, 0));

        wakeups.rest();
        wakeups.rest();

        assert_eq!((one.woken(), other.woken()), (1, 1));
    }

    #[test]
    fn after_many_answers_all_are_woken_whosever_they_are() {
        let (mut wakeups, calm, flooded) =
            (quiet(), Arc::<Loop>::default(), Arc::<Loop>::default());
        calm.answers(&mut wakeups, 1);
        flooded.answers(&mut wakeups, MANY - 2);
        assert_eq!((calm.woken(), flooded.woken()), (0, 0));

        flooded.answers(&mut wakeups, 1);
        assert_eq!((calm.woken(), flooded.woken()), (1, 1));

        // It was woken, and has not looked yet.
        flooded.answers(&mut wakeups, 3 * MANY);
        wakeups.rest();
        assert_eq!((calm.woken(), flooded.woken()), (1, 1));
    }

    #[test]
    fn it_gives_way_while_answers_pile_up() {
        let changes = Arc::new(Mutex::new(Vec::new()));
        let seen = changes.clone();
        let mut wakeups = Wakeups::new(move |gives| seen.lock().unwrap().push(gives));
        let event_loop = Arc::<Loop>::default();
        let mut turn = |answers| {
            event_loop.answers(&mut wakeups, answers);
            wakeups.rest();
            event_loop.take();
        };

        turn(BUSY - 1);
        assert!(changes.lock().unwrap().is_empty());
        turn(BUSY);
        turn(BUSY);
        assert_eq!(*changes.lock().unwrap(), [true]);
        for _ in 1..IDLE {
            turn(1);
        }
        turn(2);
        for _ in 1..IDLE {
            turn(1);
        }
        assert_eq!(*changes.lock().unwrap(), [true]);
        turn(1);
        assert_eq!(*changes.lock().unwrap(), [true, false]);
    }
}
