//! The transport over real sockets on 127.0.0.1: a server that does what each test tells it to.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use hyper_util::client::proxy::matcher::Matcher;

use super::tls::Trust;
use super::*;
use crate::call::{Call, Intent, Resend};
use crate::client::Client;
use crate::client::config::ClientConfig;
use crate::retry::policy::Jitter;
use crate::transport::credentials::{Credentials, Loading};
use crate::transport::{FailureKind, Progress, Response};

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    connection: usize,
    head: String,
    body: Vec<u8>,
    reads: usize,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").skip(1).find_map(|line| {
            let (other, value) = line.split_once(": ")?;
            other.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// What the server does with a request.
enum Deed {
    /// Writes these pieces, a pause between them.
    Say(Vec<Vec<u8>>, Duration),
    /// The same, and closes.
    SayAndClose(Vec<Vec<u8>>),
    /// Closes without a word.
    Close,
    /// Says nothing, ever.
    Sleep,
}

fn ok(body: &str) -> Vec<u8> {
    with_headers("", body)
}

fn with_headers(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn refusal(code: &str, headers: &str) -> Vec<u8> {
    let body = format!(r#"{{"__type":"x#{code}","message":"m"}}"#);
    format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn say(bytes: Vec<u8>) -> Deed {
    Deed::Say(vec![bytes], Duration::ZERO)
}

/// Counts of a server, and what it saw.
#[derive(Default)]
struct Log {
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: Mutex<Vec<Seen>>,
}

impl Log {
    fn seen(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Waits until this holds, for ten seconds at most: a busy machine is slow, not wrong.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about");
}

struct Open(Arc<Log>);

impl Open {
    fn new(log: &Arc<Log>) -> Self {
        log.connections.fetch_add(1, Ordering::SeqCst);
        let open = log.open.fetch_add(1, Ordering::SeqCst) + 1;
        log.most_open.fetch_max(open, Ordering::SeqCst);
        Self(log.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server on 127.0.0.1; `deed` is told what came and on which request of all it is.
async fn serve(
    tls: Option<TlsAcceptor>,
    deed: impl Fn(usize, &Seen) -> Deed + Send + Sync + 'static,
) -> (u16, Arc<Log>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Arc::new(Log::default());
    let (shared, deed) = (log.clone(), Arc::new(deed));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (log, deed, tls) = (shared.clone(), deed.clone(), tls.clone());
            tokio::spawn(async move {
                let open = Open::new(&log);
                match tls {
                    None => talk(stream, &open, &*deed).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            talk(stream, &open, &*deed).await;
                        }
                    }
                }
            });
        }
    });
    (port, log)
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    open: &Open,
    deed: &(dyn Fn(usize, &Seen) -> Deed + Send + Sync),
) {
    let connection = open.0.connections();
    while let Ok(mut seen) = read(&mut stream).await {
        seen.connection = connection;
        let number = {
            let mut requests = open.0.requests.lock().unwrap();
            requests.push(seen.clone());
            requests.len()
        };
        let (pieces, pause, close) = match deed(number, &seen) {
            Deed::Say(pieces, pause) => (pieces, pause, false),
            Deed::SayAndClose(pieces) => (pieces, Duration::ZERO, true),
            Deed::Close => return,
            Deed::Sleep => {
                // Until the other side gives up.
                let _ = stream.read(&mut [0; 16]).await;
                return;
            }
        };
        for piece in pieces {
            if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
        if close {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Seen> {
    let mut bytes = Vec::with_capacity(1 << 14);
    let mut reads = 0;
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut seen = Seen {
                connection: 0,
                head,
                body: bytes[end + 4..].to_vec(),
                reads,
            };
            let length = seen
                .header("content-length")
                .unwrap_or("0")
                .parse()
                .unwrap();
            if seen.body.len() >= length {
                seen.reads = reads;
                return Ok(seen);
            }
        }
        reads += 1;
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn at(url: &str, config: HttpConfig) -> Http {
    let endpoint = Arc::new(Endpoint::parse(url, "us-east-1").unwrap());
    Http::behind(
        nothing(),
        config,
        Arc::new(Credentials::new("AKID", "secret")),
        endpoint,
    )
    .unwrap()
}

/// An environment without proxies and certificates.
fn nothing() -> Outside {
    through(Matcher::builder().build())
}

fn through(proxies: Matcher) -> Outside {
    Outside {
        proxies,
        trust: Trust::Bundled,
    }
}

fn plain(port: u16, config: HttpConfig) -> Http {
    at(&format!("http://127.0.0.1:{port}"), config)
}

fn request(operation: Operation) -> Request {
    Request {
        operation,
        table: "t".into(),
        progress: Progress::default(),
        body: Bytes::from_static(b"{\"TableName\":\"t\"}"),
    }
}

async fn get(http: &Http) -> Result<Response, TransportError> {
    http.send(request(Operation::GetItem)).await
}

fn failure(error: TransportError) -> (&'static str, FailureKind, String) {
    match error {
        TransportError::NotSent(failure) => ("not sent", failure.kind, failure.message.into()),
        TransportError::MaybeSent(failure) => ("maybe sent", failure.kind, failure.message.into()),
        TransportError::Stale(failure) => ("stale", failure.kind, failure.message.into()),
        TransportError::Refused(error) => panic!("refused: {error}"),
    }
}

#[tokio::test]
async fn a_request_is_one_signed_post_and_its_answer_is_read_whole() {
    let answer = r#"{"Item":{"id":{"S":"a"}}}"#;
    let (port, log) = serve(None, move |_, _| {
        say(with_headers(
            "x-amzn-RequestId: R1\r\nx-amz-crc32: 7\r\nDate: Mon, 23 Nov 2026 00:00:00 GMT\r\n",
            answer,
        ))
    })
    .await;
    let http = plain(port, HttpConfig::default());

    let response = get(&http).await.unwrap();

    assert_eq!(
        (response.status, &response.body[..]),
        (200, answer.as_bytes())
    );
    assert_eq!(response.headers.request_id.as_deref(), Some("R1"));
    assert_eq!(response.headers.crc32, Some(7));
    assert_eq!((response.truncated, response.identity), (false, 1));
    let seen = &log.seen()[0];
    assert!(
        seen.head.starts_with("POST / HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("host"), Some(&*format!("127.0.0.1:{port}")));
    assert_eq!(
        seen.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert_eq!(
        seen.header("x-amz-target"),
        Some("DynamoDB_20120810.GetItem")
    );
    assert_eq!(seen.header("content-length"), Some("17"));
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")
            && authorization.contains(
                "/us-east-1/dynamodb/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature="
            ),
        "{authorization}"
    );
    assert_eq!(seen.body, b"{\"TableName\":\"t\"}");
}

#[tokio::test]
async fn one_after_another_uses_one_connection_and_one_write_each() {
    let (port, log) = serve(None, |_, _| say(ok("{}"))).await;
    let http = plain(port, HttpConfig::default());

    for _ in 0..200 {
        get(&http).await.unwrap();
    }

    assert_eq!(log.connections(), 1);
    assert!(log.seen().iter().all(|seen| seen.reads == 1));
}

#[tokio::test]
async fn an_operation_without_a_name_is_refused_before_anything_is_sent() {
    let (port, log) = serve(None, |_, _| say(ok("{}"))).await;
    let http = plain(port, HttpConfig::default());

    for name in ["", "Get Item", "GetItem\r\nx: y"] {
        let refused = http.send(request(Operation::from_name(name))).await;
        assert!(matches!(refused, Err(TransportError::Refused(_))), "{name}");
    }

    assert!(log.seen().is_empty());
    http.send(request(Operation::from_name("ListBackups")))
        .await
        .unwrap();
    assert_eq!(
        log.seen()[0].header("x-amz-target"),
        Some("DynamoDB_20120810.ListBackups")
    );
}

#[tokio::test]
async fn a_connection_that_the_server_closed_while_it_was_idle_is_not_used() {
    let (port, log) = serve(None, |_, _| Deed::SayAndClose(vec![ok("{}")])).await;
    let http = plain(port, HttpConfig::default());

    for _ in 0..20 {
        get(&http).await.unwrap();
        until(|| log.open() == 0).await;
    }

    assert_eq!(log.connections(), 20);
}

#[tokio::test]
async fn a_server_that_says_so_gets_a_new_connection_each_time() {
    let (port, log) = serve(None, |_, _| {
        say(with_headers("Connection: close\r\n", "{}"))
    })
    .await;
    let http = plain(port, HttpConfig::default());

    for _ in 0..5 {
        get(&http).await.unwrap();
    }

    assert_eq!(log.connections(), 5);
}

#[tokio::test]
async fn an_idle_connection_that_breaks_on_use_is_stale_and_all_of_its_age_are_dropped() {
    // Every connection serves one request, and breaks on the second.
    let (port, log) = serve(None, |_, seen| {
        if seen.connection <= 2 && !seen.head.contains("ListTables") {
            say(ok("{}"))
        } else {
            Deed::Close
        }
    })
    .await;
    let http = plain(port, HttpConfig::default());
    let (one, two) = tokio::join!(get(&http), get(&http));
    one.and(two).unwrap();
    assert_eq!((log.connections(), log.open()), (2, 2));

    let broken = http.send(request(Operation::ListTables)).await.unwrap_err();

    let (sent, kind, message) = failure(broken);
    assert_eq!((sent, kind), ("stale", FailureKind::Closed), "{message}");
    until(|| log.open() == 0).await;
}

#[tokio::test]
async fn a_fresh_connection_that_breaks_may_have_been_heard() {
    let (port, _) = serve(None, |_, _| Deed::Close).await;

    let broken = get(&plain(port, HttpConfig::default())).await.unwrap_err();

    let (sent, kind, message) = failure(broken);
    assert_eq!((sent, kind), ("maybe sent", FailureKind::Closed));
    assert!(message.starts_with("the connection broke: "), "{message}");
}

#[tokio::test]
async fn waiters_share_few_connections_in_turn() {
    let (port, log) = serve(None, |_, _| {
        Deed::Say(vec![ok("{}")], Duration::from_millis(1))
    })
    .await;
    let config = HttpConfig {
        max_connections: 3,
        ..HttpConfig::default()
    };
    let http = Arc::new(plain(port, config));
    let ended = Arc::new(Mutex::new(Vec::new()));

    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let (http, ended) = (http.clone(), ended.clone());
            tokio::spawn(async move {
                get(&http).await.unwrap();
                ended.lock().unwrap().push(number);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    assert_eq!((log.connections(), log.seen().len()), (3, 60));
    let ended = ended.lock().unwrap();
    let out_of_turn = ended
        .iter()
        .enumerate()
        .filter(|(place, number)| place.abs_diff(**number) > 3);
    assert_eq!(out_of_turn.count(), 0, "{ended:?}");
}

#[tokio::test]
async fn a_waiter_that_is_dropped_takes_no_place() {
    let (port, log) = serve(None, |number, _| {
        if number == 1 {
            Deed::Sleep
        } else {
            say(ok("{}"))
        }
    })
    .await;
    let config = HttpConfig {
        max_connections: 1,
        ..HttpConfig::default()
    };
    let http = Arc::new(plain(port, config));

    let first = tokio::time::timeout(Duration::from_millis(600), get(&http));
    let second = tokio::time::timeout(Duration::from_millis(200), get(&http));
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err() && second.is_err());

    get(&http).await.unwrap();
    assert_eq!(log.seen().len(), 2, "the second was never sent");
}

#[tokio::test]
async fn dropping_an_exchange_closes_its_connection() {
    let (port, log) = serve(None, |_, _| Deed::Sleep).await;
    let http = plain(port, HttpConfig::default());

    let exchange = tokio::spawn(async move { get(&http).await.map(|_| ()) });
    until(|| log.seen().len() == 1).await;
    exchange.abort();
    until(|| log.open() == 0).await;

    assert_eq!(log.connections(), 1);
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_put_together() {
    let body = format!("{{\"Items\":\"{}\"}}", "x".repeat(300_000));
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    let whole = ok(&body);
    let (port, log) = serve(None, move |number, _| {
        let (bytes, size) = if number == 2 {
            (chunked.as_bytes(), 7)
        } else {
            (&whole[..], 50_000)
        };
        let pieces = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        Deed::Say(pieces, Duration::from_millis(1))
    })
    .await;
    let http = plain(port, HttpConfig::default());

    assert_eq!(get(&http).await.unwrap().body, body.as_bytes());
    assert_eq!(&get(&http).await.unwrap().body[..], b"{\"a\":1}");
    assert_eq!(get(&http).await.unwrap().body, body.as_bytes());
    assert_eq!(log.connections(), 1);
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_said_to_be_truncated() {
    let mut cut = with_headers("x-amzn-RequestId: R1\r\n", "{\"a\":1}");
    cut.truncate(cut.len() - 2);
    let (port, log) = serve(None, move |_, _| Deed::SayAndClose(vec![cut.clone()])).await;
    let http = plain(port, HttpConfig::default());

    let response = get(&http).await.unwrap();

    assert!(response.truncated);
    assert_eq!(&response.body[..], b"{\"a\":");
    assert_eq!(response.headers.request_id.as_deref(), Some("R1"));
    get(&http).await.unwrap();
    assert_eq!(log.connections(), 2);
}

#[tokio::test]
async fn silence_ends_at_the_read_timeout_and_a_slow_answer_does_not() {
    let (port, _) = serve(None, |number, _| match number {
        1 => Deed::Sleep,
        // A byte every 5 ms, for longer than the time-out in all.
        2 => Deed::Say(
            ok("{\"a\":1}").chunks(1).map(<[u8]>::to_vec).collect(),
            Duration::from_millis(5),
        ),
        3 => Deed::Say(
            vec![ok("{\"a\":1}")[..60].to_vec(), Vec::new()],
            Duration::from_secs(5),
        ),
        _ => Deed::Close,
    })
    .await;
    let config = HttpConfig {
        read_timeout: Duration::from_millis(300),
        ..HttpConfig::default()
    };
    let http = plain(port, config);

    let (sent, kind, message) = failure(get(&http).await.unwrap_err());
    assert_eq!((sent, kind), ("maybe sent", FailureKind::Timeout));
    assert_eq!(message, "no data arrived for 0.3 s (read_timeout)");
    assert_eq!(&get(&http).await.unwrap().body[..], b"{\"a\":1}");
    let (sent, kind, _) = failure(get(&http).await.unwrap_err());
    assert_eq!(
        (sent, kind),
        ("maybe sent", FailureKind::Timeout),
        "in the middle of a body"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_http_may_have_been_preceded_by_a_write() {
    let (port, _) = serve(None, |_, _| say(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())).await;

    let (sent, ..) = failure(get(&plain(port, HttpConfig::default())).await.unwrap_err());

    assert_eq!(sent, "maybe sent");
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);

    let (sent, kind, message) =
        failure(get(&plain(port, HttpConfig::default())).await.unwrap_err());
    assert_eq!((sent, kind), ("not sent", FailureKind::Connect));
    assert!(
        message.starts_with(&format!("no connection to 127.0.0.1:{port}: "))
            && message.contains("refused"),
        "{message}"
    );

    let nowhere = at("http://no-such-host.invalid", HttpConfig::default());
    let (sent, kind, message) = failure(get(&nowhere).await.unwrap_err());
    assert_eq!((sent, kind), ("not sent", FailureKind::Connect));
    assert!(
        message.starts_with("no connection to no-such-host.invalid: dns error"),
        "{message}"
    );
}

#[tokio::test]
async fn connections_that_rest_for_too_long_are_closed_without_another_request() {
    let (port, log) = serve(None, |_, _| say(ok("{}"))).await;
    let config = HttpConfig {
        idle_timeout: Duration::from_millis(40),
        ..HttpConfig::default()
    };
    let http = plain(port, config);

    let (one, two) = tokio::join!(get(&http), get(&http));
    one.and(two).unwrap();
    assert_eq!(log.connections(), 2);
    until(|| log.open() == 0).await;

    get(&http).await.unwrap();
    drop(http);
    until(|| log.open() == 0).await;
}

/// Sends each account's requests to a port of its own.
struct ByAccount(Mutex<Vec<u16>>);

impl EndpointProvider for ByAccount {
    fn endpoint<'a>(
        &'a self,
        query: &'a super::super::endpoint::EndpointQuery,
    ) -> Loading<'a, Endpoint> {
        let ports = self.0.lock().unwrap();
        let port = ports[usize::from(query.table_owner.is_some())];
        Box::pin(std::future::ready(Endpoint::parse(
            &format!("http://127.0.0.1:{port}"),
            "us-east-1",
        )))
    }
}

#[tokio::test]
async fn idle_connections_elsewhere_make_room() {
    let (here, log_here) = serve(None, |_, _| say(ok("{}"))).await;
    let (other, log_other) = serve(None, |_, _| say(ok("{}"))).await;
    let config = HttpConfig {
        max_connections: 1,
        ..HttpConfig::default()
    };
    let endpoints = Arc::new(ByAccount(Mutex::new(vec![here, other])));
    let credentials = Arc::new(Credentials::new("AKID", "secret"));
    let http = Http::behind(nothing(), config, credentials, endpoints).unwrap();
    let mut elsewhere = request(Operation::GetItem);
    elsewhere.table = "arn:aws:dynamodb:us-east-1:1:table/t".into();

    for _ in 0..3 {
        get(&http).await.unwrap();
        http.send(elsewhere.clone()).await.unwrap();
    }
    until(|| (log_here.open(), log_other.open()) == (0, 1)).await;

    assert_eq!((log_here.connections(), log_other.connections()), (3, 3));
}

fn certificate(name: &str) -> (String, TlsAcceptor) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![certificate.der().clone()],
        PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    )
    .unwrap();
    (ca_pem, TlsAcceptor::from(Arc::new(config)))
}

fn pem(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("ca.pem");
    std::fs::write(&path, text).unwrap();
    path
}

fn trusting(ca_bundle: PathBuf) -> HttpConfig {
    HttpConfig {
        ca_bundle: Some(ca_bundle),
        connect_timeout: Duration::from_secs(2),
        ..HttpConfig::default()
    }
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own() {
    let (ca, acceptor) = certificate("localhost");
    let (port, log) = serve(Some(acceptor), |_, _| say(ok("{}"))).await;
    let directory = tempfile::tempdir().unwrap();
    let http = at(
        &format!("https://localhost:{port}"),
        trusting(pem(directory.path(), &ca)),
    );

    for _ in 0..50 {
        assert_eq!(get(&http).await.unwrap().status, 200);
    }

    assert_eq!(
        log.connections(),
        1,
        "an idle connection under TLS is found alive"
    );
    assert!(
        log.seen().iter().all(|seen| seen.reads == 1),
        "one record a request"
    );
}

#[tokio::test]
async fn who_is_not_trusted_gets_nothing_and_the_error_says_why() {
    let (ca, acceptor) = certificate("localhost");
    let (other_ca, _) = certificate("localhost");
    let (port, log) = serve(Some(acceptor), |_, _| say(ok("{}"))).await;
    let directory = tempfile::tempdir().unwrap();
    let path = pem(directory.path(), &other_ca);

    let url = format!("https://localhost:{port}");
    let (sent, kind, message) = failure(get(&at(&url, trusting(path.clone()))).await.unwrap_err());
    assert_eq!((sent, kind), ("not sent", FailureKind::Tls));
    assert!(
        message.starts_with("TLS with localhost: ")
            && message.contains(&path.display().to_string()),
        "{message}"
    );
    let bundled = at(&url, HttpConfig::default());
    let (_, kind, message) = failure(get(&bundled).await.unwrap_err());
    assert_eq!(kind, FailureKind::Tls);
    assert!(message.contains("bundled with pydynox"), "{message}");

    let wrong_name = at(
        &format!("https://127.0.0.1:{port}"),
        trusting(pem(directory.path(), &ca)),
    );
    let (_, kind, message) = failure(get(&wrong_name).await.unwrap_err());
    assert_eq!(kind, FailureKind::Tls);
    assert!(message.contains("not valid for name"), "{message}");
    assert!(log.seen().is_empty());
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_is_a_configuration_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    for (text, what) in [
        (None, "ca.pem (ca_bundle=) cannot be used: "),
        (Some("nothing"), "it holds no certificate"),
        (
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "cannot be used: ",
        ),
    ] {
        let path = match text {
            Some(text) => pem(directory.path(), text),
            None => directory.path().join("ca.pem"),
        };
        let http = at("https://127.0.0.1:1", trusting(path));
        // Where nobody listens the connection fails first: so listen.
        let (port, log) = serve(None, |_, _| Deed::Close).await;
        let http = Http {
            directory: Directory::new(Arc::new(
                Endpoint::parse(&format!("https://127.0.0.1:{port}"), "us-east-1").unwrap(),
            )),
            ..http
        };
        match get(&http).await.unwrap_err() {
            TransportError::Refused(error) => {
                assert_eq!(error.kind(), &ErrorKind::Configuration);
                assert!(error.message().contains(what), "{error}");
            }
            other => panic!("{other}"),
        }
        assert!(log.seen().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_tls_and_one_that_never_shakes_hands() {
    let (port, _) = serve(None, |_, _| say(ok("{}"))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = listener.local_addr().unwrap().port();
    let plain_server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let talkative = plain_server.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _): (TcpStream, _) = plain_server.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let config = HttpConfig {
        connect_timeout: Duration::from_millis(500),
        ..HttpConfig::default()
    };

    for port in [silent, port] {
        let url = format!("https://127.0.0.1:{port}");
        let (sent, kind, message) = failure(get(&at(&url, config.clone())).await.unwrap_err());
        assert_eq!((sent, kind), ("not sent", FailureKind::Connect));
        assert_eq!(
            message,
            format!("no connection to 127.0.0.1:{port} within 0.5 s (connect_timeout)")
        );
    }
    let url = format!("https://127.0.0.1:{talkative}");
    let (_, kind, message) = failure(get(&at(&url, config)).await.unwrap_err());
    assert_eq!(kind, FailureKind::Tls);
    assert!(
        message.ends_with("does the endpoint speak plain http://?"),
        "{message}"
    );
}

#[tokio::test]
async fn a_plain_request_goes_to_the_proxy_with_its_whole_address() {
    let (proxy, log) = serve(None, |_, _| say(ok("{}"))).await;
    let rules = Matcher::builder()
        .http(format!("http://user:pass@127.0.0.1:{proxy}"))
        .no("localhost")
        .build();
    let endpoint = Arc::new(Endpoint::parse("http://db.invalid:8000", "us-east-1").unwrap());
    let credentials = Arc::new(Credentials::new("AKID", "secret"));
    let http = Http::behind(through(rules), HttpConfig::default(), credentials, endpoint).unwrap();

    get(&http).await.unwrap();

    let seen = &log.seen()[0];
    assert!(
        seen.head
            .starts_with("POST http://db.invalid:8000/ HTTP/1.1\r\n"),
        "{}",
        seen.head
    );
    assert_eq!(seen.header("host"), Some("db.invalid:8000"));
    assert_eq!(
        seen.header("proxy-authorization"),
        Some("Basic dXNlcjpwYXNz")
    );
}

#[tokio::test]
async fn a_secure_request_goes_through_a_tunnel() {
    let (ca, acceptor) = certificate("localhost");
    let (port, log) = serve(Some(acceptor), |_, _| say(ok("{}"))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let heard = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = read(&mut stream).await.unwrap();
            let deny = heard.lock().unwrap().len() == 1;
            heard.lock().unwrap().push(seen.head);
            if deny {
                stream
                    .write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                    .await
                    .unwrap();
                continue;
            }
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await
                .unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(
                async move { tokio::io::copy_bidirectional(&mut stream, &mut server).await },
            );
        }
    });
    let rules = || {
        Matcher::builder()
            .https(format!("http://127.0.0.1:{proxy}"))
            .build()
    };
    let directory = tempfile::tempdir().unwrap();
    let config = trusting(pem(directory.path(), &ca));
    let http = || {
        let endpoint = Endpoint::parse(&format!("https://localhost:{port}"), "us-east-1").unwrap();
        let credentials = Arc::new(Credentials::new("AKID", "secret"));
        Http::behind(
            through(rules()),
            config.clone(),
            credentials,
            Arc::new(endpoint),
        )
        .unwrap()
    };

    get(&http()).await.unwrap();
    let (sent, kind, message) = failure(get(&http()).await.unwrap_err());

    assert!(requests.lock().unwrap()[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1")));
    assert!(log.seen()[0].head.starts_with("POST / HTTP/1.1"));
    assert_eq!((sent, kind), ("not sent", FailureKind::Connect));
    assert!(
        message.contains(&format!("through the proxy 127.0.0.1:{proxy}")),
        "{message}"
    );
}

#[tokio::test]
async fn a_proxy_that_never_stops_talking_is_no_way_to_the_service() {
    for piece in [
        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nx: y\r\n",
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while io::Write::write_all(&mut stream, piece).is_ok() {}
        });
        let rules = Matcher::builder()
            .https(format!("http://127.0.0.1:{proxy}"))
            .build();
        let endpoint = Endpoint::parse("https://db.invalid", "us-east-1").unwrap();
        let credentials = Arc::new(Credentials::new("AKID", "secret"));
        let config = HttpConfig {
            connect_timeout: Duration::from_secs(1),
            ..HttpConfig::default()
        };
        let http = Http::behind(through(rules), config, credentials, Arc::new(endpoint)).unwrap();

        let answer = tokio::time::timeout(Duration::from_secs(10), get(&http)).await;

        let (sent, kind, _) = failure(answer.unwrap().unwrap_err());
        assert_eq!((sent, kind), ("not sent", FailureKind::Connect));
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 134217729\r\nx-amzn-RequestId: R1\r\n\r\n{";
    let (port, log) = serve(None, |_, _| say(head.into())).await;
    let client = client(port, Arc::new(Credentials::new("K", "s")));

    let error = client.call(put()).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::WriteOutcomeUnknown);
    let cause = error.cause().unwrap();
    assert_eq!(cause.kind(), &ErrorKind::InvalidResponse);
    assert_eq!(
        (error.status(), error.request_id(), log.seen().len()),
        (Some(200), Some("R1"), 1)
    );
    assert!(cause.message().contains("longer than 128 MiB"), "{cause}");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_spoken_to_is_a_configuration_error() {
    let rules = Matcher::builder().all("socks5://127.0.0.1:1").build();
    let endpoint = Arc::new(Endpoint::parse("http://db.invalid:8000", "us-east-1").unwrap());
    let credentials = Arc::new(Credentials::new("AKID", "secret"));
    let http = Http::behind(through(rules), HttpConfig::default(), credentials, endpoint).unwrap();

    match get(&http).await.unwrap_err() {
        TransportError::Refused(error) => {
            assert!(error.message().contains("HTTPS_PROXY"), "{error}");
        }
        other => panic!("{other}"),
    }
}

/// Credentials by number: `K1`, then `K2`.
struct Numbered(AtomicUsize);

impl CredentialsProvider for Numbered {
    fn load(self: Arc<Self>) -> Loading<'static, Credentials> {
        let number = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(std::future::ready(Ok(Credentials::new(
            format!("K{number}"),
            "s",
        ))))
    }
}

fn client(port: u16, credentials: Arc<dyn CredentialsProvider>) -> Client {
    let endpoint =
        Arc::new(Endpoint::parse(&format!("http://127.0.0.1:{port}"), "us-east-1").unwrap());
    let http = Http::behind(nothing(), HttpConfig::default(), credentials, endpoint).unwrap();
    let config = ClientConfig {
        jitter: Jitter::new(|| 0.0),
        ..ClientConfig::default()
    };
    Client::new(Arc::new(http), config).unwrap()
}

fn put() -> Call {
    Call {
        operation: Operation::PutItem,
        table: "t".into(),
        body: Bytes::from_static(b"{}"),
        resend: Resend::Never,
        intent: Intent::Plain,
        proof: None,
        own_token: None,
        timeout: None,
    }
}

#[tokio::test]
async fn ended_credentials_are_replaced_once_and_the_request_is_sent_again() {
    let (port, log) = serve(None, |_, seen| {
        if seen.head.contains("Credential=K1/") {
            say(refusal("ExpiredTokenException", ""))
        } else {
            say(ok("{}"))
        }
    })
    .await;
    let client = client(port, Arc::new(Numbered(AtomicUsize::new(0))));

    let answer = client.call(put()).await.unwrap();

    assert_eq!((answer.attempts, log.seen().len()), (1, 2));
    client.call(put()).await.unwrap();
    assert_eq!(log.seen().len(), 3, "the new ones are kept");
}

#[tokio::test]
async fn credentials_that_are_refused_again_are_an_error() {
    let (port, log) = serve(None, |_, _| say(refusal("UnrecognizedClientException", ""))).await;

    let renewed = client(port, Arc::new(Numbered(AtomicUsize::new(0))))
        .call(put())
        .await;
    assert_eq!(renewed.unwrap_err().kind(), &ErrorKind::Credentials);
    assert_eq!(log.seen().len(), 2);
    let fixed = client(port, Arc::new(Credentials::new("K", "s")))
        .call(put())
        .await;
    let error = fixed.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts()),
        (&ErrorKind::Credentials, 1)
    );
    assert_eq!(
        log.seen().len(),
        3,
        "keys that cannot change are not tried again"
    );
}

fn date(offset: i64) -> String {
    let now = SystemTime::now();
    let length = Duration::from_secs(offset.unsigned_abs());
    let then = if offset < 0 {
        now - length
    } else {
        now + length
    };
    format!("Date: {}\r\n", httpdate::fmt_http_date(then))
}

fn hour_of(seen: &Seen) -> String {
    seen.header("x-amz-date").unwrap()[..11].to_owned()
}

#[tokio::test]
async fn a_wrong_clock_is_set_by_the_service_and_stays_set() {
    for (code, offset) in [
        ("RequestTimeTooSkewed", -90_000),
        ("InvalidSignatureException", 90_000),
    ] {
        let (port, log) = serve(None, move |number, _| {
            if number == 1 {
                say(refusal(code, &date(offset)))
            } else {
                say(ok("{}"))
            }
        })
        .await;
        let client = client(port, Arc::new(Credentials::new("K", "s")));

        let answer = client.call(put()).await.unwrap();
        client.call(put()).await.unwrap();

        let seen = log.seen();
        assert_eq!((answer.attempts, seen.len()), (1, 3));
        assert_ne!(
            seen[0].header("x-amz-date").unwrap()[..8],
            seen[1].header("x-amz-date").unwrap()[..8]
        );
        assert_eq!(hour_of(&seen[1]), hour_of(&seen[2]));
    }
}

#[tokio::test]
async fn a_wrong_clock_is_set_once_for_all_who_were_refused() {
    let (port, log) = serve(None, |_, seen| {
        let hour = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(1));
        let signed = &seen.header("x-amz-date").unwrap()[9..11];
        if hour[17..19] == *signed {
            say(ok("{}"))
        } else {
            // All are signed before the first of them is refused.
            let headers = format!("Date: {hour}\r\n");
            let answer = refusal("RequestTimeTooSkewed", &headers);
            Deed::Say(vec![Vec::new(), answer], Duration::from_millis(100))
        }
    })
    .await;
    let client = client(port, Arc::new(Credentials::new("K", "s")));

    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(put()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().attempts, 1);
    }

    assert_eq!(log.seen().len(), 40);
}

#[tokio::test]
async fn ended_credentials_are_replaced_once_for_all_who_were_refused() {
    let (port, log) = serve(None, |_, seen| {
        if seen.head.contains("Credential=K1/") {
            let answer = refusal("ExpiredTokenException", "");
            Deed::Say(vec![Vec::new(), answer], Duration::from_millis(100))
        } else {
            say(ok("{}"))
        }
    })
    .await;
    let credentials = Arc::new(Numbered(AtomicUsize::new(0)));
    let client = client(port, credentials.clone());

    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(put()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().attempts, 1);
    }

    assert_eq!(log.seen().len(), 40);
    assert_eq!(credentials.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_wrong_key_is_no_wrong_clock() {
    let (port, log) = serve(None, |_, _| {
        say(refusal("InvalidSignatureException", &date(100)))
    })
    .await;
    let client = client(port, Arc::new(Credentials::new("K", "s")));

    let error = client.call(put()).await.unwrap_err();

    assert_eq!(
        (error.kind(), log.seen().len()),
        (&ErrorKind::Credentials, 1)
    );
}

#[tokio::test]
async fn a_stale_connection_costs_no_attempt_and_other_faults_do() {
    // The first connection serves one request and breaks on the second.
    let (port, log) = serve(None, |number, _| {
        if number == 2 {
            Deed::Close
        } else {
            say(ok("{}"))
        }
    })
    .await;
    let client = client(port, Arc::new(Credentials::new("K", "s")));
    let repeatable = Call {
        resend: Resend::Always,
        ..put()
    };

    client.call(repeatable.clone()).await.unwrap();
    let answer = client.call(repeatable.clone()).await.unwrap();
    assert_eq!((answer.attempts, log.seen().len()), (1, 3));

    let (port, log) = serve(None, |number, _| {
        let mut cut = ok("{\"a\":1}");
        cut.truncate(cut.len() - 1);
        if number == 1 {
            Deed::SayAndClose(vec![cut])
        } else {
            say(ok("{}"))
        }
    })
    .await;
    let client = self::client(port, Arc::new(Credentials::new("K", "s")));
    let answer = client.call(repeatable).await.unwrap();
    assert_eq!((answer.attempts, log.seen().len()), (2, 2));
}

#[tokio::test]
async fn a_write_that_may_have_been_applied_is_not_sent_twice() {
    let (port, log) = serve(None, |_, _| Deed::Close).await;
    let client = client(port, Arc::new(Credentials::new("K", "s")));

    let error = client.call(put()).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::WriteOutcomeUnknown);
    assert_eq!(log.seen().len(), 1);
}

#[test]
fn settings_out_of_range_are_refused() {
    for (config, name) in [
        (
            HttpConfig {
                connect_timeout: Duration::ZERO,
                ..HttpConfig::default()
            },
            "connect_timeout",
        ),
        (
            HttpConfig {
                read_timeout: Duration::ZERO,
                ..HttpConfig::default()
            },
            "read_timeout",
        ),
        (
            HttpConfig {
                max_connections: 0,
                ..HttpConfig::default()
            },
            "max_connections",
        ),
    ] {
        let error = config.check().unwrap_err();
        assert!(error.message().starts_with(name), "{error}");
    }
}
