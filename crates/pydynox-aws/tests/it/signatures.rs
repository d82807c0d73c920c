//! Our signatures against those of `aws-sigv4`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use proptest::collection::vec;
use proptest::prelude::*;
use pydynox_core::transport::credentials::Credentials;
use pydynox_core::transport::endpoint::Endpoint;
use pydynox_core::transport::sigv4::sign_for_tests;

/// Requests that one signer signs, one after the other.
#[derive(Debug)]
struct Case {
    key: String,
    secret: String,
    token: Option<String>,
    region: String,
    scheme: &'static str,
    host: String,
    port: Option<u16>,
    path: String,
    requests: Vec<(SystemTime, String, Vec<u8>)>,
}

fn time() -> impl Strategy<Value = SystemTime> {
    // From 1970 to 2100, and a few seconds of one day, where a signer reuses what it knows.
    prop_oneof![0_u64..4_102_444_800, 1_700_000_000_u64..1_700_000_004]
        .prop_flat_map(|seconds| (Just(seconds), 0_u32..1_000_000_000))
        .prop_map(|(seconds, nanoseconds)| UNIX_EPOCH + Duration::new(seconds, nanoseconds))
}

fn case() -> impl Strategy<Value = Case> {
    let request = (
        time(),
        "DynamoDB_20120810\\.[A-Z][A-Za-z]{2,30}",
        vec(any::<u8>(), 0..600),
    );
    let who = (
        "[A-Z0-9]{16,20}",
        "[A-Za-z0-9/+]{40}",
        proptest::option::of("[A-Za-z0-9/+=]{1,900}"),
    );
    let path = prop_oneof![
        Just(String::new()),
        Just("/".to_owned()),
        "(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,9}){1,4}/?"
    ];
    let place = (
        "[a-z]{2}-[a-z]{4,9}-[1-9]",
        prop_oneof![Just("http"), Just("https")],
        "[a-zA-Z0-9]{1,12}(\\.[a-z0-9]{1,9}){0,3}",
        proptest::option::of(prop_oneof![Just(80_u16), Just(443), 1_u16..]),
        path,
    );
    (who, place, vec(request, 1..8)).prop_map(
        |((key, secret, token), (region, scheme, host, port, path), requests)| Case {
            key,
            secret,
            token,
            region,
            scheme,
            host,
            port,
            path,
            requests,
        },
    )
}

/// Date and authorization as `aws-sigv4` has them.
fn of_the_sdk(case: &Case, index: usize) -> (String, String) {
    let (time, target, body) = &case.requests[index];
    let identity: Identity =
        SdkCredentials::new(&case.key, &case.secret, case.token.clone(), None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&case.region)
        .name("dynamodb")
        .time(*time)
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let usual = if case.scheme == "https" { 443 } else { 80 };
    let host = case.host.to_ascii_lowercase();
    let host = match case.port {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host,
    };
    let uri = format!("{}://{host}{}", case.scheme, case.path);
    let headers = [
        ("host", host.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", target),
    ];
    let request =
        SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let header = |name| {
        let mut headers = instructions.headers();
        headers
            .find(|(other, _)| *other == name)
            .unwrap()
            .1
            .to_owned()
    };
    (header("x-amz-date"), header("authorization"))
}

fn ours(case: &Case) -> Vec<(String, String)> {
    let port = case.port.map(|port| format!(":{port}")).unwrap_or_default();
    let url = format!("{}://{}{port}{}", case.scheme, case.host, case.path);
    let credentials = Credentials {
        session_token: case.token.as_deref().map(Into::into),
        ..Credentials::new(case.key.clone(), case.secret.clone())
    };
    let requests: Vec<_> = case
        .requests
        .iter()
        .map(|(time, target, body)| (*time, target.as_str(), body.as_slice()))
        .collect();
    sign_for_tests(
        credentials,
        Endpoint::parse(&url, &case.region).unwrap(),
        &requests,
    )
}

proptest! {
    // Four requests each on average: more than 4,000 signatures.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn signatures_are_those_of_the_sdk(case in case()) {
        let theirs: Vec<_> = (0..case.requests.len()).map(|index| of_the_sdk(&case, index)).collect();

        prop_assert_eq!(ours(&case), theirs);
    }
}
