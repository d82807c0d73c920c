//! Credentials: the program's, the environment's, else what the SDK's chain finds; then the role.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::credentials::Credentials;

use crate::environment;
use crate::failure::{is_of_the_network, one_line};
use crate::origin;
use crate::profile::Profile;
use crate::sdk;
use crate::settings::{AssumeRole, Settings};

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const ACCOUNT: &str = "AWS_ACCOUNT_ID";
const WEB_IDENTITY: [&str; 2] = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"];

/// Credentials available without a search.
pub(crate) fn at_hand(settings: &Settings) -> Result<Option<Credentials>, Error> {
    if let Some(credentials) = &settings.credentials {
        check(credentials, "credentials=")?;
        if let Some(ago) = ended(credentials) {
            let message = format!(
                "those passed as credentials= expired {} s ago: create a client with new ones, or pass a provider, credentials=load, which is called again before they expire",
                ago.as_secs()
            );
            return Err(Error::new(ErrorKind::Credentials, message));
        }
        return Ok(Some(from(credentials.clone(), "credentials=")));
    }
    // A profile that the program names takes precedence over the environment's keys, as in boto3.
    if settings.profile.is_some() {
        return Ok(None);
    }
    of_environment()
}

/// What the program's own provider returned.
pub(crate) fn given(credentials: Credentials) -> Result<Credentials, Error> {
    check(&credentials, "the credentials provider's result")?;
    let Some(ago) = ended(&credentials) else {
        return Ok(from(credentials, origin::PROVIDER));
    };
    let message = format!(
        "the credentials provider returned credentials that expired {} s ago: return fresh ones, and check expires_at and this machine's clock",
        ago.as_secs()
    );
    Err(Error::new(ErrorKind::Credentials, message))
}

fn from(credentials: Credentials, source: &str) -> Credentials {
    Credentials {
        source: Some(source.into()),
        ..credentials
    }
}

/// How long ago they expired, if they did.
fn ended(credentials: &Credentials) -> Option<Duration> {
    SystemTime::now()
        .duration_since(credentials.expires_at?)
        .ok()
}

/// The environment's keys: both or neither.
fn of_environment() -> Result<Option<Credentials>, Error> {
    let text = |name| environment::text(name).map_err(of_credentials);
    let (key, secret) = match (text(KEY)?, text(SECRET)?) {
        (Some(key), Some(secret)) => (key, secret),
        (None, None) => return Ok(None),
        // Half a pair is a mistake, and passing over it would sign with other credentials than intended.
        (Some(_), None) => return Err(half(KEY, SECRET)),
        (None, Some(_)) => return Err(half(SECRET, KEY)),
    };
    let credentials = Credentials {
        session_token: text(TOKEN)?.map(Into::into),
        account_id: text(ACCOUNT)?.map(|account| account.trim().into()),
        ..Credentials::new(key, secret)
    };
    check(&credentials, "the environment")?;
    Ok(Some(from(credentials, KEY)))
}

fn half(set: &str, missing: &str) -> Error {
    let message = format!(
        "{set} is set in the environment, but {missing} is unset or empty; set both or neither"
    );
    Error::new(ErrorKind::Credentials, message)
}

/// Credentials become headers; values that cannot are refused without being shown.
fn check(credentials: &Credentials, of: &str) -> Result<(), Error> {
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    // Not a header, so blanks would be safe; a line break is always a mistake.
    let printable =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let wrong = if !visible(&credentials.access_key_id) {
        "the access key id"
    } else if !printable(&credentials.secret_access_key) {
        "the secret access key"
    } else if credentials
        .session_token
        .as_deref()
        .is_some_and(|token| !visible(token))
    {
        "the session token"
    } else if credentials
        .account_id
        .as_deref()
        .is_some_and(|account| !visible(account))
    {
        "the account id"
    } else {
        return Ok(());
    };
    let message = format!(
        "{wrong} of {of} is empty or contains characters that credentials never have, such as a line break; copy it again"
    );
    Err(Error::new(ErrorKind::Credentials, message))
}

/// Reports any failure as missing credentials.
fn of_credentials(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Credentials | ErrorKind::Internal => error,
        _ => Error::new(ErrorKind::Credentials, error.message()).with_retryable(error.retryable()),
    }
}

/// A lookup of credentials.
pub(crate) struct Search<'a> {
    pub(crate) settings: &'a Settings,
    /// Its error counts only where it is needed.
    pub(crate) region: Result<&'a str, Error>,
}

impl Search<'_> {
    /// Searches where the SDK does.
    pub(crate) async fn run(&self) -> Result<Credentials, Error> {
        let profile = Profile::load(self.settings.profile.as_deref())
            .await
            .map_err(of_credentials)?;
        profile.require().map_err(of_credentials)?;
        // Not every source needs a region, so its error is not reported here.
        let region = self.region.as_ref().ok().copied();
        let chain = sdk::chain(self.settings, region)
            .await
            .map_err(of_credentials)?;
        let credentials = chain
            .provide_credentials()
            .await
            .map_err(|error| self.not_found(&profile, &error))?;
        let source = origin::of(&credentials, &profile);
        adopt(&credentials, "the credentials found", source)
    }

    fn not_found(&self, profile: &Profile, error: &CredentialsError) -> Error {
        let cause = one_line(error);
        let found_none = matches!(error, CredentialsError::CredentialsNotLoaded(_));
        let mut message = if found_none {
            "no credentials".to_owned()
        } else {
            format!("credentials cannot be loaded: {cause}")
        };
        message.push_str("; searched ");
        message.push_str(&self.places(profile, found_none).join(", "));
        message.push_str("; ");
        message.push_str(&advice(profile, found_none));
        Error::new(ErrorKind::Credentials, message)
            .with_retryable(is_of_the_network(error))
            .with_source(cause)
    }

    /// The places searched, and what each held if no credentials were found.
    fn places(&self, profile: &Profile, found_none: bool) -> Vec<String> {
        let unset = |names: [&str; 2]| {
            let missing: Vec<_> = names
                .into_iter()
                .filter(|name| !environment::is_set(name))
                .collect();
            if missing.is_empty() {
                "set".to_owned()
            } else {
                format!("{} not set", missing.join(" and "))
            }
        };
        let chosen = self.settings.profile.is_some();
        let mut places = vec!["credentials= (not given)".to_owned()];
        places.push(if chosen {
            format!("not the environment variables {KEY} and {SECRET} (profile= was given)")
        } else {
            format!("environment variables {KEY} and {SECRET} (not set)")
        });
        places.push(profile.sources(if found_none {
            "no credentials in it"
        } else {
            "read"
        }));
        if !chosen {
            places.push(format!("web identity ({})", unset(WEB_IDENTITY)));
        }
        places.push(format!("container ({})", unset(environment::CONTAINER)));
        places.push(match (environment::metadata_is_off(), found_none) {
            (true, _) => "instance metadata (disabled by AWS_EC2_METADATA_DISABLED)".to_owned(),
            (false, true) => "instance metadata (no response)".to_owned(),
            (false, false) => "instance metadata".to_owned(),
        });
        places
    }

    /// Assumes a role with these credentials.
    pub(crate) async fn assume(
        &self,
        role: &AssumeRole,
        base: &Credentials,
    ) -> Result<Credentials, Error> {
        let region = match &self.region {
            Ok(region) => *region,
            Err(error) => {
                return Err(of_credentials(Error::new(
                    error.kind().clone(),
                    error.message(),
                )));
            }
        };
        let config = sdk::config(self.settings, region)
            .await
            .map_err(of_credentials)?;
        let mut builder = AssumeRoleProvider::builder(&*role.role_arn)
            .configure(&config)
            .session_name(
                role.session_name
                    .as_deref()
                    .map_or_else(session_name, str::to_owned),
            );
        if let Some(external_id) = &role.external_id {
            builder = builder.external_id(&**external_id);
        }
        if let Some(duration) = role.duration {
            builder = builder.session_length(duration);
        }
        let provider = builder.build_from_provider(to_sdk(base)).await;
        let assumed = provider.provide_credentials().await.map_err(|error| {
            let cause = one_line(&error);
            let unreached = is_of_the_network(&error);
            let advice = if unreached {
                "STS could not be reached"
            } else {
                "check that its trust policy and the policies of the caller allow it"
            };
            let message = format!(
                "the role {} cannot be assumed with the access key {}: {cause}; {advice}",
                role.role_arn, base.access_key_id
            );
            Error::new(ErrorKind::Credentials, message)
                .with_retryable(unreached)
                .with_source(cause)
        })?;
        let source = origin::of_role(&role.role_arn, base);
        adopt(&assumed, "the role", Some(source))
    }
}

fn session_name() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    format!("pydynox-{}", now.as_millis())
}

/// What to do about it.
fn advice(profile: &Profile, found_none: bool) -> String {
    // The SDK can read them, but only with a second elliptic-curve library, which is not built in.
    if profile.uses(&["login_session"]) {
        let name = profile.name();
        return format!(
            "profiles of `aws login` cannot be read: run `aws configure export-credentials --profile {name} --format env` and set what it prints"
        );
    }
    if profile.uses(&["sso_session", "sso_start_url"]) {
        return format!("run `aws sso login --profile {}`", profile.name());
    }
    if found_none && profile.is_explicit() {
        return "complete the profile, or omit profile= to use the environment's keys".to_owned();
    }
    if found_none {
        return format!(
            "set {KEY} and {SECRET}, or pass credentials= or profile=; a client for memory:// or file:// needs none, if it is the default: as_default()"
        );
    }
    "fix it there, or pass credentials=".to_owned()
}

fn adopt(
    credentials: &SdkCredentials,
    of: &str,
    source: Option<String>,
) -> Result<Credentials, Error> {
    let credentials = Credentials {
        session_token: credentials.session_token().map(Into::into),
        account_id: credentials
            .account_id()
            .map(|account| account.as_str().into()),
        expires_at: credentials.expiry(),
        source: source.map(Into::into),
        ..Credentials::new(credentials.access_key_id(), credentials.secret_access_key())
    };
    check(&credentials, of)?;
    Ok(credentials)
}

pub(crate) fn to_sdk(credentials: &Credentials) -> SdkCredentials {
    let mut builder = SdkCredentials::builder()
        .access_key_id(&*credentials.access_key_id)
        .secret_access_key(&*credentials.secret_access_key)
        .provider_name("pydynox");
    builder.set_session_token(credentials.session_token.as_deref().map(str::to_owned));
    builder.set_expiry(credentials.expires_at);
    builder.build()
}

/// The error of a lookup that took too long.
pub(crate) fn too_late(settings: &Settings) -> Error {
    let seconds = settings.timeout.as_secs_f32();
    let message = if settings.provider.is_some() {
        format!(
            "the credentials provider returned nothing within {seconds} s; check that it can reach its source"
        )
    } else {
        format!(
            "credentials cannot be loaded: no result within {seconds} s; is a credential_process waiting for input, or the network down?"
        )
    };
    let source: Box<dyn StdError + Send + Sync> = "time-out".into();
    Error::new(ErrorKind::Credentials, message)
        .with_retryable(true)
        .with_source(source)
}

#[cfg(test)]
mod tests;
