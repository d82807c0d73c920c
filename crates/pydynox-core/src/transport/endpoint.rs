//! Endpoints: where requests go, who decides it, and the cache of those decisions.

use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use http::header::HeaderValue;

use super::credentials::Loading;
use super::{Address, Operation};
use crate::error::{Error, ErrorKind};

/// An address of the service, and the region that its requests are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port.
    pub(crate) uri: Uri,
    /// The `Host` header; includes the port only if it is not the scheme's default.
    pub(crate) host: HeaderValue,
    /// The part of a request line before the query, `/` for the service itself.
    pub(crate) path: Box<str>,
    /// The region of the signature.
    pub(crate) region: Box<str>,
    address: Arc<Address>,
}

impl Endpoint {
    /// Parses an endpoint's URL.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when it is not an `http` or `https` URL that has a host and, optionally, a path of unreserved
    /// characters.
    pub fn parse(url: &str, region: &str) -> Result<Self, Error> {
        let refuse = |what: &str| {
            let url = without_user(url);
            let message =
                format!("the endpoint {url:?} {what}: write https://host or http://host:port");
            Error::new(ErrorKind::Configuration, message)
        };
        let uri: Uri = url.parse().map_err(|_| refuse("is not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refuse("is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| refuse("has no host"))?;
        if authority.host().is_empty() {
            return Err(refuse("has no host"));
        }
        if authority.as_str().contains('@') {
            return Err(refuse("contains a user name"));
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(refuse("contains a query or a fragment"));
        }
        if region.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the region is empty"));
        }
        // For the signature, other characters would be encoded once more than on the wire; these never are.
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let path = uri.path();
        if !path.bytes().all(unreserved) {
            return Err(refuse("has a path that cannot be signed"));
        }
        let usual = if secure { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port != usual => format!("{}:{port}", authority.host()),
            // An empty port and a number that is too large have no u16, but the authority contains them.
            None if authority.as_str() != authority.host() => {
                return Err(refuse("has no valid port"));
            }
            _ => authority.host().to_owned(),
        };
        let host = host.to_ascii_lowercase();
        let alone = authority.host().trim_matches(['[', ']']);
        let address = Address {
            authority: host.as_str().into(),
            host: alone.to_ascii_lowercase().into(),
            port: authority.port_u16().unwrap_or(usual),
        };
        Ok(Self {
            host: HeaderValue::try_from(host).map_err(|_| refuse("has no valid host"))?,
            address: Arc::new(address),
            path: if path.is_empty() { "/" } else { path }.into(),
            region: region.into(),
            uri,
        })
    }

    /// The URL.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// The host and port, as messages show them.
    pub(crate) fn authority(&self) -> &str {
        &self.address.authority
    }

    /// The address.
    pub(crate) fn address(&self) -> &Arc<Address> {
        &self.address
    }
}

/// A URL without the user and the password in it, for messages. What is not a URL may have them anywhere.
fn without_user(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    format!("{scheme}://...@{host}")
}

/// What an endpoint may depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointQuery {
    /// The account of the credentials.
    pub account_id: Option<Box<str>>,
    /// The ARN of the table, up to and including its account, if the table is named by ARN.
    pub table_owner: Option<Box<str>>,
    /// Whether the operation is a search.
    pub search: bool,
    /// Whether the operation belongs to `DynamoDB` Streams.
    pub streams: bool,
}

impl EndpointQuery {
    pub(crate) fn is(
        &self,
        account_id: Option<&str>,
        table_owner: Option<&str>,
        (search, streams): (bool, bool),
    ) -> bool {
        self.account_id.as_deref() == account_id
            && self.table_owner.as_deref() == table_owner
            && self.search == search
            && self.streams == streams
    }
}

/// Decides where requests go. The transport caches each answer.
pub trait EndpointProvider: Send + Sync + 'static {
    /// The endpoint for this query; errors have the kind [`ErrorKind::Configuration`] and name what is missing.
    fn endpoint<'a>(&'a self, query: &'a EndpointQuery) -> Loading<'a, Endpoint>;
}

impl EndpointProvider for Endpoint {
    fn endpoint<'a>(&'a self, _asked: &'a EndpointQuery) -> Loading<'a, Endpoint> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// `arn:partition:service:region:account` of a table that is named by its ARN.
pub(crate) fn owner_of(table: &str) -> Option<&str> {
    if !table.starts_with("arn:") {
        return None;
    }
    let end = table
        .match_indices(':')
        .nth(4)
        .map_or(table.len(), |(at, _)| at);
    Some(&table[..end])
}

/// Cached endpoints; the provider is asked until one is known.
pub(crate) struct Directory {
    provider: Arc<dyn EndpointProvider>,
    resolved: Mutex<Vec<(EndpointQuery, Arc<Endpoint>)>>,
}

impl Directory {
    pub(crate) fn new(provider: Arc<dyn EndpointProvider>) -> Self {
        Self {
            provider,
            resolved: Mutex::default(),
        }
    }

    pub(crate) async fn endpoint(
        &self,
        account_id: Option<&str>,
        table: &str,
        operation: &Operation,
    ) -> Result<Arc<Endpoint>, Error> {
        let owner = owner_of(table);
        let search = operation.name().starts_with("Search");
        let streams = operation.is_of_streams();
        let kind = (search, streams);
        if let Some(endpoint) = self.find(|query, _| query.is(account_id, owner, kind)) {
            return Ok(endpoint);
        }
        let query = EndpointQuery {
            account_id: account_id.map(Into::into),
            table_owner: owner.map(Into::into),
            search,
            streams,
        };
        let answer = self.provider.endpoint(&query).await?;
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        // The same address is one endpoint, even if several queries resolved to it at once: its connections are shared.
        let same = resolved.iter().find(|(_, endpoint)| **endpoint == answer);
        let endpoint = same.map_or_else(|| Arc::new(answer), |(_, endpoint)| endpoint.clone());
        // Another call may have resolved the same query while this one waited.
        if !resolved.iter().any(|(other, _)| *other == query) {
            resolved.push((query, endpoint.clone()));
        }
        Ok(endpoint)
    }

    /// Where such requests went last; None before the first.
    pub(crate) fn address(&self, table: &str, operation: &Operation) -> Option<Arc<Address>> {
        let owner = owner_of(table);
        let streams = operation.is_of_streams();
        let search = operation.name().starts_with("Search");
        // The account is that of the credentials, which are not asked here.
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        resolved
            .iter()
            .rev()
            .find(|(query, _)| query.is(query.account_id.as_deref(), owner, (search, streams)))
            .map(|(_, endpoint)| endpoint.address.clone())
    }

    fn find(&self, wanted: impl Fn(&EndpointQuery, &Endpoint) -> bool) -> Option<Arc<Endpoint>> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        resolved
            .iter()
            .find(|(query, endpoint)| wanted(query, endpoint))
            .map(|(_, endpoint)| endpoint.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_url_becomes_a_host_header_and_a_path() {
        for (url, host, path) in [
            (
                "https://dynamodb.us-east-1.amazonaws.com",
                "dynamodb.us-east-1.amazonaws.com",
                "/",
            ),
            ("https://Example.com:443/", "example.com", "/"),
            ("http://127.0.0.1:8000", "127.0.0.1:8000", "/"),
            ("http://[::1]:8000", "[::1]:8000", "/"),
            ("http://localhost:80/some/path", "localhost", "/some/path"),
        ] {
            let endpoint = Endpoint::parse(url, "us-east-1").unwrap();
            assert_eq!(
                (endpoint.authority(), &*endpoint.path),
                (host, path),
                "{url}"
            );
        }
    }

    #[test]
    fn an_address_has_no_brackets_and_every_endpoint_a_port() {
        for (url, address, port) in [
            ("https://example.com", "example.com", 443),
            ("http://example.com", "example.com", 80),
            ("http://127.0.0.1:8000", "127.0.0.1", 8000),
            ("https://[::1]:8443/path", "::1", 8443),
        ] {
            let endpoint = Endpoint::parse(url, "us-east-1").unwrap();
            assert_eq!(
                (&*endpoint.address.host, endpoint.address.port),
                (address, port)
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_is_wrong() {
        for (url, what) in [
            ("localhost:8000", "neither http nor https"),
            ("", "is not a URL"),
            ("ftp://x", "neither http nor https"),
            ("http://", "is not a URL"),
            (
                "http://u:p@host",
                "\"http://...@host\" contains a user name",
            ),
            ("http://u:p#q@host", "\"http://...@host\" "),
            ("u:p@host", "\"://...@host\" "),
            ("http://host:99999", "no valid port"),
            ("http://host?x=1", "contains a query or a fragment"),
            ("http://host/#x", "contains a query or a fragment"),
            ("http://host/a%20b", "cannot be signed"),
            ("http://ho st", "is not a URL"),
        ] {
            let error = Endpoint::parse(url, "us-east-1").unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration, "{url}");
            assert!(error.message().contains(what), "{url}: {error}");
        }
        assert!(Endpoint::parse("http://host", "").is_err());
    }

    #[test]
    fn the_owner_of_a_table_is_read_from_its_arn() {
        for (table, owner) in [
            ("users", None),
            (
                "arn:aws:dynamodb:eu-west-1:123456789012:table/users",
                Some("arn:aws:dynamodb:eu-west-1:123456789012"),
            ),
            ("arn:aws:dynamodb", Some("arn:aws:dynamodb")),
        ] {
            assert_eq!(owner_of(table), owner);
        }
    }

    struct Counting(AtomicU32);

    impl EndpointProvider for Counting {
        fn endpoint<'a>(&'a self, query: &'a EndpointQuery) -> Loading<'a, Endpoint> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let account = query.account_id.as_deref().unwrap_or("none");
            Box::pin(std::future::ready(Endpoint::parse(
                &format!("https://{account}.example"),
                "us-east-1",
            )))
        }
    }

    #[tokio::test]
    async fn each_combination_is_asked_for_once() {
        let provider = Arc::new(Counting(AtomicU32::new(0)));
        let directory = Directory::new(provider.clone());
        let get = Operation::GetItem;

        for _ in 0..3 {
            let one = directory.endpoint(Some("1"), "t", &get).await.unwrap();
            let two = directory.endpoint(Some("2"), "t", &get).await.unwrap();
            let other = directory
                .endpoint(Some("1"), "arn:aws:dynamodb:r:9:table/t", &get)
                .await
                .unwrap();
            let search = Operation::from_name("SearchVectors");
            let search = directory.endpoint(Some("1"), "t", &search).await.unwrap();
            assert_eq!(
                [one.authority(), two.authority()],
                ["1.example", "2.example"]
            );
            assert!(Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&one, &search));
        }

        assert_eq!(provider.0.load(Ordering::Relaxed), 4);
    }

    /// Says where to only once all have asked.
    struct Crowd(tokio::sync::Barrier);

    impl EndpointProvider for Crowd {
        fn endpoint<'a>(&'a self, _asked: &'a EndpointQuery) -> Loading<'a, Endpoint> {
            Box::pin(async {
                self.0.wait().await;
                Endpoint::parse("https://one.example", "us-east-1")
            })
        }
    }

    #[tokio::test]
    async fn who_asks_at_once_is_told_of_one_endpoint() {
        let directory = Arc::new(Directory::new(Arc::new(Crowd(tokio::sync::Barrier::new(
            5,
        )))));

        let asking: Vec<_> = (0..5)
            .map(|_| {
                let directory = directory.clone();
                tokio::spawn(async move {
                    directory
                        .endpoint(None, "t", &Operation::GetItem)
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut endpoints = Vec::new();
        for one in asking {
            endpoints.push(one.await.unwrap());
        }

        assert!(endpoints.iter().all(|one| Arc::ptr_eq(one, &endpoints[0])));
    }
}
