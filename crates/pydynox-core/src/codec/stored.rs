//! Stored forms: what is stored where a protected value is declared.

use super::compression::is_compressed;
use super::envelope::is_envelope;
use super::keyring::cannot_open;
use super::protected::{OnPlaintext, ProtectedAttribute};
use crate::error::Error;
use crate::wire::{Reader, Tag, WireError};

/// What is stored where a protected value is declared.
pub(super) enum Stored {
    /// The compressed form of an attribute that is not encrypted, or not yet.
    Compressed(Vec<u8>),
    /// Bytes that claim to be an envelope.
    Envelope(Vec<u8>),
    /// A value of its own type.
    Plain(Tag),
}

impl Stored {
    /// Consumes a value.
    pub(super) fn read(
        attribute: &ProtectedAttribute,
        reader: &mut Reader<'_>,
    ) -> Result<Self, WireError> {
        let mut ahead = reader.clone();
        let tag = ahead.begin_value()?;
        if tag != Tag::B {
            reader.skip()?;
            return Ok(Self::Plain(tag));
        }
        let bytes = ahead.binary()?;
        ahead.end_value()?;
        *reader = ahead;
        Ok(if attribute.encryption.is_some() && is_envelope(&bytes) {
            Self::Envelope(bytes)
        } else if is_compressed(&bytes) {
            Self::Compressed(bytes)
        } else {
            Self::Plain(tag)
        })
    }

    /// Plaintext is refused where ciphertext is declared, unless the class allows it.
    pub(super) fn check(&self, attribute: &ProtectedAttribute) -> Result<(), Error> {
        match (self, attribute.encryption) {
            (Self::Plain(_) | Self::Compressed(_), Some(OnPlaintext::Error)) => Err(cannot_open()),
            _ => Ok(()),
        }
    }
}
