//! The engine over HTTP on loopback, for tools of other languages and other libraries: who is let in, and how it ends.

mod http;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pydynox_core::transport::{Operation, Progress, Request, Transport};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use http::{Heard, Incoming, Outgoing};

/// How long answers may take to reach their readers once the server ends.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Before the next connection is accepted after one could not be: the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(50);
/// What stands before an operation's name in `X-Amz-Target`.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    port: u16,
    transport: Arc<dyn Transport>,
    stopped: watch::Receiver<bool>,
}

/// Ends its server when it is told to, or dropped.
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// The server accepts nothing more, finishes what it is answering, and ends.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Listens on 127.0.0.1, on no other address; port 0 is any free one.
    ///
    /// # Errors
    /// The port is in use, or not this user's to take.
    pub fn bind(transport: Arc<dyn Transport>, port: u16) -> io::Result<(Self, Stop)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (stop, stopped) = watch::channel(false);
        let server = Self {
            listener,
            port,
            transport,
            stopped,
        };
        Ok((server, Stop(stop)))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers until it is stopped. To be polled inside of a runtime.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub async fn run(self) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let mut stopped = self.stopped.clone();
        let mut connections = JoinSet::new();
        loop {
            let Some(accepted) = until(listener.accept(), &mut stopped).await else {
                break;
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let visit = Visit {
                        transport: self.transport.clone(),
                        stopped: self.stopped.clone(),
                    };
                    connections.spawn(visit.serve(stream));
                }
                Err(_) => sleep(BREATH).await,
            }
        }
        drop(listener);
        let farewell = async { while connections.join_next().await.is_some() {} };
        // What is still open then is closed with the set.
        let _ = timeout(LAST_WORDS, farewell).await;
        Ok(())
    }
}

/// One connection.
struct Visit {
    transport: Arc<dyn Transport>,
    stopped: watch::Receiver<bool>,
}

impl Visit {
    async fn serve(mut self, mut stream: TcpStream) {
        // Small answers, each waited for.
        let _ = stream.set_nodelay(true);
        let mut buffer = BytesMut::new();
        loop {
            let heard = until(http::hear(&mut stream, &mut buffer), &mut self.stopped).await;
            let (answer, keep_alive) = match heard {
                None | Some(Err(_) | Ok(Heard::Goodbye)) => return,
                Some(Ok(Heard::Nonsense(status, message))) => {
                    (refusal(status, "SerializationException", message), false)
                }
                Some(Ok(Heard::Request(request))) => {
                    let keep_alive = request.keep_alive;
                    (self.answer(request).await, keep_alive)
                }
            };
            let keep_alive = keep_alive && !*self.stopped.borrow();
            if answer.say(&mut stream, keep_alive).await.is_err() || !keep_alive {
                return;
            }
        }
    }

    async fn answer(&self, request: Incoming) -> Outgoing {
        if !request.host.as_deref().is_none_or(is_of_this_machine) {
            let message = "this server answers requests to localhost and 127.0.0.1 only";
            return refusal(403, "AccessDeniedException", message);
        }
        if request.method == "GET" {
            let health = concat!("healthy: pydynox ", env!("CARGO_PKG_VERSION"), "\n");
            return Outgoing::text(200, Bytes::from_static(health.as_bytes()));
        }
        if request.method != "POST" {
            let message = "requests to DynamoDB are sent by POST";
            return refusal(405, "UnknownOperationException", message);
        }
        let target = request.target.as_deref().unwrap_or_default();
        let Some(name) = TARGETS.iter().find_map(|api| target.strip_prefix(api)) else {
            let message = "X-Amz-Target names the operation, as in DynamoDB_20120810.GetItem";
            return refusal(400, "UnknownOperationException", message);
        };
        let request = Request {
            operation: Operation::from_name(name),
            table: "".into(),
            body: request.body,
            progress: Progress::default(),
        };
        match self.transport.send(request).await {
            Ok(response) => Outgoing::json(response.status, response.body),
            Err(error) => refusal(500, "InternalServerError", &error.to_string()),
        }
    }
}

/// A page of the web that has its own name lead to this machine gets nothing: its browser says that name here.
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

fn refusal(status: u16, code: &str, message: &str) -> Outgoing {
    let space = match code {
        "InternalServerError" => "com.amazonaws.dynamodb.v20120810",
        _ => "com.amazon.coral.service",
    };
    let body = json!({"__type": format!("{space}#{code}"), "message": message});
    Outgoing::json(status, body.to_string().into())
}

/// What comes first: the end of this work, or the server's, which is None.
async fn until<T>(work: impl Future<Output = T>, stopped: &mut watch::Receiver<bool>) -> Option<T> {
    let (mut work, mut end) = (pin!(work), pin!(stopped.wait_for(|stopped| *stopped)));
    std::future::poll_fn(|context| {
        // The end first: a client that never pauses must not keep the server.
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
