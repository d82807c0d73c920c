//! Credentials that a program supplies: keys, or a function that gets them from elsewhere.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pydynox_aws::{OwnProvider, Settings};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::credentials::{
    Abandoned, Credentials, CredentialsProvider, Loading, asker,
};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::interpreter::bridge;
use crate::interpreter::coroutine::{self, Place, Raised, RaisedKind};

/// Access key, secret, session token, account, expiry in seconds since 1970.
type AccessKeys = (String, String, Option<String>, Option<String>, Option<f64>);

/// The value of `credentials=`, as settings store it.
#[derive(Clone)]
pub(crate) enum GivenCredentials {
    Keys(Credentials),
    Provider(OwnProvider),
}

impl<'py> FromPyObject<'_, 'py> for GivenCredentials {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(keys) = given.extract::<AccessKeys>() {
            return Ok(Self::Keys(credentials_of(keys)));
        }
        if !given.is_callable() {
            return Err(PyTypeError::new_err(
                "credentials= takes Credentials, or a function that returns them",
            ));
        }
        // It may be a coroutine function, which is awaited on the loop of the call that needs it: calls must carry their loop.
        bridge::tell_callers();
        let provider = Provider(given.to_owned().unbind());
        Ok(Self::Provider(OwnProvider::new(Arc::new(provider))))
    }
}

impl GivenCredentials {
    /// Makes settings use these credentials and no others.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        (settings.credentials, settings.provider) = match self {
            Self::Keys(credentials) => (Some(credentials.clone()), None),
            Self::Provider(provider) => (None, Some(provider.clone())),
        };
    }
}

fn credentials_of((id, secret, token, account, end): AccessKeys) -> Credentials {
    let mut credentials = Credentials::new(id, secret);
    credentials.session_token = token.map(Into::into);
    credentials.account_id = account.map(Into::into);
    credentials.expires_at = end.map(|seconds| {
        // What is not a point in time counts as expired.
        let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    });
    credentials
}

/// A user's function, plain or a coroutine, awaited in the loop of the call that finds credentials missing or due.
struct Provider(Py<PyAny>);

impl CredentialsProvider for Provider {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        let place = Place::of_asker(asker());
        Box::pin(async move {
            let call = move |py: Python<'_>| self.0.call0(py);
            match coroutine::run(place, call, read).await {
                Ok(Ok(credentials)) => Ok(credentials),
                Ok(Err(class)) => {
                    let message = format!(
                        "the credentials provider returned an object of the class {class}; it must return pydynox.Credentials"
                    );
                    Err(Error::new(ErrorKind::Credentials, message))
                }
                Err(raised) => Err(failed(raised)),
            }
        })
    }
}

/// The credentials returned, or the class of what was returned instead.
fn read(came: &Bound<'_, PyAny>) -> PyResult<Result<Credentials, String>> {
    let py = came.py();
    let class = py
        .import(intern!(py, "pydynox.credentials"))?
        .getattr(intern!(py, "Credentials"))?;
    if !came.is_instance(&class)? {
        return Ok(Err(came.get_type().name()?.to_string()));
    }
    let keys: AccessKeys = came.getattr(intern!(py, "_wire"))?.extract()?;
    Ok(Ok(credentials_of(keys)))
}

fn failed(raised: Raised) -> Error {
    let message = format!("the credentials provider failed: {}", raised.text);
    let error = Error::new(ErrorKind::Credentials, message);
    match raised.kind {
        RaisedKind::Interruption => {
            // Interruptions pass through: the provider did not refuse.
            Error::new(
                ErrorKind::Request,
                "the credentials provider was interrupted",
            )
            .with_source(raised.error)
        }
        RaisedKind::Gone => error.with_retryable(true).with_source(Abandoned),
        RaisedKind::Unreached => error.with_retryable(true).with_source(raised.error),
        RaisedKind::Other => error.with_source(raised.error),
    }
}
