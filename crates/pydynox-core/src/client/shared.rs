//! What all clones of a client use together.

use std::sync::Arc;

use super::config::ClientConfig;
use super::counters::Counters;
use crate::events::Stream;
use crate::limiter::Limiter;
use crate::retry::deadline::Timers;
use crate::retry::policy::Quota;
use crate::transport::Transport;

/// What all clones of a client use together.
pub(super) struct Shared {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) config: ClientConfig,
    pub(super) quota: Quota,
    pub(super) timers: Timers,
    pub(super) limiter: Option<Limiter>,
    pub(super) counters: Counters,
    pub(super) stream: Arc<Stream>,
}

impl Shared {
    /// The same settings over another transport, with a retry quota, a rate and counters of its own.
    pub(super) fn with(&self, transport: Arc<dyn Transport>, stream: Arc<Stream>) -> Self {
        Self {
            transport,
            config: self.config.clone(),
            quota: Quota::new(),
            timers: Timers::default(),
            limiter: self.config.rate_limit.map(Limiter::new),
            counters: Counters::default(),
            stream,
        }
    }
}
