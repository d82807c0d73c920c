//! Connecting: from an endpoint to a connection by name, route, proxy and TLS, within one timeout.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::config::{HttpConfig, Outside};
use super::connection::Connection;
use super::proxy::{self, Proxy};
use super::stream::Stream;
use super::tls::{Tls, Trust};
use crate::transport::endpoint::Endpoint;
use crate::transport::{ConnectionTime, FailureKind, TransportError};

/// The start of each request on a connection.
#[derive(Debug)]
pub(super) struct Route {
    /// The request line, and headers that only a proxy reads.
    pub(super) line: Box<[u8]>,
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
        // A request is one write, which Nagle's algorithm could only delay.
        sockets.set_nodelay(true);
        // Divided among the addresses of a name, so that a dead one leaves time for the next; `connect` limits the total.
        sockets.set_connect_timeout(Some(timeout));
        sockets.set_keepalive(Some(Duration::from_secs(30)));
        // The connector would refuse https, but TLS is added here, over its sockets.
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
        time: Option<&ConnectionTime>,
    ) -> Result<(Connection, Arc<Route>), TransportError> {
        let opening = tokio::time::timeout(self.timeout, self.open(endpoint));
        if let Ok(opened) = opening.await {
            return opened;
        }
        if let Some(time) = time {
            time.ran_out();
        }
        Err(TransportError::not_sent(
            FailureKind::Connect,
            format!(
                "no connection to {} within {} s (connect_timeout)",
                endpoint.authority(),
                self.timeout.as_secs_f64()
            ),
        ))
    }

    async fn open(&self, endpoint: &Endpoint) -> Result<(Connection, Arc<Route>), TransportError> {
        let proxy = proxy::of(endpoint, &self.proxies).map_err(TransportError::Refused)?;
        let secure = endpoint.uri.scheme_str() == Some("https");
        let socket = match &proxy {
            None => self.socket(&endpoint.uri, endpoint.authority()).await?,
            Some(proxy) if secure => self.tunnel(endpoint, proxy).await?,
            Some(proxy) => {
                self.socket(&proxy.uri, &format!("the proxy {}", proxy.authority()))
                    .await?
            }
        };
        let stream = if secure {
            let host = endpoint.uri.host().unwrap_or_default();
            Stream::Tls(Box::new(self.tls.connect(host, socket).await?))
        } else {
            Stream::Plain(socket)
        };
        let connection = Connection::over(stream);
        Ok((connection, Arc::new(route(endpoint, secure, proxy))))
    }

    async fn socket(&self, to: &Uri, target: &str) -> Result<TcpStream, TransportError> {
        self.sockets
            .clone()
            .call(to.clone())
            .await
            .map(TokioIo::into_inner)
            .map_err(|error| unconnected(target, &error))
    }

    /// A connection to the endpoint through a proxy that relays bytes (`CONNECT`).
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
                let target = format!(
                    "{} through the proxy {}",
                    endpoint.authority(),
                    proxy.authority()
                );
                unconnected(&target, &error)
            })
    }
}

fn route(endpoint: &Endpoint, secure: bool, proxy: Option<Proxy>) -> Route {
    let mut line = b"POST ".to_vec();
    match proxy {
        // A proxy for plain requests needs the whole address.
        Some(proxy) if !secure => {
            line.extend_from_slice(b"http://");
            line.extend_from_slice(endpoint.host.as_bytes());
            line.extend_from_slice(endpoint.path.as_bytes());
            line.extend_from_slice(b" HTTP/1.1\r\n");
            if let Some(authorization) = proxy.authorization {
                line.extend_from_slice(b"proxy-authorization: ");
                line.extend_from_slice(authorization.as_bytes());
                line.extend_from_slice(b"\r\n");
            }
        }
        _ => {
            line.extend_from_slice(endpoint.path.as_bytes());
            line.extend_from_slice(b" HTTP/1.1\r\n");
        }
    }
    Route { line: line.into() }
}

fn unconnected(target: &str, error: &dyn StdError) -> TransportError {
    let mut message = format!("no connection to {target}: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        message.push_str(": ");
        message.push_str(&source.to_string());
        cause = source.source();
    }
    TransportError::not_sent(FailureKind::Connect, message)
}
