//! HTTP/1.1 as the server needs it: one request off a connection, one answer onto it.

use std::io;
use std::time::SystemTime;

use bytes::{Buf, Bytes, BytesMut};
use httparse::{EMPTY_HEADER, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// DynamoDB takes no larger request.
const LARGEST_BODY: usize = 16 << 20;
const LARGEST_HEAD: usize = 64 << 10;
const MOST_HEADERS: usize = 100;
/// The letters of a request id, and how many it has.
const ID_LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const ID_LENGTH: usize = 52;

/// What a client said.
pub(super) enum Heard {
    Request(Incoming),
    /// It is no HTTP, or too much of it: the status and the reason of the answer, after which the connection ends.
    Nonsense(u16, &'static str),
    /// The connection was closed, between requests or within one.
    Goodbye,
}

/// One request, whole.
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) host: Option<String>,
    /// `X-Amz-Target`
    pub(super) target: Option<String>,
    pub(super) keep_alive: bool,
    pub(super) body: Bytes,
}

/// How long a body is.
#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

struct Head {
    request: Incoming,
    framing: Framing,
    /// The client waits for a word before it sends the body.
    expects: bool,
}

/// What stops a request from being read.
enum Trouble {
    Nonsense(u16, &'static str),
    Closed,
    Broken(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

const MALFORMED: Trouble = Trouble::Nonsense(400, "the request is no HTTP/1.1");
const TOO_LARGE: Trouble = Trouble::Nonsense(413, "a request to DynamoDB has 16 MB at most");

/// Reads the next request; what came after it stays in the buffer.
pub(super) async fn hear<S>(stream: &mut S, buffer: &mut BytesMut) -> io::Result<Heard>
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    match read(stream, buffer).await {
        Ok(request) => Ok(Heard::Request(request)),
        Err(Trouble::Nonsense(status, message)) => Ok(Heard::Nonsense(status, message)),
        Err(Trouble::Closed) => Ok(Heard::Goodbye),
        Err(Trouble::Broken(error)) => Err(error),
    }
}

async fn read<S>(stream: &mut S, buffer: &mut BytesMut) -> Result<Incoming, Trouble>
where
    S: AsyncReadExt + AsyncWriteExt + Unpin,
{
    let head = loop {
        if let Some(head) = Head::take(buffer)? {
            break head;
        }
        more(stream, buffer).await?;
    };
    if head.expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = match head.framing {
        Framing::Length(length) => {
            while buffer.len() < length {
                buffer.reserve(length - buffer.len());
                more(stream, buffer).await?;
            }
            buffer.split_to(length).freeze()
        }
        Framing::Chunked => chunks(stream, buffer).await?,
    };
    Ok(Incoming {
        body,
        ..head.request
    })
}

async fn more<S: AsyncReadExt + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
) -> Result<(), Trouble> {
    match stream.read_buf(buffer).await? {
        0 => Err(Trouble::Closed),
        _ => Ok(()),
    }
}

async fn chunks<S: AsyncReadExt + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
) -> Result<Bytes, Trouble> {
    let mut body = BytesMut::new();
    loop {
        let (start, size) = loop {
            match httparse::parse_chunk_size(buffer) {
                Ok(Status::Complete((start, size))) => break (start, size),
                Ok(Status::Partial) if buffer.len() < LARGEST_HEAD => {
                    more(stream, buffer).await?;
                }
                _ => return Err(MALFORMED),
            }
        };
        let size = usize::try_from(size).map_err(|_| TOO_LARGE)?;
        if size > LARGEST_BODY - body.len() {
            return Err(TOO_LARGE);
        }
        if size == 0 {
            buffer.advance(start);
            trailers(stream, buffer).await?;
            return Ok(body.freeze());
        }
        while buffer.len() < start + size + 2 {
            more(stream, buffer).await?;
        }
        if &buffer[start + size..start + size + 2] != b"\r\n" {
            return Err(MALFORMED);
        }
        body.extend_from_slice(&buffer[start..start + size]);
        buffer.advance(start + size + 2);
    }
}

/// Lines behind the last chunk, up to an empty one; nobody needs what they say.
async fn trailers<S: AsyncReadExt + Unpin>(
    stream: &mut S,
    buffer: &mut BytesMut,
) -> Result<(), Trouble> {
    let mut seen = 0;
    loop {
        match buffer.windows(2).position(|pair| pair == b"\r\n") {
            Some(end) => {
                buffer.advance(end + 2);
                if end == 0 {
                    return Ok(());
                }
                seen += end;
            }
            None => more(stream, buffer).await?,
        }
        if seen + buffer.len() > LARGEST_HEAD {
            return Err(MALFORMED);
        }
    }
}

impl Head {
    /// Takes a head off the front of what was read; None while its end is not there.
    fn take(buffer: &mut BytesMut) -> Result<Option<Self>, Trouble> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(buffer) {
            Ok(Status::Complete(length)) if length <= LARGEST_HEAD => length,
            Ok(Status::Partial) if buffer.len() < LARGEST_HEAD => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Trouble::Nonsense(
                    431,
                    "the head of the request is too large",
                ));
            }
            Err(_) => return Err(MALFORMED),
        };
        let mut head = Self {
            request: Incoming {
                method: parsed.method.unwrap_or_default().to_owned(),
                host: None,
                target: None,
                keep_alive: parsed.version == Some(1),
                body: Bytes::new(),
            },
            framing: Framing::Length(0),
            expects: false,
        };
        let mut length_given = None;
        for header in parsed.headers.iter() {
            let value = std::str::from_utf8(header.value).map_err(|_| MALFORMED)?;
            head.hear(header.name, value.trim(), &mut length_given)?;
        }
        // Both at once is how requests are smuggled.
        match (head.framing, length_given) {
            (Framing::Chunked, Some(_)) => return Err(MALFORMED),
            (Framing::Length(_), Some(length)) => head.framing = Framing::Length(length),
            _ => {}
        }
        buffer.advance(length);
        Ok(Some(head))
    }

    fn hear(&mut self, name: &str, value: &str, length: &mut Option<usize>) -> Result<(), Trouble> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") {
            if length.is_some() || value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
                return Err(MALFORMED);
            }
            *length = match value.parse() {
                Ok(length) if length <= LARGEST_BODY => Some(length),
                _ => return Err(TOO_LARGE),
            };
        } else if is("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(Trouble::Nonsense(
                    501,
                    "Transfer-Encoding is chunked or none",
                ));
            }
            self.framing = Framing::Chunked;
        } else if is("content-encoding") && !value.eq_ignore_ascii_case("identity") {
            return Err(Trouble::Nonsense(
                415,
                "DynamoDB takes no compressed request",
            ));
        } else if is("connection") {
            let says = |word: &str| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(word))
            };
            self.request.keep_alive =
                !says("close") && (self.request.keep_alive || says("keep-alive"));
        } else if is("expect") {
            self.expects = value.eq_ignore_ascii_case("100-continue");
        } else if is("host") {
            self.request.host = Some(value.to_owned());
        } else if is("x-amz-target") {
            self.request.target = Some(value.to_owned());
        }
        Ok(())
    }
}

/// One answer.
pub(super) struct Outgoing {
    status: u16,
    content_type: &'static str,
    body: Bytes,
}

impl Outgoing {
    /// As DynamoDB answers.
    pub(super) fn json(status: u16, body: Bytes) -> Self {
        Self {
            status,
            content_type: "application/x-amz-json-1.0",
            body,
        }
    }

    /// For people.
    pub(super) fn text(status: u16, body: Bytes) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body,
        }
    }

    /// Writes it.
    pub(super) async fn say<S>(self, stream: &mut S, keep_alive: bool) -> io::Result<()>
    where
        S: AsyncWriteExt + Unpin,
    {
        let Self {
            status,
            content_type,
            body,
        } = self;
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let mut bytes = format!(
            "HTTP/1.1 {status} {}\r\nServer: pydynox\r\nDate: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             x-amzn-RequestId: {}\r\nx-amz-crc32: {}\r\nConnection: {connection}\r\n\r\n",
            reason(status),
            httpdate::fmt_http_date(SystemTime::now()),
            body.len(),
            request_id(),
            crc32fast::hash(&body),
        )
        .into_bytes();
        bytes.extend_from_slice(&body);
        stream.write_all(&bytes).await?;
        if !keep_alive {
            stream.shutdown().await?;
        }
        Ok(())
    }
}

fn request_id() -> String {
    let letter = |_| char::from(ID_LETTERS[fastrand::usize(..ID_LETTERS.len())]);
    (0..ID_LENGTH).map(letter).collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What is heard of these bytes, which come one at a time, and what is said to their sender meanwhile.
    async fn heard(bytes: &[u8]) -> (Heard, Vec<u8>) {
        let (client, mut server) = tokio::io::duplex(1);
        let (mut ear, mut mouth) = tokio::io::split(client);
        let bytes = bytes.to_vec();
        let sender = tokio::spawn(async move {
            let _ = mouth.write_all(&bytes).await;
            let _ = mouth.shutdown().await;
        });
        let listener = tokio::spawn(async move {
            let mut said = Vec::new();
            let _ = ear.read_to_end(&mut said).await;
            said
        });
        let heard = hear(&mut server, &mut BytesMut::new()).await.unwrap();
        drop(server);
        sender.await.unwrap();
        (heard, listener.await.unwrap())
    }

    async fn request(bytes: &[u8]) -> Incoming {
        match heard(bytes).await.0 {
            Heard::Request(request) => request,
            Heard::Nonsense(status, message) => panic!("{status} {message}"),
            Heard::Goodbye => panic!("goodbye"),
        }
    }

    async fn refused(bytes: &[u8]) -> u16 {
        match heard(bytes).await.0 {
            Heard::Nonsense(status, _) => status,
            _ => 0,
        }
    }

    #[tokio::test]
    async fn a_request_is_whole_with_its_length() {
        let got = request(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nx-amz-TARGET: X.GetItem\r\nContent-Length: 2\r\n\r\n{}",
        )
        .await;

        assert_eq!(&got.body[..], b"{}");
        assert_eq!(got.target.as_deref(), Some("X.GetItem"));
        assert_eq!(got.host.as_deref(), Some("localhost"));
        assert!(got.keep_alive);
    }

    #[tokio::test]
    async fn a_body_may_come_in_chunks_with_trailers() {
        let got = request(
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;a=b\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nX: y\r\n\r\n",
        )
        .await;

        assert_eq!(&got.body[..], br#"{"a":1}"#);
        assert!(!got.keep_alive);
    }

    #[tokio::test]
    async fn who_waits_for_a_word_gets_it_first() {
        let bytes = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}";
        let (heard, said) = heard(bytes).await;

        let Heard::Request(got) = heard else {
            panic!("a request");
        };
        assert_eq!(&got.body[..], b"{}");
        assert!(!got.keep_alive);
        assert_eq!(said, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    #[tokio::test]
    async fn what_is_no_http_or_too_much_is_refused() {
        assert_eq!(refused(b"hello\r\n\r\n").await, 400);
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
                .await,
            400
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n").await,
            400
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n").await,
            400
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nContent-Length: 16777217\r\n\r\n").await,
            413
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000001\r\n").await,
            413
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc").await,
            400
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n").await,
            501
        );
        assert_eq!(
            refused(b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n").await,
            415
        );
        let head = [b"POST / HTTP/1.1\r\nA: ".to_vec(), vec![b'x'; LARGEST_HEAD]].concat();
        assert_eq!(refused(&head).await, 431);
    }

    #[tokio::test]
    async fn a_connection_that_ends_within_a_request_is_a_goodbye() {
        for bytes in [
            &b""[..],
            b"POST / HT",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n{}",
        ] {
            assert!(matches!(heard(bytes).await.0, Heard::Goodbye));
        }
    }
}
