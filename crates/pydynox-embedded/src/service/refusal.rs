//! Refusals: the answers with which the service rejects a request.

use pydynox_core::transport::{Headers, Response};
use serde_json::{Value, json};

/// An error with this code.
pub(super) fn error(code: &str, message: &str) -> Response {
    with(code, message, json!({}))
}

/// The same with further members.
pub(super) fn with(code: &str, message: &str, members: Value) -> Response {
    let mut body = members;
    if let Some(body) = body.as_object_mut() {
        let of_coral = ["AccessDeniedException", "ThrottlingException"].contains(&code);
        let namespace = if of_coral {
            "com.amazon.coral.service"
        } else {
            "com.amazonaws.dynamodb.v20120810"
        };
        body.insert("__type".to_owned(), format!("{namespace}#{code}").into());
        let name = if of_coral { "Message" } else { "message" };
        body.insert(name.to_owned(), message.into());
    }
    answer(400, &body)
}

/// A transaction that was cancelled, with the code of the reason for each of its members.
pub(super) fn cancelled(codes: &[Option<&str>]) -> Response {
    let reasons: Vec<_> = codes
        .iter()
        .map(|code| match code {
            None => json!({"Code": "None"}),
            Some(code) => json!({"Code": code, "Message": message_of(code)}),
        })
        .collect();
    let names: Vec<_> = codes.iter().map(|code| code.unwrap_or("None")).collect();
    with(
        "TransactionCanceledException",
        &format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            names.join(", ")
        ),
        json!({"CancellationReasons": reasons}),
    )
}

fn message_of(code: &str) -> &'static str {
    match code {
        "TransactionConflict" => "Transaction is ongoing for the item",
        _ => "Throughput exceeds the current capacity for one or more global secondary indexes",
    }
}

/// An answer with this body.
pub(super) fn answer(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: Headers {
            request_id: Some("SIMULATED".into()),
            ..Headers::default()
        },
        body: body.to_string().into_bytes().into(),
        verified: true,
        ..Response::default()
    }
}
