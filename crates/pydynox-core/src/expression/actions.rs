//! Actions of one update: checked together, joined by what every write adds, and written as one expression.

use super::action::{Action, Outcome, Source, Term, Verb, refused};
use super::condition::Condition;
use super::condition_text::too_long;
use super::names::{Names, Values};
use super::path::{Path, Step, write_steps};
use super::{MAX_EXPRESSION_SIZE, MAX_OPERATORS};
use crate::error::Error;
use crate::wire::Writer;

/// The actions of one update, no two of which touch the same place.
#[derive(Debug, Clone)]
pub struct Actions {
    pub(super) requested: Vec<Action>,
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
