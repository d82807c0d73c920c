//! Settings that the program passes itself, and their checks; what it omits is resolved from its surroundings.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::credentials::{Credentials, CredentialsProvider, Loading};
use pydynox_core::transport::endpoint::Endpoint;

/// The session lengths that STS allows for a role, in seconds.
const SESSION: std::ops::RangeInclusive<u64> = 900..=43_200;

const LONGEST_LABEL: usize = 63;

/// A role to assume, with any source of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssumeRole {
    /// The ARN of the role.
    pub role_arn: Box<str>,
    /// The name of the session, as `CloudTrail` shows it; generated if absent.
    pub session_name: Option<Box<str>>,
    /// What the role's owner requires of another account.
    pub external_id: Option<Box<str>>,
    /// How long the credentials last, 15 minutes to 12 hours; STS's one hour if absent.
    pub duration: Option<Duration>,
}

impl AssumeRole {
    /// This role; defaults otherwise.
    pub fn new(role_arn: impl Into<Box<str>>) -> Self {
        Self {
            role_arn: role_arn.into(),
            session_name: None,
            external_id: None,
            duration: None,
        }
    }

    fn check(&self) -> Result<(), Error> {
        if !self.role_arn.starts_with("arn:") {
            let message = format!(
                "assume_role must be the ARN of a role, such as arn:aws:iam::123456789012:role/name; got {:?}",
                self.role_arn
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        match self.duration.map(|duration| duration.as_secs()) {
            Some(seconds) if !SESSION.contains(&seconds) => {
                let message = format!(
                    "assume_role: the duration must be from 900 to 43200 seconds; got {seconds}"
                );
                Err(Error::new(ErrorKind::Configuration, message))
            }
            _ => Ok(()),
        }
    }
}

/// A credentials provider that the program supplies.
#[derive(Clone)]
pub struct OwnProvider(Arc<dyn CredentialsProvider>);

impl OwnProvider {
    /// Wraps one.
    pub fn new(provider: Arc<dyn CredentialsProvider>) -> Self {
        Self(provider)
    }

    pub(crate) fn ask(&self) -> Loading<'static, Credentials> {
        self.0.clone().load()
    }
}

impl fmt::Debug for OwnProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnProvider(..)")
    }
}

/// What the program decides; every field has a default, mostly "resolve it from the surroundings".
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The region.
    pub region: Option<Box<str>>,
    /// The address of the service; if set, the profile's endpoint settings are ignored.
    pub endpoint_url: Option<Box<str>>,
    /// The profile of the shared files; if set, the environment's keys are ignored.
    pub profile: Option<Box<str>>,
    /// Credentials; if set, no others are searched for.
    pub credentials: Option<Credentials>,
    /// A provider to call instead; also for the credentials that assume the role.
    pub provider: Option<OwnProvider>,
    /// A role to assume.
    pub assume_role: Option<AssumeRole>,
    /// Certificates to trust instead of the system's: a PEM file.
    pub ca_bundle: Option<PathBuf>,
    /// Maximum time to connect to a source of credentials.
    pub connect_timeout: Duration,
    /// Maximum time for one lookup of credentials, including all requests and a `credential_process`.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            profile: None,
            credentials: None,
            provider: None,
            assume_role: None,
            ca_bundle: None,
            connect_timeout: Duration::from_millis(3100),
            // Less than the default timeout of a call (30 s), so that the error is about the lookup.
            timeout: Duration::from_secs(25),
        }
    }
}

impl Settings {
    /// Whether each setting is valid.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] names the invalid setting.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(name) = &self.region {
            check_region(name, "region=")?;
        }
        if let Some(url) = &self.endpoint_url {
            // Only the address is checked; the region is resolved later.
            Endpoint::parse(url, "any")?;
        }
        if self.profile.as_deref().is_some_and(str::is_empty) {
            return Err(Error::new(
                ErrorKind::Configuration,
                "profile= is empty; omit it for the default profile",
            ));
        }
        for (name, length) in [
            ("connect_timeout", self.connect_timeout),
            ("the timeout of credentials", self.timeout),
        ] {
            if length.is_zero() {
                let message = format!("{name} must be a positive number of seconds; got 0");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        self.assume_role.as_ref().map_or(Ok(()), AssumeRole::check)
    }
}

/// A region becomes part of a host name, so nothing else may get in there.
pub(crate) fn check_region(region: &str, named: &str) -> Result<(), Error> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !region.is_empty()
        && region.len() <= LONGEST_LABEL
        && region.bytes().all(letters)
        && !region.starts_with('-')
        && !region.ends_with('-')
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{named} must be the name of a region, such as eu-central-1; got {region:?}"),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let refused = |change: &dyn Fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            let error = settings.check().unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration);
            error.message().to_owned()
        };
        let role = |duration| AssumeRole {
            duration: Some(Duration::from_secs(duration)),
            ..AssumeRole::new("arn:aws:iam::123456789012:role/r")
        };

        assert!(refused(&|s| s.region = Some("evil.com/".into())).contains("region="));
        assert!(refused(&|s| s.endpoint_url = Some("localhost:8000".into())).contains("localhost"));
        assert!(refused(&|s| s.profile = Some("".into())).contains("profile="));
        assert!(refused(&|s| s.connect_timeout = Duration::ZERO).contains("connect_timeout"));
        assert!(refused(&|s| s.timeout = Duration::ZERO).contains("timeout of credentials"));
        assert!(refused(&|s| s.assume_role = Some(AssumeRole::new("admin"))).contains("admin"));
        assert!(refused(&|s| s.assume_role = Some(role(899))).contains("899"));
        assert!(refused(&|s| s.assume_role = Some(role(43_201))).contains("43201"));
    }

    #[test]
    fn the_defaults_and_what_makes_sense_are_accepted() {
        let mut settings = Settings::default();
        settings.check().unwrap();

        settings.region = Some("eu-central-1".into());
        settings.endpoint_url = Some("http://localhost:8000".into());
        settings.assume_role = Some(AssumeRole {
            duration: Some(Duration::from_mins(15)),
            ..AssumeRole::new("arn:aws:iam::123456789012:role/r")
        });
        settings.check().unwrap();
    }

    #[test]
    fn a_region_is_a_label_of_a_host() {
        let longest = "a".repeat(63);
        for region in ["us-east-1", "local", "eu-isoe-west-1", "a", &longest] {
            assert!(check_region(region, "region=").is_ok(), "{region}");
        }
        let longer = "a".repeat(64);
        for region in [
            "",
            "-",
            "us-east-1-",
            "evil.com/",
            "evil.com",
            "us east",
            "us_east",
            "a\nb",
            "ü",
            "a@b",
            "a:80",
            &longer,
        ] {
            assert!(check_region(region, "region=").is_err(), "{region}");
        }
    }
}
