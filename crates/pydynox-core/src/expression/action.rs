//! Action: one change that a caller asks of an item without reading it first, and its text.

use std::fmt;

use super::names::{Names, Values};
use super::operand::text_of;
use super::path::Path;
use crate::error::{Error, ErrorKind};
use crate::wire::Writer;
use crate::wire::marks::is_marked;

/// A value inside an action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// JSON text of an attribute value.
    Value(Box<[u8]>),
    /// What is stored at a path.
    Path(Path),
    /// What is stored at a path, or another value where nothing is stored.
    IfNotExists(Path, Box<Source>),
}

/// What a SET assigns to its path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Term {
    /// One value.
    Source(Source),
    /// The sum of two numbers.
    Plus(Source, Source),
    /// Their difference.
    Minus(Source, Source),
    /// One list after another.
    Append(Source, Source),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verb {
    Set(Term),
    Remove,
    Add(Box<[u8]>),
    Delete(Box<[u8]>),
}

/// What an update does to an attribute as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// No action touches it.
    Untouched,
    /// It gets this value, JSON text of an attribute value.
    Value(&'a [u8]),
    /// It does not exist afterwards.
    Nothing,
    /// It depends on what is stored.
    Unknown,
}

/// One action of an update.
///
/// ```
/// use pydynox_core::expression::action::Action;
/// use pydynox_core::expression::path::Path;
///
/// let action = Action::add(Path::new("age"), br#"{"N":"1"}"#);
/// assert_eq!(action.to_string(), "ADD age …");
/// assert_eq!(action.explain(), "ADD age 1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub(super) path: Path,
    pub(super) verb: Verb,
}

impl Action {
    /// Assigns a value to a path.
    pub fn set(path: Path, term: Term) -> Self {
        Self {
            path,
            verb: Verb::Set(term),
        }
    }

    /// Whether it removes a whole attribute, or assigns it a value that is marked to be protected.
    pub fn suits_protected(&self) -> bool {
        let suits = match &self.verb {
            Verb::Remove => true,
            Verb::Set(Term::Source(Source::Value(value))) => is_marked(value),
            _ => false,
        };
        suits && self.path.steps().len() == 1
    }

    /// Removes what is stored at a path.
    pub fn remove(path: Path) -> Self {
        Self {
            path,
            verb: Verb::Remove,
        }
    }

    /// Adds a number to a stored one, or members to a stored set; a missing value counts as 0 or empty.
    pub fn add(path: Path, json: &[u8]) -> Self {
        // ADD is documented for top-level attributes only.
        // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
        if path.steps().len() > 1 && json.starts_with(br#"{"N":"#) {
            let zero = Source::Value(br#"{"N":"0"}"#.as_slice().into());
            let stored = Source::IfNotExists(path.clone(), Box::new(zero));
            return Self::set(path, Term::Plus(stored, Source::Value(json.into())));
        }
        Self {
            path,
            verb: Verb::Add(json.into()),
        }
    }

    /// Removes members from a stored set.
    pub fn delete(path: Path, json: &[u8]) -> Self {
        Self {
            path,
            verb: Verb::Delete(json.into()),
        }
    }

    /// Adds the elements of a list after those of a stored list, or before them; a missing list counts as empty.
    pub fn extend(path: Path, json: &[u8], before: bool) -> Self {
        let empty = Source::Value(br#"{"L":[]}"#.as_slice().into());
        let stored = Source::IfNotExists(path.clone(), Box::new(empty));
        let added = Source::Value(json.into());
        let term = if before {
            Term::Append(added, stored)
        } else {
            Term::Append(stored, added)
        };
        Self::set(path, term)
    }

    /// The place that it changes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something is stored at its path afterwards.
    pub fn leaves_a_value(&self) -> bool {
        matches!(self.verb, Verb::Set(_) | Verb::Add(_))
    }

    /// The text with its values, for display.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let _ = self.show(&mut text, true);
        text
    }

    fn show(&self, f: &mut impl fmt::Write, values: bool) -> fmt::Result {
        let value = |json: &[u8]| {
            if values && !is_marked(json) {
                text_of(json)
            } else {
                "…".to_owned()
            }
        };
        let path = &self.path;
        match &self.verb {
            Verb::Set(term) => write!(f, "SET {path} = {}", term.show(&value)),
            Verb::Remove => write!(f, "REMOVE {path}"),
            Verb::Add(json) => write!(f, "ADD {path} {}", value(json)),
            Verb::Delete(json) => write!(f, "DELETE {path} {}", value(json)),
        }
    }
}

/// The text without values.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, false)
    }
}

impl Term {
    pub(super) fn sources(&self) -> [Option<&Source>; 2] {
        match self {
            Self::Source(one) => [Some(one), None],
            Self::Plus(one, two) | Self::Minus(one, two) | Self::Append(one, two) => {
                [Some(one), Some(two)]
            }
        }
    }

    fn show(&self, value: &impl Fn(&[u8]) -> String) -> String {
        match self {
            Self::Source(one) => one.show(value),
            Self::Plus(one, two) => format!("{} + {}", one.show(value), two.show(value)),
            Self::Minus(one, two) => format!("{} - {}", one.show(value), two.show(value)),
            Self::Append(one, two) => {
                format!("list_append({}, {})", one.show(value), two.show(value))
            }
        }
    }

    pub(super) fn write<'a>(
        &'a self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
    ) {
        match self {
            Self::Source(one) => one.write(writer, names, values),
            Self::Plus(one, two) => {
                one.write(writer, names, values);
                writer.raw(b" + ");
                two.write(writer, names, values);
            }
            Self::Minus(one, two) => {
                one.write(writer, names, values);
                writer.raw(b" - ");
                two.write(writer, names, values);
            }
            Self::Append(one, two) => {
                writer.raw(b"list_append(");
                one.write(writer, names, values);
                writer.byte(b',');
                two.write(writer, names, values);
                writer.byte(b')');
            }
        }
    }
}

impl Source {
    fn show(&self, value: &impl Fn(&[u8]) -> String) -> String {
        match self {
            Self::Value(json) => value(json),
            Self::Path(path) => path.to_string(),
            Self::IfNotExists(path, other) => {
                format!("if_not_exists({path}, {})", other.show(value))
            }
        }
    }

    fn write<'a>(&'a self, writer: &mut Writer, names: &mut Names<'a>, values: &mut Values<'a>) {
        match self {
            Self::Value(json) => values.write(writer, json),
            Self::Path(path) => path.write(writer, names),
            Self::IfNotExists(path, other) => {
                writer.raw(b"if_not_exists(");
                path.write(writer, names);
                writer.byte(b',');
                other.write(writer, names, values);
                writer.byte(b')');
            }
        }
    }
}

impl Verb {
    pub(super) fn clause(&self) -> usize {
        match self {
            Self::Set(_) => 0,
            Self::Remove => 1,
            Self::Add(_) => 2,
            Self::Delete(_) => 3,
        }
    }
}

pub(super) fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests;
