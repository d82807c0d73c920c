//! A client's settings as Python hands them over: extracted, converted, and checked by the core.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use pydynox_aws::AssumeRole;
use pydynox_core::client::config::ClientConfig;
use pydynox_core::codec::KeyLimits;
use pydynox_core::cursor::CursorKeys;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::retry::deadline::timeout_from_seconds;
use pydynox_core::size::MAX_ITEM_SIZE;
use pydynox_core::transport::http::HttpConfig;
use pydynox_embedded::Location;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::connection::credentials::GivenCredentials;
use crate::connection::data_keys::Keys;
use crate::connection::isolation;
use crate::connection::keyring::{GivenKeyring, GivenLimits, key_limits};
use crate::connection::meter::rate_limit;
use crate::connection::place::{Place, Service, Unsaid, embedded_in_environment};
use crate::connection::settings::Settings;
use crate::exceptions::{configuration_error, raise};
use crate::interpreter::text;

/// ARN, session name, external id, seconds.
pub(super) type Role = (String, Option<String>, Option<String>, Option<f64>);

/// The settings as Python hands them over.
#[derive(FromPyObject)]
pub(super) struct Given {
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

impl Given {
    fn checked(self, shows_keys: bool, shows_values: bool) -> Result<Settings, Error> {
        let config = self.client_config()?;
        let http = self.http_config()?;
        let warns_above = self.size_warning.map_or(Ok(usize::MAX), share_of_limit)?;
        let keyring = self.keys(http.connect_timeout)?;
        let place = self.place(&http)?;
        Ok(Settings {
            place,
            config,
            table_prefix: self.table_prefix.into(),
            cursor_keys: CursorKeys::new(self.cursor_keys.iter().map(Vec::as_slice))?,
            shows_keys,
            shows_values,
            warns_above,
            keyring,
            wanted: Arc::default(),
        })
    }

    /// How calls are tried, and within which limits.
    fn client_config(&self) -> Result<ClientConfig, Error> {
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
        Ok(config)
    }

    /// How connections are made.
    fn http_config(&self) -> Result<HttpConfig, Error> {
        let http = HttpConfig {
            connect_timeout: timeout_from_seconds("connect_timeout", self.connect_timeout)?,
            read_timeout: timeout_from_seconds("read_timeout", self.read_timeout)?,
            max_connections: count("max_connections", self.max_connections)? as usize,
            ca_bundle: self.ca_bundle.clone(),
            ..HttpConfig::default()
        };
        http.check()?;
        Ok(http)
    }

    /// The data keys of the keyring, if there is one; it is not asked for any yet.
    fn keys(&self, connect_timeout: Duration) -> Result<Option<Keys>, Error> {
        let Some(keyring) = &self.keyring else {
            return Ok(None);
        };
        Ok(Some(Keys {
            given: keyring.clone(),
            limits: self
                .data_key_cache
                .map_or_else(|| Ok(KeyLimits::default()), key_limits)?,
            surroundings: keyring
                .is_remote()
                .then(|| self.surroundings_of_kms(connect_timeout))
                .transpose()?,
            opened: OnceLock::new(),
            by_loop: Mutex::default(),
            of_test: Mutex::default(),
        }))
    }

    /// Where the items are: as the endpoint says, else as the environment does.
    fn place(&self, http: &HttpConfig) -> Result<Place, Error> {
        let service = || {
            Ok::<_, Error>(Service {
                settings: self.surroundings(http.connect_timeout)?,
                http: http.clone(),
            })
        };
        Ok(match &self.endpoint_url {
            None => Place::Unsaid(Box::new(Unsaid {
                service: service()?,
                embedded: embedded_in_environment()?,
                made_in_test: isolation::is_on(),
            })),
            Some(url) => match Location::parse(url)? {
                Some(location) => Place::Embedded(location),
                None => Place::Service(Box::new(service()?)),
            },
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
pub(super) fn share_of_limit(share: f64) -> Result<usize, Error> {
    if share > 0.0 && share <= 1.0 {
        return Ok((share * MAX_ITEM_SIZE as f64) as usize);
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!(
            "size_warning must be a share of the largest item size, above 0 and at most 1, or None; got {share}"
        ),
    ))
}

/// A number of things; the core judges whether it makes sense.
pub(super) fn count(name: &str, number: i64) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| {
        Error::new(
            ErrorKind::Configuration,
            format!("{name} must be at least 1; got {number}"),
        )
    })
}

impl Settings {
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
                    &format!("errors={other:?} is not one of \"full\", \"keys\" and \"none\""),
                ));
            }
        };
        let shows_values = given.errors == "full";
        given
            .checked(shows_keys, shows_values)
            .map_err(|error| raise(py, &error))
    }
}
