//! Paths: an attribute, or a place inside it.

use std::fmt;
use std::sync::Arc;

use super::names::{Names, split_indexes};
use crate::error::{Error, ErrorKind};
use crate::wire::Writer;

/// Steps of the longest path that `DynamoDB` follows, the attribute included.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>
pub const MAX_PATH_DEPTH: usize = 32;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An attribute, or the name of a member of a map.
    Name(Box<str>),
    /// The position of an element of a list.
    Index(u32),
}

/// An attribute, or a place inside it. Cheap to clone.
///
/// ```
/// use pydynox_core::expression::path::Path;
///
/// let path = Path::parse("homes[0].city")?;
/// assert_eq!(path.attribute(), "homes");
/// assert_eq!(path, Path::new("homes").index(0)?.name("city")?);
/// # Ok::<(), pydynox_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Arc<[Step]>);

impl Path {
    /// An attribute of the item.
    pub fn new(attribute: &str) -> Self {
        Self(Arc::new([Step::Name(attribute.into())]))
    }

    /// Reads `address.lines[0]`; brackets without a list index belong to the name. A dot always separates two names: pass a name
    /// that contains one to [`Path::literal`].
    ///
    /// # Errors
    ///
    /// A name is empty, an index is too large, the path is too deep, or there are quotes, as if they kept a name together.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.contains(['"', '\'', '`', '\\']) {
            return Err(refused(format!(
                "the path {text:?} contains a quote or a backslash, which have no meaning in a path: pass the names one by one, as in [\"a.b\", 0, \"c\"]"
            )));
        }
        let mut steps = Vec::new();
        for part in text.split('.') {
            let (name, indexes) = split_indexes(part);
            if name.is_empty() {
                return Err(refused(format!(
                    "the path {text:?} has an empty name in it"
                )));
            }
            steps.push(Step::Name(name.into()));
            for index in indexes
                .split(']')
                .filter_map(|index| index.strip_prefix('['))
            {
                let index = index
                    .parse()
                    .map_err(|_| refused(format!("the path {text:?} has too large an index")))?;
                steps.push(Step::Index(index));
            }
        }
        Self::of(steps)
    }

    /// The path of these steps, with each name taken literally, dots included.
    ///
    /// # Errors
    ///
    /// There are no steps, the first one is an index, a name is empty, or the path is too deep.
    pub fn literal(steps: Vec<Step>) -> Result<Self, Error> {
        if !matches!(steps.first(), Some(Step::Name(_))) {
            return Err(refused(
                "a path must begin with the name of an attribute".to_owned(),
            ));
        }
        if steps
            .iter()
            .any(|step| matches!(step, Step::Name(name) if name.is_empty()))
        {
            return Err(refused("a path cannot have an empty name in it".to_owned()));
        }
        Self::of(steps)
    }

    /// A member of the map at this path.
    ///
    /// # Errors
    ///
    /// The path would be too deep.
    pub fn name(&self, name: &str) -> Result<Self, Error> {
        self.then(Step::Name(name.into()))
    }

    /// An element of the list at this path.
    ///
    /// # Errors
    ///
    /// The path would be too deep.
    pub fn index(&self, index: u32) -> Result<Self, Error> {
        self.then(Step::Index(index))
    }

    /// The attribute of the item that the path starts at.
    pub fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// All steps, the attribute first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// A path of several names written as one name, such as `example.txt`, which is sometimes what the caller means.
    pub fn as_one_name(&self) -> Option<String> {
        let names = self.0.iter().map(|step| match step {
            Step::Name(name) => Some(&**name),
            Step::Index(_) => None,
        });
        let names: Vec<&str> = names.collect::<Option<_>>()?;
        (names.len() > 1).then(|| names.join("."))
    }

    /// Whether one of the paths leads to the other, or both to the same place.
    pub fn overlaps(&self, other: &Self) -> bool {
        // `zip` ends with the shorter path, so a path overlaps all places inside its own.
        self.0.iter().zip(other.0.iter()).all(|(a, b)| a == b)
    }

    /// Whether one takes the value at some place for a map and the other for a list.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let parting = self.0.iter().zip(other.0.iter()).find(|(a, b)| a != b);
        matches!(
            parting,
            Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_)))
        )
    }

    fn then(&self, step: Step) -> Result<Self, Error> {
        Self::of(self.0.iter().cloned().chain([step]).collect())
    }

    fn of(steps: Vec<Step>) -> Result<Self, Error> {
        if steps.len() > MAX_PATH_DEPTH {
            return Err(refused(format!(
                "a path of {} steps is deeper than DynamoDB stores",
                steps.len()
            )));
        }
        Ok(Self(steps.into()))
    }

    pub(crate) fn write<'a>(&'a self, writer: &mut Writer, names: &mut Names<'a>) {
        write_steps(&self.0, writer, names);
    }
}

/// Writes a path into an expression.
pub(super) fn write_steps<'a>(steps: &'a [Step], writer: &mut Writer, names: &mut Names<'a>) {
    for (position, step) in steps.iter().enumerate() {
        match step {
            Step::Name(name) => {
                if position > 0 {
                    writer.byte(b'.');
                }
                names.write(writer, name);
            }
            Step::Index(index) => {
                writer.byte(b'[');
                writer.raw(itoa::Buffer::new().format(*index).as_bytes());
                writer.byte(b']');
            }
        }
    }
}

/// The path for display: names as they are, in brackets where a dot in a name would look like a separator.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if name.contains('.') => write!(f, "[{name:?}]")?,
                Step::Name(name) if position == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parsed(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn a_path_is_read_as_it_is_shown() {
        for text in [
            "a",
            "a.b",
            "a[0]",
            "a[0][12].b.c[3]",
            "größe.x y",
            "a[x].b",
            "a[].b",
        ] {
            assert_eq!(parsed(text).to_string(), text);
        }
        assert_eq!(
            parsed("a[1].b").steps(),
            [
                Step::Name("a".into()),
                Step::Index(1),
                Step::Name("b".into())
            ]
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b"] {
            let message = Path::parse(text).unwrap_err().to_string();
            assert!(message.contains("empty name"), "{message}");
        }
        let message = Path::parse("a[4294967296]").unwrap_err().to_string();
        assert!(message.contains("too large an index"), "{message}");
        for text in ["\"a.b\"", "'a.b'", "`a.b`", "a\\.b", "a.\"b\""] {
            let message = Path::parse(text).unwrap_err().to_string();
            assert!(
                message.contains("contains a quote or a backslash"),
                "{message}"
            );
        }
    }

    #[test]
    fn steps_are_taken_as_they_are() {
        let name = |text: &str| Step::Name(text.into());
        let path = Path::literal(vec![name("a.b"), Step::Index(0), name("c\"")]).unwrap();

        assert_eq!(path.attribute(), "a.b");
        assert_eq!(path.to_string(), "[\"a.b\"][0].c\"");
        assert_eq!(path.as_one_name(), None);
        assert_eq!(
            parsed("example.txt").as_one_name().as_deref(),
            Some("example.txt")
        );
        assert_eq!(parsed("example").as_one_name(), None);
        for (steps, expected) in [
            (vec![], "begin with the name"),
            (vec![Step::Index(0)], "begin with the name"),
            (vec![name("a"), name("")], "empty name"),
        ] {
            let message = Path::literal(steps).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_path_is_no_deeper_than_what_is_stored() {
        let deepest = (0..31).fold(Path::new("a"), |path, _| path.index(0).unwrap());

        assert!(
            deepest
                .name("b")
                .unwrap_err()
                .to_string()
                .contains("33 steps")
        );
    }

    #[test]
    fn a_path_overlaps_what_is_around_and_inside_it() {
        for (one, other, expected) in [
            ("a", "a", true),
            ("a", "a.b", true),
            ("a.b[0]", "a", true),
            ("a.b", "a.c", false),
            ("a[0]", "a[1]", false),
            ("ab", "a", false),
        ] {
            assert_eq!(
                parsed(one).overlaps(&parsed(other)),
                expected,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_map_and_a_list_cannot_stand_at_one_place() {
        assert!(parsed("a.b").contradicts(&parsed("a[0]")));
        assert!(!parsed("a.b").contradicts(&parsed("a.c[0]")));
        assert!(!parsed("a[0]").contradicts(&parsed("b.c")));
        assert!(!parsed("a").contradicts(&parsed("a[0]")));
    }
}
