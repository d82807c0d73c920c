//! Syntax: what an expression says, borrowed from its text.

/// A condition, a filter or a key condition.
#[derive(Debug)]
pub(crate) enum Condition<'a> {
    Compare(&'a str, Operand<'a>, Operand<'a>),
    /// The value, and its lower and upper bound.
    Between(Box<[Operand<'a>; 3]>),
    In(Operand<'a>, Vec<Operand<'a>>),
    Call(Call<'a>),
    /// Two conditions and the word between them.
    Both(&'a str, Box<Condition<'a>>, Box<Condition<'a>>),
    Not(Box<Condition<'a>>),
}

#[derive(Debug)]
pub(crate) enum Operand<'a> {
    Path(Path<'a>),
    /// With its mark.
    Value(&'a str),
    Call(Call<'a>),
}

#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Vec<Operand<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path<'a>(pub(crate) Vec<Step<'a>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A name, or a placeholder with its mark.
    Name(&'a str),
    /// Its digits.
    Index(&'a str),
}

/// An update: its sections in order, with the words that begin them.
#[derive(Debug)]
pub(crate) struct Update<'a>(pub(crate) Vec<(&'a str, Vec<Action<'a>>)>);

#[derive(Debug)]
pub(crate) struct Action<'a> {
    pub(crate) path: Path<'a>,
    /// None for REMOVE.
    pub(crate) value: Option<Value<'a>>,
}

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Plain(Operand<'a>),
    /// Two operands, and the sign between them.
    Arithmetic(&'a str, Operand<'a>, Operand<'a>),
}
