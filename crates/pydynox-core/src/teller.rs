//! When those who take answers are told of them: at rest, or after many; and who gives way to whom meanwhile.

use std::sync::Arc;

/// Somebody who takes answers, on a thread that is woken for them.
pub trait Taker: Send + Sync {
    /// How many answers wait there.
    fn waiting(&self) -> usize;
    /// Has the thread look at them.
    fn wake(&self);
}

/// After so many answers their takers are told, however busy the thread is that gets them.
const MANY: usize = 32;
/// So many answers wait at a time that their taker is busy.
const BUSY: usize = 8;
/// So many times in a row one answer was alone that its taker is not busy any more.
const IDLE: u32 = 16;

/// Tells takers of answers, for the thread that gets the answers.
///
/// A taker is told once of what came together: when the thread goes to rest, or after many answers for anybody.
///
/// Where both share a core, each call that a busy taker starts would take the core from it, to send one request and to be switched
/// back. So while answers pile up the thread gives way: it lets a taker finish its turn, and sends and receives many at a time.
pub struct Teller {
    untold: Vec<Arc<dyn Taker>>,
    answers: usize,
    gives_way: bool,
    /// How many times in a row one answer was told of alone.
    alone: u32,
    give_way: Box<dyn FnMut(bool) + Send>,
}

impl Teller {
    /// `give_way` makes the thread give way from now on, or no longer.
    pub fn new(give_way: impl FnMut(bool) + Send + 'static) -> Self {
        Self {
            untold: Vec::new(),
            answers: 0,
            gives_way: false,
            alone: 0,
            give_way: Box::new(give_way),
        }
    }

    /// An answer waits. `is_first`: its taker was not told since it took answers last.
    pub fn answer(&mut self, taker: &Arc<impl Taker + 'static>, is_first: bool) {
        if is_first {
            self.untold.push(taker.clone());
        }
        self.answers += 1;
        if self.answers >= MANY {
            self.rest();
        }
    }

    /// The thread has nothing else to do.
    pub fn rest(&mut self) {
        self.answers = 0;
        while let Some(taker) = self.untold.pop() {
            self.mind(taker.waiting());
            taker.wake();
        }
    }

    fn mind(&mut self, waiting: usize) {
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

    impl Taker for Loop {
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

        fn answers(self: &Arc<Self>, teller: &mut Teller, count: usize) {
            for _ in 0..count {
                let before = self.waiting.fetch_add(1, Ordering::Relaxed);
                teller.answer(self, before == 0);
            }
        }

        fn take(&self) {
            self.waiting.store(0, Ordering::Relaxed);
        }
    }

    fn quiet() -> Teller {
        Teller::new(|_| ())
    }

    #[test]
    fn what_came_together_is_told_once_at_rest() {
        let (mut teller, one, other) = (quiet(), Arc::<Loop>::default(), Arc::<Loop>::default());
        one.answers(&mut teller, 5);
        other.answers(&mut teller, 1);
        assert_eq!((one.woken(), other.woken()), (0, 0));

        teller.rest();
        teller.rest();

        assert_eq!((one.woken(), other.woken()), (1, 1));
    }

    #[test]
    fn after_many_answers_all_are_told_whosever_they_are() {
        let (mut teller, calm, flooded) = (quiet(), Arc::<Loop>::default(), Arc::<Loop>::default());
        calm.answers(&mut teller, 1);
        flooded.answers(&mut teller, MANY - 2);
        assert_eq!((calm.woken(), flooded.woken()), (0, 0));

        flooded.answers(&mut teller, 1);
        assert_eq!((calm.woken(), flooded.woken()), (1, 1));

        // It was told, and has not looked yet.
        flooded.answers(&mut teller, 3 * MANY);
        teller.rest();
        assert_eq!((calm.woken(), flooded.woken()), (1, 1));
    }

    #[test]
    fn it_gives_way_while_answers_pile_up() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let sees = said.clone();
        let mut teller = Teller::new(move |gives| sees.lock().unwrap().push(gives));
        let event_loop = Arc::<Loop>::default();
        let mut turn = |answers| {
            event_loop.answers(&mut teller, answers);
            teller.rest();
            event_loop.take();
        };

        turn(BUSY - 1);
        assert!(said.lock().unwrap().is_empty());
        turn(BUSY);
        turn(BUSY);
        assert_eq!(*said.lock().unwrap(), [true]);
        for _ in 1..IDLE {
            turn(1);
        }
        turn(2);
        for _ in 1..IDLE {
            turn(1);
        }
        assert_eq!(*said.lock().unwrap(), [true]);
        turn(1);
        assert_eq!(*said.lock().unwrap(), [true, false]);
    }
}
