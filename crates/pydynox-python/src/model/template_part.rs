//! Template parts: what a condition on an attribute means for a key that is built from it.

use pydynox_core::expression::part_condition::Sorting;
use pydynox_core::time::Form;
use pyo3::prelude::*;

use crate::model::template::{Piece, Template};
use crate::values::field::Field;
use crate::values::kind::Kind;
use crate::values::layout::Layout;
use crate::values::problem::{Checked, Problem};
use crate::values::scalar;

/// One attribute in a template: its format, how that sorts, and what follows.
pub(crate) struct TemplatePart<'a> {
    template: &'a Template,
    field: &'a Field,
    spec: &'a str,
    width: Option<usize>,
    /// The form that the format is, of a time.
    form: Option<Form>,
    /// The fixed text after it; None at the end.
    pub(crate) after: Option<&'a str>,
}

impl Template {
    /// Where it uses this field.
    pub(crate) fn part_at<'a>(
        &'a self,
        layout: &'a Layout,
        field: usize,
    ) -> Option<TemplatePart<'a>> {
        let is_it = |piece: &Piece| matches!(piece, Piece::Source { index, .. } if *index == field);
        let place = self.pieces.iter().position(is_it)?;
        let Piece::Source { spec, width, .. } = &self.pieces[place] else {
            return None;
        };
        let field = layout.field(field);
        let form = match field.kind.present().time_form() {
            Some((form, _)) if spec.is_empty() => Some(form.clone()),
            Some((_, of)) => Form::declared(spec, of).ok(),
            None => None,
        };
        let after = self.pieces.get(place + 1).and_then(|piece| match piece {
            Piece::Text(text) => Some(&**text),
            Piece::Source { .. } => None,
        });
        Some(TemplatePart {
            template: self,
            field,
            spec,
            width: *width,
            form,
            after,
        })
    }
}

impl TemplatePart<'_> {
    /// How its texts sort.
    pub(crate) fn sorting(&self) -> Sorting {
        let kind = self.field.kind.present();
        match (kind, &self.form) {
            (Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_), Some(form)) => kind
                .time_form()
                .map_or(Sorting::Ambiguous, |(_, of)| Sorting::of_time(form, of)),
            (Kind::Int, _) => Sorting::of_number(self.spec, true, self.width.is_some()),
            (Kind::Decimal | Kind::Float | Kind::Number, _) => {
                Sorting::of_number(self.spec, false, self.width.is_some())
            }
            // A format of text may cut it off, or ignore its case.
            _ if !self.spec.is_empty() => Sorting::Ambiguous,
            (Kind::Uuid, _) => Sorting::Exact,
            (Kind::Str, _) if !self.template.escapes => Sorting::Text,
            _ => Sorting::Unsorted,
        }
    }

    /// The text of a value, which must be all of it: a format may leave something out.
    pub(crate) fn text(&self, value: &Bound<'_, PyAny>) -> Checked<String> {
        let text = self
            .template
            .part(self.field, value, (self.spec, self.width), None)?;
        let (Some(form), false) = (&self.form, self.spec.is_empty()) else {
            return Ok(text);
        };
        let kind = match self.field.kind.present() {
            Kind::Date(_) => Kind::Date(form.clone()),
            Kind::Time(_) => Kind::Time(form.clone()),
            _ => Kind::Datetime(form.clone()),
        };
        if scalar::part_of_text(&kind, value)? == text {
            Ok(text)
        } else {
            // Years before 1000 have fewer digits in Python's format.
            Err(Problem::new(format!(
                "is written as {text:?} by the format {:?}, which doesn't sort as time does",
                self.spec
            )))
        }
    }
}
