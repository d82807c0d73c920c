//! Which requests go through a proxy: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, read as curl reads them.

use http::Uri;
use http::header::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;

use crate::error::{Error, ErrorKind};
use crate::transport::endpoint::Endpoint;

/// A proxy that a request goes through.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    pub(super) uri: Uri,
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Its host and port, for messages.
    pub(super) fn authority(&self) -> String {
        let port = self.uri.port_u16().unwrap_or(80);
        format!("{}:{port}", self.uri.host().unwrap_or("?"))
    }
}

/// The proxy of this endpoint, if it has one.
pub(super) fn of(endpoint: &Endpoint, rules: &Matcher) -> Result<Option<Proxy>, Error> {
    let Some(proxy) = rules.intercept(&endpoint.uri) else {
        return Ok(None);
    };
    if proxy.uri().scheme_str() != Some("http") {
        let message = format!(
            "the proxy for {} uses {:?}, and pydynox supports only http:// proxies; see HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
            endpoint.authority(),
            proxy.uri().scheme_str().unwrap_or_default(),
        );
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(Some(Proxy {
        uri: proxy.uri().clone(),
        authorization: proxy.basic_auth().cloned(),
    }))
}
