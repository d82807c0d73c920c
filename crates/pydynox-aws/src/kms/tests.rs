//! Tests of `kms`.

use super::*;

#[test]
fn an_address_of_dynamodb_is_not_asked_for_keys() {
    for url in [
        "https://dynamodb.eu-central-1.amazonaws.com",
        "https://vpce-1.DynamoDB.eu-central-1.vpce.amazonaws.com",
        "http://dynamodb-local:8000",
    ] {
        assert!(!may_be_of_kms(url), "{url}");
    }
    assert!(may_be_of_kms("http://localhost:4566"));
}
