//! Which credentials are found, and what an error says when none are.

use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use crate::server::{Answer, Request, Server, closed_port};
use crate::surroundings::Surrounded;

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";
/// 2033-05-18T03:33:20Z
const END: &str = "2000000000";
/// A file that is an error as soon as anybody reads it.
const BROKEN: &str = "[default\nregion = x";

fn in_europe() -> Surrounded {
    Surrounded::new().with("SAY_REGION", "eu-central-1")
}

/// The profile `tool` gets its credentials from a program that counts how often it runs.
fn with_tool(surrounded: Surrounded) -> Surrounded {
    let marker = surrounded.path("runs");
    let json = r#"{"Version":1,"AccessKeyId":"TOOLKEY","SecretAccessKey":"toolsecret","SessionToken":"tooltoken","Expiration":"2033-05-18T03:33:20Z","AccountId":"999999999999"}"#;
    let script = surrounded.path("tool.sh");
    let text = format!("echo run >> {}\necho '{json}'\n", marker.display());
    let config = format!(
        "[profile tool]\ncredential_process = sh {}\n",
        script.display()
    );
    surrounded.with_file("tool.sh", &text).with_config(&config)
}

fn runs(surrounded: &Surrounded) -> usize {
    std::fs::read_to_string(surrounded.path("runs")).map_or(0, |text| text.lines().count())
}

/// What STS answers to this action.
fn session(action: &str, key: &str) -> Answer {
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/reader/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>stssecret</SecretAccessKey><SessionToken>ststoken</SessionToken><Expiration>2033-05-18T03:33:20Z</Expiration></Credentials></{action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    );
    (200, body)
}

fn sts() -> Server {
    Server::start(|request| {
        let action = request.field("Action").unwrap();
        session(&action, "STSKEY")
    })
}

#[test]
fn the_keys_of_the_environment_load_nothing_else() {
    let surrounded = with_tool(in_europe().with_keys())
        .with("AWS_SESSION_TOKEN", "envtoken")
        .with("AWS_ACCOUNT_ID", "123456789012")
        .with("AWS_PROFILE", "tool")
        .with("SAY_ENDPOINT", "http://127.0.0.1:1")
        .with_file(".aws/credentials", BROKEN);

    let [credentials, endpoint] = surrounded.ask(["credentials", "endpoint"]);

    assert_eq!(
        credentials.keys(),
        ["ENVKEY", "envsecret", "envtoken", "123456789012", ""]
    );
    endpoint.good();
    assert_eq!(runs(&surrounded), 0);
    // The same files are an error for whoever reads them.
    let read = surrounded.with("SAY_PROFILE", "tool");
    let message = read.credentials().error("Credentials");
    assert!(
        message.contains(".aws/credentials") && message.contains("line"),
        "{message}"
    );
}

#[test]
fn half_a_pair_of_keys_is_an_error_that_names_the_missing_half() {
    for (name, missing) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ] {
        for surrounded in [
            in_europe(),
            in_europe().with(missing, ""),
            in_europe().with(missing, " "),
        ] {
            let message = surrounded
                .with(name, "HIDDEN")
                .credentials()
                .error("Credentials");
            assert!(
                message.starts_with(&format!("{name} is set in the environment, but {missing}")),
                "{message}"
            );
            assert!(!message.contains("HIDDEN"), "{message}");
        }
    }
}

#[test]
fn keys_that_are_malformed_are_refused_and_not_shown() {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", b"HID\nDEN".to_vec()),
        ("AWS_ACCESS_KEY_ID", b"HID\xffDEN".to_vec()),
        ("AWS_SECRET_ACCESS_KEY", "HIDÄDEN".into()),
        ("AWS_SESSION_TOKEN", b"HIDDEN\r\n".to_vec()),
    ] {
        let surrounded = in_europe()
            .with_keys()
            .with(name, std::ffi::OsString::from_vec(value));
        let message = surrounded.credentials().error("Credentials");
        assert!(!message.contains("DEN"), "{message}");
    }
}

#[test]
fn what_the_program_says_goes_before_all() {
    let surrounded = with_tool(
        in_europe()
            .with_keys()
            .with("SAY_KEY", "SAIDKEY")
            .with("AWS_PROFILE", "tool"),
    );

    assert_eq!(
        surrounded.credentials().keys(),
        ["SAIDKEY", "saidsecret", "", "", ""]
    );
    assert_eq!(runs(&surrounded), 0);
}

#[test]
fn a_profile_of_the_programs_choice_goes_before_the_keys_of_the_environment() {
    let surrounded = with_tool(in_europe().with_keys().with("SAY_PROFILE", "tool"));

    let [once, twice] = surrounded.ask(["credentials", "credentials"]);

    assert_eq!(
        once.keys(),
        ["TOOLKEY", "toolsecret", "tooltoken", "999999999999", END]
    );
    assert_eq!(twice.key(), "TOOLKEY");
    assert_eq!(runs(&surrounded), 2, "each look-up asks anew");
}

#[test]
fn a_profile_of_the_environments_choice_is_read_where_there_are_no_keys() {
    let surrounded = with_tool(in_europe().with("AWS_PROFILE", "tool"));
    assert_eq!(surrounded.credentials().key(), "TOOLKEY");

    let plain = "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n";
    let surrounded = in_europe().with_file(".aws/credentials", plain);
    assert_eq!(
        surrounded.credentials().keys(),
        ["FILEKEY", "filesecret", "", "", ""]
    );

    let surrounded = in_europe().with_file("elsewhere", plain);
    let path = surrounded.path("elsewhere");
    assert_eq!(
        surrounded
            .with("AWS_SHARED_CREDENTIALS_FILE", path)
            .credentials()
            .key(),
        "FILEKEY"
    );
}

#[test]
fn a_profile_that_does_not_exist_is_an_error_that_names_those_that_do() {
    for choice in ["SAY_PROFILE", "AWS_PROFILE"] {
        let message = with_tool(in_europe().with(choice, "tol"))
            .credentials()
            .error("Credentials");
        assert!(
            message.contains("no profile 'tol'") && message.contains("the profiles are: tool"),
            "{message}"
        );
    }
    let message = in_europe()
        .with("SAY_PROFILE", "x")
        .credentials()
        .error("Credentials");
    assert!(message.contains("the files have no profiles"), "{message}");
}

#[test]
fn a_web_identity_is_exchanged_at_sts() {
    let sts = sts();
    let surrounded = in_europe()
        .with_file("token", "JWT")
        .with("AWS_ROLE_ARN", ROLE)
        .with("AWS_ENDPOINT_URL_STS", sts.url());
    let path = surrounded.path("token");

    let outcome = surrounded
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", path)
        .credentials();

    assert_eq!(
        outcome.keys(),
        ["STSKEY", "stssecret", "ststoken", "123456789012", END]
    );
    let [request] = <[Request; 1]>::try_from(sts.seen()).unwrap();
    assert_eq!(request.field("WebIdentityToken").as_deref(), Some("JWT"));
    assert_eq!(request.field("RoleArn").as_deref(), Some(ROLE));
}

const OF_METADATA: &str = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"METAKEY","SecretAccessKey":"metasecret","Token":"metatoken","Expiration":"2033-05-18T03:33:20Z"}"#;

#[test]
fn a_container_gives_credentials_past_any_proxy() {
    let container = Server::start(|request| match request.header("authorization") {
        "letmein" if request.target == "/creds" => (200, OF_METADATA.to_owned()),
        _ => (403, "{}".to_owned()),
    });
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    let surrounded = in_europe()
        .with(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/creds", container.url()),
        )
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "letmein")
        .with("HTTP_PROXY", &proxy);

    assert_eq!(
        surrounded.credentials().keys(),
        ["METAKEY", "metasecret", "metatoken", "", END]
    );

    let message = surrounded
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong")
        .credentials()
        .error("Credentials");
    assert!(
        message.starts_with("credentials cannot be loaded: "),
        "{message}"
    );
}

/// Instance metadata, version 2: a token first.
fn machine() -> Server {
    Server::start(|request| {
        let route = (request.method.as_str(), request.target.as_str());
        if route == ("PUT", "/latest/api/token") {
            return (200, "IMDSTOKEN".to_owned());
        }
        if request.header("x-aws-ec2-metadata-token") != "IMDSTOKEN" {
            return (401, String::new());
        }
        match route.1 {
            "/latest/meta-data/iam/security-credentials/" => (200, "box".to_owned()),
            "/latest/meta-data/iam/security-credentials/box" => (200, OF_METADATA.to_owned()),
            "/latest/meta-data/placement/region" => (200, "ap-south-1".to_owned()),
            _ => (404, String::new()),
        }
    })
}

#[test]
fn a_machine_gives_credentials_and_region() {
    let machine = machine();
    let surrounded = Surrounded::new()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url());

    let [credentials, region] = surrounded.ask(["credentials", "region"]);

    assert_eq!(
        credentials.keys(),
        ["METAKEY", "metasecret", "metatoken", "", END]
    );
    assert_eq!(region.text(), "ap-south-1");
    let asked_for_region = |request: &Request| request.target.ends_with("/region");
    assert_eq!(
        machine.seen().into_iter().filter(asked_for_region).count(),
        1,
        "settled once"
    );
}

#[test]
fn a_profile_of_the_programs_choice_without_credentials_leaves_the_machine_but_no_web_identity() {
    let machine = machine();
    let surrounded = in_europe()
        .with_config("[profile bare]\nregion = eu-central-1\n")
        .with("SAY_PROFILE", "bare")
        .with("AWS_ROLE_ARN", ROLE)
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent")
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", machine.url());

    assert_eq!(surrounded.credentials().key(), "METAKEY");
}

#[test]
fn a_role_is_assumed_with_the_keys_of_the_environment() {
    let sts = sts();
    let surrounded = in_europe()
        .with_keys()
        .with("AWS_SESSION_TOKEN", "envtoken")
        .with("AWS_ENDPOINT_URL_STS", sts.url())
        .with("SAY_ROLE", ROLE)
        .with("SAY_SESSION", "nightly")
        .with("SAY_EXTERNAL_ID", "ext")
        .with("SAY_DURATION", "1800");

    let [once, twice] = surrounded.ask(["credentials", "credentials"]);

    assert_eq!(
        once.keys(),
        ["STSKEY", "stssecret", "ststoken", "123456789012", END]
    );
    twice.good();
    let [request, _] = <[Request; 2]>::try_from(sts.seen()).unwrap();
    let field = |name| request.field(name).unwrap_or_default();
    assert_eq!(
        [
            "Action",
            "RoleArn",
            "RoleSessionName",
            "ExternalId",
            "DurationSeconds"
        ]
        .map(field),
        ["AssumeRole", ROLE, "nightly", "ext", "1800"]
    );
    let authorization = request.header("authorization");
    assert!(
        authorization.contains("Credential=ENVKEY/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("/eu-central-1/sts/"),
        "{authorization}"
    );
    assert_eq!(request.header("x-amz-security-token"), "envtoken");
}

#[test]
fn a_role_is_assumed_with_whatever_was_found() {
    let sts = sts();
    let surrounded = with_tool(in_europe().with("AWS_PROFILE", "tool"))
        .with("AWS_ENDPOINT_URL_STS", sts.url())
        .with("SAY_ROLE", ROLE);

    assert_eq!(surrounded.credentials().key(), "STSKEY");

    let [request] = <[Request; 1]>::try_from(sts.seen()).unwrap();
    assert!(
        request
            .header("authorization")
            .contains("Credential=TOOLKEY/")
    );
    assert!(
        request
            .field("RoleSessionName")
            .unwrap()
            .starts_with("pydynox-")
    );
}

#[test]
fn a_profile_may_assume_a_role_itself() {
    let sts = sts();
    let config = format!(
        "[default]\nrole_arn = {ROLE}\nsource_profile = keys\nservices = here\n[profile keys]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n[services here]\nsts =\n  endpoint_url = {}\n",
        sts.url()
    );

    assert_eq!(
        in_europe().with_config(&config).credentials().key(),
        "STSKEY"
    );

    assert!(
        sts.seen()[0]
            .header("authorization")
            .contains("Credential=FILEKEY/")
    );
}

#[test]
fn a_role_that_is_denied_is_an_error_without_hope_that_says_who_asked() {
    let sts = Server::start(|_| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        (403, body.to_owned())
    });
    let surrounded = in_europe()
        .with_keys()
        .with("AWS_ENDPOINT_URL_STS", sts.url())
        .with("SAY_ROLE", ROLE);

    let message = surrounded.credentials().error("Credentials");

    for part in [ROLE, "ENVKEY", "AccessDenied", "not you", "trust policy"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("envsecret"), "{message}");
}

#[test]
fn trouble_of_the_network_may_pass() {
    let surrounded = in_europe()
        .with_keys()
        .with(
            "AWS_ENDPOINT_URL_STS",
            format!("http://127.0.0.1:{}", closed_port()),
        )
        .with("SAY_ROLE", ROLE);

    let message = surrounded.credentials().trouble();

    assert!(message.contains("cannot be assumed"), "{message}");
}

#[test]
fn a_role_needs_a_region() {
    let message = Surrounded::new()
        .with_keys()
        .with("SAY_ROLE", ROLE)
        .credentials()
        .error("Credentials");

    assert!(message.starts_with("no region: searched"), "{message}");
}

#[test]
fn a_program_that_never_ends_is_given_up() {
    let surrounded = in_europe()
        .with_config("[default]\ncredential_process = sleep 60\n")
        .with("SAY_TIMEOUT", "300");
    let start = std::time::Instant::now();

    let message = surrounded.credentials().trouble();

    assert!(
        message.contains("within 0.3 s") && message.contains("credential_process"),
        "{message}"
    );
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn a_program_that_fails_says_why() {
    let config = "[default]\ncredential_process = sh -c 'echo not logged in >&2; exit 3'\n";

    let message = in_europe()
        .with_config(config)
        .credentials()
        .error("Credentials");

    assert!(message.contains("not logged in"), "{message}");
    assert!(!message.contains('\n'));
}

#[test]
fn a_session_that_is_not_signed_on_is_an_error_that_says_how_to() {
    let config = "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n";

    let message = in_europe()
        .with_config(config)
        .with("SAY_PROFILE", "dev")
        .credentials()
        .error("Credentials");

    assert!(
        message.ends_with("run `aws sso login --profile dev`"),
        "{message}"
    );
    assert!(
        message.starts_with("credentials cannot be loaded: "),
        "{message}"
    );
    assert!(message.contains("SSO"), "{message}");
}

#[test]
fn a_console_login_is_an_error_that_says_what_to_do_instead() {
    let config = "[default]\nlogin_session = arn:aws:iam::123456789012:user/Admin\n";

    let message = in_europe()
        .with_config(config)
        .credentials()
        .error("Credentials");

    assert!(
        message.contains("aws configure export-credentials --profile default"),
        "{message}"
    );
}

#[test]
fn nothing_found_lists_every_place_and_what_to_do() {
    let surrounded = in_europe();
    let home = surrounded.home.path().display().to_string();

    let outcome = surrounded.credentials();

    let message = outcome.error("Credentials");
    assert_eq!(
        message,
        format!(
            "no credentials; searched credentials= (not given), environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (not set), profile 'default' of {home}/.aws/config and {home}/.aws/credentials (no such files), web identity (AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN not set), container (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI not set), instance metadata (disabled by AWS_EC2_METADATA_DISABLED); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass credentials= or profile=; a client for memory:// or file:// needs none, if it is the default: as_default()"
        )
    );
}

#[test]
fn a_machine_that_does_not_answer_is_listed_so() {
    let surrounded = in_europe().with("AWS_EC2_METADATA_DISABLED", "false").with(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        format!("http://127.0.0.1:{}", closed_port()),
    );

    let message = surrounded.credentials().error("Credentials");

    assert!(
        message.starts_with("no credentials; ")
            && message.contains("instance metadata (no response)"),
        "{message}"
    );
}

#[test]
fn nothing_found_for_a_profile_lists_what_was_left_out() {
    let surrounded = in_europe()
        .with_keys()
        .with_config("[profile bare]\n")
        .with("SAY_PROFILE", "bare");

    let message = surrounded.credentials().error("Credentials");

    assert!(
        message.contains("not the environment variables AWS_ACCESS_KEY_ID"),
        "{message}"
    );
    assert!(
        message.contains("profile 'bare' of ") && message.contains("(no credentials in it)"),
        "{message}"
    );
}

#[test]
fn a_bundle_of_certificates_that_cannot_be_used_is_an_error_and_no_panic() {
    let named = |surrounded: Surrounded, text: &str| {
        let surrounded = surrounded.with_file("ca.pem", text);
        let path = surrounded.path("ca.pem");
        surrounded.with("AWS_CA_BUNDLE", path)
    };
    let block = |base64: &str| {
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    };
    for text in [
        "",
        "no pem",
        &block("AAAA"),
        &block("!"),
        "-----BEGIN CERTIFICATE-----\n",
    ] {
        let message = named(in_europe(), text).credentials().error("Credentials");
        assert!(
            message.contains("ca.pem (AWS_CA_BUNDLE) cannot be used"),
            "{message}"
        );
    }
    let system = in_europe()
        .with("SSL_CERT_FILE", "/nonexistent")
        .credentials()
        .error("Credentials");
    assert!(system.contains("/nonexistent (SSL_CERT_FILE)"), "{system}");
    let message = in_europe()
        .with("SAY_CA_BUNDLE", "/nonexistent")
        .credentials()
        .error("Credentials");
    assert!(message.contains("/nonexistent (ca_bundle=)"), "{message}");
}

#[test]
fn a_server_is_trusted_by_the_bundle_that_is_named_alone() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let tls = Arc::new(tls);
    let sts = Server::start_with(
        move |stream| {
            let connection = rustls::ServerConnection::new(tls.clone()).unwrap();
            rustls::StreamOwned::new(connection, stream)
        },
        |_| session("AssumeRole", "TLSKEY"),
    );
    let surrounded = || {
        in_europe()
            .with_keys()
            .with("SAY_ROLE", ROLE)
            .with(
                "AWS_ENDPOINT_URL_STS",
                format!("https://localhost:{}", sts.port),
            )
            .with_file("ca.pem", &cert.pem())
    };

    for name in ["SAY_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let trusting = surrounded();
        let path = trusting.path("ca.pem");
        assert_eq!(
            trusting.with(name, path).credentials().key(),
            "TLSKEY",
            "{name}"
        );
    }
    surrounded().credentials().trouble();
}

#[test]
fn other_services_are_asked_through_the_proxy() {
    let proxy = sts();
    let surrounded = in_europe()
        .with_keys()
        .with("SAY_ROLE", ROLE)
        .with("AWS_ENDPOINT_URL_STS", "http://sts.example.test")
        .with("HTTP_PROXY", proxy.url());

    assert_eq!(surrounded.credentials().key(), "STSKEY");

    assert_eq!(proxy.seen()[0].target, "http://sts.example.test/");
}
