//! The faults that tests inject into a client: its calls go through them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Client;
use crate::transport::fault::{Faulty, Plan};

/// A client that was opened: as it is, and as its calls go.
pub struct Opened {
    plain: Client,
    /// The same where there is a fault to be done.
    faulty: Option<Client>,
}

impl Opened {
    /// What a call goes through.
    #[inline]
    pub fn client(&self) -> &Client {
        self.faulty.as_ref().unwrap_or(&self.plain)
    }
}

/// The faults of one client, those of the inner block last.
#[derive(Default)]
pub struct Injections(Mutex<Vec<Arc<Plan>>>);

impl Injections {
    /// From now on these faults are done too.
    pub fn add(&self, plan: &Arc<Plan>) {
        self.lock().push(plan.clone());
    }

    /// From now on these are not done.
    pub fn remove(&self, plan: &Arc<Plan>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, plan));
    }

    /// A client that was opened, on the way that the faults want.
    pub fn open(&self, plain: Client) -> Opened {
        let mut opened = Opened {
            plain,
            faulty: None,
        };
        self.reroute(&mut opened);
        opened
    }

    /// Its calls go through the faults that are wanted now, and through no others.
    pub fn reroute(&self, opened: &mut Opened) {
        let plans = self.lock();
        opened.faulty = (!plans.is_empty()).then(|| {
            opened.plain.through(|mut transport| {
                for plan in &*plans {
                    // The last plan ends up outermost, so the inner block's faults come first.
                    transport = Arc::new(Faulty::new(transport, plan.clone()));
                }
                transport
            })
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Plan>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
