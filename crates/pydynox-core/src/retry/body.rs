//! The body of an error: its code, its message, and what came with it.

use bytes::Bytes;

use crate::error::CancellationReason;
use crate::wire::{Reader, WireError};

/// What the body of an error says; fields of an unexpected type count as missing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ErrorBody {
    /// The name in `__type`, without its namespace.
    pub(crate) code: Option<Box<str>>,
    pub(crate) message: Option<String>,
    /// JSON text of the stored item, if a condition failed and the request asked for it.
    pub(crate) item: Option<Bytes>,
    pub(crate) throttling_reasons: Vec<(String, String)>,
    pub(crate) cancellation_reasons: Vec<CancellationReason>,
}

impl ErrorBody {
    /// Reads a body to its end.
    pub(crate) fn read(body: &Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(body)?;
        let mut error = Self::default();
        reader.begin_object()?;
        while let Some(key) = reader.next_key()? {
            match key.decode()?.as_ref() {
                "__type" => error.code = text(&mut reader)?.map(|name| code_of(&name).into()),
                // The service's spelling varies with the error; the AWS SDKs read both too.
                "message" | "Message" => error.message = text(&mut reader)?,
                "Item" => error.item = map(&mut reader, body)?,
                // The service model spells it both ways.
                "throttlingReasons" | "ThrottlingReasons" => {
                    each(&mut reader, |reader| {
                        throttling_reason(reader, &mut error.throttling_reasons)
                    })?;
                }
                "CancellationReasons" => {
                    each(&mut reader, |reader| {
                        cancellation_reason(reader, body, &mut error.cancellation_reasons)
                    })?;
                }
                _ => reader.skip()?,
            }
        }
        reader.end()?;
        Ok(error)
    }
}

/// `com.amazonaws.dynamodb.v20120810#Name:http://...` is `Name`.
fn code_of(name: &str) -> &str {
    let name = name.rsplit_once('#').map_or(name, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

fn text(reader: &mut Reader<'_>) -> Result<Option<String>, WireError> {
    if reader.peek()? != b'"' {
        reader.skip()?;
        return Ok(None);
    }
    Ok(Some(reader.string()?.decode()?.into_owned()))
}

/// The reader reads `body`, so what it passed over can be kept without a copy.
fn map(reader: &mut Reader<'_>, body: &Bytes) -> Result<Option<Bytes>, WireError> {
    let is_map = reader.peek()? == b'{';
    let start = reader.position();
    reader.skip()?;
    Ok(is_map.then(|| body.slice_ref(reader.slice(start))))
}

fn each<'a>(
    reader: &mut Reader<'a>,
    mut element: impl FnMut(&mut Reader<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    if reader.peek()? != b'[' {
        return reader.skip();
    }
    reader.begin_array()?;
    while reader.next_element()? {
        if reader.peek()? == b'{' {
            element(reader)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(())
}

fn throttling_reason(
    reader: &mut Reader<'_>,
    reasons: &mut Vec<(String, String)>,
) -> Result<(), WireError> {
    let mut reason = String::new();
    let mut resource = String::new();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.decode()?.as_ref() {
            "reason" => reason = text(reader)?.unwrap_or_default(),
            "resource" => resource = text(reader)?.unwrap_or_default(),
            _ => reader.skip()?,
        }
    }
    reasons.push((reason, resource));
    Ok(())
}

fn cancellation_reason(
    reader: &mut Reader<'_>,
    body: &Bytes,
    reasons: &mut Vec<CancellationReason>,
) -> Result<(), WireError> {
    let mut reason = CancellationReason::default();
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        match key.decode()?.as_ref() {
            "Code" => reason.code = text(reader)?.unwrap_or_default(),
            "Message" => reason.message = text(reader)?,
            "Item" => reason.item = map(reader, body)?,
            _ => reader.skip()?,
        }
    }
    reasons.push(reason);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(body: &'static str) -> ErrorBody {
        ErrorBody::read(&Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn the_code_is_the_name_without_namespace_and_address() {
        assert_eq!(
            code_of("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"),
            "ResourceNotFoundException"
        );
        assert_eq!(
            code_of("aws#Throttling:http://internal.example/"),
            "Throttling"
        );
        assert_eq!(code_of("ValidationException"), "ValidationException");
    }

    #[test]
    fn the_item_of_a_failed_condition_is_kept_as_it_was_sent() {
        let body = read(
            r#"{"__type":"x#ConditionalCheckFailedException","Item": {"id":{"S":"a\"}"}} ,"message":"The conditional request failed"}"#,
        );

        assert_eq!(
            body.code.as_deref(),
            Some("ConditionalCheckFailedException")
        );
        assert_eq!(
            body.message.as_deref(),
            Some("The conditional request failed")
        );
        assert_eq!(
            body.item.as_deref(),
            Some(r#"{"id":{"S":"a\"}"}}"#.as_bytes())
        );
    }

    #[test]
    fn throttling_reasons_are_read_in_both_spellings() {
        for body in [
            r#"{"throttlingReasons":[{"reason":"TableWriteAccountLimitExceeded","resource":"arn:t"}]}"#,
            r#"{"ThrottlingReasons":[{"resource":"arn:t","reason":"TableWriteAccountLimitExceeded","new":[1]},7]}"#,
        ] {
            let expected = vec![(
                "TableWriteAccountLimitExceeded".to_owned(),
                "arn:t".to_owned(),
            )];
            assert_eq!(read(body).throttling_reasons, expected);
        }
    }

    #[test]
    fn cancellation_reasons_are_read_in_order() {
        let body = read(
            r#"{"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"no","Item":{"id":{"S":"a"}}},{"Code":"None","Message":null}]}"#,
        );

        let codes: Vec<_> = body
            .cancellation_reasons
            .iter()
            .map(|reason| reason.code.as_str())
            .collect();
        assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
        assert_eq!(
            body.cancellation_reasons[1].item.as_deref(),
            Some(r#"{"id":{"S":"a"}}"#.as_bytes())
        );
        assert_eq!(body.cancellation_reasons[2].message, None);
    }

    #[test]
    fn fields_of_an_unexpected_type_count_as_missing() {
        let body = read(
            r#"{"__type":5,"message":null,"Item":[],"throttlingReasons":"x","CancellationReasons":{}}"#,
        );
        assert_eq!(body, ErrorBody::default());
    }

    #[test]
    fn a_body_that_is_no_object_or_broken_is_an_error() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"__type":"x""#,
            r#"{"__type":"x"} {"#,
        ] {
            assert!(
                ErrorBody::read(&Bytes::from_static(body.as_bytes())).is_err(),
                "{body}"
            );
        }
    }
}
