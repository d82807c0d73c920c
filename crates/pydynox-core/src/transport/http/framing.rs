//! HTTP/1.1 as bytes: what stands before a body, and where the body ends (RFC 9112). No I/O.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use httparse::{ParserConfig, Status};

use super::super::Headers;
use super::super::sigv4;

/// The heads of an answer, interim ones included, are no longer than this; neither are the lines after the last chunk.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;
/// Interim answers before the final one.
const MOST_INTERIM: u32 = 32;
/// A line that frames a chunk is no longer than this.
const MOST_LINE: usize = 4096;

/// What breaks the rules of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// The status line and the headers that matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// Whether the connection serves another request afterwards.
    pub(super) keep_alive: bool,
    pub(super) headers: Headers,
}

/// The heads of one answer as their bytes come: interim ones, then the final one.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Interim answers so far, and their bytes.
    interim: u32,
    length: usize,
    /// Bytes of the present head that were looked at.
    looked: usize,
}

impl Heads {
    /// Takes the final answer's head from the start of `bytes`; interim answers before it are skipped. `None` when there is
    /// more to come.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Result<Option<Head>, Malformed> {
        loop {
            // A head ends with a line: one that comes byte by byte is not read from its start for each of them.
            let new = bytes.get(self.looked..).unwrap_or_default();
            let may_end = self.looked == 0 || memchr::memchr(b'\n', new).is_some();
            self.looked = bytes.len();
            let parsed = if may_end { Head::parse(bytes)? } else { None };
            let length = parsed.as_ref().map_or(bytes.len(), |(_, length)| *length);
            if self.length + length > MOST_HEAD {
                return Err(Malformed("the head of the response is too long"));
            }
            let Some((head, length)) = parsed else {
                return Ok(None);
            };
            bytes.advance(length);
            match head.status {
                101 => return Err(Malformed("the peer switched protocols")),
                100..200 if self.interim == MOST_INTERIM => {
                    return Err(Malformed("there are too many interim responses"));
                }
                100..200 => {
                    self.interim += 1;
                    self.length += length;
                    self.looked = 0;
                }
                _ => return Ok(Some(head)),
            }
        }
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut headers,
        );
        let length = match parsed {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Malformed("the head of the response has too many lines"));
            }
            Err(_) => return Err(Malformed("the response is not HTTP/1.1")),
        };
        let mut head = Self {
            status: response.code.unwrap_or_default(),
            framing: Framing::Close,
            keep_alive: response.version == Some(1),
            headers: Headers::default(),
        };
        let mut lengths = Lengths::default();
        let good = head.status == 200;
        for header in response.headers.iter() {
            head.note(header.name, header.value, good, &mut lengths)?;
        }
        head.settle(&lengths);
        Ok(Some((head, length)))
    }

    fn note(
        &mut self,
        name: &str,
        value: &[u8],
        good: bool,
        lengths: &mut Lengths,
    ) -> Result<(), Malformed> {
        // By length first: of two names of one length at most one is looked for.
        match name.len() {
            4 if !good && name.eq_ignore_ascii_case("date") => self.headers.date = text(value),
            10 if name.eq_ignore_ascii_case("connection") => self.note_connection(value),
            11 if name.eq_ignore_ascii_case("x-amz-crc32") => self.headers.crc32 = number(value),
            // The usual one is not worth keeping.
            12 if value == sigv4::CONTENT_TYPE.as_bytes() => {}
            12 if name.eq_ignore_ascii_case("content-type") => {
                self.headers.content_type = text(value);
            }
            14 if name.eq_ignore_ascii_case("content-length") => lengths.note(value)?,
            16 if name.eq_ignore_ascii_case("x-amzn-requestid") => {
                self.headers.request_id = text(value);
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => lengths.encode(value)?,
            17 if !good && name.eq_ignore_ascii_case("x-amz-retry-after") => {
                self.headers.retry_after_ms = number(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',') {
            if option.trim_ascii().eq_ignore_ascii_case(b"close") {
                self.keep_alive = false;
            } else if option.trim_ascii().eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            }
        }
    }

    fn settle(&mut self, lengths: &Lengths) {
        self.framing = match (lengths.chunked, lengths.length) {
            _ if matches!(self.status, 100..200 | 204 | 304) => Framing::Length(0),
            (true, length) => {
                // Both say how long it is: somebody on the way is confused, so the connection is not trusted further.
                self.keep_alive &= length.is_none();
                Framing::Chunked
            }
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Close,
        };
        self.keep_alive &= self.framing != Framing::Close;
    }
}

#[derive(Default)]
struct Lengths {
    length: Option<u64>,
    chunked: bool,
}

impl Lengths {
    fn note(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let unclear = Malformed("the length of the response is ambiguous");
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let length = number(value).filter(|_| digits).ok_or(unclear)?;
        if self.length.is_some_and(|before| before != length) {
            return Err(unclear);
        }
        self.length = Some(length);
        Ok(())
    }

    fn encode(&mut self, value: &[u8]) -> Result<(), Malformed> {
        if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err(Malformed(
                "the response has an encoding that was not requested",
            ));
        }
        self.chunked = true;
        Ok(())
    }
}

fn text(value: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(value).ok().map(Box::from)
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// A body in chunks, put together as its bytes come.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: Chunk,
    body: BytesMut,
    /// Bytes of the lines after the last chunk.
    trailer: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// A line with the next chunk's size.
    #[default]
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The line end after a chunk.
    End,
    /// Lines after the last chunk, up to an empty one.
    Trailer,
}

impl Chunks {
    /// Takes what it can from `bytes`; whether the body is complete.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Result<bool, Malformed> {
        loop {
            self.state = match self.state {
                // The parser takes a line without digits for a zero.
                Chunk::Size if bytes.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) => {
                    return Err(Malformed("a chunk of the response has no size"));
                }
                Chunk::Size => match httparse::parse_chunk_size(bytes) {
                    Ok(Status::Complete((length, size))) => {
                        bytes.advance(length);
                        if size == 0 {
                            Chunk::Trailer
                        } else {
                            Chunk::Data(size)
                        }
                    }
                    Ok(Status::Partial) if bytes.len() > MOST_LINE => {
                        return Err(Malformed("a chunk of the response has no size"));
                    }
                    Ok(Status::Partial) => return Ok(false),
                    Err(_) => return Err(Malformed("a chunk of the response has no size")),
                },
                Chunk::Data(left) => {
                    let here = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if here == 0 {
                        return Ok(false);
                    }
                    self.body.extend_from_slice(&bytes.split_to(here));
                    match left - here as u64 {
                        0 => Chunk::End,
                        left => Chunk::Data(left),
                    }
                }
                Chunk::End => match line(bytes)? {
                    None => return Ok(false),
                    Some(0) => Chunk::Size,
                    Some(_) => {
                        return Err(Malformed(
                            "a chunk of the response is longer than its declared size",
                        ));
                    }
                },
                Chunk::Trailer => match line(bytes)? {
                    None => return Ok(false),
                    Some(0) => return Ok(true),
                    Some(length) => {
                        self.trailer += length;
                        if self.trailer > MOST_HEAD {
                            return Err(Malformed("the trailer of the response is too long"));
                        }
                        Chunk::Trailer
                    }
                },
            };
        }
    }

    /// What was put together.
    pub(super) fn into_body(self) -> Bytes {
        self.body.freeze()
    }
}

/// Takes a line; its length without its end.
fn line(bytes: &mut BytesMut) -> Result<Option<usize>, Malformed> {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => {
            let length = bytes[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len);
            bytes.advance(end + 1);
            Ok(Some(length))
        }
        None if bytes.len() > MOST_LINE => Err(Malformed("a line of the response is too long")),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        Heads::default().take(&mut BytesMut::from(text))
    }

    fn sound(text: &str) -> Head {
        head(text).unwrap().unwrap()
    }

    #[test]
    fn a_head_ends_at_its_empty_line_and_not_before() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amz-Crc32: 7\r\nx-amzn-RequestId: R\r\n\r\n{}";
        let whole = text.len() - 2;

        for cut in 0..whole {
            assert_eq!(head(&text[..cut]), Ok(None), "{cut}");
        }
        let mut bytes = BytesMut::from(text);
        let head = Heads::default().take(&mut bytes).unwrap().unwrap();

        assert_eq!(
            (head.status, head.framing, head.keep_alive),
            (200, Framing::Length(2), true)
        );
        assert_eq!(
            (head.headers.crc32, head.headers.request_id.as_deref()),
            (Some(7), Some("R"))
        );
        assert_eq!(&bytes[..], b"{}");
    }

    #[test]
    fn interim_answers_are_skipped_and_a_switch_is_refused() {
        let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(sound(answer).status, 200);
        assert_eq!(head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2"), Ok(None));
        assert!(head("HTTP/1.1 101 Switching Protocols\r\n\r\n").is_err());
    }

    #[test]
    fn the_connection_is_kept_as_the_rules_say() {
        for (head, keep_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\n",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: te, close\r\n\r\n",
                false,
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
            (
                "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
                false,
            ),
        ] {
            assert_eq!(sound(head).keep_alive, keep_alive, "{head}");
        }
    }

    #[test]
    fn the_end_of_a_body_is_where_the_rules_say() {
        for (head, framing) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nContent-Length: 12\r\n\r\n",
                Framing::Length(12),
            ),
            (
                "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
                Framing::Length(0),
            ),
            ("HTTP/1.1 304 Not Modified\r\n\r\n", Framing::Length(0)),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n",
                Framing::Chunked,
            ),
            ("HTTP/1.1 500 Oops\r\n\r\n", Framing::Close),
        ] {
            assert_eq!(sound(head).framing, framing, "{head}");
        }
    }

    #[test]
    fn what_is_unclear_is_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: -1",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length: ",
            "Content-Length: 99999999999999999999999",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "No colon",
            "Spa ce: x",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
            assert!(head(&text).is_err(), "{headers}");
        }
        for text in ["SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "\0\0\0", "{}"] {
            assert!(head(text).is_err(), "{text:?}");
        }
        assert!(head(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MOST_HEAD))).is_err());
        let many = "X: y\r\n".repeat(MOST_HEADERS + 1);
        assert!(head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).is_err());
    }

    #[test]
    fn heads_without_an_end_are_refused() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let few = interim.repeat(MOST_INTERIM as usize);
        assert_eq!(sound(&format!("{few}{last}")).status, 200);
        assert!(head(&format!("{few}{interim}{last}")).is_err());
        let long = format!(
            "HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n",
            "x".repeat(MOST_HEAD / 2)
        );
        assert!(head(&format!("{long}{last}")).is_ok());
        assert!(head(&format!("{long}{long}")).is_err());
        // Whole, but too long.
        let whole = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(MOST_HEAD));
        assert!(head(&whole).is_err());
        let trailer = format!("0\r\n{}", "X: yz\r\n".repeat(MOST_HEAD / 5 + 1));
        assert!(unchunk(&[trailer.as_bytes()]).is_err());
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_the_same() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let (mut heads, mut bytes) = (Heads::default(), BytesMut::new());
        let mut head_read = None;

        for byte in text.bytes() {
            bytes.extend_from_slice(&[byte]);
            if head_read.is_none() {
                head_read = heads.take(&mut bytes).unwrap();
            }
        }

        assert_eq!(head_read, Some(sound(text)));
        assert_eq!(&bytes[..], b"{}");
    }

    #[test]
    fn of_a_good_answer_little_is_kept() {
        let lines = "Date: D\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-retry-after: 5\r\nContent-Length: 0";
        let good = sound(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"));
        let bad = sound(&format!("HTTP/1.1 400 No\r\n{lines}\r\n\r\n"));
        let foreign = sound("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");

        assert_eq!(good.headers, Headers::default());
        assert_eq!(
            (bad.headers.date.as_deref(), bad.headers.retry_after_ms),
            (Some("D"), Some(5))
        );
        assert_eq!(foreign.headers.content_type.as_deref(), Some("text/html"));
    }

    fn unchunk(pieces: &[&[u8]]) -> Result<Option<(Bytes, usize)>, Malformed> {
        let mut chunks = Chunks::default();
        let mut bytes = BytesMut::new();
        for piece in pieces {
            bytes.extend_from_slice(piece);
            if chunks.take(&mut bytes)? {
                return Ok(Some((chunks.into_body(), bytes.len())));
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_put_together() {
        let text = b"3;ext=1\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
        let (body, left) = unchunk(&[text]).unwrap().unwrap();
        assert_eq!((&body[..], left), (&b"abcd"[..], 0));
        assert_eq!(unchunk(&[&text[..text.len() - 1]]), Ok(None));
    }

    #[test]
    fn broken_chunks_are_refused() {
        for text in [
            &b"x\r\n"[..],
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"-1\r\n",
            b"fffffffffffffffff\r\n",
            b"\r\n",
        ] {
            assert!(unchunk(&[text]).is_err(), "{text:?}");
        }
        let endless = [b"0\r\nX: ".to_vec(), vec![b'x'; MOST_LINE + 1]].concat();
        assert!(unchunk(&[&endless]).is_err());
    }

    proptest! {
        #[test]
        fn chunks_do_not_depend_on_how_they_arrive(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
            size in 1usize..30,
        ) {
            let mut text = Vec::new();
            for chunk in &chunks {
                text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                text.extend_from_slice(chunk);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\nrest");
            let pieces: Vec<&[u8]> = text.chunks(size).collect();

            let (body, _) = unchunk(&pieces).unwrap().unwrap();

            prop_assert_eq!(&body[..], &chunks.concat()[..]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "HTTP/1.1 [0-9]{3} [ -~\r\n:]{0,80}") {
            let _ = Heads::default().take(&mut BytesMut::from(&bytes[..]));
            let _ = Heads::default().take(&mut BytesMut::from(text.as_str()));
            let _ = unchunk(&[&bytes]);
            let _ = unchunk(&[text.as_bytes()]);
        }
    }
}
