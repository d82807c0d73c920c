//! Signature Version 4 of the one kind of request that we send: a POST to one path with an AWS JSON body.
//!
//! The signing key is kept for a day, and all that does not differ between two requests of one second is hashed once.
//! The rules: "Signing AWS API requests" in the AWS IAM user guide.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::HeaderValue;
use ring::{digest, hmac};

use super::credentials::Identity;
use super::endpoint::Endpoint;

/// The body's media type: AWS JSON 1.0.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "dynamodb";
const DAY: u64 = 86_400;

/// The headers of a signed request that hold for this second, and this request's own signature.
#[derive(Debug)]
pub(crate) struct Stamp {
    pub(crate) date: HeaderValue,
    pub(crate) token: Option<HeaderValue>,
    pub(crate) authorization: HeaderValue,
}

/// Signs for one identity at one endpoint.
pub(crate) struct Signer {
    pub(crate) identity: Arc<Identity>,
    pub(crate) endpoint: Arc<Endpoint>,
    token: Option<HeaderValue>,
    day: u64,
    key: hmac::Key,
    second: u64,
    date: HeaderValue,
    /// The canonical request up to the target's header, hashed.
    canonical: digest::Context,
    /// The string to sign, up to the hash of the canonical request.
    to_sign: hmac::Context,
    /// The authorization header up to the signature.
    authorization: Vec<u8>,
}

impl Signer {
    /// A signer; the token's characters must be those of a header.
    pub(crate) fn new(identity: Arc<Identity>, endpoint: Arc<Endpoint>) -> Option<Self> {
        let token = match &identity.credentials.session_token {
            Some(token) => {
                let mut token = HeaderValue::from_str(token).ok()?;
                token.set_sensitive(true);
                Some(token)
            }
            None => None,
        };
        HeaderValue::from_str(&identity.credentials.access_key_id).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[]);
        Some(Self {
            identity,
            endpoint,
            token,
            day: u64::MAX,
            second: u64::MAX,
            date: HeaderValue::from_static(""),
            canonical: digest::Context::new(&digest::SHA256),
            to_sign: hmac::Context::with_key(&key),
            key,
            authorization: Vec::new(),
        })
    }

    /// Signs a request that is made now.
    pub(crate) fn sign(&mut self, now: SystemTime, target: &str, body: &[u8]) -> Stamp {
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
        let mut authorization = Vec::with_capacity(self.authorization.len() + signature.len());
        authorization.extend_from_slice(&self.authorization);
        authorization.extend_from_slice(&signature);
        Stamp {
            date: self.date.clone(),
            token: self.token.clone(),
            // Made of an access key that was checked and of our own text.
            authorization: HeaderValue::from_maybe_shared(bytes::Bytes::from(authorization))
                .unwrap_or_else(|_| HeaderValue::from_static("")),
        }
    }

    fn signed_headers(&self) -> &'static str {
        if self.token.is_some() {
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        } else {
            "content-type;host;x-amz-date;x-amz-target"
        }
    }

    /// What stands between the target and the body's hash.
    fn signed_headers_block(&self) -> &'static [u8] {
        if self.token.is_some() {
            b"\n\ncontent-type;host;x-amz-date;x-amz-security-token;x-amz-target\n"
        } else {
            b"\n\ncontent-type;host;x-amz-date;x-amz-target\n"
        }
    }

    /// Everything that stays the same for the requests of one second.
    #[cold]
    fn begin(&mut self, now: u64) {
        let date = amz_date(now);
        let scope = format!(
            "{}/{}/{SERVICE}/aws4_request",
            &date[..8],
            self.endpoint.region
        );
        let credentials = &self.identity.credentials;
        if self.day != now / DAY {
            self.key = signing_key(
                &credentials.secret_access_key,
                &date[..8],
                &self.endpoint.region,
            );
            self.day = now / DAY;
        }
        let mut head = format!(
            "POST\n{}\n\ncontent-type:{CONTENT_TYPE}\nhost:{}\nx-amz-date:{date}\n",
            self.endpoint.path,
            self.endpoint.shown(),
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
        self.authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={}, Signature=",
            credentials.access_key_id,
            self.signed_headers(),
        )
        .into_bytes();
        self.date = HeaderValue::try_from(date).unwrap_or_else(|_| HeaderValue::from_static(""));
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
    // "Mon, 23 Nov 2026 03:41:00 GMT": the well-kept calendar is httpdate's, the order is ours.
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

/// What a request's headers would be: for the crate whose tests compare with the SDK's signer.
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
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    requests
        .iter()
        .map(|(now, target, body)| {
            let stamp = signer.sign(*now, target, body);
            (text(&stamp.date), text(&stamp.authorization))
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
