//! Tags: the types of attribute values, and the one key that names each.

/// The type of an attribute value, as its one key names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// String: a JSON string follows.
    S,
    /// Number: a JSON string with the number's text follows.
    N,
    /// Binary: a JSON string in base64 follows.
    B,
    /// Boolean: `true` or `false` follows.
    Bool,
    /// Null: `true` follows.
    Null,
    /// Map: an object of attribute values follows.
    M,
    /// List: an array of attribute values follows.
    L,
    /// String set: an array of strings follows.
    Ss,
    /// Number set: an array of strings with numbers follows.
    Ns,
    /// Binary set: an array of base64 strings follows.
    Bs,
}

impl Tag {
    /// The tag for this key.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "S" => Self::S,
            "N" => Self::N,
            "B" => Self::B,
            "BOOL" => Self::Bool,
            "NULL" => Self::Null,
            "M" => Self::M,
            "L" => Self::L,
            "SS" => Self::Ss,
            "NS" => Self::Ns,
            "BS" => Self::Bs,
            _ => return None,
        })
    }

    /// The key in DynamoDB's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::M => "M",
            Self::L => "L",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }
}

/// The type at the start of an attribute value, and the length of what follows the bracket.
#[inline]
pub(super) fn tag_of(word: u64) -> Option<(Tag, usize)> {
    const ONE: u64 = u64::from_le_bytes(*b"{\"\0\":\0\0\0");
    const ONE_MASK: u64 = u64::from_le_bytes([0xff, 0xff, 0, 0xff, 0xff, 0, 0, 0]);
    const SET: u64 = u64::from_le_bytes(*b"{\"\0S\":\0\0");
    const SET_MASK: u64 = u64::from_le_bytes([0xff, 0xff, 0, 0xff, 0xff, 0xff, 0, 0]);
    const BOOL: u64 = u64::from_le_bytes(*b"{\"BOOL\":");
    const NULL: u64 = u64::from_le_bytes(*b"{\"NULL\":");

    let letter = (word >> 16) as u8;
    if word & ONE_MASK == ONE {
        let tag = match letter {
            b'S' => Tag::S,
            b'N' => Tag::N,
            b'M' => Tag::M,
            b'L' => Tag::L,
            b'B' => Tag::B,
            _ => return None,
        };
        return Some((tag, 4));
    }
    if word == BOOL {
        return Some((Tag::Bool, 7));
    }
    if word == NULL {
        return Some((Tag::Null, 7));
    }
    if word & SET_MASK == SET {
        let tag = match letter {
            b'S' => Tag::Ss,
            b'N' => Tag::Ns,
            b'B' => Tag::Bs,
            _ => return None,
        };
        return Some((tag, 5));
    }
    None
}

/// Whether a value, as pydynox writes it, is a set.
pub fn is_set(json: &[u8]) -> bool {
    [br#"{"SS""#, br#"{"NS""#, br#"{"BS""#]
        .iter()
        .any(|tag| json.starts_with(*tag))
}
