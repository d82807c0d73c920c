//! Conditions as the text of a request, with placeholders for names and values.

use super::MAX_EXPRESSION_SIZE;
use super::condition::{Condition, Node};
use super::names::{Names, Values};
use super::operand::Operand;
use super::path::Path;
use crate::error::{Error, ErrorKind};
use crate::wire::Writer;

impl Condition {
    /// Writes the text into an expression that may put ANDs around it.
    pub(crate) fn write<'a>(
        &'a self,
        writer: &mut Writer,
        names: &mut Names<'a>,
        values: &mut Values<'a>,
        inside_and: bool,
    ) {
        Text {
            writer,
            names,
            values,
        }
        .condition(self, u8::from(inside_and));
    }
}

/// The only writer of a request's condition text.
struct Text<'w, 'n, 'a> {
    writer: &'w mut Writer,
    names: &'n mut Names<'a>,
    values: &'n mut Values<'a>,
}

impl<'a> Text<'_, '_, 'a> {
    fn condition(&mut self, condition: &'a Condition, rank: u8) {
        let enclosed = condition.node.rank() < rank;
        if enclosed {
            self.writer.byte(b'(');
        }
        self.node(&condition.node);
        if enclosed {
            self.writer.byte(b')');
        }
    }

    fn node(&mut self, node: &'a Node) {
        match node {
            Node::Compare(comparator, left, right) => {
                self.operand(left);
                self.raw(" ");
                self.raw(comparator.text());
                self.raw(" ");
                self.operand(right);
            }
            Node::Between([operand, low, high]) => {
                self.operand(operand);
                self.raw(" BETWEEN ");
                self.operand(low);
                self.raw(" AND ");
                self.operand(high);
            }
            Node::In(operand, choices) => {
                self.operand(operand);
                self.raw(" IN (");
                for (position, choice) in choices.iter().enumerate() {
                    self.raw(if position > 0 { "," } else { "" });
                    self.operand(choice);
                }
                self.raw(")");
            }
            Node::Exists(path) => self.call("attribute_exists", path, None),
            Node::NotExists(path) => self.call("attribute_not_exists", path, None),
            Node::Function(function, path, operand) => {
                self.call(function.text(), path, Some(operand));
            }
            Node::And(left, right) => {
                self.condition(left, 1);
                self.raw(" AND ");
                self.condition(right, 1);
            }
            Node::Or(left, right) => {
                self.condition(left, 0);
                self.raw(" OR ");
                self.condition(right, 0);
            }
            Node::Not(inner) => {
                self.raw("NOT ");
                self.condition(inner, inner.rank_inside_not());
            }
        }
    }

    fn call(&mut self, function: &str, path: &'a Path, operand: Option<&'a Operand>) {
        self.raw(function);
        self.raw("(");
        path.write(self.writer, self.names);
        if let Some(operand) = operand {
            self.raw(",");
            self.operand(operand);
        }
        self.raw(")");
    }

    fn operand(&mut self, operand: &'a Operand) {
        match operand {
            Operand::Path(path) => path.write(self.writer, self.names),
            Operand::Size(path) => self.call("size", path, None),
            Operand::Value(json) => self.values.write(self.writer, json),
        }
    }

    fn raw(&mut self, text: &str) {
        self.writer.raw(text.as_bytes());
    }
}

/// Writes the members of a request whose only expression is a condition: that of `guard`, AND-ed with `condition`.
///
/// # Errors
///
/// The text is longer than `DynamoDB` accepts, even with the shortest names.
pub(crate) fn write_members<'a>(
    writer: &mut Writer,
    condition: &'a Condition,
    guard: impl Fn(&mut Writer, &mut Names<'a>) -> bool,
) -> Result<(), Error> {
    let start = writer.len();
    for mut names in [Names::new(), Names::short()] {
        writer.truncate(start);
        let mut values = Values::new();
        writer.raw(br#","ConditionExpression":""#);
        let text = writer.len();
        let guarded = guard(writer, &mut names);
        if guarded {
            writer.raw(b" AND ");
        }
        condition.write(writer, &mut names, &mut values, guarded);
        let length = writer.len() - text;
        writer.byte(b'"');
        names.finish(writer);
        values.finish(writer);
        if length <= MAX_EXPRESSION_SIZE {
            return Ok(());
        }
    }
    Err(too_long("condition"))
}

/// The error for an expression that no choice of names makes short enough.
pub(crate) fn too_long(what: &str) -> Error {
    Error::new(
        ErrorKind::Validation,
        format!(
            "the {what} is longer than the {MAX_EXPRESSION_SIZE} bytes that DynamoDB accepts: use fewer parts"
        ),
    )
}
