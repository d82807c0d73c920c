//! Transactions: what one can contain, checked before it is sent, and the token by which the service recognizes it.

use std::collections::HashMap;

use bytes::Bytes;

use crate::error::{CancellationReason, Error, ErrorKind};
use crate::id::uuid4;
use crate::operation::transact_write_items::{self, Verb};
use crate::wire::{Reader, Value, Writer};

/// Most operations in a transaction.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const MAX_OPERATIONS: usize = 100;
/// Largest total size of a transaction's items, in bytes.
pub const MAX_SIZE: usize = 4 * 1024 * 1024;
/// Longest token, in characters.
const MAX_TOKEN: usize = 36;

/// The operations of one transaction, in order.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    operations: Vec<(Verb, Vec<u8>)>,
    /// Position of the operation on each item, by table and key.
    items: HashMap<(Box<str>, Vec<u8>), usize>,
    size: usize,
}

/// A transaction as it is sent.
#[derive(Debug)]
pub struct Sealed {
    /// The body.
    pub body: Bytes,
    /// Offset of the token in the body, if the client generated it: a new one may replace it.
    pub own_token: Option<usize>,
    /// The token.
    pub token: String,
}

impl Transaction {
    /// Adds an operation on the item with this key, JSON text of a map; `body` is the body of this operation alone.
    ///
    /// # Errors
    ///
    /// There are too many operations, they are too large together, or another one is on the same item.
    pub fn add(&mut self, verb: Verb, table: &str, key: &[u8], body: Vec<u8>) -> Result<(), Error> {
        let position = self.operations.len();
        if position == MAX_OPERATIONS {
            return Err(refused(format!(
                "a transaction can have at most {MAX_OPERATIONS} operations"
            )));
        }
        // The service refuses two operations on one item with a ValidationException that names neither.
        if let Some(other) = self.items.insert((table.into(), canonical(key)), position) {
            return Err(refused(format!(
                "operation [{other}] of this transaction is on the same item: an item can take part only once"
            )));
        }
        // The service's limit is on the sizes of the items; only what is sent of them is known here.
        self.size += body.len();
        if self.size > MAX_SIZE {
            return Err(refused(format!(
                "a transaction can have at most {MAX_SIZE} bytes, and this one has more"
            )));
        }
        self.operations.push((verb, body));
        Ok(())
    }

    /// Replaces the body of an operation.
    pub(crate) fn replace(&mut self, position: usize, body: Vec<u8>) {
        if let Some((_, old)) = self.operations.get_mut(position) {
            self.size = self.size + body.len() - old.len();
            *old = body;
        }
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Writes the body, with the caller's token or a new one.
    ///
    /// # Errors
    ///
    /// The token is empty or too long, or the system provides no random numbers.
    pub fn seal(self, token: Option<&str>) -> Result<Sealed, Error> {
        let mut writer = Writer::with_capacity(self.size + 64 * self.operations.len());
        transact_write_items::begin(&mut writer);
        for (position, (verb, body)) in self.operations.iter().enumerate() {
            transact_write_items::operation(&mut writer, position == 0, *verb, body);
        }
        let (token, is_own) = match token {
            Some(token) => (check_token(token)?.to_owned(), false),
            None => (new_token()?, true),
        };
        let at = transact_write_items::finish(&mut writer, &token);
        Ok(Sealed {
            body: writer.into_bytes().into(),
            own_token: is_own.then_some(at),
            token,
        })
    }
}

/// A key in canonical form: equal keys have equal bytes.
fn canonical(key: &[u8]) -> Vec<u8> {
    // A key that cannot be read is compared as text: refusing it is left to the service.
    let read = || Value::read_map(&mut Reader::new(key).ok()?).ok();
    read().map_or_else(
        || key.to_vec(),
        |map| {
            let mut writer = Writer::with_capacity(key.len());
            Value::write_map(&map, &mut writer);
            writer.into_bytes()
        },
    )
}

/// Checks a caller's token.
///
/// # Errors
///
/// It is empty or too long.
pub fn check_token(token: &str) -> Result<&str, Error> {
    match token.chars().count() {
        1..=MAX_TOKEN => Ok(token),
        length => Err(refused(format!(
            "a token must have 1 to {MAX_TOKEN} characters, and this one has {length}"
        ))),
    }
}

/// A token of 36 characters that is not in use.
///
/// # Errors
///
/// The system provides no random numbers.
pub fn new_token() -> Result<String, Error> {
    let id = format!("{:032x}", uuid4()?);
    Ok(format!(
        "{}-{}-{}-{}-{}",
        &id[..8],
        &id[8..12],
        &id[12..16],
        &id[16..20],
        &id[20..]
    ))
}

/// Why one operation of a cancelled transaction, or one statement of a batch, failed; None where it was not the cause.
pub fn reason(reason: &CancellationReason) -> Option<Error> {
    // The codes of reasons differ from those of errors: they have no suffix `Exception`.
    let kind = match reason.code.as_str() {
        // The reasons are by position: an operation that was not the cause has the code `None`.
        "" | "None" => return None,
        "ConditionalCheckFailed" => ErrorKind::ConditionFailed {
            item: reason.item.clone(),
        },
        "TransactionConflict" => ErrorKind::TransactionConflict,
        "DuplicateItem" => ErrorKind::ItemAlreadyExists {
            item: reason.item.clone(),
        },
        "ResourceNotFound" => ErrorKind::TableNotFound,
        "AccessDenied" => ErrorKind::AccessDenied,
        "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded" => {
            ErrorKind::Throttling {
                reasons: Vec::new(),
            }
        }
        "ValidationError" => ErrorKind::InvalidRequest,
        // Codes that are newer than this list are reported as they are.
        _ => ErrorKind::Request,
    };
    let message = match reason.message.as_deref() {
        Some(message) if !message.trim().is_empty() => message,
        _ => unsaid(&kind, &reason.code),
    };
    Some(Error::new(kind, message).with_code(&*reason.code))
}

/// The meaning of a reason that has no message.
fn unsaid<'a>(kind: &ErrorKind, code: &'a str) -> &'a str {
    match kind {
        ErrorKind::ConditionFailed { .. } => "the condition was false",
        ErrorKind::TransactionConflict => "another write to the same item is in progress",
        ErrorKind::ItemAlreadyExists { .. } => "an item with this key already exists",
        ErrorKind::TableNotFound => "the table does not exist",
        ErrorKind::AccessDenied => "the credentials do not allow this",
        ErrorKind::Throttling { .. } => "the rate of the table or the account was exceeded",
        _ if code == "ItemCollectionSizeLimitExceeded" => {
            "the items of one partition key exceed 10 GB, which a table with a local index does not allow"
        }
        _ => "the service gave no message",
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn put(transaction: &mut Transaction, key: &str) -> Result<(), Error> {
        transaction.add(Verb::Put, "t", key.as_bytes(), b"{}".to_vec())
    }

    #[test]
    fn a_reason_without_a_text_has_one_of_ours() {
        for code in [
            "ConditionalCheckFailed",
            "TransactionConflict",
            "DuplicateItem",
            "ResourceNotFound",
            "AccessDenied",
            "ThrottlingError",
            "ItemCollectionSizeLimitExceeded",
            "SomethingNew",
        ] {
            for message in [None, Some(String::new()), Some(" ".to_owned())] {
                let given = CancellationReason {
                    code: code.to_owned(),
                    message,
                    item: None,
                };
                assert!(reason(&given).unwrap().message().len() > 10, "{code}");
            }
        }
    }

    #[test]
    fn an_item_takes_part_once_however_its_key_is_written() {
        let mut transaction = Transaction::default();
        put(&mut transaction, r#"{"a":{"N":"5"},"b":{"S":"x"}}"#).unwrap();
        put(&mut transaction, r#"{"a":{"N":"6"},"b":{"S":"x"}}"#).unwrap();
        transaction
            .add(
                Verb::Delete,
                "u",
                br#"{"a":{"N":"5"},"b":{"S":"x"}}"#,
                b"{}".to_vec(),
            )
            .unwrap();

        let error = put(&mut transaction, r#"{"b":{"S":"x"}, "a":{"N":"5.0"}}"#).unwrap_err();

        assert_eq!(
            error.message(),
            "operation [0] of this transaction is on the same item: an item can take part only once"
        );
    }

    #[test]
    fn the_limits_are_checked() {
        let mut transaction = Transaction::default();
        for number in 0..MAX_OPERATIONS {
            put(&mut transaction, &format!(r#"{{"a":{{"N":"{number}"}}}}"#)).unwrap();
        }
        assert!(
            put(&mut transaction, r#"{"a":{"N":"-1"}}"#)
                .unwrap_err()
                .message()
                .contains("at most 100 operations")
        );

        let mut large = Transaction::default();
        let error = large
            .add(Verb::Put, "t", b"{}", vec![b' '; MAX_SIZE + 1])
            .unwrap_err();
        assert!(error.message().contains("at most 4194304 bytes"));
    }

    #[test]
    fn a_token_is_the_callers_or_new() {
        let sealed = Transaction::default().seal(Some("mine")).unwrap();
        assert_eq!((sealed.token.as_str(), sealed.own_token), ("mine", None));

        let (one, two) = (
            Transaction::default().seal(None).unwrap(),
            Transaction::default().seal(None).unwrap(),
        );
        assert_ne!(one.token, two.token);
        let at = one.own_token.unwrap();
        assert_eq!(&one.body[at..at + 36], one.token.as_bytes());

        for wrong in ["", &"x".repeat(37)] {
            assert!(Transaction::default().seal(Some(wrong)).is_err());
        }
    }

    #[test]
    fn a_reason_is_an_error_of_its_own() {
        let of = |code: &str| {
            reason(&CancellationReason {
                code: code.to_owned(),
                ..CancellationReason::default()
            })
            .map(|error| error.kind().clone())
        };

        assert_eq!(of("None"), None);
        assert_eq!(
            of("ConditionalCheckFailed"),
            Some(ErrorKind::ConditionFailed { item: None })
        );
        assert_eq!(
            of("TransactionConflict"),
            Some(ErrorKind::TransactionConflict)
        );
        assert_eq!(of("ValidationError"), Some(ErrorKind::InvalidRequest));
        assert_eq!(
            of("DuplicateItem"),
            Some(ErrorKind::ItemAlreadyExists { item: None })
        );
        assert_eq!(of("ResourceNotFound"), Some(ErrorKind::TableNotFound));
        assert_eq!(of("AccessDenied"), Some(ErrorKind::AccessDenied));
        assert!(matches!(
            of("RequestLimitExceeded"),
            Some(ErrorKind::Throttling { .. })
        ));
        assert_eq!(
            of("ItemCollectionSizeLimitExceeded"),
            Some(ErrorKind::Request)
        );
    }
}
