//! Surroundings of a test's own. The environment belongs to a process, so that each is a child of this one.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials as SdkCredentials};
use pydynox_aws::{AssumeRole, Settings, Surroundings};
use pydynox_core::Error;
use pydynox_core::transport::credentials::{Credentials, CredentialsProvider};
use pydynox_core::transport::endpoint::{Endpoint, EndpointProvider, EndpointQuery};

use crate::errors::Scripted;

const MARK: &str = "probe> ";
const END: &str = "~";

/// A home directory, variables, and what the program says.
pub(crate) struct Surrounded {
    pub(crate) home: tempfile::TempDir,
    variables: Vec<(OsString, OsString)>,
}

impl Surrounded {
    /// An empty home, no variable but `PATH`, nothing said; instance metadata is off.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut variables = vec![("HOME".into(), home.path().into())];
        variables.extend(std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
        Self { home, variables }.with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// One variable more; those that begin with `SAY_` are what the program says.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn with_all(self, variables: &[(&str, &str)]) -> Self {
        let add = |all: Self, (name, value): &(&str, &str)| all.with(name, *value);
        variables.iter().fold(self, add)
    }

    /// The keys of the environment.
    pub(crate) fn with_keys(self) -> Self {
        self.with("AWS_ACCESS_KEY_ID", "ENVKEY")
            .with("AWS_SECRET_ACCESS_KEY", "envsecret")
    }

    pub(crate) fn with_file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn with_config(self, text: &str) -> Self {
        self.with_file(".aws/config", text)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Asks a process in these surroundings, all questions of one [`Surroundings`].
    pub(crate) fn ask<const N: usize>(&self, questions: [&str; N]) -> [Outcome; N] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "surroundings::probe",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("ASK", questions.join(","))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines: Vec<_> = text
            .lines()
            .filter_map(|line| Some(Outcome::read(line.split_once(MARK)?.1)))
            .collect();
        lines.try_into().unwrap()
    }

    pub(crate) fn credentials(&self) -> Outcome {
        let [outcome] = self.ask(["credentials"]);
        outcome
    }

    pub(crate) fn endpoint(&self) -> Outcome {
        let [outcome] = self.ask(["endpoint"]);
        outcome
    }

    pub(crate) fn region(&self) -> Outcome {
        let [outcome] = self.ask(["region"]);
        outcome
    }
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good(Vec<String>),
    Bad {
        kind: String,
        retryable: bool,
        message: String,
        source: String,
    },
}

impl Outcome {
    fn read(line: &str) -> Self {
        let mut parts: Vec<_> = line.split('\t').map(str::to_owned).collect();
        assert_eq!(parts.pop().as_deref(), Some(END), "{line}");
        match parts.remove(0).as_str() {
            "good" => Self::Good(parts),
            "bad" => {
                let [kind, retryable, message, source] = parts.try_into().unwrap();
                Self::Bad {
                    kind,
                    retryable: retryable == "true",
                    message,
                    source,
                }
            }
            other => panic!("{other}"),
        }
    }

    pub(crate) fn good(self) -> Vec<String> {
        match self {
            Self::Good(parts) => parts,
            bad @ Self::Bad { .. } => panic!("{bad:?}"),
        }
    }

    /// The only thing found.
    pub(crate) fn text(self) -> String {
        let [text] = self.good().try_into().unwrap();
        text
    }

    /// Key, secret, token, account, seconds of the end; absent ones are empty.
    pub(crate) fn keys(self) -> [String; 5] {
        self.good().try_into().unwrap()
    }

    pub(crate) fn key(self) -> String {
        let [key, ..] = self.keys();
        key
    }

    /// The message of an error of this kind that has no hope.
    pub(crate) fn error(self, of: &str) -> String {
        match self {
            Self::Bad {
                kind,
                retryable: false,
                message,
                ..
            } if kind == of => message,
            other => panic!("{other:?}"),
        }
    }

    /// The message of an error that may pass.
    pub(crate) fn trouble(self) -> String {
        match self {
            Self::Bad {
                kind,
                retryable: true,
                message,
                ..
            } if kind == "Credentials" => message,
            other => panic!("{other:?}"),
        }
    }
}

/// An endpoint as a process shows it.
pub(crate) fn endpoint_text(url: &str, region: &str) -> String {
    format!("{:?}", Endpoint::parse(url, region).unwrap())
}

fn good<const N: usize>(parts: [&str; N]) -> String {
    let mut line = "good".to_owned();
    for part in parts {
        write!(line, "\t{part}").unwrap();
    }
    line
}

fn bad(error: &Error) -> String {
    let source = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    format!(
        "bad\t{:?}\t{}\t{}\t{}",
        error.kind(),
        error.retryable(),
        error.message(),
        source
    )
}

fn settings_of_variables() -> Settings {
    let say = |name: &str| std::env::var(format!("SAY_{name}")).ok();
    let mut settings = Settings::default();
    settings.region = say("REGION").map(Into::into);
    settings.endpoint_url = say("ENDPOINT").map(Into::into);
    settings.profile = say("PROFILE").map(Into::into);
    settings.credentials = say("KEY").map(|key| Credentials::new(key, "saidsecret"));
    settings.ca_bundle = say("CA_BUNDLE").map(Into::into);
    settings.assume_role = say("ROLE").map(|role| {
        let mut role = AssumeRole::new(role);
        role.session_name = say("SESSION").map(Into::into);
        role.external_id = say("EXTERNAL_ID").map(Into::into);
        role.duration =
            say("DURATION").map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
        role
    });
    if let Some(milliseconds) = say("TIMEOUT") {
        settings.timeout = Duration::from_millis(milliseconds.parse().unwrap());
    }
    settings
}

async fn answer(surroundings: &Arc<Surroundings>, question: &str) -> String {
    match question {
        "credentials" => match surroundings.clone().load().await {
            Ok(credentials) => {
                let end = credentials
                    .expires_at
                    .map(|end| end.duration_since(UNIX_EPOCH).unwrap());
                good([
                    &credentials.access_key_id,
                    &credentials.secret_access_key,
                    credentials.session_token.as_deref().unwrap_or_default(),
                    credentials.account_id.as_deref().unwrap_or_default(),
                    &end.map(|end| end.as_secs().to_string()).unwrap_or_default(),
                ])
            }
            Err(error) => bad(&error),
        },
        "endpoint" => match surroundings.endpoint(&EndpointQuery::default()).await {
            Ok(endpoint) => good([&format!("{endpoint:?}")]),
            Err(error) => bad(&error),
        },
        "region" => match surroundings.region().await {
            Ok(region) => good([region]),
            Err(error) => bad(&error),
        },
        // Where the SDK itself would send a request.
        "sdk" => {
            let http = Scripted::new(200, "{}");
            let config = aws_config::defaults(BehaviorVersion::latest())
                .http_client(http.clone())
                .credentials_provider(SdkCredentials::new("A", "s", None, None, "test"))
                .load()
                .await;
            aws_sdk_dynamodb::Client::new(&config)
                .list_tables()
                .send()
                .await
                .unwrap();
            good([&http.uris().remove(0)])
        }
        "write config" => {
            let home = PathBuf::from(std::env::var_os("HOME").unwrap());
            std::fs::create_dir_all(home.join(".aws")).unwrap();
            std::fs::write(home.join(".aws/config"), std::env::var("CONFIG").unwrap()).unwrap();
            good([])
        }
        other => panic!("{other}"),
    }
}

#[test]
#[ignore = "asked by other tests, in a process of its own"]
#[allow(clippy::print_stdout)]
fn probe() {
    let Ok(questions) = std::env::var("ASK") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let surroundings = Arc::new(Surroundings::new(settings_of_variables()).unwrap());
        for question in questions.split(',') {
            println!("\n{MARK}{}\t{END}", answer(&surroundings, question).await);
        }
    });
}
