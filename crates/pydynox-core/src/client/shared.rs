//! What all clones of a client use together.

use std::sync::Arc;

use super::config::ClientConfig;
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
}
