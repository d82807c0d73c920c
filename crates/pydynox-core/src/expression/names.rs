//! The one allocator of placeholders for attribute names and values of a request.

use std::collections::HashMap;

use super::reserved::is_reserved;
use crate::wire::Writer;

/// Placeholders are limited to 255 bytes by `DynamoDB`; a bare name is kept to the same, so that one name cannot fill an expression.
const LONGEST_BARE_NAME: usize = 255;

/// A name of this length is no longer than its placeholder.
const LENGTH_OF_A_PLACEHOLDER: usize = 2;

/// Attribute names of one request: written bare where an expression allows it, else as `#0`, `#1`, ...
///
/// ```
/// use pydynox_core::expression::names::Names;
/// use pydynox_core::wire::Writer;
///
/// let mut names = Names::new();
/// let mut writer = Writer::with_capacity(64);
/// for name in ["email", "status", "a.b", "status"] {
///     names.write(&mut writer, name);
///     writer.byte(b' ');
/// }
/// names.finish(&mut writer);
/// assert_eq!(writer.into_bytes(), br##"email #0 #1 #0 ,"ExpressionAttributeNames":{"#0":"status","#1":"a.b"}"##);
/// ```
#[derive(Debug)]
pub struct Names<'a> {
    placed: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
    longest_bare: usize,
}

impl Default for Names<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Names<'a> {
    /// No names yet; allocates nothing before the first placeholder.
    pub fn new() -> Self {
        Self {
            placed: Vec::new(),
            numbers: HashMap::new(),
            longest_bare: LONGEST_BARE_NAME,
        }
    }

    /// As [`new`](Self::new), but a name is written bare only where that is shorter: for expressions near their limit.
    pub fn short() -> Self {
        Self {
            longest_bare: LENGTH_OF_A_PLACEHOLDER,
            ..Self::new()
        }
    }

    /// Whether names are only written bare where that is shorter.
    pub(super) fn is_short(&self) -> bool {
        self.longest_bare == LENGTH_OF_A_PLACEHOLDER
    }

    /// Writes a name, or its placeholder, into an expression.
    #[inline]
    pub fn write(&mut self, writer: &mut Writer, name: &'a str) {
        if name.len() <= self.longest_bare && is_bare(name) {
            writer.raw(name.as_bytes());
        } else {
            write_placeholder(writer, b'#', self.number(name));
        }
    }

    /// Writes the member `,"ExpressionAttributeNames":{...}` if a placeholder was given out.
    pub fn finish(&self, writer: &mut Writer) {
        if self.placed.is_empty() {
            return;
        }
        writer.raw(br#","ExpressionAttributeNames":{"#);
        for (number, name) in self.placed.iter().enumerate() {
            write_label(writer, b'#', number);
            writer.string(name);
        }
        writer.byte(b'}');
    }

    fn number(&mut self, name: &'a str) -> usize {
        let next = self.placed.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.placed.push(name);
        }
        number
    }
}

/// Attribute values of one request, each an encoded attribute value: `:0`, `:1`, ...
#[derive(Debug, Default)]
pub struct Values<'a> {
    placed: Vec<&'a [u8]>,
}

impl<'a> Values<'a> {
    /// No values yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the placeholder of `value`, the JSON text of an attribute value, into an expression.
    pub fn write(&mut self, writer: &mut Writer, value: &'a [u8]) {
        write_placeholder(writer, b':', self.placed.len());
        self.placed.push(value);
    }

    /// Writes the member `,"ExpressionAttributeValues":{...}` if there are any.
    pub fn finish(&self, writer: &mut Writer) {
        if self.placed.is_empty() {
            return;
        }
        writer.raw(br#","ExpressionAttributeValues":{"#);
        for (number, value) in self.placed.iter().enumerate() {
            write_label(writer, b':', number);
            writer.raw(value);
        }
        writer.byte(b'}');
    }
}

/// Whether an expression can hold this name as it is: `[A-Za-z][A-Za-z0-9_]*` and no word with a meaning of its own.
#[inline]
fn is_bare(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !is_reserved(name)
        // A clause of update expressions, yet missing in the list of reserved words.
        && !name.eq_ignore_ascii_case("REMOVE")
}

/// Splits `lines[0][1]` into the name and its list indexes.
pub(super) fn split_indexes(step: &str) -> (&str, &str) {
    let mut end = step.len();
    while let Some(start) = start_of_index(&step[..end]) {
        end = start;
    }
    step.split_at(end)
}

/// Where the `[digits]` at the end of `step` starts; a name must be left before it.
fn start_of_index(step: &str) -> Option<usize> {
    let start = step.strip_suffix(']')?.rfind('[')?;
    let digits = &step[start + 1..step.len() - 1];
    let is_index = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_index && start > 0).then_some(start)
}

fn write_placeholder(writer: &mut Writer, sign: u8, number: usize) {
    writer.byte(sign);
    writer.raw(itoa::Buffer::new().format(number).as_bytes());
}

/// Writes `"#0":`, with a comma before all but the first.
fn write_label(writer: &mut Writer, sign: u8, number: usize) {
    if number > 0 {
        writer.byte(b',');
    }
    writer.byte(b'"');
    write_placeholder(writer, sign, number);
    writer.raw(b"\":");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::path::Path;
    use super::*;

    fn written<'a>(names: &mut Names<'a>, name: &'a str) -> String {
        let mut writer = Writer::with_capacity(16);
        names.write(&mut writer, name);
        String::from_utf8(writer.into_bytes()).unwrap()
    }

    fn path(path: &str) -> (String, String) {
        let mut names = Names::new();
        let mut writer = Writer::with_capacity(16);
        let path = Path::parse(path).unwrap();
        path.write(&mut writer, &mut names);
        let text = String::from_utf8(writer.into_bytes()).unwrap();
        let mut writer = Writer::with_capacity(16);
        names.finish(&mut writer);
        (text, String::from_utf8(writer.into_bytes()).unwrap())
    }

    #[test]
    fn a_safe_name_is_written_bare() {
        let mut names = Names::new();
        let mut rest = Writer::with_capacity(0);

        for name in ["email", "Email_2", "x", "camelCase"] {
            assert_eq!(written(&mut names, name), name);
        }
        names.finish(&mut rest);

        assert!(rest.is_empty());
    }

    #[test]
    fn what_an_expression_would_misread_gets_a_placeholder() {
        for name in [
            "",
            "name",
            "Status",
            "remove",
            "_x",
            "1st",
            "a.b",
            "a b",
            "#a",
            ":a",
            "a[0]",
            "a\"b",
            "gr\u{f6}\u{df}e",
            "a-b",
        ] {
            assert_eq!(written(&mut Names::new(), name), "#0", "{name:?}");
        }
    }

    #[test]
    fn a_very_long_name_gets_a_placeholder() {
        let bare = "a".repeat(255);
        let long = "a".repeat(256);

        assert_eq!(written(&mut Names::new(), &bare), bare);
        assert_eq!(written(&mut Names::new(), &long), "#0");
    }

    #[test]
    fn the_same_name_gets_the_same_placeholder() {
        let mut names = Names::new();

        let placeholders =
            ["name", "a.b", "name", "a.b", "date"].map(|name| written(&mut names, name));

        assert_eq!(placeholders, ["#0", "#1", "#0", "#1", "#2"]);
    }

    #[test]
    fn short_names_stay_bare_where_placeholders_are_wanted() {
        let mut names = Names::short();

        let placeholders = ["email", "id", "email"].map(|name| written(&mut names, name));

        assert_eq!(placeholders, ["#0", "id", "#0"]);
    }

    #[test]
    fn names_are_escaped_where_they_are_declared() {
        let mut names = Names::new();
        let mut writer = Writer::with_capacity(64);

        names.write(&mut writer, "a\"\\\n");
        names.finish(&mut writer);

        assert_eq!(
            writer.into_bytes(),
            br##"#0,"ExpressionAttributeNames":{"#0":"a\"\\\n"}"##
        );
    }

    #[test]
    fn values_are_declared_in_the_order_of_their_placeholders() {
        let mut values = Values::new();
        let mut writer = Writer::with_capacity(64);

        values.write(&mut writer, br#"{"S":"x"}"#);
        values.write(&mut writer, br#"{"N":"1"}"#);
        values.finish(&mut writer);

        assert_eq!(
            writer.into_bytes(),
            br#":0:1,"ExpressionAttributeValues":{":0":{"S":"x"},":1":{"N":"1"}}"#
        );
    }

    #[test]
    fn a_path_keeps_its_dots_and_indexes() {
        assert_eq!(
            path("address.homes[0]"),
            ("address.homes[0]".into(), String::new())
        );
        assert_eq!(path("a[0][12].b"), ("a[0][12].b".into(), String::new()));
    }

    #[test]
    fn each_name_of_a_path_may_need_a_placeholder() {
        assert_eq!(
            path("data.name[3].ok.data"),
            (
                "#0.#1[3].ok.#0".into(),
                r##","ExpressionAttributeNames":{"#0":"data","#1":"name"}"##.into()
            )
        );
    }

    #[test]
    fn brackets_without_an_index_belong_to_the_name() {
        for odd in ["a[]", "a[x]", "[0]", "a]", "a[0]b", "a[-1]"] {
            let mut declared = Writer::with_capacity(64);
            declared.raw(br##","ExpressionAttributeNames":{"#0":"##);
            declared.string(odd);
            declared.byte(b'}');

            assert_eq!(
                path(odd),
                (
                    "#0".into(),
                    String::from_utf8(declared.into_bytes()).unwrap()
                )
            );
        }
    }
}
