//! Keyrings, seen from Python: what a client is given to encrypt with.

use std::sync::Arc;
use std::time::Duration;

use pydynox_aws::{KmsKeyring, KmsSettings, Settings, Surroundings};
use pydynox_core::codec::{DataKey, Keyring as CoreKeyring, LocalKeyring};
use pydynox_core::error::Error;
use pydynox_core::retry::deadline::timeout_from_seconds;
use pyo3::prelude::*;

use crate::error::raise;

/// The caller's own part of every encryption context.
type Pairs = Vec<(Box<str>, Box<str>)>;

/// A keyring. It never shows its keys.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Keyring {
    source: Source,
    pairs: Pairs,
}

enum Source {
    Local(Arc<LocalKeyring>),
    Kms(KmsSettings),
}

/// As settings hold it.
pub(crate) type GivenKeyring = Given;

#[derive(Clone)]
pub(crate) struct Given(Arc<Py<Keyring>>);

impl<'py> FromPyObject<'_, 'py> for Given {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(Arc::new(
            given.to_owned().cast_into::<Keyring>()?.unbind(),
        )))
    }
}

impl Given {
    /// Whether it asks a service.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.0.get().source, Source::Kms(_))
    }

    pub(crate) fn pairs(&self) -> Pairs {
        self.0.get().pairs.clone()
    }

    /// The keyring, which asks as the client does.
    pub(crate) fn open(&self, settings: Settings) -> Result<Arc<dyn CoreKeyring>, Error> {
        Ok(match &self.0.get().source {
            Source::Local(keyring) => keyring.clone(),
            Source::Kms(kms) => {
                let surroundings = Arc::new(Surroundings::new(settings)?);
                Arc::new(KmsKeyring::new(kms.clone(), surroundings)?)
            }
        })
    }
}

fn pairs_of(pairs: Vec<(String, String)>) -> Pairs {
    pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[pymethods]
impl Keyring {
    /// Of keys by name, the one to write with last.
    #[staticmethod]
    fn local(
        py: Python<'_>,
        keys: Vec<(String, Vec<u8>)>,
        pairs: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let made = |keys: Vec<(String, Vec<u8>)>| {
            let (names, keys): (Vec<String>, Vec<Vec<u8>>) = keys.into_iter().unzip();
            let mut read = Vec::with_capacity(names.len());
            for (name, key) in names.iter().zip(keys) {
                read.push((&**name, DataKey::from_slice(&key)?));
            }
            LocalKeyring::new(read)
        };
        let keyring = made(keys).map_err(|error| raise(py, &error, None))?;
        Ok(Self {
            source: Source::Local(Arc::new(keyring)),
            pairs: pairs_of(pairs),
        })
    }

    /// Of AWS KMS.
    #[staticmethod]
    fn kms(
        py: Python<'_>,
        key_id: String,
        read_key_ids: Vec<String>,
        endpoint_url: Option<String>,
        timeout: Option<f64>,
        pairs: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let made = || {
            let mut settings = KmsSettings::new(key_id);
            settings.read_key_ids = read_key_ids.into_iter().map(Into::into).collect();
            settings.endpoint_url = endpoint_url.map(Into::into);
            settings.timeout = match timeout {
                None => Duration::from_secs(10),
                Some(seconds) => timeout_from_seconds("timeout", seconds)?,
            };
            settings.check()?;
            Ok::<_, Error>(settings)
        };
        Ok(Self {
            source: Source::Kms(made().map_err(|error| raise(py, &error, None))?),
            pairs: pairs_of(pairs),
        })
    }
}
