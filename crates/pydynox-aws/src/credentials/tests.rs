//! Tests of `credentials`.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn what_cannot_be_a_header_is_refused_and_not_shown() {
    let good = || Credentials {
        session_token: Some("IQoJb3JpZ2luX2VjE+/=".into()),
        account_id: Some("123456789012".into()),
        ..Credentials::new("AKIDEXAMPLE", "wJalr/XUtn+FEMI K7MDENG")
    };
    check(&good(), "x").unwrap();

    for (credentials, what) in [
        (
            Credentials {
                access_key_id: "BAD\nKEY".into(),
                ..good()
            },
            "access key id",
        ),
        (
            Credentials {
                access_key_id: "BAD KEY".into(),
                ..good()
            },
            "access key id",
        ),
        (
            Credentials {
                access_key_id: "".into(),
                ..good()
            },
            "access key id",
        ),
        (
            Credentials {
                secret_access_key: "BAD\r".into(),
                ..good()
            },
            "secret access key",
        ),
        (
            Credentials {
                secret_access_key: "BÄD".into(),
                ..good()
            },
            "secret access key",
        ),
        (
            Credentials {
                session_token: Some("BAD\u{7f}".into()),
                ..good()
            },
            "session token",
        ),
        (
            Credentials {
                account_id: Some("BAD ID".into()),
                ..good()
            },
            "account id",
        ),
    ] {
        let error = check(&credentials, "the environment").unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Credentials);
        assert!(
            error
                .message()
                .starts_with(&format!("the {what} of the environment")),
            "{error}"
        );
        assert!(
            !error.message().contains("BAD") && !error.message().contains('Ä'),
            "{error}"
        );
    }
}
