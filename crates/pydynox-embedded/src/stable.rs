//! Stable: JSON whose objects have their members in one order, although the engine's maps have none.

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::Range;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// What most answers fit into, in bytes.
const SMALL: usize = 1024;

/// The answer, with the members of every object in the order of their names.
pub(crate) fn to_vec(answer: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let text = Text(RefCell::new(Vec::with_capacity(SMALL)));
    let order = Order {
        text: &text,
        members: Vec::new(),
        open: Vec::new(),
        sorted: Vec::new(),
    };
    answer.serialize(&mut Serializer::with_formatter(&text, order))?;
    Ok(text.0.into_inner())
}

/// What is written, by the serializer, and moved, by the formatter.
struct Text(RefCell<Vec<u8>>);

impl Write for &Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sorts the members of an object when it ends.
struct Order<'t> {
    text: &'t Text,
    /// The members of all objects that are open, the innermost last.
    members: Vec<Member>,
    /// For every open object, where its members begin among them.
    open: Vec<usize>,
    /// The object that is being sorted.
    sorted: Vec<u8>,
}

/// Where a member is in the text, without the comma before it.
struct Member {
    name: Range<usize>,
    end: usize,
}

impl Order<'_> {
    fn place(&self) -> usize {
        self.text.0.borrow().len()
    }

    fn sort(&mut self, first: usize) {
        let mut text = self.text.0.borrow_mut();
        let inside = &mut self.members[first..];
        let Some(start) = inside.first().map(|member| member.name.start) else {
            return;
        };
        let name = |member: &Member| &text[member.name.clone()];
        if inside.is_sorted_by(|one, other| name(one) <= name(other)) {
            return;
        }
        inside.sort_unstable_by(|one, other| name(one).cmp(name(other)));
        self.sorted.clear();
        for member in inside.iter() {
            if !self.sorted.is_empty() {
                self.sorted.push(b',');
            }
            let member = &text[member.name.start..member.end];
            self.sorted.extend_from_slice(member);
        }
        // The text ends with the last member.
        text[start..].copy_from_slice(&self.sorted);
    }
}

impl Formatter for Order<'_> {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open.push(self.members.len());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        if !is_first {
            writer.write_all(b",")?;
        }
        let start = self.place();
        self.members.push(Member {
            name: start..start,
            end: start,
        });
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let end = self.place();
        if let Some(member) = self.members.last_mut() {
            member.name.end = end;
        }
        writer.write_all(b":")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.place();
        if let Some(member) = self.members.last_mut() {
            member.end = end;
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(first) = self.open.pop() {
            self.sort(first);
            self.members.truncate(first);
        }
        writer.write_all(b"}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn members_have_the_order_of_their_names_at_every_depth() {
        let names = ["b", "a", "\"quoted\"", "c", "aa", ""];
        let map = || -> HashMap<&str, Value> {
            names
                .iter()
                .map(|name| (*name, json!([{"x": name}])))
                .collect()
        };
        let inside: HashMap<&str, HashMap<&str, Value>> =
            names.iter().map(|name| (*name, map())).collect();

        let texts: Vec<String> = (0..8)
            .map(|_| String::from_utf8(to_vec(&(1.5, inside.clone(), "é")).unwrap()).unwrap())
            .collect();

        assert!(texts.iter().all(|text| *text == texts[0]));
        assert_eq!(
            serde_json::from_str::<Value>(&texts[0]).unwrap(),
            serde_json::to_value((1.5, inside, "é")).unwrap()
        );
        assert_eq!(
            to_vec(&HashMap::from([("b", 1), ("a", 2)])).unwrap(),
            br#"{"a":2,"b":1}"#
        );
        assert_eq!(
            to_vec(&json!({"a": {}, "b": []})).unwrap(),
            br#"{"a":{},"b":[]}"#
        );
    }
}
