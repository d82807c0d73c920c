//! What pydynox asks the AWS SDK for: credentials and region (`aws-config`), and the endpoint rules of `aws-sdk-dynamodb`.
use std::{path::PathBuf, time::Duration};
use pydynox_core::transport::{credentials::*, endpoint::*};
/// role
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct AssumeRole { pub role_arn: Box<str>, pub session_name: Option<Box<str>>, pub external_id: Option<Box<str>>, pub duration: Option<Duration> }
/// s
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct Settings { pub region: Option<Box<str>>, pub endpoint_url: Option<Box<str>>, pub profile: Option<Box<str>>, pub credentials: Option<Credentials>, pub assume_role: Option<AssumeRole>, pub ca_bundle: Option<PathBuf>, pub connect_timeout: Duration }
/// s
pub struct Surroundings(Settings);
impl Surroundings { /// x
 pub fn new(s: Settings) -> Self { Self(s) } }
impl CredentialsProvider for Surroundings { fn load(&self) -> Loading<'_, Credentials> { let c = self.0.credentials.clone(); Box::pin(async move { c.ok_or_else(|| pydynox_core::error::Error::new(pydynox_core::error::ErrorKind::Credentials, "no")) }) } }
impl EndpointProvider for Surroundings { fn endpoint<'a>(&'a self, _: &'a Asked) -> Loading<'a, Endpoint> { Box::pin(async move { Endpoint::parse(self.0.endpoint_url.as_deref().unwrap_or(""), self.0.region.as_deref().unwrap_or("us-east-1")) }) } }
/// e
pub fn endpoint_from_environment() -> Option<String> { std::env::var("AWS_ENDPOINT_URL_DYNAMODB").ok() }
