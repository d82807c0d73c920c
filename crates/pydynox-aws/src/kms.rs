//! A keyring backed by AWS KMS, called with a client's own credentials, region and address.

mod errors;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Providing;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::IdentityCache;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use pydynox_core::codec::keyring::{
    DataKey, KMS_WRAPPED, KeyContext, Keyring, Pending, WrappedKey, cannot_open,
};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::process::{self, Maker};
use pydynox_core::transport::credentials::Keychain;
use pydynox_core::transport::endpoint::Endpoint;
use zeroize::Zeroizing;

use crate::credentials::to_sdk;
use crate::sdk;
use crate::surroundings::Surroundings;
use errors::{failed, odd};

/// How a program configures its keys.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KmsSettings {
    /// The key that wraps new data keys: an id, an ARN, or an alias (`alias/app`, or its ARN). Stored values record this name,
    /// so it must keep meaning the same key.
    pub key_id: Box<str>,
    /// Other keys that values may have been written with, by the names used then.
    pub read_key_ids: Vec<Box<str>>,
    /// The address of KMS; else that of the environment or profile, else the client's unless it is specific to `DynamoDB`.
    pub endpoint_url: Option<Box<str>>,
    /// Maximum time for one call, including retries.
    pub timeout: Duration,
}

impl KmsSettings {
    /// This key; defaults otherwise.
    pub fn new(key_id: impl Into<Box<str>>) -> Self {
        Self {
            key_id: key_id.into(),
            read_key_ids: Vec::new(),
            endpoint_url: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// Whether each setting is valid on its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] names the invalid setting.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |message| Err(Error::new(ErrorKind::Configuration, message));
        for id in std::iter::once(&self.key_id).chain(&self.read_key_ids) {
            if id.is_empty() || id.len() > 255 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
                return refuse(format!(
                    "the id of a KMS key must be an id, an ARN or an alias of at most 255 characters, such as alias/app; got {id:?}"
                ));
            }
        }
        if let Some(url) = &self.endpoint_url {
            Endpoint::parse(url, "any")?;
        }
        if self.timeout.is_zero() {
            return refuse(
                "the timeout of KMS must be a positive number of seconds; got 0".to_owned(),
            );
        }
        Ok(())
    }
}

/// Data keys generated and unwrapped by AWS KMS.
///
/// Only the keys named in the settings are ever used, no matter what a stored value names. KMS binds each data key to its
/// context and logs it. Each process has its own client, so that no
/// connection outlives a fork or a restore from a snapshot. Must be polled inside a tokio
/// runtime.
pub struct KmsKeyring {
    settings: KmsSettings,
    surroundings: Arc<Surroundings>,
    /// Only ever `try_lock`: a fork can leave it locked.
    client: Mutex<Option<(Maker, u64, Client)>>,
}

impl Drop for KmsKeyring {
    fn drop(&mut self) {
        let slot = self
            .client
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((maker, _, client)) = slot.take() {
            maker.let_go(client);
        }
    }
}

impl KmsKeyring {
    /// A keyring that calls KMS the way the client with these surroundings would.
    ///
    /// # Errors
    ///
    /// As [`KmsSettings::check`].
    pub fn new(settings: KmsSettings, surroundings: Arc<Surroundings>) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            settings,
            surroundings,
            client: Mutex::new(None),
        })
    }

    fn knows(&self, key_ref: &str) -> bool {
        *self.settings.key_id == *key_ref
            || self.settings.read_key_ids.iter().any(|id| **id == *key_ref)
    }

    async fn client(&self) -> Result<Client, Error> {
        if let Ok(slot) = self.client.try_lock()
            && let Some((_, era, client)) = &*slot
            && *era == process::era()
        {
            return Ok(client.clone());
        }
        let client = self.connect().await?;
        let connected = (Maker::this(), process::era(), client.clone());
        if let Ok(mut slot) = self.client.try_lock()
            && let Some((maker, _, before)) = slot.replace(connected)
        {
            maker.let_go(before);
        }
        Ok(client)
    }

    async fn connect(&self) -> Result<Client, Error> {
        let region = self.surroundings.region().await?;
        let of_client = self.surroundings.settings();
        let config = sdk::config(of_client, region).await?;
        let has_address = config.endpoint_url().is_some() || is_set("AWS_ENDPOINT_URL_KMS");
        let keychain = Keychain::new(self.surroundings.clone());
        let credentials = SharedCredentialsProvider::new(Borrowed(keychain));
        let mut builder = aws_sdk_kms::config::Builder::from(&config)
            .credentials_provider(credentials)
            // The keychain already caches the credentials and renews them.
            .identity_cache(IdentityCache::no_cache());
        if let Some(url) = &self.settings.endpoint_url {
            builder = builder.endpoint_url(&**url);
        } else if !has_address
            && let Some(url) = &of_client.endpoint_url
            && may_be_of_kms(url)
        {
            builder = builder.endpoint_url(&**url);
        }
        Ok(Client::from_conf(builder.build()))
    }

    async fn generate(&self, context: &KeyContext) -> Result<WrappedKey, Error> {
        let key_id = &*self.settings.key_id;
        let answer = self
            .client()
            .await?
            .generate_data_key()
            .key_id(key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|error| failed("kms:GenerateDataKey", key_id, &error))?;
        let wrapped = answer
            .ciphertext_blob
            .ok_or_else(|| odd("kms:GenerateDataKey"))?;
        Ok(WrappedKey {
            // The name from the settings, not the ARN that KMS returns: `knows` compares it with the settings when the value is
            // read.
            key_ref: key_id.into(),
            key: data_key(answer.plaintext).ok_or_else(|| odd("kms:GenerateDataKey"))?,
            wrapped: wrapped.into_inner().into(),
        })
    }

    async fn decrypt(
        &self,
        key_ref: &str,
        wrapped: &[u8],
        context: &KeyContext,
    ) -> Result<DataKey, Error> {
        // Before anything is sent: what is stored must not decide which key of which account is used.
        if !self.knows(key_ref) {
            return Err(cannot_open());
        }
        let answer = self
            .client()
            .await?
            .decrypt()
            // Optional for KMS, which finds the key itself; with it, a data key that another key wrapped is refused.
            .key_id(key_ref)
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(pairs(context)))
            .send()
            .await
            .map_err(|error| failed("kms:Decrypt", key_ref, &error))?;
        data_key(answer.plaintext).ok_or_else(|| odd("kms:Decrypt"))
    }

    async fn in_time<T>(
        &self,
        operation: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if let Ok(done) = tokio::time::timeout(self.settings.timeout, work).await {
            return done;
        }
        let message = format!(
            "KMS did not respond within {} s",
            self.settings.timeout.as_secs_f32()
        );
        Err(Error::new(ErrorKind::Timeout, message)
            .with_operation(operation)
            .with_retryable(true))
    }
}

impl Keyring for KmsKeyring {
    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey> {
        Box::pin(self.in_time("kms:GenerateDataKey", self.generate(context)))
    }

    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey> {
        Box::pin(self.in_time("kms:Decrypt", self.decrypt(key_ref, wrapped, context)))
    }

    fn lengths(&self) -> (usize, usize) {
        (self.settings.key_id.len(), KMS_WRAPPED)
    }
}

impl fmt::Debug for KmsKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsKeyring")
            .field("key_id", &self.settings.key_id)
            .field("read_key_ids", &self.settings.read_key_ids)
            .finish_non_exhaustive()
    }
}

/// An address that names `DynamoDB` serves only that; another, of a local emulator, mostly serves all of AWS.
fn may_be_of_kms(url: &str) -> bool {
    !url.to_ascii_lowercase().contains("dynamodb")
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn pairs(context: &KeyContext) -> std::collections::HashMap<String, String> {
    context
        .pairs()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Takes the key out of an answer and wipes the original.
fn data_key(plaintext: Option<Blob>) -> Option<DataKey> {
    let bytes = Zeroizing::new(plaintext?.into_inner());
    DataKey::from_slice(&bytes).ok()
}

/// The client's credentials for the SDK, cached and renewed like those of its requests.
#[derive(Debug)]
struct Borrowed(Arc<Keychain>);

impl ProvideCredentials for Borrowed {
    fn provide_credentials<'a>(&'a self) -> Providing<'a>
    where
        Self: 'a,
    {
        Providing::new(async {
            match self.0.credentials(SystemTime::now()).await {
                Ok(credentials) => Ok(to_sdk(&credentials)),
                Err(error) => Err(CredentialsError::provider_error(error)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
