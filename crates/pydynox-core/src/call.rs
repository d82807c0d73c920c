//! Calls: a request as the client sends it, and its answer; whether it may be sent again, and what a failed guard means.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::codec::{Opened, Sealed};
use crate::error::{Error, ErrorKind};
use crate::retry::proof::Proof;
use crate::transport::Operation;

/// May this write be sent again after an attempt that may have been applied?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resend {
    /// Reads, and writes that have the same effect when applied twice.
    Always,
    /// The write falsifies its own guard, so it cannot be applied twice.
    OwnGuard,
    /// The request carries a token by which the service recognizes it.
    Token,
    /// No.
    Never,
}

/// The intent of the caller, which decides what a failed guard means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Intent {
    /// A failed guard is a failed condition.
    #[default]
    Plain,
    /// A failed guard means that the item already exists.
    Create,
    /// The same, unless no item came back: then it was the caller's condition that failed.
    CreateIf,
    /// A failed guard means that the item is gone or, if an item came back, that another condition failed.
    Save,
    /// A failed guard means that there is no such item or, if an item came back, that another condition failed.
    Existing,
    /// Nothing is written, whatever the operation can do.
    Read,
}

impl Intent {
    /// What a failed guard means to the caller; `item` is the stored one, if it came back.
    pub fn failed_guard(self, item: Option<Bytes>) -> ErrorKind {
        // With ALL_OLD the service returns the stored item if there is one, so None means that no item has the key.
        match (self, item) {
            (Self::Create, item) | (Self::CreateIf, item @ Some(_)) => {
                ErrorKind::ItemAlreadyExists { item }
            }
            (Self::Save, None) => ErrorKind::ItemVanished,
            (Self::Existing, None) => ErrorKind::ItemNotFound,
            (_, item) => ErrorKind::ConditionFailed { item },
        }
    }
}

/// Operations that set a value, and so have the same effect when applied twice.
const SETTERS: [&str; 3] = ["TagResource", "UntagResource", "UpdateContinuousBackups"];

/// How one request is sent, and what its failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Whether a write may be sent again after an ambiguous attempt.
    pub resend: Resend,
    /// What a failed guard means.
    pub intent: Intent,
    /// Distinguishes this write's own item from those of others; most calls have none.
    pub proof: Option<Box<Proof>>,
}

impl Terms {
    const fn new(resend: Resend, intent: Intent) -> Self {
        Self {
            resend,
            intent,
            proof: None,
        }
    }

    /// For what may be sent again whatever the outcome was: reads, and writes that are the same twice.
    #[inline]
    pub const fn idempotent() -> Self {
        Self::new(Resend::Always, Intent::Plain)
    }

    /// For a transaction, and for each operation in it that does not write an item.
    pub const fn transaction() -> Self {
        Self::new(Resend::Token, Intent::Plain)
    }

    /// For any operation in the service's own JSON; `has_token`: whether a token lets the service recognize the request.
    pub fn of_request(operation: &Operation, has_token: bool) -> Self {
        let resend = if operation.is_read() {
            Resend::Always
        } else if has_token {
            Resend::Token
        } else {
            Resend::Never
        };
        Self::new(resend, Intent::Plain)
    }

    /// For an operation that administers a table.
    pub fn of_administration(operation: &Operation) -> Self {
        // A second CreateTable or DeleteTable fails, so it would report an error for what the first one did.
        let resend = if operation.is_read() || SETTERS.contains(&operation.name()) {
            Resend::Always
        } else {
            Resend::Never
        };
        Self::new(resend, Intent::Plain)
    }

    /// For separate `PartiQL` statements: it is unknown what a write does when it is applied twice.
    pub const fn of_statements(read: bool) -> Self {
        if read {
            Self::new(Resend::Always, Intent::Read)
        } else {
            Self::new(Resend::Never, Intent::Plain)
        }
    }

    /// For a transaction of `PartiQL` statements.
    pub const fn of_statements_together(read: bool) -> Self {
        if read {
            Self::of_statements(read)
        } else {
            Self::transaction()
        }
    }

    /// The error of an operation in a transaction, as if the operation had been sent alone.
    #[must_use]
    pub fn name(&self, error: Error) -> Error {
        let error = match error.kind() {
            ErrorKind::ConditionFailed { item } => {
                let kind = self.intent.failed_guard(item.clone());
                error.with_kind(kind)
            }
            _ => error,
        };
        match &self.proof {
            Some(proof) => proof.name(error),
            None => error,
        }
    }
}

/// One request of a caller.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The table, for errors and waiters.
    pub table: Arc<str>,
    /// The JSON body; every attempt sends the same bytes.
    pub body: Bytes,
    /// Whether a write may be sent again after an ambiguous attempt.
    pub resend: Resend,
    /// What a failed guard means.
    pub intent: Intent,
    /// Distinguishes this write's own item from those of others; most calls have none.
    pub proof: Option<Box<Proof>>,
    /// The offset in the body of a generated token of 36 characters, so that a new one can replace it.
    pub own_token: Option<usize>,
    /// Replaces the client's timeout for this call; `Duration::MAX` waits forever, zero expires before anything is sent.
    pub timeout: Option<Duration>,
}

/// A well-formed answer of the service.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JSON body.
    pub body: Bytes,
    /// The service's id for the request.
    pub request_id: Option<Box<str>>,
    /// How many attempts it took.
    pub attempts: u32,
    /// The operation.
    pub operation: Operation,
    /// Its table.
    pub table: Arc<str>,
    /// In an answer that is one item, the values that were plaintext where they should have been encrypted: 0, and the
    /// attribute by its index in the protected schema.
    pub migrated: Vec<(usize, usize)>,
    /// In an answer of several items, those to open as they are taken.
    pub sealed: Option<Arc<Sealed>>,
    /// Items that were opened in advance.
    pub opened: Option<Arc<Opened>>,
}

impl Answer {
    /// One item of several, by its number and its place, ready to decode.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or was not, because the items before it are too large.
    pub fn item(&self, number: usize, place: Range<usize>) -> Result<Bytes, Error> {
        let opened = match (&self.sealed, &self.opened) {
            (None, _) => return Ok(self.body.slice(place)),
            // Items at `until` and later are closed: the ones before them have used up the limit.
            (Some(_), Some(opened)) if number < opened.until() => opened,
            _ => return Err(too_much_at_once()),
        };
        match opened.item(number) {
            None => Ok(self.body.slice(place)),
            Some(Ok(item)) => Ok(item),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// The values of one item of several that were plaintext.
    pub fn migrated_of(&self, number: usize) -> impl Iterator<Item = usize> {
        let opened = self.opened.iter().flat_map(|opened| opened.migrated());
        opened
            .filter(move |(item, _)| *item == number)
            .map(|(_, attribute)| *attribute)
    }
}

fn too_much_at_once() -> Error {
    Error::new(
        ErrorKind::Serialization,
        "the protected values of this response decompress to more bytes than the client holds in memory at a time: read fewer items at a time, or raise the limit with DynamoDBClient(max_decompressed=...)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_failed_guard(terms: &Terms, item: Option<Bytes>) -> ErrorKind {
        let error = Error::new(ErrorKind::ConditionFailed { item }, "no");
        terms.name(error).kind().clone()
    }

    #[test]
    fn a_read_in_the_services_own_json_is_sent_again_and_a_write_only_by_its_token() {
        let of = |operation: &Operation, has_token| Terms::of_request(operation, has_token).resend;

        assert_eq!(of(&Operation::GetItem, false), Resend::Always);
        assert_eq!(of(&Operation::PutItem, false), Resend::Never);
        assert_eq!(of(&Operation::TransactWriteItems, true), Resend::Token);
    }

    #[test]
    fn a_table_is_not_made_twice_but_a_setting_may_be_set_twice() {
        let of =
            |operation: &str| Terms::of_administration(&Operation::from_name(operation)).resend;

        assert_eq!(of("CreateTable"), Resend::Never);
        assert_eq!(of("DescribeTable"), Resend::Always);
        for setter in SETTERS {
            assert_eq!(of(setter), Resend::Always);
        }
    }

    #[test]
    fn a_statement_that_writes_is_never_sent_again() {
        assert_eq!(Terms::of_statements(false).resend, Resend::Never);
        assert_eq!(Terms::of_statements(true).intent, Intent::Read);
    }

    #[test]
    fn statements_that_write_together_have_a_token() {
        assert_eq!(Terms::of_statements_together(false), Terms::transaction());
        let read = Terms::of_statements_together(true);
        assert_eq!((read.resend, read.intent), (Resend::Always, Intent::Read));
    }

    #[test]
    fn a_failed_guard_in_a_transaction_means_what_it_means_alone() {
        let item = Some(Bytes::from_static(b"{}"));
        let of = |intent| Terms::new(Resend::Always, intent);

        assert_eq!(
            of_failed_guard(&of(Intent::Create), None),
            ErrorKind::ItemAlreadyExists { item: None }
        );
        assert_eq!(
            of_failed_guard(&of(Intent::CreateIf), None),
            ErrorKind::ConditionFailed { item: None }
        );
        assert_eq!(
            of_failed_guard(&of(Intent::CreateIf), item.clone()),
            ErrorKind::ItemAlreadyExists { item: item.clone() }
        );
        assert_eq!(
            of_failed_guard(&of(Intent::Save), None),
            ErrorKind::ItemVanished
        );
        assert_eq!(
            of_failed_guard(&of(Intent::Existing), None),
            ErrorKind::ItemNotFound
        );
        assert_eq!(
            of_failed_guard(&of(Intent::Existing), item.clone()),
            ErrorKind::ConditionFailed { item }
        );
    }

    #[test]
    fn an_error_that_is_no_failed_guard_stays_as_it_is() {
        let error = Error::new(ErrorKind::TransactionConflict, "busy");
        let named = Terms::new(Resend::Always, Intent::Create).name(error);
        assert_eq!(named.kind(), &ErrorKind::TransactionConflict);
    }
}
