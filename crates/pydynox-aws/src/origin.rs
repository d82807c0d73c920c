//! Origin: where credentials came from, as text, by what the SDK marks them with and what the profile says.

use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;

use pydynox_core::transport::credentials::Credentials;

use crate::environment;
use crate::profile::Profile;

/// Of what a function of the program returned.
pub(crate) const PROVIDER: &str = "the program's credentials provider";

/// The origin of a role's credentials, assumed with these.
pub(crate) fn of_role(role: &str, base: &Credentials) -> String {
    match &base.source {
        Some(source) => format!("role {role}, assumed with {source}"),
        None => format!("role {role}"),
    }
}

/// The origin of what the SDK's chain found; None for a mark that has no words yet.
pub(crate) fn of(credentials: &SdkCredentials, profile: &Profile) -> Option<String> {
    let features = credentials.get_property::<Vec<Feature>>()?;
    let has = |feature: &Feature| features.contains(feature);
    if has(&Feature::CredentialsProfile) {
        let name = profile.name();
        let role = profile.get("role_arn");
        return Some(if has(&Feature::CredentialsProcess) {
            format!("credential process of profile {name}")
        } else if has(&Feature::CredentialsSso) {
            match profile.get("sso_session") {
                Some(session) => format!("SSO session {session} of profile {name}"),
                None => format!("SSO of profile {name}"),
            }
        } else if has(&Feature::CredentialsProfileStsWebIdToken) {
            format!("web identity of profile {name}, role {}", role?)
        } else if let Some(role) = role {
            format!("role {role} of profile {name}")
        } else {
            format!("keys of profile {name}")
        });
    }
    if has(&Feature::CredentialsProfileStsWebIdToken) {
        let role = environment::text("AWS_ROLE_ARN").ok().flatten()?;
        return Some(format!("web identity, role {role}"));
    }
    if has(&Feature::CredentialsHttp) {
        let variable = environment::CONTAINER
            .into_iter()
            .find(|name| environment::is_set(name))?;
        return Some(format!("the container ({variable})"));
    }
    has(&Feature::CredentialsImds).then(|| "instance metadata".to_owned())
}
