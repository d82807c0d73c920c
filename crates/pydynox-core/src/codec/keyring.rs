//! Keyrings: the interface to the source of data keys, and the types that pass through it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};

/// A keyring operation in progress.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A key of 256 bits that values are encrypted with; never shown, wiped when it is dropped.
///
/// ```
/// use pydynox_core::codec::DataKey;
///
/// let key = DataKey::new(&mut [7; 32]);
/// assert_eq!(format!("{key:?}"), "DataKey(..)");
/// ```
pub struct DataKey(Box<Zeroizing<[u8; 32]>>); // in a box, so that no move leaves a copy behind

impl DataKey {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// Takes over a key and wipes the original.
    pub fn new(bytes: &mut [u8; Self::LENGTH]) -> Self {
        let mut key = Self::empty();
        key.0.copy_from_slice(bytes.as_slice());
        zeroize::Zeroize::zeroize(bytes);
        key
    }

    /// A key whose length has not been checked yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: it is not 32 bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Self::empty();
        if bytes.len() != Self::LENGTH {
            let message = format!("a key must have 32 bytes; got {}", bytes.len());
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    fn empty() -> Self {
        // Zeros first: a box that is made from the key could leave a copy of it on the stack.
        Self(Box::new(Zeroizing::new([0; Self::LENGTH])))
    }

    /// The key itself, for code that wraps or uses it.
    pub fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// A data key, its wrapped form, and the key that wrapped it.
#[derive(Debug)]
pub struct WrappedKey {
    /// The keyring's name for the key that wrapped it: 1 to 255 bytes.
    pub key_ref: Box<str>,
    /// The data key.
    pub key: DataKey,
    /// The data key as stored next to what it encrypts: 1 to 65,535 bytes.
    pub wrapped: Box<[u8]>,
}

impl WrappedKey {
    /// Whether it fits in an envelope.
    pub(super) fn check(&self) -> Result<(), Error> {
        let (name, length, limit) = if self.key_ref.is_empty() || self.key_ref.len() > 255 {
            ("name of the key", self.key_ref.len(), 255)
        } else if self.wrapped.is_empty() || self.wrapped.len() > 65_535 {
            ("wrapped data key", self.wrapped.len(), 65_535)
        } else {
            return Ok(());
        };
        let message =
            format!("the keyring returned a {name} of {length} bytes; it must have 1 to {limit}");
        Err(Error::new(ErrorKind::Configuration, message))
    }
}

/// What a keyring binds data keys to: names and values, not secret.
///
/// `pydynox:table` is the logical name of the table, `pydynox:v` is `1`; the caller's own pairs are added.
#[derive(Debug, Clone)]
pub struct KeyContext {
    pairs: BTreeMap<Box<str>, Box<str>>,
    /// All pairs, each part preceded by its length: what distinguishes contexts.
    bytes: Box<[u8]>,
}

impl KeyContext {
    /// The context of a table.
    pub fn new(table: &str) -> Self {
        Self::of(BTreeMap::from([
            ("pydynox:table".into(), table.into()),
            ("pydynox:v".into(), "1".into()),
        ]))
    }

    fn of(pairs: BTreeMap<Box<str>, Box<str>>) -> Self {
        let mut bytes = Vec::new();
        for part in pairs.iter().flat_map(|(name, value)| [name, value]) {
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self {
            pairs,
            bytes: bytes.into(),
        }
    }

    /// The same with one of the caller's own pairs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`]: the name is empty or reserved.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, Error> {
        if name.is_empty() || name.starts_with("pydynox:") {
            let message = format!(
                "the encryption context has the name {name:?}; a name must not be empty or begin with 'pydynox:'"
            );
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        self.pairs.insert(name.into(), value.into());
        Ok(Self::of(self.pairs))
    }

    /// The pairs, sorted by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// All pairs as bytes, each part preceded by its length as a u32: input that a wrapping can authenticate.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for KeyContext {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for KeyContext {}

impl Hash for KeyContext {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// Generates data keys and unwraps them. Caching and single flight are left to [`DataKeys`](super::DataKeys).
///
/// A wrapping must be bound to its context: `unwrap` with another one must fail.
pub trait Keyring: Send + Sync + 'static {
    /// A new data key, wrapped by the newest key.
    ///
    /// Errors of a service that could not be reached indicate whether a retry may help.
    fn generate_data_key<'a>(&'a self, context: &'a KeyContext) -> Pending<'a, WrappedKey>;

    /// The data key that the key with this name wrapped in this context.
    ///
    /// What cannot be unwrapped is [`ErrorKind::Encryption`], made by [`cannot_open`], whatever the reason.
    fn unwrap<'a>(
        &'a self,
        key_ref: &'a str,
        wrapped: &'a [u8],
        context: &'a KeyContext,
    ) -> Pending<'a, DataKey>;

    /// Bytes of the newest key's name, and of a key that it wraps; used before the first data key is generated.
    fn lengths(&self) -> (usize, usize) {
        (KMS_ARN, KMS_WRAPPED)
    }
}

/// Bytes of the ARN of a KMS key.
const KMS_ARN: usize = 75;
/// Bytes of a data key wrapped by a symmetric KMS key, as in
/// <https://docs.aws.amazon.com/cli/latest/reference/kms/generate-data-key.html>.
pub const KMS_WRAPPED: usize = 167;

/// The error of a value that cannot be opened: the same for every reason, so that it does not reveal which check failed.
pub fn cannot_open() -> Error {
    Error::new(
        ErrorKind::Encryption,
        "the stored value cannot be opened: it is plaintext, was changed or moved, or was encrypted with a key that the keyring does not have",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keys_are_not_shown_and_wiped_where_they_were() {
        let mut bytes = [7; 32];

        let key = DataKey::new(&mut bytes);

        assert_eq!((bytes, key.bytes()), ([0; 32], &[7; 32]));
        let wrapped = WrappedKey {
            key_ref: "k".into(),
            key,
            wrapped: [1].into(),
        };
        assert!(!format!("{wrapped:?}").contains('7'));
        assert!(
            DataKey::from_slice(&[7; 31])
                .unwrap_err()
                .message()
                .contains("got 31")
        );
    }

    #[test]
    fn a_context_holds_the_table_and_no_name_of_ours_from_elsewhere() {
        let context = KeyContext::new("users").with("app", "crm").unwrap();

        assert_eq!(
            context.pairs().collect::<Vec<_>>(),
            [
                ("app", "crm"),
                ("pydynox:table", "users"),
                ("pydynox:v", "1")
            ]
        );
        for name in ["", "pydynox:table", "pydynox:x"] {
            let error = KeyContext::new("users").with(name, "x").unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration);
        }
        let other = KeyContext::new("users").with("appc", "rm").unwrap();
        assert_ne!(context, other);
    }

    #[test]
    fn what_an_envelope_has_no_room_for_is_refused() {
        let key = |key_ref: usize, wrapped: usize| WrappedKey {
            key_ref: "k".repeat(key_ref).into(),
            key: DataKey::new(&mut [0; 32]),
            wrapped: vec![0; wrapped].into(),
        };

        assert!(key(255, 65_535).check().is_ok());
        for (key_ref, wrapped) in [(0, 1), (256, 1), (1, 0), (1, 65_536)] {
            let error = key(key_ref, wrapped).check().unwrap_err();
            assert_eq!(error.kind(), &ErrorKind::Configuration);
        }
    }
}
