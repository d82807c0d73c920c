//! Conditions: what must hold for a stored item, as a tree that is built once and written into any request.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::MAX_OPERATORS;
pub use super::operand::{Comparator, Function, Operand};
use super::order;
use super::path::Path;
use crate::error::{Error, ErrorKind};

/// Maximum number of values that `IN` accepts.
pub const MAX_IN_VALUES: usize = 100;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    Compare(Comparator, Operand, Operand),
    Between([Operand; 3]),
    In(Operand, Box<[Operand]>),
    Exists(Path),
    NotExists(Path),
    Function(Function, Path, Operand),
    And(Condition, Condition),
    Or(Condition, Condition),
    Not(Condition),
}

impl Node {
    /// How tightly the text binds: a part of something that binds tighter needs parentheses.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Or(..) => 0,
            Self::And(..) => 1,
            _ => 2,
        }
    }
}

/// What must hold for an item. Cheap to clone and to combine.
///
/// ```
/// use pydynox_core::expression::condition::{Comparator, Condition, Operand};
/// use pydynox_core::expression::path::Path;
///
/// let age = Operand::Path(Path::new("age"));
/// let adult = Condition::compare(Comparator::GreaterOrEqual, age, Operand::Value(br#"{"N":"18"}"#.as_slice().into()));
/// assert_eq!(adult.to_string(), "age >= …");
/// assert_eq!(adult.explain(), "age >= 18");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub(super) node: Arc<Node>,
    operators: usize,
}

impl Condition {
    fn new(node: Node, operators: usize) -> Self {
        Self {
            node: Arc::new(node),
            operators,
        }
    }

    /// `left = right`, or another comparison.
    pub fn compare(comparator: Comparator, left: Operand, right: Operand) -> Self {
        let functions = functions([&left, &right]);
        Self::new(Node::Compare(comparator, left, right), 1 + functions)
    }

    /// `low <= operand <= high`.
    pub fn between(operand: Operand, low: Operand, high: Operand) -> Self {
        let functions = functions([&operand, &low, &high]);
        Self::new(Node::Between([operand, low, high]), 1 + functions)
    }

    /// Whether `operand` is one of these values.
    ///
    /// # Errors
    ///
    /// There are no values, or more than [`MAX_IN_VALUES`].
    pub fn is_in(operand: Operand, values: Vec<Operand>) -> Result<Self, Error> {
        match values.len() {
            0 => Err(refused(
                "in_() needs at least one value: nothing is in an empty list",
            )),
            1..=MAX_IN_VALUES => {
                let functions = functions(std::iter::once(&operand).chain(&values));
                Ok(Self::new(Node::In(operand, values.into()), 1 + functions))
            }
            count => Err(refused(format!(
                "in_() takes at most {MAX_IN_VALUES} values, DynamoDB's limit, and {count} were given: combine several with |"
            ))),
        }
    }

    /// Whether a value is stored at this path, NULL included.
    pub fn exists(path: Path) -> Self {
        Self::new(Node::Exists(path), 1)
    }

    /// Whether no value is stored at this path.
    pub fn not_exists(path: Path) -> Self {
        Self::new(Node::NotExists(path), 1)
    }

    /// A function of a path and an operand.
    pub fn function(function: Function, path: Path, operand: Operand) -> Self {
        let functions = functions([&operand]);
        Self::new(Node::Function(function, path, operand), 1 + functions)
    }

    /// Whether both hold.
    ///
    /// # Errors
    ///
    /// The result would have more operators than `DynamoDB` accepts.
    pub fn and(&self, other: &Self) -> Result<Self, Error> {
        let operators = Self::within_limit(self.operators + 1 + other.operators)?;
        Ok(Self::new(Node::And(self.clone(), other.clone()), operators))
    }

    /// Whether at least one of them holds.
    ///
    /// # Errors
    ///
    /// As for [`and`](Self::and).
    pub fn or(&self, other: &Self) -> Result<Self, Error> {
        let operators = Self::within_limit(self.operators + 1 + other.operators)?;
        Ok(Self::new(Node::Or(self.clone(), other.clone()), operators))
    }

    /// Whether this one does not hold.
    ///
    /// # Errors
    ///
    /// As for [`and`](Self::and).
    pub fn not(&self) -> Result<Self, Error> {
        if let Node::Not(inner) = &*self.node {
            return Ok(inner.clone());
        }
        let operators = Self::within_limit(self.operators + 1)?;
        Ok(Self::new(Node::Not(self.clone()), operators))
    }

    /// The text with its values, for display.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let _ = self.show(&mut text, 0, true);
        text
    }

    /// The conditions that must all hold for this one to hold: its parts between ANDs, from left to right.
    pub fn conjuncts(&self) -> Vec<&Self> {
        let mut conjuncts = Vec::new();
        self.collect_conjuncts(&mut conjuncts);
        conjuncts
    }

    fn collect_conjuncts<'a>(&'a self, conjuncts: &mut Vec<&'a Self>) {
        if let Node::And(left, right) = &*self.node {
            left.collect_conjuncts(conjuncts);
            right.collect_conjuncts(conjuncts);
        } else {
            conjuncts.push(self);
        }
    }

    /// The paths that it uses, from left to right.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.visit(&mut |node| match node {
            Node::Compare(_, left, right) => paths.extend([left, right].map(Operand::path)),
            Node::Between(operands) => paths.extend(operands.iter().map(Operand::path)),
            Node::In(operand, choices) => {
                paths.push(operand.path());
                paths.extend(choices.iter().map(Operand::path));
            }
            Node::Exists(path) | Node::NotExists(path) => paths.push(Some(path)),
            Node::Function(_, path, operand) => paths.extend([Some(path), operand.path()]),
            Node::And(..) | Node::Or(..) | Node::Not(_) => {}
        });
        paths.into_iter().flatten().collect()
    }

    /// The paths whose values it uses; testing that a path exists does not need the value.
    pub fn compared(&self) -> Vec<&Path> {
        let mut tested = Vec::new();
        self.visit(&mut |node| {
            if let Node::Exists(path) | Node::NotExists(path) = node {
                tested.push(std::ptr::from_ref(path));
            }
        });
        let mut paths = self.paths();
        paths.retain(|path| !tested.contains(&std::ptr::from_ref(*path)));
        paths
    }

    /// Refuses a BETWEEN whose first bound is greater than its second: `DynamoDB` rejects such a request.
    ///
    /// # Errors
    ///
    /// The first such BETWEEN, named in the message.
    pub fn check_ranges(&self) -> Result<(), Error> {
        let mut outcome = Ok(());
        self.visit(&mut |node| {
            if let Node::Between([operand, Operand::Value(low), Operand::Value(high)]) = node
                && outcome.is_ok()
            {
                outcome = check_range(&operand.to_string(), low, high);
            }
        });
        outcome
    }

    fn visit<'a>(&'a self, seen: &mut impl FnMut(&'a Node)) {
        seen(&self.node);
        match &*self.node {
            Node::And(left, right) | Node::Or(left, right) => {
                left.visit(seen);
                right.visit(seen);
            }
            Node::Not(inner) => inner.visit(seen),
            _ => {}
        }
    }

    /// A tree is at most as deep as it has operators: the limit keeps every walk shallow.
    fn within_limit(operators: usize) -> Result<usize, Error> {
        if operators <= MAX_OPERATORS {
            return Ok(operators);
        }
        Err(refused(format!(
            "a condition can have at most {MAX_OPERATORS} operators and functions, DynamoDB's limit, and this one would have {operators}"
        )))
    }

    fn show(&self, f: &mut impl fmt::Write, rank: u8, values: bool) -> fmt::Result {
        let enclosed = self.node.rank() < rank;
        if enclosed {
            f.write_char('(')?;
        }
        match &*self.node {
            Node::Compare(comparator, left, right) => {
                left.show(f, values)?;
                write!(f, " {} ", comparator.text())?;
                right.show(f, values)?;
            }
            Node::Between([operand, low, high]) => {
                operand.show(f, values)?;
                f.write_str(" BETWEEN ")?;
                low.show(f, values)?;
                f.write_str(" AND ")?;
                high.show(f, values)?;
            }
            Node::In(operand, choices) => {
                operand.show(f, values)?;
                f.write_str(" IN (")?;
                for (position, choice) in choices.iter().enumerate() {
                    f.write_str(if position > 0 { ", " } else { "" })?;
                    choice.show(f, values)?;
                }
                f.write_char(')')?;
            }
            Node::Exists(path) => write!(f, "attribute_exists({path})")?,
            Node::NotExists(path) => write!(f, "attribute_not_exists({path})")?,
            Node::Function(function, path, operand) => {
                write!(f, "{}({path}, ", function.text())?;
                operand.show(f, values || *function == Function::AttributeType)?;
                f.write_char(')')?;
            }
            Node::And(left, right) => {
                left.show(f, 1, values)?;
                f.write_str(" AND ")?;
                right.show(f, 1, values)?;
            }
            Node::Or(left, right) => {
                left.show(f, 0, values)?;
                f.write_str(" OR ")?;
                right.show(f, 0, values)?;
            }
            Node::Not(inner) => {
                f.write_str("NOT ")?;
                inner.show(f, inner.rank_inside_not(), values)?;
            }
        }
        if enclosed {
            f.write_char(')')?;
        }
        Ok(())
    }

    /// Only functions follow NOT without parentheses.
    pub(super) fn rank_inside_not(&self) -> u8 {
        match &*self.node {
            Node::Exists(_) | Node::NotExists(_) | Node::Function(..) => 0,
            _ => u8::MAX,
        }
    }
}

/// The text without values.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, 0, false)
    }
}

/// Refuses a BETWEEN whose bounds are in the wrong order.
pub(super) fn check_range(what: &str, low: &[u8], high: &[u8]) -> Result<(), Error> {
    if order::compare(low, high) == Some(Ordering::Greater) {
        return Err(refused(format!(
            "{what}.between(low, high): low is greater than high, which DynamoDB refuses: swap them"
        )));
    }
    Ok(())
}

fn functions<'a>(operands: impl IntoIterator<Item = &'a Operand>) -> usize {
    operands
        .into_iter()
        .filter(|operand| matches!(operand, Operand::Size(_)))
        .count()
}

fn refused(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::Validation, message)
}

#[cfg(test)]
mod tests;
