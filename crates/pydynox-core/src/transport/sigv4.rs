//! Signature Version 4 for the one kind of request that the client sends: a POST to one path with an AWS JSON body.
//!
//! The signing key is kept for a day, and everything that is the same for all requests of one second is hashed once.
//! The rules: "Signing AWS API requests" in the AWS IAM user guide.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::{digest, hmac};

use super::credentials::Identity;
use super::endpoint::Endpoint;

/// The body's media type: AWS JSON 1.0.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const USER_AGENT: &str = concat!("pydynox/", env!("CARGO_PKG_VERSION"));
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "dynamodb";
const DAY: u64 = 86_400;

/// Signs for one identity at one endpoint.
pub(crate) struct Signer {
    pub(crate) identity: Arc<Identity>,
    pub(crate) endpoint: Arc<Endpoint>,
    day: u64,
    key: hmac::Key,
    second: u64,
    /// The canonical request up to the target header's value, hashed.
    canonical: digest::Context,
    /// The string to sign, up to the hash of the canonical request.
    to_sign: hmac::Context,
    /// The headers for this second; the last is the authorization, up to the signature.
    headers: Vec<u8>,
}

impl Signer {
    /// A signer; `None` if the credentials contain characters that are invalid in a header.
    pub(crate) fn new(identity: Arc<Identity>, endpoint: Arc<Endpoint>) -> Option<Self> {
        let credentials = &identity.credentials;
        let token = credentials.session_token.as_deref().unwrap_or_default();
        for text in [&*credentials.access_key_id, token] {
            // A line break would end the header and begin another one.
            if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return None;
            }
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        Some(Self {
            identity,
            endpoint,
            day: u64::MAX,
            second: u64::MAX,
            canonical: digest::Context::new(&digest::SHA256),
            to_sign: hmac::Context::with_key(&key),
            key,
            headers: Vec::new(),
        })
    }

    /// Writes the headers and the body of a request that is made now; the request line comes before them.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, now: SystemTime, target: &str, body: &[u8]) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now != self.second {
            self.begin(now);
        }
        let mut canonical = self.canonical.clone();
        canonical.update(target.as_bytes());
        canonical.update(self.signed_headers_block());
        canonical.update(&hex(digest::digest(&digest::SHA256, body)));
        let mut to_sign = self.to_sign.clone();
        to_sign.update(&hex(canonical.finish()));
        let signature = hex(to_sign.sign());
        out.reserve(self.headers.len() + target.len() + body.len() + 128);
        out.extend_from_slice(&self.headers);
        out.extend_from_slice(&signature);
        out.extend_from_slice(b"\r\nx-amz-target: ");
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(b"\r\ncontent-length: ");
        out.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(body);
    }

    fn has_token(&self) -> bool {
        self.identity.credentials.session_token.is_some()
    }

    fn signed_headers(&self) -> &'static str {
        if self.has_token() {
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        } else {
            "content-type;host;x-amz-date;x-amz-target"
        }
    }

    /// The text between the target and the body's hash.
    fn signed_headers_block(&self) -> &'static [u8] {
        if self.has_token() {
            b"\n\ncontent-type;host;x-amz-date;x-amz-security-token;x-amz-target\n"
        } else {
            b"\n\ncontent-type;host;x-amz-date;x-amz-target\n"
        }
    }

    /// Everything that is the same for all requests of one second.
    #[cold]
    fn begin(&mut self, now: u64) {
        let date = amz_date(now);
        let scope = format!(
            "{}/{}/{SERVICE}/aws4_request",
            &date[..8],
            self.endpoint.region
        );
        let credentials = &self.identity.credentials;
        // The key depends only on the secret, the UTC date, the region and the service.
        if self.day != now / DAY {
            self.key = signing_key(
                &credentials.secret_access_key,
                &date[..8],
                &self.endpoint.region,
            );
            self.day = now / DAY;
        }
        // Signed headers are in alphabetical order, so the target, which differs between requests, is the last one.
        let mut head = format!(
            "POST\n{}\n\ncontent-type:{CONTENT_TYPE}\nhost:{}\nx-amz-date:{date}\n",
            self.endpoint.path,
            self.endpoint.authority(),
        );
        if let Some(token) = &credentials.session_token {
            head.push_str("x-amz-security-token:");
            head.push_str(token);
            head.push('\n');
        }
        head.push_str("x-amz-target:");
        self.canonical = digest::Context::new(&digest::SHA256);
        self.canonical.update(head.as_bytes());
        self.to_sign = hmac::Context::with_key(&self.key);
        self.to_sign
            .update(format!("{ALGORITHM}\n{date}\n{scope}\n").as_bytes());
        let token = credentials
            .session_token
            .as_ref()
            .map_or_else(String::new, |token| {
                format!("x-amz-security-token: {token}\r\n")
            });
        // The user agent is sent unsigned: proxies may change it.
        self.headers = format!(
            "host: {}\r\nuser-agent: {USER_AGENT}\r\ncontent-type: {CONTENT_TYPE}\r\nx-amz-date: {date}\r\n{token}authorization: {ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature=",
            self.endpoint.authority(),
            credentials.access_key_id,
            self.signed_headers(),
        )
        .into_bytes();
        self.second = now;
    }
}

fn signing_key(secret: &str, day: &str, region: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [day, region, SERVICE, "aws4_request"]
        .iter()
        .fold(first, |key, part| {
            let tag = hmac::sign(&key, part.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        })
}

/// `20261123T034100Z`
fn amz_date(seconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    // "Mon, 23 Nov 2026 03:41:00 GMT": httpdate maintains the calendar, only the order is changed here.
    let text = httpdate::fmt_http_date(time);
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    .iter()
    .position(|name| *name == &text[8..11])
    .unwrap_or_default();
    format!(
        "{}{:02}{}T{}{}{}Z",
        &text[12..16],
        month + 1,
        &text[5..7],
        &text[17..19],
        &text[20..22],
        &text[23..25],
    )
}

fn hex(bytes: impl AsRef<[u8]>) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes.as_ref()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

/// The headers of a request: for the crate whose tests compare with the SDK's signer.
#[doc(hidden)]
pub fn sign_for_tests(
    credentials: super::credentials::Credentials,
    endpoint: Endpoint,
    requests: &[(SystemTime, &str, &[u8])],
) -> Vec<(String, String)> {
    let identity = Arc::new(Identity { id: 1, credentials });
    let Some(mut signer) = Signer::new(identity, Arc::new(endpoint)) else {
        return Vec::new();
    };
    let value = |request: &str, name: &str| {
        let start = request.find(name).map_or(0, |at| at + name.len());
        request[start..]
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    requests
        .iter()
        .map(|(now, target, body)| {
            let mut out = Vec::new();
            signer.write(&mut out, *now, target, body);
            let request = String::from_utf8_lossy(&out);
            (
                value(&request, "x-amz-date: "),
                value(&request, "authorization: "),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::transport::credentials::Credentials;

    fn endpoint() -> Endpoint {
        Endpoint::parse("https://dynamodb.us-east-1.amazonaws.com", "us-east-1").unwrap()
    }

    #[test]
    fn dates_are_written_as_aws_reads_them() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_795_405_260, "20261123T034100Z"),
            (4_102_444_799, "20991231T235959Z"),
        ] {
            assert_eq!(amz_date(seconds), text);
        }
    }

    #[test]
    fn the_order_of_signing_changes_no_signature() {
        let second = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let requests: [(SystemTime, &str, &[u8]); 4] = [
            (second(1_700_000_000), "DynamoDB_20120810.GetItem", b"{}"),
            (
                second(1_700_000_000),
                "DynamoDB_20120810.PutItem",
                b"{\"a\":1}",
            ),
            (second(1_700_100_000), "DynamoDB_20120810.GetItem", b"{}"),
            (second(1_700_000_000), "DynamoDB_20120810.GetItem", b"{}"),
        ];

        let together = sign_for_tests(Credentials::new("AKID", "secret"), endpoint(), &requests);

        assert_eq!(together[0], together[3]);
        for (request, signed) in requests.iter().zip(&together) {
            let alone = sign_for_tests(Credentials::new("AKID", "secret"), endpoint(), &[*request]);
            assert_eq!(&alone[0], signed);
        }
    }

    #[test]
    fn what_is_no_header_is_no_credential() {
        let credentials = Credentials {
            session_token: Some("a\nb".into()),
            ..Credentials::new("AKID", "secret")
        };
        assert!(sign_for_tests(credentials, endpoint(), &[]).is_empty());
        let identity = |credentials| Arc::new(Identity { id: 1, credentials });
        let at = || Arc::new(endpoint());
        assert!(Signer::new(identity(Credentials::new("A\nB", "s")), at()).is_none());
        assert!(Signer::new(identity(Credentials::new("AKID", "s")), at()).is_some());
    }
}
