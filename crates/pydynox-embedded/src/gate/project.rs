//! Project: the parts of an item that paths lead to.

use std::collections::{BTreeMap, HashMap};

use dynoxide::types::AttributeValue;

use super::syntax::{Path, Step};

type Item = HashMap<String, AttributeValue>;

/// What an item has at this path, whose placeholders are resolved.
pub(crate) fn at<'i>(item: &'i Item, path: &Path<'_>) -> Option<&'i AttributeValue> {
    let (Step::Name(first), rest) = path.0.split_first()? else {
        return None;
    };
    rest.iter()
        .try_fold(item.get(*first)?, |value, step| match (step, value) {
            (Step::Name(name), AttributeValue::M(members)) => members.get(*name),
            (Step::Index(index), AttributeValue::L(elements)) => {
                elements.get(index.parse::<usize>().ok()?)
            }
            _ => None,
        })
}

/// The parts of the item at these paths, in maps as they are there, and in lists that hold nothing else.
pub(crate) fn project(item: &Item, paths: &[Path<'_>]) -> Item {
    let mut wanted = Wanted::default();
    for Path(steps) in paths {
        wanted.add(steps);
    }
    wanted.of_members(item)
}

/// A tree of paths.
#[derive(Default)]
struct Wanted<'p> {
    /// A path ends here.
    whole: bool,
    members: BTreeMap<&'p str, Wanted<'p>>,
    elements: BTreeMap<usize, Wanted<'p>>,
}

impl<'p> Wanted<'p> {
    fn add(&mut self, steps: &[Step<'p>]) {
        match steps.split_first() {
            None => self.whole = true,
            Some((Step::Name(name), rest)) => self.members.entry(name).or_default().add(rest),
            Some((Step::Index(index), rest)) => {
                self.elements
                    .entry(index.parse().unwrap_or(usize::MAX))
                    .or_default()
                    .add(rest);
            }
        }
    }

    fn of_members(&self, members: &Item) -> Item {
        let part = |(name, wanted): (&&str, &Self)| {
            Some(((*name).to_owned(), wanted.of(members.get(*name)?)?))
        };
        self.members.iter().filter_map(part).collect()
    }

    fn of(&self, value: &AttributeValue) -> Option<AttributeValue> {
        if self.whole {
            return Some(value.clone());
        }
        match value {
            AttributeValue::M(members) => {
                let parts = self.of_members(members);
                (!parts.is_empty()).then_some(AttributeValue::M(parts))
            }
            AttributeValue::L(elements) => {
                let part = |(index, wanted): (&usize, &Self)| wanted.of(elements.get(*index)?);
                let parts: Vec<_> = self.elements.iter().filter_map(part).collect();
                (!parts.is_empty()).then_some(AttributeValue::L(parts))
            }
            _ => None,
        }
    }
}
