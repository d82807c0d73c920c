//! The keyring of KMS against a KMS on 127.0.0.1.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pydynox_aws::{KmsKeyring, KmsSettings, Settings, Surroundings};
use pydynox_core::codec::keyring::{KeyContext, Keyring};
use pydynox_core::codec::{DataKey, DataKeys, KeyLimits};
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::transport::credentials::Credentials;
use serde_json::{Value as Json, json};
use tokio::task::JoinSet;

use crate::server::{Answer, Request, Server, closed_port};

const KEY: &str = "alias/app";
const PLAIN: [u8; 32] = [7; 32];

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}

fn error(code: &str) -> Answer {
    (400, json!({"__type": code, "message": "no"}).to_string())
}

/// As much of KMS as a keyring asks for: what it wrapped, it unwraps in the same context alone.
fn kms() -> impl Fn(&Request) -> Answer + Send + 'static {
    let wrapped_keys = Mutex::new(BTreeMap::<String, Json>::new());
    let count = AtomicU32::new(0);
    move |request| {
        let body: Json = serde_json::from_str(&request.body).unwrap();
        let bound = json!([body["KeyId"], body["EncryptionContext"]]);
        let mut wrapped_keys = wrapped_keys.lock().unwrap();
        let answer = match request.header("x-amz-target") {
            "TrentService.GenerateDataKey" => {
                assert_eq!(body["KeySpec"], "AES_256");
                let number = count.fetch_add(1, Ordering::Relaxed);
                let blob = base64(format!("wrapped {number}").as_bytes());
                wrapped_keys.insert(blob.clone(), bound);
                json!({"CiphertextBlob": blob, "Plaintext": base64(&PLAIN), "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/k"})
            }
            "TrentService.Decrypt" => {
                if wrapped_keys.get(body["CiphertextBlob"].as_str().unwrap()) != Some(&bound) {
                    return error("InvalidCiphertextException");
                }
                json!({"Plaintext": base64(&PLAIN), "KeyId": "arn:aws:kms:eu-central-1:111122223333:key/k"})
            }
            other => panic!("{other}"),
        };
        (200, answer.to_string())
    }
}

fn surroundings(change: impl FnOnce(&mut Settings)) -> Arc<Surroundings> {
    let mut settings = Settings::default();
    settings.region = Some("eu-central-1".into());
    settings.credentials = Some(Credentials::new("AKID", "secret"));
    change(&mut settings);
    Arc::new(Surroundings::new(settings).unwrap())
}

fn keyring(url: &str, change: impl FnOnce(&mut KmsSettings)) -> KmsKeyring {
    let mut settings = KmsSettings::new(KEY);
    settings.endpoint_url = Some(url.into());
    change(&mut settings);
    KmsKeyring::new(settings, surroundings(|_| {})).unwrap()
}

fn users() -> KeyContext {
    KeyContext::new("users").with("app", "crm").unwrap()
}

async fn refused(answer: Answer, unwraps: bool) -> Error {
    let server = Server::start(move |_| answer.clone());
    let keyring = keyring(&server.url(), |settings| {
        settings.timeout = Duration::from_secs(5);
    });
    if unwraps {
        keyring.unwrap(KEY, b"wrapped", &users()).await.unwrap_err()
    } else {
        keyring.generate_data_key(&users()).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_data_key_is_asked_for_in_its_context_and_unwrapped_in_the_same() {
    let server = Server::start(kms());
    let keyring = keyring(&server.url(), |_| {});

    let data_key = keyring.generate_data_key(&users()).await.unwrap();
    let opened = keyring
        .unwrap(&data_key.key_ref, &data_key.wrapped, &users())
        .await
        .unwrap();

    assert_eq!(
        (&*data_key.key_ref, &*data_key.wrapped),
        (KEY, &b"wrapped 0"[..])
    );
    assert_eq!((data_key.key.bytes(), opened.bytes()), (&PLAIN, &PLAIN));
    let [generate, decrypt] = <[Request; 2]>::try_from(server.take()).unwrap();
    for request in [generate, decrypt] {
        let body: Json = serde_json::from_str(&request.body).unwrap();
        assert_eq!(
            body["EncryptionContext"],
            json!({"app": "crm", "pydynox:table": "users", "pydynox:v": "1"})
        );
        assert_eq!(body["KeyId"], KEY);
        let authorization = request.header("authorization");
        assert!(
            authorization.contains("Credential=AKID/"),
            "{authorization}"
        );
        assert!(
            authorization.contains("/eu-central-1/kms/"),
            "{authorization}"
        );
    }
    let debug = format!("{keyring:?}");
    assert!(debug.contains(KEY) && !debug.contains("secret"), "{debug}");
}

#[tokio::test]
async fn what_kms_did_not_wrap_here_is_a_value_that_cannot_be_opened() {
    let server = Server::start(kms());
    let keyring = keyring(&server.url(), |settings| {
        settings.read_key_ids = vec!["alias/old".into()];
    });
    let data_key = keyring.generate_data_key(&users()).await.unwrap();
    server.take();

    for (key_ref, wrapped, context) in [
        (KEY, &b"other"[..], users()),
        (KEY, &*data_key.wrapped, KeyContext::new("orders")),
        ("alias/old", &*data_key.wrapped, users()),
        ("alias/theirs", &*data_key.wrapped, users()),
    ] {
        let error = keyring
            .unwrap(key_ref, wrapped, &context)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Encryption);
        assert_eq!(error.code(), None);
    }
    let requests = server.take();
    assert_eq!(
        requests.len(),
        3,
        "a key that no setting names is not asked for"
    );
    assert!(
        requests
            .iter()
            .all(|request| !request.body.contains("theirs"))
    );
}

#[tokio::test]
async fn errors_of_kms_are_told_apart() {
    for unwraps in [false, true] {
        for (code, kind) in [
            ("AccessDeniedException", ErrorKind::AccessDenied),
            ("UnrecognizedClientException", ErrorKind::Credentials),
            ("NotFoundException", ErrorKind::Configuration),
            ("DisabledException", ErrorKind::Configuration),
            ("KMSInvalidStateException", ErrorKind::Configuration),
            ("ValidationException", ErrorKind::Request),
        ] {
            let failed = refused(error(code), unwraps).await;

            assert_eq!(failed.kind(), &kind, "{failed}");
            assert_eq!((failed.code(), failed.status()), (Some(code), Some(400)));
            assert!(failed.to_string().contains(KEY), "{failed}");
            assert!(!failed.retryable());
        }
    }
    let odd = refused((200, "{}".to_owned()), false).await;
    assert_eq!(odd.kind(), &ErrorKind::InvalidResponse);
    let short = json!({"CiphertextBlob": "AAAA", "Plaintext": "AAAA", "KeyId": "k"}).to_string();
    let odd = refused((200, short), false).await;
    assert_eq!(odd.kind(), &ErrorKind::InvalidResponse);
}

#[tokio::test]
async fn a_throttled_call_is_tried_again() {
    let count = AtomicU32::new(0);
    let kms = kms();
    let server = Server::start(move |request| match count.fetch_add(1, Ordering::Relaxed) {
        0 => error("ThrottlingException"),
        _ => kms(request),
    });

    let outcome = keyring(&server.url(), |_| {})
        .generate_data_key(&users())
        .await;

    assert!(outcome.is_ok());
    assert_eq!(server.seen().len(), 2);
}

/// What a service that is at fault answers.
fn faults() -> Vec<Answer> {
    let coded =
        |status: u16, code: &str| (status, json!({"__type": code, "message": "no"}).to_string());
    vec![
        coded(500, "KMSInternalException"),
        coded(500, "KeyUnavailableException"),
        coded(503, "DependencyTimeoutException"),
        coded(500, "InternalFailure"),
        coded(500, "InternalServerError"),
        coded(503, "ServiceUnavailable"),
        (500, String::new()),
        (502, "<html>bad gateway</html>".to_owned()),
        (504, "{}".to_owned()),
    ]
}

#[tokio::test]
async fn a_fault_of_kms_is_tried_again() {
    // All at once, since each waits before it is sent again.
    let mut calls = JoinSet::new();
    for fault in faults() {
        calls.spawn(async move {
            let count = AtomicU32::new(0);
            let kms = kms();
            let first = fault.clone();
            let server =
                Server::start(move |request| match count.fetch_add(1, Ordering::Relaxed) {
                    0 => first.clone(),
                    _ => kms(request),
                });

            let outcome = keyring(&server.url(), |_| {})
                .generate_data_key(&users())
                .await;

            assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
            assert_eq!(server.seen().len(), 2, "{fault:?}");
        });
    }
    calls.join_all().await;
}

#[tokio::test]
async fn a_fault_of_kms_that_stays_is_an_error_that_may_pass() {
    let mut calls = JoinSet::new();
    for fault in faults() {
        for unwraps in [false, true] {
            let fault = fault.clone();
            calls.spawn(async move {
                let failed = refused(fault.clone(), unwraps).await;

                assert!(failed.retryable(), "{fault:?}: {failed}");
                assert_eq!(failed.status(), Some(fault.0));
                assert_ne!(failed.kind(), &ErrorKind::Encryption);
                assert_ne!(failed.kind(), &ErrorKind::ConnectionFailed);
            });
        }
    }
    calls.join_all().await;
}

#[tokio::test]
async fn nobody_there_is_an_error_that_may_pass() {
    let keyring = keyring(&format!("http://127.0.0.1:{}", closed_port()), |_| {});

    let error = keyring.generate_data_key(&users()).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::ConnectionFailed);
    assert!(error.retryable(), "{error}");
}

#[tokio::test]
async fn a_kms_that_does_not_answer_is_not_waited_for_longer_than_was_said() {
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_secs(3));
        error("TooLate")
    });
    let keyring = keyring(&server.url(), |settings| {
        settings.timeout = Duration::from_millis(200);
    });
    let start = Instant::now();

    let error = keyring.generate_data_key(&users()).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::Timeout);
    assert!(
        error.retryable() && error.to_string().contains("0.2 s"),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn the_clients_address_serves_where_no_other_is_said() {
    let server = Server::start(kms());
    let at = |url: String| {
        let surroundings = surroundings(|settings| settings.endpoint_url = Some(url.into()));
        KmsKeyring::new(KmsSettings::new(KEY), surroundings).unwrap()
    };

    at(server.url()).generate_data_key(&users()).await.unwrap();

    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn four_at_once_cost_one_slow_call() {
    let kms = kms();
    let server = Server::start(move |request| {
        std::thread::sleep(Duration::from_millis(500));
        kms(request)
    });
    let keyring = Arc::new(keyring(&server.url(), |_| {}));
    let keys = DataKeys::new(keyring, [], KeyLimits::default(), 0).unwrap();
    let context = keys.context("users").unwrap();
    let start = Instant::now();

    let take = || keys.to_encrypt(&context, 1, 10, 0);
    let (one, two, three, four) = tokio::join!(take(), take(), take(), take());

    for key in [one, two, three, four] {
        assert_eq!(key.unwrap().key.bytes(), &PLAIN);
    }
    assert_eq!(server.seen().len(), 1);
    assert!(start.elapsed() < Duration::from_millis(1500));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |change: &dyn Fn(&mut KmsSettings)| {
        let mut settings = KmsSettings::new(KEY);
        change(&mut settings);
        let error = settings.check().unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Configuration);
    };

    KmsSettings::new(KEY).check().unwrap();
    refused(&|settings| settings.key_id = "".into());
    refused(&|settings| settings.key_id = "k".repeat(256).into());
    refused(&|settings| settings.read_key_ids = vec!["a b".into()]);
    refused(&|settings| settings.endpoint_url = Some("localhost:4566".into()));
    refused(&|settings| settings.timeout = Duration::ZERO);
    assert!(DataKey::from_slice(&[0; 31]).is_err());
}
