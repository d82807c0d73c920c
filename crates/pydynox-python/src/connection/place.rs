//! Places: where the items of a client are, an engine in this process or the service, and how either is opened.

use std::sync::Arc;

use pydynox_aws::Surroundings;
use pydynox_core::error::Error;
use pydynox_core::events::Stream;
use pydynox_core::transport::Transport;
use pydynox_core::transport::http::{Http, HttpConfig};
use pydynox_embedded::Location;

/// Where a client's items are.
pub(super) enum Place {
    Embedded(Location),
    Service(Box<Service>),
    Unsaid(Box<Unsaid>),
}

/// For a client whose caller named no endpoint.
pub(super) struct Unsaid {
    pub(super) service: Service,
    /// The engine that the environment named when the client was made.
    pub(super) embedded: Option<Location>,
    /// It was made within a test, whose environment does not count once the test has ended.
    pub(super) made_in_test: bool,
}

/// How the service is reached.
pub(super) struct Service {
    pub(super) http: HttpConfig,
    pub(super) settings: pydynox_aws::Settings,
}

impl Unsaid {
    pub(super) fn embedded(&self) -> Result<Option<Location>, Error> {
        if self.made_in_test {
            return embedded_in_environment();
        }
        Ok(self.embedded.clone())
    }
}

impl Service {
    pub(super) fn open(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error> {
        let http = HttpConfig {
            stream: stream.clone(),
            ..self.http.clone()
        };
        let surroundings = Arc::new(Surroundings::new(self.settings.clone())?);
        let http = Http::new(http, surroundings.clone(), surroundings)?;
        Ok(Arc::new(http))
    }
}

/// The embedded engine that the environment names, if it names one.
pub(super) fn embedded_in_environment() -> Result<Option<Location>, Error> {
    match pydynox_aws::endpoint_of_environment()? {
        Some(url) => Location::parse(&url),
        None => Ok(None),
    }
}
