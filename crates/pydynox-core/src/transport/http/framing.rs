//! Framing: HTTP/1.1 as bytes, what comes before a body and where the body ends (RFC 9112). No I/O.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use httparse::{ParserConfig, Status};

use super::super::Headers;
use super::super::sigv4;

/// Longest heads of an answer, interim ones included, and longest trailer after the last chunk.
const MOST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 100;
/// Most interim answers before the final one.
const MOST_INTERIM: u32 = 32;
/// Longest line that frames a chunk.
const MOST_LINE: usize = 4096;

/// A violation of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
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
    /// Whether the connection can serve another request afterwards.
    pub(super) keep_alive: bool,
    pub(super) headers: Headers,
}

/// The heads of one answer as their bytes arrive: interim ones, then the final one.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// Number of interim answers so far, and their bytes.
    interim: u32,
    length: usize,
    /// Bytes of the current head that were already scanned.
    looked: usize,
}

impl Heads {
    /// Takes the final answer's head from the start of `bytes`; interim answers before it are skipped. `None` while it is
    /// incomplete.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Result<Option<Head>, Malformed> {
        loop {
            // A head ends with a line: when it arrives byte by byte, it is not parsed again for each byte.
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
        // HTTP/1.1 connections persist by default, those of HTTP/1.0 do not (RFC 9112, section 9.3).
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
        // By length first: then at most one name is compared.
        match name.len() {
            // Only a refusal needs the date, to correct the clock, or the time to retry after.
            4 if !good && name.eq_ignore_ascii_case("date") => self.headers.date = text(value),
            10 if name.eq_ignore_ascii_case("connection") => self.note_connection(value),
            11 if name.eq_ignore_ascii_case("x-amz-crc32") => self.headers.crc32 = number(value),
            // The usual type need not be kept.
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
            // These never have a body, whatever their headers say (RFC 9112, section 6.3).
            _ if matches!(self.status, 100..200 | 204 | 304) => Framing::Length(0),
            (true, length) => {
                // Both specify a length: something on the way is faulty, so the connection is not reused.
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
        // The grammar has digits only, and `parse` accepts a sign.
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

/// A chunked body, assembled as its bytes arrive.
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
    /// This many bytes of a chunk.
    Data(u64),
    /// The line end after a chunk.
    End,
    /// Lines after the last chunk, up to an empty one.
    Trailer,
}

impl Chunks {
    /// Consumes what it can from `bytes`; returns whether the body is complete.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Result<bool, Malformed> {
        loop {
            self.state = match self.state {
                // The parser reads a line without digits as zero.
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

    /// The assembled body.
    pub(super) fn into_body(self) -> Bytes {
        self.body.freeze()
    }
}

/// Consumes a line; returns its length without its end.
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
mod tests;
