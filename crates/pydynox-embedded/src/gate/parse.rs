//! Parse: DynamoDB's grammars of conditions, updates and projections.

use super::syntax::{Action, Call, Condition, Operand, Path, Step, Update, Value};
use super::token::{Kind, Token};

/// Why an expression cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The place of the token that the grammar does not allow there.
    Syntax(usize),
    /// A pair of parentheses around nothing but another pair.
    Redundant,
}

type Parsed<T> = Result<T, Fault>;

/// Parses what these tokens say.
pub(crate) struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    place: usize,
    /// By the place of an opening parenthesis, the place where it is closed.
    closed: Vec<usize>,
    /// There are parentheses around an operand: DynamoDB allows it, and the engine does not.
    pub(crate) groups_operands: bool,
}

impl<'t, 'a> Parser<'t, 'a> {
    pub(crate) fn new(tokens: &'t [Token<'a>]) -> Self {
        Self {
            tokens,
            place: 0,
            closed: pairs(tokens),
            groups_operands: false,
        }
    }

    /// A condition, a filter or a key condition.
    pub(crate) fn condition(&mut self) -> Parsed<Condition<'a>> {
        let condition = self.either()?;
        self.end()?;
        Ok(condition)
    }

    pub(crate) fn update(&mut self) -> Parsed<Update<'a>> {
        let mut sections = Vec::new();
        while let Some(word) = self.take_word(&["SET", "REMOVE", "ADD", "DELETE"]) {
            let mut actions = vec![self.action(word)?];
            while self.take_sign(b',') {
                actions.push(self.action(word)?);
            }
            sections.push((word, actions));
        }
        if sections.is_empty() {
            return self.unexpected();
        }
        self.end()?;
        Ok(Update(sections))
    }

    pub(crate) fn projection(&mut self) -> Parsed<Vec<Path<'a>>> {
        let mut paths = vec![self.path()?];
        while self.take_sign(b',') {
            paths.push(self.path()?);
        }
        self.end()?;
        Ok(paths)
    }

    fn either(&mut self) -> Parsed<Condition<'a>> {
        let mut left = self.both()?;
        while let Some(word) = self.take_word(&["OR"]) {
            left = Condition::Both(word, Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Condition<'a>> {
        let mut left = self.negated()?;
        while let Some(word) = self.take_word(&["AND"]) {
            left = Condition::Both(word, Box::new(left), Box::new(self.negated()?));
        }
        Ok(left)
    }

    fn negated(&mut self) -> Parsed<Condition<'a>> {
        if self.take_word(&["NOT"]).is_some() {
            return Ok(Condition::Not(Box::new(self.negated()?)));
        }
        self.single()
    }

    fn single(&mut self) -> Parsed<Condition<'a>> {
        if self.is_sign(b'(') && !self.group_is_an_operand() {
            self.refuse_doubled()?;
            self.place += 1;
            let inner = self.either()?;
            self.sign(b')')?;
            return Ok(inner);
        }
        let left = self.operand()?;
        if let Some(token) = self.peek().filter(|token| token.kind == Kind::Comparator) {
            self.place += 1;
            return Ok(Condition::Compare(token.text, left, self.operand()?));
        }
        if self.take_word(&["BETWEEN"]).is_some() {
            let low = self.operand()?;
            if self.take_word(&["AND"]).is_none() {
                return self.unexpected();
            }
            return Ok(Condition::Between(Box::new([left, low, self.operand()?])));
        }
        if self.take_word(&["IN"]).is_some() {
            self.sign(b'(')?;
            return Ok(Condition::In(left, self.arguments()?));
        }
        match left {
            Operand::Call(call) => Ok(Condition::Call(call)),
            _ => self.unexpected(),
        }
    }

    fn action(&mut self, section: &str) -> Parsed<Action<'a>> {
        let path = self.path()?;
        let value = if section.eq_ignore_ascii_case("REMOVE") {
            None
        } else if section.eq_ignore_ascii_case("SET") {
            match self.peek() {
                Some(token) if token.text == "=" => self.place += 1,
                _ => return self.unexpected(),
            }
            Some(self.value()?)
        } else {
            match self.peek() {
                Some(token) if token.kind == Kind::Value => {
                    self.place += 1;
                    Some(Value::Plain(Operand::Value(token.text)))
                }
                _ => return self.unexpected(),
            }
        };
        Ok(Action { path, value })
    }

    /// What SET sets, all of it in parentheses or not.
    fn value(&mut self) -> Parsed<Value<'a>> {
        let groups = self.is_sign(b'(') && !self.arithmetic_follows_the_group();
        if groups {
            self.refuse_doubled()?;
            self.groups_operands = true;
            self.place += 1;
        }
        let left = self.operand()?;
        let value = match self.peek() {
            Some(token) if token.is_sign(b'+') || token.is_sign(b'-') => {
                self.place += 1;
                Value::Arithmetic(token.text, left, self.operand()?)
            }
            _ => Value::Plain(left),
        };
        if groups {
            self.sign(b')')?;
        }
        Ok(value)
    }

    fn operand(&mut self) -> Parsed<Operand<'a>> {
        let Some(token) = self.peek() else {
            return self.unexpected();
        };
        if token.is_sign(b'(') {
            self.refuse_doubled()?;
            self.groups_operands = true;
            self.place += 1;
            let inner = self.operand()?;
            self.sign(b')')?;
            return match inner {
                Operand::Path(Path(steps)) => Ok(Operand::Path(self.rest_of_path(steps)?)),
                other => Ok(other),
            };
        }
        if token.kind == Kind::Value {
            self.place += 1;
            return Ok(Operand::Value(token.text));
        }
        let is_called = self
            .tokens
            .get(self.place + 1)
            .is_some_and(|next| next.is_sign(b'('));
        if is_called && token.kind == Kind::Word && !is_keyword(token) {
            self.place += 2;
            return Ok(Operand::Call(Call {
                name: token.text,
                arguments: self.arguments()?,
            }));
        }
        Ok(Operand::Path(self.path()?))
    }

    /// Operands up to the parenthesis that ends them.
    fn arguments(&mut self) -> Parsed<Vec<Operand<'a>>> {
        let mut arguments = vec![self.operand()?];
        while self.take_sign(b',') {
            arguments.push(self.operand()?);
        }
        self.sign(b')')?;
        Ok(arguments)
    }

    fn path(&mut self) -> Parsed<Path<'a>> {
        let first = self.name()?;
        self.rest_of_path(vec![first])
    }

    fn rest_of_path(&mut self, mut steps: Vec<Step<'a>>) -> Parsed<Path<'a>> {
        loop {
            if self.take_sign(b'.') {
                steps.push(self.name()?);
            } else if self.take_sign(b'[') {
                match self.peek() {
                    Some(token) if token.kind == Kind::Number => {
                        steps.push(Step::Index(token.text));
                    }
                    _ => return self.unexpected(),
                }
                self.place += 1;
                self.sign(b']')?;
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn name(&mut self) -> Parsed<Step<'a>> {
        match self.peek() {
            Some(token)
                if token.kind == Kind::Name || (token.kind == Kind::Word && !is_keyword(token)) =>
            {
                self.place += 1;
                Ok(Step::Name(token.text))
            }
            _ => self.unexpected(),
        }
    }

    fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.place)
    }

    fn is_sign(&self, sign: u8) -> bool {
        self.peek().is_some_and(|token| token.is_sign(sign))
    }

    fn take_sign(&mut self, sign: u8) -> bool {
        let is_next = self.is_sign(sign);
        self.place += usize::from(is_next);
        is_next
    }

    fn sign(&mut self, sign: u8) -> Parsed<()> {
        if self.take_sign(sign) {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    fn take_word(&mut self, words: &[&str]) -> Option<&'a str> {
        let token = self.peek()?;
        let is_next = words.iter().any(|word| token.is_word(word));
        self.place += usize::from(is_next);
        is_next.then_some(token.text)
    }

    fn end(&self) -> Parsed<()> {
        if self.place == self.tokens.len() {
            Ok(())
        } else {
            self.unexpected()
        }
    }

    fn unexpected<T>(&self) -> Parsed<T> {
        Err(Fault::Syntax(self.place))
    }

    fn close_of(&self, place: usize) -> Option<usize> {
        self.closed.get(place).copied().filter(|&close| close > 0)
    }

    /// Refuses the group that begins here if it holds nothing but another group.
    fn refuse_doubled(&self) -> Parsed<()> {
        let inner = self
            .tokens
            .get(self.place + 1)
            .filter(|next| next.is_sign(b'('));
        match (
            inner,
            self.close_of(self.place),
            self.close_of(self.place + 1),
        ) {
            (Some(_), Some(outer), Some(inner)) if inner + 1 == outer => Err(Fault::Redundant),
            _ => Ok(()),
        }
    }

    fn after_the_group(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.close_of(self.place)? + 1)
    }

    /// Whether the group that begins here is compared, which conditions cannot be.
    fn group_is_an_operand(&self) -> bool {
        self.after_the_group().is_some_and(|token| {
            token.kind == Kind::Comparator
                || token.is_word("BETWEEN")
                || token.is_word("IN")
                || token.is_sign(b'.')
                || token.is_sign(b'[')
        })
    }

    fn arithmetic_follows_the_group(&self) -> bool {
        self.after_the_group().is_some_and(|token| {
            [b'+', b'-', b'.', b'[']
                .iter()
                .any(|&sign| token.is_sign(sign))
        })
    }
}

/// Words that name no attribute in any expression.
fn is_keyword(token: &Token<'_>) -> bool {
    [
        "AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE",
    ]
    .iter()
    .any(|word| token.is_word(word))
}

/// By the place of an opening parenthesis, where it is closed; 0 for the others.
fn pairs(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut closed = Vec::new();
    let mut open = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        if token.is_sign(b'(') {
            closed.resize(tokens.len(), 0);
            open.push(place);
        } else if token.is_sign(b')')
            && let Some(opened) = open.pop()
            && let Some(slot) = closed.get_mut(opened)
        {
            *slot = place;
        }
    }
    closed
}

#[cfg(test)]
mod tests;
