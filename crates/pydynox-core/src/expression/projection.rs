//! Projections: which places of an item are fetched, and where each of them is in an item of the answer.

use std::ops::Range;

use super::names::Names;
use super::path::{Path, Step};
use crate::error::Error;
use crate::wire::{Reader, Tag, WireError, Writer};

/// What a request asks for, and where to find it in an item of the answer.
///
/// `DynamoDB` refuses to fetch two places that overlap, and returns the elements of a list without saying which is which. So such
/// places are fetched as the place that contains both.
///
/// ```
/// use pydynox_core::expression::path::Path;
/// use pydynox_core::expression::projection::Projection;
///
/// let paths = [Path::parse("address.city")?, Path::parse("tags[1]")?];
/// let projection = Projection::new(&paths, &["id"]);
/// let item = br#"{"id":{"S":"i"},"address":{"M":{"city":{"S":"Oslo"}}},"tags":{"L":[{"S":"second"}]}}"#;
/// let city = projection.find(item, 0)?.map(|place| &item[place]);
/// let tag = projection.find(item, 1)?.map(|place| &item[place]);
/// assert_eq!((city, tag), (Some(&br#"{"S":"Oslo"}"#[..]), Some(&br#"{"S":"second"}"#[..])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    fetched: Vec<Path>,
    /// For each requested path: its steps in an item of the answer.
    places: Vec<Vec<Step>>,
}

impl Projection {
    /// What to fetch for these paths; the attributes in `always`, the keys, are added.
    pub fn new(paths: &[Path], always: &[&str]) -> Self {
        let mut fetched: Vec<Path> = Vec::new();
        let wanted = paths
            .iter()
            .cloned()
            .chain(always.iter().map(|name| Path::new(name)));
        for path in wanted {
            add(&mut fetched, path);
        }
        let places = paths.iter().map(|path| place(path, &fetched)).collect();
        Self { fetched, places }
    }

    /// What is fetched.
    pub fn fetched(&self) -> &[Path] {
        &self.fetched
    }

    /// Where the path at this position is in an item of the answer; None if the item has no such place.
    ///
    /// # Errors
    ///
    /// The item is not well formed.
    pub fn find(&self, item: &[u8], position: usize) -> Result<Option<Range<usize>>, WireError> {
        let Some((Step::Name(attribute), rest)) = self
            .places
            .get(position)
            .and_then(|steps| steps.split_first())
        else {
            return Ok(None);
        };
        let mut reader = Reader::new(item)?;
        if !enter_member(&mut reader, attribute)? {
            return Ok(None);
        }
        for step in rest {
            let is_there = match (reader.begin_value()?, step) {
                (Tag::M, Step::Name(name)) => enter_member(&mut reader, name)?,
                (Tag::L, Step::Index(index)) => enter_element(&mut reader, *index)?,
                _ => false,
            };
            if !is_there {
                return Ok(None);
            }
        }
        reader.peek()?;
        let start = reader.position();
        reader.skip()?;
        Ok(Some(start..reader.position()))
    }

    /// Writes the text into an expression.
    pub(crate) fn write<'a>(&'a self, writer: &mut Writer, names: &mut Names<'a>) {
        for (position, path) in self.fetched.iter().enumerate() {
            if position > 0 {
                writer.byte(b',');
            }
            path.write(writer, names);
        }
    }

    /// The text for display.
    pub fn explain(&self) -> String {
        let fetched: Vec<String> = self.fetched.iter().map(Path::to_string).collect();
        fetched.join(", ")
    }
}

/// Adds a path; if it cannot be fetched together with one already listed, the place that contains both replaces them.
fn add(fetched: &mut Vec<Path>, mut path: Path) {
    // The place that contains both can clash with a third one.
    while let Some(at) = fetched.iter().position(|other| clash(other, &path)) {
        let other = fetched.remove(at);
        if let Ok(common) = common(&other, &path) {
            path = common;
        }
    }
    fetched.push(path);
}

/// Whether two places cannot be fetched together: one is inside the other, they diverge at two elements of one list, or one takes
/// a map for a list.
fn clash(one: &Path, other: &Path) -> bool {
    let parting = one
        .steps()
        .iter()
        .zip(other.steps())
        .find(|(one, other)| one != other);
    match parting {
        Some((Step::Name(_), Step::Name(_))) => false,
        None | Some(_) => true,
    }
}

/// The innermost place that contains both; they share their attribute.
fn common(one: &Path, other: &Path) -> Result<Path, Error> {
    let shared = one.steps().iter().zip(other.steps());
    let mut path = Path::new(one.attribute());
    for (step, _) in shared.take_while(|(one, other)| one == other).skip(1) {
        path = match step {
            Step::Name(name) => path.name(name)?,
            Step::Index(index) => path.index(*index)?,
        };
    }
    Ok(path)
}

/// The steps of a path in an answer: if one element of a list was fetched, it comes back as the first.
fn place(path: &Path, fetched: &[Path]) -> Vec<Step> {
    // At most one of them contains it, because overlapping places were merged.
    let inside = fetched
        .iter()
        .find(|other| path.steps().starts_with(other.steps()))
        .map_or(0, |other| other.steps().len());
    let mut steps = path.steps().to_vec();
    for step in &mut steps[..inside] {
        if let Step::Index(index) = step {
            *index = 0;
        }
    }
    steps
}

/// Advances to the member of this name.
fn enter_member(reader: &mut Reader<'_>, name: &str) -> Result<bool, WireError> {
    reader.begin_object()?;
    while let Some(key) = reader.next_key()? {
        if key.equals(name) {
            return Ok(true);
        }
        reader.skip()?;
    }
    Ok(false)
}

fn enter_element(reader: &mut Reader<'_>, index: u32) -> Result<bool, WireError> {
    reader.begin_array()?;
    for _ in 0..index {
        if !reader.next_element()? {
            return Ok(false);
        }
        reader.skip()?;
    }
    reader.next_element()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn projection(paths: &[&str], always: &[&str]) -> Projection {
        let paths: Vec<Path> = paths
            .iter()
            .map(|text| Path::parse(text).unwrap())
            .collect();
        Projection::new(&paths, always)
    }

    #[test]
    fn places_that_cannot_be_fetched_together_are_fetched_as_their_parent() {
        for (paths, expected) in [
            (&["a", "b.c"][..], "a, b.c, id"),
            (&["a.b", "a.c"], "a.b, a.c, id"),
            (&["a.b", "a"], "a, id"),
            (&["a", "a.b.c"], "a, id"),
            (&["a[0]", "a[1]"], "a, id"),
            (&["a[0].b", "a[0].c"], "a[0].b, a[0].c, id"),
            (&["a[0].b", "a[1].c"], "a, id"),
            (&["a.b[0]", "a.b[1]", "a.c"], "a.c, a.b, id"),
            (&["a.b", "a[0]"], "a, id"),
            (&["a.b.x", "a.b.y", "a.b"], "a.b, id"),
            (&["id", "id"], "id"),
        ] {
            let paths_text = projection(paths, &["id"]).explain();
            let mut paths_text: Vec<&str> = paths_text.split(", ").collect();
            let mut expected: Vec<&str> = expected.split(", ").collect();
            paths_text.sort_unstable();
            expected.sort_unstable();
            assert_eq!(paths_text, expected, "{paths:?}");
        }
    }

    #[test]
    fn the_names_in_a_path_are_written_with_placeholders_where_needed() {
        let projection = projection(&["name.first", "status", "x"], &[]);
        let mut names = Names::new();
        let mut writer = Writer::with_capacity(64);

        projection.write(&mut writer, &mut names);
        names.finish(&mut writer);

        assert_eq!(
            writer.into_bytes(),
            br##"#0.#1,#2,x,"ExpressionAttributeNames":{"#0":"name","#1":"first","#2":"status"}"##
        );
    }

    #[test]
    fn an_element_is_found_where_the_answer_has_it() {
        let item = br#"{"a":{"L":[{"M":{"b":{"S":"x"}}}]},"c":{"L":[{"S":"0"},{"S":"1"}]}}"#;
        let projection = projection(&["a[7].b", "c[1]", "c[0]", "c[2]", "a[7].b.d", "e"], &[]);

        let elements: Vec<Option<&[u8]>> = (0..7)
            .map(|position| {
                let place = projection.find(item, position).unwrap();
                place.map(|place| &item[place])
            })
            .collect();

        assert_eq!(
            elements,
            [
                Some(&br#"{"S":"x"}"#[..]),
                Some(br#"{"S":"1"}"#),
                Some(br#"{"S":"0"}"#),
                None,
                None,
                None,
                None
            ]
        );
    }
}
