//! Templates: attributes built from others, as `INVOICE#{issued:%Y-%m-%d}#{number:06d}`.

use std::borrow::Cow;
use std::fmt::Write as _;

use pydynox_core::number::Number;
use pydynox_core::time::Form;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDate, PyDateTime, PyFloat, PyInt, PyString, PyTuple, PyTzInfo, PyTzInfoAccess,
};

use crate::interpreter::text;
use crate::values::encode_number::{decimal_type, number_of};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::layout::Layout;
use crate::values::problem::{Checked, Problem, python_error};
use crate::values::scalar;

/// The format of a text in lower case, which Python's `format` does not have. Of a date it would be literal text.
const LOWER: &str = "lower";

/// One piece of a template.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Box<str>),
    /// An attribute, and its spec for Python's `format`; without one, the stored form.
    Source {
        index: usize,
        spec: Box<str>,
        /// The number of characters to which the spec pads a number.
        width: Option<usize>,
    },
}

/// How one attribute is built from others.
#[derive(Debug)]
pub(crate) struct Template {
    /// The field that is built.
    pub(crate) target: usize,
    pub(super) pieces: Vec<Piece>,
    /// The text between values, which no value may contain.
    separator: Option<Box<str>>,
    /// Whether a value that contains it is escaped, not refused.
    pub(super) escapes: bool,
}

/// A template as declared: the pieces, each a text or a name and a spec, the separator, whether it is escaped.
#[derive(FromPyObject)]
struct DeclaredTemplate<'py>(Vec<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>, bool);

impl Template {
    /// The templates of a model's fields.
    pub(crate) fn all(py: Python<'_>, layout: &Layout) -> PyResult<Vec<Self>> {
        let mut templates = Vec::new();
        for (target, field) in layout.fields().enumerate() {
            let Some(declared) = &field.template else {
                continue;
            };
            let DeclaredTemplate(declared, separator, escapes) = declared.bind(py).extract()?;
            let pieces = declared.iter().map(|piece| Piece::parse(piece, layout));
            let pieces = pieces.collect::<PyResult<_>>()?;
            let separator = separator
                .map(|separator| text::declared(&separator, "the separator").map(Into::into))
                .transpose()?;
            templates.push(Self {
                target,
                pieces,
                separator,
                escapes,
            });
        }
        Ok(templates)
    }

    /// The fields that it is built from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Source { index, .. } => Some(*index),
            Piece::Text(_) => None,
        })
    }

    pub(crate) fn uses(&self, field: usize) -> bool {
        self.sources().any(|index| index == field)
    }

    /// Whether the form that a class declares for a datetime decides a part of the text.
    pub(crate) fn writes_datetimes(&self, layout: &Layout) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Source { index, spec, .. } if spec.is_empty() => {
                matches!(layout.field(*index).kind.present(), Kind::Datetime(_))
            }
            _ => false,
        })
    }

    /// The text for these values; None if one of them is None. `get` returns the value of a field.
    pub(crate) fn text<'py>(
        &self,
        layout: &Layout,
        get: impl FnMut(usize) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Result<Option<String>, (usize, Problem)>> {
        self.text_as(layout, None, get)
    }

    /// The same with datetimes in this form in place of the declared one.
    pub(crate) fn text_as<'py>(
        &self,
        layout: &Layout,
        form: Option<&Form>,
        mut get: impl FnMut(usize) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Result<Option<String>, (usize, Problem)>> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Source { index, spec, width } => {
                    let value = get(*index)?;
                    if value.is_none() {
                        return Ok(Ok(None));
                    }
                    match self.part(layout.field(*index), &value, (spec, *width), form) {
                        Ok(part) => text.push_str(&part),
                        Err(problem) => return Ok(Err((*index, problem))),
                    }
                }
            }
        }
        Ok(Ok(Some(text)))
    }

    /// The start of the text as far as values are known, and whether it is complete.
    pub(crate) fn prefix<'py>(
        &self,
        layout: &Layout,
        mut value_of: impl FnMut(usize) -> Option<Bound<'py, PyAny>>,
    ) -> Result<(String, Option<usize>), (usize, Problem)> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Source { index, spec, width } => {
                    let Some(value) = value_of(*index).filter(|value| !value.is_none()) else {
                        return Ok((text, Some(*index)));
                    };
                    let part = self
                        .part(layout.field(*index), &value, (spec, *width), None)
                        .map_err(|problem| (*index, problem))?;
                    text.push_str(&part);
                }
            }
        }
        Ok((text, None))
    }

    /// Whether a text has the fixed pieces of the template, in their order.
    pub(crate) fn may_have_built(&self, text: &str) -> bool {
        let mut rest = text;
        let mut after_value = false;
        for piece in &self.pieces {
            let Piece::Text(fixed) = piece else {
                // A value has at least one character.
                let Some(first) = rest.chars().next() else {
                    return false;
                };
                rest = &rest[first.len_utf8()..];
                after_value = true;
                continue;
            };
            let place = if after_value {
                rest.find(&**fixed)
            } else {
                rest.starts_with(&**fixed).then_some(0)
            };
            let Some(place) = place else {
                return false;
            };
            rest = &rest[place + fixed.len()..];
            after_value = false;
        }
        after_value || rest.is_empty()
    }

    /// A value in the form that it has in the text.
    pub(super) fn part(
        &self,
        field: &Field,
        value: &Bound<'_, PyAny>,
        (spec, width): (&str, Option<usize>),
        form: Option<&Form>,
    ) -> Checked<String> {
        let is_time =
            |kind: &Kind| matches!(kind, Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_));
        let text = match (field.kind.present(), form) {
            (kind, _) if spec == LOWER && !is_time(kind) => plain(kind, value)?.to_lowercase(),
            _ if !spec.is_empty() => formatted(value, spec, width)?,
            (Kind::Datetime(_), Some(form)) => {
                scalar::part_of_text(&Kind::Datetime(form.clone()), value)?
            }
            (kind, _) => plain(kind, value)?,
        };
        // A format may turn a value into empty text.
        if text.is_empty()
            || value
                .cast::<PyString>()
                .is_ok_and(|text| text.len().is_ok_and(|length| length == 0))
        {
            return Err(Problem::new(
                "is empty, and the attribute built from it needs a value in each of its parts",
            ));
        }
        let Some(separator) = &self.separator else {
            return Ok(text);
        };
        if self.escapes {
            return Ok(escaped(&text, separator));
        }
        if !text.contains(&**separator) {
            return Ok(text);
        }
        Err(Problem::new(format!(
            "contains {separator:?}, which separates the values of a key: allow it with template=..., escape=True"
        )))
    }

    /// The template in its source form.
    pub(crate) fn describe(&self, layout: &Layout) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.to_string(),
            Piece::Source { index, spec, .. } => {
                let colon = if spec.is_empty() { "" } else { ":" };
                format!("{{{}{colon}{spec}}}", layout.field(*index).text)
            }
        });
        pieces.collect()
    }
}

impl Piece {
    fn parse(piece: &Bound<'_, PyAny>, layout: &Layout) -> PyResult<Self> {
        if piece.is_instance_of::<PyString>() {
            return Ok(Self::Text(text::declared(piece, "the template's")?.into()));
        }
        let (name, spec, width): (String, String, Option<usize>) =
            piece.cast::<PyTuple>()?.extract()?;
        let index = layout.position(&name).unwrap_or_default();
        Ok(Self::Source {
            index,
            spec: spec.into(),
            width,
        })
    }
}

/// A value as it is stored, as text.
fn plain(kind: &Kind, value: &Bound<'_, PyAny>) -> Checked<String> {
    match kind {
        Kind::Enum(members) | Kind::Literal(members) => {
            let inner = match kind {
                Kind::Enum(_) => value
                    .getattr(intern!(value.py(), "value"))
                    .map_err(|error| python_error(value, &error))?,
                _ => value.clone(),
            };
            plain(&members.inner, &inner)
        }
        Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Timedelta | Kind::Uuid => {
            scalar::part_of_text(kind, value)
        }
        // Equal numbers are one key, no matter how they are written.
        Kind::Int | Kind::Float | Kind::Decimal | Kind::Number => {
            number_of(value).map(|number| number.as_str().to_owned())
        }
        _ => value
            .str()
            .map(|text| text.to_string())
            .map_err(|error| python_error(value, &error)),
    }
}

/// A value as Python's `format` writes it; points in time in UTC.
fn formatted(value: &Bound<'_, PyAny>, spec: &str, width: Option<usize>) -> Checked<String> {
    let py = value.py();
    // A member of an enum stands for its value, which is what is stored.
    let value = match value.getattr_opt(intern!(py, "_value_")) {
        Ok(Some(inner)) => inner,
        _ => value.clone(),
    };
    let mut value_in_utc = Cow::Borrowed(&value);
    // In UTC, or texts of one moment would differ and would not sort by time.
    if let Ok(at) = value.cast::<PyDateTime>()
        && at.get_tzinfo().is_some()
    {
        let utc = PyTzInfo::utc(py).and_then(|utc| value.call_method1("astimezone", (&*utc,)));
        value_in_utc = Cow::Owned(utc.map_err(|error| python_error(&value, &error))?);
    }
    let number = is_number(&value_in_utc)
        .then(|| number_of(&value_in_utc))
        .transpose()?;
    if width.is_some()
        && number
            .as_ref()
            .is_some_and(|number| number.as_str().starts_with('-'))
    {
        return Err(Problem::new(format!(
            "is negative, and {spec:?} pads it: keys would not sort as numbers"
        )));
    }
    let text = value_in_utc
        .call_method1(intern!(py, "__format__"), (spec,))
        .map(|text| text.to_string())
        .map_err(|error| python_error(&value, &error))?;
    if let Some(width) = width
        && !value_in_utc.is_instance_of::<PyDate>()
        && text.chars().count() > width
    {
        return Err(Problem::new(format!(
            "is wider than its format {spec:?}: keys would not sort as numbers"
        )));
    }
    if let Some(number) = number
        && read_back(&text, spec).is_some_and(|read| read != number)
    {
        return Err(Problem::new(format!(
            "is {number}, which its format {spec:?} turns into {text:?}: another number would have the same key"
        )));
    }
    Ok(text)
}

fn is_number(value: &Bound<'_, PyAny>) -> bool {
    let is_decimal =
        || decimal_type(value.py()).is_ok_and(|class| value.is_instance(class).unwrap_or(false));
    value.is_instance_of::<PyFloat>()
        || (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
        || is_decimal()
}

/// The number that a format has written; None for a format that writes no decimal digits.
fn read_back(text: &str, spec: &str) -> Option<Number> {
    if spec.ends_with(['b', 'o', 'x', 'X']) {
        return None;
    }
    let plain: String = text
        .chars()
        .filter(|char| !matches!(char, ',' | '_'))
        .collect();
    let is_padding = |char: char| !char.is_ascii_digit() && !matches!(char, '+' | '-' | '.');
    let plain = plain
        .trim_start_matches(is_padding)
        .trim_end_matches(is_padding);
    Number::parse(plain).ok()
}

/// The text without the separator, and distinct from every other escaped text.
fn escaped(text: &str, separator: &str) -> String {
    let mut code = String::new();
    for byte in separator.bytes() {
        let _ = write!(code, "%{byte:02X}");
    }
    // The percent sign first, or the codes of separators would be escaped as well.
    text.replace('%', "%25").replace(separator, &code)
}
