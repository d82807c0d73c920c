//! Actions: what a caller asks of an item without reading it first, checked together and written as one update.

use std::fmt;

use super::condition::{Condition, text_of, too_long};
use super::names::{Names, Values};
use super::path::{Path, Step, write_steps};
use super::{MAX_EXPRESSION_SIZE, MAX_OPERATORS};
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
enum Verb {
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
    path: Path,
    verb: Verb,
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
    fn sources(&self) -> [Option<&Source>; 2] {
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

    fn write<'a>(&'a self, writer: &mut Writer, names: &mut Names<'a>, values: &mut Values<'a>) {
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

/// The actions of one update, no two of which touch the same place.
#[derive(Debug, Clone)]
pub struct Actions {
    requested: Vec<Action>,
    /// Written with every update in addition to what the caller asks for. Applying it twice is harmless.
    managed: Vec<Action>,
}

impl Actions {
    /// Checks the actions together.
    ///
    /// # Errors
    ///
    /// There are no actions, there are too many, or two of them touch the same place.
    pub fn new(actions: Vec<Action>) -> Result<Self, Error> {
        if actions.is_empty() {
            return Err(refused(
                "an update needs at least one action, such as User.age.add(1)".to_owned(),
            ));
        }
        if actions.len() > MAX_OPERATORS {
            return Err(refused(format!(
                "an update can have at most {MAX_OPERATORS} actions, and this one has {}",
                actions.len()
            )));
        }
        let mut paths: Vec<&Path> = actions.iter().map(|action| &action.path).collect();
        // Sorted, so that a path that conflicts with another one is next to it.
        paths.sort();
        for pair in paths.windows(2) {
            if pair[0].overlaps(pair[1]) {
                return Err(refused(format!(
                    "two actions of one update change the same path, {} and {}: keep one of them",
                    pair[0], pair[1]
                )));
            }
        }
        for (position, one) in paths.iter().enumerate() {
            if let Some(other) = paths[..position]
                .iter()
                .find(|other| one.contradicts(other))
            {
                return Err(refused(format!(
                    "two actions of one update treat the same path as a map and as a list: {other} and {one}"
                )));
            }
        }
        Ok(Self {
            requested: actions,
            managed: Vec::new(),
        })
    }

    /// The places that the actions change.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.requested.iter().map(|action| &action.path)
    }

    /// Whether a missing item exists afterwards: `DynamoDB` does not create one for REMOVE and DELETE alone.
    pub fn make_an_item(&self) -> bool {
        let mut all = self.requested.iter().chain(&self.managed);
        all.any(Action::leaves_a_value)
    }

    /// Whether an action on the attribute as a whole assigns it a value.
    pub fn fills(&self, attribute: &str) -> bool {
        self.requested.iter().any(|action| {
            action.path.steps().len() == 1
                && action.path.attribute() == attribute
                && action.leaves_a_value()
        })
    }

    /// What the update does to an attribute.
    pub fn outcome(&self, attribute: &str) -> Outcome<'_> {
        let mut about = self
            .requested
            .iter()
            .filter(|action| action.path.attribute() == attribute);
        let Some(action) = about.next() else {
            return Outcome::Untouched;
        };
        match &action.verb {
            _ if action.path.steps().len() > 1 => Outcome::Unknown,
            Verb::Set(Term::Source(Source::Value(json))) => Outcome::Value(json),
            Verb::Remove => Outcome::Nothing,
            _ => Outcome::Unknown,
        }
    }

    /// The values that attributes may have afterwards, where the actions state them: JSON texts, by attribute.
    pub fn constants(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.requested
            .iter()
            .chain(&self.managed)
            .filter(|action| action.path.steps().len() == 1)
            .filter_map(|action| match &action.verb {
                Verb::Set(Term::Source(Source::Value(json))) => Some((action, json)),
                Verb::Set(Term::Source(Source::IfNotExists(_, other))) => match &**other {
                    Source::Value(json) => Some((action, json)),
                    _ => None,
                },
                _ => None,
            })
            .map(|(action, json)| (action.path.attribute(), &**json))
    }

    /// Whether any action touches this attribute.
    pub fn touches(&self, attribute: &str) -> bool {
        self.paths().any(|path| path.attribute() == attribute)
    }

    /// Assigns a value to an attribute that no action touches, unless the stored item has one.
    pub fn fill(&mut self, attribute: &str, json: &[u8]) {
        let path = Path::new(attribute);
        let source = Source::IfNotExists(path.clone(), Box::new(Source::Value(json.into())));
        self.requested.push(Action::set(path, Term::Source(source)));
    }

    /// Sets an attribute that no action may touch, such as the version, in addition to all that the caller asks for.
    pub fn set_managed(&mut self, attribute: &str, term: Term) {
        self.managed.push(Action::set(Path::new(attribute), term));
    }

    /// Removes an attribute that no action may touch.
    pub fn remove_managed(&mut self, attribute: &str) {
        self.managed.push(Action::remove(Path::new(attribute)));
    }

    /// Whether applying the actions twice has the same effect as applying them once.
    ///
    /// Never true for list elements: removing one shifts the others, and setting one past the end appends it.
    pub fn is_idempotent(&self) -> bool {
        self.requested.iter().all(|action| {
            let is_element = matches!(action.path.steps().last(), Some(Step::Index(_)));
            !is_element
                && match &action.verb {
                    Verb::Remove | Verb::Delete(_) => true,
                    Verb::Add(json) => !json.starts_with(br#"{"N":"#),
                    Verb::Set(Term::Source(Source::IfNotExists(path, other)))
                        if *path == action.path =>
                    {
                        self.is_stable(other)
                    }
                    Verb::Set(term) => term
                        .sources()
                        .into_iter()
                        .flatten()
                        .all(|source| self.is_stable(source)),
                }
        })
    }

    /// Whether a source is the same before and after the update.
    fn is_stable(&self, source: &Source) -> bool {
        let unwritten = |path: &Path| {
            let mut written = self.requested.iter().chain(&self.managed);
            !written.any(|action| action.path.overlaps(path))
        };
        match source {
            Source::Value(_) => true,
            Source::Path(path) => unwritten(path),
            Source::IfNotExists(path, other) => unwritten(path) && self.is_stable(other),
        }
    }

    /// Whether the item must already hold the value that an action changes a part of.
    pub fn have_parents(&self) -> bool {
        self.paths().any(|path| path.steps().len() > 1)
    }

    /// The values that the actions change a part of, outermost first, without those that contain another one.
    fn parents(&self) -> Vec<&[Step]> {
        let mut parents: Vec<&[Step]> = self
            .paths()
            .filter_map(|path| path.steps().split_last().map(|(_, parent)| parent))
            .filter(|parent| !parent.is_empty())
            .collect();
        parents.sort_unstable();
        parents.dedup();
        let inner = parents.clone();
        parents.retain(|parent| {
            !inner
                .iter()
                .any(|other| other.len() > parent.len() && other.starts_with(parent))
        });
        parents
    }

    /// Writes the members of the request: the update, what must hold for it, names and values. `exists` is an attribute that shows
    /// that the item exists; None where it need not.
    pub(crate) fn write<'a>(
        &'a self,
        writer: &mut Writer,
        exists: Option<&'a str>,
        condition: Option<&'a Condition>,
    ) -> Result<(), Error> {
        let start = writer.len();
        for mut names in [Names::new(), Names::short()] {
            writer.truncate(start);
            let mut values = Values::new();
            let update = self.write_update(writer, &mut names, &mut values);
            let guard = self.write_condition(writer, &mut names, &mut values, exists, condition);
            names.finish(writer);
            values.finish(writer);
            if update <= MAX_EXPRESSION_SIZE && guard <= MAX_EXPRESSION_SIZE {
                return Ok(());
            }
            if names.is_short() {
                let what = if update > MAX_EXPRESSION_SIZE {
                    "update"
                } else {
                    "condition"
                };
                return Err(too_long(what));
            }
        }
        Ok(())
    }

    /// Returns the length of the text.
    fn write_update<'a>(
        &'a self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
    ) -> usize {
        writer.raw(br#","UpdateExpression":""#);
        let start = writer.len();
        let keywords: [&[u8]; 4] = [b"SET ", b"REMOVE ", b"ADD ", b"DELETE "];
        for (clause, keyword) in keywords.into_iter().enumerate() {
            let mut before: &[u8] = if writer.len() == start { b"" } else { b" " };
            for action in self
                .requested
                .iter()
                .chain(&self.managed)
                .filter(|action| action.verb.clause() == clause)
            {
                writer.raw(before);
                if before != b"," {
                    writer.raw(keyword);
                    before = b",";
                }
                action.path.write(writer, names);
                match &action.verb {
                    Verb::Set(term) => {
                        writer.raw(b" = ");
                        term.write(writer, names, values);
                    }
                    Verb::Remove => {}
                    Verb::Add(json) | Verb::Delete(json) => {
                        writer.byte(b' ');
                        values.write(writer, json);
                    }
                }
            }
        }
        let length = writer.len() - start;
        writer.byte(b'"');
        length
    }

    /// Returns the length of the text.
    fn write_condition<'a>(
        &'a self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
        exists: Option<&'a str>,
        condition: Option<&'a Condition>,
    ) -> usize {
        let parents = self.parents();
        if exists.is_none() && condition.is_none() && parents.is_empty() {
            return 0;
        }
        writer.raw(br#","ConditionExpression":""#);
        let start = writer.len();
        if let Some(name) = exists {
            writer.raw(b"attribute_exists(");
            names.write(writer, name);
            writer.byte(b')');
        }
        for parent in parents {
            if writer.len() > start {
                writer.raw(b" AND ");
            }
            writer.raw(b"attribute_exists(");
            write_steps(parent, writer, names);
            writer.byte(b')');
        }
        if let Some(condition) = condition {
            let guarded = writer.len() > start;
            if guarded {
                writer.raw(b" AND ");
            }
            condition.write(writer, names, values, guarded);
        }
        let length = writer.len() - start;
        writer.byte(b'"');
        length
    }
}

impl Verb {
    fn clause(&self) -> usize {
        match self {
            Self::Set(_) => 0,
            Self::Remove => 1,
            Self::Add(_) => 2,
            Self::Delete(_) => 3,
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests;
