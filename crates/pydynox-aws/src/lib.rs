//! What pydynox asks the AWS SDK for: credentials and region (`aws-config`), the endpoint rules of
//! `aws-sdk-dynamodb`, and data keys of KMS (`aws-sdk-kms`).

#![forbid(unsafe_code)]

mod credentials;
mod endpoint;
mod environment;
mod failure;
mod http;
mod kms;
mod origin;
mod profile;
mod region;
mod sdk;
mod settings;
mod surroundings;

pub use endpoint::of_environment as endpoint_of_environment;
pub use kms::{KmsKeyring, KmsSettings};
pub use settings::{AssumeRole, OwnProvider, Settings};
pub use surroundings::Surroundings;
