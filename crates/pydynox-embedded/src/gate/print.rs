//! Print: expressions as text, without the parentheses that DynamoDB allows and the engine does not.

use std::fmt::{Display, Formatter, Result};

use super::syntax::{Call, Condition, Operand, Path, Step, Update, Value};

impl Display for Condition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Compare(comparator, left, right) => write!(f, "{left} {comparator} {right}"),
            Self::Between(operands) => {
                let [value, low, high] = &**operands;
                write!(f, "{value} BETWEEN {low} AND {high}")
            }
            Self::In(value, list) => {
                write!(f, "{value} IN ")?;
                arguments(f, list)
            }
            Self::Call(call) => call.fmt(f),
            Self::Both(word, left, right) => {
                side(f, left)?;
                write!(f, " {word} ")?;
                side(f, right)
            }
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                side(f, inner)
            }
        }
    }
}

impl Condition<'_> {
    /// Its text as a part of another condition.
    pub(super) fn grouped(&self) -> String {
        if matches!(self, Self::Both(..)) {
            format!("({self})")
        } else {
            self.to_string()
        }
    }
}

/// Conditions inside another keep their parentheses where it is not certain that they need none.
fn side(f: &mut Formatter<'_>, condition: &Condition<'_>) -> Result {
    if matches!(condition, Condition::Both(..)) {
        write!(f, "({condition})")
    } else {
        condition.fmt(f)
    }
}

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Value(name) => f.write_str(name),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl Display for Call<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.name)?;
        arguments(f, &self.arguments)
    }
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if place == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Display for Update<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (word, actions) in &self.0 {
            let mut before = *word;
            for action in actions {
                write!(f, "{before} {}", action.path)?;
                match &action.value {
                    None => {}
                    Some(value) if word.eq_ignore_ascii_case("SET") => write!(f, " = {value}")?,
                    Some(value) => write!(f, " {value}")?,
                }
                before = ",";
            }
            f.write_str(" ")?;
        }
        Ok(())
    }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Plain(operand) => operand.fmt(f),
            Self::Arithmetic(sign, left, right) => write!(f, "{left} {sign} {right}"),
        }
    }
}

fn arguments(f: &mut Formatter<'_>, list: &[Operand<'_>]) -> Result {
    let mut before = "(";
    for operand in list {
        write!(f, "{before}{operand}")?;
        before = ", ";
    }
    f.write_str(")")
}
