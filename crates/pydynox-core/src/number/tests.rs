//! Tests of `number`.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::error::MAX_TEXT;
use super::*;

fn canonical(text: &str) -> String {
    Number::parse(text).unwrap().as_str().to_owned()
}

#[test]
fn equal_numbers_have_one_text() {
    for (texts, expected) in [
        (
            &[
                "0",
                "-0",
                "+0",
                "0.0",
                "-0.000",
                "0E99",
                "0E-999999",
                ".0",
                "0.",
            ][..],
            "0",
        ),
        (
            &["5", "+5", "5.0", "5E0", "05", "0.5e1", "50e-1", "5."],
            "5",
        ),
        (&["-0.5", "-.5", "-5E-1", "-00.500"], "-0.5"),
        (
            &["1200", "1.2E3", "1.2e+3", "0.0012E6", "120000E-2"],
            "1200",
        ),
        (&["12.345", "12345E-3", "0.12345E2"], "12.345"),
        (&["100", "1E2", "1e002"], "100"),
    ] {
        for text in texts {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }
}

#[test]
fn thirty_eight_digits_are_kept_and_thirty_nine_refused() {
    let digits = "12345678901234567890123456789012345678";

    assert_eq!(canonical(digits), digits);
    assert_eq!(canonical(&format!("-{digits}")), format!("-{digits}"));
    assert_eq!(
        canonical(&format!("000{digits}000")),
        format!("{digits}000")
    );
    assert_eq!(
        canonical(&format!("0.000{digits}000")),
        format!("0.000{digits}")
    );
    assert_eq!(
        Number::parse(&format!("{digits}9")),
        Err(NumberError::TooPrecise)
    );
    assert_eq!(
        Number::parse(&format!("0.{digits}9")),
        Err(NumberError::TooPrecise)
    );
    assert_eq!(
        Number::parse("1000000000000000000000000000000000000001"),
        Err(NumberError::TooPrecise)
    );
}

#[test]
fn the_range_is_that_of_dynamodb() {
    let nines = "9.9999999999999999999999999999999999999";

    assert_eq!(canonical(&format!("{nines}E+125")).len(), 126);
    assert_eq!(canonical(&format!("-{nines}E125")).len(), 127);
    assert_eq!(Number::parse("1E126"), Err(NumberError::TooLarge));
    assert_eq!(Number::parse("-1E126"), Err(NumberError::TooLarge));
    assert_eq!(
        Number::parse("1E9999999999999999999999"),
        Err(NumberError::TooLarge)
    );
    assert_eq!(canonical("1E-130"), format!("0.{}1", "0".repeat(129)));
    assert_eq!(canonical(&format!("-{nines}E-130")).len(), MAX_TEXT);
    assert_eq!(Number::parse("9.9E-131"), Err(NumberError::TooSmall));
    assert_eq!(
        Number::parse("1E-9999999999999999999999"),
        Err(NumberError::TooSmall)
    );
}

#[test]
fn what_is_no_decimal_number_is_refused() {
    for text in [
        "", "-", "+", ".", "-.", "e5", ".e5", "5e", "5e+", "5e1.5", "1.2.3", "--5", "+-5", "1 ",
        " 1", "1_0", "0x10", "1,5", "five", "\u{663}", "1e5e5", "1\0",
    ] {
        assert_eq!(Number::parse(text), Err(NumberError::Malformed), "{text:?}");
    }
    for text in ["NaN", "-nan", "sNaN", "inf", "-Infinity", "+INF"] {
        assert_eq!(Number::parse(text), Err(NumberError::NotFinite), "{text}");
    }
}

#[test]
fn a_float_is_its_shortest_text() {
    for (value, expected) in [
        (0.1, "0.1"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e22, "10000000000000000000000"),
        (-2.5e-7, "-0.00000025"),
    ] {
        assert_eq!(Number::from_f64(value).unwrap().as_str(), expected);
    }
    assert_eq!(Number::from_f64(1e-130), Number::parse("1E-130"));
    assert_eq!(Number::from_f64(1e125), Number::parse("1E125"));
    assert_eq!(Number::from_f64(f64::NAN), Err(NumberError::NotFinite));
    assert_eq!(
        Number::from_f64(f64::NEG_INFINITY),
        Err(NumberError::NotFinite)
    );
    assert_eq!(Number::from_f64(1e126), Err(NumberError::TooLarge));
    assert_eq!(
        Number::from_f64(f64::MIN_POSITIVE),
        Err(NumberError::TooSmall)
    );
}

#[test]
fn numbers_are_ordered_by_value() {
    let ordered = [
        "-1E125", "-10", "-9.5", "-9", "-0.5", "-0.05", "0", "0.05", "0.5", "0.51", "9", "9.01",
        "10", "1E125",
    ];

    for (index, one) in ordered.iter().enumerate() {
        for (other_index, two) in ordered.iter().enumerate() {
            let (one, two) = (Number::parse(one).unwrap(), Number::parse(two).unwrap());
            assert_eq!(one.cmp(&two), index.cmp(&other_index), "{one} {two}");
        }
    }
}

#[test]
fn whole_numbers_are_read_without_a_number() {
    assert_eq!(parse_i64("0"), Some(0));
    assert_eq!(parse_i64("-42"), Some(-42));
    assert_eq!(
        parse_i64("999999999999999999"),
        Some(999_999_999_999_999_999)
    );
    for text in [
        "",
        "-",
        "1000000000000000000",
        "1.0",
        "1E2",
        "+1",
        "--1",
        " 1",
        "1\u{663}",
    ] {
        assert_eq!(parse_i64(text), None, "{text:?}");
    }
}

#[test]
fn a_float_that_cannot_hold_what_is_stored_is_told() {
    for (text, exact) in [
        ("0.1", true),
        ("-1234.5625", true),
        ("9007199254740993", false),
        ("9007199254740992", true),
        ("0.30000000000000004", true),
        ("0.3000000000000000400", true),
        ("3.0000000000000004E-1", true),
        ("0.300000000000000040001", false),
        ("100000000000000000000", true),
        ("100000000000000000001", false),
        ("1E-130", true),
        ("12345678901234567890123456789012345678", false),
    ] {
        assert_eq!(f64_is_exact(text, text.parse().unwrap()), exact, "{text}");
    }
}

#[test]
fn significant_digits_leave_out_the_zeros_at_both_ends() {
    for (text, digits) in [
        ("0", 0),
        ("5", 1),
        ("-500", 1),
        ("0.0050", 1),
        ("5005", 4),
        ("1.50E+9", 2),
        ("-10.01", 4),
    ] {
        assert_eq!(significant_digits(text), digits, "{text}");
    }
}

/// The same number written in one of many ways: the point moved, zeros around it.
fn written(digits: &str, exponent: i64, shift: usize, zeros: usize) -> String {
    let at = shift % (digits.len() + 1);
    let (before, after) = digits.split_at(at);
    let padding = "0".repeat(zeros);
    format!(
        "{padding}{before}.{after}{padding}e{}",
        exponent + i64::try_from(after.len()).unwrap()
    )
}

proptest! {
    #[test]
    fn how_a_number_is_written_does_not_matter(
        negative in any::<bool>(), digits in "[1-9][0-9]{0,37}", exponent in -130i64..88, shift in 0usize..50, zeros in 0usize..40,
    ) {
        let sign = if negative { "-" } else { "" };
        let plain = Number::parse(&format!("{sign}{digits}e{exponent}"));
        let moved = Number::parse(&format!("{sign}{}", written(&digits, exponent, shift, zeros)));

        prop_assert_eq!(&plain, &moved);
        let plain = plain.unwrap();
        prop_assert_eq!(canonical(plain.as_str()), plain.as_str());
        prop_assert!(plain.as_str().len() <= MAX_TEXT);
        prop_assert!(!plain.as_str().contains(['e', 'E', '+']));
    }

    #[test]
    fn the_order_is_that_of_scaled_integers(one in any::<i64>(), two in any::<i64>(), one_scale in 0u32..12, two_scale in 0u32..12) {
        let scaled = |value: i64, scale: u32| i128::from(value) * 10i128.pow(12 - scale);
        let number = |value: i64, scale: u32| Number::parse(&format!("{value}E-{scale}")).unwrap();

        let (left, right) = (number(one, one_scale), number(two, two_scale));

        prop_assert_eq!(left.cmp(&right), scaled(one, one_scale).cmp(&scaled(two, two_scale)));
        prop_assert_eq!(left == right, scaled(one, one_scale) == scaled(two, two_scale));
    }

    #[test]
    fn a_float_comes_back_from_its_number(value in any::<f64>()) {
        let Ok(number) = Number::from_f64(value) else { return Ok(()) };

        prop_assert_eq!(number.as_str().parse::<f64>().unwrap().abs().to_bits(), value.abs().to_bits());
        prop_assert_eq!(Number::parse(&format!("{value:e}")).unwrap(), number.clone());
        prop_assert!(f64_is_exact(number.as_str(), value));
    }

    #[test]
    fn the_short_way_of_exactness_agrees_with_the_long_one(text in "-?[0-9]{1,18}(\\.[0-9]{1,18})?") {
        let value: f64 = text.parse().unwrap();

        prop_assert_eq!(f64_is_exact(&text, value), is_printed_alike(&text, value));
    }

    #[test]
    fn integers_agree_with_the_standard_library(value in any::<i64>()) {
        let text = value.to_string();

        prop_assert_eq!(Number::from_i64(value), Number::parse(&text).unwrap());
        if text.trim_start_matches('-').len() <= 18 {
            prop_assert_eq!(parse_i64(&text), Some(value));
        }
    }

    #[test]
    fn no_text_panics(text in "[-+.eE0-9 x]{0,60}|.{0,20}") {
        if let Ok(number) = Number::parse(&text) {
            prop_assert_eq!(&Number::parse(number.as_str()).unwrap(), &number);
        }
        let _ = parse_i64(&text);
        let _ = f64_is_exact(&text, 1.5);
        let _ = significant_digits(&text);
    }
}
