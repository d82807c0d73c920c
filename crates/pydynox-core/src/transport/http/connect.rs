//! From an endpoint to a connection: name, route, proxy and TLS, within one time-out.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::connection::Connection;
use super::proxy::{self, Proxy};
use super::stream::{Socket, Stream};
use super::tls::{Tls, Trust};
use super::{HttpConfig, Outside};
use crate::transport::endpoint::Endpoint;
use crate::transport::{FailureKind, TransportError};

/// How requests are written on a connection.
#[derive(Debug)]
pub(super) struct Route {
    /// What stands in the request line.
    pub(super) target: Uri,
    /// For a proxy that passes plain requests on.
    pub(super) proxy_authorization: Option<HeaderValue>,
}

/// Makes connections.
pub(super) struct Connector {
    timeout: Duration,
    sockets: HttpConnector,
    tls: Tls,
    proxies: Matcher,
}

impl Connector {
    pub(super) fn new(config: &HttpConfig, outside: Outside) -> Self {
        let timeout = config.connect_timeout;
        let trust = match &config.ca_bundle {
            Some(path) => Trust::file(path.clone(), "ca_bundle="),
            None => outside.trust,
        };
        let mut sockets = HttpConnector::new();
        sockets.set_nodelay(true);
        sockets.set_connect_timeout(Some(timeout));
        sockets.set_keepalive(Some(Duration::from_secs(30)));
        sockets.enforce_http(false);
        Self {
            timeout,
            sockets,
            tls: Tls::new(trust),
            proxies: outside.proxies,
        }
    }

    /// A new connection to this endpoint.
    pub(super) async fn connect(
        &self,
        endpoint: &Endpoint,
    ) -> Result<(Connection, Arc<Route>), TransportError> {
        match tokio::time::timeout(self.timeout, self.open(endpoint)).await {
            Ok(opened) => opened,
            Err(_) => Err(TransportError::not_sent(
                FailureKind::Connect,
                format!(
                    "no connection to {} within {} s (connect_timeout)",
                    endpoint.shown(),
                    self.timeout.as_secs_f64()
                ),
            )),
        }
    }

    async fn open(&self, endpoint: &Endpoint) -> Result<(Connection, Arc<Route>), TransportError> {
        let proxy = proxy::of(endpoint, &self.proxies).map_err(TransportError::Refused)?;
        let secure = endpoint.uri.scheme_str() == Some("https");
        let socket = Socket::new(match &proxy {
            None => self.socket(&endpoint.uri, endpoint.shown()).await?,
            Some(proxy) if secure => self.tunnel(endpoint, proxy).await?,
            Some(proxy) => {
                self.socket(&proxy.uri, &format!("the proxy {}", proxy.shown()))
                    .await?
            }
        });
        let stream = if secure {
            let host = endpoint.uri.host().unwrap_or_default();
            Stream::Tls(Box::new(self.tls.connect(host, socket.clone()).await?))
        } else {
            Stream::Plain(socket.clone())
        };
        let connection = Connection::over(socket, stream).await.map_err(|error| {
            TransportError::not_sent(FailureKind::Connect, format!("HTTP: {error}"))
        })?;
        Ok((connection, Arc::new(route(endpoint, secure, proxy))))
    }

    async fn socket(&self, to: &Uri, shown: &str) -> Result<TcpStream, TransportError> {
        self.sockets
            .clone()
            .call(to.clone())
            .await
            .map(TokioIo::into_inner)
            .map_err(|error| unconnected(shown, &error))
    }

    /// A connection to the endpoint through a proxy that is asked to pass bytes on (`CONNECT`).
    async fn tunnel(
        &self,
        endpoint: &Endpoint,
        proxy: &Proxy,
    ) -> Result<TcpStream, TransportError> {
        let mut tunnel = Tunnel::new(proxy.uri.clone(), self.sockets.clone());
        if let Some(authorization) = &proxy.authorization {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        tunnel
            .call(endpoint.uri.clone())
            .await
            .map(TokioIo::into_inner)
            .map_err(|error| {
                let shown = format!("{} through the proxy {}", endpoint.shown(), proxy.shown());
                unconnected(&shown, &error)
            })
    }
}

fn route(endpoint: &Endpoint, secure: bool, proxy: Option<Proxy>) -> Route {
    match proxy {
        // A proxy for plain requests is told the whole address.
        Some(proxy) if !secure => Route {
            target: endpoint.uri.clone(),
            proxy_authorization: proxy.authorization,
        },
        _ => Route {
            target: endpoint.path.parse().unwrap_or_default(),
            proxy_authorization: None,
        },
    }
}

fn unconnected(shown: &str, error: &dyn StdError) -> TransportError {
    let mut message = format!("no connection to {shown}: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        message.push_str(": ");
        message.push_str(&source.to_string());
        cause = source.source();
    }
    TransportError::not_sent(FailureKind::Connect, message)
}
