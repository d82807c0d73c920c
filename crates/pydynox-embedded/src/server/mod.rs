//! Server: the engine over HTTP on loopback, for tools in other languages and other libraries; who is let in, and how it ends.

mod for_others;
mod http;
mod tap;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use pydynox_core::transport::{Operation, Progress, Request, Transport};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use for_others::ForOthers;
use http::{Answer, Heard, refusal};
use tap::{LARGEST_HEAD, LastHead, Tap};

/// How long clients have to read their answers once the server ends.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Pause after a connection could not be accepted: the process is out of file descriptors.
const BREATH: Duration = Duration::from_millis(50);
/// The prefix of an operation's name in `X-Amz-Target`.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// Too short to overflow any clock.
const LONGEST_IDLE: Duration = Duration::from_hours(24 * 365);
const MOST_HEADERS: usize = 100;

/// What the server tolerates from its clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum number of concurrent connections; further ones wait until one ends.
    pub connections: usize,
    /// How long a connection may be idle: no next request, no progress on one, or an unread answer.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            idle: Duration::from_mins(1),
        }
    }
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    port: u16,
    transport: Arc<dyn Transport>,
    limits: Limits,
    stopped: watch::Receiver<bool>,
}

/// Stops its server on request, or when dropped.
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// The server stops accepting, finishes the answers in progress, and ends.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Listens on 127.0.0.1 only; port 0 means any free one.
    ///
    /// # Errors
    /// The port is in use, or this user may not use it.
    pub fn bind(
        transport: Arc<dyn Transport>,
        port: u16,
        limits: Limits,
    ) -> io::Result<(Self, Stop)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        // tokio requires it of a socket that it takes over.
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = watch::channel(false);
        let server = Self {
            listener,
            port,
            transport,
            limits,
            stopped,
        };
        Ok((server, Stop(stop)))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers until it is stopped. Must be polled inside a runtime.
    ///
    /// # Errors
    /// The runtime does not accept the socket.
    pub async fn run(self) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let mut stopped = self.stopped.clone();
        let mut connections = JoinSet::new();
        let most = self.limits.connections.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        loop {
            let next = async {
                // The place before the connection: further clients wait in the listener's queue.
                let place = places.clone().acquire_owned().await;
                (place, listener.accept().await)
            };
            let Some((Ok(place), accepted)) = until(next, &mut stopped).await else {
                break;
            };
            // Ended connections stay in the set until they are joined.
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let visit = Visit {
                        transport: self.transport.clone(),
                        idle: self.limits.idle.min(LONGEST_IDLE),
                        head: LastHead::default(),
                        _place: place,
                    };
                    connections.spawn(visit.serve(stream, self.stopped.clone()));
                }
                Err(_) => sleep(BREATH).await,
            }
        }
        drop(listener);
        let farewell = async { while connections.join_next().await.is_some() {} };
        // Connections that are still open are closed with the set.
        let _ = timeout(LAST_WORDS, farewell).await;
        Ok(())
    }
}

/// One connection.
struct Visit {
    transport: Arc<dyn Transport>,
    idle: Duration,
    head: LastHead,
    _place: OwnedSemaphorePermit,
}

impl Visit {
    async fn serve(self, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
        // Answers are small, and a client waits for each.
        let _ = stream.set_nodelay(true);
        let tap = Tap::new(stream, self.head.clone(), self.idle);
        let service = service_fn(|request| async {
            let has_length = |method: &Method| self.head.has_length(method);
            http::Served::Ok(match http::hear(request, has_length, self.idle).await {
                Ok(heard) => self.answer(heard).await,
                Err(refused) => http::goodbye(refused),
            })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // It also runs between requests.
            .header_read_timeout(self.idle)
            .max_headers(MOST_HEADERS)
            .max_header_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(tap), service);
        let mut connection = pin!(connection);
        if until(connection.as_mut(), &mut stopped).await.is_none() {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }

    async fn answer(&self, heard: Heard) -> Answer {
        // Against DNS rebinding, because loopback alone does not keep a browser's pages out.
        if !is_of_this_machine(&heard.host) {
            let message = "this server answers requests to localhost and 127.0.0.1 only";
            return refusal(403, "AccessDeniedException", message);
        }
        if heard.method == Method::GET {
            let health = concat!("healthy: pydynox ", env!("CARGO_PKG_VERSION"), "\n");
            return http::text(200, Bytes::from_static(health.as_bytes()));
        }
        if heard.method != Method::POST {
            let message = "requests to DynamoDB are sent by POST";
            return refusal(405, "UnknownOperationException", message);
        }
        let Some(name) = TARGETS
            .iter()
            .find_map(|api| heard.target.strip_prefix(api))
        else {
            let message = "X-Amz-Target names the operation, as in DynamoDB_20120810.GetItem";
            return refusal(400, "UnknownOperationException", message);
        };
        let request = Request {
            operation: Operation::from_name(name),
            // The engine reads it from the body.
            table: "".into(),
            body: heard.body,
            progress: Progress::default(),
        };
        match self.transport.send(request).await {
            Ok(response) => http::json(response.status, response.body),
            Err(error) => refusal(500, "InternalServerError", &error.to_string()),
        }
    }
}

/// Refuses a web page whose own host name points to this machine: its browser sends that name here.
fn is_of_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whichever comes first: the end of this work, or that of the server, which is None.
async fn until<T>(work: impl Future<Output = T>, stopped: &mut watch::Receiver<bool>) -> Option<T> {
    let (mut work, mut end) = (pin!(work), pin!(stopped.wait_for(|stopped| *stopped)));
    std::future::poll_fn(|context| {
        // The server's end first: a client that never pauses must not keep it running.
        if end.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:1",
            "127.0.0.1",
            "db.localhost:8000",
        ] {
            assert!(is_of_this_machine(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:8000",
            "10.0.0.1",
            "",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_of_this_machine(host), "{host}");
        }
    }
}
