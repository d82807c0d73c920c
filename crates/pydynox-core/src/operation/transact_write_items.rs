//! TransactWriteItems: several writes, all or nothing.

use crate::wire::Writer;

/// What one operation of a transaction does; its members are those of the standalone operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// PutItem.
    Put,
    /// UpdateItem.
    Update,
    /// DeleteItem.
    Delete,
    /// A condition without a write.
    ConditionCheck,
}

impl Verb {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Put => b"Put",
            Self::Update => b"Update",
            Self::Delete => b"Delete",
            Self::ConditionCheck => b"ConditionCheck",
        }
    }
}

/// Begins the body.
pub fn begin(writer: &mut Writer) {
    writer.raw(br#"{"TransactItems":["#);
}

/// Writes one operation; `body` is that of the standalone operation, without `ReturnValues`.
pub fn operation(writer: &mut Writer, is_first: bool, verb: Verb, body: &[u8]) {
    if !is_first {
        writer.byte(b',');
    }
    writer.raw(b"{\"");
    writer.raw(verb.name());
    writer.raw(b"\":");
    writer.raw(body);
    writer.byte(b'}');
}

/// Ends the body; returns the position of the token, after its opening quote.
pub fn finish(writer: &mut Writer, token: &str) -> usize {
    writer.raw(br#"],"ClientRequestToken":"#);
    let at = writer.len() + 1;
    writer.string(token);
    writer.byte(b'}');
    at
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;

    #[test]
    fn the_body_has_the_operations_in_order_and_the_token() {
        let mut at = 0;
        let body = written(|writer| {
            begin(writer);
            operation(writer, true, Verb::Put, br#"{"TableName":"a","Item":{}}"#);
            operation(writer, false, Verb::ConditionCheck, br#"{"TableName":"b"}"#);
            operation(writer, false, Verb::Update, b"{}");
            operation(writer, false, Verb::Delete, b"{}");
            at = finish(writer, "t-1");
        });

        assert_eq!(
            body,
            r#"{"TransactItems":[{"Put":{"TableName":"a","Item":{}}},{"ConditionCheck":{"TableName":"b"}},{"Update":{}},{"Delete":{}}],"ClientRequestToken":"t-1"}"#
        );
        assert_eq!(&body[at..at + 3], "t-1");
    }
}
