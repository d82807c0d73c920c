//! What a `DynamoDBClient` was given: extracted, checked by the core, and opened when the first call needs it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use pydynox_aws::{AssumeRole, Surroundings};
use pydynox_core::client::Client as CoreClient;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::codec::{DataKeys, KeyLimits};
use pydynox_core::cursor::CursorKeys;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::retry::deadline::timeout_from_seconds;
use pydynox_core::size::MAX_ITEM_SIZE;
use pydynox_core::transport::Transport;
use pydynox_core::transport::http::{Http, HttpConfig};
use pydynox_embedded::Location;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::connection::credentials::GivenCredentials;
use crate::connection::isolation::{self, Stage, StandIn};
use crate::connection::keyring::{GivenKeyring, GivenLimits, key_limits};
use crate::connection::meter::rate_limit;
use crate::exceptions::{configuration_error, raise, validation_error};
use crate::interpreter::{bridge, runtime, text};

/// Characters that the name of a table has.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
const MIN_TABLE_NAME: usize = 3;
const MAX_TABLE_NAME: usize = 255;

/// Where a client's items are.
enum Place {
    Embedded(Location),
    Service(Box<Service>),
    Unsaid(Box<Unsaid>),
}

/// Of a client whose caller named no endpoint.
struct Unsaid {
    service: Service,
    /// The engine that the environment named when the client was made.
    embedded: Option<Location>,
    /// It was made within a test, whose environment says nothing about the time afterwards.
    made_in_test: bool,
}

/// How the service is reached.
struct Service {
    http: HttpConfig,
    settings: pydynox_aws::Settings,
}

/// A client's settings, checked.
pub(crate) struct Settings {
    place: Place,
    config: ClientConfig,
    pub(crate) table_prefix: Box<str>,
    /// What encrypts and authenticates cursors.
    pub(crate) cursor_keys: CursorKeys,
    /// Whether messages may show keys.
    pub(crate) shows_keys: bool,
    /// Whether messages may show values.
    pub(crate) shows_values: bool,
    /// Bytes of an item from which on it is warned of.
    pub(crate) warns_above: usize,
    keyring: Option<Keys>,
}

/// An event loop, and the data keys that are asked for in it.
type OfLoop = (Option<Py<PyAny>>, Arc<DataKeys>);

/// Where data keys come from, and those of this process, once one was asked for.
struct Keys {
    given: GivenKeyring,
    limits: KeyLimits,
    surroundings: Option<pydynox_aws::Settings>,
    opened: OnceLock<Arc<DataKeys>>,
    /// Of a keyring of the user's, by event loop; None where no loop runs.
    by_loop: Mutex<Vec<OfLoop>>,
    /// Of a service, within the test of this number: asked with credentials that are not the machine's.
    of_test: Mutex<Option<(u64, Arc<DataKeys>)>>,
}

/// ARN, session name, external id, seconds.
type Role = (String, Option<String>, Option<String>, Option<f64>);

/// The settings as Python hands them over.
#[derive(FromPyObject)]
struct Given {
    #[pyo3(item)]
    region: Option<String>,
    #[pyo3(item)]
    endpoint_url: Option<String>,
    #[pyo3(item)]
    profile: Option<String>,
    #[pyo3(item)]
    credentials: Option<GivenCredentials>,
    #[pyo3(item)]
    assume_role: Option<Role>,
    #[pyo3(item)]
    table_prefix: String,
    #[pyo3(item)]
    timeout: Option<f64>,
    #[pyo3(item)]
    read_timeout: f64,
    #[pyo3(item)]
    connect_timeout: f64,
    #[pyo3(item)]
    max_attempts: i64,
    #[pyo3(item)]
    max_connections: i64,
    #[pyo3(item)]
    ca_bundle: Option<PathBuf>,
    #[pyo3(item)]
    cursor_keys: Vec<Vec<u8>>,
    #[pyo3(item)]
    rate_limit: Option<(Option<f64>, Option<f64>, f64)>,
    #[pyo3(item)]
    retry_unsafe_writes: bool,
    #[pyo3(item)]
    max_decompressed: i64,
    #[pyo3(item)]
    errors: String,
    #[pyo3(item)]
    size_warning: Option<f64>,
    #[pyo3(item)]
    keyring: Option<GivenKeyring>,
    #[pyo3(item)]
    data_key_cache: Option<GivenLimits>,
}

/// What is wrong with the length of a table's name; nothing is said of ARNs.
fn wrong_length(name: &str) -> Option<String> {
    if (MIN_TABLE_NAME..=MAX_TABLE_NAME).contains(&name.len()) || name.starts_with("arn:") {
        return None;
    }
    Some(format!(
        "the table is called {name:?} here, which has {} characters: a name has {MIN_TABLE_NAME} to {MAX_TABLE_NAME}, table_prefix included",
        name.len()
    ))
}

/// What is wrong with its characters; those of models were looked at when the class was made.
fn wrong_characters(name: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.bytes().all(is_allowed) || name.starts_with("arn:") {
        return None;
    }
    Some(format!(
        "no table is called {name:?}: a name has letters, digits, _, - and ., table_prefix included; an ARN is one too"
    ))
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

    /// Whether a table is sent under the very name that a model or a caller gives it.
    pub(crate) fn sends_as_declared(&self, table: &str) -> bool {
        self.table_prefix.is_empty() || table.starts_with("arn:")
    }

    /// A table by the name that a model or a caller gives it.
    pub(crate) fn table_named(&self, table: &str) -> String {
        if self.sends_as_declared(table) {
            table.to_owned()
        } else {
            [&self.table_prefix, table].concat()
        }
    }

    /// Checks what a client was given.
    pub(crate) fn new(py: Python<'_>, given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let given: Given = given.map_or_else(
            || Err(configuration_error(py, "a client needs settings")),
            |given| {
                text::check_settings(given)?;
                given.extract()
            },
        )?;
        let shows_keys = match given.errors.as_str() {
            "full" | "keys" => true,
            "none" => false,
            other => {
                return Err(configuration_error(
                    py,
                    &format!("errors={other:?} is none of \"full\", \"keys\" and \"none\""),
                ));
            }
        };
        let shows_values = given.errors == "full";
        given
            .checked(shows_keys, shows_values)
            .map_err(|error| raise(py, &error))
    }

    /// The data keys of the client's keyring, if it has one.
    pub(crate) fn keys(&self, py: Python<'_>) -> PyResult<Option<Arc<DataKeys>>> {
        let Some(keys) = &self.keyring else {
            return Ok(None);
        };
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

    /// Whether its data keys are those of a service by an address that nobody named.
    pub(crate) fn needs_a_service_for_keys(&self) -> bool {
        self.keyring
            .as_ref()
            .is_some_and(|keys| keys.given.is_remote() && !keys.given.has_endpoint())
    }

    /// The core's client over whatever the settings lead to.
    pub(crate) fn open(&self) -> Result<CoreClient, Error> {
        CoreClient::new(self.own_transport()?, self.config.clone())
    }

    /// The same while a test is under way: without an endpoint of its own it leads to the test's items.
    pub(crate) fn open_within(&self, stage: &Stage) -> Result<CoreClient, Error> {
        let transport = match &self.place {
            Place::Unsaid(_) => stage.transport()?,
            _ => self.own_transport()?,
        };
        CoreClient::new(transport, self.config.clone())
    }

    fn own_transport(&self) -> Result<Arc<dyn Transport>, Error> {
        match &self.place {
            Place::Embedded(location) => pydynox_embedded::open(location),
            Place::Service(service) => service.open(),
            Place::Unsaid(unsaid) => match unsaid.embedded()? {
                Some(location) => pydynox_embedded::open(&location),
                None => unsaid.service.open(),
            },
        }
    }
}

impl StandIn for Settings {
    fn transport(&self) -> Result<Arc<dyn Transport>, Error> {
        self.own_transport()
    }

    fn keys(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        if !self.needs_a_service_for_keys()
            && let Some(keys) = Self::keys(self, py)?
        {
            return Ok(keys);
        }
        Err(configuration_error(
            py,
            "a KmsKeyring without an endpoint_url= would ask AWS KMS, which no test reaches: give the test's DynamoDB a keyring to \
             stand in for it, as the fixture dynamodb_options: {\"keyring\": LocalKeyring({\"test\": os.urandom(32)})}",
        ))
    }
}

impl Unsaid {
    fn embedded(&self) -> Result<Option<Location>, Error> {
        if self.made_in_test {
            return embedded_in_environment();
        }
        Ok(self.embedded.clone())
    }
}

impl Service {
    fn open(&self) -> Result<Arc<dyn Transport>, Error> {
        let surroundings = Arc::new(Surroundings::new(self.settings.clone())?);
        let http = Http::new(self.http.clone(), surroundings.clone(), surroundings)?;
        Ok(Arc::new(http))
    }
}

/// The embedded engine that the environment names, if it names one.
fn embedded_in_environment() -> Result<Option<Location>, Error> {
    match pydynox_aws::endpoint_of_environment()? {
        Some(url) => Location::parse(&url),
        None => Ok(None),
    }
}

impl Keys {
    /// Those of a service within a test: of its own address, or what the test has in its place.
    fn of_test(&self, py: Python<'_>, stage: &Stage) -> PyResult<Arc<DataKeys>> {
        if !self.given.has_endpoint() {
            return stage.keys(py);
        }
        let mut of_test = self.of_test.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, keys)) = &*of_test
            && *id == stage.id
        {
            return Ok(keys.clone());
        }
        let opened = self
            .make()
            .map_err(|error| raise(py, &error))
            .map(Arc::new)?;
        *of_test = Some((stage.id, opened.clone()));
        Ok(opened)
    }

    /// Data keys of their own.
    fn make(&self) -> Result<DataKeys, Error> {
        let surroundings = self.surroundings.clone().unwrap_or_default();
        let keyring = self.given.open(surroundings, None)?;
        let generation = runtime::generation().into();
        DataKeys::new(keyring, self.given.pairs(), self.limits, generation)
    }

    /// The data keys of a keyring that is awaited in the event loop of its callers.
    fn of_loop(&self, py: Python<'_>) -> PyResult<Arc<DataKeys>> {
        let event_loop = bridge::running_loop(py)?;
        let is_it = |key_loop: &Option<Py<PyAny>>| match (key_loop, &event_loop) {
            (Some(key_loop), Some(event_loop)) => key_loop.is(event_loop),
            (None, None) => true,
            _ => false,
        };
        let keys_of_loop = || {
            let all = self.by_loop.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = all.iter().find(|(key_loop, _)| is_it(key_loop));
            entry.map(|(_, keys)| keys.clone())
        };
        if let Some(keys) = keys_of_loop() {
            return Ok(keys);
        }
        let refuse = |error: Error| raise(py, &error);
        let caller = event_loop.as_ref().map(bridge::caller).transpose()?;
        let event_loop = event_loop.clone().map(Bound::unbind);
        let keyring = self
            .given
            .open(pydynox_aws::Settings::default(), caller)
            .map_err(refuse)?;
        let generation = runtime::generation().into();
        let opened = DataKeys::new(keyring, self.given.pairs(), self.limits, generation);
        let opened = Arc::new(opened.map_err(refuse)?);
        let ended = {
            let mut all = self.by_loop.lock().unwrap_or_else(PoisonError::into_inner);
            let mut before = std::mem::take(&mut *all);
            before.push((event_loop, opened.clone()));
            before
        };
        // Looked at without the lock: loops that are closed are let go of.
        let running: Vec<_> = ended
            .into_iter()
            .filter(|(key_loop, _)| {
                key_loop.as_ref().is_none_or(|key_loop| {
                    let closed = key_loop.call_method0(py, pyo3::intern!(py, "is_closed"));
                    !closed
                        .and_then(|closed| closed.bind(py).is_truthy())
                        .unwrap_or(true)
                })
            })
            .collect();
        self.by_loop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(running);
        Ok(opened)
    }
}

impl Given {
    fn checked(self, shows_keys: bool, shows_values: bool) -> Result<Settings, Error> {
        let config = ClientConfig {
            timeout: self
                .timeout
                .map(|seconds| timeout_from_seconds("timeout", seconds))
                .transpose()?,
            max_attempts: count("max_attempts", self.max_attempts)?,
            retry_unsafe_writes: self.retry_unsafe_writes,
            max_decompressed: count("max_decompressed", self.max_decompressed)? as usize,
            rate_limit: self.rate_limit.map(rate_limit),
            ..ClientConfig::default()
        };
        config.check()?;
        let http = HttpConfig {
            connect_timeout: timeout_from_seconds("connect_timeout", self.connect_timeout)?,
            read_timeout: timeout_from_seconds("read_timeout", self.read_timeout)?,
            max_connections: count("max_connections", self.max_connections)? as usize,
            ca_bundle: self.ca_bundle.clone(),
            ..HttpConfig::default()
        };
        http.check()?;
        let warns_above = self.size_warning.map_or(Ok(usize::MAX), share_of_limit)?;
        let keyring = match &self.keyring {
            None => None,
            Some(given) => Some(Keys {
                given: given.clone(),
                limits: self
                    .data_key_cache
                    .map_or_else(|| Ok(KeyLimits::default()), key_limits)?,
                surroundings: given
                    .is_remote()
                    .then(|| self.surroundings_of_kms(http.connect_timeout))
                    .transpose()?,
                opened: OnceLock::new(),
                by_loop: Mutex::default(),
                of_test: Mutex::default(),
            }),
        };
        let service = |given: &Self| {
            Ok::<_, Error>(Service {
                settings: given.surroundings(http.connect_timeout)?,
                http: http.clone(),
            })
        };
        let place = match &self.endpoint_url {
            None => Place::Unsaid(Box::new(Unsaid {
                service: service(&self)?,
                embedded: embedded_in_environment()?,
                made_in_test: isolation::is_on(),
            })),
            Some(url) => match Location::parse(url)? {
                Some(location) => Place::Embedded(location),
                None => Place::Service(Box::new(service(&self)?)),
            },
        };
        Ok(Settings {
            place,
            config,
            table_prefix: self.table_prefix.into(),
            cursor_keys: CursorKeys::new(self.cursor_keys.iter().map(Vec::as_slice))?,
            shows_keys,
            shows_values,
            warns_above,
            keyring,
        })
    }

    /// The embedded engine, if the endpoint is one: the one given, else the environment's.
    fn embedded(&self) -> Result<Option<Location>, Error> {
        match &self.endpoint_url {
            Some(url) => Location::parse(url),
            None => embedded_in_environment(),
        }
    }

    /// Those of a key service: what leads to an embedded engine leads to no other service.
    fn surroundings_of_kms(
        &self,
        connect_timeout: Duration,
    ) -> Result<pydynox_aws::Settings, Error> {
        let endpoint_url = match self.embedded()? {
            Some(_) => None,
            None => self.endpoint_url.as_deref(),
        };
        self.surroundings_at(endpoint_url, connect_timeout)
    }

    fn surroundings(&self, connect_timeout: Duration) -> Result<pydynox_aws::Settings, Error> {
        self.surroundings_at(self.endpoint_url.as_deref(), connect_timeout)
    }

    fn surroundings_at(
        &self,
        endpoint_url: Option<&str>,
        connect_timeout: Duration,
    ) -> Result<pydynox_aws::Settings, Error> {
        let text = |text: &Option<String>| text.as_deref().map(Into::into);
        let mut settings = pydynox_aws::Settings::default();
        settings.region = text(&self.region);
        settings.endpoint_url = endpoint_url.map(Into::into);
        settings.profile = text(&self.profile);
        settings.ca_bundle.clone_from(&self.ca_bundle);
        settings.connect_timeout = connect_timeout;
        if let Some(credentials) = &self.credentials {
            credentials.apply(&mut settings);
        }
        if let Some((role_arn, session_name, external_id, duration)) = &self.assume_role {
            let mut role = AssumeRole::new(role_arn.as_str());
            role.session_name = text(session_name);
            role.external_id = text(external_id);
            role.duration = duration
                .map(|seconds| timeout_from_seconds("duration", seconds))
                .transpose()?;
            settings.assume_role = Some(role);
        }
        settings.check()?;
        Ok(settings)
    }
}

/// Bytes of a share of what an item may have.
#[allow(clippy::cast_sign_loss, clippy::cast_precision_loss)] // a positive number of six digits
fn share_of_limit(share: f64) -> Result<usize, Error> {
    if share > 0.0 && share <= 1.0 {
        return Ok((share * MAX_ITEM_SIZE as f64) as usize);
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "size_warning is a share of what an item may have, above 0 and up to 1, or None; got {share}"
        ),
    ))
}

/// A number of things; the core judges whether it makes sense.
fn count(name: &str, number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| {
        Error::new(
            ErrorKind::Configuration,
            format!("{name} must be at least 1; got {number}"),
        )
    })
}
