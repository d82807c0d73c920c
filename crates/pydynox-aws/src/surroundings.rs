//! The surroundings of a program, as the transport needs them: credentials to sign with, and endpoints.

use std::sync::Arc;

use pydynox_core::error::Error;
use pydynox_core::transport::credentials::{Credentials, CredentialsProvider, Loading};
use pydynox_core::transport::endpoint::{Endpoint, EndpointProvider, EndpointQuery};
use tokio::sync::OnceCell;

use crate::credentials::{self, Search};
use crate::endpoint::Rules;
use crate::settings::{OwnProvider, Settings};

/// What a program configures and, failing that, what its environment, the shared files and the machine configure.
///
/// Nothing is read before it is needed. Credentials are looked up each time; region and endpoint are resolved once, and a
/// failure is not remembered. All of it must be polled inside a tokio runtime.
///
/// ```
/// use std::sync::Arc;
///
/// use pydynox_aws::{Settings, Surroundings};
/// use pydynox_core::transport::credentials::{Credentials, CredentialsProvider};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let mut settings = Settings::default();
/// settings.region = Some("eu-central-1".into());
/// settings.credentials = Some(Credentials::new("AKID", "secret"));
/// let surroundings = Arc::new(Surroundings::new(settings)?);
/// assert_eq!(&*surroundings.load().await?.access_key_id, "AKID");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Surroundings {
    settings: Settings,
    rules: OnceCell<Rules>,
}

impl Surroundings {
    /// The surroundings of a program with these settings.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn new(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            settings,
            rules: OnceCell::new(),
        })
    }

    /// The region.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](pydynox_core::error::ErrorKind::Configuration) lists the places searched.
    pub async fn region(&self) -> Result<&str, Error> {
        Ok(&self.rules().await?.region)
    }

    /// What the program configured.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    async fn rules(&self) -> Result<&Rules, Error> {
        self.rules
            .get_or_try_init(|| Rules::look_up(&self.settings))
            .await
    }

    async fn look_up(&self, given: Option<Given>) -> Result<Credentials, Error> {
        let base = match given {
            Some(given) => Some(credentials::given(given.await?)?),
            None => credentials::at_hand(&self.settings)?,
        };
        let role = self.settings.assume_role.as_ref();
        // Before the region is resolved: keys at hand need neither the shared files nor the metadata service.
        if let (Some(base), None) = (&base, role) {
            return Ok(base.clone());
        }
        let search = Search {
            settings: &self.settings,
            region: self.region().await,
        };
        let base = match base {
            Some(base) => base,
            None => search.run().await?,
        };
        match role {
            Some(role) => search.assume(role, &base).await,
            None => Ok(base),
        }
    }
}

/// What the program's own provider is about to return.
type Given = Loading<'static, Credentials>;

impl CredentialsProvider for Surroundings {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        // Called here, where it can see its caller.
        let given = self.settings.provider.as_ref().map(OwnProvider::ask);
        Box::pin(async move {
            let longest = self.settings.timeout;
            match tokio::time::timeout(longest, self.look_up(given)).await {
                Ok(credentials) => credentials,
                Err(_) => Err(credentials::too_late(&self.settings)),
            }
        })
    }
}

impl EndpointProvider for Surroundings {
    fn endpoint<'a>(&'a self, query: &'a EndpointQuery) -> Loading<'a, Endpoint> {
        Box::pin(async move { self.rules().await?.resolve(query).await })
    }
}
