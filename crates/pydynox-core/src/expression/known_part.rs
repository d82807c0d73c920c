//! Known parts: the text of a key attribute that a query already knows, combined with the condition on that attribute.

use super::condition::Comparator;
use super::key_test::Test;
use super::order;
use crate::schema::MAX_SORT_KEY_SIZE;
use crate::wire::Writer;

/// A key attribute and the part of its text that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPart {
    /// The name it is stored under.
    pub attribute_name: Box<str>,
    /// The beginning of the value, or all of it.
    pub text: Box<str>,
    /// Whether `text` is the whole value.
    pub whole: bool,
}

/// Why a condition cannot be combined with what is known.
pub(super) enum Unjoined {
    /// No key satisfies both.
    Contradiction,
    /// `DynamoDB` has no single condition that expresses both.
    OpenEnd,
}

impl KnownPart {
    /// The condition on a key of which nothing more is asked.
    pub(super) fn alone(&self) -> Test {
        let json = json(&self.text);
        if self.whole {
            Test::Compare(Comparator::Equal, json)
        } else {
            Test::BeginsWith(json)
        }
    }

    /// The one condition that expresses both what is known and what is asked.
    pub(super) fn joined(&self, test: Test) -> Result<Test, Unjoined> {
        let known_text = &*self.text;
        if self.whole {
            let json = json(known_text);
            return if test.admits(&json) {
                Ok(Test::Compare(Comparator::Equal, json))
            } else {
                Err(Unjoined::Contradiction)
            };
        }
        let (low, high) = match &test {
            Test::Compare(Comparator::Equal, value) => {
                let fits = order::text(value).is_some_and(|value| value.starts_with(known_text));
                return fits.then_some(test).ok_or(Unjoined::Contradiction);
            }
            Test::BeginsWith(prefix) => {
                return match order::text(prefix) {
                    Some(prefix) if prefix.starts_with(known_text) => Ok(test),
                    Some(prefix) if known_text.starts_with(&prefix) => Ok(self.alone()),
                    _ => Err(Unjoined::Contradiction),
                };
            }
            Test::Between(low, high) => (order::text(low), order::text(high)),
            Test::Compare(Comparator::GreaterOrEqual, low) => (order::text(low), None),
            // The next possible text is the same one with the least character appended.
            Test::Compare(Comparator::Greater, low) => {
                (order::text(low).map(|low| format!("{low}\0")), None)
            }
            Test::Compare(_, high) => (None, order::text(high)),
        };
        // A bound outside the texts with this beginning excludes none of them.
        let low = match low {
            Some(low) if low.starts_with(known_text) => Some(low),
            Some(low) if *low > *known_text => return Err(Unjoined::Contradiction),
            _ => None,
        };
        let high = match high {
            Some(high) if high.starts_with(known_text) => Some(high),
            Some(high) if *high < *known_text => return Err(Unjoined::Contradiction),
            _ => None,
        };
        let excludes = matches!(test, Test::Compare(Comparator::Less, _));
        match (low, high) {
            (None, None) => Ok(self.alone()),
            (_, Some(_)) if excludes => Err(Unjoined::OpenEnd),
            (low, high) => Ok(Test::Between(
                json(low.as_deref().unwrap_or(known_text)),
                high.map_or_else(|| json(&last_of(known_text)), |high| json(&high)),
            )),
        }
    }
}

/// The greatest text with this beginning that a sort key can have.
fn last_of(text: &str) -> String {
    let mut last = text.to_owned();
    for greatest in ['\u{10ffff}', '\u{ffff}', '\u{7ff}', '\u{7f}'] {
        while last.len() + greatest.len_utf8() <= MAX_SORT_KEY_SIZE {
            last.push(greatest);
        }
    }
    last
}

pub(super) fn json(text: &str) -> Box<[u8]> {
    let mut w = Writer::with_capacity(text.len() + 8);
    w.string_value(text);
    w.into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, whole: bool) -> KnownPart {
        KnownPart {
            attribute_name: "sk".into(),
            text: text.into(),
            whole,
        }
    }

    fn compare(comparator: Comparator, text: &str) -> Test {
        Test::Compare(comparator, json(text))
    }

    fn between(low: &str, high: &str) -> Test {
        Test::Between(json(low), json(high))
    }

    fn prefix(text: &str) -> Test {
        Test::BeginsWith(json(text))
    }

    #[test]
    fn a_condition_and_a_beginning_become_one_condition() {
        use Comparator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        let last = last_of("T#a#");
        for (test, expected) in [
            (compare(Equal, "T#a#1"), Some(compare(Equal, "T#a#1"))),
            (compare(Equal, "T#b#1"), None),
            (prefix("T#a#1"), Some(prefix("T#a#1"))),
            (prefix("T#"), Some(prefix("T#a#"))),
            (prefix("T#b"), None),
            (
                compare(GreaterOrEqual, "T#a#5"),
                Some(between("T#a#5", &last)),
            ),
            (compare(Greater, "T#a#5"), Some(between("T#a#5\0", &last))),
            (compare(GreaterOrEqual, "T#"), Some(prefix("T#a#"))),
            (compare(Greater, "T#b"), None),
            (
                compare(LessOrEqual, "T#a#5"),
                Some(between("T#a#", "T#a#5")),
            ),
            (compare(Less, "T#b"), Some(prefix("T#a#"))),
            (compare(Less, "T#"), None),
            (compare(Less, "T#a#5"), None),
            (between("T#a#1", "T#a#5"), Some(between("T#a#1", "T#a#5"))),
            (between("T#", "T#a#5"), Some(between("T#a#", "T#a#5"))),
            (between("T#a#1", "T#b"), Some(between("T#a#1", &last))),
            (between("A", "Z"), Some(prefix("T#a#"))),
            (between("A", "B"), None),
        ] {
            let label = format!("{test:?}");
            assert_eq!(part("T#a#", false).joined(test).ok(), expected, "{label}");
        }
        assert!(last.len() == MAX_SORT_KEY_SIZE && last.starts_with("T#a#"));
    }

    #[test]
    fn a_condition_on_what_is_known_wholly_is_met_or_not() {
        let whole = || part("T#a", true);
        let equal = Some(compare(Comparator::Equal, "T#a"));

        assert_eq!(whole().joined(prefix("T#")).ok(), equal);
        assert_eq!(
            whole().joined(compare(Comparator::Greater, "T")).ok(),
            equal
        );
        assert!(whole().joined(prefix("U")).is_err());
    }
}
