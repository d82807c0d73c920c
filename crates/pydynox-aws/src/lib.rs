//! What pydynox asks the AWS SDK for: credentials and region (`aws-config`), and the endpoint rules of `aws-sdk-dynamodb`.

#![forbid(unsafe_code)]

mod credentials;
mod endpoint;
mod environment;
mod failure;
mod profile;
mod region;
mod sdk;
mod settings;
mod surroundings;

pub use endpoint::of_environment as endpoint_of_environment;
pub use settings::{AssumeRole, Settings};
pub use surroundings::Surroundings;
