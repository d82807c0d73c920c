//! The faults that tests inject into a client: its calls go through them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pydynox_core::client::Client as CoreClient;
use pydynox_core::transport::fault::{Faulty, Plan};

/// A client that was opened: as it is, and as its calls go.
pub(crate) struct Opened {
    plain: CoreClient,
    /// The same where there is a fault to be done.
    faulty: Option<CoreClient>,
}

impl Opened {
    /// What a call goes through.
    pub(crate) fn client(&self) -> &CoreClient {
        self.faulty.as_ref().unwrap_or(&self.plain)
    }
}

/// The faults of one client, those of the inner block last.
#[derive(Default)]
pub(crate) struct Injections(Mutex<Vec<Arc<Plan>>>);

impl Injections {
    pub(crate) fn add(&self, plan: &Arc<Plan>) {
        self.lock().push(plan.clone());
    }

    pub(crate) fn remove(&self, plan: &Arc<Plan>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, plan));
    }

    pub(crate) fn open(&self, plain: CoreClient) -> Opened {
        let mut opened = Opened {
            plain,
            faulty: None,
        };
        self.reroute(&mut opened);
        opened
    }

    pub(crate) fn reroute(&self, opened: &mut Opened) {
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
