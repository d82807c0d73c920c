//! Why a stored value cannot be read.

use pydynox_core::wire::{Tag, WireError};
use pyo3::prelude::*;

use crate::exceptions::{malformed, misfit};
use crate::values::kind::Kind;
use crate::values::scalar::Unfit;

/// Why a stored value cannot be read.
pub(crate) enum Unreadable {
    /// The body is not what DynamoDB's protocol allows.
    Malformed(WireError),
    /// The value is well formed but not of the declared type: the place in it, and the problem.
    Misfit { place: String, what: String },
    /// Python raised an exception.
    Python(PyErr),
}

impl From<WireError> for Unreadable {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

impl From<PyErr> for Unreadable {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Unfit> for Unreadable {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Text(what) => Self::misfit(what),
            Unfit::Python(error) => Self::Python(error),
        }
    }
}

impl Unreadable {
    #[cold]
    pub(crate) fn misfit(what: impl Into<String>) -> Self {
        Self::Misfit {
            place: String::new(),
            what: what.into(),
        }
    }

    #[cold]
    pub(crate) fn within(self, step: &str) -> Self {
        match self {
            Self::Misfit { place, what } => Self::Misfit {
                place: format!("{step}{place}"),
                what,
            },
            other => other,
        }
    }
}

pub(crate) type Read<T> = Result<T, Unreadable>;

/// The exception for a stored value that cannot be read.
pub(crate) fn unreadable(py: Python<'_>, problem: Unreadable, label: &str) -> PyErr {
    match problem {
        Unreadable::Malformed(error) => malformed(py, &error),
        Unreadable::Python(error) => error,
        Unreadable::Misfit { place, what } => misfit(py, "", label, &place, &what),
    }
}

#[cold]
pub(crate) fn wrong_tag(kind: &Kind, tag: Tag) -> Unreadable {
    let declared = match kind.present() {
        Kind::Str | Kind::Time(_) | Kind::Uuid | Kind::Json(_) => "a string (S)",
        Kind::Datetime(_) | Kind::Date(_) => "a string (S) or a number (N)",
        Kind::Int | Kind::Float | Kind::Decimal | Kind::Number | Kind::Timedelta => "a number (N)",
        Kind::Bool => "a boolean (BOOL)",
        Kind::Bytes => "binary (B)",
        Kind::None => "NULL",
        Kind::List(_) | Kind::Tuple(_) | Kind::TupleOf(_) => "a list (L)",
        Kind::Dict(_) | Kind::Record(_) | Kind::Pydantic(_) => "a map (M)",
        Kind::Set(_) | Kind::FrozenSet(_) => "a set (SS, NS, BS)",
        Kind::Enum(members) | Kind::Literal(members) => return wrong_tag(&members.inner, tag),
        Kind::Codec(codec) => return wrong_tag(&codec.inner, tag),
        Kind::Any | Kind::Open | Kind::Optional(_) => "any type",
    };
    let stored = match tag {
        Tag::S => "a string (S)",
        Tag::N => "a number (N)",
        Tag::B => "binary (B)",
        Tag::Bool => "a boolean (BOOL)",
        Tag::Null => "NULL",
        Tag::M => "a map (M)",
        Tag::L => "a list (L)",
        Tag::Ss => "a string set (SS)",
        Tag::Ns => "a number set (NS)",
        Tag::Bs => "a binary set (BS)",
    };
    Unreadable::misfit(format!("the stored value is {stored}, not {declared}"))
}
