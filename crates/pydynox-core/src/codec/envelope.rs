//! Envelopes: the bytes of an encrypted value.
//!
//! ```text
//! magic 0xD9 0x70 | version u8 = 1 | suite u8 = 1 | flags u8 (bit 0: compressed)
//! key_ref_len u8, key_ref | wrapped_key_len u16, wrapped_key | salt 32 | commitment 32 | nonce 12 | ciphertext | tag 16
//! ```
//!
//! Numbers are big-endian. The associated data is a sequence of fields, each preceded by its length as a u32, in this order:
//! the text `pydynox-aad`, version, suite, `key_ref`, the logical name of the table, name, type and value of the partition
//! key, name, type and value of the sort key (three empty fields if there is none), the attribute's name, the type of the
//! value, flags. Version, suite and flags are one byte each. A key's value is its text, its bytes, or the canonical text of a
//! number.

/// The first bytes of an envelope.
pub const MAGIC: [u8; 2] = [0xd9, 0x70];
/// The only version.
pub const VERSION: u8 = 1;
/// AES-256-GCM, with keys from HKDF-SHA-512 and a commitment by HMAC-SHA-384.
pub const SUITE: u8 = 1;
/// The flag for compressed content.
pub const COMPRESSED: u8 = 1;

/// Bytes of the salt.
pub const SALT: usize = 32;
/// Bytes of the commitment.
pub const COMMITMENT: usize = 32;
/// Bytes of the nonce.
pub const NONCE: usize = 12;
/// Bytes of the tag.
pub const TAG: usize = 16;

/// The bytes are not an envelope of a known version, suite and form; no details are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// An envelope, borrowed from its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Everything before the commitment, which covers it.
    pub header: &'a [u8],
    /// The flags; only [`COMPRESSED`] is defined.
    pub flags: u8,
    /// Names the key that wrapped the data key.
    pub key_ref: &'a str,
    /// The data key as its keyring wrapped it.
    pub wrapped_key: &'a [u8],
    /// The salt that this value's keys are derived with.
    pub salt: &'a [u8; SALT],
    /// Identifies the data key.
    pub commitment: &'a [u8; COMMITMENT],
    /// The nonce.
    pub nonce: &'a [u8; NONCE],
    /// The content, encrypted.
    pub ciphertext: &'a [u8],
    /// Proves that nothing was changed.
    pub tag: &'a [u8; TAG],
}

/// Maximum overhead of an envelope.
pub const MOST_OVERHEAD: usize = overhead(u8::MAX as usize, u16::MAX as usize);

/// Bytes of an envelope in addition to its content.
pub const fn overhead(key_ref: usize, wrapped_key: usize) -> usize {
    MAGIC.len() + 3 + 1 + key_ref + 2 + wrapped_key + SALT + COMMITMENT + NONCE + TAG
}

/// Whether bytes claim to be an envelope.
pub fn is_envelope(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

impl<'a> Envelope<'a> {
    /// Reads an envelope; nothing is copied.
    ///
    /// # Errors
    ///
    /// The bytes are not one.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(bytes).ok_or(Malformed)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (&[version, suite, flags, length], rest) = rest.split_first_chunk()?;
        // An unknown flag may change what the content means, so it is refused like an unknown version.
        if version != VERSION || suite != SUITE || flags & !COMPRESSED != 0 {
            return None;
        }
        let (key_ref, rest) = rest.split_at_checked(usize::from(length))?;
        let key_ref = std::str::from_utf8(key_ref).ok()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (wrapped_key, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (salt, rest) = rest.split_first_chunk()?;
        let header = bytes.get(..bytes.len() - rest.len())?;
        let (commitment, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        if key_ref.is_empty() || wrapped_key.is_empty() {
            return None;
        }
        Some(Self {
            header,
            flags,
            key_ref,
            wrapped_key,
            salt,
            commitment,
            nonce,
            ciphertext,
            tag,
        })
    }
}

/// Appends the part of an envelope before the commitment; `None`, with nothing appended, if a length does not fit.
pub(super) fn write_header(
    flags: u8,
    key_ref: &str,
    wrapped_key: &[u8],
    salt: &[u8; SALT],
    to: &mut Vec<u8>,
) -> Option<()> {
    let key_ref_length = u8::try_from(key_ref.len())
        .ok()
        .filter(|length| *length > 0)?;
    let wrapped_length = u16::try_from(wrapped_key.len())
        .ok()
        .filter(|length| *length > 0)?;
    to.extend_from_slice(&MAGIC);
    to.extend_from_slice(&[VERSION, SUITE, flags, key_ref_length]);
    to.extend_from_slice(key_ref.as_bytes());
    to.extend_from_slice(&wrapped_length.to_be_bytes());
    to.extend_from_slice(wrapped_key);
    to.extend_from_slice(salt);
    Some(())
}

/// A part of an item's key: name, type and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPart<'a> {
    /// The name under which it is stored.
    pub name: &'a str,
    /// `S`, `N` or `B`.
    pub key_type: &'a str,
    /// Text, bytes, or the canonical text of a number.
    pub value: &'a [u8],
}

/// Where a value belongs: moving it elsewhere makes it unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The logical name of the table.
    pub table: &'a str,
    /// The partition key of the item.
    pub partition_key: KeyPart<'a>,
    /// Its sort key, if it has one.
    pub sort_key: Option<KeyPart<'a>>,
    /// The name under which the attribute is stored.
    pub attribute: &'a str,
    /// The type of the value, by its wire name.
    pub value_type: &'a str,
}

impl Binding<'_> {
    /// The associated data of an envelope with these flags and this key.
    pub fn associated_data(&self, flags: u8, key_ref: &str) -> Vec<u8> {
        let none = KeyPart {
            name: "",
            key_type: "",
            value: b"",
        };
        let sort_key = self.sort_key.unwrap_or(none);
        let fields: [&[u8]; 13] = [
            b"pydynox-aad",
            &[VERSION],
            &[SUITE],
            key_ref.as_bytes(),
            self.table.as_bytes(),
            self.partition_key.name.as_bytes(),
            self.partition_key.key_type.as_bytes(),
            self.partition_key.value,
            sort_key.name.as_bytes(),
            sort_key.key_type.as_bytes(),
            sort_key.value,
            self.attribute.as_bytes(),
            self.value_type.as_bytes(),
        ];
        let length: usize = fields.iter().map(|field| field.len() + 4).sum();
        let mut data = Vec::with_capacity(length + 5);
        for field in fields {
            // DynamoDB's limits keep keys and names shorter; a table's logical name is checked.
            data.extend_from_slice(&(field.len() as u32).to_be_bytes());
            data.extend_from_slice(field);
        }
        data.extend_from_slice(&1_u32.to_be_bytes());
        data.push(flags);
        data
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn written(flags: u8, key_ref: &str, wrapped_key: &[u8], content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_header(flags, key_ref, wrapped_key, &[1; SALT], &mut bytes).unwrap();
        bytes.extend_from_slice(&[2; COMMITMENT]);
        bytes.extend_from_slice(&[3; NONCE]);
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&[4; TAG]);
        bytes
    }

    #[test]
    fn an_envelope_is_read_as_it_was_written() {
        let bytes = written(COMPRESSED, "k1", b"wrapped", b"content");

        let envelope = Envelope::parse(&bytes).unwrap();

        assert_eq!(bytes.len(), overhead(2, 7) + 7);
        assert_eq!(envelope.header, &bytes[..5 + 1 + 2 + 2 + 7 + 32]);
        assert_eq!(envelope.flags, COMPRESSED);
        assert_eq!(envelope.key_ref, "k1");
        assert_eq!(envelope.wrapped_key, b"wrapped");
        assert_eq!(envelope.salt, &[1; SALT]);
        assert_eq!(envelope.commitment, &[2; COMMITMENT]);
        assert_eq!(envelope.nonce, &[3; NONCE]);
        assert_eq!(envelope.ciphertext, b"content");
        assert_eq!(envelope.tag, &[4; TAG]);
    }

    #[test]
    fn an_envelope_that_ends_early_or_is_of_another_form_is_refused() {
        let good = written(0, "k1", b"wrapped", b"");
        assert!(Envelope::parse(&good).is_ok());

        for end in 0..good.len() {
            assert_eq!(Envelope::parse(&good[..end]), Err(Malformed), "{end}");
        }
        for (at, byte) in [(0, 0), (1, 0x7a), (2, 2), (2, 0), (3, 2), (4, 2), (4, 0x80)] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            assert_eq!(Envelope::parse(&bytes), Err(Malformed), "{at}");
        }
        let mut no_text = good.clone();
        no_text[6] = 0xff;
        assert_eq!(Envelope::parse(&no_text), Err(Malformed));
        let no_key_ref = [&good[..5], &[0], &good[8..]].concat();
        assert_eq!(Envelope::parse(&no_key_ref), Err(Malformed));
        let no_key = [&good[..8], &[0, 0], &good[17..]].concat();
        assert_eq!(Envelope::parse(&no_key), Err(Malformed));
    }

    #[test]
    fn lengths_that_do_not_fit_are_not_written() {
        let mut bytes = Vec::new();
        for (key_ref, wrapped) in [
            ("", &b"w"[..]),
            (&"k".repeat(256), b"w"),
            ("k", b""),
            ("k", &vec![0; 65_536]),
        ] {
            assert_eq!(
                write_header(0, key_ref, wrapped, &[0; SALT], &mut bytes),
                None
            );
        }
        assert!(bytes.is_empty());
        let longest = written(0, &"k".repeat(255), &vec![0; 65_535], b"");
        assert!(Envelope::parse(&longest).is_ok());
    }

    #[test]
    fn associated_data_differ_in_whatever_a_value_is_bound_to() {
        let key = |name, key_type, value| KeyPart {
            name,
            key_type,
            value,
        };
        let base = Binding {
            table: "users",
            partition_key: key("id", "S", b"u1"),
            sort_key: None,
            attribute: "ssn",
            value_type: "S",
        };
        let sorted = |value| Binding {
            sort_key: Some(key("at", "N", value)),
            ..base
        };
        let bindings = [
            base,
            Binding {
                table: "user",
                ..base
            },
            Binding {
                partition_key: key("id", "S", b"u2"),
                ..base
            },
            Binding {
                partition_key: key("id", "B", b"u1"),
                ..base
            },
            Binding {
                partition_key: key("i", "S", b"du1"),
                ..base
            },
            Binding {
                attribute: "ssm",
                ..base
            },
            Binding {
                value_type: "B",
                ..base
            },
            sorted(b"1"),
            sorted(b"2"),
            sorted(b""),
        ];

        let mut all = HashSet::new();
        for binding in bindings {
            assert!(all.insert(binding.associated_data(0, "k1")));
        }
        assert!(all.insert(base.associated_data(COMPRESSED, "k1")));
        assert!(all.insert(base.associated_data(0, "k2")));
    }

    #[test]
    fn associated_data_are_fields_with_their_lengths() {
        let binding = Binding {
            table: "t",
            partition_key: KeyPart {
                name: "p",
                key_type: "N",
                value: b"42",
            },
            sort_key: None,
            attribute: "a",
            value_type: "SS",
        };

        assert_eq!(
            binding.associated_data(1, "k"),
            b"\0\0\0\x0bpydynox-aad\0\0\0\x01\x01\0\0\0\x01\x01\0\0\0\x01k\0\0\0\x01t\0\0\0\x01p\0\0\0\x01N\0\0\0\x0242\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01a\0\0\0\x02SS\0\0\0\x01\x01"
        );
    }

    proptest! {
        #[test]
        fn any_envelope_comes_back(key_ref in "\\PC{1,60}", wrapped in prop::collection::vec(any::<u8>(), 1..300), content in prop::collection::vec(any::<u8>(), 0..100), compressed in any::<bool>()) {
            let bytes = written(u8::from(compressed), &key_ref, &wrapped, &content);

            let envelope = Envelope::parse(&bytes).unwrap();

            prop_assert_eq!(envelope.key_ref, key_ref);
            prop_assert_eq!(envelope.wrapped_key, wrapped);
            prop_assert_eq!(envelope.ciphertext, content);
        }

        #[test]
        fn any_bytes_are_read_or_refused(tail in prop::collection::vec(any::<u8>(), 0..400)) {
            let bytes = [&MAGIC[..], &[VERSION, SUITE, 0], &tail].concat();

            if let Ok(envelope) = Envelope::parse(&bytes) {
                prop_assert_eq!(overhead(envelope.key_ref.len(), envelope.wrapped_key.len()) + envelope.ciphertext.len(), bytes.len());
            }
        }
    }
}
