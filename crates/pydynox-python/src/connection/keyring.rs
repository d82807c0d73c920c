//! Keyrings, as Python sees them: what a client is given to encrypt with.

use std::sync::Arc;
use std::time::Duration;

use pydynox_aws::{KmsKeyring, KmsSettings, Settings, Surroundings};
use pydynox_core::codec::keyring::{KeyContext, Pending, WrappedKey};
use pydynox_core::codec::{DataKey, KeyLimits, Keyring as CoreKeyring, LocalKeyring};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::retry::deadline::timeout_from_seconds;
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyTuple};
use zeroize::Zeroizing;

use crate::connection::credentials::GivenCredentials;
use crate::exceptions::raise;
use crate::interpreter::coroutine::{self, Caller, Place, RaisedKind};

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
    Kms(Box<Kms>),
    /// A user's object.
    Own(Arc<Py<PyAny>>),
}

/// AWS KMS, with the settings that differ from the client's.
struct Kms {
    settings: KmsSettings,
    region: Option<Box<str>>,
    credentials: Option<GivenCredentials>,
}

impl Kms {
    /// The client's settings, except those that it overrides.
    fn surroundings(&self, mut settings: Settings) -> Settings {
        if self.region.is_some() {
            settings.region.clone_from(&self.region);
        }
        if let Some(credentials) = &self.credentials {
            // The client's role belongs to the client's credentials; these are used as they are.
            settings.assume_role = None;
            credentials.apply(&mut settings);
        }
        settings
    }
}

/// A user's object, awaited in the loop of the call that needs it.
struct Own {
    object: Arc<Py<PyAny>>,
    caller: Option<Arc<Caller>>,
}

impl Own {
    fn call<'a, T: Send + 'static>(
        &self,
        method: &'static str,
        arguments: impl FnOnce(Python<'_>) -> PyResult<Py<PyTuple>> + Send + 'static,
        read: fn(&Bound<'_, PyAny>) -> PyResult<T>,
    ) -> Pending<'a, T> {
        let object = self.object.clone();
        let place = Place::of(self.caller.clone());
        let call = move |py: Python<'_>| object.call_method1(py, method, arguments(py)?);
        Box::pin(async move {
            let came = coroutine::run(place, call, read).await;
            came.map_err(|raised| {
                if raised.kind == RaisedKind::Interruption {
                    // Not an error of the value: interruptions pass through.
                    return Error::new(ErrorKind::Request, "the keyring was interrupted")
                        .with_source(raised.error);
                }
                let message = format!("the keyring's {method}() failed: {}", raised.text);
                Error::new(ErrorKind::Encryption, message).with_source(raised.error)
            })
        })
    }
}

fn pairs_in<'py>(py: Python<'py>, pairs: &[(String, String)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in pairs {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}

fn pairs_in_context(context: &KeyContext) -> Vec<(String, String)> {
    context
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl CoreKeyring for Own {
    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey> {
        let pairs = pairs_in_context(context);
        let data_key = self.call(
            "generate_data_key",
            move |py| Ok(PyTuple::new(py, [pairs_in(py, &pairs)?])?.unbind()),
            |came| {
                let (name, key, wrapped) = came.extract::<(String, Vec<u8>, Vec<u8>)>()?;
                // This copy is wiped when it is dropped; the object that Python returned is not ours to wipe.
                Ok((name, Zeroizing::new(key), wrapped))
            },
        );
        Box::pin(async move {
            let (key_ref, key, wrapped) = data_key.await?;
            Ok(WrappedKey {
                key_ref: key_ref.into(),
                key: DataKey::from_slice(&key)?,
                wrapped: wrapped.into(),
            })
        })
    }

    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey> {
        // Copies, because a thread that may block uses them after these borrows have ended.
        let (pairs, name, wrapped) = (
            pairs_in_context(context),
            key_ref.to_owned(),
            wrapped.to_owned(),
        );
        let opened = self.call(
            "unwrap",
            move |py| {
                let arguments = (name, PyBytes::new(py, &wrapped), pairs_in(py, &pairs)?);
                Ok(arguments.into_pyobject(py)?.unbind())
            },
            |came| came.extract().map(Zeroizing::<Vec<u8>>::new),
        );
        Box::pin(async move { DataKey::from_slice(&opened.await?) })
    }
}

/// Limits of data keys as Python passes them: seconds, values, bytes, unwrapped keys.
pub(crate) type GivenLimits = (f64, i64, i64, i64);

/// Invalid numbers become zero, which is not a valid limit.
pub(crate) fn key_limits(
    (seconds, messages, bytes, unwrapped): GivenLimits,
) -> Result<KeyLimits, Error> {
    let limits = KeyLimits {
        lifetime: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        messages: messages.try_into().unwrap_or_default(),
        bytes: bytes.try_into().unwrap_or_default(),
        unwrapped: unwrapped.try_into().unwrap_or_default(),
    };
    limits.check()
}

/// Checks the limits of data keys.
#[pyfunction]
#[pyo3(signature = (max_age, max_values, max_bytes, max_unwrapped, /))]
pub(crate) fn check_key_limits(
    py: Python<'_>,
    max_age: f64,
    max_values: i64,
    max_bytes: i64,
    max_unwrapped: i64,
) -> PyResult<()> {
    key_limits((max_age, max_values, max_bytes, max_unwrapped))
        .map(drop)
        .map_err(|error| raise(py, &error))
}

/// As settings store it.
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
    /// Whether it calls a service.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.0.get().source, Source::Kms(_))
    }

    /// Whether it has its own endpoint for its service.
    pub(crate) fn has_endpoint(&self) -> bool {
        matches!(&self.0.get().source, Source::Kms(kms) if kms.settings.endpoint_url.is_some())
    }

    pub(crate) fn pairs(&self) -> Pairs {
        self.0.get().pairs.clone()
    }

    /// Whether its keys belong to the event loop that asks for them.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.0.get().source, Source::Own(_))
    }

    /// The keyring, which calls its service as the client does.
    pub(crate) fn open(
        &self,
        settings: Settings,
        caller: Option<Arc<Caller>>,
    ) -> Result<Arc<dyn CoreKeyring>, Error> {
        Ok(match &self.0.get().source {
            Source::Local(keyring) => keyring.clone(),
            Source::Kms(kms) => {
                let surroundings = Arc::new(Surroundings::new(kms.surroundings(settings))?);
                Arc::new(KmsKeyring::new(kms.settings.clone(), surroundings)?)
            }
            Source::Own(object) => Arc::new(Own {
                object: object.clone(),
                caller,
            }),
        })
    }
}

/// A key that the caller holds; no copy of it is left behind.
fn local_key(given: &Bound<'_, PyAny>) -> PyResult<Result<DataKey, Error>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(DataKey::from_slice(bytes.as_bytes()));
    }
    if let Ok(bytes) = given.cast::<PyByteArray>() {
        return Ok(DataKey::from_slice(&Zeroizing::new(bytes.to_vec())));
    }
    let copied = PyBytes::type_object(given.py()).call1((given,))?;
    Ok(DataKey::from_slice(
        copied.cast_into::<PyBytes>()?.as_bytes(),
    ))
}

fn pairs_of(pairs: Vec<(String, String)>) -> Pairs {
    pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

#[pymethods]
impl Keyring {
    /// From keys by name; the last one encrypts.
    #[staticmethod]
    #[allow(clippy::needless_pass_by_value)] // what Python hands over is owned
    fn local(
        py: Python<'_>,
        keys: Vec<(String, Bound<'_, PyAny>)>,
        pairs: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let mut read = Vec::with_capacity(keys.len());
        for (name, key) in &keys {
            let key = local_key(key)?.map_err(|error| raise(py, &error))?;
            read.push((&**name, key));
        }
        let keyring = LocalKeyring::new(read).map_err(|error| raise(py, &error))?;
        Ok(Self {
            source: Source::Local(Arc::new(keyring)),
            pairs: pairs_of(pairs),
        })
    }

    /// From an object with the methods `generate_data_key` and `unwrap`.
    #[staticmethod]
    fn own(object: Py<PyAny>, pairs: Vec<(String, String)>) -> Self {
        Self {
            source: Source::Own(Arc::new(object)),
            pairs: pairs_of(pairs),
        }
    }

    /// From AWS KMS.
    #[staticmethod]
    fn kms(
        py: Python<'_>,
        key_id: String,
        read_key_ids: Vec<String>,
        place: (Option<String>, Option<String>, Option<f64>),
        credentials: Option<GivenCredentials>,
        pairs: Vec<(String, String)>,
    ) -> PyResult<Self> {
        let (endpoint_url, region, timeout) = place;
        let config = || {
            let mut settings = KmsSettings::new(key_id);
            settings.read_key_ids = read_key_ids.into_iter().map(Into::into).collect();
            settings.endpoint_url = endpoint_url.map(Into::into);
            settings.timeout = match timeout {
                None => Duration::from_secs(10),
                Some(seconds) => timeout_from_seconds("timeout", seconds)?,
            };
            settings.check()?;
            let kms = Kms {
                settings,
                region: region.map(Into::into),
                credentials,
            };
            // Checked now, without a client, so that the error points at the keyring.
            kms.surroundings(Settings::default()).check()?;
            Ok::<_, Error>(kms)
        };
        let config = config().map_err(|error| raise(py, &error))?;
        Ok(Self {
            source: Source::Kms(Box::new(config)),
            pairs: pairs_of(pairs),
        })
    }
}
