//! Requests: a body that is ready to be sent, and what is needed to send it.

use std::sync::Arc;

use bytes::Bytes;
use pydynox_core::call::Terms;
use pydynox_core::codec::Protection;
use pydynox_core::limiter::Limiter;
use pydynox_core::transaction::Transaction;
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique::Taken;
use pydynox_core::wire::Writer;

/// A transaction that takes unique values from items that no longer have them.
pub(crate) type Repair = Box<(Transaction, Vec<Taken>)>;

/// One call of a client.
pub(crate) struct Request {
    pub(crate) operation: Name,
    pub(crate) table: String,
    pub(crate) body: Bytes,
    /// How it is sent, and what its failure means.
    pub(crate) terms: Terms,
    pub(crate) own_token: Option<usize>,
    pub(crate) protection: Option<Arc<Protection>>,
    /// For a transaction that may have to be sent in another form.
    pub(crate) repair: Option<Repair>,
    /// For a call that keeps to a pace.
    pub(crate) pace: Option<Arc<Limiter>>,
}

impl Request {
    /// A call that is safe to resend: a read, or a write with the same effect twice.
    pub(crate) fn idempotent(operation: Name, table: String, body: Writer) -> Self {
        Self {
            operation,
            table,
            body: body.into_bytes().into(),
            terms: Terms::idempotent(),
            own_token: None,
            protection: None,
            repair: None,
            pace: None,
        }
    }
}
