//! Part conditions: what a query asks of an attribute that a key is built from, as a condition on the key.

use super::condition::{Comparator, Condition, Function, Operand};
use super::key_condition::test_of;
use super::key_test::Test;
use super::known_part::json;
use super::path::Path;
use crate::time::{Form, Of};

/// The greatest character: what begins with a text comes before the text and this.
const GREATEST: char = '\u{10ffff}';

/// How the texts of a part sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorting {
    /// As its values; all have one length, and no two the same text.
    Exact,
    /// As its values and with one length, but the format leaves something out: several values have one text.
    Floored,
    /// Text as it is, of any length.
    Text,
    /// Not as its values, which have different texts.
    Unsorted,
    /// Not as its values, several of which have one text.
    Ambiguous,
}

impl Sorting {
    /// Of numbers in a format of Python's, which never gives two of them one text; `whole`: integers; `padded`: the format pads them
    /// on their left to a width.
    pub fn of_number(spec: &str, whole: bool, padded: bool) -> Self {
        let in_digits = match spec.chars().last() {
            Some('d' | 'f' | 'F' | 'x' | 'X' | 'o' | 'b') => true,
            // Without a type, a fraction or a large number may have an exponent.
            Some(last) => whole && last.is_ascii_digit(),
            None => false,
        };
        // What comes before an alignment is written in front of the digits, and must sort before them.
        let mut chars = spec.chars();
        let (first, second) = (chars.next(), chars.next());
        let is_filled = second.is_some_and(|char| "<>=^".contains(char));
        let sorts = in_digits && (!is_filled || matches!(first, Some('0' | ' ')));
        if padded && sorts {
            Self::Exact
        } else {
            Self::Unsorted
        }
    }

    /// Of points in time, dates or times of day in this form.
    pub fn of_time(form: &Form, of: Of) -> Self {
        let sorts = !form.is_number() && form.order_problem().is_none();
        let is_whole = of == Of::Date || form.is_exact();
        match (sorts, is_whole) {
            (true, true) => Self::Exact,
            (true, false) => Self::Floored,
            (false, true) => Self::Unsorted,
            (false, false) => Self::Ambiguous,
        }
    }
}

/// A part of a key's text: the first that is not known.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The name that the key attribute is stored under.
    pub key: &'a str,
    /// Its text before the part.
    pub known_text: &'a str,
    /// The fixed text after the part; None at the end of the key.
    pub after: Option<&'a str>,
    /// How its texts sort.
    pub sorting: Sorting,
}

/// What a condition asks of one attribute.
#[derive(Debug)]
pub struct PartTest {
    /// The name that it is stored under.
    pub attribute_name: Box<str>,
    test: Test,
}

impl PartTest {
    /// What it asks; None if no key can have such a condition.
    pub fn of(condition: &Condition) -> Option<Self> {
        let (attribute_name, test) = test_of(condition)?;
        Some(Self {
            attribute_name,
            test,
        })
    }

    /// The values, encoded.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.test.values()
    }
}

/// Why the key cannot have a condition on a part: the rest of a sentence about the part.
pub type Unusable = &'static str;

/// The ends of a range; an end without text is open.
#[derive(Default)]
struct Range {
    low: Option<String>,
    high: Option<String>,
    /// Whether the high end itself is outside.
    excludes: bool,
}

impl Part<'_> {
    /// The condition on the key that all of these together are. Each comes with the texts of its values, as the key has them.
    ///
    /// # Errors
    ///
    /// The texts do not sort as the condition needs it, or the conditions are not one range.
    pub fn condition(&self, part_tests: &[(PartTest, Vec<String>)]) -> Result<Condition, Unusable> {
        if self.sorting == Sorting::Ambiguous {
            return Err(
                "has a format that gives several values one text, so no condition can select by it",
            );
        }
        if let [(one, texts)] = part_tests
            && let [text] = &texts[..]
            && let Some(condition) = self.alone(&one.test, text)?
        {
            return Ok(condition);
        }
        let mut range = Range::default();
        for (one, texts) in part_tests {
            self.narrow(&mut range, &one.test, texts)?;
        }
        let value = |text: &str| Operand::Value(json(text));
        match (&range.low, &range.high) {
            (Some(_), Some(_)) if range.excludes => Err(
                "ends the key, and a key takes one condition: write <= in place of <, or between()",
            ),
            (Some(low), Some(high)) => {
                Ok(Condition::between(self.operand(), value(low), value(high)))
            }
            (Some(low), None) => Ok(self.compared(Comparator::GreaterOrEqual, low)),
            (_, high) => {
                let comparator = if range.excludes {
                    Comparator::Less
                } else {
                    Comparator::LessOrEqual
                };
                Ok(self.compared(comparator, high.as_deref().unwrap_or_default()))
            }
        }
    }

    /// An equality or a beginning, which no other condition can be combined with.
    fn alone(&self, test: &Test, text: &str) -> Result<Option<Condition>, Unusable> {
        match test {
            Test::BeginsWith(_) if self.sorting == Sorting::Text => {
                Ok(Some(self.begins_with(&[self.known_text, text].concat())))
            }
            Test::BeginsWith(_) => {
                Err("is not text as it is, so begins_with() cannot select by it")
            }
            Test::Compare(Comparator::Equal, _) if self.sorting == Sorting::Floored => {
                Err("is written without some of its units, so == cannot select by it")
            }
            Test::Compare(Comparator::Equal, _) => Ok(Some(match self.after {
                None => self.compared(Comparator::Equal, &[self.known_text, text].concat()),
                Some(after) => self.begins_with(&[self.known_text, text, after].concat()),
            })),
            _ => Ok(None),
        }
    }

    fn narrow(&self, range: &mut Range, test: &Test, texts: &[String]) -> Result<(), Unusable> {
        use Comparator::{Greater, GreaterOrEqual, Less, LessOrEqual};
        match (self.sorting, self.after) {
            (Sorting::Unsorted, _) => {
                return Err("takes only ==, because its texts do not sort as its values do");
            }
            (Sorting::Text, Some(_)) => {
                return Err(
                    "has texts of any length, so only == and begins_with() can select by it",
                );
            }
            _ => {}
        }
        let floored = self.sorting == Sorting::Floored;
        let (low, high) = match (test, texts) {
            (Test::Between(..) | Test::Compare(Greater | LessOrEqual, _), _) if floored => {
                return Err(
                    "is written without some of its units, so only >= and < can select by it",
                );
            }
            (Test::Between(..), [low, high]) => (Some(self.from(low)), Some(self.until(high))),
            (Test::Compare(GreaterOrEqual, _), [low]) => (Some(self.from(low)), None),
            (Test::Compare(Greater, _), [low]) => (Some(self.behind(low)), None),
            (Test::Compare(LessOrEqual, _), [high]) => (None, Some(self.until(high))),
            (Test::Compare(Less, _), [high]) => {
                // A key that continues after the part is never equal to this text.
                range.excludes = self.after.is_none();
                (None, Some(self.from(high)))
            }
            _ => return Err("has an equality or a beginning besides another condition"),
        };
        if low.is_some() && range.low.is_some() || high.is_some() && range.high.is_some() {
            return Err("has two conditions of one kind: write one range");
        }
        range.low = range.low.take().or(low);
        range.high = range.high.take().or(high);
        Ok(())
    }

    /// The first key with this part or a greater one.
    fn from(&self, text: &str) -> String {
        [self.known_text, text].concat()
    }

    /// The last key with this part.
    fn until(&self, text: &str) -> String {
        let mut last = self.from(text);
        last.extend(self.after.map(|_| GREATEST));
        last
    }

    /// The first key with a greater part.
    fn behind(&self, text: &str) -> String {
        let mut first = self.from(text);
        // At the end of a key, the next text is the same one with the least character appended.
        first.push(if self.after.is_some() { GREATEST } else { '\0' });
        first
    }

    fn operand(&self) -> Operand {
        Operand::Path(Path::new(self.key))
    }

    fn compared(&self, comparator: Comparator, text: &str) -> Condition {
        Condition::compare(comparator, self.operand(), Operand::Value(json(text)))
    }

    fn begins_with(&self, text: &str) -> Condition {
        Condition::function(
            Function::BeginsWith,
            Path::new(self.key),
            Operand::Value(json(text)),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn on(name: &str, comparator: Comparator, number: &str) -> (PartTest, Vec<String>) {
        let value = Operand::Value(format!(r#"{{"N":"{number}"}}"#).into_bytes().into());
        let condition = Condition::compare(comparator, Operand::Path(Path::new(name)), value);
        (
            PartTest::of(&condition).unwrap(),
            vec![format!("{number:0>3}")],
        )
    }

    fn part(after: Option<&str>, sorting: Sorting) -> Part<'_> {
        Part {
            key: "sk",
            known_text: "A#",
            after,
            sorting,
        }
    }

    #[test]
    fn a_comparison_of_a_part_is_one_of_the_key() {
        use Comparator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        for (comparator, before_more, at_the_end) in [
            (Equal, r#"begins_with(sk, "A#005#")"#, r#"sk = "A#005""#),
            (GreaterOrEqual, r#"sk >= "A#005""#, r#"sk >= "A#005""#),
            (
                Greater,
                "sk >= \"A#005\u{10ffff}\"",
                r#"sk >= "A#005\u0000""#,
            ),
            (LessOrEqual, "sk <= \"A#005\u{10ffff}\"", r#"sk <= "A#005""#),
            (Less, r#"sk <= "A#005""#, r#"sk < "A#005""#),
        ] {
            for (after, expected) in [(Some("#"), before_more), (None, at_the_end)] {
                let part_tests = [on("n", comparator, "5")];
                let condition = part(after, Sorting::Exact).condition(&part_tests).unwrap();
                assert_eq!(condition.explain(), expected);
            }
        }
    }

    #[test]
    fn two_ends_are_one_range() {
        let part_tests = [
            on("n", Comparator::Less, "9"),
            on("n", Comparator::GreaterOrEqual, "5"),
        ];
        let between = r#"sk BETWEEN "A#005" AND "A#009""#;
        let one = part(Some("#"), Sorting::Floored).condition(&part_tests);
        assert_eq!(one.unwrap().explain(), between);
        let refused = part(None, Sorting::Exact)
            .condition(&part_tests)
            .unwrap_err();
        assert!(refused.contains("write <="), "{refused}");
    }

    #[test]
    fn only_formats_of_one_width_sort_as_numbers() {
        for (spec, whole, padded, sorting) in [
            ("06d", true, true, Sorting::Exact),
            ("06", true, true, Sorting::Exact),
            ("08x", true, true, Sorting::Exact),
            ("09.2f", false, true, Sorting::Exact),
            ("d", true, false, Sorting::Unsorted),
            ("", true, false, Sorting::Unsorted),
            // An exponent comes last, and decides first.
            ("010e", false, true, Sorting::Unsorted),
            ("010", false, true, Sorting::Unsorted),
            (" >6d", true, true, Sorting::Exact),
            ("0=6d", true, true, Sorting::Exact),
            // 10 would come before 9.
            ("x>6d", true, true, Sorting::Unsorted),
        ] {
            assert_eq!(Sorting::of_number(spec, whole, padded), sorting, "{spec}");
        }
    }
}
