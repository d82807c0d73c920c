//! Kinds of errors, as far as a program tells them apart.

use bytes::Bytes;

/// What went wrong, to the detail that a program can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of the client is wrong or missing.
    Configuration,
    /// A value was refused before anything was sent.
    Validation,
    /// A cursor is forged, expired, or from another query.
    Cursor,
    /// A value cannot be converted to, or from, its stored form.
    Serialization,
    /// An encrypted value cannot be opened, or there is plaintext where ciphertext is declared.
    Encryption,
    /// The item is larger than `DynamoDB` accepts; refused before anything was sent.
    ItemTooLarge {
        /// Size of the item in bytes, as `DynamoDB` counts it.
        size: usize,
        /// The largest accepted size.
        limit: usize,
        /// The largest attributes, by name and size.
        largest: Vec<(String, usize)>,
    },
    /// An item that a write should create already exists.
    ItemAlreadyExists {
        /// JSON text of the stored `Item` map, if the service sent it.
        item: Option<Bytes>,
    },
    /// A loaded item that a write should change no longer exists.
    ItemVanished,
    /// There is no such item.
    ItemNotFound,
    /// The condition of a write was false.
    ConditionFailed {
        /// JSON text of the stored `Item` map, if the service sent it.
        item: Option<Bytes>,
    },
    /// Another writer has changed the item since it was read.
    VersionConflict {
        /// JSON text of the stored `Item` map, if the service sent it.
        item: Option<Bytes>,
    },
    /// Another item holds a value that must be unique.
    UniqueConstraint {
        /// JSON text of the guard item, if the service sent it.
        item: Option<Bytes>,
    },
    /// There is no such table (or other resource).
    TableNotFound,
    /// The service refused the request because of its rate.
    Throttling {
        /// `(reason, resource)` pairs as the service sent them.
        reasons: Vec<(String, String)>,
    },
    /// The operation did not finish before its deadline.
    Timeout,
    /// The connection could not be made, or it broke.
    ConnectionFailed,
    /// Credentials are missing, expired or not accepted.
    Credentials,
    /// The credentials are good but do not allow this.
    AccessDenied,
    /// The service says that the request is malformed.
    InvalidRequest,
    /// The answer cannot be parsed.
    InvalidResponse,
    /// A transaction was not applied.
    TransactionCanceled {
        /// One reason per operation of the transaction, in order.
        reasons: Vec<CancellationReason>,
    },
    /// Another transaction is in progress on the same item.
    TransactionConflict,
    /// The token was already used with another request.
    TransactionTokenReused,
    /// Another holder has a lock.
    LockNotAcquired,
    /// It is unknown whether the write was applied.
    WriteOutcomeUnknown,
    /// The caller's own budget for a block is used up; nothing was sent.
    BudgetExceeded {
        /// The places in the program that made calls and how many each made, the highest count first.
        sites: Vec<(String, u64)>,
    },
    /// The call was only explained; nothing was sent.
    Explained,
    /// A bug in pydynox.
    Internal,
    /// Any other answer of the service.
    Request,
}

/// Why one operation of a transaction prevented the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CancellationReason {
    /// Code of the reason; the text `None` when this operation was not at fault.
    pub code: String,
    /// What the service says about it.
    pub message: Option<String>,
    /// JSON text of the stored `Item` map, if the service sent it.
    pub item: Option<Bytes>,
}
