//! Operands: one side of a comparison, what compares it, and values in readable form.

use std::fmt;

use super::path::Path;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operand {
    /// What is stored at a path.
    Path(Path),
    /// The size of what is stored at a path.
    Size(Path),
    /// JSON text of an attribute value.
    Value(Box<[u8]>),
}

impl Operand {
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path),
            Self::Value(_) => None,
        }
    }

    pub(super) fn show(&self, f: &mut impl fmt::Write, values: bool) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Size(path) => write!(f, "size({path})"),
            Self::Value(json) if values => f.write_str(&text_of(json)),
            Self::Value(_) => f.write_char('…'),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, false)
    }
}

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparator {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// A function of a path and an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Function {
    /// Whether a string or binary starts with the operand.
    BeginsWith,
    /// Whether a string or binary contains the operand, or a set or list has it as an element.
    Contains,
    /// Whether the value has the type that the operand names, such as `SS`.
    AttributeType,
}

impl Function {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::BeginsWith => "begins_with",
            Self::Contains => "contains",
            Self::AttributeType => "attribute_type",
        }
    }
}

/// A value in readable form: strings quoted, numbers and booleans bare, everything else as `DynamoDB`'s JSON.
pub(super) fn text_of(json: &[u8]) -> String {
    let text = String::from_utf8_lossy(json);
    let inside = |before: &str, after: &str| {
        let rest = text.strip_prefix(before)?;
        rest.strip_suffix(after).map(str::to_owned)
    };
    if text == r#"{"NULL":true}"# {
        return "NULL".to_owned();
    }
    inside(r#"{"S":"#, "}")
        .or_else(|| inside(r#"{"N":""#, r#""}"#))
        .or_else(|| inside(r#"{"BOOL":"#, "}"))
        .unwrap_or_else(|| text.into_owned())
}
