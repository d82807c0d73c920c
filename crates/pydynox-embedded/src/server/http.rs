//! HTTP: what the server accepts (one host, one length, a body of at most 16 MB, compressed or not) and how it answers.

use std::convert::Infallible;
use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use serde_json::json;
use tokio::time::timeout;

/// DynamoDB accepts no larger request, measured after decompression.
const LARGEST_BODY: usize = 16 << 20;
/// The alphabet and length of a request id.
const ID_LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
const ID_LENGTH: usize = 52;

/// A complete answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// A complete request.
pub(super) struct Heard {
    pub(super) method: Method,
    pub(super) host: String,
    /// `X-Amz-Target`
    pub(super) target: String,
    pub(super) body: Bytes,
}

/// Why a request is not answered.
pub(super) struct Refused(pub(super) u16, pub(super) &'static str);

const MALFORMED: Refused = Refused(400, "the request is not unambiguous HTTP/1.1");
const TOO_LARGE: Refused = Refused(
    413,
    "a request to DynamoDB can have at most 16 MB, uncompressed",
);

/// Reads a request, or returns why not. `has_length` tells whether its head had a `Content-Length`: hyper removes it if the body
/// is chunked.
pub(super) async fn hear(
    request: Request<Incoming>,
    has_length: impl FnOnce(&Method) -> bool,
    patience: Duration,
) -> Result<Heard, Refused> {
    let (head, body) = request.into_parts();
    // Having both is how requests are smuggled.
    if head.headers.contains_key(header::TRANSFER_ENCODING) && has_length(&head.method) {
        return Err(MALFORMED);
    }
    let host = host(&head.headers, &head.uri).ok_or(MALFORMED)?;
    let packed = is_packed(&head.headers)?;
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(TOO_LARGE);
    }
    let target = head.headers.get("x-amz-target");
    let target = target
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = match timeout(patience, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(TOO_LARGE),
        Ok(Err(_)) => return Err(MALFORMED),
        Err(_) => return Err(Refused(408, "the body of the request did not arrive")),
    };
    Ok(Heard {
        method: head.method,
        host,
        target,
        body: if packed { unpacked(&body)? } else { body },
    })
}

/// The request's host; None unless it names one, and the same everywhere.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return None;
    };
    let host = host.to_str().ok()?;
    // `POST http://name/ HTTP/1.1` is for that name, whatever its headers say.
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str() != host)
    {
        return None;
    }
    Some(host.to_owned())
}

fn is_packed(headers: &HeaderMap) -> Result<bool, Refused> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let (coding, other) = (codings.next().map(HeaderValue::as_bytes), codings.next());
    match coding {
        None | Some(b"identity") if other.is_none() => Ok(false),
        Some(coding) if other.is_none() && coding.eq_ignore_ascii_case(b"gzip") => Ok(true),
        _ => Err(Refused(415, "a body can be compressed with gzip only")),
    }
}

fn unpacked(body: &[u8]) -> Result<Bytes, Refused> {
    let mut unpacked = Vec::new();
    // One byte more than allowed tells a body that is too large from one of the largest size.
    let most = LARGEST_BODY as u64 + 1;
    match MultiGzDecoder::new(body)
        .take(most)
        .read_to_end(&mut unpacked)
    {
        Ok(length) if length > LARGEST_BODY => Err(TOO_LARGE),
        Ok(_) => Ok(unpacked.into()),
        Err(_) => Err(Refused(400, "the body is not gzip, or is damaged")),
    }
}

/// As DynamoDB answers.
pub(super) fn json(status: u16, body: Bytes) -> Answer {
    answer(status, "application/x-amz-json-1.0", body)
}

/// For people.
pub(super) fn text(status: u16, body: Bytes) -> Answer {
    answer(status, "text/plain; charset=utf-8", body)
}

/// An error as DynamoDB words it.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let space = match code {
        "InternalServerError" => "com.amazonaws.dynamodb.v20120810",
        _ => "com.amazon.coral.service",
    };
    let body = json!({"__type": format!("{space}#{code}"), "message": message});
    json(status, body.to_string().into())
}

/// The refusal of a request that was not read, after which the connection ends: the next bytes may be its body.
pub(super) fn goodbye(Refused(status, message): Refused) -> Answer {
    let mut answer = refusal(status, "SerializationException", message);
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(header::CONNECTION, close);
    answer
}

fn answer(status: u16, content_type: &'static str, body: Bytes) -> Answer {
    let checksum = crc32fast::hash(&body);
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("pydynox"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amz-crc32", checksum.into());
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    answer
}

fn request_id() -> String {
    let letter = |_| char::from(ID_LETTERS[fastrand::usize(..ID_LETTERS.len())]);
    (0..ID_LENGTH).map(letter).collect()
}

/// What hyper's service returns: it never fails.
pub(super) type Served = Result<Answer, Infallible>;
