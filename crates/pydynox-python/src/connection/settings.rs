//! Settings of a `DynamoDBClient`: extracted, checked by the core, and opened when the first call needs them.

use std::sync::Arc;

use pydynox_core::client::Client as CoreClient;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::codec::DataKeys;
use pydynox_core::cursor::CursorKeys;
use pydynox_core::error::Error;
use pydynox_core::events::{Stream, Wanted};
use pydynox_core::transport::Transport;
use pydynox_embedded::Location;
use pyo3::prelude::*;

use crate::connection::data_keys::Keys;
use crate::connection::isolation::{self, Stage, StandIn};
use crate::connection::place::Place;
use crate::exceptions::{configuration_error, raise, validation_error};
use pydynox_core::table_name::{is_arn, prefixed, wrong_characters, wrong_length};

/// A client's settings, checked.
pub(crate) struct Settings {
    pub(super) place: Place,
    pub(super) config: ClientConfig,
    pub(crate) table_prefix: Box<str>,
    /// What encrypts and authenticates cursors.
    pub(crate) cursor_keys: CursorKeys,
    /// Whether messages may show keys.
    pub(crate) shows_keys: bool,
    /// Whether messages may show values.
    pub(crate) shows_values: bool,
    /// Items above this many bytes cause a warning.
    pub(crate) warns_above: usize,
    pub(super) keyring: Option<Keys>,
    /// Which events its observers want.
    pub(crate) wanted: Arc<Wanted>,
}

impl Settings {
    /// Whether requests are answered by an engine in this process.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.place, Place::Embedded(_))
    }

    /// The table of a model as it is sent.
    pub(crate) fn table_of(
        &self,
        py: Python<'_>,
        (model, table): (&str, &str),
    ) -> PyResult<String> {
        let name = self.table_named(table);
        match wrong_length(&name) {
            None => Ok(name),
            Some(why) => Err(configuration_error(py, &format!("{model}: {why}"))),
        }
    }

    /// A table that a caller names, as it is sent.
    pub(crate) fn table_given(&self, py: Python<'_>, table: &str) -> PyResult<String> {
        let name = self.table_named(table);
        match wrong_characters(&name).or_else(|| wrong_length(&name)) {
            None => Ok(name),
            Some(why) => Err(validation_error(py, &why)),
        }
    }

    /// Whether a table is sent under the same name that a model or a caller gives it.
    pub(crate) fn sends_as_declared(&self, table: &str) -> bool {
        (self.table_prefix.is_empty() && isolation::table_prefix().is_none()) || is_arn(table)
    }

    /// A table by the name that a model or a caller gives it.
    pub(crate) fn table_named(&self, table: &str) -> String {
        let of_test = isolation::table_prefix();
        let of_test = of_test.as_ref().map_or("", |setup| &setup.table_prefix);
        prefixed([of_test, &self.table_prefix], table)
    }

    /// The engine in this process that it leads to, if it leads to one.
    pub(crate) fn location(&self) -> Option<&Location> {
        match &self.place {
            Place::Embedded(location) => Some(location),
            _ => None,
        }
    }

    /// The core's client over this transport.
    pub(crate) fn over(
        &self,
        transport: Arc<dyn Transport>,
        stream: Arc<Stream>,
    ) -> Result<CoreClient, Error> {
        Ok(CoreClient::new(transport, self.config.clone())?.reporting(stream))
    }

    /// The data keys of the client's keyring, if it has one.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Option<Arc<DataKeys>>> {
        let Some(keys) = &self.keyring else {
            return Ok(None);
        };
        // First, since a user's own keyring runs their code in tests too.
        if keys.given.is_own() {
            return keys.of_loop(py).map(Some);
        }
        if keys.given.is_remote()
            && let Some(stage) = isolation::current()
        {
            return keys.of_test(py, &stage).map(Some);
        }
        if let Some(opened) = keys.opened.get() {
            return Ok(Some(opened.clone()));
        }
        let opened = keys.make().map_err(|error| raise(py, &error))?;
        Ok(Some(keys.opened.get_or_init(|| Arc::new(opened)).clone()))
    }

    /// Whether a test decides where the calls go, or at least who signs them.
    pub(crate) fn is_isolated(&self) -> bool {
        !matches!(self.place, Place::Embedded(_))
    }

    /// Whether its data keys come from a service without an explicit endpoint.
    pub(crate) fn needs_a_service_for_keys(&self) -> bool {
        self.keyring
            .as_ref()
            .is_some_and(|keys| keys.given.is_remote() && !keys.given.has_endpoint())
    }

    /// The core's client for the place that the settings lead to.
    pub(crate) fn open(&self) -> Result<CoreClient, Error> {
        let stream = self.stream();
        let transport = self.own_transport(&stream)?;
        self.over(transport, stream)
    }

    /// The same during a test: without its own endpoint it leads to the test's items.
    pub(crate) fn open_within(&self, stage: &Stage) -> Result<CoreClient, Error> {
        let stream = self.stream();
        let transport = match &self.place {
            Place::Unsaid(_) => stage.transport(&stream)?,
            _ => self.own_transport(&stream)?,
        };
        self.over(transport, stream)
    }

    /// The events of a client that is opened now.
    pub(crate) fn stream(&self) -> Arc<Stream> {
        Stream::new(self.wanted.clone())
    }

    /// The transport that the settings lead to outside tests.
    pub(crate) fn own_transport(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error> {
        match &self.place {
            Place::Embedded(location) => pydynox_embedded::open(location),
            Place::Service(service) => service.open(stream),
            Place::Unsaid(unsaid) => match unsaid.embedded()? {
                Some(location) => pydynox_embedded::open(&location),
                None => unsaid.service.open(stream),
            },
        }
    }
}

impl StandIn for Settings {
    fn transport(&self, stream: &Arc<Stream>) -> Result<Arc<dyn Transport>, Error> {
        self.own_transport(stream)
    }

    fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        if !self.needs_a_service_for_keys()
            && let Some(keys) = Self::keys(self, py)?
        {
            return Ok(keys);
        }
        Err(configuration_error(
            py,
            "a KmsKeyring without an endpoint_url= would call AWS KMS, which no test reaches: give the test's DynamoDB a keyring that stands in for it, with the fixture dynamodb_options: {\"keyring\": LocalKeyring({\"test\": os.urandom(32)})}",
        ))
    }
}
