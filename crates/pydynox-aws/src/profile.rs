//! Profiles: the shared files of the AWS tools, `~/.aws/config` and `~/.aws/credentials`, and the one profile read from them.

use std::path::{Path, PathBuf};

use aws_config::profile::{self, ProfileSet};
use aws_runtime::env_config::EnvConfigValue;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use pydynox_core::error::{Error, ErrorKind};

use crate::environment;

/// The SDK's name for the service in a `services` section.
const SERVICE: &str = "DynamoDB";

/// What chose the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChosenBy {
    Program,
    Environment,
    Nobody,
}

/// A profile, which may be empty or missing.
#[derive(Debug)]
pub(crate) struct Profile {
    name: String,
    chosen_by: ChosenBy,
    files: [PathBuf; 2],
    /// None if there are no files.
    sections: Option<ProfileSet>,
}

impl Profile {
    /// Whether the program named it; the environment's keys are then ignored.
    pub(crate) fn is_explicit(&self) -> bool {
        self.chosen_by == ChosenBy::Program
    }

    /// Reads the profile that the program or `AWS_PROFILE` names, else `default`. Without files, nothing is parsed.
    pub(crate) async fn load(chosen: Option<&str>) -> Result<Self, Error> {
        let (name, chosen_by) = match (chosen, environment::text("AWS_PROFILE")?) {
            (Some(name), _) => (name.to_owned(), ChosenBy::Program),
            (None, Some(name)) => (name, ChosenBy::Environment),
            (None, None) => ("default".to_owned(), ChosenBy::Nobody),
        };
        let files = [
            location("AWS_CONFIG_FILE", "~/.aws/config"),
            location("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        ];
        let mut profile = Self {
            name,
            chosen_by,
            files,
            sections: None,
        };
        if profile.files.iter().any(|path| path.exists()) {
            let name = profile.name.clone().into();
            let sections = profile::load(
                &Fs::real(),
                &Env::real(),
                &EnvConfigFiles::default(),
                Some(name),
            )
            .await
            .map_err(|error| profile.unreadable(&error))?;
            profile.sections = Some(sections);
        }
        // A profile that AWS_PROFILE names must exist only where credentials are searched for; see `Search::run`.
        if chosen_by == ChosenBy::Program {
            profile.require()?;
        }
        Ok(profile)
    }

    fn unreadable(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let message = format!(
            "{} cannot be read: {}",
            self.places(),
            crate::failure::one_line(error)
        );
        Error::new(ErrorKind::Configuration, message)
    }

    /// A profile requested by name must exist.
    pub(crate) fn require(&self) -> Result<(), Error> {
        if self.chosen_by == ChosenBy::Nobody || self.exists() {
            return Ok(());
        }
        let by = match self.chosen_by {
            ChosenBy::Program => "profile=",
            _ => "AWS_PROFILE",
        };
        let mut names: Vec<_> = self
            .sections
            .iter()
            .flat_map(ProfileSet::profiles)
            .collect();
        names.sort_unstable();
        let profiles = if names.is_empty() {
            "the files have no profiles".to_owned()
        } else {
            format!("the profiles are: {}", names.join(", "))
        };
        let message = format!(
            "there is no profile '{}' ({by}) in {}; {profiles}",
            self.name,
            self.places()
        );
        Err(Error::new(ErrorKind::Configuration, message))
    }

    fn exists(&self) -> bool {
        let sections = self.sections.as_ref();
        sections.is_some_and(|sections| sections.get_profile(&self.name).is_some())
    }

    /// A setting of the profile.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.sections.as_ref()?.get(key)
    }

    /// The address that the profile gives the service; its `services` section takes precedence.
    pub(crate) fn endpoint_url(&self) -> Option<String> {
        let key = EnvConfigValue::new()
            .profile("endpoint_url")
            .service_id(SERVICE);
        key.load(&Env::real(), self.sections.as_ref())
            .map(|(url, _)| url.into_owned())
    }

    /// Whether the profile, or the source profile of its role, has any of these settings.
    pub(crate) fn uses(&self, keys: &[&str]) -> bool {
        let Some(sections) = &self.sections else {
            return false;
        };
        [Some(self.name.as_str()), self.get("source_profile")]
            .into_iter()
            .flatten()
            .filter_map(|name| sections.get_profile(name))
            .any(|profile| keys.iter().any(|key| profile.get(key).is_some()))
    }

    /// The name of the profile.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For the list of places searched.
    pub(crate) fn sources(&self, nothing: &str) -> String {
        let state = match &self.sections {
            None => "no such files",
            Some(_) if !self.exists() => "no such profile",
            Some(_) => nothing,
        };
        format!("profile '{}' of {} ({state})", self.name, self.places())
    }

    fn places(&self) -> String {
        let [config, credentials] = &self.files;
        format!("{} and {}", config.display(), credentials.display())
    }
}

/// The path of a shared file: from its variable, else in the home directory.
fn location(variable: &str, usual: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| usual.into(), PathBuf::from);
    // As the SDK expands it when it reads the files; this path is for messages, and to see whether there are any.
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}
