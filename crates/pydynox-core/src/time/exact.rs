//! Exact decimal texts of whole numbers of small units.

use super::{NO_DURATION, RANGE, TOO_FINE, TimeError};

/// A decimal text as a whole number of units of `10^-digits`: `1.5` with 6 digits is 1,500,000.
///
/// # Errors
///
/// The text is not in plain notation, has more digits, or exceeds 64 bits.
pub fn scaled(text: &str, digits: usize) -> Result<i64, TimeError> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > digits {
        return Err(TOO_FINE);
    }
    let all = whole
        .bytes()
        .chain(fraction.bytes())
        .chain(std::iter::repeat_n(b'0', digits - fraction.len()));
    let mut sum: i64 = 0;
    for digit in all {
        if !digit.is_ascii_digit() {
            return Err(NO_DURATION);
        }
        sum = sum
            .checked_mul(10)
            .and_then(|sum| sum.checked_add(sign * i64::from(digit - b'0')))
            .ok_or(RANGE)?;
    }
    Ok(sum)
}

/// The same, rounded down where the text has more digits.
///
/// # Errors
///
/// The text is not in plain notation, or exceeds 64 bits.
pub(super) fn scaled_down(text: &str, digits: usize) -> Result<i64, TimeError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Some((within, cut)) = fraction.split_at_checked(digits) else {
        return scaled(text, digits);
    };
    let is_cut = cut.bytes().any(|digit| digit != b'0');
    let units = scaled(&format!("{whole}.{within}"), digits)?;
    if is_cut && text.starts_with('-') {
        units.checked_sub(1).ok_or(RANGE)
    } else {
        Ok(units)
    }
}

/// The shortest decimal text of a number of units of `10^-digits`.
pub fn unscaled(units: i64, digits: u32) -> String {
    let base = 10_u64.pow(digits);
    let sign = if units < 0 { "-" } else { "" };
    let (whole, fraction) = (units.unsigned_abs() / base, units.unsigned_abs() % base);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finer_is_rounded_down_on_both_sides_of_1970() {
        assert_eq!(scaled_down("1.1234567", 6), Ok(1_123_456));
        assert_eq!(scaled_down("-1.1234567", 6), Ok(-1_123_457));
        assert_eq!(scaled_down("-1.1234560", 6), Ok(-1_123_456));
        assert_eq!(scaled_down("12.5", 6), Ok(12_500_000));
        assert_eq!(scaled_down("12", 3), Ok(12_000));
        assert_eq!(scaled_down("1.x234567", 6), Err(NO_DURATION));
    }
}
