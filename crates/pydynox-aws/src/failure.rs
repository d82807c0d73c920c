//! Failures of the SDK as one line of our own.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;

/// Longer texts, such as the output of a `credential_process`, are cut.
const LONGEST: usize = 500;

/// An error and its causes, without repetitions.
pub(crate) fn one_line(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(without_wrapping(error));
    while let Some(error) = next {
        let words: Vec<_> = error
            .to_string()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let link = words.join(" ");
        if !link.is_empty() && !text.contains(&link) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&link);
        }
        next = error.source();
    }
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// The SDK wraps the cause in "an error occurred while loading credentials", often twice.
fn without_wrapping<'a>(mut error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    while error.is::<CredentialsError>()
        && let Some(source) = error.source()
    {
        error = source;
    }
    error
}

/// Whether the source of the credentials could not be reached, so that a retry may work.
pub(crate) fn is_of_the_network(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<ConnectorError>() {
            return error.is_io() || error.is_timeout();
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_becomes_one_line_without_the_sdks_wrapping() {
        let inner = CredentialsError::provider_error("the  process\nfailed");
        let outer = CredentialsError::provider_error(inner);

        assert_eq!(one_line(&outer), "the process failed");
        assert!(one_line(&CredentialsError::not_loaded_no_source()).contains("not enabled"));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = CredentialsError::provider_error("ü".repeat(1000));

        let text = one_line(&long);

        assert_eq!(text.chars().count(), LONGEST + 3);
    }

    #[test]
    fn only_trouble_of_the_network_may_pass() {
        let network = ConnectorError::io("connection refused".into());
        let user = ConnectorError::user("bad uri".into());

        assert!(is_of_the_network(&CredentialsError::provider_error(
            network
        )));
        assert!(!is_of_the_network(&CredentialsError::provider_error(user)));
        assert!(!is_of_the_network(&CredentialsError::provider_error(
            "denied"
        )));
    }
}
