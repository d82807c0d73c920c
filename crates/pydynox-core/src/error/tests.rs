//! Tests of `error`.

use super::*;

#[test]
fn the_text_is_one_line_that_says_where_and_what() {
    let error = Error::new(ErrorKind::Request, "sorry")
        .with_operation("PutItem")
        .with_table("users")
        .with_code("InternalServerError")
        .with_status(500)
        .with_attempts(4)
        .with_request_id("R1");

    assert_eq!(
        error.to_string(),
        "PutItem on table 'users': sorry (InternalServerError, status 500, 4 attempts, request id R1)"
    );
    assert_eq!(
        Error::new(ErrorKind::Internal, "broken").to_string(),
        "broken"
    );
    assert_eq!(
        Error::new(ErrorKind::Validation, "empty")
            .with_operation("GetItem")
            .with_attribute("id")
            .to_string(),
        "GetItem on attribute 'id': empty"
    );
}

#[test]
fn the_text_of_throttling_names_every_limit() {
    let reasons = vec![
        (
            "TableWriteMaxOnDemandThroughputExceeded".to_owned(),
            "users".to_owned(),
        ),
        ("Other".to_owned(), String::new()),
    ];
    let error =
        Error::new(ErrorKind::Throttling { reasons }, "slow down").with_operation("PutItem");

    assert_eq!(
        error.to_string(),
        "PutItem: slow down: TableWriteMaxOnDemandThroughputExceeded of users, Other"
    );
}

#[test]
fn the_place_of_a_stored_value_is_its_attribute_its_model_and_its_table() {
    let error = Error::new(ErrorKind::Encryption, "cannot be opened")
        .with_operation("Query")
        .with_attribute("ssn")
        .with_model("Patient")
        .with_table("patients");

    assert_eq!(
        error.to_string(),
        "Query on attribute 'ssn' of Patient in table 'patients': cannot be opened"
    );
}

#[test]
fn the_cause_is_kept() {
    let error =
        Error::new(ErrorKind::Timeout, "late").with_source(Error::new(ErrorKind::Request, "sorry"));

    assert_eq!(error.cause().map(Error::message), Some("sorry"));
    assert_eq!(
        StdError::source(&error).map(ToString::to_string),
        Some("sorry".to_owned())
    );
}

#[test]
fn an_error_is_one_pointer_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}
