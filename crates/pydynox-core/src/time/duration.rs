//! Durations in ISO 8601.

use super::exact::{scaled, unscaled};
use super::{DAY, NO_DURATION, RANGE, SECOND, TimeError};

/// A duration in microseconds in ISO 8601, `P1DT3600.5S`.
pub fn duration_text(microseconds: i64) -> String {
    let sign = if microseconds < 0 { "-" } else { "" };
    let (days, rest) = (
        microseconds.unsigned_abs() / DAY.unsigned_abs(),
        microseconds.unsigned_abs() % DAY.unsigned_abs(),
    );
    format!(
        "{sign}P{days}DT{}S",
        unscaled(i64::try_from(rest).unwrap_or_default(), 6)
    )
}

/// Reads a duration in ISO 8601 (days and below), in microseconds.
///
/// # Errors
///
/// The text is not such a duration.
pub fn parse_duration(text: &str) -> Result<i64, TimeError> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P').ok_or(NO_DURATION)?;
    let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
    let units = [
        ("D", DAY),
        ("H", 3600 * SECOND),
        ("M", 60 * SECOND),
        ("S", SECOND),
    ];
    let mut sum: i64 = 0;
    let mut has_part = false;
    for (mut part, allowed) in [(days, &units[..1]), (time, &units[1..])] {
        for (letter, unit) in allowed {
            if let Some((number, after)) = part.split_once(letter) {
                let value = scaled(number, 6)?;
                let microseconds = i128::from(value) * i128::from(*unit) / i128::from(SECOND);
                sum = i64::try_from(microseconds)
                    .ok()
                    .and_then(|microseconds| sum.checked_add(microseconds))
                    .ok_or(RANGE)?;
                part = after;
                has_part = true;
            }
        }
        if !part.is_empty() {
            return Err(NO_DURATION);
        }
    }
    if !has_part {
        return Err(NO_DURATION);
    }
    Ok(if negative { -sum } else { sum })
}
