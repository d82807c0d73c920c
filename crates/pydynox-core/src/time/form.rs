//! Forms: how the values of one type are stored, as a class declares it.

use std::borrow::Cow;
use std::sync::Arc;

use super::SECOND;
use super::of::{FormError, Of};
use super::parse::Liberties;
use super::pattern::Pattern;

/// What a form writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `2026-11-23T03:41:00.000000Z`
    IsoZ,
    /// `2026-11-23T03:41:00.000000+00:00`
    IsoOffset,
    /// `2026-11-23T03:41:00.000000+0000`
    Pynamodb,
    /// `2026-11-23T03:41:00Z`
    IsoSeconds,
    /// Whole seconds since 1970.
    Epoch,
    /// Whole milliseconds since 1970.
    EpochMs,
    /// Go's `time.RFC3339Nano`: the zeros at the end of the fraction are left out.
    Rfc3339Nano,
    /// Java's `Instant.toString`: a fraction of 0, 3 or 6 digits.
    JavaInstant,
    /// Seconds since 1970 with their fraction, exactly.
    Seconds,
    /// Milliseconds since 1970 with their fraction, exactly.
    Milliseconds,
    /// Seconds since 1970; what is written is floored.
    WholeSeconds,
    /// As the form's pattern says.
    Pattern,
}

/// How the values of one type are stored, and what is read besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub(super) style: Style,
    pub(super) liberties: Liberties,
    /// Only with [`Style::Pattern`].
    pub(super) pattern: Option<Arc<Pattern>>,
}

impl Form {
    /// ISO 8601 in UTC at a fixed width: what is written where nothing else is declared.
    pub const ISO_Z: Self = Self::built_in(Style::IsoZ);
    /// Seconds since 1970 with their fraction.
    pub const SECONDS: Self = Self::built_in(Style::Seconds);
    /// Milliseconds since 1970 with their fraction.
    pub const MILLISECONDS: Self = Self::built_in(Style::Milliseconds);
    /// Seconds since 1970; what is written is floored, as `DynamoDB`'s TTL needs it.
    pub const WHOLE_SECONDS: Self = Self::built_in(Style::WholeSeconds);

    const fn built_in(style: Style) -> Self {
        Self {
            style,
            liberties: Liberties {
                naive_utc: false,
                truncate: false,
            },
            pattern: None,
        }
    }

    /// The form that a declaration names: one of [`BUILT_IN`](super::BUILT_IN), or a pattern such as `%Y-%m-%d`.
    ///
    /// # Errors
    ///
    /// It names no format, or one that values of this type cannot have.
    pub fn declared(format: &str, of: Of) -> Result<Self, FormError> {
        let style = match format {
            "iso_z" => Style::IsoZ,
            "iso_offset" => Style::IsoOffset,
            "pynamodb" => Style::Pynamodb,
            "iso_seconds" => Style::IsoSeconds,
            "epoch" => Style::Epoch,
            "epoch_ms" => Style::EpochMs,
            "rfc3339_nano" => Style::Rfc3339Nano,
            "java_instant" => Style::JavaInstant,
            pattern => {
                let pattern = Pattern::declared(pattern, of)?;
                return Ok(Self {
                    pattern: Some(Arc::new(pattern)),
                    ..Self::built_in(Style::Pattern)
                });
            }
        };
        let fits = match of {
            Of::Datetime => true,
            Of::Date => matches!(style, Style::IsoZ | Style::Epoch | Style::EpochMs),
            Of::Time => matches!(style, Style::IsoZ | Style::IsoSeconds),
        };
        let choices = match of {
            Of::Date => {
                "a date has no time of day: use \"iso_z\", \"epoch\" or \"epoch_ms\" (of its midnight in UTC), or a pattern such as \"%Y%m%d\""
            }
            _ => {
                "a time of day has no date and no offset: use \"iso_z\", \"iso_seconds\", or a pattern such as \"%H:%M\""
            }
        };
        if fits {
            Ok(Self::built_in(style))
        } else {
            Err(FormError(choices.to_owned()))
        }
    }

    /// The same form, which reads text without an offset as UTC.
    #[must_use]
    pub fn reading_naive_as_utc(mut self, naive_utc: bool) -> Self {
        self.liberties.naive_utc = naive_utc;
        self
    }

    /// The same form, which cuts off what is finer than a microsecond when it reads.
    #[must_use]
    pub fn truncating(mut self, truncate: bool) -> Self {
        self.liberties.truncate = truncate;
        self
    }

    /// What the class declares for it, as `"iso_z"` or the text of a pattern.
    pub fn name(&self) -> Cow<'_, str> {
        match self.style {
            Style::IsoZ => "iso_z",
            Style::IsoOffset => "iso_offset",
            Style::Pynamodb => "pynamodb",
            Style::IsoSeconds => "iso_seconds",
            Style::Epoch | Style::Seconds | Style::WholeSeconds => "epoch",
            Style::EpochMs | Style::Milliseconds => "epoch_ms",
            Style::Rfc3339Nano => "rfc3339_nano",
            Style::JavaInstant => "java_instant",
            Style::Pattern => self.pattern.as_ref().map_or("", |pattern| pattern.text()),
        }
        .into()
    }

    /// Whether it writes numbers, not text.
    pub fn is_number(&self) -> bool {
        matches!(
            self.style,
            Style::Epoch
                | Style::EpochMs
                | Style::Seconds
                | Style::Milliseconds
                | Style::WholeSeconds
        )
    }

    /// Why what it writes does not sort as the times do, which a key and a comparison need.
    pub fn order_problem(&self) -> Option<String> {
        match self.style {
            Style::Rfc3339Nano => Some(
                "its width varies, because the zeros at the end of the fraction are left out: \"00.5Z\" sorts before \"00Z\""
                    .to_owned(),
            ),
            Style::JavaInstant => Some(
                "its width varies, because the fraction has 0, 3 or 6 digits: \"00.500Z\" sorts before \"00Z\""
                    .to_owned(),
            ),
            Style::Pattern => self.pattern.as_ref()?.order_problem(),
            _ => None,
        }
    }

    /// Whether equal values have equal stored forms in the two.
    pub fn stores_like(&self, other: &Self) -> bool {
        self.style == other.style && self.pattern == other.pattern
    }

    /// Whether what is written is floored to whole units in place of being refused.
    pub fn floors(&self) -> bool {
        self.style == Style::WholeSeconds
    }

    /// Whether it holds every microsecond, so that two points in time never have one text.
    pub fn is_exact(&self) -> bool {
        self.unit() == 1
    }

    /// The microseconds of the finest unit that it holds.
    pub(super) fn unit(&self) -> i64 {
        match self.style {
            Style::IsoSeconds | Style::Epoch | Style::WholeSeconds => SECOND,
            Style::EpochMs => 1_000,
            Style::Pattern => self.pattern.as_ref().map_or(1, |pattern| pattern.unit()),
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::of::BUILT_IN;
    use super::*;

    #[test]
    fn a_date_and_a_time_of_day_have_the_formats_that_can_hold_them() {
        for format in BUILT_IN {
            assert!(Form::declared(format, Of::Datetime).is_ok(), "{format}");
            let date = matches!(format, "iso_z" | "epoch" | "epoch_ms");
            assert_eq!(Form::declared(format, Of::Date).is_ok(), date, "{format}");
            let time = matches!(format, "iso_z" | "iso_seconds");
            assert_eq!(Form::declared(format, Of::Time).is_ok(), time, "{format}");
        }
        let refused = Form::declared("pynamodb", Of::Date).unwrap_err();
        assert!(refused.to_string().starts_with("a date has no time of day"));
    }

    #[test]
    fn every_form_is_declared_by_its_name() {
        for format in BUILT_IN.into_iter().chain(["%Y%m%dT%H%M%SZ"]) {
            let form = Form::declared(format, Of::Datetime).unwrap();
            assert_eq!(form.name(), format);
            assert_eq!(Form::declared(&form.name(), Of::Datetime), Ok(form));
        }
    }

    #[test]
    fn epochs_are_numbers_and_everything_else_is_text() {
        for format in BUILT_IN {
            let form = Form::declared(format, Of::Datetime).unwrap();
            assert_eq!(form.is_number(), format.starts_with("epoch"), "{format}");
        }
    }

    #[test]
    fn a_form_of_variable_width_says_why_it_is_no_key() {
        for format in BUILT_IN {
            let form = Form::declared(format, Of::Datetime).unwrap();
            let varies = matches!(format, "rfc3339_nano" | "java_instant");
            assert_eq!(form.order_problem().is_some(), varies, "{format}");
        }
        let go = Form::declared("rfc3339_nano", Of::Datetime).unwrap();
        assert!(go.order_problem().unwrap().contains("width varies"));
    }

    #[test]
    fn a_coarse_form_does_not_tell_every_two_writes_apart() {
        let exact = |format| Form::declared(format, Of::Datetime).unwrap().is_exact();
        assert!(exact("iso_z") && exact("pynamodb") && exact("%Y-%m-%d %H:%M:%S.%f"));
        assert!(!exact("iso_seconds") && !exact("epoch") && !exact("epoch_ms"));
        assert!(!exact("%Y-%m-%dT%H:%M:%S.%3fZ"));
        assert!(Form::SECONDS.is_exact() && !Form::WHOLE_SECONDS.is_exact());
    }
}
