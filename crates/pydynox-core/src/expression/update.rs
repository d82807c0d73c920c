//! Updates: the changes to an item, as the narrowest actions whose effect is the same no matter how many times they are applied.

use super::condition::Condition;
pub use super::difference::covers;
use super::difference::{Action, Difference, Path, Verb, difference};
use super::names::{Names, Values};
use super::{MAX_EXPRESSION_SIZE, MAX_OPERATORS};
use crate::wire::{Value, WireError, Writer};

/// The clauses of an update expression, in the order in which they are written.
const CLAUSES: [(Verb, &[u8]); 4] = [
    (Verb::Set, b"SET "),
    (Verb::Remove, b"REMOVE "),
    (Verb::Add, b"ADD "),
    (Verb::Delete, b"DELETE "),
];

/// The changes to one attribute.
#[derive(Debug, Clone)]
struct Attribute {
    name: Box<str>,
    /// The one action on the attribute as a whole.
    whole: Action,
    /// The same change, made inside a map; empty if there is only the whole.
    nested: Vec<Action>,
    /// The maps that the nested actions need, without those that contain another one.
    parents: Vec<Path>,
}

impl Attribute {
    /// The actions that are sent; `whole` selects the one on the attribute itself.
    fn actions(&self, whole: bool) -> &[Action] {
        if whole || self.nested.is_empty() {
            std::slice::from_ref(&self.whole)
        } else {
            &self.nested
        }
    }

    fn parents(&self, whole: bool) -> &[Path] {
        if whole { &[] } else { &self.parents }
    }

    /// Length of the longest path below the attribute.
    fn depth(&self) -> usize {
        self.nested
            .iter()
            .map(|action| action.path.len())
            .max()
            .unwrap_or(0)
    }
}

/// The changes of one item, at most one entry for each attribute: the last call for an attribute wins.
///
/// ```
/// use pydynox_core::expression::update::Update;
///
/// let mut update = Update::new();
/// update.set("age", br#"{"N":"42"}"#);
/// let changed = update.change("tags", br#"{"SS":["a"]}"#, br#"{"SS":["a","b"]}"#)?;
/// assert!(changed);
/// # Ok::<(), pydynox_core::wire::WireError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Update {
    attributes: Vec<Attribute>,
}

impl Update {
    /// An update without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Sets a whole attribute; `value_json` is the JSON text of an attribute value.
    pub fn set(&mut self, attribute: &str, value_json: &[u8]) {
        self.whole(attribute, Verb::Set, value_json);
    }

    /// Removes a whole attribute.
    pub fn remove(&mut self, attribute: &str) {
        self.whole(attribute, Verb::Remove, b"");
    }

    /// Removes all members of a set that were read, JSON text of an attribute value: members that others have added since stay,
    /// and `DynamoDB` removes a set that has no members left.
    pub fn empty_set(&mut self, attribute: &str, members_json: &[u8]) {
        self.whole(attribute, Verb::Delete, members_json);
    }

    /// Fills a set that had no members, JSON text of an attribute value: members that others have added since stay.
    pub fn fill_set(&mut self, attribute: &str, members_json: &[u8]) {
        self.whole(attribute, Verb::Add, members_json);
    }

    /// Records what changed between two stored forms of an attribute, both JSON text of an attribute value; true if anything did.
    ///
    /// Maps change by path, and sets by member if members were only added or only removed; everything else is set as a whole. No
    /// form depends on what others do to the item meanwhile, and each has the same effect when it is applied twice.
    ///
    /// # Errors
    ///
    /// One of the texts is not an attribute value.
    pub fn change(
        &mut self,
        attribute: &str,
        old_json: &[u8],
        new_json: &[u8],
    ) -> Result<bool, WireError> {
        let old = Value::parse(old_json)?;
        let new = Value::parse(new_json)?;
        match difference(&old, &new) {
            // The last call for an attribute wins, even if it finds no difference.
            Difference::None => {
                self.attributes
                    .retain(|earlier| &*earlier.name != attribute);
                return Ok(false);
            }
            Difference::Whole => self.set(attribute, new_json),
            Difference::Members(verb, value) => self.whole(attribute, verb, &value),
            Difference::Nested { actions, parents } => {
                let whole = Action {
                    path: Path::default(),
                    verb: Verb::Set,
                    value: new_json.into(),
                };
                self.put(Attribute {
                    name: attribute.into(),
                    whole,
                    nested: actions,
                    parents,
                });
            }
        }
        Ok(true)
    }

    /// Whether the update changes something inside a map, which the item must then hold.
    pub fn has_parents(&self) -> bool {
        self.attributes
            .iter()
            .any(|attribute| !attribute.parents.is_empty())
    }

    /// Writes the members that send the update: the expression, the condition that the item (its attribute `exists`) and
    /// the maps that are changed inside exist and that the caller's condition holds, names and values.
    pub(crate) fn write(&self, writer: &mut Writer, exists: &str, condition: Option<&Condition>) {
        let start = writer.len();
        let mut form = Form::new(self);
        loop {
            writer.truncate(start);
            let fits = form.write(writer, exists, condition);
            // If nothing is left to shorten, it is sent anyway: the service's refusal names the limit.
            if fits || !form.shorten() {
                return;
            }
        }
    }

    fn whole(&mut self, attribute: &str, verb: Verb, value: &[u8]) {
        let whole = Action {
            path: Path::default(),
            verb,
            value: value.into(),
        };
        self.put(Attribute {
            name: attribute.into(),
            whole,
            nested: Vec::new(),
            parents: Vec::new(),
        });
    }

    fn put(&mut self, attribute: Attribute) {
        match self
            .attributes
            .iter_mut()
            .find(|earlier| earlier.name == attribute.name)
        {
            Some(earlier) => *earlier = attribute,
            None => self.attributes.push(attribute),
        }
    }
}

/// One way to write an update. The narrowest is tried first and shortened step by step until it is within `DynamoDB`'s limits.
struct Form<'a> {
    attributes: Vec<(&'a Attribute, bool /* as a whole */)>,
    short_names: bool,
}

impl<'a> Form<'a> {
    fn new(update: &'a Update) -> Self {
        let mut form = Self {
            attributes: update
                .attributes
                .iter()
                .map(|attribute| (attribute, false))
                .collect(),
            short_names: false,
        };
        // Before anything is written: the number of operators depends on the form alone, not on its names.
        while !form.is_within_operators() && form.collapse() {}
        form
    }

    /// Shortens names before it loses detail: placeholders for all names, then the deepest changes as a whole attribute.
    fn shorten(&mut self) -> bool {
        if !self.short_names {
            self.short_names = true;
            return true;
        }
        let collapsed = self.collapse();
        // If even whole attributes are too long, only the form with short names may still fit.
        self.short_names = !collapsed;
        collapsed
    }

    /// Writes the attribute with the deepest changes as a whole; among equals, the one with the most changes, then the first.
    fn collapse(&mut self) -> bool {
        let deepest = self
            .attributes
            .iter_mut()
            .filter(|(attribute, whole)| !whole && !attribute.nested.is_empty())
            // Reversed, so that the first maximum wins: `max_by_key` returns the last.
            .rev()
            .max_by_key(|(attribute, _)| (attribute.depth(), attribute.nested.len()));
        match deepest {
            Some((_, whole)) => {
                *whole = true;
                true
            }
            None => false,
        }
    }

    fn actions(&self) -> impl Iterator<Item = (&'a str, &'a Action)> {
        self.attributes.iter().flat_map(|(attribute, whole)| {
            attribute
                .actions(*whole)
                .iter()
                .map(|action| (&*attribute.name, action))
        })
    }

    fn parents(&self) -> impl Iterator<Item = (&'a str, &'a Path)> {
        self.attributes.iter().flat_map(|(attribute, whole)| {
            attribute
                .parents(*whole)
                .iter()
                .map(|parent| (&*attribute.name, parent))
        })
    }

    /// Counts each action and, in the condition, each function and each AND.
    fn is_within_operators(&self) -> bool {
        self.actions().count() <= MAX_OPERATORS && 2 * self.parents().count() < MAX_OPERATORS
    }

    /// Whether both expressions are short enough.
    fn write(
        &'a self,
        writer: &mut Writer,
        exists: &'a str,
        condition: Option<&'a Condition>,
    ) -> bool {
        let mut names = if self.short_names {
            Names::short()
        } else {
            Names::new()
        };
        let mut values = Values::new();
        let update_fits = self.write_update(writer, &mut names, &mut values);
        let condition_fits =
            self.write_condition(writer, &mut names, &mut values, exists, condition);
        names.finish(writer);
        values.finish(writer);
        update_fits && condition_fits
    }

    fn write_update(
        &self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
    ) -> bool {
        if self.attributes.is_empty() {
            return true;
        }
        writer.raw(br#","UpdateExpression":""#);
        let start = writer.len();
        for (verb, keyword) in CLAUSES {
            let mut before: &[u8] = if writer.len() == start { b"" } else { b" " };
            for (attribute, action) in self.actions().filter(|(_, action)| action.verb == verb) {
                writer.raw(before);
                if before != b"," {
                    writer.raw(keyword);
                    before = b",";
                }
                write_path(writer, names, attribute, &action.path);
                write_operand(writer, values, action);
            }
        }
        let fits = writer.len() - start <= MAX_EXPRESSION_SIZE;
        writer.byte(b'"');
        fits
    }

    fn write_condition(
        &self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
        exists: &'a str,
        condition: Option<&'a Condition>,
    ) -> bool {
        writer.raw(br#","ConditionExpression":""#);
        let start = writer.len();
        write_exists(writer, names, exists, &[]);
        // It does not tell whether the parent is still a map: if a scalar has replaced it, the service refuses the path.
        for (attribute, parent) in self.parents() {
            writer.raw(b" AND ");
            write_exists(writer, names, attribute, parent);
        }
        if let Some(condition) = condition {
            writer.raw(b" AND ");
            condition.write(writer, names, values, true);
        }
        let fits = writer.len() - start <= MAX_EXPRESSION_SIZE;
        writer.byte(b'"');
        fits
    }
}

fn write_exists<'a>(
    writer: &mut Writer,
    names: &mut Names<'a>,
    attribute: &'a str,
    path: &'a [Box<str>],
) {
    writer.raw(b"attribute_exists(");
    write_path(writer, names, attribute, path);
    writer.byte(b')');
}

fn write_path<'a>(
    writer: &mut Writer,
    names: &mut Names<'a>,
    attribute: &'a str,
    path: &'a [Box<str>],
) {
    names.write(writer, attribute);
    for name in path {
        writer.byte(b'.');
        names.write(writer, name);
    }
}

fn write_operand<'a>(writer: &mut Writer, values: &mut Values<'a>, action: &'a Action) {
    match action.verb {
        Verb::Remove => return,
        Verb::Set => writer.byte(b'='),
        Verb::Add | Verb::Delete => writer.byte(b' '),
    }
    values.write(writer, &action.value);
}

#[cfg(test)]
mod tests;
