//! Patterns: forms of a user's own, in the directives of `strftime`, each of a fixed width.

use super::civil::{Date, Time};
use super::iso::Digits;
use super::of::{BUILT_IN, FormError, Of};
use super::parse::{Cursor, Liberties};
use super::{DAY, NO_INSTANT, RANGE, SECOND, TOO_FINE, TimeError};

/// The directives, as an error lists them.
const DIRECTIVES: &str =
    "%Y %m %d %j %H %M %S %f (also %3f, %6f, %9f) %z %:z %F (%Y-%m-%d) %T (%H:%M:%S) %%";

/// One piece of a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Field(Field),
    /// UTC's offset, with or without its colon.
    Offset {
        colon: bool,
    },
}

/// A field of a date or time, from the greatest to the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Year,
    /// The day of the year, in place of month and day.
    Ordinal,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// With this many digits.
    Fraction(u8),
}

impl Field {
    fn directive(self) -> &'static str {
        match self {
            Self::Year => "%Y",
            Self::Ordinal => "%j",
            Self::Month => "%m",
            Self::Day => "%d",
            Self::Hour => "%H",
            Self::Minute => "%M",
            Self::Second => "%S",
            Self::Fraction(_) => "%f",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Year => "a year",
            Self::Ordinal | Self::Day => "a day",
            Self::Month => "a month",
            Self::Hour => "an hour",
            Self::Minute => "minutes",
            Self::Second => "seconds",
            Self::Fraction(_) => "a fraction of a second",
        }
    }
}

/// The fields without %j and the fraction, from the greatest to the smallest.
const FIELDS: [Field; 6] = [
    Field::Year,
    Field::Month,
    Field::Day,
    Field::Hour,
    Field::Minute,
    Field::Second,
];

/// A form of a user's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: Box<str>,
    parts: Box<[Part]>,
}

impl Pattern {
    /// Reads a declared pattern.
    pub(super) fn declared(text: &str, of: Of) -> Result<Self, FormError> {
        if !text.contains('%') {
            let names = BUILT_IN.map(|name| format!("{name:?}"));
            return Err(FormError(format!(
                "no format has this name: use {}, or a pattern such as \"%Y-%m-%dT%H:%M:%SZ\"",
                names.join(", ")
            )));
        }
        let pattern = Self {
            text: text.into(),
            parts: parts(text)?.into(),
        };
        pattern.check(of)?;
        Ok(pattern)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(field) => Some(*field),
            _ => None,
        })
    }

    fn has(&self, wanted: Field) -> bool {
        self.fields().any(|field| {
            std::mem::discriminant(&field) == std::mem::discriminant(&wanted)
                || (field == Field::Ordinal && matches!(wanted, Field::Month | Field::Day))
        })
    }

    /// That it has each field once, none that the type lacks, and every field that is greater than another one.
    fn check(&self, of: Of) -> Result<(), FormError> {
        let refused = |what: String| Err(FormError(what));
        let mut before: Vec<Field> = Vec::new();
        for field in self.fields() {
            let is_of_date = field <= Field::Day;
            let directive = field.directive();
            match of {
                Of::Date if !is_of_date => {
                    return refused(format!("a date has no {directive}"));
                }
                Of::Time if is_of_date => {
                    return refused(format!("a time of day has no {directive}"));
                }
                _ => {}
            }
            if before.iter().any(|one| one.directive() == directive) {
                return refused(format!("it has {directive} twice"));
            }
            before.push(field);
        }
        let in_part = |of_year: Field| before.contains(&of_year);
        if in_part(Field::Ordinal) && (in_part(Field::Month) || in_part(Field::Day)) {
            return refused("it has %j, the day of the year, and %m or %d as well".to_owned());
        }
        let first = if of == Of::Time {
            Field::Hour
        } else {
            Field::Year
        };
        let wanted = FIELDS.into_iter().chain([Field::Fraction(6)]);
        let mut missing = None;
        for field in wanted.skip_while(|field| *field < first) {
            match (self.has(field), missing) {
                (false, None) => missing = Some(field),
                (true, Some(gap)) => {
                    let (gap, directive) = (Field::directive(gap), field.directive());
                    return refused(format!(
                        "it has {directive} without {gap}: several values would have one text"
                    ));
                }
                _ => {}
            }
        }
        let needed = if of == Of::Time {
            Field::Hour
        } else {
            Field::Day
        };
        if let Some(missing) = missing.filter(|field| *field <= needed) {
            return refused(format!("it has no {}", missing.directive()));
        }
        if of != Of::Datetime
            && self
                .parts
                .iter()
                .any(|part| matches!(part, Part::Offset { .. }))
        {
            return refused("only a datetime has an offset".to_owned());
        }
        Ok(())
    }

    /// Why texts do not sort as the times do.
    pub(super) fn order_problem(&self) -> Option<String> {
        let fields: Vec<Field> = self.fields().collect();
        let pair = fields.windows(2).find(|pair| pair[0] > pair[1])?;
        Some(format!(
            "{} comes before {}, so its text does not sort as time does: write the greater unit first",
            pair[0].directive(),
            pair[1].directive()
        ))
    }

    /// The microseconds of the finest unit that it holds.
    pub(super) fn unit(&self) -> i64 {
        let finest = self.fields().max().unwrap_or(Field::Year);
        match finest {
            Field::Fraction(3) => 1_000,
            Field::Fraction(_) => 1,
            Field::Second => SECOND,
            Field::Minute => 60 * SECOND,
            Field::Hour => 3_600 * SECOND,
            _ => DAY,
        }
    }

    /// Why it cannot hold a date and time: what the value has and the pattern lacks.
    pub(super) fn lacks(&self, date: Date, time: Time) -> Option<String> {
        let without = |field: Field| {
            Some(format!(
                "has {}, and the pattern {:?} has no {}",
                field.name(),
                self.text,
                field.directive()
            ))
        };
        let of = |field: Field| match field {
            Field::Month => date.month - 1,
            Field::Day => date.day - 1,
            Field::Hour => time.hour,
            Field::Minute => time.minute,
            Field::Second => time.second,
            _ => 0,
        };
        if let Some(field) = FIELDS
            .into_iter()
            .find(|field| of(*field) != 0 && !self.has(*field))
        {
            return without(field);
        }
        let fraction = self.fields().find_map(|field| match field {
            Field::Fraction(digits) => Some(digits),
            _ => None,
        });
        match fraction {
            None if time.microsecond != 0 => without(Field::Fraction(6)),
            Some(3) if !time.microsecond.is_multiple_of(1_000) => Some(format!(
                "has microseconds, and the pattern {:?} has %3f, which is milliseconds",
                self.text
            )),
            _ => None,
        }
    }

    /// Writes a date and time that it does not lack anything of.
    pub(super) fn write(&self, out: &mut Digits, date: Date, time: Time) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push(text.as_bytes()),
                Part::Offset { colon: true } => out.push(b"+00:00"),
                Part::Offset { colon: false } => out.push(b"+0000"),
                Part::Field(field) => match field {
                    Field::Year => out.number(date.year as u32, 4),
                    Field::Ordinal => out.number(date.ordinal(), 3),
                    Field::Month => out.number(date.month.into(), 2),
                    Field::Day => out.number(date.day.into(), 2),
                    Field::Hour => out.number(time.hour.into(), 2),
                    Field::Minute => out.number(time.minute.into(), 2),
                    Field::Second => out.number(time.second.into(), 2),
                    Field::Fraction(3) => out.number(time.microsecond / 1_000, 3),
                    Field::Fraction(9) => {
                        out.number(time.microsecond, 6);
                        out.push(b"000");
                    }
                    Field::Fraction(_) => out.number(time.microsecond, 6),
                },
            }
        }
    }

    /// Reads a text that it writes: date, time and offset from UTC in microseconds; None for any other text.
    pub(super) fn read(
        &self,
        text: &str,
        liberties: Liberties,
    ) -> Option<Result<(Date, Time, i64), TimeError>> {
        let mut rest = Cursor(text.as_bytes());
        let (mut year, mut month, mut day, mut ordinal) = (1970, 1, 1, None);
        let (mut time, mut offset) = (Time::MIDNIGHT, 0);
        for part in &self.parts {
            match part {
                Part::Literal(text) => rest.literal(text)?,
                Part::Offset { .. } => offset = rest.offset_alone()? * SECOND,
                Part::Field(Field::Year) => year = rest.number(4)?,
                Part::Field(Field::Ordinal) => ordinal = Some(rest.number(3)?),
                Part::Field(Field::Month) => month = rest.number(2)?,
                Part::Field(Field::Day) => day = rest.number(2)?,
                Part::Field(Field::Hour) => time.hour = rest.number(2)? as u8,
                Part::Field(Field::Minute) => time.minute = rest.number(2)? as u8,
                Part::Field(Field::Second) => time.second = rest.number(2)? as u8,
                Part::Field(Field::Fraction(digits)) => {
                    let fraction = rest.number((*digits).into())?;
                    time.microsecond = match digits {
                        3 => fraction * 1_000,
                        9 if !fraction.is_multiple_of(1_000) && !liberties.truncate => {
                            return Some(Err(TOO_FINE));
                        }
                        9 => fraction / 1_000,
                        _ => fraction,
                    };
                }
            }
        }
        let is_time = time.hour < 24 && time.minute < 60 && time.second < 60;
        if !rest.0.is_empty() || !is_time {
            return None;
        }
        let date = match ordinal {
            Some(ordinal) => Date::of_year(year, ordinal),
            None => Date::real(year, month, day),
        };
        Some(
            date.map_or(Err(if year == 0 { RANGE } else { NO_INSTANT }), |date| {
                Ok((date, time, offset))
            }),
        )
    }
}

/// The pieces of a declared pattern.
fn parts(text: &str) -> Result<Vec<Part>, FormError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        rest = &rest[char.len_utf8()..];
        if char != '%' {
            if char.is_control() || matches!(char, '"' | '\\') {
                return Err(FormError(format!("it contains the character {char:?}")));
            }
            literal.push(char);
            continue;
        }
        let widths = ["3f", "6f", "9f", ":z"];
        let directive = widths.into_iter().find(|width| rest.starts_with(width));
        let length =
            directive.map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), str::len);
        let directive = &rest[..length];
        rest = &rest[length..];
        let read = match directive {
            "%" => {
                literal.push('%');
                continue;
            }
            "Y" => vec![Part::Field(Field::Year)],
            "m" => vec![Part::Field(Field::Month)],
            "d" => vec![Part::Field(Field::Day)],
            "j" => vec![Part::Field(Field::Ordinal)],
            "H" => vec![Part::Field(Field::Hour)],
            "M" => vec![Part::Field(Field::Minute)],
            "S" => vec![Part::Field(Field::Second)],
            "f" | "6f" => vec![Part::Field(Field::Fraction(6))],
            "3f" => vec![Part::Field(Field::Fraction(3))],
            "9f" => vec![Part::Field(Field::Fraction(9))],
            "z" => vec![Part::Offset { colon: false }],
            ":z" => vec![Part::Offset { colon: true }],
            "F" => joined([Field::Year, Field::Month, Field::Day], "-"),
            "T" => joined([Field::Hour, Field::Minute, Field::Second], ":"),
            other => {
                return Err(FormError(format!(
                    "%{other} cannot be used: the directives are {DIRECTIVES}"
                )));
            }
        };
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal).into()));
        }
        parts.extend(read);
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.into()));
    }
    Ok(parts)
}

fn joined(fields: [Field; 3], between: &str) -> Vec<Part> {
    let [one, two, three] = fields.map(Part::Field);
    let literal = || Part::Literal(between.into());
    vec![one, literal(), two, literal(), three]
}

#[cfg(test)]
mod tests;
