//! Endpoints: the configured address, put through the SDK's own endpoint rules.

use aws_sdk_dynamodb::config::endpoint::{
    DefaultResolver, Endpoint as Resolved, Params, ResolveEndpoint,
};
use aws_smithy_types::Document;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::endpoint::{Endpoint, EndpointQuery};

use crate::environment;
use crate::profile::Profile;
use crate::region;
use crate::settings::{Settings, check_region};

/// Variables that name an address, in order of precedence.
const VARIABLES: &[&str] = &["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];
const IGNORED: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
const MODES: [&str; 3] = ["preferred", "disabled", "required"];

/// A configured address and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Configured {
    url: String,
    by: String,
}

/// What decides where requests go, apart from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) region: Box<str>,
    url: Option<Configured>,
    fips: bool,
    dual_stack: bool,
    account_id_mode: String,
}

impl Rules {
    /// Checks the program's settings, the environment, the profile and the machine, in this order, and stops as soon as it can.
    pub(crate) async fn look_up(settings: &Settings) -> Result<Self, Error> {
        let at_hand = region::at_hand(settings)?;
        if let (Some(region), Some(_)) = (&at_hand, &settings.endpoint_url) {
            return Self::settle(settings, region.clone(), None);
        }
        let profile = Profile::load(settings.profile.as_deref()).await?;
        let region = match at_hand {
            Some(region) => region,
            None => region::look_up(settings, &profile).await?,
        };
        Self::settle(settings, region, Some(&profile))
    }

    fn settle(
        settings: &Settings,
        region: Box<str>,
        profile: Option<&Profile>,
    ) -> Result<Self, Error> {
        // The program's own address overrides the profile, whose settings are about other addresses.
        let profile = profile.filter(|_| settings.endpoint_url.is_none());
        let flag = |variable, key| match setting(profile, variable, key)? {
            Some((value, by)) => environment::boolean(&value, &by),
            None => Ok(false),
        };
        Ok(Self {
            region,
            url: configured(settings, profile)?,
            fips: flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?,
            dual_stack: flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?,
            account_id_mode: account_id_mode(profile)?,
        })
    }

    /// The endpoint of one kind of request.
    pub(crate) async fn resolve(&self, query: &EndpointQuery) -> Result<Endpoint, Error> {
        if query.streams {
            return self.resolve_streams().await;
        }
        // Any other ARN is sent to the usual endpoint, and the service says what is wrong with it.
        let owner = query.table_owner.as_deref().filter(|owner| is_owner(owner));
        let params = Params::builder()
            .region(&*self.region)
            .use_fips(self.fips)
            .use_dual_stack(self.dual_stack)
            .set_endpoint(self.url.as_ref().map(|configured| configured.url.clone()))
            .set_account_id(query.account_id.as_deref().map(str::to_owned))
            .account_id_endpoint_mode(self.account_id_mode.clone())
            // The answer is cached by owner, so it must not depend on the table.
            .set_resource_arn(owner.map(|owner| format!("{owner}:table/x")))
            .is_search_operation(query.search)
            .build()
            .map_err(|error| self.refused(&error))?;
        let resolved = DefaultResolver::new()
            .resolve_endpoint(&params)
            .await
            .map_err(|error| self.refused(&*error))?;
        let region = signing_region(&resolved).unwrap_or(&self.region);
        Endpoint::parse(resolved.url(), region).map_err(|error| match &self.url {
            Some(Configured { by, .. }) => {
                Error::new(error.kind().clone(), format!("{by}: {}", error.message()))
            }
            None => error,
        })
    }

    /// The endpoint of `DynamoDB` Streams: the host of the region's `DynamoDB` with a prefix, never that of an account.
    /// <https://docs.aws.amazon.com/general/latest/gr/ddb.html>
    async fn resolve_streams(&self) -> Result<Endpoint, Error> {
        let plain = EndpointQuery::default();
        let endpoint = Box::pin(self.resolve(&plain)).await?;
        if self.url.is_some() {
            return Ok(endpoint);
        }
        let url = endpoint.url();
        // Hosts for both versions of IP end in api.aws, and have a hyphen there.
        let prefix = if url.contains(".api.aws") || url.contains(".api.amazonwebservices.com.cn") {
            "streams-dynamodb"
        } else {
            "streams.dynamodb"
        };
        let url = url.replacen("dynamodb", prefix, 1);
        Endpoint::parse(&url, &self.region)
    }

    fn refused(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        let by = match &self.url {
            Some(Configured { url, by }) => format!("{url} of {by}"),
            None => format!("region {}", self.region),
        };
        let message = format!("no endpoint for {by}: {}", crate::failure::one_line(error));
        Error::new(ErrorKind::Configuration, message)
    }
}

/// The address that the environment names, of any scheme; used by a program without its own.
///
/// # Errors
/// [`ErrorKind::Configuration`] when a variable cannot be read.
pub fn of_environment() -> Result<Option<String>, Error> {
    if let Some(value) = environment::text(IGNORED)?
        && environment::boolean(&value, IGNORED)?
    {
        return Ok(None);
    }
    Ok(environment::first(VARIABLES)?.map(|(_, url)| url))
}

/// A setting and its source; a variable wins over the profile.
fn setting(
    profile: Option<&Profile>,
    variable: &'static str,
    key: &str,
) -> Result<Option<(String, String)>, Error> {
    if let Some(value) = environment::text(variable)? {
        return Ok(Some((value, variable.to_owned())));
    }
    Ok(profile.and_then(|profile| {
        let value = profile.get(key)?;
        Some((
            value.to_owned(),
            format!("{key} of profile '{}'", profile.name()),
        ))
    }))
}

/// The SDK's order, with one exception: an invalid address is an error, not skipped in favour of AWS.
fn configured(settings: &Settings, profile: Option<&Profile>) -> Result<Option<Configured>, Error> {
    if let Some(url) = &settings.endpoint_url {
        let (url, by) = (url.clone().into_string(), "endpoint_url=".to_owned());
        return Ok(Some(Configured { url, by }));
    }
    let ignored = setting(profile, IGNORED, "ignore_configured_endpoint_urls")?;
    if let Some((value, by)) = ignored
        && environment::boolean(&value, &by)?
    {
        return Ok(None);
    }
    if let Some((variable, url)) = environment::first(VARIABLES)? {
        let by = variable.to_owned();
        return Ok(Some(Configured { url, by }));
    }
    Ok(profile.and_then(|profile| {
        let by = format!("endpoint_url of profile '{}'", profile.name());
        Some(Configured {
            url: profile.endpoint_url()?,
            by,
        })
    }))
}

fn account_id_mode(profile: Option<&Profile>) -> Result<String, Error> {
    let Some((mode, by)) = setting(
        profile,
        "AWS_ACCOUNT_ID_ENDPOINT_MODE",
        "account_id_endpoint_mode",
    )?
    else {
        return Ok(MODES[0].to_owned());
    };
    let mode = mode.to_ascii_lowercase();
    if MODES.contains(&mode.as_str()) {
        return Ok(mode);
    }
    let message = format!("{by} must be one of {}; got {mode:?}", MODES.join(", "));
    Err(Error::new(ErrorKind::Configuration, message))
}

/// Whether this is the beginning of a table's ARN, `arn:partition:dynamodb:region:account`.
fn is_owner(owner: &str) -> bool {
    let parts: Vec<_> = owner.split(':').collect();
    let label = |text: &str| check_region(text, "").is_ok();
    matches!(parts[..], ["arn", partition, "dynamodb", region, account]
        if label(partition) && label(region) && account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The region to sign for, if it differs from the endpoint's own.
fn signing_region(endpoint: &Resolved) -> Option<&str> {
    let typed = endpoint
        .auth_schemes()
        .iter()
        .find_map(|scheme| scheme.get("signingRegion"));
    let listed = || {
        let schemes = endpoint.properties().get("authSchemes")?.as_array()?;
        schemes
            .iter()
            .find_map(|scheme| scheme.as_object()?.get("signingRegion"))
    };
    typed.or_else(listed).and_then(Document::as_string)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rules(region: &str) -> Rules {
        Rules {
            region: region.into(),
            url: None,
            fips: false,
            dual_stack: false,
            account_id_mode: "preferred".to_owned(),
        }
    }

    fn at(url: &str) -> Rules {
        Rules {
            url: Some(Configured {
                url: url.to_owned(),
                by: "endpoint_url=".to_owned(),
            }),
            ..rules("eu-central-1")
        }
    }

    async fn resolve(
        rules: &Rules,
        account: Option<&str>,
        owner: Option<&str>,
    ) -> Result<Endpoint, Error> {
        let query = EndpointQuery {
            account_id: account.map(Into::into),
            table_owner: owner.map(Into::into),
            ..EndpointQuery::default()
        };
        rules.resolve(&query).await
    }

    /// One line: `region fips=bool dual=bool mode Some("account") -> url`, or `ERR` and the SDK's error, cut.
    #[tokio::test]
    async fn endpoints_are_those_of_the_sdk() {
        let mut lines = 0;
        for line in include_str!("../tests/endpoints_golden.txt").lines() {
            let (question, answer) = line.split_once(" -> ").unwrap();
            let [region, fips, dual_stack, mode, account] =
                <[&str; 5]>::try_from(question.split(' ').collect::<Vec<_>>()).unwrap();
            let rules = Rules {
                fips: fips == "fips=true",
                dual_stack: dual_stack == "dual=true",
                account_id_mode: mode.to_owned(),
                ..rules(region)
            };
            let account = account
                .strip_prefix("Some(\"")
                .map(|rest| rest.trim_end_matches("\")"));

            let endpoint = resolve(&rules, account, None).await;

            match answer.strip_prefix("ERR ResolveEndpointError { message: \"") {
                Some(message) => {
                    let error = endpoint.unwrap_err();
                    assert_eq!(error.kind(), &ErrorKind::Configuration, "{line}");
                    assert!(error.message().contains(message), "{line}: {error}");
                }
                None => assert_eq!(
                    endpoint.unwrap(),
                    Endpoint::parse(answer, region).unwrap(),
                    "{line}"
                ),
            }
            lines += 1;
        }
        assert_eq!(lines, 72);
    }

    #[tokio::test]
    async fn the_region_named_local_is_signed_for_another() {
        let endpoint = resolve(&rules("local"), None, None).await.unwrap();

        assert_eq!(
            endpoint,
            Endpoint::parse("http://localhost:8000", "us-east-1").unwrap()
        );
    }

    #[tokio::test]
    async fn the_owner_of_a_table_has_a_host_of_its_own() {
        let url = "https://222222222222.ddb.eu-central-1.amazonaws.com";
        let expected = Endpoint::parse(url, "eu-central-1").unwrap();
        let owner = "arn:aws:dynamodb:eu-central-1:222222222222";

        let endpoint = resolve(&rules("eu-central-1"), Some("111111111111"), Some(owner)).await;

        assert_eq!(endpoint.unwrap(), expected);
    }

    #[tokio::test]
    async fn an_owner_that_is_none_is_not_asked_for() {
        let url = "https://111111111111.ddb.eu-central-1.amazonaws.com";
        let expected = Endpoint::parse(url, "eu-central-1").unwrap();
        for owner in [
            "arn:aws:dynamodb",
            "arn:aws:dynamodb:eu-central-1:evil.com/",
            "arn:aws:dynamodb:eu-central-1:22222222222",
            "arn:aws:s3:eu-central-1:222222222222",
            "arn:a.b:dynamodb:eu-central-1:222222222222",
            "arn:aws:dynamodb::222222222222",
        ] {
            let endpoint = resolve(&rules("eu-central-1"), Some("111111111111"), Some(owner)).await;
            assert_eq!(endpoint.unwrap(), expected, "{owner}");
        }
    }

    #[tokio::test]
    async fn searches_go_to_a_host_of_their_own() {
        let query = EndpointQuery {
            search: true,
            ..EndpointQuery::default()
        };

        let endpoint = rules("eu-central-1").resolve(&query).await.unwrap();

        let url = "https://search-dynamodb.eu-central-1.amazonaws.com";
        assert_eq!(endpoint, Endpoint::parse(url, "eu-central-1").unwrap());
    }

    #[tokio::test]
    async fn streams_have_hosts_of_their_own_unless_an_address_is_given() {
        let query = EndpointQuery {
            account_id: Some("111111111111".into()),
            streams: true,
            ..EndpointQuery::default()
        };
        let fips = Rules {
            fips: true,
            ..rules("us-east-1")
        };
        let dual_stack = Rules {
            dual_stack: true,
            ..rules("us-east-1")
        };
        for (rules, url) in [
            (
                rules("eu-central-1"),
                "https://streams.dynamodb.eu-central-1.amazonaws.com",
            ),
            (
                rules("cn-north-1"),
                "https://streams.dynamodb.cn-north-1.amazonaws.com.cn",
            ),
            (
                fips,
                "https://streams.dynamodb-fips.us-east-1.amazonaws.com",
            ),
            (dual_stack, "https://streams-dynamodb.us-east-1.api.aws"),
            (at("http://127.0.0.1:8000"), "http://127.0.0.1:8000"),
        ] {
            let endpoint = rules.resolve(&query).await.unwrap();
            assert_eq!(endpoint, Endpoint::parse(url, &rules.region).unwrap());
        }
    }

    #[tokio::test]
    async fn an_address_of_ones_own_is_taken_as_it_is_but_not_with_fips_or_dual_stack() {
        let own = at("http://127.0.0.1:8000/base");
        let fips = Rules {
            fips: true,
            ..own.clone()
        };
        let dual_stack = Rules {
            dual_stack: true,
            ..own.clone()
        };

        let endpoint = resolve(&own, Some("111111111111"), None).await.unwrap();
        let with_fips = resolve(&fips, None, None).await.unwrap_err();
        let with_dual_stack = resolve(&dual_stack, None, None).await.unwrap_err();

        assert_eq!(
            endpoint,
            Endpoint::parse("http://127.0.0.1:8000/base", "eu-central-1").unwrap()
        );
        assert!(
            with_fips
                .message()
                .contains("FIPS and custom endpoint are not supported"),
            "{with_fips}"
        );
        assert!(
            with_dual_stack
                .message()
                .contains("Dualstack and custom endpoint"),
            "{with_dual_stack}"
        );
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_an_error_that_names_its_place() {
        let error = resolve(&at("localhost:8000"), None, None)
            .await
            .unwrap_err();

        assert_eq!(error.kind(), &ErrorKind::Configuration);
        assert!(
            error
                .message()
                .starts_with("endpoint_url=: the endpoint \"localhost:8000\""),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_account_that_is_none_never_becomes_a_host() {
        let error = resolve(&rules("eu-central-1"), Some("evil.com/"), None)
            .await
            .unwrap_err();

        assert_eq!(error.kind(), &ErrorKind::Configuration);
    }
}
